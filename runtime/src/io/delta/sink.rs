//! Writing data files that we have opened ourselves, one folder for each combination of partition values.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use polars::lazy::dsl::file_provider::{FileProviderArgs, FileProviderReturn, FileProviderType};
use polars::prelude::{
    AnyValue, DataFrame, DataType, Engine, FileWriteFormat, LazyFrame, PartitionStrategy, PlRefPath, PlanCallback, PolarsResult,
    SinkDestination, col, polars_bail, polars_err,
};

use super::options::target_file_size;
use crate::asset::AssetSpec;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::parquet_options::parquet_options;
use crate::io::sink::{into, sink_args};
use crate::io::slicing::Slicer;
use crate::io::storage::{Storage, Upload};

/// A data file and the values of its partition columns.
pub(super) type DataFile = (String, BTreeMap<String, Option<String>>);

/// What a sink has begun. The sink asks for files from threads of its own, some of which may still do so after the plan has failed;
/// once it is closed, no file is begun any more.
pub(super) struct Begun {
    table: Storage,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: Vec<DataFile>,
    /// The partitions that have a file, by the places on their axes.
    places: Vec<Vec<u64>>,
    stray: bool,
    closed: bool,
}

impl Begun {
    pub(super) fn new(table: &Storage) -> Arc<Self> {
        Arc::new(Self { table: table.to_owned(), state: Mutex::default() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, file: String, values: BTreeMap<String, Option<String>>) -> Result<Upload> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::new(ErrorKind::Internal, "the plan has ended"));
        }
        let upload = self.table.upload(&file)?;
        state.files.push((file, values));
        Ok(upload)
    }

    pub(super) fn close(&self) -> Vec<DataFile> {
        let mut state = self.state();
        state.closed = true;
        state.files.clone()
    }

    /// Whether a row was seen that does not belong to the slice.
    pub(super) fn saw_stray(&self) -> bool {
        self.state().stray
    }

    /// The places on the axes of the partitions that have rows.
    pub(super) fn places(&self) -> Vec<Vec<u64>> {
        self.state().places.clone()
    }
}

/// How the rows of a plan are divided into files.
pub(super) struct Division<'a> {
    /// The columns that make folders.
    pub(super) partition_columns: &'a [String],
    /// The partitions that the rows may belong to; each has files of its own. Nothing for a table that is written whole.
    pub(super) slicer: Option<&'a Arc<Slicer>>,
}

