//! The key of one partition.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// The key of one partition: the text of each dimension, sorted by the name of the dimension.
///
/// A definition of one dimension names it with the empty text. The text form joins the values by `|`, and writes `\|` for a `|`
/// and `\\` for a `\` inside of a value of several dimensions; that of one dimension is the value itself.
///
/// ```
/// use lakewright::partition::PartitionKey;
///
/// let key = PartitionKey::of([("species", "Iris-setosa"), ("date", "2023-01-02")])?;
/// assert_eq!(key.to_string(), "2023-01-02|Iris-setosa");
/// assert_eq!(key.dimension("species"), Some("Iris-setosa"));
/// assert_eq!(PartitionKey::new("a|b")?.to_string(), "a|b");
/// # Ok::<(), lakewright::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey {
    dimensions: Arc<[(Arc<str>, Arc<str>)]>,
}

impl PartitionKey {
    /// The key of a definition of one dimension.
    ///
    /// # Errors
    /// If it is empty or contains control characters.
    pub fn new(value: impl AsRef<str>) -> Result<Self> {
        Self::of([("", value.as_ref())])
    }

    /// The key of a definition of several dimensions.
    ///
    /// # Errors
    /// If a value is empty or contains control characters, or a dimension is there twice.
    pub fn of<N: AsRef<str>, V: AsRef<str>>(dimensions: impl IntoIterator<Item = (N, V)>) -> Result<Self> {
        let mut dimensions: Vec<(Arc<str>, Arc<str>)> =
            dimensions.into_iter().map(|(name, value)| (Arc::from(name.as_ref()), Arc::from(value.as_ref()))).collect();
        dimensions.sort();
        if let Some(pair) = dimensions.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::new(ErrorKind::PartitionKey, format!("the dimension `{}` is given twice", pair[0].0)));
        }
        for (_, value) in &dimensions {
            check_value(value)?;
        }
        Ok(Self { dimensions: dimensions.into() })
    }

    /// A key whose parts are known to be good.
    pub(crate) fn unchecked(dimensions: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        Self { dimensions: dimensions.into_iter().collect() }
    }

    /// The dimensions with their values, sorted by name.
    #[must_use]
    pub fn dimensions(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.dimensions.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of a dimension.
    #[must_use]
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Takes the text of several dimensions apart.
    pub(crate) fn split(text: &str) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '|' => parts.push(String::new()),
                c => {
                    let c = if c == '\\' { chars.next().unwrap_or('\\') } else { c };
                    if let Some(last) = parts.last_mut() {
                        last.push(c);
                    }
                }
            }
        }
        parts
    }
}

/// Whether a text can be the value of a key.
pub(crate) fn check_value(value: &str) -> Result<()> {
    if value.is_empty() {
        return Err(Error::new(ErrorKind::PartitionKey, "a partition key is empty"));
    }
    if value.contains(char::is_control) {
        let message = format!("{value:?} cannot be a partition key");
        return Err(Error::new(ErrorKind::PartitionKey, message).help("leave out control characters"));
    }
    Ok(())
}

impl Serialize for PartitionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(_, only)] = &*self.dimensions {
            return f.write_str(only);
        }
        for (index, (_, value)) in self.dimensions.iter().enumerate() {
            if index > 0 {
                f.write_str("|")?;
            }
            f.write_str(&value.replace('\\', "\\\\").replace('|', "\\|"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
