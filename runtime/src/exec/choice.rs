//! Which partitions a run is for, as people write it.

use std::fmt;

use crate::error::{Error, ErrorKind, Result, known_names};
use crate::partition::{KeySet, KeySpace};
use crate::state::PartitionStatus;

/// Which partitions a run is for.
///
/// It is about the assets that have no partitioned upstream in the same run; from there the mappings say what follows.
///
/// ```
/// use lakewright::exec::PartitionChoice;
///
/// let days = PartitionChoice::none().key("2023-01-01").range("2023-02-01", "2023-02-28");
/// let corner = PartitionChoice::none().key("date=2023-01-01").key("species=Iris-setosa");
/// # let _ = (days, corner);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "hand it to `Lakehouse::plan_for`"]
pub struct PartitionChoice {
    items: Vec<Item>,
    /// Beside the items.
    general: General,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum General {
    #[default]
    Nothing,
    All,
    Missing,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Key(String),
    Range(String, String),
}

/// An item as it applies to one definition.
enum Applied {
    /// The index of a whole key.
    Key(u64),
    /// Keys of one axis.
    Axis(usize, Vec<String>),
}

impl PartitionChoice {
    /// No partition: for runs of assets that have none.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every partition there is.
    pub fn all() -> Self {
        Self { general: General::All, ..Self::default() }
    }

    /// Every partition for which no materialization is recorded, and what follows from those.
    pub fn missing() -> Self {
        Self { general: General::Missing, ..Self::default() }
    }

    /// Every partition that was last recorded as failed, and what follows from those.
    pub fn failed() -> Self {
        Self { general: General::Failed, ..Self::default() }
    }

    /// Also this one: the text of a key, or `dimension=key` for every partition with that key in the dimension. Keys of different
    /// dimensions are combined.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.items.push(Item::Key(key.into()));
        self
    }

    /// Also those from `first` to `last`, both included; `first` may begin with `dimension=`.
    pub fn range(mut self, first: impl Into<String>, last: impl Into<String>) -> Self {
        self.items.push(Item::Range(first.into(), last.into()));
        self
    }

    /// Also those of a range written `A..B`.
    ///
    /// # Errors
    /// If there is no `..` between two keys.
    pub fn parse_range(self, text: &str) -> Result<Self> {
        match text.split_once("..") {
            Some((first, last)) if !first.is_empty() && !last.is_empty() => Ok(self.range(first, last)),
            _ => {
                let message = format!("`{text}` is not a range of partitions");
                Err(Error::new(ErrorKind::PartitionKey, message).help("write `FIRST..LAST`; both are included"))
            }
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it says all, missing or failed, which is also sensible where nothing is partitioned.
    pub(super) fn is_general(&self) -> bool {
        self.items.is_empty() && self.general != General::Nothing
    }

    /// The status that partitions are asked for by, if they are.
    pub(crate) fn asks_for(&self) -> Option<PartitionStatus> {
        match self.general {
            General::Nothing | General::All => None,
            General::Missing => Some(PartitionStatus::Materialized),
            General::Failed => Some(PartitionStatus::Failed),
        }
    }

    /// What it asks for of every asset by what is recorded of it: the partitions with the status of [`Self::asks_for`].
    ///
    /// # Errors
    /// If it asks for some, and nobody has looked up what is recorded: that is not the same as nothing.
    pub(super) fn by_record(&self, space: &KeySpace, recorded: Option<&KeySet>) -> Result<KeySet> {
        match (self.general, recorded) {
            (General::Nothing | General::All, _) => Ok(space.none()),
            (General::Missing, Some(recorded)) => Ok(space.all().difference(recorded)),
            (General::Failed, Some(recorded)) => Ok(recorded.clone()),
            (General::Missing | General::Failed, None) => {
                let message = format!("what is recorded of the partitions of `{}` was not looked up", space.def().name());
                Err(Error::new(ErrorKind::Internal, message))
            }
        }
    }

    /// What it comes to for the roots of a run, each with what is recorded with the status of [`Self::asks_for`]. Each item has to apply
    /// to at least one of them, and one that names no dimension to all.
    pub(crate) fn resolve(&self, roots: &[(String, &KeySpace, Option<&KeySet>)]) -> Result<Vec<KeySet>> {
        let mut applied_somewhere = vec![roots.is_empty(); self.items.len()];
        let mut sets = Vec::with_capacity(roots.len());
        for (asset, space, recorded) in roots {
            let mut set = match self.general {
                General::Nothing => space.none(),
                General::All => space.all(),
                General::Missing | General::Failed => self.by_record(space, *recorded)?,
            };
            let mut keys_of: Vec<Vec<String>> = vec![Vec::new(); space.axes().len()];
            for (index, item) in self.items.iter().enumerate() {
                match item.apply(space).map_err(|error| error.with("asset", format!("`{asset}`")))? {
                    Some(Applied::Key(key)) => set.insert(key),
                    Some(Applied::Axis(axis, keys)) => keys_of[axis].extend(keys),
                    None => continue,
                }
                applied_somewhere[index] = true;
            }
            if keys_of.iter().any(|keys| !keys.is_empty()) {
                // What is said of no dimension is meant for all of its keys.
                for (axis, keys) in space.axes().iter().zip(&mut keys_of).filter(|(_, keys)| keys.is_empty()) {
                    keys.extend((0..axis.len()).map(|place| axis.key(place).to_string()));
                }
                set = set.union(&space.product(&keys_of)?);
            }
            sets.push(set);
        }
        match applied_somewhere.iter().position(|applied| !applied) {
            Some(index) => Err(self.items[index].fits_nowhere(roots)),
            None => Ok(sets),
        }
    }
}

impl fmt::Display for PartitionChoice {
    /// As the command line has it, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let general = match self.general {
            General::Nothing => None,
            General::All => Some("all".to_owned()),
            General::Missing => Some("missing".to_owned()),
            General::Failed => Some("failed".to_owned()),
        };
        let items = self.items.iter().map(|item| match item {
            Item::Key(key) => key.clone(),
            Item::Range(first, last) => format!("{first}..{last}"),
        });
        f.write_str(&general.into_iter().chain(items).collect::<Vec<_>>().join(", "))
    }
}

