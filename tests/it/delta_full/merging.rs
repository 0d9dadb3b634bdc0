//! `mode = "merge"`: every choice, whole tables and slices, and what is refused with everything left as it was.

use lakewright::asset::Mode;
use lakewright::exec::PartitionChoice;
use lakewright::frame::Frame;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::{RunInfo, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, CommitId, ErrorKind, IoManager, Slice, Value};
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

use super::actions;
use crate::partitions::{Sliced, days, fixed, live_files, live_rows, rows};
use crate::support::{block_on, files_below, frame_asset, frame_builder, key, lakehouse, open_delta, run_all, run_to_failure};

fn pairs(ids: &[i64], names: &[&str]) -> DataFrame {
    df!("id" => ids, "name" => names).unwrap()
}

fn merging(asset: AssetBuilder) -> AssetBuilder {
    asset.mode(Mode::Merge).on(["id"])
}

fn stored(root: &TempDir) -> Vec<String> {
    live_rows(&root.path().join("delta/public/t"))
}

/// What a table of `a`, `b`, `c` is after a merge of `B` and `D` in this way.
fn merged(with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> Vec<String> {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", pairs(&[1, 2, 3], &["a", "b", "c"]))]).build().unwrap());
    let second = frame_builder("t", pairs(&[4, 2], &["D", "B"]), |asset| with(merging(asset)));
    let ours = lakehouse(&root, [second]).build().unwrap();
    let report = run_all(&ours);
    let now = stored(&root);
    assert_eq!(report.materializations().next().unwrap().table_rows, Some(now.len() as u64));
    let version = open_delta(&root.path().join("delta/public/t")).version();
    assert_eq!(version, Some(1), "one commit");
    let ours: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(rows([&ours]), now, "read back as somebody else reads it");
    let live = live_files(&root.path().join("delta/public/t")).len();
    let parquet = files_below(&root.path().join("delta/public/t"));
    let parquet = parquet.iter().filter(|file| file.extension().is_some_and(|extension| extension == "parquet")).count();
    assert_eq!(parquet - 1, live - usize::from(actions_of_first_live(&root)), "nothing that did not come in is left");
    now
}

/// Whether the first file is still in the table.
fn actions_of_first_live(root: &TempDir) -> bool {
    let path = root.path().join("delta/public/t");
    let first = super::action(&actions(&path, 0), "add")["path"].as_str().unwrap().to_owned();
    live_files(&path).contains(&first)
}

#[test]
fn matches_are_updated_and_others_inserted() {
    assert_eq!(merged(|asset| asset), rows([&pairs(&[1, 2, 3, 4], &["a", "B", "c", "D"])]));
}

#[test]
fn matches_are_updated_only() {
    let with = |asset: AssetBuilder| asset.store_option("when_not_matched", "ignore");
    assert_eq!(merged(with), rows([&pairs(&[1, 2, 3], &["a", "B", "c"])]));
}

#[test]
fn others_are_inserted_only() {
    let with = |asset: AssetBuilder| asset.store_option("when_matched", "ignore");
    assert_eq!(merged(with), rows([&pairs(&[1, 2, 3, 4], &["a", "b", "c", "D"])]));
}

#[test]
fn matches_are_deleted() {
    let with = |asset: AssetBuilder| asset.store_option("when_matched", "delete");
    assert_eq!(merged(with), rows([&pairs(&[1, 3, 4], &["a", "c", "D"])]));
    let with = |asset: AssetBuilder| asset.store_option("when_matched", "delete").store_option("when_not_matched", "ignore");
    assert_eq!(merged(with), rows([&pairs(&[1, 3], &["a", "c"])]));
}

#[test]
fn what_no_new_row_matches_is_deleted() {
    let delete = |asset: AssetBuilder| asset.store_option("when_not_matched_by_source", "delete");
    assert_eq!(merged(delete), rows([&pairs(&[2, 4], &["B", "D"])]));
    assert_eq!(merged(|asset| delete(asset).store_option("when_matched", "ignore")), rows([&pairs(&[2, 4], &["b", "D"])]));
    let only = |asset| delete(asset).store_option("when_matched", "ignore").store_option("when_not_matched", "ignore");
    assert_eq!(merged(only), rows([&pairs(&[2], &["b"])]));
    assert_eq!(merged(|asset| delete(asset).store_option("when_matched", "delete")), rows([&pairs(&[4], &["D"])]));
}

#[test]
fn each_of_several_stored_rows_that_a_new_one_matches_is_updated() {
    for (insert, expected) in [
        ("insert", pairs(&[1, 2, 2, 2, 3, 4], &["a", "B", "B", "B", "c", "D"])),
        ("ignore", pairs(&[1, 2, 2, 2, 3], &["a", "B", "B", "B", "c"])),
    ] {
        let root = tempdir().unwrap();
        let append = |frame| frame_builder("t", frame, |asset| asset.mode(Mode::Append));
        run_all(&lakehouse(&root, [append(pairs(&[1, 2, 2, 3], &["a", "b", "bb", "c"]))]).build().unwrap());
        run_all(&lakehouse(&root, [append(pairs(&[2], &["bbb"]))]).build().unwrap());
        let with = |asset: AssetBuilder| merging(asset).store_option("when_not_matched", insert);
        let report = run_all(&lakehouse(&root, [frame_builder("t", pairs(&[2, 4], &["B", "D"]), with)]).build().unwrap());
        assert_eq!(stored(&root), rows([&expected]), "{insert}");
        assert_eq!(report.materializations().next().unwrap().table_rows, Some(expected.height() as u64));
    }
}

#[test]
fn a_merge_creates_the_table_and_one_of_nothing_keeps_it() {
    let root = tempdir().unwrap();
    let first = lakehouse(&root, [frame_builder("t", pairs(&[1], &["a"]), merging)]).build().unwrap();
    run_all(&first);
    assert_eq!(stored(&root), rows([&pairs(&[1], &["a"])]));
    let empty = pairs(&[], &[]);
    run_all(&lakehouse(&root, [frame_builder("t", empty.clone(), merging)]).build().unwrap());
    assert_eq!(stored(&root), rows([&pairs(&[1], &["a"])]));

    // Into nothing, every row comes in, whatever is said of those that match none.
    let other = tempdir().unwrap();
    let update = |asset: AssetBuilder| merging(asset).store_option("when_not_matched", "ignore");
    run_all(&lakehouse(&other, [frame_builder("t", pairs(&[1], &["a"]), update)]).build().unwrap());
    assert_eq!(stored(&other), rows([&pairs(&[1], &["a"])]));

    let third = tempdir().unwrap();
    run_all(&lakehouse(&third, [frame_builder("t", pairs(&[], &[]), merging)]).build().unwrap());
    run_all(&lakehouse(&third, [frame_builder("t", pairs(&[1], &["a"]), merging)]).build().unwrap());
    assert_eq!(stored(&third), rows([&pairs(&[1], &["a"])]), "an empty table is merged into");
}

/// A merge of these rows fails, and the table is as it was.
#[track_caller]
fn refused(new: DataFrame, with: impl FnOnce(AssetBuilder) -> AssetBuilder, kind: ErrorKind, says: &[&str]) {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", pairs(&[1, 2, 3], &["a", "b", "c"]))]).build().unwrap());
    let path = root.path().join("delta/public/t");
    let before = (stored(&root), files_below(&path));
    let failure = run_to_failure(&lakehouse(&root, [frame_builder("t", new, with)]).build().unwrap());
    assert_eq!(failure.code, kind.code(), "{failure:?}");
    for part in says {
        assert!(failure.message.contains(part), "`{part}` is not in {failure:?}");
    }
    assert_eq!((stored(&root), files_below(&path)), before, "rows and files are as they were");
}

#[test]
fn keys_that_are_null_or_doubled_are_refused_with_their_count() {
    let doubled = pairs(&[7, 8, 7, 8, 7], &["x", "x", "x", "x", "x"]);
    refused(doubled, merging, ErrorKind::Value, &["3 new rows have the key `id` = 7", "1 other key"]);
    let null = df!("id" => [Some(1i64), None, None], "name" => ["x", "y", "z"]).unwrap();
    refused(null, merging, ErrorKind::Value, &["2 new rows have a null", "`id`"]);
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    refused(df!("id" => [1i64]).unwrap(), merging, ErrorKind::Schema, &["`name` of the table is missing"]);
    let loose = |asset: AssetBuilder| merging(asset).store_option("schema_mode", "merge");
    refused(df!("id" => [1i64]).unwrap(), loose, ErrorKind::Schema, &["`name`", "an update would empty it"]);
    refused(pairs(&[1], &["x"]), |asset| asset.mode(Mode::Merge).on(["identity"]), ErrorKind::Schema, &["identity"]);
}

#[test]
fn a_column_is_added() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", pairs(&[1, 2], &["a", "b"]))]).build().unwrap());
    let new = df!("id" => [2i64, 3], "name" => ["B", "C"], "more" => [20i64, 30]).unwrap();
    let loose = |asset: AssetBuilder| merging(asset).store_option("schema_mode", "merge");
    run_all(&lakehouse(&root, [frame_builder("t", new, loose)]).build().unwrap());
    let all = df!("id" => [1i64, 2, 3], "name" => ["a", "B", "C"], "more" => [None, Some(20i64), Some(30)]).unwrap();
    assert_eq!(stored(&root), rows([&all]));
}

