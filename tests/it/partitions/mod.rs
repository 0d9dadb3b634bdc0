//! Partitions on the Delta store, through the public interface. What is stored is read by somebody else: the log by delta-rs, each
//! file by Polars, and compared as a multiset of rows.

mod acceptance;
mod concurrency;
mod empty;
mod hostile;
mod modes;
pub(crate) mod moments;
mod others;
mod previous;
mod reading;
mod sets;
mod shared_files;
mod shrunk;
mod strays;
mod types;
mod wiped;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deltalake_core::DeltaTable;
use lakewright::event::{EventKind, Failure};
use lakewright::exec::{PartitionChoice, RunReport};
use lakewright::frame::Frame;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind, Value};
use tempfile::{TempDir, tempdir};

use crate::support::{Heard, block_on, key, open_delta};

/// What a body gives for each key; the empty key is for bodies that are called once.
type Bodies = Arc<Mutex<HashMap<String, DataFrame>>>;

/// A partitioned asset `t` in Delta, whose rows the test decides.
pub(super) struct Sliced {
    root: Arc<TempDir>,
    bodies: Bodies,
    heard: Heard,
    pub(super) lakehouse: Lakehouse,
}

impl Sliced {
    #[track_caller]
    pub(super) fn new(def: PartitionsDef, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> Self {
        Self::at(Arc::new(tempdir().unwrap()), def, with, [])
    }

    /// With other assets beside it.
    #[track_caller]
    pub(super) fn with(
        def: PartitionsDef,
        with: impl FnOnce(AssetBuilder) -> AssetBuilder,
        others: impl IntoIterator<Item = AssetSpec>,
    ) -> Self {
        Self::at(Arc::new(tempdir().unwrap()), def, with, others)
    }

    /// The same table as another program defines it.
    #[track_caller]
    pub(super) fn redefined(&self, def: PartitionsDef, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> Self {
        Self::at(Arc::clone(&self.root), def, with, [])
    }

    #[track_caller]
    fn at(
        root: Arc<TempDir>,
        def: PartitionsDef,
        with: impl FnOnce(AssetBuilder) -> AssetBuilder,
        others: impl IntoIterator<Item = AssetSpec>,
    ) -> Self {
        let bodies = Bodies::default();
        let given = Arc::clone(&bodies);
        let asset = with(AssetBuilder::new("t", ValueKind::Table).partitions(def)).body(move |call| {
            let key = call.partition_key().map(|key| key.to_string()).unwrap_or_default();
            let frame = {
                let bodies = given.lock().unwrap();
                bodies.get(&key).or(bodies.get("")).cloned()
            };
            async move { call.produce_frame(frame.unwrap_or_else(|| panic!("no rows were given for `{key}`"))) }
        });
        let heard = Heard::default();
        let builder = crate::support::lakehouse(&root, [asset.unwrap()].into_iter().chain(others));
        let lakehouse = heard.listen(builder).build().unwrap();
        Self { root, bodies, heard, lakehouse }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.root.path().join("delta/public/t")
    }

    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// What the body gives for a key from now on.
    pub(super) fn give(&self, key: &str, rows: DataFrame) {
        self.bodies.lock().unwrap().insert(key.to_owned(), rows);
    }

    pub(super) fn run(&self, choice: &PartitionChoice) -> RunReport {
        self.lakehouse.materialize_for_blocking("t", choice).unwrap()
    }

    /// A run of one key, which succeeds.
    #[track_caller]
    pub(super) fn write(&self, key: &str, rows: DataFrame) -> RunReport {
        self.write_all([(key, rows)])
    }

    /// One run of several keys, which succeeds.
    #[track_caller]
    pub(super) fn write_all<'k>(&self, all: impl IntoIterator<Item = (&'k str, DataFrame)>) -> RunReport {
        let mut choice = PartitionChoice::none();
        for (key, rows) in all {
            self.give(key, rows);
            choice = choice.key(key);
        }
        self.expect(&choice)
    }

    /// A run that succeeds.
    #[track_caller]
    pub(super) fn expect(&self, choice: &PartitionChoice) -> RunReport {
        let report = self.run(choice);
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        report
    }

    /// A run of one key that is refused, with rows, version and live files as they were.
    #[track_caller]
    pub(super) fn refuse(&self, key: &str, rows: DataFrame) -> Failure {
        self.give(key, rows);
        self.refuse_all(&PartitionChoice::none().key(key))
    }

    /// A run that is refused, with rows, version and live files as they were.
    #[track_caller]
    pub(super) fn refuse_all(&self, choice: &PartitionChoice) -> Failure {
        let before = self.snapshot();
        let report = self.run(choice);
        let failure = report.failures().next().expect("the run fails").1.clone();
        assert_eq!(self.snapshot(), before, "a refusal changes nothing");
        failure
    }

    /// Everything that a foreign reader sees of the table: rows, version, live files.
    pub(super) fn snapshot(&self) -> Option<(Vec<String>, Option<u64>, Vec<String>)> {
        let path = self.path();
        path.join("_delta_log").exists().then(|| (live_rows(&path), open_delta(&path).version(), live_files(&path)))
    }

