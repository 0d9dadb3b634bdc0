//! Which data files hold rows of some partitions: told by their partition values and statistics alone.

use std::collections::{BTreeMap, HashMap};

use polars::prelude::DataType;
use serde_json::Value as Json;

use super::layout::{self, EMPTY};
use super::live::LiveFile;
use super::opened::Opened;
use super::source::{PartitionValues, Source};
use crate::asset::{AssetSpec, PartitionExpr};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::io::slicing::{AxisColumn, Slicer, TimeLimits};
use crate::io::storage::Storage;
use crate::partition::{DimensionDef, KeySet, PartitionsDef};

/// More combinations than this are not looked at one by one.
const MOST_COMBINATIONS: usize = 10_000;

/// What a file holds of the partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    /// No row of any of them.
    Nothing,
    /// Only rows of these (by index), all of which are asked for.
    Only(Vec<u64>),
    /// Perhaps rows of these, and perhaps rows of others.
    Perhaps(Vec<u64>),
}

/// The files of a table, seen by partitions.
pub(super) struct Partitioned<'a> {
    pub(super) slicer: Slicer,
    source: &'a Source,
    /// The partitions by the digest of their slice, made when the first file asks.
    digests: std::cell::OnceCell<HashMap<String, u64>>,
}

impl<'a> Partitioned<'a> {
    /// For these partitions of an asset in a table.
    pub(super) fn new(keys: &KeySet, expr: &PartitionExpr, source: &'a Source) -> Result<Self> {
        Ok(Self { slicer: Slicer::new(keys, expr, &source.schema)?, source, digests: std::cell::OnceCell::new() })
    }

    /// What a file holds of the partitions.
    pub(super) fn holds(&self, file: &LiveFile) -> Holds {
        if let Some(digest) = marked(&file.path()) {
            return match self.digest(digest) {
                Some(index) => Holds::Only(vec![index]),
                None => Holds::Nothing,
            };
        }
        let mut stats: Option<Json> = None;
        let mut axes: Vec<(Vec<u64>, bool)> = Vec::with_capacity(self.slicer.axes().len());
        for (index, axis) in self.slicer.axes().iter().enumerate() {
            let column = axis.column().as_str();
            if self.source.is_partition_column(column) {
                // The protocol has one text for null and for the empty text, and neither is ever a key.
                let place = self.source.value_of(file, column).and_then(|text| axis.place_of_text(&text));
                axes.push((place.into_iter().collect(), true));
                continue;
            }
            let stats =
                stats.get_or_insert_with(|| file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null));
            let bounds = between(axis, self.source.physical(column), stats)
                .unwrap_or_else(|| (self.slicer.keys().places(index).iter().collect(), false));
            axes.push(bounds);
        }
        self.combine(&axes)
    }

    fn combine(&self, axes: &[(Vec<u64>, bool)]) -> Holds {
        if axes.iter().any(|(places, _)| places.is_empty()) {
            return Holds::Nothing;
        }
        if axes
            .iter()
            .map(|(places, _)| places.len())
            .try_fold(1usize, usize::checked_mul)
            .is_none_or(|all| all > MOST_COMBINATIONS)
        {
            return Holds::Perhaps(self.slicer.keys().indices().collect());
        }
        // Every combination of the places, the last axis fastest.
        let combinations = axes.iter().fold(vec![Vec::new()], |heads: Vec<Vec<u64>>, (places, _)| {
            heads.iter().flat_map(|head| places.iter().map(move |place| [&head[..], &[*place]].concat())).collect()
        });
        let count = combinations.len();
        let space = self.slicer.keys().space();
        let asked = combinations.into_iter().filter(|places| self.slicer.contains(places));
        let mut found: Vec<u64> = asked.map(|places| space.at(&places)).collect();
        found.sort_unstable();
        if found.is_empty() {
            Holds::Nothing
        } else if found.len() == count && axes.iter().all(|(_, whole)| *whole) {
            Holds::Only(found)
        } else {
            Holds::Perhaps(found)
        }
    }

    fn digest(&self, digest: &str) -> Option<u64> {
        let digests = self.digests.get_or_init(|| {
            let keys = self.slicer.keys();
            keys.indices().map(|index| (keys.only(index).slice().digest(), index)).collect()
        });
        digests.get(digest).copied()
    }
}

/// The digest in the name of a file that marks a partition without rows.
fn marked(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?.strip_prefix(EMPTY)?;
    name.split_once('-').map(|(digest, _)| digest).filter(|digest| digest.len() == 32)
}

