//! How the output of a run meets what is there, by slice and whole.

use lakewright::event::EventKind;
use lakewright::exec::PartitionChoice;
use lakewright::io::delta::DeltaIoManager;
use lakewright::prelude::*;
use lakewright::{ErrorKind, Mode};
use tempfile::tempdir;

use super::{Sliced, assert_kind, fixed, live_rows, numbered, rows};
use crate::support::{frame_builder, lakehouse, open_delta, run_all, run_to_failure};

fn colors(mode: Mode) -> Sliced {
    Sliced::new(fixed(["red", "blue", "green"]), |asset| asset.partition_expr("color").mode(mode))
}

fn slice(color: &str, n: i64) -> DataFrame {
    numbered("color", color, &[n, n + 1, n + 2])
}

fn skipped(table: &Sliced) -> Vec<String> {
    let kinds = table.events().into_iter();
    kinds
        .filter_map(|kind| if let EventKind::OutputSkipped { slice, .. } = kind { Some(slice.to_string()) } else { None })
        .collect()
}

#[test]
fn append_adds_to_its_slice() {
    let table = colors(Mode::Append);
    table.write("red", slice("red", 1));
    table.write("blue", slice("blue", 10));
    let report = table.write("red", slice("red", 20));
    assert_eq!(table.live(), rows([&slice("red", 1), &slice("red", 20), &slice("blue", 10)]));
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(3), Some(6), Some(9)));
    assert_eq!(crate::support::integers(&table.read("red").unwrap(), "n"), [1, 2, 3, 20, 21, 22], "in the order of the runs");
}

#[test]
fn error_refuses_all_if_one_is_there() {
    let table = colors(Mode::Error);
    table.write("red", slice("red", 1));
    assert_kind(&table.refuse("red", slice("red", 9)), ErrorKind::Present, &["`red` of `t` is stored already"]);
    table.give("blue", slice("blue", 10));
    let failure = table.refuse_all(&PartitionChoice::none().key("red").key("blue"));
    assert_kind(&failure, ErrorKind::Present, &["`red` of `t`"]);
    table.write("blue", slice("blue", 10));
    assert_eq!(table.live(), rows([&slice("red", 1), &slice("blue", 10)]));
}

#[test]
fn ignore_writes_only_what_is_absent_and_says_so() {
    let table = colors(Mode::Ignore);
    table.write("red", slice("red", 1));
    assert_eq!(skipped(&table), Vec::<String>::new());
    table.write("red", slice("red", 9));
    assert_eq!((table.live(), table.version()), (rows([&slice("red", 1)]), 0), "nothing is written");
    assert_eq!(skipped(&table), ["v1:[red]"]);
    table.write_all([("red", slice("red", 9)), ("blue", slice("blue", 10)), ("green", slice("green", 20))]);
    assert_eq!(table.live(), rows([&slice("red", 1), &slice("blue", 10), &slice("green", 20)]));
    assert_eq!(skipped(&table), ["v1:[red]", "v1:[red]"]);
}

#[test]
fn whole_tables_in_every_mode() {
    for (mode, expected) in
        [(Mode::Overwrite, vec![2]), (Mode::Append, vec![1, 2]), (Mode::Ignore, vec![1]), (Mode::Error, vec![1])]
    {
        let root = tempdir().unwrap();
        let asset = |n: i64| frame_builder("t", slice("red", n * 10), |asset| asset.mode(mode));
        run_all(&lakehouse(&root, [asset(1)]).build().unwrap());
        let second = lakehouse(&root, [asset(2)]).build().unwrap();
        if mode == Mode::Error {
            assert_eq!(run_to_failure(&second).code, ErrorKind::Present.code());
        } else {
            run_all(&second);
        }
        let frames: Vec<DataFrame> = expected.into_iter().map(|n| slice("red", n * 10)).collect();
        assert_eq!(live_rows(&root.path().join("delta/public/t")), rows(&frames), "{mode:?}");
    }
}

#[test]
fn a07_append_twice_keeps_the_order_of_the_runs() {
    let root = tempdir().unwrap();
    for n in 0..5 {
        let asset = frame_builder("t", slice("red", n * 10), |asset| asset.mode(Mode::Append));
        run_all(&lakehouse(&root, [asset]).build().unwrap());
    }
    let house = lakehouse(&root, [frame_builder("t", slice("red", 0), |asset| asset)]).build().unwrap();
    let frame: DataFrame = crate::support::block_on(house.load_frame(&crate::support::key("t"))).unwrap();
    let expected: Vec<i64> = (0..5).flat_map(|n| [n * 10, n * 10 + 1, n * 10 + 2]).collect();
    assert_eq!(crate::support::integers(&frame, "n"), expected);
}

