//! The public acceptance cases about partitions: A04, A05, A06 and C06.

use std::sync::atomic::{AtomicUsize, Ordering};

use lakewright::ErrorKind;
use lakewright::exec::PartitionChoice;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use tempfile::tempdir;

use super::{Sliced, assert_kind, dated, days, fixed, live_rows, numbered, rows};
use crate::support::{block_on, key, open_delta};

/// Three rows of version `n`, as the acceptance cases have them, of one slice.
fn version(column: &str, value: &str, version: &str) -> DataFrame {
    df!(column => [value; 3], "a" => [version; 3], "n" => [1i64, 2, 3]).unwrap()
}

#[test]
fn a04_static_slices_are_replaced_alone() {
    let table = Sliced::new(fixed(["red", "blue"]), |asset| asset.partition_expr("color"));
    let slice = |color, v| version("color", color, v);
    table.write("red", slice("red", "1"));
    assert_eq!(table.live(), rows([&slice("red", "1")]));
    table.write("blue", slice("blue", "2"));
    assert_eq!(table.live(), rows([&slice("red", "1"), &slice("blue", "2")]));
    let report = table.write("red", slice("red", "3"));
    assert_eq!(table.live(), rows([&slice("red", "3"), &slice("blue", "2")]));
    assert_eq!((table.partition_columns(), table.version()), (vec!["color".to_owned()], 2));
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(3), Some(3), Some(6)));
}

#[test]
fn a05_days_of_a_date_column_and_a_downstream_of_one_day() {
    #[partitions(daily, start = "2023-01-01")]
    struct Day;
    static VERSION: AtomicUsize = AtomicUsize::new(0);

    #[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
    fn daily(day: Partition<Day>) -> PolarsResult<DataFrame> {
        let version = VERSION.fetch_add(1, Ordering::SeqCst) + 1;
        let frame = df!("day" => [day.key(); 3], "a" => [version.to_string(), version.to_string(), version.to_string()])?;
        frame.lazy().with_column(col("day").cast(DataType::Date)).collect()
    }

    #[asset(io_manager = "delta", partitions = Day, partition_expr = "day")]
    fn downstream(daily: DataFrame, day: Partition<Day>) -> DataFrame {
        assert_eq!(daily.height(), 3, "{day} sees only its own rows");
        daily
    }

    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![downstream])).build().unwrap();
    for (day, selection) in [("2023-01-01", "daily"), ("2023-01-02", "daily"), ("2023-01-01", "*")] {
        let report = lakehouse.materialize_for_blocking(selection, &PartitionChoice::none().key(day)).unwrap();
        assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
    }
    let expected = |day: &str, version: &str| df!("day" => [day; 3], "a" => [version; 3]).unwrap();
    let (first, second) = (expected("2023-01-01", "3"), expected("2023-01-02", "2"));
    assert_eq!(live_rows(&root.path().join("delta/public/daily")), rows([&first, &second]));
    assert_eq!(live_rows(&root.path().join("delta/public/downstream")), rows([&first]));
}

#[test]
fn a06_time_and_color_are_replaced_by_pairs() {
    let def = PartitionsDef::multi("DaySpecies", [("time", days()), ("species", fixed(["Iris-setosa", "Iris-virginica"]))]);
    let table = Sliced::new(def.unwrap(), |asset| asset.partition_exprs([("time", "day"), ("species", "kind")]));
    let slice =
        |day: &str, kind: &str, n: i64| dated(day, &[n, n + 1]).lazy().with_column(lit(kind).alias("kind")).collect().unwrap();
    // The text of a key has its dimensions in the order of their names; a person may also write them in the order of the fields.
    let steps = |key: &str| table.lakehouse.plan_for("t", &PartitionChoice::none().key(key)).unwrap().steps;
    assert_eq!(steps("2023-01-02|Iris-setosa"), steps("Iris-setosa|2023-01-02"));
    let corners = [
        ("Iris-setosa|2023-01-01", slice("2023-01-01", "Iris-setosa", 10)),
        ("Iris-setosa|2023-01-02", slice("2023-01-02", "Iris-setosa", 20)),
        ("Iris-virginica|2023-01-01", slice("2023-01-01", "Iris-virginica", 30)),
        ("Iris-virginica|2023-01-02", slice("2023-01-02", "Iris-virginica", 40)),
    ];
    let mut all: Vec<DataFrame> = Vec::new();
    for (key, frame) in &corners {
        table.write(key, frame.clone());
        all.push(frame.clone());
        assert_eq!(table.live(), rows(&all));
    }
    assert_eq!(table.partition_columns(), ["day", "kind"], "in the order of the fields");
    for (place, (key, _)) in corners.iter().enumerate() {
        let (day, kind) = (["2023-01-01", "2023-01-02"][place % 2], ["Iris-setosa", "Iris-virginica"][place / 2]);
        all[place] = slice(day, kind, 100 * i64::try_from(place + 1).unwrap());
        table.write(key, all[place].clone());
        assert_eq!(table.live(), rows(&all), "only {key} is replaced");
    }
}

