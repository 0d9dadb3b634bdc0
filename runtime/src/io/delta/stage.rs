//! Writing data files that no reader sees: Polars' sink writes them, and what a later commit has to say of them is kept beside.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deltalake_core::DeltaTable;
use deltalake_core::kernel::StructType;
use polars::io::utils::file::Writable;
use polars::lazy::dsl::file_provider::{FileProviderArgs, FileProviderReturn, FileProviderType};
use polars::prelude::{
    AnyValue, DataFrame, DataType, Engine, FileWriteFormat, LazyFrame, PartitionStrategy, PlRefPath, PlSmallStr, PlanCallback,
    PolarsResult, Schema, SinkDestination, col, polars_bail, polars_err,
};
use serde::{Deserialize, Serialize};

use super::{may_change_schema, partition_column, schema, stats, table};
use crate::asset::AssetSpec;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::frame::polars::check_columns;
use crate::io::Staged;
use crate::io::files::io_error;
use crate::io::parquet_options::parquet_options;
use crate::io::sink::{open_file, sink_args};

/// The payload of something staged for a Delta table.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StagedTable {
    pub(super) schema: StructType,
    pub(super) partition_columns: Vec<String>,
    pub(super) files: Vec<StagedFile>,
}

/// A data file as its `Add` action will describe it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StagedFile {
    /// Relative to the table, as it is on the disk.
    pub(super) path: String,
    pub(super) partition_values: BTreeMap<String, Option<String>>,
    pub(super) size: i64,
    pub(super) modified: i64,
    pub(super) stats: String,
    pub(super) rows: u64,
}

/// A data file and the values of its partition columns.
type DataFile = (String, BTreeMap<String, Option<String>>);

/// The files that a sink has begun. The sink asks for files from threads of its own, some of which may still do so after the plan
/// has failed; once it is closed, no file is begun any more.
struct Begun {
    table: PathBuf,
    files: Mutex<(Vec<DataFile>, bool)>,
}

impl Begun {
    fn new(table: &Path) -> Arc<Self> {
        Arc::new(Self { table: table.to_owned(), files: Mutex::default() })
    }

    fn begin(&self, file: String, values: BTreeMap<String, Option<String>>) -> std::io::Result<fs::File> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.1 {
            return Err(std::io::Error::other("the plan has ended"));
        }
        let path = self.table.join(&file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let opened = fs::File::create_new(path)?;
        files.0.push((file, values));
        Ok(opened)
    }

    fn close(&self) -> Vec<DataFile> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.1 = true;
        files.0.clone()
    }
}

/// Writes the rows beside the files of the table. Blocks.
pub(super) fn stage(path: &Path, asset: &AssetSpec, existing: Option<&DeltaTable>, rows: Table, env: &dyn Env) -> Result<Staged> {
    let mut plan = rows.into_polars()?.into_lazy();
    let frame_schema = plan.collect_schema()?;
    let written = schema::written(&frame_schema)?;
    let partition_columns: Vec<String> = partition_column(asset)?.map(str::to_owned).into_iter().collect();
    check_columns(&partition_columns, frame_schema.iter_names().map(PlSmallStr::as_str)).map_err(|error| {
        let message = format!("`partition_expr` names the column `{}`, which the output does not have", partition_columns[0]);
        Error::new(ErrorKind::Schema, message).help(error.help_text().unwrap_or_default())
    })?;
    let fields: Vec<_> = written.iter().map(|column| column.field.clone()).collect();
    let delta_schema = StructType::try_new(fields)
        .map_err(|error| Error::new(ErrorKind::Schema, "the columns cannot be the columns of a Delta table").source(error))?;
    if let Some(existing) = existing {
        check_schema(path, asset, existing, &delta_schema, &partition_columns)?;
    }

    let file_schema: Schema = written
        .iter()
        .filter(|column| !partition_columns.contains(column.field.name()))
        .map(|column| (column.field.name().as_str().into(), column.polars.clone()))
        .collect();
    if file_schema.is_empty() {
        let help = "a Delta table needs a column that is not a partition column";
        return Err(Error::new(ErrorKind::Schema, "nothing is left to write into the data files").help(help));
    }
    let plan = plan.select(written.into_iter().map(|column| column.expr).collect::<Vec<_>>());
    fs::create_dir_all(path).map_err(|error| io_error(&error, "create the folder", path))?;
    let begun = Begun::new(path);
    let files = sink(asset, plan, &partition_columns, &begun, env)
        .and_then(|()| begun.close().into_iter().map(|(file, values)| describe(path, file, values, &file_schema)).collect());
    let files: Vec<StagedFile> = match files {
        Ok(files) => files,
        Err(error) => {
            // What cannot be removed is invisible; the error of the plan tells more than one of the clean-up.
            drop(remove(path, begun.close().iter().map(|(file, _)| file.as_str())));
            return Err(error);
        }
    };

    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| u64::try_from(file.size).unwrap_or_default()).sum();
    let columns = schema::columns(&delta_schema);
    let payload = StagedTable { schema: delta_schema, partition_columns, files };
    let payload = serde_json::to_value(payload).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    Ok(Staged::new(payload).rows(rows).bytes(bytes).columns(columns))
}

