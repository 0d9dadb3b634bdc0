//! How many rows a materialization says it wrote, has in its slice, and has in its table.

use lakewright::asset::Mode;
use lakewright::event::Materialization;
use lakewright::io::memory::MemoryIoManager;
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, MetadataValue};
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

/// The tables in the metadata of the only materialization of a run.
fn tables(lakehouse: &Lakehouse, partition: Option<&str>) -> Vec<(String, Vec<String>, Vec<Vec<String>>)> {
    let none = lakewright::exec::PartitionChoice::none();
    let choice = partition.map_or(none.clone(), |partition| none.key(partition));
    let report = lakehouse.materialize_for_blocking("*", &choice).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    let stored = report.materializations().next().unwrap();
    let table = |(name, value): &(String, MetadataValue)| match value {
        MetadataValue::Table { columns, rows } => (name.clone(), columns.clone(), rows.clone()),
        other => panic!("`{name}` is {other:?}"),
    };
    stored.metadata.iter().map(table).collect()
}

#[test]
fn rows_and_columns_are_recorded_where_that_is_asked_for() {
    let frame = df!(
        "n" => [Some(3i64), None, Some(1), Some(8)], "text" => ["b", "a", "d", "c"], "many" => [Series::new("".into(), [1i64]), Series::new("".into(), [2i64]), Series::new("".into(), [3i64]), Series::new("".into(), [4i64])]
    )
    .unwrap();
    let texts = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    for store in ["memory", "delta", "parquet"] {
        let root = tempdir().unwrap();
        let asset = || frame_builder("t", frame.clone(), |asset| asset.io_manager(store));
        assert_eq!(tables(&lakehouse(&root, [asset()]).build().unwrap(), None), [], "{store}: nothing without a word");
        let recorded = tables(&lakehouse(&root, [asset()]).sample(2).statistics(true).build().unwrap(), None);
        let [(sample, columns, rows), (statistics, of, each)] = &recorded[..] else { panic!("{store}: {recorded:?}") };
        assert_eq!((sample.as_str(), statistics.as_str()), ("sample", "statistics"));
        assert_eq!((columns, rows.len()), (&texts(&["n", "text", "many"]), 2), "{store}");
        assert_eq!((&rows[0][..2], &rows[1][1]), (&texts(&["3", "b"])[..], &"a".to_owned()), "{store}");
        assert_eq!(*of, texts(&["column", "nulls", "min", "max", "mean"]));
        let expected =
            [texts(&["n", "1", "1", "8", "4.0"]), texts(&["text", "0", "a", "d", ""]), texts(&["many", "0", "", "", ""])];
        assert_eq!(*each, expected, "{store}");
    }
}

#[test]
fn of_a_slice_its_own_rows_are_recorded() {
    for store in ["delta", "parquet", "memory"] {
        let root = tempdir().unwrap();
        let lakehouse = lakehouse(&root, [parts(store, Mode::Overwrite)]).sample(10).statistics(true).build().unwrap();
        run(&lakehouse, Some("1"));
        let recorded = tables(&lakehouse, Some("2"));
        assert_eq!(recorded[0].2.len(), 3, "{store}: {recorded:?}");
        let part = &recorded[1].2[0];
        assert_eq!((part[0].as_str(), part[2].as_str(), part[3].as_str()), ("part", "2", "2"), "{store}: {recorded:?}");
    }
}
