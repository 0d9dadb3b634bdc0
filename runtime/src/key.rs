//! Names of assets, and how names become path segments.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
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
/// assert_eq!(key.prefix().len(), 1);
/// assert!("iris//cleaned".parse::<AssetKey>().is_err());
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct AssetKey(Arc<Name>);

/// Keys are copied, compared and hashed for every step many times, so that is cheap.
struct Name {
    /// The segments with `/` between them.
    text: Box<str>,
    segments: Box<[Box<str>]>,
}

impl AssetKey {
    /// A key of these segments, the name last.
    ///
    /// # Errors
    /// Without a segment, or with one that is empty or contains `/` or a control character.
    pub fn new<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Result<Self> {
        let segments: Vec<Box<str>> = segments.into_iter().map(|segment| Box::from(segment.as_ref())).collect();
        if segments.is_empty() {
            return Err(Error::new(ErrorKind::InvalidKey, "an asset key needs at least one segment"));
        }
        Self::checked(segments.join("/").into(), segments)
    }

    fn checked(text: Box<str>, segments: Vec<Box<str>>) -> Result<Self> {
        for segment in &segments {
            if segment.is_empty() {
                return Err(Error::new(ErrorKind::InvalidKey, "a segment of an asset key is empty"));
            }
            if segment.contains(|c: char| c == '/' || c.is_control()) {
                let message = format!("{segment:?} cannot be a segment of an asset key");
                return Err(Error::new(ErrorKind::InvalidKey, message).help("leave out `/` and control characters"));
            }
        }
        Ok(Self(Arc::new(Name { text, segments: segments.into() })))
    }

    /// The text form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// All segments, the name last.
    #[must_use]
    pub fn segments(&self) -> &[Box<str>] {
        &self.0.segments
    }

    /// The last segment.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.segments()[self.segments().len() - 1]
    }

    /// All segments but the last.
    #[must_use]
    pub fn prefix(&self) -> &[Box<str>] {
        &self.segments()[..self.segments().len() - 1]
    }
}

impl FromStr for AssetKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // A program with ten thousand assets reads many of them as it begins, so nothing is allocated that is not kept.
        let mut segments = Vec::with_capacity(text.bytes().filter(|byte| *byte == b'/').count() + 1);
        segments.extend(text.split('/').map(Box::from));
        Self::checked(text.into(), segments)
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

impl PartialEq for AssetKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.as_str() == other.as_str()
    }
}

impl Eq for AssetKey {}

impl Hash for AssetKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
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
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.segments().cmp(other.segments()) }
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
