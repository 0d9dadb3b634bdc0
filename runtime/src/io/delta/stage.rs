//! Writing data files that no reader sees: Polars' sink writes them, and what a later commit has to say of them is kept beside.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use deltalake_core::kernel::StructType;
use polars::prelude::{DataFrame, LazyFrame, ParquetWriter, PlSmallStr, Schema, UnionArgs, concat};
use serde::{Deserialize, Serialize};

use super::layout;
use super::opened::Opened;
use super::sink::{Begun, DataFile, Division, hive_folder, sink};
use super::source::Source;
use super::{merge, schema, stats, table};
use crate::asset::{AssetSpec, Mode};
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::frame::polars::check_columns;
use crate::io::Staged;
use crate::io::files::io_error;
use crate::io::merge::Merge;
use crate::io::parquet_options::parquet_options;
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::slicing::{Slicer, Strays};
use crate::io::storage::{Storage, Upload};
use crate::partition::KeySet;

/// The payload of something staged for a Delta table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StagedTable {
    pub(super) schema: StructType,
    pub(super) partition_columns: Vec<String>,
    pub(super) files: Vec<StagedFile>,
    /// Whether the table gives back the rows as they were: types that Delta has, in one piece.
    #[serde(default)]
    pub(super) exact: bool,
}

/// A data file as its `Add` action will describe it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StagedFile {
    /// Relative to the table, as it is on the disk.
    pub(super) path: String,
    pub(super) partition_values: BTreeMap<String, Option<String>>,
    pub(super) size: i64,
    pub(super) modified: i64,
    pub(super) stats: String,
    pub(super) rows: u64,
}

/// Writes the rows beside the files of the table. Blocks.
#[expect(clippy::too_many_arguments, reason = "each is a part of the one thing that is done")]
pub(super) fn stage(
    path: &Storage,
    asset: &AssetSpec,
    mode: Mode,
    keys: Option<&KeySet>,
    existing: Option<&Opened>,
    rows: Table,
    spool: &Path,
    env: &dyn Env,
) -> Result<Staged> {
    let eager = rows.share().is_some();
    // A stream waits in a file, which is there until its rows are in theirs.
    let (rows, _spooled) = rows.into_polars_in(spool)?;
    let mut plan = rows.into_lazy();
    let frame_schema = plan.collect_schema()?;
    let written = schema::written(&frame_schema)?;
    let unchanged = written.iter().all(|column| frame_schema.get(column.field.name()) == Some(&column.polars));
    let table_schema: Schema =
        written.iter().map(|column| (column.field.name().as_str().into(), column.polars.clone())).collect();
    let partition_columns = layout::partition_columns(asset, &table_schema)?;
    check_columns(&partition_columns, frame_schema.iter_names().map(PlSmallStr::as_str)).map_err(|error| {
        let missing = partition_columns.iter().find(|column| frame_schema.get(column).is_none());
        let message =
            format!("`partition_expr` names the column `{}`, which the output does not have", missing.map_or("", |name| name));
        Error::new(ErrorKind::Schema, message).help(error.help_text().unwrap_or_default())
    })?;
    let merge = Merge::of(asset, mode)?;
    if let Some(merge) = &merge {
        check_columns(&merge.on, frame_schema.iter_names().map(PlSmallStr::as_str))?;
    }
    let slicer = match (keys, &asset.partition_expr) {
        (Some(keys), Some(expr)) => Some(Arc::new(Slicer::new(keys, expr, &table_schema)?)),
        _ => None,
    };
    let fields: Vec<_> = written.iter().map(|column| column.field.clone()).collect();
    let delta_schema = StructType::try_new(fields)
        .map_err(|error| Error::new(ErrorKind::Schema, "the columns cannot be the columns of a Delta table").source(error))?;
    if let Some(existing) = existing {
        check_schema(path, asset, existing, &delta_schema, &partition_columns)?;
    }

    let file_schema: Schema = table_schema
        .iter()
        .filter(|(name, _)| !partition_columns.iter().any(|column| column == name.as_str()))
        .map(owned)
        .collect();
    if file_schema.is_empty() {
        let help = "a Delta table needs a column that is not a partition column";
        return Err(Error::new(ErrorKind::Schema, "nothing is left to write into the data files").help(help));
    }
    let plan = plan.select(written.into_iter().map(|column| column.expr).collect::<Vec<_>>());
    // A table without a row has no file that would make it.
    if let Some(folder) = path.local_path() {
        std::fs::create_dir_all(folder).map_err(|error| io_error(&error, "create the folder", folder))?;
    }
    let begun = Begun::new(path);
    let division = Division { partition_columns: &partition_columns, slicer: slicer.as_ref() };
    let files = write(path, asset, plan, &division, &file_schema, &begun, env);
    let files =
        files.and_then(|()| begun.close().into_iter().map(|(file, values)| describe(path, file, values, &file_schema)).collect());
    let files: Vec<StagedFile> = match files {
        Ok(files) => in_sequence(files),
        Err(error) => {
            // What cannot be removed is invisible; the error of the plan tells more than one of the clean-up.
            drop(remove(path, begun.close().iter().map(|(file, _)| file.as_str())));
            return Err(error);
        }
    };

    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| u64::try_from(file.size).unwrap_or_default()).sum();
    let columns = schema::columns(&delta_schema);
    // Rows of several partitions, or in several folders, come back one after the other.
    let in_one_piece =
        merge.is_none() && files.len() <= 1 && (partition_columns.is_empty() || keys.is_some_and(|keys| keys.len() == 1));
    let payload = StagedTable { schema: delta_schema, partition_columns, files, exact: eager && unchanged && in_one_piece };
    if let Some(merge) = &merge
        && let Err(error) = check_merge(path, &payload, &merge.on, slicer.as_deref())
    {
        drop(remove(path, payload.files.iter().map(|file| file.path.as_str())));
        return Err(error);
    }
    let payload = serde_json::to_value(payload).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    Ok(Staged::new(payload).rows(rows).bytes(bytes).columns(columns))
}

