//! Tables with column mapping, in both of its modes. The tables in `tables/` were written with pyarrow after the protocol: their
//! files name columns in other ways than the log does, inside of structs and lists too.

use std::path::Path;

use lakewright::asset::Mode;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::{TempDir, tempdir};

use super::actions;
use crate::partitions::fixed;
use crate::support::{block_on, files_below, frame_builder, integers, key, lakehouse, run_to_failure, texts};

/// A copy of one of the tables, where the asset `t` would be.
fn table(mode: &str) -> TempDir {
    let root = tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/delta_full/tables").join(format!("mapped_{mode}"));
    let to = root.path().join("delta/public/t");
    for file in files_below(&from) {
        std::fs::create_dir_all(to.join(&file).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), to.join(&file)).unwrap();
    }
    root
}

fn external() -> lakewright::AssetSpec {
    AssetBuilder::new("t", ValueKind::Table).partition_expr("part").external().unwrap()
}

fn names(frame: &DataFrame) -> Vec<String> {
    frame.get_column_names().into_iter().map(ToString::to_string).collect()
}

fn all_of_it(mode: &str) {
    let root = table(mode);
    let ours = lakehouse(&root, [external()]).build().unwrap();
    let stored: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(names(&stored), ["when", "n", "at", "tags", "part"]);
    let stored = stored.lazy().sort(["n"], SortMultipleOptions::default()).collect().unwrap();
    assert_eq!(integers(&stored, "n"), [1, 2, 3, 4]);
    assert_eq!(texts(&stored, "part"), ["red", "red", "blue", "blue"]);
    let at: Vec<String> = stored.column("at").unwrap().as_materialized_series().iter().map(|value| value.to_string()).collect();
    assert_eq!(at, ["{10}", "null", "{30}", "{40}"]);
    let fields = stored.column("at").unwrap().dtype().clone();
    assert_eq!(fields, DataType::Struct(vec![Field::new("x".into(), DataType::Int64)]));
    let label = DataType::Struct(vec![Field::new("label".into(), DataType::String)]);
    assert_eq!(*stored.column("tags").unwrap().dtype(), DataType::List(Box::new(label)));
    let tags = stored
        .column("tags")
        .unwrap()
        .as_materialized_series()
        .explode(ExplodeOptions { empty_as_null: false, keep_nulls: false })
        .unwrap();
    let labels: Vec<String> =
        tags.struct_().unwrap().field_by_name("label").unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect();
    assert_eq!(labels, ["a", "b", "c"]);

    let lazy: LazyFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    let some = lazy.filter(col("n").gt(lit(1)).and(col("part").eq(lit("red")))).select([col("at"), col("n")]).collect().unwrap();
    assert_eq!((integers(&some, "n"), names(&some)), (vec![2], vec!["at".to_owned(), "n".to_owned()]));
}

#[test]
fn columns_are_found_by_the_names_that_the_log_maps_them_to() {
    all_of_it("name");
}

#[test]
fn columns_are_found_by_number() {
    all_of_it("id");
}

#[test]
fn slices_are_found_by_partition_values_and_bounds_under_physical_names() {
    for mode in ["name", "id"] {
        let root = table(mode);
        let by = |expr: &str, def| AssetBuilder::new("t", ValueKind::Table).partitions(def).partition_expr(expr);
        let colours = lakehouse(&root, [by("part", fixed(["blue", "red"])).external().unwrap()]).build().unwrap();
        let stored = block_on(colours.stored_partitions(&key("t"))).unwrap();
        assert_eq!(stored.keys().map(|key| key.to_string()).collect::<Vec<_>>(), ["blue", "red"], "{mode}");
        let blue = block_on(colours.load_partition(&key("t"), "blue")).unwrap().unwrap();
        assert_eq!(integers(&crate::partitions::frame_of(blue).unwrap(), "n"), [3, 4], "{mode}");

        let days = crate::partitions::days();
        let by_day = lakehouse(&root, [by("when", days).external().unwrap()]).build().unwrap();
        let second = block_on(by_day.load_partition(&key("t"), "2023-01-02")).unwrap().unwrap();
        assert_eq!(integers(&crate::partitions::frame_of(second).unwrap(), "n"), [3, 4], "{mode}");
    }
}

#[test]
fn a_mapped_table_is_not_written() {
    for mode in [Mode::Overwrite, Mode::Append] {
        let root = table("name");
        let path = root.path().join("delta/public/t");
        let (files, log) = (files_below(&path), actions(&path, 0));
        let asset = frame_builder("t", df!("n" => [1i64]).unwrap(), |asset| asset.mode(mode));
        let failure = run_to_failure(&lakehouse(&root, [asset]).build().unwrap());
        assert_eq!(failure.code, ErrorKind::Unsupported.code(), "{failure:?}");
        assert!(failure.message.contains("column mapping"), "{failure:?}");
        assert_eq!((files_below(&path), actions(&path, 0)), (files, log));
    }
}
