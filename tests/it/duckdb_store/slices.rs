//! Slices of one table: by a column or by an SQL expression, each replaced alone.

use lakewright::asset::Mode;
use lakewright::io::LoadRequest;
use lakewright::partition::{Every, TimeDef};
use lakewright::{ErrorKind, Slice};
use std::sync::Arc;

use super::*;

fn days() -> PartitionsDef {
    PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap())
}

fn day(text: &str, version: &str) -> DataFrame {
    let frame = super::version("day", text, version).lazy();
    frame.with_column(col("day").cast(DataType::Date)).collect().unwrap()
}

#[test]
fn b02_static_slices_are_replaced_alone() {
    let table = Warehouse::new(|asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color"));
    let slice = |color, v| version("color", color, v);
    table.write([("red", slice("red", "1"))]);
    assert_eq!(table.stored(), all([&slice("red", "1")]));
    table.write([("blue", slice("blue", "2"))]);
    assert_eq!(table.stored(), all([&slice("red", "1"), &slice("blue", "2")]));
    let report = table.write([("red", slice("red", "3"))]);
    assert_eq!(table.stored(), all([&slice("red", "3"), &slice("blue", "2")]));
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.slice_rows, stored.table_rows), (Some(3), Some(3), Some(6)));
    assert_eq!(table.partitions(), ["red", "blue"]);
    assert_eq!(table.left_over(), 0);
}

#[test]
fn a_table_that_was_written_whole_forgets_its_partitions() {
    let mut table = Warehouse::new(|asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color"));
    table.write([("red", version("color", "red", "1")), ("blue", version("color", "blue", "1"))]);
    let whole = table.asset("t", |asset| asset);
    table.of([whole], |store| store);
    table.write([("", version("color", "red", "2"))]);
    let parts = table.asset("t", |asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color").mode(Mode::Ignore));
    table.of([parts], |store| store);
    assert_eq!(table.partitions(), ["red"]);
    table.write([("blue", version("color", "blue", "3"))]);
    assert_eq!(table.stored(), all([&version("color", "red", "2"), &version("color", "blue", "3")]));
}

#[test]
fn a_merge_creates_a_slice_that_is_not_there_with_every_row() {
    let update = |asset: AssetBuilder| {
        let asset = asset.mode(Mode::Merge).on(["id"]).store_option("when_not_matched", "ignore");
        asset.partitions(fixed(["RED", "BLUE", "GREY"])).partition_expr("upper(color)")
    };
    let rows = |color: &str, ids: &[i64], v: &str| {
        df!("color" => vec![color; ids.len()], "id" => ids, "v" => vec![v; ids.len()]).unwrap()
    };
    let table = Warehouse::new(update);
    table.write([("RED", rows("red", &[1, 2], "old"))]);
    let report = table.write([("BLUE", rows("blue", &[1, 2], "old"))]);
    assert_eq!(table.stored(), all([&rows("red", &[1, 2], "old"), &rows("blue", &[1, 2], "old")]));
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.slice_rows, stored.table_rows), (Some(2), Some(4)));
    // One that was stored without a row is there.
    table.write([("GREY", rows("grey", &[], "old"))]);
    table.write([("GREY", rows("grey", &[1], "new")), ("BLUE", rows("blue", &[2, 3], "new"))]);
    let blue = [rows("blue", &[1], "old"), rows("blue", &[2], "new")];
    assert_eq!(table.stored(), all([&rows("red", &[1, 2], "old"), &blue[0], &blue[1]]));
    assert_eq!(table.partitions(), ["RED", "BLUE", "GREY"]);

    // Of one frame for several, only those that are not there are created, and their rows match no row of another.
    let table = Warehouse::new(|asset| update(asset).call_once());
    let write = |rows: DataFrame, choice: &PartitionChoice| {
        table.give("", rows);
        let report = table.lakehouse().materialize_for_blocking("t", choice).unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    };
    write(rows("red", &[1, 2], "old"), &PartitionChoice::none().key("RED"));
    let both = rows("red", &[2, 4], "new").vstack(&rows("blue", &[1, 3], "new")).unwrap();
    write(both, &PartitionChoice::none().key("RED").key("BLUE"));
    let red = [rows("red", &[1], "old"), rows("red", &[2], "new")];
    assert_eq!(table.stored(), all([&red[0], &red[1], &rows("blue", &[1, 3], "new")]));
    assert_eq!(table.left_over(), 0);
}

