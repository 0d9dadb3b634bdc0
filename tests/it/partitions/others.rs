//! What other writers write in other ways, tables with many columns or several times in a row, and partitions that are no one table.

use std::collections::HashMap;

use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use lakewright::asset::Mode;
use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, PartitionsDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind, Produced, Value};
use tempfile::tempdir;

use super::{Sliced, assert_kind, dated, days, fixed, live_files, live_rows, numbered, rows, windows};
use crate::support::{abc, block_on, frame_builder, key, lakehouse, open_delta};

/// Adds a copy of a live file under another spelling of its partition value, as another writer might have written it.
fn spelt_by_others(table: &Sliced, column: &str, spelling: &str) {
    let (path, opened) = (table.path(), open_delta(&table.path()));
    let first = live_files(&path).remove(0);
    std::fs::copy(path.join(&first), path.join("theirs.parquet")).unwrap();
    let size = i64::try_from(std::fs::metadata(path.join("theirs.parquet")).unwrap().len()).unwrap();
    let add = Add {
        path: "theirs.parquet".to_owned(),
        partition_values: HashMap::from([(column.to_owned(), Some(spelling.to_owned()))]),
        size,
        data_change: true,
        ..Default::default()
    };
    let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
    block_on(async {
        let snapshot = opened.snapshot().unwrap();
        let commit = CommitBuilder::default().with_actions(vec![Action::Add(add)]);
        commit.build(Some(snapshot), opened.log_store(), operation).await.unwrap();
    });
}

#[test]
fn values_that_others_spell_in_their_way_are_the_same_slice() {
    for (known, spelling, flag) in [("true", "True", DataType::Boolean), ("7", "007", DataType::Int64)] {
        let value = if known == "7" { lit(7i64) } else { lit(true) };
        let frame = |n: i64| {
            let columns = [value.clone().cast(flag.clone()).alias("flag"), lit(n).alias("n")];
            df!("n" => [n]).unwrap().lazy().select(columns).collect().unwrap()
        };
        let table = Sliced::new(fixed([known]), |asset| asset.partition_expr("flag"));
        table.write(known, frame(1));
        spelt_by_others(&table, "flag", spelling);
        assert_eq!(table.read(known).unwrap(), frame(1).vstack(&frame(1)).unwrap(), "{spelling} is {known}");
        table.write(known, frame(2));
        assert_eq!(live_files(&table.path()).len(), 1, "what was spelt {spelling} is replaced too");
        assert_eq!(table.read(known).unwrap(), frame(2));
    }
}

#[test]
fn each_combination_of_two_times_has_files_of_its_own() {
    let def = PartitionsDef::multi("Twice", [("made", days()), ("sent", windows(Every::Day, "2023-01-01"))]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("made", "made_at"), ("sent", "sent_at")]).call_once());
    let frame = |pairs: &[(i64, i64)]| {
        let at = |day: i64| 1_672_531_200_000_000 + day * 86_400_000_000;
        let made: Vec<i64> = pairs.iter().map(|(made, _)| at(*made)).collect();
        let sent: Vec<i64> = pairs.iter().map(|(_, sent)| at(*sent)).collect();
        let frame = df!("made_at" => made, "sent_at" => sent).unwrap().lazy();
        frame
            .with_column(cols(["made_at", "sent_at"]).as_expr().cast(DataType::Datetime(TimeUnit::Microseconds, None)))
            .collect()
            .unwrap()
    };
    let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
    table.give("", frame(&all));
    let choice = PartitionChoice::none().range("made=2023-01-01", "2023-01-02").range("sent=2023-01-01", "2023-01-02");
    table.expect(&choice);
    assert_eq!(table.live(), rows([&frame(&all)]));
    assert_eq!(live_files(&table.path()).len(), 4);
    table.give("", frame(&[(1, 0), (1, 0)]));
    table.expect(&PartitionChoice::none().key("2023-01-02|2023-01-01"));
    assert_eq!(table.live(), rows([&frame(&[(0, 0), (0, 1), (1, 0), (1, 0), (1, 1)])]));
}

