//! Definitions: what keys there can be.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::axis::Axis;
use super::key::check_value;
use super::time::Place;
use super::{KeySet, KeySpace, PartitionKey, TimeDef};
use crate::error::{Error, ErrorKind, Result};
use crate::slice::{KeyBox, KeyItem, Slice};

/// What the partitions of an asset are: a name and one or more dimensions. Cheap to clone; equal if everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionsDef {
    inner: Arc<Inner>,
}

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    name: String,
    /// In the order of the fields.
    dimensions: Vec<Dimension>,
    /// Whether it was declared with named dimensions, be it only one.
    multi: bool,
}

/// One dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name; empty for the only dimension of a definition that is not multi-dimensional.
    pub name: String,
    /// The name of the definition that it is of, for example `Day`.
    pub definition: String,
    /// What its keys are.
    pub def: DimensionDef,
}

/// What the keys of a dimension are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DimensionDef {
    /// These, in this order.
    Static(Arc<[Arc<str>]>),
    /// Windows of time.
    Time(Arc<TimeDef>),
    /// Those of the named set in the run state.
    Dynamic(Arc<str>),
}

impl PartitionsDef {
    /// A fixed list of keys.
    ///
    /// # Errors
    /// If there is none, one repeats, is empty or contains control characters.
    pub fn fixed<K: AsRef<str>>(name: impl Into<String>, keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let name = name.into();
        let keys: Vec<Arc<str>> = keys.into_iter().map(|key| Arc::from(key.as_ref())).collect();
        if keys.is_empty() {
            return Err(invalid(format!("`{name}` has no keys")).help("list at least one, or use a dynamic definition"));
        }
        let mut seen = HashSet::new();
        for key in &keys {
            check_value(key).map_err(|source| invalid(format!("`{name}` has a key that cannot be one")).source(source))?;
            if !seen.insert(key) {
                return Err(invalid(format!("`{name}` has the key `{key}` twice")).help("leave one of them out"));
            }
        }
        Ok(Self::single(name, DimensionDef::Static(keys.into())))
    }

    /// Windows of time.
    pub fn time(name: impl Into<String>, def: TimeDef) -> Self {
        Self::single(name.into(), DimensionDef::Time(Arc::new(def)))
    }

    /// The set of this name in the run state.
    pub fn dynamic(name: impl Into<String>) -> Self {
        let name = name.into();
        let def = DimensionDef::Dynamic(Arc::from(name.as_str()));
        Self::single(name, def)
    }

    /// Every combination of these dimensions, each of which has one dimension itself.
    ///
    /// # Errors
    /// If there is none, two have one name, or one has several dimensions itself.
    pub fn multi<N: Into<String>>(
        name: impl Into<String>,
        dimensions: impl IntoIterator<Item = (N, PartitionsDef)>,
    ) -> Result<Self> {
        let name = name.into();
        let mut all: Vec<Dimension> = Vec::new();
        for (dimension, def) in dimensions {
            let dimension = dimension.into();
            if dimension.is_empty() {
                return Err(invalid(format!("a dimension of `{name}` has no name")));
            }
            if all.iter().any(|known| known.name == dimension) {
                return Err(invalid(format!("`{name}` has the dimension `{dimension}` twice")).help("rename one of them"));
            }
            let [only] = def.dimensions() else {
                return Err(several(&name, &dimension, &def));
            };
            if def.is_multi() {
                return Err(several(&name, &dimension, &def));
            }
            all.push(Dimension { name: dimension, ..only.clone() });
        }
        if all.is_empty() {
            return Err(invalid(format!("`{name}` has no dimensions")).help("give it at least one"));
        }
        Ok(Self { inner: Arc::new(Inner { name, dimensions: all, multi: true }) })
    }

    fn single(name: String, def: DimensionDef) -> Self {
        let dimension = Dimension { name: String::new(), definition: name.clone(), def };
        Self { inner: Arc::new(Inner { name, dimensions: vec![dimension], multi: false }) }
    }

    /// Its name, as errors say it: `Species`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether its dimensions have names.
    #[must_use]
    pub fn is_multi(&self) -> bool {
        self.inner.multi
    }

