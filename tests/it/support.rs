//! What the tests share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use deltalake_core::DeltaTable;
use lakewright::event::{Event, EventKind, Failure};
use lakewright::exec::RunReport;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, LakehouseBuilder, ValueKind};
use tempfile::TempDir;

/// A lakehouse of these assets in a folder of its own.
pub(crate) fn lakehouse(root: &TempDir, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
    Lakehouse::builder().root(root.path()).registry(Registry::from_specs(assets))
}

/// An asset that produces the same frame each time.
#[track_caller]
pub(crate) fn frame_asset(key: &str, frame: DataFrame) -> AssetSpec {
    frame_builder(key, frame, |builder| builder)
}

/// An asset that produces the same frame each time, with options.
#[track_caller]
pub(crate) fn frame_builder(key: &str, frame: DataFrame, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
    let builder = with(AssetBuilder::new(key, ValueKind::Table));
    let body = move |call: lakewright::Call| {
        let frame = frame.clone();
        async move { call.produce_frame(frame) }
    };
    builder.body(body).unwrap()
}

/// Materializes everything and expects every step to succeed.
#[track_caller]
pub(crate) fn run_all(lakehouse: &Lakehouse) -> RunReport {
    let report = lakehouse.materialize_blocking("*").unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    report
}

/// Materializes everything and expects one step to fail; its failure.
#[track_caller]
pub(crate) fn run_to_failure(lakehouse: &Lakehouse) -> Failure {
    let report = lakehouse.materialize_blocking("*").unwrap();
    let mut failures = report.failures();
    let failure = failures.next().expect("a step fails").1.clone();
    assert!(failures.next().is_none(), "only one step fails");
    failure
}

/// Three rows, as in the acceptance cases.
pub(crate) fn abc() -> DataFrame {
    df!("a" => [1i64, 2, 3], "b" => [4i64, 5, 6]).unwrap()
}

/// Three rows whose `a` is this text.
pub(crate) fn version(text: &str) -> DataFrame {
    df!("a" => [text; 3], "n" => [1i64, 2, 3]).unwrap()
}

pub(crate) fn key(text: &str) -> AssetKey {
    text.parse().unwrap()
}

/// A Delta table as another implementation of reading sees it: the log by delta-rs, each file on its own.
pub(crate) fn read_delta(path: &Path) -> DataFrame {
    let table = open_delta(path);
    let partition_columns = table.snapshot().unwrap().metadata().partition_columns().to_vec();
    let mut frames = Vec::new();
    for file in table.snapshot().unwrap().log_data().iter() {
        let reader = ParquetReader::new(std::fs::File::open(path.join(file.path().as_ref())).unwrap());
        let mut frame = reader.finish().unwrap();
        for column in &partition_columns {
            let value = file.partition_values_map()[column].clone();
            frame.with_column(Column::new(column.as_str().into(), vec![value; frame.height()])).unwrap();
        }
        frames.push(frame.lazy());
    }
    if frames.is_empty() { DataFrame::empty() } else { concat(frames, UnionArgs::default()).unwrap().collect().unwrap() }
}

pub(crate) fn open_delta(path: &Path) -> DeltaTable {
    let url = url::Url::from_directory_path(path).unwrap();
    block_on(async { deltalake_core::DeltaTableBuilder::from_url(url).unwrap().load().await.unwrap() })
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

/// The integers of a column.
pub(crate) fn integers(frame: &DataFrame, column: &str) -> Vec<i64> {
    frame.column(column).unwrap().i64().unwrap().iter().flatten().collect()
}

/// The texts of a column.
pub(crate) fn texts(frame: &DataFrame, column: &str) -> Vec<String> {
    frame.column(column).unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect()
}

/// Everything a run says.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Heard {
    pub(crate) fn listen(&self, builder: LakehouseBuilder) -> LakehouseBuilder {
        let events = Arc::clone(&self.events);
        builder.subscribe(move |event| events.lock().unwrap().push(event.clone()))
    }

    pub(crate) fn kinds(&self) -> Vec<EventKind> {
        self.events.lock().unwrap().iter().map(|event| event.kind.clone()).collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }
}

/// Every file below a folder, relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path.strip_prefix(folder).unwrap().to_owned()) }
        }
    }
    files.sort();
    files
}

/// A file as Polars reads it by itself: by its extension, and CSV by inference.
#[track_caller]
pub(crate) fn read_file(path: &Path) -> DataFrame {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => ParquetReader::new(file).finish().unwrap(),
        Some("csv") => CsvReader::new(file).finish().unwrap(),
        Some("arrow") => IpcReader::new(file).finish().unwrap(),
        Some("jsonl") => JsonReader::new(file).with_json_format(JsonFormat::JsonLines).finish().unwrap(),
        other => panic!("{other:?} is not the extension of a table"),
    }
}

/// The files that readers see: all but what stores keep for themselves, sorted.
pub(crate) fn visible_files(folder: &Path) -> Vec<String> {
    let own = |path: &PathBuf| !path.components().any(|part| part.as_os_str() == ".lakewright");
    files_below(folder).into_iter().filter(own).map(|path| path.to_string_lossy().into_owned()).collect()
}