/// Looks at the keys of the rows in the files that were written, so that the body is computed once.
fn check_merge(path: &Storage, staged: &StagedTable, on: &[String], slicer: Option<&Slicer>) -> Result<()> {
    let source = Source::staged(path, staged)?;
    let plans: Vec<LazyFrame> = staged.files.iter().map(|file| source.scan_staged(file)).collect::<Result<_>>()?;
    if plans.is_empty() { Ok(()) } else { merge::check_keys(concat(plans, UnionArgs::default())?, on, slicer) }
}

fn owned((name, data_type): (&PlSmallStr, &polars::prelude::DataType)) -> (PlSmallStr, polars::prelude::DataType) {
    (name.clone(), data_type.clone())
}

/// Files in the order of the rows of each partition, in which they are numbered. A reader takes the order from the times: the sink
/// has several files open at once, so that a later one may be finished first.
fn in_sequence(mut files: Vec<StagedFile>) -> Vec<StagedFile> {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let mut latest = i64::MIN;
    for file in &mut files {
        latest = latest.max(file.modified);
        file.modified = latest;
    }
    files
}

/// Writes the rows, refuses those that do not belong, and leaves a mark for each partition without rows.
fn write(
    path: &Storage,
    asset: &AssetSpec,
    plan: LazyFrame,
    division: &Division<'_>,
    file_schema: &Schema,
    begun: &Arc<Begun>,
    env: &dyn Env,
) -> Result<()> {
    // The sink stops at the first stray row; how many there are takes another look, which only a mistake pays for.
    let again = division.slicer.map(|_| plan.clone());
    if let Err(error) = sink(asset, plan, division, begun, env) {
        if let (Some(slicer), Some(plan), true) = (division.slicer, again, begun.saw_stray()) {
            let strays = Strays::default();
            slicer
                .guard(plan.clone(), &strays)
                .select([polars::prelude::len()])
                .collect_with_engine(polars::prelude::Engine::Streaming)?;
            strays.check(slicer, plan)?;
        }
        return Err(error);
    }
    let Some(slicer) = division.slicer else { return Ok(()) };
    let space = slicer.keys().space();
    let mut with_rows = space.none();
    for places in begun.places() {
        with_rows.insert(space.at(&places));
    }
    for index in slicer.keys().difference(&with_rows).indices() {
        let (file, values) = mark_of(slicer, index, division.partition_columns, env);
        write_mark(begun.begin(file, values)?, asset, file_schema).map_err(|error| error.with("location", path))?;
    }
    Ok(())
}

/// The name and the values of the file that marks a partition without rows.
fn mark_of(slicer: &Slicer, index: u64, partition_columns: &[String], env: &dyn Env) -> DataFile {
    let (folder, values) = folder_of(slicer, &slicer.keys().space().places(index), partition_columns);
    let digest = slicer.keys().only(index).slice().digest();
    (format!("{folder}{}{digest}-{}.parquet", layout::EMPTY, unique_id(env)), values)
}

fn write_mark(mut file: Upload, asset: &AssetSpec, file_schema: &Schema) -> Result<()> {
    let options = parquet_options(asset)?;
    let mut nothing = DataFrame::empty_with_schema(file_schema);
    ParquetWriter::new(&mut file).with_compression(options.compression).finish(&mut nothing)?;
    file.finish()
}