/// What the statistics of a file say of a column; nothing if they say nothing that can be relied on.
fn between(axis: &AxisColumn, column: &str, stats: &Json) -> Option<(Vec<u64>, bool)> {
    let text = |json: &Json| match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    let (least, greatest) = (text(&stats["minValues"][column])?, text(&stats["maxValues"][column])?);
    let (places, whole) = axis.places_between(&least, &greatest)?;
    // A null belongs to no partition.
    Some((places, whole && stats["nullCount"][column] == 0))
}

/// Which of the partitions are there. Reads the column of files that may hold several.
pub(super) fn present(source: &Source, opened: &Opened, expr: &PartitionExpr, keys: &KeySet) -> Result<KeySet> {
    let partitioned = Partitioned::new(keys, expr, source)?;
    let mut present = keys.space().none();
    let mut unsure = Vec::new();
    for file in opened.files() {
        // A file all of whose rows were deleted is no partition.
        let deleted = file.deletion_vector_descriptor().is_some();
        match partitioned.holds(&file) {
            Holds::Nothing => {}
            Holds::Only(found) if found.len() == 1 && (!deleted || file.rows().is_some_and(|rows| rows > 0)) => {
                present.insert(found[0]);
            }
            Holds::Only(_) | Holds::Perhaps(_) => unsure.push(file),
        }
    }
    let mut groups: BTreeMap<PartitionValues, Vec<_>> = BTreeMap::new();
    for file in &unsure {
        groups.entry(source.values_of(file)).or_default().push(source.file(file)?);
    }
    for (values, files) in groups {
        let plan = source.scan(files, values)?;
        present = present.union(&partitioned.slicer.occurring(plan)?);
    }
    Ok(present)
}

/// Refuses to take for everything what is not: rows of keys that the definition had and no longer has.
pub(super) fn check_nothing_else(source: &Source, opened: &Opened, expr: &PartitionExpr, def: &PartitionsDef) -> Result<()> {
    for dimension in def.dimensions() {
        let Some(column) = expr.of(&dimension.name) else { continue };
        let Some(data_type) = source.schema.get(column) else { continue };
        let limits = match &dimension.def {
            DimensionDef::Time(time) => TimeLimits::new(time, data_type),
            _ => None,
        };
        for file in opened.files() {
            let strange = match (&dimension.def, &limits) {
                _ if marked(&file.path()).is_some() => None,
                (DimensionDef::Static(keys), _) if source.is_partition_column(column) => {
                    let value = source.value_of(&file, column);
                    value.filter(|value| !is_moment(data_type) && !keys.iter().any(|key| **key == **value))
                }
                (_, Some(limits)) => bounds_of(source, &file, column).into_iter().find(|value| limits.exclude(value)),
                _ => None,
            };
            if let Some(value) = strange {
                return Err(no_key_any_more(&source.path, &value, &dimension.definition, &dimension.def));
            }
        }
    }
    Ok(())
}

fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Datetime(..))
}

/// What is known of the values that a column has in a file: its partition value, or the bounds in its statistics.
fn bounds_of(source: &Source, file: &LiveFile, column: &str) -> Vec<String> {
    if source.is_partition_column(column) {
        return source.value_of(file, column).into_iter().collect();
    }
    // Bounds of a file with deleted rows may be those of rows that are gone.
    if file.deletion_vector_descriptor().is_some() {
        return Vec::new();
    }
    let column = source.physical(column);
    let stats: Json = file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null);
    let text = |bound: &str| stats[bound][column].as_str().map(str::to_owned);
    text("minValues").into_iter().chain(text("maxValues")).collect()
}

fn no_key_any_more(path: &Storage, value: &str, name: &str, def: &DimensionDef) -> Error {
    let what = if let DimensionDef::Time(_) = def { "in no window" } else { "not a key" };
    let message = format!("the table in `{}` has rows of `{value}`, which is {what} of `{name}`", path.display());
    Error::new(ErrorKind::Partitions, message).help(match def {
        DimensionDef::Static(keys) => {
            format!("put the key back, or delete the rows; {}", known_names(value, "keys", keys.iter().map(|key| &**key)))
        }
        _ => "let the definition begin earlier or end later, or delete the rows".to_owned(),
    })
}

/// Whether the asset's partitions are parts of one table.
pub(super) fn expr_of(asset: &AssetSpec) -> Option<&PartitionExpr> {
    asset.partition_expr.as_ref().filter(|_| !layout::is_table_per_partition(asset))
}