#[test]
fn b02_days_are_replaced_alone() {
    let table = Warehouse::new(|asset| asset.partitions(days()).partition_expr("day"));
    table.write([("2023-01-01", day("2023-01-01", "1"))]);
    table.write([("2023-01-02", day("2023-01-02", "2"))]);
    table.write([("2023-01-01", day("2023-01-01", "3"))]);
    assert_eq!(table.stored(), all([&day("2023-01-01", "3"), &day("2023-01-02", "2")]));
    assert_eq!(rows_of(&table.read_partition("2023-01-01")), rows_of(&day("2023-01-01", "3")));
}

#[test]
fn b02_dynamic_keys_are_registered_first() {
    let table = Warehouse::new(|asset| asset.partitions(PartitionsDef::dynamic("b02_regions")).partition_expr("region"));
    table.give("north", version("region", "north", "1"));
    let refused = table.lakehouse().materialize_for_blocking("t", &PartitionChoice::none().key("north"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::PartitionKey);
    assert_eq!(table.stored(), None);
    table.lakehouse().add_partitions("b02_regions", &["north".to_owned(), "it's".to_owned()]).unwrap();
    table.write([("north", version("region", "north", "1"))]);
    table.write([("it's", version("region", "it's", "2"))]);
    table.write([("north", version("region", "north", "3"))]);
    assert_eq!(table.stored(), all([&version("region", "north", "3"), &version("region", "it's", "2")]));
}

#[test]
fn folders_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let in_folders = |asset: AssetBuilder| asset.partitions(fixed(["x"])).partition_expr("a").partition_by([""]);
    let asset = crate::support::frame_builder("t", crate::support::abc(), |asset| in_folders(asset.io_manager("duckdb")));
    let error = crate::support::lakehouse(&root, [asset]).build().unwrap_err();
    assert_eq!(error.errors()[0].kind(), ErrorKind::NotHonoured);
    assert!(error.to_string().contains("the DuckDB store keeps tables without any"), "{error}");
}

#[test]
fn b03_a_partition_expression_may_be_sql() {
    let table = Warehouse::new(|asset| asset.partitions(days()).partition_expr("CAST(time AS TIMESTAMP)"));
    let at = |day: &str, v: &str| {
        df!("time" => [format!("{day} 00:00:00"), format!("{day} 12:30:00"), format!("{day} 23:59:59.999999")], "v" => [v; 3])
            .unwrap()
    };
    table.write([("2023-01-01", at("2023-01-01", "1"))]);
    table.write([("2023-01-02", at("2023-01-02", "2"))]);
    table.write([("2023-01-01", at("2023-01-01", "3"))]);
    assert_eq!(table.stored(), all([&at("2023-01-01", "3"), &at("2023-01-02", "2")]));
    let failure = table.refuse([("2023-01-01", at("2023-01-02", "stray"))]);
    assert_kind(&failure, ErrorKind::StrayRows, &["3 rows", "CAST(time AS TIMESTAMP)", "2023-01-02 00:00:00"]);
    let failure = table.refuse([("2023-01-01", df!("time" => ["yesterday"], "v" => ["x"]).unwrap())]);
    assert_kind(&failure, ErrorKind::Value, &["yesterday"]);

    let table = Warehouse::new(|asset| asset.partitions(days()).partition_expr("to_timestamp(time)"));
    // 2023-01-01 and 2023-01-02 in UTC.
    let at = |second: i64, v: &str| df!("time" => [second, second + 43_200, second + 86_399], "v" => [v; 3]).unwrap();
    let (first, second) = (1_672_531_200, 1_672_617_600);
    table.write([("2023-01-01", at(first, "1"))]);
    table.write([("2023-01-02", at(second, "2"))]);
    table.write([("2023-01-01", at(first, "3"))]);
    assert_eq!(table.stored(), all([&at(first, "3"), &at(second, "2")]));
    assert_eq!(rows_of(&table.read_partition("2023-01-02")), rows_of(&at(second, "2")));
}

