//! Every frame type as an output and as an input, in every store that holds frames.

mod labels;
mod matrix;
mod page;
mod streaming;
mod typed;

use std::path::Path;

use lakewright::frame::Frame;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::memory::MemoryIoManager;
use lakewright::jiff::civil::Date;
use lakewright::prelude::*;

use crate::support::{read_delta, read_file};

/// Types that every store gives back, with nulls.
#[derive(Columns)]
struct Sample {
    id: i64,
    name: Option<String>,
    day: Option<Date>,
    score: Option<f64>,
}

fn sample(first: i64) -> DataFrame {
    let day = col("day").cast(DataType::Date);
    let frame = df!(
        "id" => [first, first + 1, first + 2],
        "name" => [Some("a"), None, Some("ö, \"b\"\n")],
        "day" => [Some(19_000), Some(-1), None],
        "score" => [None, Some(0.1), Some(-1e300)],
    );
    frame.unwrap().lazy().with_column(day).collect().unwrap()
}

/// The stores that hold frames.
const STORES: [&str; 6] = ["Delta", "Parquet", "CSV", "JSON lines", "Arrow IPC", "memory"];

/// Binds a store for assets that name none.
fn bind(builder: lakewright::LakehouseBuilder, store: &str, root: &Path) -> lakewright::LakehouseBuilder {
    let root = root.join("store");
    match store {
        "Delta" => builder.io_manager("io_manager", DeltaIoManager::new(root)),
        "Parquet" => builder.io_manager("io_manager", ParquetIoManager::new(root)),
        "CSV" => builder.io_manager("io_manager", CsvIoManager::new(root)),
        "JSON lines" => builder.io_manager("io_manager", JsonIoManager::new(root)),
        "Arrow IPC" => builder.io_manager("io_manager", IpcIoManager::new(root)),
        _ => builder.io_manager("io_manager", MemoryIoManager::new()),
    }
}

/// What is stored, as somebody else reads it; nothing for the memory store, which nobody else reads.
fn independently(store: &str, root: &Path, asset: &str, partition: Option<&str>) -> Option<DataFrame> {
    let place = partition.map_or_else(|| asset.to_owned(), |partition| format!("{asset}/{partition}"));
    let root = root.join("store");
    let found = match store {
        "Delta" => read_delta(&root.join("public").join(place)),
        "Parquet" => read_file(&root.join(format!("{place}.parquet"))),
        "CSV" => {
            let frame = read_file(&root.join(format!("{place}.csv")));
            frame.lazy().with_column(col("day").cast(DataType::Date)).collect().unwrap()
        }
        "JSON lines" => {
            let frame = read_file(&root.join(format!("{place}.jsonl")));
            frame.lazy().with_column(col("day").cast(DataType::Date)).collect().unwrap()
        }
        "Arrow IPC" => read_file(&root.join(format!("{place}.arrow"))),
        _ => return None,
    };
    Some(found.select(["id", "name", "day", "score"]).unwrap())
}

/// A frame of any type, made of these rows.
fn make<F: Frame>(rows: DataFrame) -> Result<F> {
    F::from_table(rows.into_table())
}

/// The rows of a frame of any type, and whether they were in memory.
fn rows_of<F: Frame>(frame: F) -> Result<(DataFrame, bool)> {
    let table = frame.into_table();
    let eager = table.is_eager();
    Ok((DataFrame::from_table(table)?, eager))
}

#[test]
fn the_independent_reader_of_csv_reads_dates() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("store")).unwrap();
    let text = "id,name,day,score\n1,a,2022-01-08,\n2,,1969-12-31,0.1\n3,\"ö, \"\"b\"\"\n\",,-1e300\n";
    std::fs::write(root.path().join("store/t.csv"), text).unwrap();
    assert!(independently("CSV", root.path(), "t", None).unwrap().equals_missing(&sample(1)));
}
