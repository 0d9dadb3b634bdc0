//! How many rows a materialization says it wrote, has in its slice, and has in its table.

use lakewright::asset::Mode;
use lakewright::event::Materialization;
use lakewright::io::memory::MemoryIoManager;
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec};
use tempfile::tempdir;

use crate::support::{abc, block_on, frame_builder, integers, key, lakehouse};

#[partitions(keys = ["1", "2"])]
struct Part;

type Counts = (Option<u64>, Option<u64>, Option<u64>);

fn counts(stored: &Materialization) -> Counts {
    (stored.rows, stored.slice_rows, stored.table_rows)
}

fn run(lakehouse: &Lakehouse, partition: Option<&str>) -> Counts {
    let none = lakewright::exec::PartitionChoice::none();
    let choice = partition.map_or(none.clone(), |partition| none.key(partition));
    let report = lakehouse.materialize_for_blocking("*", &choice).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    counts(report.materializations().next().unwrap())
}

#[test]
fn three_rows_appended_to_three_are_six() {
    for store in ["memory", "delta"] {
        let root = tempdir().unwrap();
        let asset = frame_builder("t", abc(), |asset| asset.io_manager(store).mode(Mode::Append));
        let lakehouse = lakehouse(&root, [asset]).build().unwrap();
        assert_eq!(run(&lakehouse, None), (Some(3), Some(3), Some(3)), "{store}");
        assert_eq!(run(&lakehouse, None), (Some(3), Some(6), Some(6)), "{store}");
        let frame: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
        let mut rows = integers(&frame, "a");
        rows.sort_unstable();
        assert_eq!(rows, [1, 1, 2, 2, 3, 3], "{store}");
    }
}

#[test]
fn three_rows_that_replace_three_are_three() {
    for store in ["memory", "delta", "parquet", "csv"] {
        let root = tempdir().unwrap();
        let lakehouse = lakehouse(&root, [frame_builder("t", abc(), |asset| asset.io_manager(store))]).build().unwrap();
        for _ in 0..2 {
            assert_eq!(run(&lakehouse, None), (Some(3), Some(3), Some(3)), "{store}");
        }
    }
}

/// Three rows of each part.
fn parts(store: &str, mode: Mode) -> AssetSpec {
    let builder = AssetBuilder::new("t", ValueKind::Table).io_manager(store).mode(mode).partition_expr("part");
    let body = |call: lakewright::Call| async move {
        let part = call.partition_key()?.to_string();
        call.produce_frame(df!("part" => [part.as_str(); 3], "n" => [1i64, 2, 3])?)
    };
    builder.partitions(Part::def().unwrap()).body(body).unwrap()
}

#[test]
fn a_slice_counts_its_own_rows_and_a_table_those_of_all() {
    // Of files, and of values in memory, nobody looks at the other partitions.
    for (store, table) in [("delta", Some(6)), ("parquet", None), ("csv", None), ("memory", None)] {
        let root = tempdir().unwrap();
        let lakehouse = lakehouse(&root, [parts(store, Mode::Overwrite)]).build().unwrap();
        run(&lakehouse, Some("1"));
        for _ in 0..2 {
            assert_eq!(run(&lakehouse, Some("2")), (Some(3), Some(3), table), "{store}");
        }
    }
    let (root, memory) = (tempdir().unwrap(), MemoryIoManager::new());
    let appending = lakehouse(&root, [parts("memory", Mode::Append)]).io_manager("memory", memory).build().unwrap();
    assert_eq!(run(&appending, Some("1")), (Some(3), Some(3), None));
    assert_eq!(run(&appending, Some("1")), (Some(3), Some(6), None));
    assert_eq!(run(&appending, Some("2")), (Some(3), Some(3), None));
}
