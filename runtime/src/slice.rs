//! Which part of a table a step reads or writes, as data with a text form and a digest that never change.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// The part of a table that belongs to one run of an asset.
///
/// The canonical text and the digest are in tables, logs and paths, so they are the same for ever: the same partitions always have
/// the same text, whatever other keys there are and in whatever order. `v1:all` is the whole table. Else the text lists boxes, sorted
/// by their text and joined by `;`; a box is `name=items` for each dimension, sorted by name and joined by `&`, or only the items if
/// the definition has one dimension without a name; items are keys and `first..last` for at least two consecutive windows of time, as
/// long as possible, sorted by the bytes of their (first) key and joined by `,`.
///
/// Inside of names and keys `%`, `,`, `;`, `&`, `=`, `[` and `]` are written as `%` and two hexadecimal digits, and so is a `.` that
/// is the first or the last character or stands beside another `.`. A `..` is therefore always a span, and every list of names and
/// keys has a text of its own.
///
/// ```
/// use lakewright::Slice;
///
/// assert_eq!(Slice::Whole.to_string(), "v1:all");
/// assert!("v1:[date=2023-01-01..2023-01-03&species=Iris-setosa]".parse::<Slice>().is_ok());
/// assert!("v1:[date=2023-01-01..2023-01-03&species=b,a]".parse::<Slice>().is_err());
/// assert_eq!(Slice::Whole.digest().len(), 32);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Slice {
    /// The whole table.
    #[default]
    Whole,
    /// These partitions, as disjoint boxes in canonical order.
    Keys(Arc<[KeyBox]>),
}

/// The partitions with one of some keys in each dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyBox {
    /// The keys of each dimension, sorted by the name of the dimension, which is empty for the only one of a definition that is not
    /// multi-dimensional.
    pub dimensions: Vec<(Arc<str>, Vec<KeyItem>)>,
}

/// One key, or the keys of consecutive windows of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyItem {
    /// One key.
    One(Arc<str>),
    /// The first and the last of at least two consecutive windows.
    Span(Arc<str>, Arc<str>),
}

impl Slice {
    /// 32 hexadecimal digits of BLAKE3 over the canonical text.
    #[must_use]
    pub fn digest(&self) -> String {
        // Every commit of a whole table asks for it, and most are.
        static WHOLE: OnceLock<String> = OnceLock::new();
        let digest = |slice: &Self| blake3::hash(slice.to_string().as_bytes()).to_hex()[..32].to_owned();
        match self {
            Self::Whole => WHOLE.get_or_init(|| digest(self)).clone(),
            Self::Keys(_) => digest(self),
        }
    }

    /// A slice of boxes in any order.
    pub(crate) fn of_boxes(mut boxes: Vec<KeyBox>) -> Self {
        // The texts of a million keys are long, and mostly differ in the first dimension.
        let first = |each: &KeyBox| KeyBox { dimensions: each.dimensions.first().cloned().into_iter().collect() }.to_string();
        let mut sorted: Vec<(String, KeyBox)> = boxes.drain(..).map(|each| (first(&each), each)).collect();
        sorted.sort_by(|(a, one), (b, other)| {
            if a.starts_with(b.as_str()) || b.starts_with(a.as_str()) {
                one.to_string().cmp(&other.to_string())
            } else {
                a.cmp(b)
            }
        });
        Self::Keys(sorted.into_iter().map(|(_, each)| each).collect())
    }
}

impl KeyItem {
    /// The key, or the first of them.
    pub(crate) fn first(&self) -> &str {
        match self {
            Self::One(key) | Self::Span(key, _) => key,
        }
    }

    /// The keys it is written with.
    fn ends(&self) -> impl Iterator<Item = &Arc<str>> {
        let (first, last) = match self {
            Self::One(key) => (key, None),
            Self::Span(first, last) => (first, Some(last)),
        };
        std::iter::once(first).chain(last)
    }
}

impl FromStr for Slice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "v1:all" {
            return Ok(Self::Whole);
        }
        let unknown = || {
            Error::new(ErrorKind::Unsupported, format!("`{text}` is not a slice that this program knows"))
                .help("a slice is `v1:all` or `v1:[…]`, in the one form that `Slice` writes")
        };
        let boxes = text.strip_prefix("v1:[").and_then(|rest| rest.strip_suffix(']')).ok_or_else(unknown)?;
        let boxes = if boxes.is_empty() { Some(Vec::new()) } else { boxes.split(';').map(read_box).collect() };
        let slice = Self::Keys(boxes.filter(|boxes| is_canonical(boxes)).ok_or_else(unknown)?.into());
        // Escapes that are not needed, and boxes that are not sorted.
        if slice.to_string() == text { Ok(slice) } else { Err(unknown()) }
    }
}