#[test]
fn options_without_the_mode_and_the_mode_without_columns_are_definition_errors() {
    let root = tempdir().unwrap();
    for asset in [
        frame_builder("t", pairs(&[1], &["a"]), |asset| asset.on(["id"])),
        frame_builder("t", pairs(&[1], &["a"]), |asset| asset.mode(Mode::Merge)),
        frame_builder("t", pairs(&[1], &["a"]), |asset| asset.store_option("when_matched", "delete")),
    ] {
        let error = lakehouse(&root, [asset]).build().unwrap_err();
        assert_eq!(error.errors()[0].kind(), ErrorKind::NotHonoured, "{error}");
    }
}

#[test]
fn only_files_that_can_hold_a_key_are_written_again() {
    let root = tempdir().unwrap();
    let append = |ids: &[i64], names: &[&str]| frame_builder("t", pairs(ids, names), |asset| asset.mode(Mode::Append));
    run_all(&lakehouse(&root, [append(&[1, 2], &["a", "b"])]).build().unwrap());
    run_all(&lakehouse(&root, [append(&[10, 11], &["j", "k"])]).build().unwrap());
    run_all(&lakehouse(&root, [append(&[1, 30], &["aa", "z"])]).build().unwrap());
    let path = root.path().join("delta/public/t");
    let before = live_files(&path);
    run_all(&lakehouse(&root, [frame_builder("t", pairs(&[11, 12], &["K", "L"]), merging)]).build().unwrap());
    let after = live_files(&path);
    assert_eq!(before.iter().filter(|file| after.contains(file)).count(), 2, "one file was written again");
    let all = pairs(&[1, 2, 10, 11, 12, 1, 30], &["a", "b", "j", "K", "L", "aa", "z"]);
    assert_eq!(stored(&root), rows([&all]), "rows of a key that is there twice stay");
}

