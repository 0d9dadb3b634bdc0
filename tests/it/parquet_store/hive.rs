//! Folders of `column=value` as Spark writes them, read as external assets.

use std::path::Path;

use lakewright::exec::PartitionChoice;
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind};
use tempfile::{TempDir, tempdir};

use crate::support::{block_on, files_below, integers, key, lakehouse, read_delta, texts};

/// A data file as Spark names it, with the marks that it leaves beside.
fn part(folder: &Path, numbers: &[i64]) {
    std::fs::create_dir_all(folder).unwrap();
    let mut frame = df!("n" => numbers).unwrap();
    let name = "part-00000-3f1c.c000.snappy.parquet";
    let file = std::fs::File::create(folder.join(name)).unwrap();
    ParquetWriter::new(file).with_compression(ParquetCompression::Snappy).finish(&mut frame).unwrap();
    std::fs::write(folder.join(format!(".{name}.crc")), "crc").unwrap();
    std::fs::write(folder.join("_SUCCESS"), "").unwrap();
}

fn folder(root: &TempDir) -> std::path::PathBuf {
    root.path().join("parquet/ext/iris")
}

/// The folder as an asset, with whatever else is needed to read it.
fn external(with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
    let builder = AssetBuilder::new("ext/iris", ValueKind::Table).io_manager("parquet").store_option("hive", true);
    with(builder).external().unwrap()
}

fn whole(root: &TempDir) -> DataFrame {
    let lakehouse = lakehouse(root, [external(|asset| asset), crate::support::frame_asset("x", df!("a" => [1]).unwrap())]);
    let frame: DataFrame = block_on(lakehouse.build().unwrap().load_frame(&key("ext/iris"))).unwrap();
    frame.sort(["n"], SortMultipleOptions::default()).unwrap()
}

#[test]
fn names_of_folders_are_columns_of_the_type_they_look_like() {
    let root = tempdir().unwrap();
    part(&folder(&root).join("year=2023/day=2023-01-02/name=a%2Fb%20%3D%25c"), &[1, 2]);
    part(&folder(&root).join("year=2024/day=2024-02-29/name=__HIVE_DEFAULT_PARTITION__"), &[3]);
    part(&folder(&root).join("_temporary/0/year=1/day=1999-01-01/name=x"), &[99]);
    let frame = whole(&root);
    let data_types: Vec<DataType> =
        ["n", "year", "day", "name"].iter().map(|name| frame.column(name).unwrap().dtype().clone()).collect();
    assert_eq!(data_types, [DataType::Int64, DataType::Int64, DataType::Date, DataType::String]);
    assert_eq!(integers(&frame, "n"), [1, 2, 3]);
    assert_eq!(integers(&frame, "year"), [2023, 2023, 2024]);
    let names: Vec<Option<&str>> = frame.column("name").unwrap().str().unwrap().iter().collect();
    assert_eq!(names, [Some("a/b =%c"), Some("a/b =%c"), None]);
    let days = frame.lazy().select([col("day").dt().to_string("%Y/%m/%d")]).collect().unwrap();
    assert_eq!(texts(&days, "day"), ["2023/01/02", "2023/01/02", "2024/02/29"]);
}

#[test]
fn values_of_two_kinds_are_text_and_nulls_stay_nulls() {
    let root = tempdir().unwrap();
    for (value, number) in [("7", 1), ("x", 2), ("__HIVE_DEFAULT_PARTITION__", 3)] {
        part(&folder(&root).join(format!("code={value}")), &[number]);
    }
    let frame = whole(&root);
    let codes: Vec<Option<&str>> = frame.column("code").unwrap().str().unwrap().iter().collect();
    assert_eq!(codes, [Some("7"), Some("x"), None]);
    std::fs::remove_dir_all(folder(&root).join("code=x")).unwrap();
    let frame = whole(&root);
    let codes: Vec<Option<i64>> = frame.column("code").unwrap().i64().unwrap().iter().collect();
    assert_eq!(codes, [Some(7), None]);
}

#[test]
fn a_folder_above_that_looks_like_a_value_is_none() {
    let outer = tempdir().unwrap();
    let root = tempfile::Builder::new().prefix("year=1999,").tempdir_in(outer.path()).unwrap();
    part(&folder(&root).join("species=a"), &[1]);
    assert_eq!(whole(&root).get_column_names(), ["n", "species"]);
    part(&folder(&root).join("species=a/year=2000"), &[2]);
    let lakehouse = lakehouse(&root, [external(|asset| asset), crate::support::frame_asset("x", df!("a" => [1]).unwrap())]);
    let error = block_on(lakehouse.build().unwrap().load_frame::<DataFrame>(&key("ext/iris"))).unwrap_err();
    assert!(error.message().starts_with("`year` is a column of the data set in"), "{error}");
}

#[partitions(keys = ["Iris-setosa", "Iris-versicolor", "a/b c"])]
struct Species;

#[external_asset(io_manager = "parquet", key_prefix = "ext", store(hive = true), partitions = Species, partition_expr = "species")]
fn iris() -> LazyFrame;

#[asset(io_manager = "delta", partitions = Species, partition_expr = "species")]
fn each(iris: LazyFrame, species: Partition<Species>) -> LazyFrame {
    iris.with_column(lit(species.key().to_owned()).alias("asked"))
}

#[asset(io_manager = "parquet")]
fn all(iris: DataFrame) -> DataFrame {
    iris
}

#[asset(io_manager = "parquet")]
fn mapped(iris: Partitions<Species, LazyFrame>) -> Result<DataFrame> {
    let sums = iris.into_iter().map(|(species, frame)| {
        let sum = frame.select([col("n").sum()]).collect()?;
        Ok((species.key().to_owned(), integers(&sum, "n")[0]))
    });
    let (species, sums): (Vec<_>, Vec<_>) = sums.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    Ok(df!("species" => species, "sum" => sums)?)
}

