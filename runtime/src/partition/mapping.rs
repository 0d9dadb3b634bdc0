//! Which partitions of an upstream asset a partition is made from, and which partitions an upstream partition feeds.

use super::plan::{self, Plan};
use super::{DimensionDef, KeySet, KeySpace, PartitionsDef};
use crate::error::{Error, ErrorKind, Result};

/// Which upstream partitions an input gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mapping {
    /// The partition with the same key: the definitions are the same, or one is a dimension of the other.
    Identity,
    /// All that exist.
    All,
    /// The last that exists.
    Last,
    /// For a time definition, or for the only time dimension of both: the windows from `start` to `end`, counted from the one that is
    /// made; `-1, -1` is the one before. Those before the first window are left out.
    Offset {
        /// The first, relative to the one that is made.
        start: i64,
        /// The last, relative to the one that is made.
        end: i64,
    },
    /// For two time definitions, or for the only time dimension of both: every window that overlaps.
    Overlap,
    /// Always these.
    Keys(Vec<String>),
    /// For each key the upstream keys it is made from; a key that is not listed is made from none.
    Map(Vec<(String, Vec<String>)>),
    /// For definitions of several dimensions: one mapping for each dimension of the upstream definition, by its name. The dimension
    /// of the downstream definition is the one of the same name, or, where the downstream definition has one dimension only, that
    /// one; a dimension that is not named here maps by identity (or overlap) if the downstream has it, and else takes all. Where only
    /// the downstream definition has several dimensions, the name is that of the dimension which the upstream follows.
    Dimensions(Vec<(String, Mapping)>),
}

/// A mapping as the macro writes it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingDef {
    /// [`Mapping::Identity`].
    Identity,
    /// [`Mapping::All`].
    All,
    /// [`Mapping::Last`].
    Last,
    /// [`Mapping::Offset`].
    Offset(i64, i64),
    /// [`Mapping::Overlap`].
    Overlap,
    /// [`Mapping::Keys`].
    Keys(&'static [&'static str]),
    /// [`Mapping::Map`].
    Map(&'static [(&'static str, &'static [&'static str])]),
    /// [`Mapping::Dimensions`].
    Dimensions(&'static [(&'static str, MappingDef)]),
}

impl From<&MappingDef> for Mapping {
    fn from(def: &MappingDef) -> Self {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        match def {
            MappingDef::Identity => Self::Identity,
            MappingDef::All => Self::All,
            MappingDef::Last => Self::Last,
            MappingDef::Offset(start, end) => Self::Offset { start: *start, end: *end },
            MappingDef::Overlap => Self::Overlap,
            MappingDef::Keys(keys) => Self::Keys(owned(keys)),
            MappingDef::Map(pairs) => Self::Map(pairs.iter().map(|(key, keys)| ((*key).to_owned(), owned(keys))).collect()),
            MappingDef::Dimensions(all) => {
                Self::Dimensions(all.iter().map(|(name, mapping)| ((*name).to_owned(), mapping.into())).collect())
            }
        }
    }
}

impl Mapping {
    /// The mapping between two definitions if the input says none: the same definition → identity; time ↔ time → overlap; several
    /// dimensions ↔ one of them → that dimension. If one of the two is not partitioned, all.
    ///
    /// # Errors
    /// If there is none: the message says what both are, the help which mappings would do.
    pub fn default_for(upstream: Option<&PartitionsDef>, downstream: Option<&PartitionsDef>) -> Result<Self> {
        let (Some(up), Some(down)) = (upstream, downstream) else { return Ok(Self::All) };
        if Self::Identity.check(upstream, downstream).is_ok() {
            return Ok(Self::Identity);
        }
        let is_time = |def: &PartitionsDef| {
            !def.is_multi() && def.dimensions().iter().all(|dimension| matches!(dimension.def, DimensionDef::Time(_)))
        };
        if is_time(up) && is_time(down) {
            return Ok(Self::Overlap);
        }
        Err(mismatch("do not line up", up, down))
    }

    /// Whether the mapping can be used between two definitions.
    ///
    /// # Errors
    /// If not: why, and which mappings would do.
    pub fn check(&self, upstream: Option<&PartitionsDef>, downstream: Option<&PartitionsDef>) -> Result<()> {
        match (upstream, downstream) {
            (Some(up), Some(down)) => match self {
                Self::Keys(keys) => check_keys(keys, up),
                Self::Map(pairs) => {
                    check_keys(pairs.iter().map(|(key, _)| key), down)?;
                    check_keys(pairs.iter().flat_map(|(_, keys)| keys), up)
                }
                _ => plan::plan(self, up, down).map(|_| ()),
            },
            (Some(up), None) => match self {
                Self::All | Self::Last => Ok(()),
                Self::Keys(keys) => check_keys(keys, up),
                Self::Dimensions(named) => {
                    let constant = |mapping: &Mapping| matches!(mapping, Self::All | Self::Last | Self::Keys(_));
                    match named.iter().find(|(_, mapping)| !constant(mapping)) {
                        Some(_) => {
                            Err(one_sided(self, up, "the asset that takes it is not partitioned", "`all`, `last` and `keys`"))
                        }
                        None => plan::constants(named, up).map(|_| ()),
                    }
                }
                _ => Err(one_sided(self, up, "the asset that takes it is not partitioned", "`all`, `last` and `keys`")),
            },
            (None, down) => match (self, down) {
                (Self::All, _) | (Self::Identity, None) => Ok(()),
                (_, Some(down)) => Err(one_sided(self, down, "the asset it takes is not partitioned", "`all`")),
                (_, None) => Err(Error::new(
                    ErrorKind::Partitions,
                    format!("the mapping {} has nothing to map, because neither asset is partitioned", self.name()),
                )
                .help("leave the mapping out")),
            },
        }
    }