impl TryFrom<String> for Slice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl Serialize for Slice {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Slice> for String {
    fn from(slice: Slice) -> Self {
        slice.to_string()
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slice::Whole => f.write_str("v1:all"),
            Slice::Keys(boxes) => {
                f.write_str("v1:[")?;
                for (index, each) in boxes.iter().enumerate() {
                    f.write_str(if index > 0 { ";" } else { "" })?;
                    each.fmt(f)?;
                }
                f.write_str("]")
            }
        }
    }
}

impl fmt::Display for KeyBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, items)) in self.dimensions.iter().enumerate() {
            f.write_str(if index > 0 { "&" } else { "" })?;
            if !name.is_empty() {
                write_escaped(name, f)?;
                f.write_str("=")?;
            }
            for (index, item) in items.iter().enumerate() {
                f.write_str(if index > 0 { "," } else { "" })?;
                item.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for KeyItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(self.first(), f)?;
        if let Self::Span(_, last) = self {
            f.write_str("..")?;
            write_escaped(last, f)?;
        }
        Ok(())
    }
}

fn write_escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bytes = text.as_bytes();
    let dot = |at: Option<usize>| at.is_none_or(|at| bytes.get(at).is_none_or(|byte| *byte == b'.'));
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escaped = match byte {
            b'%' | b',' | b';' | b'&' | b'=' | b'[' | b']' => true,
            b'.' => dot(at.checked_sub(1)) || dot(Some(at + 1)),
            _ => false,
        };
        if escaped {
            f.write_str(&text[from..at])?;
            write!(f, "%{byte:02X}")?;
            from = at + 1;
        }
    }
    f.write_str(&text[from..])
}

fn read_escaped(text: &str) -> Option<Arc<str>> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.into())
}

fn read_box(text: &str) -> Option<KeyBox> {
    let dimension = |text: &str| {
        let (name, items) = match text.split_once('=') {
            Some((name, items)) => (read_escaped(name)?, items),
            None => (Arc::from(""), text),
        };
        Some((name, items.split(',').map(read_item).collect::<Option<Vec<_>>>()?))
    };
    Some(KeyBox { dimensions: text.split('&').map(dimension).collect::<Option<_>>()? })
}

fn read_item(text: &str) -> Option<KeyItem> {
    Some(match text.split_once("..") {
        Some((first, last)) => KeyItem::Span(read_escaped(first)?, read_escaped(last)?),
        None => KeyItem::One(read_escaped(text)?),
    })
}

/// Whether boxes are such as a set is cut into, as far as can be told without its definition.
fn is_canonical(boxes: &[KeyBox]) -> bool {
    let names = |each: &KeyBox| each.dimensions.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let Some(first) = boxes.first().map(names) else { return true };
    let all_named = first.len() == 1 || !first[0].is_empty();
    let sorted = |items: &[KeyItem]| {
        let mut seen = HashSet::new();
        items.windows(2).all(|pair| pair[0].first() < pair[1].first())
            && items.iter().flat_map(KeyItem::ends).all(|key| seen.insert(key))
    };
    all_named
        && first.windows(2).all(|pair| pair[0] < pair[1])
        && boxes.iter().all(|each| names(each) == first && each.dimensions.iter().all(|(_, items)| sorted(items)))
        && is_cut(
            &boxes.iter().map(|each| each.dimensions.iter().map(|(_, items)| items.as_slice()).collect()).collect::<Vec<_>>(),
        )
}

/// What a box has in each of some dimensions.
type Items<'a> = Vec<&'a [KeyItem]>;