    /// Its dimensions, in the order they were declared.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.inner.dimensions
    }

    /// The keys there are at this moment; `dynamic` holds the keys of each dynamic set, in their order.
    ///
    /// # Errors
    /// If a set is missing, or the definition cannot be resolved at this moment.
    pub fn space(&self, now: Timestamp, dynamic: &BTreeMap<String, Vec<String>>) -> Result<KeySpace> {
        let axes = self.sorted().map(|dimension| {
            let name = Arc::from(dimension.name.as_str());
            Ok(match &dimension.def {
                DimensionDef::Static(keys) => Axis::listed(name, keys.clone()),
                DimensionDef::Time(def) => Axis::windows(name, def.clone(), def.count(now)),
                DimensionDef::Dynamic(set) => {
                    let keys = dynamic.get(&**set).ok_or_else(|| {
                        Error::new(
                            ErrorKind::Internal,
                            format!("the dynamic partitions `{set}` were not read from the run state"),
                        )
                    })?;
                    Axis::listed(name, keys.iter().map(|key| Arc::from(key.as_str())).collect())
                }
            })
        });
        KeySpace::new(self.clone(), axes.collect::<Result<_>>()?)
    }

    /// The names of the dynamic sets it needs.
    pub fn dynamic_sets(&self) -> impl Iterator<Item = &str> {
        self.inner.dimensions.iter().filter_map(|dimension| match &dimension.def {
            DimensionDef::Dynamic(name) => Some(&**name),
            _ => None,
        })
    }

    /// Reads the text form of a key. Whether there is such a key is for a [`KeySpace`] to say.
    ///
    /// # Errors
    /// If it has not one value for each dimension.
    pub fn parse_key(&self, text: &str) -> Result<PartitionKey> {
        if !self.is_multi() {
            return PartitionKey::new(text);
        }
        let values = PartitionKey::split(text);
        let names: Vec<&str> = self.sorted().map(|dimension| dimension.name.as_str()).collect();
        if values.len() != names.len() {
            let message = format!("`{text}` has {} values, and `{}` has {} dimensions", values.len(), self.name(), names.len());
            return Err(Error::new(ErrorKind::PartitionKey, message)
                .help(format!("write it as `{}`, and a `|` inside of a value as `\\|`", names.join("|"))));
        }
        PartitionKey::of(names.into_iter().zip(values))
    }

    /// The partitions that a slice names, in a space that holds them; no run state is needed: a dynamic dimension has just the keys
    /// that the slice names (sorted), a time dimension goes far enough to hold the last window named.
    ///
    /// # Errors
    /// If the slice names a key that cannot be one of this definition; [`Slice::Whole`] is an error too.
    pub fn resolve(&self, slice: &Slice) -> Result<KeySet> {
        self.named(slice, true)
    }

    /// As [`resolve`](Self::resolve), without the keys that the definition had when the slice was written and has no longer.
    pub(crate) fn left_of(&self, slice: &Slice) -> Result<KeySet> {
        self.named(slice, false)
    }

    fn named(&self, slice: &Slice, strict: bool) -> Result<KeySet> {
        let Slice::Keys(boxes) = slice else {
            return Err(Error::new(
                ErrorKind::PartitionKey,
                format!("the whole of a table is no set of partitions of `{}`", self.name()),
            ));
        };
        let dimensions: Vec<&Dimension> = self.sorted().collect();
        let mut named: Vec<BTreeSet<&Arc<str>>> = vec![BTreeSet::new(); dimensions.len()];
        for each in boxes.iter() {
            let given = each.dimensions.iter().map(|(name, _)| &**name);
            if !given.eq(dimensions.iter().map(|dimension| dimension.name.as_str())) {
                return Err(Error::new(
                    ErrorKind::PartitionKey,
                    format!("`{slice}` has not the dimensions of `{}`", self.name()),
                ));
            }
            for (keys, (_, items)) in named.iter_mut().zip(&each.dimensions) {
                for item in items {
                    match item {
                        KeyItem::One(key) => keys.extend([key]),
                        KeyItem::Span(first, last) => keys.extend([first, last]),
                    }
                }
            }
        }
        let axes = dimensions.into_iter().zip(named).map(|(dimension, keys)| {
            let name = Arc::from(dimension.name.as_str());
            Ok(match &dimension.def {
                DimensionDef::Static(all) => Axis::listed(name, all.clone()),
                DimensionDef::Dynamic(_) => Axis::listed(name, keys.into_iter().cloned().collect()),
                DimensionDef::Time(def) => {
                    let windows_up_to = |key: &Arc<str>| match def.place(key) {
                        Place::At(number) => number + 1,
                        Place::After => def.limit(),
                        Place::Before | Place::Between(_) | Place::Malformed => 0,
                    };
                    Axis::windows(name, def.clone(), keys.into_iter().map(windows_up_to).max().unwrap_or(0))
                }
            })
        });
        let space = KeySpace::new(self.clone(), axes.collect::<Result<_>>()?)?;
        space.of_boxes(boxes, strict)
    }

    /// Whether a key can be one of this definition, now or later.
    pub(super) fn check_key(&self, key: &PartitionKey) -> Result<()> {
        let mut dimensions = self.sorted().zip(key.dimensions());
        dimensions.try_for_each(|(dimension, (_, value))| dimension.check_key(value))
    }

    /// Its dimensions, sorted by name as keys are.
    pub(super) fn sorted(&self) -> impl Iterator<Item = &Dimension> {
        let mut sorted: Vec<&Dimension> = self.dimensions().iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.into_iter()
    }

    /// What it is, for messages: `` `Day` is daily windows ``.
    pub(super) fn describe(&self) -> String {
        let what = |dimension: &Dimension| match &dimension.def {
            DimensionDef::Static(keys) if keys.len() == 1 => "1 static key".to_owned(),
            DimensionDef::Static(keys) => format!("{} static keys", keys.len()),
            DimensionDef::Time(def) => def.describe(),
            DimensionDef::Dynamic(_) => "dynamic keys".to_owned(),
        };
        let name = self.name();
        match self.dimensions() {
            [only] if !self.is_multi() => format!("`{name}` is {}", what(only)),
            all => {
                let one = |dimension: &Dimension| format!("`{}`: `{}`", dimension.name, dimension.definition);
                format!("`{name}` is {{ {} }}", all.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The partitions that any of these slices names.
    ///
    /// # Errors
    /// As [`PartitionsDef::resolve`].
    pub fn combine<'s>(&self, slices: impl IntoIterator<Item = &'s Slice>) -> Result<KeySet> {
        let mut dimensions: Vec<KeyBox> = Vec::new();
        for slice in slices {
            let Slice::Keys(boxes) = slice else {
                return Err(Error::new(ErrorKind::PartitionKey, format!("`{slice}` is no slice of `{}`", self.name())));
            };
            dimensions.extend(boxes.iter().cloned());
        }
        self.resolve(&Slice::Keys(dimensions.into()))
    }
}

impl fmt::Display for PartitionsDef {
    /// What it is: `` `Day` is daily windows ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Dimension {
    /// Whether a text can be a key of this dimension, now or later.
    pub(super) fn check_key(&self, key: &str) -> Result<()> {
        check_value(key)?;
        let axis = match &self.def {
            DimensionDef::Static(keys) => Axis::listed(Arc::from(""), keys.clone()),
            DimensionDef::Time(def) => {
                Axis::windows(Arc::from(""), def.clone(), def.ordinal(key).map_or(0, |ordinal| ordinal + 1))
            }
            DimensionDef::Dynamic(_) => return Ok(()),
        };
        if axis.place(key).is_some() { Ok(()) } else { Err(axis.unknown(&self.definition, key)) }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Partitions, message)
}

fn several(name: &str, dimension: &str, def: &PartitionsDef) -> Error {
    invalid(format!("the dimension `{dimension}` of `{name}` has several dimensions itself, because `{}` does", def.name()))
        .help(format!("write the dimensions of `{}` into `{name}`", def.name()))
}
