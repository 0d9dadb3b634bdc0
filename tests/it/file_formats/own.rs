//! A format of one's own is three methods.

use std::io::Write;

use lakewright::io::file::{FileFormat, FileIoManager, FileSink, FileSource, Written};
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::tempdir;

use super::load;
use crate::support::{block_on, frame_asset, integers, key, lakehouse, run_all, run_to_failure, visible_files};

/// A column of numbers, one on each line.
#[derive(Debug, Clone, Default)]
struct Numbers;

impl FileFormat for Numbers {
    const EXTENSION: &'static str = "txt";

    fn write(&self, frame: DataFrame, to: &mut FileSink, _: &Written<'_>) -> Result<()> {
        for number in frame.column("n")?.i64()?.iter() {
            let number = number.ok_or_else(|| lakewright::Error::new(ErrorKind::Value, "a number is null"))?;
            writeln!(to, "{number}")?;
        }
        Ok(())
    }

    fn sink(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        self.write(plan.collect()?, to, written)
    }

    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
        let text = String::from_utf8(from.bytes()?).unwrap();
        Ok(df!("n" => text.lines().map(|line| line.parse().unwrap()).collect::<Vec<i64>>())?.lazy())
    }
}

#[test]
fn it_stores_atomically_and_replaces_whole_files() {
    let root = tempdir().unwrap();
    let base = root.path().join("numbers");
    let build = |numbers: Vec<Option<i64>>| {
        let store = FileIoManager::<Numbers>::new(&base);
        lakehouse(&root, [frame_asset("p/t", df!("n" => numbers).unwrap())]).io_manager("io_manager", store).build().unwrap()
    };
    let first = build(vec![Some(2), Some(3), Some(5)]);
    assert_eq!(run_all(&first).materializations().next().unwrap().rows, Some(3));
    assert_eq!(std::fs::read_to_string(base.join("p/t.txt")).unwrap(), "2\n3\n5\n");
    assert_eq!(run_to_failure(&build(vec![Some(7), None])).message, "a number is null");
    assert_eq!(integers(&load(&first, "p/t"), "n"), [2, 3, 5], "what was there still is");
    assert_eq!(visible_files(&base), ["p/t.txt"], "and nothing else");
}

#[test]
fn it_keeps_partitions_and_counts_the_rows_of_plans() {
    #[partitions(keys = ["1", "2"])]
    struct Number;
    let root = tempdir().unwrap();
    let base = root.path().join("numbers");
    let builder = AssetBuilder::new("t", ValueKind::Table).partitions(Number::def().unwrap()).partition_expr("n");
    let body = |call: lakewright::Call| async move {
        let number: i64 = call.partition_key()?.to_string().parse().unwrap();
        call.produce_frame(df!("n" => [number, number])?.lazy())
    };
    let store = FileIoManager::<Numbers>::new(&base);
    let lakehouse = lakehouse(&root, [builder.body(body).unwrap()]).io_manager("io_manager", store).build().unwrap();
    let report = lakehouse.materialize_for_blocking("*", &lakewright::exec::PartitionChoice::all()).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(report.materializations().next().unwrap().rows, Some(4));
    assert_eq!(visible_files(&base), ["t/1.txt", "t/2.txt"]);
    let all: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&all, "n"), [1, 1, 2, 2]);
}