fn of_species(root: &TempDir) -> Lakehouse {
    let registry = Registry::of(assets![iris, each, all, mapped]);
    Lakehouse::builder().root(root.path()).registry(registry).build().unwrap()
}

#[test]
fn partitions_of_a_folder_are_read_one_by_one_and_together() {
    let root = tempdir().unwrap();
    part(&folder(&root).join("species=Iris-setosa"), &[1, 2]);
    part(&folder(&root).join("species=a%2Fb%20c"), &[10]);
    part(&folder(&root).join("species=__HIVE_DEFAULT_PARTITION__"), &[100]);
    let before = files_below(&folder(&root));
    let lakehouse = of_species(&root);
    let report = lakehouse.materialize_for_blocking("each", &PartitionChoice::none().key("a/b c").key("Iris-setosa")).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    let stored = read_delta(&root.path().join("delta/public/each")).sort(["n"], SortMultipleOptions::default()).unwrap();
    assert_eq!(integers(&stored, "n"), [1, 2, 10]);
    assert_eq!(texts(&stored, "asked"), ["Iris-setosa", "Iris-setosa", "a/b c"]);
    let report = lakehouse.materialize_for_blocking("each", &PartitionChoice::none().key("Iris-versicolor")).unwrap();
    assert!(report.failures().next().unwrap().1.message.contains("the partition `Iris-versicolor`"));

    let report = lakehouse.materialize_blocking("all or mapped").unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    let frame = crate::support::read_file(&root.path().join("parquet/all.parquet"));
    assert_eq!(integers(&frame, "n"), [1, 2, 10], "in the order of keys, and nulls are of no partition");
    let frame = crate::support::read_file(&root.path().join("parquet/mapped.parquet"));
    assert_eq!((texts(&frame, "species"), integers(&frame, "sum")), (vec!["Iris-setosa".into(), "a/b c".into()], vec![3, 10]));
    assert_eq!(files_below(&folder(&root)), before, "it is never written");
    let error = lakehouse.materialize_for_blocking("ext/iris", &PartitionChoice::all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::External);
}

#[test]
fn all_is_not_all_if_the_folder_has_more_than_the_definition() {
    let root = tempdir().unwrap();
    part(&folder(&root).join("species=Iris-setosa"), &[1]);
    part(&folder(&root).join("species=Iris-virginica"), &[2]);
    let report = of_species(&root).materialize_blocking("all").unwrap();
    let failure = report.failures().next().expect("rows would be lost").1;
    assert_eq!(failure.code, ErrorKind::Partitions.code());
    assert_eq!(failure.message, "the folder has rows of `Iris-virginica`, which is not a key of `Species`");
}

#[test]
fn all_is_not_all_if_the_folder_has_days_that_are_in_no_window() {
    #[partitions(daily, start = "2023-01-02", end = "2023-02-01")]
    struct Day;
    for (outside, name) in [("2023-01-01", "before"), ("2023-02-01", "after")] {
        let root = tempdir().unwrap();
        part(&folder(&root).join("day=2023-01-02"), &[1]);
        let asset = external(|asset| asset.partitions(Day::def().unwrap()).partition_expr("day"));
        let lakehouse = lakehouse(&root, [asset, crate::support::frame_asset("x", df!("a" => [1]).unwrap())]).build().unwrap();
        let all: DataFrame = block_on(lakehouse.load_frame(&key("ext/iris"))).unwrap();
        assert_eq!(integers(&all, "n"), [1]);
        part(&folder(&root).join(format!("day={outside}")), &[2]);
        let error = block_on(lakehouse.load_frame::<DataFrame>(&key("ext/iris"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Partitions, "{name}: {error}");
        assert!(error.message().contains(&format!("`{outside}`, which is in no window of `Day`")), "{name}: {error}");
    }
}

#[test]
fn dates_and_numbers_in_the_names_of_folders_are_partitions() {
    #[partitions(daily, start = "2023-01-01", end = "2023-02-01")]
    struct Day;
    #[partitions(keys = ["1", "2"])]
    struct Hour;
    #[partitions]
    struct At {
        day: Day,
        hour: Hour,
    }
    let root = tempdir().unwrap();
    for (day, hour, number) in [("2023-01-02", 1, 1), ("2023-01-02", 2, 2), ("2023-01-03", 1, 3)] {
        part(&folder(&root).join(format!("day={day}/hour={hour}")), &[number]);
    }
    let asset = external(|asset| asset.partitions(At::def().unwrap()).partition_exprs([("day", "day"), ("hour", "hour")]));
    let lakehouse = lakehouse(&root, [asset, crate::support::frame_asset("x", df!("a" => [1]).unwrap())]).build().unwrap();
    let load = |partition: &str| match block_on(lakehouse.load_partition(&key("ext/iris"), partition)).unwrap() {
        Some(lakewright::Value::Table(table)) => {
            use lakewright::frame::Frame;
            integers(&DataFrame::from_table(table).unwrap(), "n")
        }
        None => Vec::new(),
        other => panic!("{other:?}"),
    };
    assert_eq!(load("2023-01-02|2"), [2]);
    assert_eq!(load("2023-01-03|1"), [3]);
    assert_eq!(load("2023-01-03|2"), [0; 0]);
    let present = block_on(lakehouse.stored_partitions(&key("ext/iris"))).unwrap();
    assert_eq!(present.keys().map(|key| key.to_string()).collect::<Vec<_>>(), ["2023-01-02|1", "2023-01-02|2", "2023-01-03|1"]);
}