#[test]
fn a_time_behind_many_columns_still_tells_files_apart() {
    let wide = |day: &str, n: i64| {
        let many = (0..40).map(|column| lit(n).alias(format!("c{column}"))).collect::<Vec<_>>();
        let at = col("day").cast(DataType::Datetime(TimeUnit::Microseconds, None)).alias("at");
        dated(day, &[n]).lazy().select([many, vec![at]].concat()).collect().unwrap()
    };
    let table = Sliced::new(days(), |asset| asset.partition_expr("at"));
    table.write("2023-01-01", wide("2023-01-01", 1));
    let first = live_files(&table.path());
    table.write("2023-01-02", wide("2023-01-02", 2));
    table.write("2023-01-02", wide("2023-01-02", 3));
    assert!(live_files(&table.path()).contains(&first[0]), "the other day was not written again");
    assert_eq!(table.live(), rows([&wide("2023-01-01", 1), &wide("2023-01-02", 3)]));
}

#[test]
fn tables_of_their_own_are_appended_to_one_at_a_time() {
    let table = Sliced::new(fixed(["a", "b"]), |asset| asset.mode(Mode::Append));
    let stored = |name: &str| live_rows(&table.path().join(name));
    table.write("a", numbered("x", "1", &[1]));
    table.write("a", numbered("x", "2", &[2]));
    let before = stored("a");
    assert_eq!(before.len(), 2);
    table.give("b", numbered("x", "3", &[3]));
    let report = table.run(&PartitionChoice::all());
    let (_, failure) = report.failures().next().unwrap();
    assert_kind(failure, ErrorKind::NotHonoured, &["appends to 2 tables", "partition_expr"]);
    assert_eq!(stored("a"), before);
    assert!(!table.path().join("b/_delta_log").exists());
    table.write("b", numbered("x", "3", &[3]));
}

#[test]
fn a_map_of_a_body_has_each_partition_once() {
    let twice = AssetBuilder::new("t", ValueKind::Table).partitions(fixed(["a", "b"])).partition_expr("x").call_once();
    let twice = twice.body(|call| async move {
        let keys: Vec<_> = call.partition_keys()?.keys().collect();
        let value = || Value::Table(lakewright::frame::Frame::into_table(numbered("x", "a", &[1])));
        Ok(Produced::partitions(vec![(keys[0].clone(), value()), (keys[0].clone(), value())]))
    });
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [twice.unwrap()]).build().unwrap();
    let report = lakehouse.materialize_for_blocking("t", &PartitionChoice::all()).unwrap();
    assert_kind(report.failures().next().unwrap().1, ErrorKind::Value, &["two values for the partition `a`"]);
    assert!(!root.path().join("delta/public/t/_delta_log").exists());
}

#[test]
fn rows_appended_in_memory_are_appended_to_all_partitions_or_to_none() {
    let root = tempdir().unwrap();
    let memory = lakewright::io::memory::MemoryIoManager::new();
    let run = |columns: [&'static str; 2]| {
        let asset = AssetBuilder::new("t", ValueKind::Table).partitions(fixed(["a", "b"])).mode(Mode::Append);
        let asset = asset.body(move |call| {
            let second = call.partition_key().unwrap().to_string() == "b";
            async move { call.produce_frame(df!(columns[usize::from(second)] => [1i64]).unwrap()) }
        });
        let builder = lakehouse(&root, [asset.unwrap()]).io_manager("io_manager", memory.clone());
        let lakehouse = builder.build().unwrap();
        let report = lakehouse.materialize_for_blocking("t", &PartitionChoice::all()).unwrap();
        let rows = |partition: &str| match block_on(lakehouse.load_partition(&key("t"), partition)).unwrap() {
            Some(Value::Table(table)) => table.materialize().unwrap().rows(),
            other => panic!("{other:?}"),
        };
        (report.is_success(), rows("a"), rows("b"))
    };
    assert_eq!(run(["n", "n"]), (true, 1, 1));
    assert_eq!(run(["n", "other"]), (false, 1, 1), "`b` refuses another column, and then `a` has nothing new either");
    assert_eq!(run(["n", "n"]), (true, 2, 2));
}