#[test]
fn a07_the_option_of_the_asset_beats_that_of_the_store() {
    let root = tempdir().unwrap();
    let store = || {
        let store = DeltaIoManager::new(root.path().join("delta")).mode(Mode::Append);
        store.option("compression", "snappy").option("schema_mode", "merge").option("custom_metadata", "team=all")
    };
    let run = |asset| run_all(&lakehouse(&root, [asset]).io_manager("delta", store()).build().unwrap());
    run(frame_builder("by_store", slice("red", 1), |asset| asset));
    run(frame_builder("by_store", slice("red", 10), |asset| asset));
    assert_eq!(live_rows(&root.path().join("delta/public/by_store")).len(), 6);
    let own = |frame| {
        frame_builder("own", frame, |asset| {
            asset.mode(Mode::Overwrite).store_option("compression", "gzip").store_option("schema_mode", "strict")
        })
    };
    run(own(slice("red", 1)));
    run(own(slice("red", 10)));
    let path = root.path().join("delta/public/own");
    assert_eq!(live_rows(&path), rows([&slice("red", 10)]));
    let more = slice("red", 1).lazy().with_column(lit(1i64).alias("more")).collect().unwrap();
    let refused = lakehouse(&root, [own(more)]).io_manager("delta", store()).build().unwrap();
    assert_kind(&run_to_failure(&refused), ErrorKind::Schema, &["`more` is not in the table"]);
    assert_eq!(footer(&path), "Gzip");
    assert_eq!(footer(&root.path().join("delta/public/by_store")), "Snappy");
}

/// The compression that the footer of a live file names.
fn footer(path: &std::path::Path) -> String {
    let file = super::live_files(path).remove(0);
    let mut reader = ParquetReader::new(std::fs::File::open(path.join(file)).unwrap());
    let compression = reader.get_metadata().unwrap().row_groups[0].parquet_columns()[0].compression();
    format!("{compression:?}")
}

#[test]
fn a08_metadata_in_the_commit_and_zstd_in_the_footer() {
    let table =
        Sliced::new(fixed(["red"]), |asset| asset.partition_expr("color").store_option("custom_metadata", "team=bio, x=1"));
    table.write("red", slice("red", 1));
    table.write("red", slice("red", 2));
    let commit = std::fs::read_to_string(table.path().join("_delta_log/00000000000000000001.json")).unwrap();
    let info =
        commit.lines().find_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap().get("commitInfo").cloned());
    let info = info.unwrap();
    assert_eq!((&info["team"], &info["x"], &info["lakewright.slice"]), (&"bio".into(), &"1".into(), &"v1:[red]".into()));
    assert_eq!(footer(&table.path()), "Zstd");
}

#[test]
fn merging_adds_columns_that_older_rows_have_not() {
    let merging = |asset: lakewright::AssetBuilder| asset.partition_expr("color").store_option("schema_mode", "merge");
    let table = Sliced::new(fixed(["red", "blue"]), merging);
    let more = |n: i64| slice("blue", n).lazy().with_column(lit(n).alias("more")).collect().unwrap();
    table.write("red", slice("red", 1));
    table.write("blue", more(10));
    let nulls = slice("red", 1).lazy().with_column(lit(NULL).cast(DataType::Int64).alias("more")).collect().unwrap();
    assert_eq!(table.live(), rows([&nulls, &more(10)]));
    assert_eq!(rows([&table.read("red").unwrap()]), rows([&nulls]));
    table.write("red", slice("red", 5));
    assert_eq!(table.live().len(), 6, "a column less is no mistake when merging");
    let retyped = slice("red", 1).lazy().with_column(lit("x").alias("more")).collect().unwrap();
    assert_kind(&table.refuse("red", retyped), ErrorKind::Schema, &["`more` is integer in the table and string in the output"]);
}

#[test]
fn strict_refuses_and_overwriting_columns_of_a_part_is_a_mistake_in_the_definition() {
    let table = colors(Mode::Overwrite);
    table.write("red", slice("red", 1));
    let more = slice("red", 1).lazy().with_column(lit(1i64).alias("more")).collect().unwrap();
    assert_kind(&table.refuse("red", more), ErrorKind::Schema, &["`more` is not in the table"]);
    let fewer = numbered("color", "red", &[1]).drop("n").unwrap();
    table.refuse("red", fewer);
    let asset = lakewright::AssetBuilder::new("t", ValueKind::Table).partitions(fixed(["red"])).partition_expr("color");
    let asset = asset.store_option("schema_mode", "overwrite").body(|call| async move { call.produce_frame(slice("red", 1)) });
    let errors = lakehouse(&tempdir().unwrap(), [asset.unwrap()]).build().unwrap_err();
    assert_eq!(errors.errors()[0].kind(), ErrorKind::NotHonoured);
    assert_eq!(open_delta(&table.path()).version(), Some(0));
}