    /// The upstream partitions that these downstream partitions are made from; `None` stands for an asset that is not partitioned.
    /// Upstream partitions that do not exist (yet) are left out; none are made from none.
    ///
    /// # Errors
    /// If a key that the mapping names does not exist upstream.
    pub fn upstream(&self, downstream: Option<&KeySet>, upstream: &KeySpace) -> Result<KeySet> {
        if downstream.is_some_and(KeySet::is_empty) {
            return Ok(upstream.none());
        }
        match (self, downstream) {
            (Self::Keys(keys), _) => named(keys, upstream),
            (Self::Map(pairs), Some(down)) => {
                let mut all = upstream.none();
                for (key, keys) in pairs {
                    if has(down, key)? {
                        all = all.union(&named(keys, upstream)?);
                    }
                }
                Ok(all)
            }
            (Self::All, _) => Ok(upstream.all()),
            (_, Some(down)) => self.plan(upstream.def(), down.space().def())?.upstream(down, upstream),
            (Self::Dimensions(named), None) => plan::constants(named, upstream.def())?.constant(upstream),
            (Self::Last, None) => Ok(plan::last(upstream)),
            (_, None) => Ok(upstream.all()),
        }
    }

    /// The downstream partitions that these upstream partitions feed. `None` stands for an asset that is not partitioned, which feeds
    /// all.
    ///
    /// # Errors
    /// If a key that the mapping names does not exist downstream.
    pub fn downstream(&self, upstream: Option<&KeySet>, downstream: &KeySpace) -> Result<KeySet> {
        let Some(up) = upstream else { return Ok(downstream.all()) };
        if up.is_empty() {
            return Ok(downstream.none());
        }
        match self {
            Self::All => Ok(downstream.all()),
            Self::Keys(keys) => {
                let fed = !named(keys, up.space())?.intersection(up).is_empty();
                Ok(if fed { downstream.all() } else { downstream.none() })
            }
            Self::Map(pairs) => {
                let mut all = downstream.none();
                for (key, keys) in pairs {
                    if !named(keys, up.space())?.intersection(up).is_empty() {
                        let key = downstream.def().parse_key(key)?;
                        all = all.union(&downstream.set([&key])?);
                    }
                }
                Ok(all)
            }
            _ => self.plan(up.space().def(), downstream.def())?.downstream(up, downstream),
        }
    }

    /// What the attribute calls it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Identity => "`identity`",
            Self::All => "`all`",
            Self::Last => "`last`",
            Self::Offset { .. } => "`offset`",
            Self::Overlap => "`overlap`",
            Self::Keys(_) => "`keys`",
            Self::Map(_) => "`map`",
            Self::Dimensions(_) => "`dimensions`",
        }
    }

    fn plan<'m>(&'m self, up: &PartitionsDef, down: &PartitionsDef) -> Result<Plan<'m>> {
        plan::plan(self, up, down)
    }
}

/// That no (or not this) mapping leads from one definition to the other, and which would.
pub(super) fn mismatch(why: &str, up: &PartitionsDef, down: &PartitionsDef) -> Error {
    let (name, other) = (up.name(), down.name());
    let mut fitting: Vec<&str> = [Mapping::Identity, Mapping::Overlap, Mapping::Offset { start: -1, end: -1 }]
        .iter()
        .filter(|mapping| plan::fits(mapping, up, down))
        .map(Mapping::name)
        .collect();
    if up.is_multi() {
        fitting.push("`dimensions`");
    }
    fitting.extend(["`all`", "`last`", "`keys`", "`map`"]);
    let message = format!("`{name}` and `{other}` {why}: {}, {}", up.describe(), down.describe());
    Error::new(ErrorKind::Partitions, message).help(format!("mappings that would do: {}", fitting.join(", ")))
}

fn one_sided(mapping: &Mapping, def: &PartitionsDef, why: &str, fitting: &str) -> Error {
    let message = format!("the mapping {} needs two definitions, and {why}: {}", mapping.name(), def.describe());
    Error::new(ErrorKind::Partitions, message).help(format!("mappings that would do: {fitting}"))
}

/// Whether keys can be ones of a definition: what is in the run state, and which windows are over, is known only later.
fn check_keys<'k>(keys: impl IntoIterator<Item = &'k String>, def: &PartitionsDef) -> Result<()> {
    for key in keys {
        let parsed = def.parse_key(key).and_then(|parsed| def.check_key(&parsed));
        parsed.map_err(|source| {
            let error =
                Error::new(ErrorKind::Partitions, format!("the mapping names `{key}`, which is no key of `{}`", def.name()));
            let help = source.help_text().map(ToOwned::to_owned);
            let error = error.source(source);
            if let Some(help) = help { error.help(help) } else { error }
        })?;
    }
    Ok(())
}

/// The set of keys by their text.
fn named(keys: &[String], space: &KeySpace) -> Result<KeySet> {
    let keys = keys.iter().map(|key| space.def().parse_key(key)).collect::<Result<Vec<_>>>()?;
    space.set(&keys)
}

/// Whether a set has a key; one that does not exist is in none.
fn has(set: &KeySet, key: &str) -> Result<bool> {
    let key = set.space().def().parse_key(key)?;
    Ok(set.space().index(&key).is_ok_and(|index| set.contains(index)))
}