/// Writes the rows of a plan. Stops at a row that does not belong.
pub(super) fn sink(asset: &AssetSpec, plan: LazyFrame, division: &Division<'_>, begun: &Arc<Begun>, env: &dyn Env) -> Result<()> {
    let format = FileWriteFormat::Parquet(Arc::new(parquet_options(asset)?));
    let run = unique_id(env);
    let Division { partition_columns, slicer } = division;
    let target_bytes = target_file_size(asset).unwrap_or(0);
    if partition_columns.is_empty() && slicer.is_none() && target_bytes == 0 {
        let target = into(begun.begin(format!("part-00000-{run}.parquet"), BTreeMap::new())?.into());
        plan.sink(target, format, sink_args())?.collect_with_engine(Engine::Streaming)?;
        return Ok(());
    }
    let folders = partition_columns.len();
    let mut keys: Vec<_> = partition_columns.iter().map(col).collect();
    let mut plan = plan;
    // A column without folders is cut by what its values belong to.
    let cut: Vec<usize> = slicer.map_or_else(Vec::new, |slicer| {
        let axes = slicer.axes().iter().enumerate();
        axes.filter(|(_, axis)| !partition_columns.iter().any(|column| column == axis.column().as_str()))
            .map(|(at, _)| at)
            .collect()
    });
    for axis in &cut {
        let Some(slicer) = slicer else { break };
        let place = format!("__lakewright_place_{axis}");
        plan = plan.with_columns([slicer.axes()[*axis].place().alias(place.as_str())]);
        keys.push(col(place.as_str()));
    }
    let slicer = slicer.map(Arc::clone);
    let files = Arc::clone(begun);
    let provider = PlanCallback::new(move |args: FileProviderArgs| {
        // A value that cannot be a partition value belongs to no partition; without partitions it is a mistake of its own.
        let found = partition(&args.partition_keys, folders);
        files.state().stray |= slicer.is_some() && found.is_err();
        let (folder, values) = found?;
        let mut name = format!("part-{:05}", args.index_in_partition);
        if let Some(slicer) = &slicer {
            let Some(places) = places(slicer, &values, &cut, &args.partition_keys, folders)? else {
                files.state().stray = true;
                polars_bail!(ComputeError: "a row does not belong to what is written");
            };
            // Each combination has files of its own.
            for axis in &cut {
                name = format!("{name}-{}", places[*axis]);
            }
            files.state().places.push(places);
        }
        let file = if folder.is_empty() { format!("{name}-{run}.parquet") } else { format!("{folder}/{name}-{run}.parquet") };
        Ok(FileProviderReturn::Writable(files.begin(file, values).map_err(std::io::Error::other)?.into()))
    });
    let target = SinkDestination::Partitioned {
        // Every file is opened by the provider, wherever it is.
        base_path: PlRefPath::try_from_path(begun.table.local_path().unwrap_or(Path::new("/")))?,
        file_path_provider: Some(FileProviderType::Function(provider)),
        partition_strategy: if keys.is_empty() {
            PartitionStrategy::FileSize
        } else {
            PartitionStrategy::Keyed { keys, include_keys: false, keys_pre_grouped: false }
        },
        max_rows_per_file: 0,
        approximate_bytes_per_file: target_bytes,
    };
    plan.sink(target, format, sink_args())?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}

/// The places on the axes that the keys of a file stand for; nothing if they are not in the slice.
fn places(
    slicer: &Slicer,
    values: &BTreeMap<String, Option<String>>,
    cut: &[usize],
    keys: &DataFrame,
    folders: usize,
) -> PolarsResult<Option<Vec<u64>>> {
    let mut places = Vec::with_capacity(slicer.axes().len());
    for (index, axis) in slicer.axes().iter().enumerate() {
        let place = match cut.iter().position(|cut| *cut == index) {
            Some(at) => keys.columns()[folders + at].i64()?.get(0).map(i64::cast_unsigned),
            None => values.get(axis.column().as_str()).and_then(|text| axis.place_of_text(text.as_deref()?)),
        };
        match place {
            Some(place) => places.push(place),
            None => return Ok(None),
        }
    }
    Ok(Some(places).filter(|places| slicer.contains(places)))
}

/// The folder of a partition and its values as the log writes them; the first columns of the keys make folders.
fn partition(keys: &DataFrame, folders: usize) -> PolarsResult<(String, BTreeMap<String, Option<String>>)> {
    let mut folder = Vec::new();
    let mut values = BTreeMap::new();
    for column in keys.columns().iter().take(folders) {
        let value = partition_value(column.name(), column.dtype(), &column.get(0)?)?;
        folder.push(hive_folder(column.name(), &value));
        values.insert(column.name().to_string(), Some(value));
    }
    Ok((folder.join("/"), values))
}

/// The folder of one partition value.
pub(super) fn hive_folder(column: &str, value: &str) -> String {
    format!("{}={}", hive_segment(column), hive_segment(value))
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
        DataType::Datetime(..) => timestamp(value).ok_or_else(|| polars_err!(ComputeError: "`{name}` has a time out of range")),
        _ => polars_bail!(ComputeError: "a column of type `{data_type}` cannot be a partition column; `{name}` is one"),
    }
}

/// A time as the protocol writes it in a partition value. Columns have microseconds by now.
fn timestamp(value: &AnyValue<'_>) -> Option<String> {
    let microseconds = match value {
        AnyValue::Datetime(microseconds, ..) | AnyValue::DatetimeOwned(microseconds, ..) => *microseconds,
        _ => return None,
    };
    let at = jiff::Timestamp::from_microsecond(microseconds).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string())
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