#[test]
fn what_is_no_sql_expression_is_said_before_anything_runs() {
    for expression in ["", "day; DROP TABLE t", "day) OR (1 = 1", "day -- x"] {
        let store = DuckDbIoManager::new("nowhere.duckdb");
        let builder = AssetBuilder::new("t", ValueKind::Table).partitions(days()).partition_expr(expression);
        let asset = builder.body(|call| async move { call.produce_frame(DataFrame::default()) }).unwrap();
        let lakehouse = Lakehouse::builder().registry(Registry::from_specs([asset])).io_manager("io_manager", store).build();
        assert!(
            lakehouse.err().is_some_and(|error| error.errors().iter().any(|error| error.kind() == ErrorKind::Partitions)),
            "{expression}"
        );
    }
}

#[test]
fn a_column_that_is_not_there_is_said_with_the_nearest() {
    let table = Warehouse::new(|asset| asset.partitions(days()).partition_expr("dya"));
    let failure = table.refuse([("2023-01-01", day("2023-01-01", "1"))]);
    assert_kind(&failure, ErrorKind::Schema, &["`dya`", "`day`"]);
}

#[test]
fn two_dimensions_are_the_combinations_that_were_chosen() {
    let def = PartitionsDef::multi("DayColor", [("date", days()), ("color", fixed(["red", "it's \"x\""]))]).unwrap();
    let table = Warehouse::new(|asset| asset.partitions(def).partition_exprs([("date", "day"), ("color", "Order By")]));
    let rows = |date: &str, color: &str, v: &str| {
        let frame = df!("day" => [date; 2], "Order By" => [color; 2], "v" => [v; 2]).unwrap().lazy();
        frame.with_column(col("day").cast(DataType::Date)).collect().unwrap()
    };
    let (first, second) = (rows("2023-01-01", "red", "1"), rows("2023-01-02", "it's \"x\"", "2"));
    table.write([("red|2023-01-01", first.clone()), ("it's \"x\"|2023-01-02", second.clone())]);
    assert_eq!(table.stored(), all([&first, &second]));
    // Neither of the other two combinations is touched.
    let (third, fourth) = (rows("2023-01-02", "red", "3"), rows("2023-01-01", "it's \"x\"", "4"));
    table.write([("red|2023-01-02", third.clone()), ("it's \"x\"|2023-01-01", fourth.clone())]);
    assert_eq!(table.stored(), all([&first, &second, &third, &fourth]));
    let again = rows("2023-01-01", "red", "5");
    table.write([("red|2023-01-01", again.clone())]);
    assert_eq!(table.stored(), all([&again, &second, &third, &fourth]));
    assert_eq!(table.partitions().len(), 4);
}