/// Removes data files that will not be committed. Blocks.
///
/// `existing` is the table after the decision: a file that it has is never removed, whoever says that it was not committed.
pub(super) fn discard(path: &Path, staged: &[Staged], existing: Option<&DeltaTable>) -> Result<()> {
    let state = existing.map(|existing| table::state(existing, path)).transpose()?;
    let live: HashSet<String> = state
        .into_iter()
        .flat_map(|state| state.log_data().iter().map(|file| file.path().into_owned()).collect::<Vec<_>>())
        .collect();
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
    path: &Path,
    asset: &AssetSpec,
    existing: &DeltaTable,
    schema: &StructType,
    partition_columns: &[String],
) -> Result<()> {
    let state = table::state(existing, path)?;
    table::check_writable(state, path)?;
    let known = state.schema();
    if let Some(field) = known.fields().find(|field| !field.is_nullable() || field.metadata().contains_key("delta.invariants")) {
        let message = format!("the column `{}` of the table has a constraint, which this version does not check", field.name());
        return Err(Error::new(ErrorKind::Unsupported, message).help("drop the constraint, or write to another table"));
    }
    if may_change_schema(asset) {
        return Ok(());
    }
    let refuse = |message: String| {
        let help =
            "make the output fit the table, or let this asset replace the columns with `store(schema_mode = \"overwrite\")`";
        Err(Error::new(ErrorKind::Schema, message).help(help))
    };
    if state.metadata().partition_columns() != partition_columns {
        let (stored, new) = (state.metadata().partition_columns().join(", "), partition_columns.join(", "));
        return refuse(format!("the table is partitioned by `{stored}` and the asset by `{new}`"));
    }
    let stored = known;
    for field in schema.fields() {
        match stored.field(field.name()) {
            None => return refuse(format!("the column `{}` is not in the table", field.name())),
            Some(known) if known.data_type() != field.data_type() => {
                let (name, known, new) = (field.name(), known.data_type(), field.data_type());
                return refuse(format!("the column `{name}` is {known} in the table and {new} in the output"));
            }
            Some(_) => {}
        }
    }
    match stored.fields().find(|field| schema.field(field.name()).is_none()) {
        Some(missing) => refuse(format!("the column `{}` of the table is missing from the output", missing.name())),
        None => Ok(()),
    }
}