#[test]
fn a06_the_key_of_the_acceptance_case_is_one() {
    let def = PartitionsDef::multi("DaySpecies", [("date", days()), ("species", fixed(["Iris-setosa"]))]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("species", "kind"), ("date", "day")]));
    let frame = dated("2023-01-02", &[1]).lazy().with_column(lit("Iris-setosa").alias("kind")).collect().unwrap();
    table.write("2023-01-02|Iris-setosa", frame.clone());
    assert_eq!(table.live(), rows([&frame]));
    assert_eq!(table.partition_columns(), ["day", "kind"], "of the definition, not of the expressions");
}

#[test]
fn c06_dynamic_keys_are_registered_used_and_removed() {
    let table = Sliced::new(PartitionsDef::dynamic("regions"), |asset| asset.partition_expr("region"));
    let unknown = table.lakehouse.plan_for("t", &PartitionChoice::none().key("west")).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::PartitionKey);
    assert!(unknown.to_string().contains("`west` is not registered") && unknown.help_text().unwrap().contains("partitions add"));
    assert!(table.snapshot().is_none(), "nothing is stored");

    let add = |key: &str| table.lakehouse.add_partitions("regions", &[key.to_owned()]).unwrap();
    add("west");
    add("east");
    table.write("west", numbered("region", "west", &[1, 2]));
    let plan = table.lakehouse.plan_for("t", &PartitionChoice::none().key("west")).unwrap();
    table.lakehouse.remove_partitions("regions", &["west".to_owned()]).unwrap();
    assert_eq!(table.lakehouse.plan_for("t", &PartitionChoice::none().key("west")).unwrap_err().kind(), ErrorKind::PartitionKey);
    // A plan that is older than the removal is refused as well.
    let report = block_on(table.lakehouse.run(plan, lakewright::exec::Interrupt::new())).unwrap();
    assert_kind(report.failures().next().unwrap().1, ErrorKind::PartitionKey, &["`west`"]);
    table.write("east", numbered("region", "east", &[3]));
    assert_eq!(table.live(), rows([&numbered("region", "west", &[1, 2]), &numbered("region", "east", &[3])]), "data stays");
    assert_eq!(rows([&table.read_all().unwrap()]), rows([&numbered("region", "east", &[3])]), "and is not read");
    add("west");
    assert_eq!(rows([&table.read("west").unwrap()]), rows([&numbered("region", "west", &[1, 2])]), "until it is added again");
}

#[test]
fn c06_one_table_with_the_columns_of_two_dimensions() {
    let def = PartitionsDef::multi("Both", [("z", fixed(["1", "2"])), ("a", fixed(["x", "y"]))]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("a", "letter"), ("z", "digit")]));
    let slice = |letter: &str, digit: i64, n: i64| df!("letter" => [letter], "digit" => [digit], "n" => [n]).unwrap();
    table.write_all([("x|1", slice("x", 1, 1)), ("y|1", slice("y", 1, 2)), ("x|2", slice("x", 2, 3))]);
    assert_eq!((table.partition_columns(), table.version()), (vec!["digit".to_owned(), "letter".to_owned()], 0));
    table.write("y|1", slice("y", 1, 20));
    assert_eq!(table.live(), rows([&slice("x", 1, 1), &slice("y", 1, 20), &slice("x", 2, 3)]));
    assert_eq!(table.stored(), ["x|1", "x|2", "y|1"]);
    assert_eq!(open_delta(&table.path()).version(), Some(1));
    let _ = key("t");
}