/// Writes the file that marks a partition without rows. Blocks.
pub(super) fn mark(
    path: &Storage,
    asset: &AssetSpec,
    slicer: &Slicer,
    index: u64,
    partition_columns: &[String],
    file_schema: &Schema,
    env: &dyn Env,
) -> Result<StagedFile> {
    let (file, values) = mark_of(slicer, index, partition_columns, env);
    let begun = Begun::new(path);
    write_mark(begun.begin(file.clone(), values.clone())?, asset, file_schema)?;
    describe(path, file, values, file_schema)
}

/// The folder of a partition, with a `/` at the end, and its values.
fn folder_of(slicer: &Slicer, places: &[u64], partition_columns: &[String]) -> (String, BTreeMap<String, Option<String>>) {
    let mut folder = String::new();
    let mut values = BTreeMap::new();
    for column in partition_columns {
        let axis = slicer.axes().iter().position(|axis| axis.column().as_str() == column);
        let text = axis.and_then(|axis| slicer.axes()[axis].text_of(places[axis]));
        folder.push_str(&hive_folder(column, text.as_deref().unwrap_or_default()));
        folder.push('/');
        values.insert(column.clone(), text);
    }
    (folder, values)
}

/// Removes data files that will not be committed. Blocks.
///
/// `existing` is the table after the decision: a file that it has is never removed, whoever says that it was not committed.
pub(super) fn discard(path: &Storage, staged: &[Staged], existing: Option<&Opened>) -> Result<()> {
    let live: HashSet<String> = existing.into_iter().flat_map(Opened::files).map(|file| file.path().into_owned()).collect();
    for staged in staged {
        let payload = parse(staged)?;
        remove(path, payload.files.iter().map(|file| file.path.as_str()).filter(|file| !live.contains(*file)))?;
    }
    Ok(())
}

pub(super) fn parse(staged: &Staged) -> Result<StagedTable> {
    staged.payload("the Delta store")
}

/// Refuses to change the columns of a table, unless its asset says that a run may.
pub(super) fn check_schema(
    path: &Storage,
    asset: &AssetSpec,
    existing: &Opened,
    schema: &StructType,
    partition_columns: &[String],
) -> Result<()> {
    table::check_writable(existing, path)?;
    let known = existing.schema();
    if let Some(field) = known.fields().find(|field| !field.is_nullable() || field.metadata().contains_key("delta.invariants")) {
        let message = format!("the column `{}` of the table has a constraint, which this version does not check", field.name());
        return Err(Error::new(ErrorKind::Unsupported, message).help("drop the constraint, or write to another table"));
    }
    let mode = schema_mode(asset);
    if mode == SchemaMode::Overwrite {
        return Ok(());
    }
    let refuse = |message: String| {
        let help = match asset.partitions {
            None => {
                "make the output fit the table, or let this asset replace the columns with `store(schema_mode = \"overwrite\")`"
            }
            Some(_) => "make the output fit the table, or let this asset add columns with `store(schema_mode = \"merge\")`",
        };
        Err(Error::new(ErrorKind::Schema, message).help(help))
    };
    if existing.metadata().partition_columns() != partition_columns {
        let (stored, new) = (existing.metadata().partition_columns().join(", "), partition_columns.join(", "));
        return refuse(format!("the table is partitioned by `{stored}` and the asset by `{new}`"));
    }
    let stored = known;
    for field in schema.fields() {
        match stored.field(field.name()) {
            None if mode == SchemaMode::Merge => {}
            None => return refuse(format!("the column `{}` is not in the table", field.name())),
            Some(known) if known.data_type() != field.data_type() => {
                let (name, known, new) = (field.name(), known.data_type(), field.data_type());
                return refuse(format!("the column `{name}` is {known} in the table and {new} in the output"));
            }
            Some(_) => {}
        }
    }
    match stored.fields().find(|field| schema.field(field.name()).is_none()) {
        Some(_) if mode == SchemaMode::Merge => Ok(()),
        Some(missing) => refuse(format!("the column `{}` of the table is missing from the output", missing.name())),
        None => Ok(()),
    }
}

pub(super) fn describe(
    table: &Storage,
    path: String,
    partition_values: BTreeMap<String, Option<String>>,
    schema: &Schema,
) -> Result<StagedFile> {
    let Some(found) = table.entry(&path)? else {
        return Err(Error::new(ErrorKind::Io, format!("`{table}/{path}` is gone after it was written")));
    };
    let (rows, stats) = stats::of_file(table, &path, schema)?;
    Ok(StagedFile {
        path,
        partition_values,
        size: i64::try_from(found.bytes).unwrap_or(i64::MAX),
        modified: found.modified.as_millisecond(),
        stats,
        rows,
    })
}

pub(super) fn remove<'a>(table: &Storage, mut files: impl Iterator<Item = &'a str>) -> Result<()> {
    files.try_for_each(|file| table.delete(file))
}
