//! Definitions as types, and keys that know which definition they are of.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Zoned;

use super::{KeySet, PartitionKey, PartitionSet, Partitions, PartitionsDef, Shape, generated};
use crate::error::{Error, Result};

/// A partition definition as a type; implemented by `#[partitions]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a partition definition",
    label = "not a partition definition",
    note = "put `#[partitions(…)]` on the type, for example `#[partitions(daily, start = \"2023-01-01\")] struct Day;`"
)]
pub trait PartitionDefinition: Sized + Send + Sync + 'static {
    /// The typed key: an enum, a text, a number, a date, a time, or a struct of one [`Partition`] for each dimension.
    type Key: Clone + fmt::Debug + Send + Sync + 'static;

    /// What the compiler knows of it.
    const SHAPE: &'static Shape;

    /// The definition.
    ///
    /// # Errors
    /// If it cannot be made, which the attribute does not let through.
    fn def() -> Result<PartitionsDef>;

    /// The typed form of a key.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn parse(key: &PartitionKey) -> Result<Self::Key>;

    /// The key of a typed form.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn key(value: &Self::Key) -> Result<PartitionKey>;

    /// The partition of one dimension of a key.
    #[doc(hidden)]
    fn dimension(key: &PartitionKey, name: &str) -> Result<Partition<Self>> {
        generated::dimension(key, name)
    }

    /// The partition that a call is for. Methods of this trait, since generated code that names the bound of a function as well
    /// would say twice of a type that it is no definition.
    #[doc(hidden)]
    fn taken(key: PartitionKey) -> Result<Partition<Self>> {
        Partition::of(key)
    }

    /// The partitions that a call is for.
    #[doc(hidden)]
    fn taken_set(keys: KeySet) -> Result<PartitionSet<Self>> {
        Ok(PartitionSet::new(keys))
    }

    /// A map of what was loaded.
    #[doc(hidden)]
    fn map<T>(pairs: Vec<(PartitionKey, T)>) -> Result<Partitions<Self, T>> {
        Partitions::from_pairs(pairs)
    }
}

/// A definition of windows of time.
#[diagnostic::on_unimplemented(message = "`{Self}` has no time window", label = "not a time definition")]
pub trait TimePartitions: PartitionDefinition {
    /// The window of a key: where it begins and where the next begins, in the zone of the definition.
    ///
    /// # Errors
    /// If it is no key of this definition.
    fn window(key: &PartitionKey) -> Result<(Zoned, Zoned)>;
}

/// The definition of assets that have none.
#[derive(Debug, Clone, Copy)]
pub struct Unpartitioned;

impl Unpartitioned {
    /// What the compiler knows of it.
    pub const SHAPE: &'static Shape = Shape::NONE;
}

/// One partition of a definition: what a body is handed as `Partition<Species>`.
///
/// It reads like its typed key, has the text of the key, and compares by it.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[partitions(keys = ["Iris-setosa", "Iris-virginica"])]
/// struct Species;
///
/// let setosa: Partition<Species> = "Iris-setosa".parse()?;
/// assert_eq!(setosa.key(), "Iris-setosa");
/// assert!(setosa.starts_with("Iris-"), "it is a `String` where a `String` is wanted");
/// assert_eq!(setosa, Partition::new("Iris-setosa".to_owned())?);
/// assert!("Iris-sibirica".parse::<Partition<Species>>().is_err());
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct Partition<P> {
    key: PartitionKey,
    text: Arc<str>,
    // A `P::Key`. A bound on `P` would be an error of its own wherever a type is written that is no definition.
    value: Arc<dyn Any + Send + Sync>,
    of: PhantomData<fn() -> P>,
}

impl<P: PartitionDefinition> Partition<P> {
    /// The partition with this typed key, as a unit test needs it.
    ///
    /// # Errors
    /// If it is no key of the definition.
    pub fn new(value: P::Key) -> Result<Self> {
        Ok(Self::made(P::key(&value)?, value))
    }

    /// The partition with this key.
    ///
    /// # Errors
    /// If it is no key of the definition.
    pub fn of(key: PartitionKey) -> Result<Self> {
        let value = P::parse(&key)?;
        Ok(Self::made(key, value))
    }

    fn made(key: PartitionKey, value: P::Key) -> Self {
        Self { text: key.to_string().into(), key, value: Arc::new(value), of: PhantomData }
    }

    /// The typed key.
    #[must_use]
    pub fn value(&self) -> &P::Key {
        self.value.downcast_ref().unwrap_or_else(|| unreachable!("a partition holds the key of its definition"))
    }

    /// The typed key, taken out.
    #[must_use]
    pub fn into_value(self) -> P::Key {
        self.value().clone()
    }
}

impl<P> Partition<P> {
    /// The text of the key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text
    }

    /// The key by dimension.
    #[must_use]
    pub fn partition_key(&self) -> &PartitionKey {
        &self.key
    }
}

impl<P: TimePartitions> Partition<P> {
    /// Where the window begins and where the next one begins, in the zone of the definition.
    ///
    /// # Errors
    /// If the calendar ends there.
    pub fn window(&self) -> Result<(Zoned, Zoned)> {
        P::window(&self.key)
    }
}

impl<P: PartitionDefinition> Deref for Partition<P> {
    type Target = P::Key;

    fn deref(&self) -> &P::Key {
        self.value()
    }
}

impl<P> Clone for Partition<P> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), text: Arc::clone(&self.text), value: Arc::clone(&self.value), of: PhantomData }
    }
}

impl<P> fmt::Debug for Partition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.key, f)
    }
}

impl<P> fmt::Display for Partition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<P: PartitionDefinition> FromStr for Partition<P> {
    type Err = Error;

    /// The partition with this text key.
    fn from_str(text: &str) -> Result<Self> {
        Self::of(match P::SHAPE.kind {
            super::ShapeKind::Multi(_) => P::def()?.parse_key(text)?,
            _ => PartitionKey::new(text)?,
        })
    }
}

impl<P> PartialEq for Partition<P> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<P> Eq for Partition<P> {}

impl<P> Hash for Partition<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<P> PartialOrd for Partition<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the text of the key, which for a static definition need not be the order of its keys.
impl<P> Ord for Partition<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}
