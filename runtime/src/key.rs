//! Names of assets, and how names become path segments.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// The name of an asset: one or more segments, written `prefix/name`.
///
/// Segments are not empty and contain neither `/` nor control characters, so that the text form is unambiguous.
///
/// ```
/// use lakewright::AssetKey;
///
/// let key: AssetKey = "iris/iris_cleaned".parse()?;
/// assert_eq!(key.name(), "iris_cleaned");
/// assert_eq!(key.prefix().collect::<Vec<_>>(), ["iris"]);
/// assert!("iris//cleaned".parse::<AssetKey>().is_err());
/// # Ok::<(), lakewright::Error>(())
/// ```
// One text: keys are copied, compared and hashed for every step many times, and a program of ten thousand assets reads many as it begins.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AssetKey(Arc<str>);

impl AssetKey {
    /// A key of these segments, the name last.
    ///
    /// # Errors
    /// Without a segment, or with one that is empty or contains `/` or a control character.
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut text = String::new();
        for (place, segment) in segments.into_iter().enumerate() {
            let segment = check_segment(segment.as_ref())?;
            if place > 0 {
                text.push('/');
            }
            text.push_str(segment);
        }
        if text.is_empty() {
            return Err(Error::new(ErrorKind::InvalidKey, "an asset key needs at least one segment"));
        }
        Ok(Self(text.into()))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All segments, the name last.
    #[must_use]
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// All segments but the last.
    #[must_use]
    pub fn prefix(&self) -> impl DoubleEndedIterator<Item = &str> {
        let mut segments = self.segments();
        segments.next_back();
        segments
    }
}

/// The segment, if it is one.
fn check_segment(segment: &str) -> Result<&str> {
    if segment.is_empty() {
        return Err(Error::new(ErrorKind::InvalidKey, "a segment of an asset key is empty"));
    }
    if segment.contains(|c: char| c == '/' || c.is_control()) {
        let message = format!("{segment:?} cannot be a segment of an asset key");
        return Err(Error::new(ErrorKind::InvalidKey, message).help("leave out `/` and control characters"));
    }
    Ok(segment)
}

impl FromStr for AssetKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split('/').try_for_each(|segment| check_segment(segment).map(drop))?;
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for AssetKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl Serialize for AssetKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl From<AssetKey> for String {
    fn from(key: AssetKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialOrd for AssetKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Segment by segment, so that what is under a prefix is together.
impl Ord for AssetKey {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        // As bytes, which is quicker: what separates segments comes before all that can be in one.
        let (one, other) = (self.0.as_bytes(), other.0.as_bytes());
        let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
        match one.iter().zip(other).find(|(one, other)| one != other) {
            Some((one, other)) => rank(*one).cmp(&rank(*other)),
            None => one.len().cmp(&other.len()),
        }
    }
}

impl fmt::Debug for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// The longest segment that most file systems take is 255 bytes; a store may add an extension or a prefix of its own.
const LONGEST_SEGMENT: usize = 200;

/// `name` as one path segment: never empty, never `.` or `..`, never with a separator, at most 200 bytes, and different for
/// different names.
///
/// ```
/// use lakewright::path_segment;
///
/// assert_eq!(path_segment("0.0-to-1.0"), "0.0-to-1.0");
/// assert_eq!(path_segment("a/b"), "a%2Fb");
/// assert_eq!(path_segment("größe"), "größe");
/// assert_eq!(path_segment(".."), "%2E%2E");
/// assert_eq!(path_segment(""), "%");
/// ```
#[must_use]
pub fn path_segment(name: &str) -> String {
    match name {
        "" => "%".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => {
            let encoded = encode(name);
            if encoded.len() <= LONGEST_SEGMENT { encoded } else { shorten(name, &encoded) }
        }
    }
}

/// Percent-encodes what a segment may not contain, and nothing else.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut bytes = [0; 4];
    for c in name.chars() {
        if matches!(c, '/' | '\\' | '%') || c.is_control() {
            c.encode_utf8(&mut bytes).bytes().for_each(|byte| encoded.push_str(percent_encoding::percent_encode_byte(byte)));
        } else {
            encoded.push(c);
        }
    }
    encoded
}

/// The first 160 bytes, cut between characters and between escapes, and a digest of the whole name.
fn shorten(name: &str, encoded: &str) -> String {
    let mut end = 160;
    while !encoded.is_char_boundary(end) {
        end -= 1;
    }
    if let Some(escape) = encoded[..end].rfind('%').filter(|at| end - at < 3) {
        end = escape;
    }
    let digest = blake3::hash(name.as_bytes()).to_hex();
    format!("{}~{}", &encoded[..end], &digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_injective_where_it_is_tempting_not_to_be() {
        let names = ["", "%", ".", "..", "%2E", "a/b", "a%2Fb", "a\\b", "a\nb", "a\u{85}b", "a%C2%85b", "é", "e\u{301}"];
        let mut segments: Vec<_> = names.iter().map(|name| path_segment(name)).collect();
        segments.sort();
        segments.dedup();
        assert_eq!(segments.len(), names.len());
    }

    #[test]
    fn long_names_stay_distinct_and_short() {
        let (a, b) = ("é".repeat(150) + "a", "é".repeat(150) + "b");
        let (a, b) = (path_segment(&a), path_segment(&b));
        assert_ne!(a, b);
        assert!(a.len() <= LONGEST_SEGMENT && a.contains('~'));
        assert!(path_segment(&"/".repeat(100)).len() <= LONGEST_SEGMENT);
        assert_eq!(path_segment(&"ä".repeat(100)), "ä".repeat(100), "a segment is shortened by its bytes, not by its escapes");
    }
}