    /// The rows that a foreign reader sees.
    pub(super) fn live(&self) -> Vec<String> {
        live_rows(&self.path())
    }

    pub(super) fn version(&self) -> u64 {
        open_delta(&self.path()).version().unwrap()
    }

    pub(super) fn partition_columns(&self) -> Vec<String> {
        open_delta(&self.path()).snapshot().unwrap().metadata().partition_columns().to_vec()
    }

    /// What the system reads of one partition.
    pub(super) fn read(&self, partition: &str) -> Option<DataFrame> {
        frame_of(block_on(self.lakehouse.load_partition(&key("t"), partition)).unwrap()?)
    }

    /// What the system reads of all of them.
    pub(super) fn read_all(&self) -> lakewright::Result<DataFrame> {
        block_on(self.lakehouse.load_frame(&key("t")))
    }

    /// The keys that are there.
    pub(super) fn stored(&self) -> Vec<String> {
        let stored = block_on(self.lakehouse.stored_partitions(&key("t"))).unwrap();
        stored.keys().map(|key| key.to_string()).collect()
    }

    pub(super) fn events(&self) -> Vec<EventKind> {
        self.heard.kinds()
    }
}

pub(super) fn frame_of(value: Value) -> Option<DataFrame> {
    let Value::Table(table) = value else { panic!("a table") };
    Some(block_on(async { tokio::task::spawn_blocking(|| DataFrame::from_table(table).unwrap()).await.unwrap() }))
}

/// The rows of frames as sorted texts, with the columns sorted by name.
pub(super) fn rows<'f>(frames: impl IntoIterator<Item = &'f DataFrame>) -> Vec<String> {
    let mut rows: Vec<String> = frames.into_iter().flat_map(|frame| rendered(frame, &[])).collect();
    rows.sort_unstable();
    rows
}

fn rendered(frame: &DataFrame, missing: &[String]) -> Vec<String> {
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let mut frame = frame.clone();
    for name in frame.get_column_names_owned() {
        if matches!(frame.column(&name).unwrap().dtype(), DataType::Datetime(_, Some(_))) {
            let instants = frame.column(&name).unwrap().cast(&utc).unwrap();
            frame.with_column(instants).unwrap();
        }
    }
    let mut names: Vec<&str> = frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    names.extend(missing.iter().map(String::as_str));
    names.sort_unstable();
    let cell = |name: &str, row: usize| match frame.column(name) {
        Ok(column) => column.get(row).unwrap().str_value().into_owned(),
        Err(_) => "null".to_owned(),
    };
    let row = |row: usize| names.iter().map(|name| format!("{name}={}", cell(name, row))).collect::<Vec<_>>().join(" ");
    (0..frame.height()).map(row).collect()
}

/// The rows of a Delta table: each live file on its own, with its partition values as columns.
pub(super) fn live_rows(path: &Path) -> Vec<String> {
    let table = open_delta(path);
    let state = table.snapshot().unwrap();
    let schema: Vec<String> = state.schema().fields().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for file in state.log_data().iter() {
        let reader = ParquetReader::new(std::fs::File::open(path.join(file.path().as_ref())).unwrap());
        let mut frame = reader.finish().unwrap();
        for (column, value) in file.partition_values_map() {
            frame.with_column(Column::new(column.as_str().into(), vec![value; frame.height()])).unwrap();
        }
        let missing: Vec<String> = schema.iter().filter(|name| frame.column(name).is_err()).cloned().collect();
        rows.extend(rendered(&frame, &missing));
    }
    rows.sort_unstable();
    rows
}

pub(super) fn live_files(path: &Path) -> Vec<String> {
    let table: DeltaTable = open_delta(path);
    let mut files: Vec<String> = table.snapshot().unwrap().log_data().iter().map(|file| file.path().into_owned()).collect();
    files.sort_unstable();
    files
}

/// Static keys.
pub(super) fn fixed<const N: usize>(keys: [&str; N]) -> PartitionsDef {
    PartitionsDef::fixed("Fixed", keys).unwrap()
}

/// Windows of time in UTC, all of which are over.
pub(super) fn windows(every: Every, start: &str) -> PartitionsDef {
    PartitionsDef::time("Windows", TimeDef::new(every, start).unwrap())
}

pub(super) fn days() -> PartitionsDef {
    windows(Every::Day, "2023-01-01")
}

/// `n` numbered rows with this value in a text column.
pub(super) fn numbered(column: &str, value: &str, numbers: &[i64]) -> DataFrame {
    df!(column => vec![value; numbers.len()], "n" => numbers).unwrap()
}

/// The same with the text as a date.
pub(super) fn dated(day: &str, numbers: &[i64]) -> DataFrame {
    let frame = numbered("day", day, numbers).lazy();
    frame.with_column(col("day").cast(DataType::Date)).collect().unwrap()
}

#[track_caller]
pub(super) fn assert_kind(failure: &Failure, kind: ErrorKind, says: &[&str]) {
    assert_eq!(failure.code, kind.code(), "{failure:#?}");
    let said = format!("{} {:?} {:?}", failure.message, failure.help, failure.causes);
    for part in says {
        assert!(said.contains(part), "`{part}` is not in {failure:#?}");
    }
}
