//! Whole tables: where they are, and what each mode does to what is there.

use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind, Mode};

use super::emulator::{Project, text};
use crate::support::{abc, block_on, frame_asset, frame_builder, key, run_all, run_to_failure};

#[test]
fn a01_tables_are_where_schema_and_key_say_and_a_second_run_replaces() {
    let Some(project) = Project::new() else { return };
    let plus_one = AssetBuilder::new("b_plus_one", ValueKind::Table)
        .input("my_schema/b_df")
        .body(|call| {
            call.blocking(|mut call| {
                let frame: LazyFrame = call.frame("my_schema/b_df")?;
                call.produce_frame(frame.select([col("a") + lit(1)]))
            })
        })
        .unwrap();
    let explicit = frame_builder("my_schema/c_df", abc(), |asset| asset.schema("other"));
    let lakehouse = project.lakehouse([frame_asset("my_schema/b_df", abc()), plus_one, explicit]).build().unwrap();
    for _ in 0..2 {
        run_all(&lakehouse);
        assert_eq!(project.numbers("SELECT a FROM my_schema.b_df"), [1, 2, 3]);
        assert_eq!(project.numbers("SELECT a FROM public.b_plus_one"), [2, 3, 4]);
        assert_eq!(project.numbers("SELECT b FROM other.c_df"), [4, 5, 6]);
    }
    assert_eq!(project.numbers("SELECT COUNT(*) FROM my_schema._lakewright_commits"), [2], "one commit a run");
    assert_eq!(project.tables("my_schema"), ["_lakewright_commits", "b_df"], "no staging table is left");
}

#[test]
fn a_column_that_is_not_the_tables_is_refused_and_the_rows_stay() {
    let Some(project) = Project::new() else { return };
    run_all(&project.lakehouse([frame_asset("t", abc())]).build().unwrap());
    let other = df!("a" => [7i64], "b" => ["x"]).unwrap();
    let failure = run_to_failure(&project.lakehouse([frame_asset("t", other.clone())]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Schema.code());
    assert!(failure.message.contains("`b` is INT64 in the table and STRING in the output"), "{failure:?}");
    assert_eq!(project.numbers("SELECT b FROM public.t"), [4, 5, 6]);

    let replacing = frame_builder("t", other, |asset| asset.store_option("schema_mode", "overwrite"));
    run_all(&project.lakehouse([replacing]).build().unwrap());
    assert_eq!(project.query("SELECT a, b FROM public.t"), [[text("7"), text("x")]]);
    let more = df!("a" => [8i64], "b" => ["y"], "c" => [1.5]).unwrap();
    let merging = frame_builder("t", more, |asset| asset.mode(Mode::Append).store_option("schema_mode", "merge"));
    run_all(&project.lakehouse([merging]).build().unwrap());
    let rows = project.query("SELECT a, b, c FROM public.t ORDER BY a");
    assert_eq!(rows, [[text("7"), text("x"), None], [text("8"), text("y"), text("1.5")]]);
}

#[test]
fn external_tables_are_read_as_they_are() {
    let Some(project) = Project::new() else { return };
    run_all(&project.lakehouse([frame_asset("theirs/t", abc())]).build().unwrap());
    let theirs = AssetBuilder::new("theirs/t", ValueKind::Table).external().unwrap();
    let lakehouse = project.lakehouse([theirs]).build().unwrap();
    let frame: DataFrame = block_on(lakehouse.load_frame(&key("theirs/t"))).unwrap();
    assert!(frame.equals(&abc()));
}

#[test]
fn how_a_store_merges_says_nothing_to_assets_that_do_not_merge() {
    let Some(project) = Project::new() else { return };
    let run = |b: i64| {
        let frame = df!("a" => [1i64, 2], "b" => [b, b]).unwrap();
        let merged = frame_builder("merged", frame.clone(), |asset| asset.mode(Mode::Merge).on(["a"]));
        let theirs = AssetBuilder::new("theirs", ValueKind::Table).external().unwrap();
        let builder = project.lakehouse([merged, frame_asset("replaced", frame), theirs]);
        let store = project.store().option("when_matched", "ignore");
        run_all(&builder.io_manager("io_manager", store).build().unwrap());
    };
    run(1);
    run(2);
    assert_eq!(project.numbers("SELECT b FROM public.merged"), [1, 1]);
    assert_eq!(project.numbers("SELECT b FROM public.replaced"), [2, 2]);
}

#[test]
fn what_the_store_cannot_name_is_refused_before_anything_runs() {
    let Some(project) = Project::new() else { return };
    let keys = || PartitionsDef::fixed("Keys", ["x"]).unwrap();
    for (asset, kind) in [
        (frame_asset("a.b", abc()), ErrorKind::InvalidKey),
        (frame_asset("_lakewright_commits", abc()), ErrorKind::InvalidKey),
        (frame_asset("my-schema/t", abc()), ErrorKind::SchemaName),
        (frame_builder("t", abc(), |asset| asset.mode(Mode::Merge)), ErrorKind::NotHonoured),
        (
            frame_builder("t", abc(), |asset| asset.partitions(keys()).partition_expr("a").partition_by([""])),
            ErrorKind::NotHonoured,
        ),
    ] {
        let errors = project.lakehouse([asset]).build().unwrap_err();
        assert_eq!(errors.errors()[0].kind(), kind, "{errors}");
    }
}