/// Whether each key of the first dimension is in one group of boxes, and no two groups have the same on the other dimensions.
fn is_cut(boxes: &[Items<'_>]) -> bool {
    let Some(dimensions) = boxes.first().map(Vec::len) else { return true };
    if dimensions == 1 {
        return boxes.len() == 1;
    }
    let mut groups: Vec<(&[KeyItem], Vec<Items<'_>>)> = Vec::new();
    let mut sorted: Vec<&Items<'_>> = boxes.iter().collect();
    sorted.sort();
    for each in sorted {
        let rest = each[1..].to_vec();
        match groups.last_mut() {
            Some((items, rests)) if *items == each[0] => rests.push(rest),
            _ => groups.push((each[0], vec![rest])),
        }
    }
    let (mut keys, mut rests) = (HashSet::new(), HashSet::new());
    groups.iter().all(|(items, rest)| {
        items.iter().flat_map(KeyItem::ends).all(|key| keys.insert(key)) && rests.insert(rest) && is_cut(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts and digests that are in tables, logs and paths. Never change these.
    const GOLDEN: &[(&str, &str)] = &[
        ("v1:all", "df8f540bfcd43ee48028f7db1f493a1d"),
        ("v1:[]", "7a9d8675c56636d89e230d9dc1e7e03a"),
        ("v1:[Iris-setosa,Iris-virginica]", "597461f15f59ac9bc48f7f3260716aea"),
        ("v1:[2023-01-01,2023-01-31..2023-02-28]", "cadbe4b07c189f3dbca2070425279da7"),
        ("v1:[2010-11-07-01:00,2010-11-07-01:00-0800..2010-11-07-05:00]", "437c46baa153aeff23f15832b090271c"),
        (
            "v1:[date=2023-01-01..2023-01-02&species=Iris-setosa;date=2023-01-03&species=Iris-virginica]",
            "7bba77d05961c11b55294e9d118eb7d8",
        ),
        ("v1:[species=a]", "4cc2915f52eb14a02d9d6587a48674a1"),
        ("v1:[%2E,a%2E%2Eb%2Cc,eu|west,x%3By%26z%3D1%5B2%5D%25,äö 'q']", "02335bffeedd7dccf8eed70ff654a8a3"),
        ("v1:[a%3Db=1&c=0.0-to-1.0]", "ffb39f7a3ddad0bad8a5393e0cb1e640"),
    ];

    #[test]
    fn texts_and_digests_are_the_same_for_ever() {
        for (text, digest) in GOLDEN {
            let slice: Slice = text.parse().unwrap();
            assert_eq!(slice.to_string(), *text);
            assert_eq!(slice.digest(), *digest, "{text}");
            let json = serde_json::to_string(&slice).unwrap();
            assert_eq!(serde_json::from_str::<Slice>(&json).unwrap(), slice);
        }
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        for text in [
            "",
            "all",
            "v1:",
            "v1:[",
            "v2:all",
            "v1:[]x",
            "v1:[,]",
            "v1:[a,]",
            "v1:[a;b]",
            "v1:[b,a]",
            "v1:[a,a]",
            "v1:[%61]",
            "v1:[%2e.]",
            "v1:[a%2Cb%]",
            "v1:[a..]",
            "v1:[a...b]",
            "v1:[a..b..c]",
            "v1:[a..a]",
            "v1:[b=1&a=1]",
            "v1:[a=1&a=2]",
            "v1:[a=1&2]",
            "v1:[a=2&b=1;a=1&b=1]",
            "v1:[a=1&b=1;a=2&b=1]",
            "v1:[a=1&b=1;a=1&b=2]",
            "v1:[a=1&b=1;a=2&c=2]",
            "v1:[a=1;1]",
            "v1:[\u{7}]",
            "v1:[a=1,2&b=1;a=2&b=2]",
            "v1:[=1]",
            "v1:[a b=]",
            "v1:[%FF]",
        ] {
            assert!(text.parse::<Slice>().is_err(), "{text} was read");
        }
    }

    #[test]
    fn dots_are_written_out_only_where_they_meet() {
        let text = |key: &str| {
            let item = KeyItem::One(key.into());
            Slice::of_boxes(vec![KeyBox { dimensions: vec![("".into(), vec![item])] }]).to_string()
        };
        assert_eq!(text("0.0-to-1.0"), "v1:[0.0-to-1.0]");
        assert_eq!(text("a..b"), "v1:[a%2E%2Eb]");
        assert_eq!(text("."), "v1:[%2E]");
        assert_eq!(text("a."), "v1:[a%2E]");
        assert_eq!(text("50%,[x]=y;z&é|\"'"), "v1:[50%25%2C%5Bx%5D%3Dy%3Bz%26é|\"']");
        for key in ["a..b", "...", "%2E", ".a", "a.", "%", "a%2Cb"] {
            let Slice::Keys(boxes) = text(key).parse::<Slice>().unwrap() else { panic!("{key}") };
            assert_eq!(boxes[0].dimensions[0].1, [KeyItem::One(key.into())]);
        }
    }
}