#[test]
fn b04_the_predicate_is_half_open_and_its_values_are_bound() {
    let query = |def: PartitionsDef, slice: &str, exprs: &[(&str, &str)], frame: DataFrame| {
        let folder = tempdir().unwrap();
        let store = DuckDbIoManager::new(folder.path().join("w.duckdb"));
        let sql = DuckDb::open(folder.path().join("w.duckdb")).connection().unwrap();
        sql.execute("CREATE SCHEMA public").unwrap();
        block_on(async {
            tokio::task::spawn_blocking(move || {
                sql.register("given", frame).unwrap();
                sql.execute("CREATE TABLE public.t AS FROM given").unwrap();
            })
            .await
            .unwrap();
        });
        let asset = AssetBuilder::new("t", ValueKind::Table).partitions(def).partition_exprs(exprs.iter().copied());
        let asset = asset.body(|call| async move { call.produce_frame(DataFrame::default()) }).unwrap();
        let slice: Slice = slice.parse().unwrap();
        let env = Arc::new(lakewright::exec::SystemEnv::new());
        let (sql, values) = store.query(&LoadRequest::new(&asset, &slice, env)).unwrap().unwrap();
        let (_, predicate) = sql.split_once(" WHERE ").unwrap();
        (predicate.to_owned(), values)
    };
    let colors = || fixed(["red", "it's \"x\""]);
    let frame = day("2023-01-01", "1").lazy().with_column(lit("red").alias("a \"b\"")).collect().unwrap();

    let (predicate, values) = query(days(), "v1:[2023-01-01]", &[("", "day")], frame.clone());
    assert_eq!(predicate, r#""day" >= CAST(? AS DATE) AND "day" < CAST(? AS DATE)"#);
    assert_eq!(values, ["2023-01-01", "2023-01-02"]);

    let (predicate, values) = query(colors(), "v1:[it's \"x\"]", &[("", "A \"B\"")], frame.clone());
    assert_eq!(predicate, r#""a ""b""" IN (?)"#);
    assert_eq!(values, ["it's \"x\""]);

    let (predicate, values) = query(days(), "v1:[2023-01-01]", &[("", "CAST(day AS TIMESTAMP)")], frame.clone());
    assert_eq!(predicate, "(CAST(day AS TIMESTAMP)) >= CAST(? AS TIMESTAMP) AND (CAST(day AS TIMESTAMP)) < CAST(? AS TIMESTAMP)");
    assert_eq!(values, ["2023-01-01 00:00:00", "2023-01-02 00:00:00"]);

    let def = PartitionsDef::multi("DayColor", [("date", days()), ("color", colors())]).unwrap();
    let exprs = [("date", "day"), ("color", "a \"b\"")];
    let slice = "v1:[color=it's \"x\"&date=2023-01-02;color=red&date=2023-01-01]";
    let (predicate, values) = query(def, slice, &exprs, frame);
    let (inside, _) = predicate.split_once(") AS picked").unwrap();
    let mut boxes: Vec<&str> = inside.split(" OR ").collect();
    assert_eq!(boxes.len(), 2, "one for each combination: {predicate}");
    boxes.dedup();
    assert_eq!(boxes, [r#"("a ""b""" IN (?) AND "day" >= CAST(? AS DATE) AND "day" < CAST(? AS DATE))"#]);
    assert_eq!(values[..6], ["red", "2023-01-01", "2023-01-02", "it's \"x\"", "2023-01-02", "2023-01-03"]);
}

#[test]
fn several_partitions_are_read_in_the_order_of_their_keys_and_rows_in_theirs() {
    let table = Warehouse::new(|asset| asset.partitions(fixed(["b", "a", "c"])).partition_expr("k"));
    let rows = |k: &str, numbers: &[i64]| df!("k" => vec![k; numbers.len()], "n" => numbers).unwrap();
    table.write([("c", rows("c", &[9, 7]))]);
    table.write([("a", rows("a", &[5, 6])), ("b", rows("b", &[3, 1]))]);
    table.write([("c", rows("c", &[8, 2]))]);
    assert_eq!(crate::support::texts(&table.read(), "k"), ["b", "b", "a", "a", "c", "c"]);
    assert_eq!(crate::support::integers(&table.read(), "n"), [3, 1, 5, 6, 8, 2]);

    let table = Warehouse::new(|asset| asset.partitions(days()).partition_expr("day"));
    for (key, v) in [("2023-01-03", "3"), ("2023-01-01", "1"), ("2023-01-02", "2")] {
        table.write([(key, day(key, v))]);
    }
    assert_eq!(crate::support::texts(&table.read(), "a"), ["1", "1", "1", "2", "2", "2", "3", "3", "3"]);
    assert_eq!(crate::support::integers(&table.read(), "n"), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn an_empty_slice_is_there_and_empty() {
    let table = Warehouse::new(|asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color"));
    table.write([("red", version("color", "red", "1").head(Some(0)))]);
    assert_eq!(table.stored(), Some(Vec::new()));
    assert_eq!(table.partitions(), ["red"]);
    assert_eq!(table.read_partition("red").height(), 0);
    table.write([("red", version("color", "red", "1")), ("blue", version("color", "blue", "2"))]);
    table.write([("red", version("color", "red", "1").head(Some(0)))]);
    assert_eq!((table.stored(), table.partitions().len()), (all([&version("color", "blue", "2")]), 2));
}

#[test]
fn stray_rows_and_nulls_are_refused_with_the_first_of_them() {
    let table = Warehouse::new(|asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color"));
    let stray = version("color", "blue", "1");
    let failure = table.refuse([("red", stray.clone())]);
    assert_kind(&failure, ErrorKind::StrayRows, &["3 rows", "`red`", "`color` is `blue`"]);
    table.write([("red", version("color", "red", "1")), ("blue", version("color", "blue", "2"))]);
    table.refuse([("red", stray)]);
    let nulls = df!("color" => [Some("red"), None], "a" => ["x", "x"], "n" => [1i64, 2]).unwrap();
    let failure = table.refuse([("red", nulls)]);
    assert_kind(&failure, ErrorKind::StrayRows, &["1 row", "`color` is null"]);
}

#[test]
fn modes_are_about_the_slice() {
    let with =
        |mode: Mode| Warehouse::new(move |asset| asset.partitions(fixed(["red", "blue"])).partition_expr("color").mode(mode));
    let slice = |color, v| version("color", color, v);

    let table = with(Mode::Append);
    table.write([("red", slice("red", "1"))]);
    let report = table.write([("red", slice("red", "2"))]);
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.slice_rows, stored.table_rows), (Some(6), Some(6)));
    assert_eq!(table.stored(), all([&slice("red", "1"), &slice("red", "2")]));

    let table = with(Mode::Error);
    table.write([("red", slice("red", "1"))]);
    let failure = table.refuse([("red", slice("red", "2")), ("blue", slice("blue", "2"))]);
    assert_kind(&failure, ErrorKind::Present, &["red"]);
    table.write([("blue", slice("blue", "2"))]);
    assert_eq!(table.stored(), all([&slice("red", "1"), &slice("blue", "2")]));

    let table = with(Mode::Ignore);
    table.write([("red", slice("red", "1"))]);
    table.write([("red", slice("red", "2")), ("blue", slice("blue", "2"))]);
    assert_eq!(table.stored(), all([&slice("red", "1"), &slice("blue", "2")]));
}

#[test]
fn many_steps_at_once_write_their_slices_and_nothing_else() {
    const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let table = Warehouse::new(|asset| asset.partitions(fixed(KEYS)).partition_expr("k"));
    for round in ["1", "2"] {
        std::thread::scope(|scope| {
            for key in KEYS {
                let table = &table;
                scope.spawn(move || table.write([(key, version("k", key, round))]));
            }
        });
        let frames: Vec<DataFrame> = KEYS.iter().map(|key| version("k", key, round)).collect();
        assert_eq!(table.stored(), all(&frames), "round {round}");
    }
    assert_eq!(table.left_over(), 0);
}

#[test]
fn of_two_that_write_one_slice_one_stays_whole() {
    let table = Warehouse::new(|asset| asset.partitions(fixed(["a"])).partition_expr("k"));
    std::thread::scope(|scope| {
        for round in ["1", "2", "3", "4"] {
            let table = &table;
            scope.spawn(move || {
                table.give("a", version("k", "a", round));
                match table.lakehouse().materialize_for_blocking("t", &PartitionChoice::none().key("a")) {
                    Ok(report) => {
                        let failed: Vec<_> = report.failures().map(|(_, failure)| failure.code.clone()).collect();
                        let known = [ErrorKind::Conflict.code(), ErrorKind::Superseded.code()];
                        assert!(failed.iter().all(|code| known.contains(&&**code)), "{failed:?}");
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}"),
                }
            });
        }
    });
    let stored = table.stored().unwrap();
    assert_eq!(stored.len(), 3, "{stored:?}");
}
