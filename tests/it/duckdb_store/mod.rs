//! The DuckDB store: the rules that every store keeps, and what only DuckDB has. What is stored is read by statements of our own on
//! connections of our own, and compared as a multiset of rows.

mod killed;
mod slices;
mod tables;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lakewright::duckdb::{Connection, DuckDb};
use lakewright::event::Failure;
use lakewright::exec::{PartitionChoice, RunReport};
use lakewright::frame::Frame;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Value, ValueKind};
use tempfile::{TempDir, tempdir};

use crate::support::{block_on, key};

lakewright::conformance! {
    mod conformance: [append, error, ignore, lasting, merge, one_table, schema_mode, schemas, tables]
        => |place| DuckDbIoManager::new(place.folder().join("store.duckdb"))
}

/// A database file in a folder of its own, and a lakehouse of assets `t` whose rows the test decides.
struct Warehouse {
    folder: TempDir,
    rows: Arc<Mutex<HashMap<String, DataFrame>>>,
    lakehouse: Option<Lakehouse>,
}

impl Warehouse {
    /// With an asset `t`.
    #[track_caller]
    fn new(with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> Self {
        let mut warehouse = Self::empty();
        let asset = warehouse.asset("t", with);
        warehouse.of([asset], |store| store);
        warehouse
    }

    fn empty() -> Self {
        Self { folder: tempdir().unwrap(), rows: Arc::default(), lakehouse: None }
    }

    /// An asset that gives what the test has given for its key, or for the asset.
    fn asset(&self, name: &str, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
        let given = Arc::clone(&self.rows);
        let name = name.to_owned();
        let asset = with(AssetBuilder::new(&*name, ValueKind::Table)).body(move |call| {
            let key = call.partition_key().map(|key| key.to_string()).unwrap_or_default();
            let given = given.lock().unwrap();
            let rows = given.get(&format!("{name}/{key}")).or(given.get(&name)).cloned();
            drop(given);
            async move { call.produce_frame(rows.expect("rows were given")) }
        });
        asset.unwrap()
    }

    #[track_caller]
    fn of(&mut self, assets: impl IntoIterator<Item = AssetSpec>, with: impl FnOnce(DuckDbIoManager) -> DuckDbIoManager) {
        let store = with(DuckDbIoManager::new(self.path()));
        let builder = Lakehouse::builder().root(self.folder.path()).registry(Registry::from_specs(assets));
        self.lakehouse = Some(builder.io_manager("io_manager", store).build().unwrap());
    }

    fn lakehouse(&self) -> &Lakehouse {
        self.lakehouse.as_ref().expect("assets were given")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("sub/warehouse.duckdb")
    }

    fn give(&self, key: &str, rows: DataFrame) {
        let name = if key.is_empty() { "t".to_owned() } else { format!("t/{key}") };
        self.rows.lock().unwrap().insert(name, rows);
    }

    fn run(&self, all: impl IntoIterator<Item = (&'static str, DataFrame)>) -> RunReport {
        let mut choice = PartitionChoice::none();
        for (key, rows) in all {
            self.give(key, rows);
            choice = if key.is_empty() { choice } else { choice.key(key) };
        }
        self.lakehouse().materialize_for_blocking("t", &choice).unwrap()
    }

    /// A run that succeeds.
    #[track_caller]
    fn write(&self, all: impl IntoIterator<Item = (&'static str, DataFrame)>) -> RunReport {
        let report = self.run(all);
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        report
    }

    /// A run that is refused, with every row as it was and nothing left over.
    #[track_caller]
    fn refuse(&self, all: impl IntoIterator<Item = (&'static str, DataFrame)>) -> Failure {
        let before = self.stored();
        let report = self.run(all);
        let failure = report.failures().next().expect("the run fails").1.clone();
        assert_eq!(self.stored(), before, "a refusal changes nothing");
        assert_eq!(self.left_over(), 0, "a refusal leaves nothing behind");
        failure
    }

    fn sql(&self) -> Connection {
        DuckDb::open(self.path()).connection().unwrap()
    }

    /// The rows of `public.t` as sorted texts; nothing without a table.
    fn stored(&self) -> Option<Vec<String>> {
        if !self.path().exists() {
            return None;
        }
        let sql = self.sql();
        let there: i64 = sql.query_value("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'", []).unwrap();
        (there > 0).then(|| rows_of(&sql.query::<DataFrame>("SELECT * FROM public.t").unwrap()))
    }

    /// How many tables there are of rows that nobody has committed.
    fn left_over(&self) -> i64 {
        if !self.path().exists() {
            return 0;
        }
        let sql = self.sql();
        let tables: i64 = sql
            .query_value("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '\\_lakewright\\_staged%' ESCAPE '\\'", [])
            .unwrap();
        tables + sql.query_value::<i64>("SELECT count(*) FROM _lakewright.staged", []).unwrap_or(0)
    }

    /// What the system reads.
    fn read(&self) -> DataFrame {
        block_on(self.lakehouse().load_frame(&key("t"))).unwrap()
    }

    /// What the system reads of one partition.
    fn read_partition(&self, partition: &str) -> DataFrame {
        let value = block_on(self.lakehouse().load_partition(&key("t"), partition)).unwrap().expect("it is there");
        let Value::Table(table) = value else { panic!("a table") };
        block_on(async { tokio::task::spawn_blocking(|| DataFrame::from_table(table).unwrap()).await.unwrap() })
    }

    /// The partitions that are there.
    fn partitions(&self) -> Vec<String> {
        let stored = block_on(self.lakehouse().stored_partitions(&key("t"))).unwrap();
        stored.keys().map(|key| key.to_string()).collect()
    }
}

/// The rows as sorted texts, with the columns sorted by name.
fn rows_of(frame: &DataFrame) -> Vec<String> {
    let mut names: Vec<&str> = frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect();
    names.sort_unstable();
    let cell = |name: &&str, row: usize| format!("{name}={}", frame.column(name).unwrap().get(row).unwrap().str_value());
    let row = |row| names.iter().map(|name| cell(name, row)).collect::<Vec<_>>().join(" ");
    let mut rows: Vec<String> = (0..frame.height()).map(row).collect();
    rows.sort_unstable();
    rows
}

/// The rows of several frames.
fn all<'f>(frames: impl IntoIterator<Item = &'f DataFrame>) -> Option<Vec<String>> {
    let mut rows: Vec<String> = frames.into_iter().flat_map(rows_of).collect();
    rows.sort_unstable();
    Some(rows)
}

fn fixed<const N: usize>(keys: [&str; N]) -> PartitionsDef {
    PartitionsDef::fixed("Fixed", keys).unwrap()
}

/// Three rows of a version.
fn version(column: &str, value: &str, version: &str) -> DataFrame {
    df!(column => [value; 3], "a" => [version; 3], "n" => [1i64, 2, 3]).unwrap()
}

#[track_caller]
fn assert_kind(failure: &Failure, kind: lakewright::ErrorKind, says: &[&str]) {
    assert_eq!(failure.code, kind.code(), "{failure:#?}");
    let said = format!("{} {:?} {:?}", failure.message, failure.help, failure.causes);
    for part in says {
        assert!(said.contains(part), "`{part}` is not in {failure:#?}");
    }
}