fn sink(asset: &AssetSpec, plan: LazyFrame, partition_columns: &[String], begun: &Arc<Begun>, env: &dyn Env) -> Result<()> {
    let format = FileWriteFormat::Parquet(Arc::new(parquet_options(asset)?));
    let run = unique_id(env);
    let target = if partition_columns.is_empty() {
        let file = begun.begin(format!("part-00000-{run}.parquet"), BTreeMap::new());
        open_file(file.map_err(|error| io_error(&error, "create a file in", &begun.table))?)
    } else {
        let files = Arc::clone(begun);
        let provider = PlanCallback::new(move |args: FileProviderArgs| {
            let (folder, values) = partition(&args.partition_keys)?;
            let file = format!("{folder}/part-{:05}-{run}.parquet", args.index_in_partition);
            Ok(FileProviderReturn::Writable(Writable::Local(files.begin(file, values)?)))
        });
        SinkDestination::Partitioned {
            base_path: PlRefPath::try_from_path(&begun.table)?,
            file_path_provider: Some(FileProviderType::Function(provider)),
            partition_strategy: PartitionStrategy::Keyed {
                keys: partition_columns.iter().map(col).collect(),
                include_keys: false,
                keys_pre_grouped: false,
            },
            max_rows_per_file: 0,
            approximate_bytes_per_file: 0,
        }
    };
    plan.sink(target, format, sink_args())?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}

/// The folder of a partition and its values as the log writes them.
fn partition(keys: &DataFrame) -> PolarsResult<(String, BTreeMap<String, Option<String>>)> {
    let mut folder = Vec::new();
    let mut values = BTreeMap::new();
    for column in keys.columns() {
        let value = partition_value(column.name(), column.dtype(), &column.get(0)?)?;
        folder.push(format!("{}={}", hive_segment(column.name()), hive_segment(&value)));
        values.insert(column.name().to_string(), Some(value));
    }
    Ok((folder.join("/"), values))
}

/// A partition value as the Delta protocol writes it. Null and the empty text are one to Delta, so both are refused.
fn partition_value(name: &str, data_type: &DataType, value: &AnyValue<'_>) -> PolarsResult<String> {
    match value {
        AnyValue::Null => polars_bail!(ComputeError: "the partition column `{name}` has a row without a value"),
        AnyValue::Boolean(value) => return Ok(value.to_string()),
        AnyValue::String("") => {
            polars_bail!(ComputeError: "the partition column `{name}` has an empty text, which Delta would read back as null")
        }
        AnyValue::StringOwned(text) if text.is_empty() => {
            polars_bail!(ComputeError: "the partition column `{name}` has an empty text, which Delta would read back as null")
        }
        _ => {}
    }
    match data_type {
        DataType::String => Ok(value.get_str().unwrap_or_default().to_owned()),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            value.extract::<i64>().map(|number| number.to_string()).ok_or_else(|| polars_err!(ComputeError: "not a number"))
        }
        DataType::Date => Ok(value.to_string()),
        _ => polars_bail!(ComputeError: "a column of type `{data_type}` cannot be a partition column; `{name}` is one"),
    }
}

/// A name in a `column=value` folder, encoded so that readers that parse paths get the value back.
fn hive_segment(text: &str) -> String {
    const RESERVED: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'*')
        .add(b'/')
        .add(b':')
        .add(b'<')
        .add(b'=')
        .add(b'>')
        .add(b'?')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}')
        .add(b'\'');
    let encoded = percent_encoding::utf8_percent_encode(text, RESERVED).to_string();
    // A file system takes 255 bytes; the log, not the folder, says what the value is.
    if encoded.len() > 120 { blake3::hash(text.as_bytes()).to_hex()[..32].to_owned() } else { encoded }
}

fn describe(
    table: &Path,
    path: String,
    partition_values: BTreeMap<String, Option<String>>,
    schema: &Schema,
) -> Result<StagedFile> {
    let file = table.join(&path);
    let found = fs::metadata(&file).map_err(|error| io_error(&error, "look at", &file))?;
    let modified = found.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let (rows, stats) = stats::of_file(&file, schema)?;
    Ok(StagedFile {
        path,
        partition_values,
        size: i64::try_from(found.len()).unwrap_or(i64::MAX),
        modified: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
        stats,
        rows,
    })
}

fn remove<'a>(table: &Path, files: impl Iterator<Item = &'a str>) -> Result<()> {
    for file in files {
        let path: PathBuf = table.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io_error(&error, "remove", &path)),
            _ => {}
        }
    }
    Ok(())
}
