//! Reading tables: lazy scans of their files, nothing of which is read before somebody asks for rows.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use deltalake_core::DeltaTable;
use deltalake_core::kernel::LogicalFileView;
use deltalake_core::table::state::DeltaTableState;
use polars::prelude::{
    CastColumnsPolicy, DataFrame, DataType, DslBuilder, Expr, ExtraColumnsPolicy, HiveOptions, IntoLazy, LazyFrame,
    MissingColumnsPolicy, NamedFrom, ParquetOptions, PlRefPath, Scalar, ScanSources, Schema, Series, SortMultipleOptions,
    UnifiedScanArgs, UnionArgs, col, cols, concat, lit,
};

use super::slices::{Holds, Partitioned};
use super::{schema, table};
use crate::asset::PartitionExpr;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::polars::check_columns;
use crate::partition::KeySet;

/// The values of a file's partition columns, in the order of the columns.
pub(super) type PartitionValues = Vec<Option<String>>;

/// What of a table is read.
pub(super) struct Part<'a> {
    pub(super) keys: &'a KeySet,
    pub(super) expr: &'a PartitionExpr,
}

/// A table, or a part of it with the partitions in the order of keys, or only these columns of it, as a lazy scan.
pub(super) fn scan(path: &Path, opened: &DeltaTable, part: Option<&Part<'_>>, columns: Option<&[String]>) -> Result<LazyFrame> {
    let state = table::state(opened, path)?;
    table::check_readable(state, path)?;
    let table_schema = state.schema();
    if let Some(columns) = columns {
        check_columns(columns, table_schema.fields().map(|field| field.name().as_str()))?;
    }
    let schema = schema::frame_schema(&table_schema)?;
    let partition_columns = state.metadata().partition_columns();
    let plan = match part {
        None => scan_all(path, in_order(state).into_iter(), &schema, partition_columns)?,
        Some(part) => {
            let partitioned = Partitioned::new(part.keys, part.expr, &schema, partition_columns)?;
            scan_partitions(path, in_order(state).into_iter(), &partitioned, &schema, partition_columns)?
        }
    };
    Ok(match columns {
        Some(columns) => plan.select(columns.iter().map(col).collect::<Vec<_>>()),
        None => plan,
    })
}

/// The files of a table as they were written, the oldest first: rows that were added come after those that were there.
fn in_order(state: &DeltaTableState) -> Vec<LogicalFileView> {
    let mut files: Vec<LogicalFileView> = state.log_data().iter().collect();
    // The log is read from its end.
    files.reverse();
    files.sort_by_key(LogicalFileView::modification_time);
    files
}

/// Files with rows of one partition, or of several of which only one is meant.
struct Group {
    index: u64,
    values: PartitionValues,
    filtered: bool,
    paths: Vec<PlRefPath>,
}

fn scan_partitions(
    path: &Path,
    files: impl Iterator<Item = LogicalFileView>,
    partitioned: &Partitioned<'_>,
    schema: &Schema,
    partition_columns: &[String],
) -> Result<LazyFrame> {
    let mut found: Vec<(u64, bool, LogicalFileView)> = Vec::new();
    let (mut count, mut others) = (0, Vec::new());
    for file in files {
        if found.len() > 4 * count + 64 {
            others.push(file);
            continue;
        }
        let (indices, filtered) = match partitioned.holds(&file) {
            Holds::Nothing => continue,
            Holds::Only(indices) => (indices.clone(), indices.len() > 1),
            Holds::Perhaps(indices) => (indices, true),
        };
        count += 1;
        found.extend(indices.into_iter().map(|index| (index, filtered, file.clone())));
    }
    // Files that hold many partitions each would be read once for each of them.
    if found.len() > 4 * count + 64 {
        let others = others.into_iter().filter(|file| partitioned.holds(file) != Holds::Nothing);
        let files = found.into_iter().map(|(.., file)| file).chain(others);
        return scan_and_sort(path, files, partitioned, schema, partition_columns);
    }
    found.sort_by_key(|(index, ..)| *index);
    let mut groups: Vec<Group> = Vec::new();
    for (index, filtered, file) in found {
        let (values, file) = (values_of(&file, partition_columns), path_of(path, &file)?);
        match groups.last_mut() {
            // Whole files side by side with the same values are one scan.
            Some(last) if last.values == values && last.filtered == filtered && (!filtered || last.index == index) => {
                last.paths.push(file);
            }
            _ => groups.push(Group { index, values, filtered, paths: vec![file] }),
        }
    }
    let scans = groups.into_iter().map(|group| {
        let plan = scan_group(group.paths, group.values, schema, partition_columns)?;
        if !group.filtered {
            return Ok(plan);
        }
        Ok(plan.filter(partitioned.slicer.only(group.index).predicate()))
    });
    union(scans.collect::<Result<_>>()?, schema)
}

/// All files once, and then the rows in the order of keys.
fn scan_and_sort(
    path: &Path,
    files: impl Iterator<Item = LogicalFileView>,
    partitioned: &Partitioned<'_>,
    schema: &Schema,
    partition_columns: &[String],
) -> Result<LazyFrame> {
    let mut seen = HashSet::new();
    let once = files.filter(|file| seen.insert(file.path().into_owned()));
    let plan = scan_all(path, once, schema, partition_columns)?.filter(partitioned.slicer.predicate());
    let places: Vec<String> = (0..partitioned.slicer.axes().len()).map(|axis| format!("__lakewright_place_{axis}")).collect();
    let keys = partitioned.slicer.axes().iter().zip(&places).map(|(axis, name)| axis.place().alias(name.as_str()));
    let plan = plan.with_columns(keys.collect::<Vec<_>>());
    let sorted = plan.sort(places.clone(), SortMultipleOptions::default().with_maintain_order(true));
    Ok(sorted.drop(cols(places)))
}