#[test]
fn objects_of_several_partitions_are_loaded_one_by_one() {
    let root = tempdir().unwrap();
    let asset = AssetBuilder::new("t", ValueKind::Object).partitions(fixed(["a", "b"]));
    let asset = asset.body(|call| async move { call.produce_object(call.partition_key()?.to_string()) });
    let lakehouse = lakehouse(&root, [asset.unwrap()]).build().unwrap();
    lakehouse.materialize_for_blocking("t", &PartitionChoice::none().key("a")).unwrap();
    assert!(block_on(lakehouse.load(&key("t"))).unwrap().is_some(), "one is the one");
    lakehouse.materialize_for_blocking("t", &PartitionChoice::all()).unwrap();
    let error = block_on(lakehouse.load(&key("t"))).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Value, "`t` is 2 partitions, each a value of its own"));
    assert!(block_on(lakehouse.load_partition(&key("t"), "b")).unwrap().is_some());
}

#[test]
fn what_a_store_cannot_do_is_said_before_anything_runs() {
    let root = tempdir().unwrap();
    let wrong = |asset: AssetBuilder, says: &str| {
        let asset = asset.body(|call| async move { call.produce_frame(abc()) }).unwrap();
        let error = lakehouse(&root, [asset]).build().unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    };
    let asset = || AssetBuilder::new("t", ValueKind::Table);
    wrong(asset().mode(Mode::Append).store_option("schema_mode", "overwrite"), "`mode = \"append\"` keeps the rows");
    let by_place = asset().partitions(fixed(["a"])).partition_by([""]);
    wrong(by_place, "`partition_by` chooses folders of one table");
    let in_files = asset().io_manager("parquet").partitions(fixed(["a"])).partition_expr("a").partition_by([""]);
    wrong(in_files, "`partition_by` chooses folders of one table");
    wrong(asset().io_manager("parquet").mode(Mode::Merge).on(["a"]), "does not honour `mode = \"merge\"`");
    let store = lakewright::io::delta::DeltaIoManager::new(root.path()).mode(Mode::Merge);
    let merging = lakehouse(&root, [frame_builder("t", abc(), |asset| asset)]).io_manager("io_manager", store);
    assert!(merging.build().unwrap_err().to_string().contains("needs the columns that tell rows apart"));
}

#[test]
fn nobody_is_left_out_without_a_word() {
    let table = Sliced::with(
        fixed(["a"]),
        |asset| asset.partition_expr("x"),
        [AssetBuilder::new("u", ValueKind::Object)
            .partitions(days())
            .body(|call| async move { call.produce_object(1) })
            .unwrap()],
    );
    let error = table.lakehouse.plan_for("*", &PartitionChoice::none().key("Windows=2023-01-01")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.message().contains("`t` is partitioned by `Fixed`"), "{error}");
    let both = PartitionChoice::none().key("Windows=2023-01-01").key("Fixed=a");
    assert_eq!(table.lakehouse.plan_for("*", &both).unwrap().steps.len(), 2);
}

#[test]
fn what_is_chosen_of_one_dimension_is_of_whoever_has_it() {
    let root = tempdir().unwrap();
    let asset = |name: &str, def: PartitionsDef| {
        let asset = AssetBuilder::new(name, ValueKind::Object).io_manager("memory").partitions(def);
        asset.body(|call| async move { call.produce_object(1) }).unwrap()
    };
    let twice = PartitionsDef::multi("Twice", [("made", days()), ("sent", days())]).unwrap();
    let built = lakehouse(&root, [asset("daily", days()), asset("flowers", fixed(["setosa"])), asset("both", twice)]);
    let built = built.build().unwrap();
    let day = days().name().to_owned();
    let choice = PartitionChoice::none().range(format!("{day}=2023-01-01"), "2023-01-05").key("Fixed=setosa");
    let plan = built.plan_for("daily or flowers", &choice).unwrap();
    let mut slices: Vec<_> = plan.steps.iter().map(|step| step.assets[0].slice.to_string()).collect();
    slices.sort();
    assert_eq!(slices, ["v1:[2023-01-01..2023-01-05]", "v1:[setosa]"]);
    let error = built.plan_for("both", &PartitionChoice::none().key(format!("{day}=2023-01-01"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.help_text().unwrap().contains("`made=2023-01-01` or `sent=2023-01-01`"), "{error:?}");
}
