//! Which data files hold rows of some partitions: told by their partition values and statistics alone.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::LogicalFileView;
use polars::prelude::{DataType, Schema};
use serde_json::Value as Json;

use super::layout::{self, EMPTY};
use super::{read, schema, table};
use crate::asset::{AssetSpec, PartitionExpr};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::io::slicing::{AxisColumn, Slicer, TimeLimits};
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
    partition_columns: &'a [String],
    /// The partitions by the digest of their slice, made when the first file asks.
    digests: std::cell::OnceCell<HashMap<String, u64>>,
}

impl<'a> Partitioned<'a> {
    /// For these partitions of an asset in a table.
    pub(super) fn new(keys: &KeySet, expr: &PartitionExpr, schema: &Schema, partition_columns: &'a [String]) -> Result<Self> {
        Ok(Self { slicer: Slicer::new(keys, expr, schema)?, partition_columns, digests: std::cell::OnceCell::new() })
    }

    /// What a file holds of the partitions.
    pub(super) fn holds(&self, file: &LogicalFileView) -> Holds {
        if let Some(digest) = marked(&file.path()) {
            return match self.digest(digest) {
                Some(index) => Holds::Only(vec![index]),
                None => Holds::Nothing,
            };
        }
        let values = file.partition_values_map();
        let mut stats: Option<Json> = None;
        let mut axes: Vec<(Vec<u64>, bool)> = Vec::with_capacity(self.slicer.axes().len());
        for (index, axis) in self.slicer.axes().iter().enumerate() {
            let column = axis.column().as_str();
            if self.partition_columns.iter().any(|known| known == column) {
                // The protocol has one text for null and for the empty text, and neither is ever a key.
                let place = values.get(column).and_then(|text| axis.place_of_text(text.as_deref()?));
                axes.push((place.into_iter().collect(), true));
                continue;
            }
            let stats =
                stats.get_or_insert_with(|| file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null));
            let bounds = between(axis, stats).unwrap_or_else(|| (self.slicer.keys().places(index).iter().collect(), false));
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
fn between(axis: &AxisColumn, stats: &Json) -> Option<(Vec<u64>, bool)> {
    let column = axis.column().as_str();
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
pub(super) fn present(path: &Path, opened: &DeltaTable, expr: &PartitionExpr, keys: &KeySet) -> Result<KeySet> {
    let state = table::state(opened, path)?;
    table::check_readable(state, path)?;
    let schema = schema::frame_schema(&state.schema())?;
    let partition_columns = state.metadata().partition_columns();
    let partitioned = Partitioned::new(keys, expr, &schema, partition_columns)?;
    let mut present = keys.space().none();
    let mut unsure = Vec::new();
    for file in state.log_data().iter() {
        match partitioned.holds(&file) {
            Holds::Nothing => {}
            Holds::Only(found) if found.len() == 1 => present.insert(found[0]),
            Holds::Only(_) | Holds::Perhaps(_) => unsure.push(file),
        }
    }
    if !unsure.is_empty() {
        let mut groups: BTreeMap<read::PartitionValues, Vec<_>> = BTreeMap::new();
        for file in &unsure {
            groups.entry(read::values_of(file, partition_columns)).or_default().push(read::path_of(path, file)?);
        }
        for (values, paths) in groups {
            let plan = read::scan_group(paths, values, &schema, partition_columns)?;
            present = present.union(&partitioned.slicer.occurring(plan)?);
        }
    }
    Ok(present)
}

/// Refuses to take for everything what is not: rows of keys that the definition had and no longer has.
pub(super) fn check_nothing_else(path: &Path, opened: &DeltaTable, expr: &PartitionExpr, def: &PartitionsDef) -> Result<()> {
    let state = table::state(opened, path)?;
    let partition_columns = state.metadata().partition_columns();
    let schema = schema::frame_schema(&state.schema())?;
    for dimension in def.dimensions() {
        let Some(column) = expr.of(&dimension.name) else { continue };
        let Some(data_type) = schema.get(column) else { continue };
        let limits = match &dimension.def {
            DimensionDef::Time(time) => TimeLimits::new(time, data_type),
            _ => None,
        };
        for file in state.log_data().iter() {
            let strange = match (&dimension.def, &limits) {
                _ if marked(&file.path()).is_some() => None,
                (DimensionDef::Static(keys), _) if partition_columns.iter().any(|known| known == column) => {
                    let value = file.partition_values_map().remove(column).flatten();
                    value.filter(|value| !is_moment(data_type) && !keys.iter().any(|key| **key == **value))
                }
                (_, Some(limits)) => bounds_of(&file, column).into_iter().find(|value| limits.exclude(value)),
                _ => None,
            };
            if let Some(value) = strange {
                return Err(no_key_any_more(path, &value, &dimension.definition, &dimension.def));
            }
        }
    }
    Ok(())
}

fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Datetime(..))
}

/// What is known of the values that a column has in a file: its partition value, or the bounds in its statistics.
fn bounds_of(file: &LogicalFileView, column: &str) -> Vec<String> {
    if let Some(value) = file.partition_values_map().remove(column) {
        return value.into_iter().collect();
    }
    let stats: Json = file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null);
    let text = |bound: &str| stats[bound][column].as_str().map(str::to_owned);
    text("minValues").into_iter().chain(text("maxValues")).collect()
}

fn no_key_any_more(path: &Path, value: &str, name: &str, def: &DimensionDef) -> Error {
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