/// These files whole, those with the same partition values side by side.
fn scan_all(
    path: &Path,
    files: impl Iterator<Item = LogicalFileView>,
    schema: &Schema,
    partition_columns: &[String],
) -> Result<LazyFrame> {
    let mut by_values: BTreeMap<PartitionValues, Vec<PlRefPath>> = BTreeMap::new();
    for file in files {
        by_values.entry(values_of(&file, partition_columns)).or_default().push(path_of(path, &file)?);
    }
    let scans = by_values.into_iter().map(|(values, paths)| scan_group(paths, values, schema, partition_columns));
    union(scans.collect::<Result<_>>()?, schema)
}

fn union(mut scans: Vec<LazyFrame>, schema: &Schema) -> Result<LazyFrame> {
    Ok(match scans.len() {
        0 => DataFrame::empty_with_schema(schema).lazy(),
        1 => scans.remove(0),
        _ => concat(scans, UnionArgs::default())?,
    })
}

/// The values of a file's partition columns.
pub(super) fn values_of(file: &LogicalFileView, partition_columns: &[String]) -> PartitionValues {
    let mut values = file.partition_values_map();
    partition_columns.iter().map(|column| values.remove(column).flatten()).collect()
}

/// Where a file is.
pub(super) fn path_of(table: &Path, file: &LogicalFileView) -> Result<PlRefPath> {
    let relative = file.path();
    if relative.starts_with('/') || relative.contains(":/") {
        let message = format!("the table in `{}` refers to files outside its folder", table.display());
        return Err(Error::new(ErrorKind::Unsupported, message).help("it is a shallow clone; copy it in full"));
    }
    Ok(PlRefPath::try_from_path(&table.join(relative.as_ref()))?)
}

/// Files with the same partition values, with those as columns.
pub(super) fn scan_group(
    paths: Vec<PlRefPath>,
    values: PartitionValues,
    schema: &Schema,
    partition_columns: &[String],
) -> Result<LazyFrame> {
    let in_files = |name: &str| !partition_columns.iter().any(|column| column == name);
    let file_schema: Schema =
        schema.iter().filter(|(name, _)| in_files(name)).map(|(name, data_type)| (name.clone(), data_type.clone())).collect();
    let plan = scan_files(paths, &file_schema)?;
    if values.is_empty() {
        return Ok(plan);
    }
    let constants: Result<Vec<_>> = partition_columns
        .iter()
        .zip(values)
        .map(|(name, value)| constant(name, schema.get(name).unwrap_or(&DataType::String), value.as_deref()))
        .collect();
    let order: Vec<_> = schema.iter_names().map(|name| col(name.clone())).collect();
    Ok(plan.with_columns(constants?).select(order))
}

/// A lazy scan of data files. Other writers leave out columns that were added later and use wider or narrower types.
fn scan_files(paths: Vec<PlRefPath>, schema: &Schema) -> Result<LazyFrame> {
    let options = ParquetOptions { schema: Some(schema.clone().into()), ..Default::default() };
    let casts = CastColumnsPolicy {
        integer_upcast: true,
        float_upcast: true,
        datetime_nanoseconds_downcast: true,
        datetime_microseconds_downcast: true,
        ..CastColumnsPolicy::ERROR_ON_MISMATCH
    };
    let args = UnifiedScanArgs {
        glob: false,
        hive_options: HiveOptions::new_disabled(),
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        cast_columns_policy: casts,
        ..Default::default()
    };
    Ok(DslBuilder::scan_parquet(ScanSources::Paths(paths.into_iter().collect()), options, args)?.build().into())
}

/// A partition value as a constant column of the column's type.
fn constant(name: &str, data_type: &DataType, value: Option<&str>) -> Result<Expr> {
    // The protocol has one text for null and for the empty text.
    let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(lit(Scalar::null(data_type.clone())).alias(name)) };
    let text = Series::new(name.into(), [text]);
    let typed = match data_type {
        DataType::Date => {
            let days = text.get(0)?.get_str().and_then(crate::io::slicing::days);
            let wrong = || Error::new(ErrorKind::Corrupt, format!("the partition column `{name}` has a value that is no date"));
            Series::new(name.into(), [days.ok_or_else(wrong)?]).cast(data_type)?
        }
        DataType::Boolean => {
            Series::new(name.into(), [text.get(0)?.get_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))])
        }
        DataType::Datetime(..) => {
            let microseconds = text.get(0)?.get_str().and_then(schema::partition_microseconds);
            let wrong = || Error::new(ErrorKind::Corrupt, format!("the partition column `{name}` has a value that is no time"));
            Series::new(name.into(), [microseconds.ok_or_else(wrong)?]).cast(data_type)?
        }
        _ => text.strict_cast(data_type)?,
    };
    Ok(lit(Scalar::new(data_type.clone(), typed.get(0)?.into_static())).alias(name))
}