#[test]
fn a_table_with_partition_columns_is_merged_across_them() {
    let root = tempdir().unwrap();
    let by =
        |frame, merge: bool| frame_builder("t", frame, |asset| if merge { merging(asset) } else { asset }.partition_expr("name"));
    run_all(&lakehouse(&root, [by(pairs(&[1, 2, 3], &["x", "x", "y"]), false)]).build().unwrap());
    run_all(&lakehouse(&root, [by(pairs(&[1, 4], &["y", "z"]), true)]).build().unwrap());
    assert_eq!(stored(&root), rows([&pairs(&[1, 2, 3, 4], &["y", "x", "y", "z"])]), "a row moves to another partition");
}

fn dated(day: &str, ids: &[i64], name: &str) -> DataFrame {
    let frame = df!("day" => vec![day; ids.len()], "id" => ids, "name" => vec![name; ids.len()]).unwrap().lazy();
    frame.with_column(col("day").cast(DataType::Date).cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap()
}

#[test]
fn only_the_slice_is_looked_at() {
    let delete = |asset: AssetBuilder| asset.store_option("when_not_matched_by_source", "delete");
    let deleting: fn(AssetBuilder) -> AssetBuilder = |asset| merging(asset).store_option("when_not_matched_by_source", "delete");
    for (with, keeps) in [(merging as fn(AssetBuilder) -> AssetBuilder, true), (deleting, false)] {
        let table = Sliced::new(fixed(["a", "b"]), |asset| with(asset).partition_expr("x"));
        let frame = |x: &str, ids: &[i64], name: &str| {
            df!("x" => vec![x; ids.len()], "id" => ids, "name" => vec![name; ids.len()]).unwrap()
        };
        table.write("a", frame("a", &[1, 2], "old"));
        table.write("b", frame("b", &[1, 2], "old"));
        table.write("a", frame("a", &[2, 3], "new"));
        let mut expected = vec![frame("b", &[1, 2], "old"), frame("a", &[2, 3], "new")];
        if keeps {
            expected.push(frame("a", &[1], "old"));
        }
        assert_eq!(table.live(), rows(&expected));
    }
    // Windows of time share no columns of folders.
    let table = Sliced::new(days(), |asset| delete(merging(asset)).partition_expr("day"));
    table.write_all([("2023-01-01", dated("2023-01-01", &[1, 2], "old")), ("2023-01-02", dated("2023-01-02", &[1, 2], "old"))]);
    table.write_all([("2023-01-01", dated("2023-01-01", &[2], "new")), ("2023-01-02", dated("2023-01-02", &[2, 3], "new"))]);
    let expected = [dated("2023-01-01", &[2], "new"), dated("2023-01-02", &[2, 3], "new")];
    assert_eq!(table.live(), rows(&expected));
}

#[test]
fn a_partition_that_is_not_there_is_created_with_every_row() {
    let update = |asset: AssetBuilder| merging(asset).store_option("when_not_matched", "ignore");
    let frame =
        |x: &str, ids: &[i64], name: &str| df!("x" => vec![x; ids.len()], "id" => ids, "name" => vec![name; ids.len()]).unwrap();
    let table = Sliced::new(fixed(["a", "b", "c"]), |asset| update(asset).partition_expr("x"));
    table.write("a", frame("a", &[1, 2], "old"));
    let report = table.write("b", frame("b", &[1, 2], "old"));
    assert_eq!(report.materializations().next().unwrap().table_rows, Some(4));
    assert_eq!(table.live(), rows([&frame("a", &[1, 2], "old"), &frame("b", &[1, 2], "old")]));
    assert_eq!(table.version(), 1, "one commit");
    // One that was stored without a row is there.
    table.write("c", frame("c", &[], "old"));
    table.write_all([("b", frame("b", &[2, 3], "new")), ("c", frame("c", &[1], "new"))]);
    let a = frame("a", &[1, 2], "old");
    assert_eq!(table.live(), rows([&a, &frame("b", &[1], "old"), &frame("b", &[2], "new")]));
    assert_eq!(table.stored(), ["a", "b", "c"]);

    // Where rows that match go as well.
    let remove = |asset: AssetBuilder| update(asset).store_option("when_matched", "delete").partition_expr("x");
    let table = Sliced::new(fixed(["a", "b"]), remove);
    table.write("a", frame("a", &[1], "old"));
    table.write("b", frame("b", &[1, 2], "old"));
    table.write("b", frame("b", &[2, 3], "new"));
    assert_eq!(table.live(), rows([&frame("a", &[1], "old"), &frame("b", &[1], "old")]));

    // Windows of time share no columns of folders. Of one frame for several, only those that are not there are created.
    let table = Sliced::new(days(), |asset| update(asset).partition_expr("day").call_once());
    table.give("", dated("2023-01-01", &[1, 2], "old"));
    table.expect(&PartitionChoice::none().key("2023-01-01"));
    table.give("", dated("2023-01-01", &[2, 3], "new").vstack(&dated("2023-01-02", &[1, 3], "new")).unwrap());
    table.expect(&PartitionChoice::none().range("2023-01-01", "2023-01-02"));
    let one = [dated("2023-01-01", &[1], "old"), dated("2023-01-01", &[2], "new")];
    assert_eq!(table.live(), rows([&one[0], &one[1], &dated("2023-01-02", &[1, 3], "new")]));
}

#[test]
fn how_a_store_merges_says_nothing_to_assets_that_do_not_merge() {
    let root = tempdir().unwrap();
    let run = |name: &str| {
        let frame = pairs(&[1, 2], &[name, name]);
        let merged = frame_builder("merged", frame.clone(), merging);
        let theirs = AssetBuilder::new("theirs", ValueKind::Table).external().unwrap();
        let store = DeltaIoManager::new(root.path().join("delta")).option("when_matched", "ignore");
        let builder = lakehouse(&root, [merged, frame_asset("replaced", frame), theirs]);
        run_all(&builder.io_manager("io_manager", store).build().unwrap());
    };
    run("old");
    run("new");
    let live = |table: &str| live_rows(&root.path().join("delta/public").join(table));
    assert_eq!(live("merged"), rows([&pairs(&[1, 2], &["old", "old"])]));
    assert_eq!(live("replaced"), rows([&pairs(&[1, 2], &["new", "new"])]));
}

#[test]
fn slices_in_one_file_are_told_apart() {
    let first = Sliced::new(days(), |asset| asset.partition_expr("day").call_once());
    first.give("", dated("2023-01-01", &[1, 2], "old").vstack(&dated("2023-01-02", &[1, 2], "old")).unwrap());
    first.expect(&PartitionChoice::none().range("2023-01-01", "2023-01-02"));
    // One file for both, as another definition or writer leaves it.
    let whole = frame_builder("t", first.read_all().unwrap(), |asset| asset.store_option("schema_mode", "overwrite"));
    run_all(&Lakehouse::builder().root(first.root()).registry(Registry::from_specs([whole])).build().unwrap());
    assert_eq!(live_files(&first.path()).len(), 1);

    let delete = |asset: AssetBuilder| merging(asset).store_option("when_not_matched_by_source", "delete");
    let table = first.redefined(days(), |asset| merging(asset).partition_expr("day"));
    table.write("2023-01-02", dated("2023-01-02", &[2], "new"));
    let one = dated("2023-01-01", &[1, 2], "old");
    assert_eq!(table.live(), rows([&one, &dated("2023-01-02", &[1], "old"), &dated("2023-01-02", &[2], "new")]));
    let table = first.redefined(days(), |asset| delete(asset).partition_expr("day"));
    table.write("2023-01-01", dated("2023-01-01", &[1], "new"));
    let two = [dated("2023-01-02", &[1], "old"), dated("2023-01-02", &[2], "new"), dated("2023-01-01", &[1], "new")];
    assert_eq!(table.live(), rows(&two));
}

#[test]
fn a_slice_that_a_merge_empties_is_still_there() {
    let with = |asset: AssetBuilder| {
        let asset = merging(asset).store_option("when_matched", "delete").store_option("when_not_matched", "insert");
        asset.partition_expr("x")
    };
    let table = Sliced::new(fixed(["a", "b"]), with);
    let frame = df!("x" => ["a"], "id" => [1i64]).unwrap();
    table.write("a", frame.clone());
    table.write("a", frame);
    assert_eq!(table.live(), Vec::<String>::new());
    assert_eq!(table.stored(), ["a"]);
}

#[test]
fn a_merge_that_is_made_again_changes_nothing_and_a_lost_race_is_merged_anew() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", pairs(&[1, 2], &["a", "b"]))]).build().unwrap());
    let store = DeltaIoManager::new(root.path().join("delta"));
    let asset = frame_builder("t", pairs(&[], &[]), merging);
    let run = RunInfo::new("run", 1);
    let request =
        || StoreRequest::new(&asset, &Slice::Whole, &run, Arc::new(lakewright::exec::SystemEnv::new())).mode(Mode::Merge);
    block_on(async {
        let stage = async |ids: &[i64], names: &[&str]| {
            store.stage(request(), Value::Table(pairs(ids, names).into_table())).await.unwrap()
        };
        let (first, second) = (stage(&[2, 3], &["B", "C"]).await, stage(&[3, 4], &["CC", "D"]).await);
        let id = |log: &str| CommitId::new(log, &key("t"), &Slice::Whole, 1);
        store.commit(request(), vec![first.clone()], &id("one")).await.unwrap();
        // Staged against the table as it was before.
        store.commit(request(), vec![second.clone()], &id("two")).await.unwrap();
        for (staged, log) in [(first, "one"), (second, "two")] {
            let again = store.commit(request(), vec![staged], &id(log)).await.unwrap();
            assert!(again.already);
        }
    });
    assert_eq!(stored(&root), rows([&pairs(&[1, 2, 3, 4], &["a", "B", "CC", "D"])]));
}

#[test]
fn tables_for_each_partition_are_merged_one_at_a_time() {
    let table = Sliced::new(fixed(["a", "b"]), merging);
    table.write("a", pairs(&[1], &["x"]));
    table.write("a", pairs(&[1, 2], &["y", "z"]));
    assert_eq!(live_rows(&table.path().join("a")), rows([&pairs(&[1, 2], &["y", "z"])]));
    table.give("b", pairs(&[1], &["x"]));
    let report = table.run(&PartitionChoice::all());
    let failure = report.failures().next().unwrap().1;
    assert!(failure.message.contains("merges into 2 tables"), "{failure:?}");
}