impl Item {
    fn apply(&self, space: &KeySpace) -> Result<Option<Applied>> {
        match self {
            Self::Key(text) => match qualified(text, space)? {
                // A key that looks qualified may still be one.
                Some((axis, key)) => match space.parse(text) {
                    Ok(index) => Ok(Some(Applied::Key(index))),
                    Err(_) => Ok(Some(Applied::Axis(axis, space.range(axis, key, key)?))),
                },
                None => match space.parse(text) {
                    Ok(index) => Ok(Some(Applied::Key(index))),
                    // It names a dimension of somebody else, perhaps.
                    Err(_) if looks_qualified(text) => Ok(None),
                    Err(error) => Err(error),
                },
            },
            Self::Range(first, last) => {
                let of = qualified(first, space)?;
                let (axis, from) = match of {
                    Some((axis, from)) => (axis, from),
                    None if space.axes().len() == 1 => (0, first.as_str()),
                    None if looks_qualified(first) => return Ok(None),
                    None => {
                        let message =
                            format!("`{first}..{last}` is a range of one dimension, and `{}` has several", space.def().name());
                        let names: Vec<_> = space.axes().iter().map(|axis| format!("`{}=`", axis.name())).collect();
                        let help = format!("say of which: {} before the first key", names.join(" or "));
                        return Err(Error::new(ErrorKind::PartitionKey, message).help(help));
                    }
                };
                match space.range(axis, from, last) {
                    // It names a dimension of somebody else, perhaps.
                    Err(_) if of.is_none() && looks_qualified(first) => Ok(None),
                    places => Ok(Some(Applied::Axis(axis, places?))),
                }
            }
        }
    }

    fn fits_nowhere(&self, roots: &[(String, &KeySpace, Option<&KeySet>)]) -> Error {
        let (Self::Key(text) | Self::Range(text, _)) = self;
        let dimension = text.split('=').next().unwrap_or_default();
        let message = format!("no asset of the run is partitioned by `{dimension}`");
        let mut names: Vec<&str> = roots
            .iter()
            .flat_map(|(_, space, _)| {
                space.def().dimensions().iter().flat_map(|one| [one.name.as_str(), one.definition.as_str()])
            })
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        names.dedup();
        Error::new(ErrorKind::PartitionKey, message).help(known_names(dimension, "dimensions", names))
    }
}

fn looks_qualified(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// The axis and the key of `dimension=key`, by the name of the dimension or of its definition.
fn qualified<'t>(text: &'t str, space: &KeySpace) -> Result<Option<(usize, &'t str)>> {
    let Some((name, key)) = text.split_once('=') else { return Ok(None) };
    let dimensions = space.def().dimensions();
    let defined: Vec<&str> = dimensions.iter().filter(|one| one.definition == name).map(|one| one.name.as_str()).collect();
    let dimension = match &defined[..] {
        _ if dimensions.iter().any(|one| one.name == name) => name,
        [] => return Ok(None),
        [one] => *one,
        several => {
            let message = format!("`{text}` could be of several dimensions of `{}`", space.def().name());
            let names: Vec<_> = several.iter().map(|name| format!("`{name}={key}`")).collect();
            return Err(Error::new(ErrorKind::PartitionKey, message).help(format!("write {}", names.join(" or "))));
        }
    };
    Ok(space.axes().iter().position(|axis| **axis.name() == *dimension).map(|axis| (axis, key)))
}
