//! Whole tables: where they are, what becomes of types, columns, modes, and of what others have made.

use lakewright::ErrorKind;
use lakewright::asset::Mode;
use lakewright::duckdb::DuckDb;
use lakewright::frame::arrow::RecordBatchStream;

use super::*;
use crate::support::{abc, integers};

#[test]
fn b01_iris_on_a_database_that_is_not_there() {
    #[asset(io_manager = "duckdb", schema = "iris")]
    fn iris_dataset() -> Result<DataFrame> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/iris.csv");
        Ok(CsvReader::new(std::fs::File::open(path)?).finish()?)
    }

    #[asset(io_manager = "duckdb", schema = "iris")]
    fn iris_setosa(iris_dataset: LazyFrame) -> LazyFrame {
        let species = iris_dataset.clone().collect_schema().map(|schema| schema.iter_names().last().cloned());
        iris_dataset.filter(col(species.ok().flatten().unwrap_or_default()).eq(lit("Iris-setosa")))
    }

    let folder = tempdir().unwrap();
    // The database is called as the schema is.
    let path = folder.path().join("not/there/iris.duckdb");
    for _ in 0..2 {
        let builder = Lakehouse::builder().root(folder.path()).registry(Registry::of(assets![iris_dataset, iris_setosa]));
        let lakehouse = builder.io_manager("duckdb", DuckDbIoManager::new(&path)).build().unwrap();
        crate::support::run_all(&lakehouse);
        let sql = DuckDb::open(&path).connection().unwrap();
        let count = |table: &str| sql.query_value::<i64>(&format!("SELECT count(*) FROM iris.{table}"), []).unwrap();
        assert_eq!((count("iris.iris_dataset"), count("IRIS.Iris_Setosa")), (150, 50));
        let names = "SELECT string_agg(schema_name || '.' || table_name, ' ' ORDER BY table_name) FROM duckdb_tables() \
                     WHERE schema_name <> '_lakewright'";
        assert_eq!(sql.query_value::<String>(names, []).unwrap(), "iris.iris_dataset iris.iris_setosa");
    }
}

#[test]
fn two_assets_that_duckdb_takes_for_one_table_are_found_before_anything_runs() {
    let warehouse = Warehouse::empty();
    let assets = [warehouse.asset("Flowers", |asset| asset), warehouse.asset("flowers", |asset| asset)];
    let store = DuckDbIoManager::new(warehouse.path());
    let built = Lakehouse::builder().registry(Registry::from_specs(assets)).io_manager("io_manager", store).build();
    let errors = built.err().unwrap().into_errors();
    assert!(errors.iter().any(|error| error.kind() == ErrorKind::SharedLocation), "{errors:?}");
    assert!(!warehouse.path().exists());
}

#[test]
fn two_stores_on_one_database_are_one_place() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("real.duckdb");
    DuckDb::open(&path).connection().unwrap().execute("CREATE TABLE t (n INTEGER)").unwrap();
    std::os::unix::fs::symlink(&path, folder.path().join("link.duckdb")).unwrap();
    let own = DuckDb::in_memory();
    let pairs = [
        (DuckDbIoManager::new(&path), DuckDbIoManager::new(folder.path().join("link.duckdb"))),
        (DuckDbIoManager::on(own.clone()), DuckDbIoManager::on(own)),
        (DuckDbIoManager::new(":memory:x"), DuckDbIoManager::on(DuckDb::open(":memory:x"))),
    ];
    for (one, other) in pairs {
        let warehouse = Warehouse::empty();
        let assets = [
            warehouse.asset("a/t", |asset| asset.io_manager("one").schema("public")),
            warehouse.asset("b/t", |asset| asset.io_manager("other").schema("public")),
        ];
        let builder = Lakehouse::builder().root(folder.path()).registry(Registry::from_specs(assets));
        let errors = builder.io_manager("one", one).io_manager("other", other).build().err().unwrap().into_errors();
        assert!(errors.iter().any(|error| error.kind() == ErrorKind::SharedLocation), "{errors:?}");
    }
}

#[test]
fn what_the_store_keeps_for_itself_is_no_asset() {
    for (name, schema) in [("t", "_Lakewright"), ("_lakewright_staged_x", "public")] {
        let warehouse = Warehouse::empty();
        let asset = warehouse.asset(name, |asset| asset.schema(schema));
        let store = DuckDbIoManager::new(warehouse.path());
        let built = Lakehouse::builder().registry(Registry::from_specs([asset])).io_manager("io_manager", store).build();
        assert!(built.err().unwrap().errors().iter().any(|error| error.kind() == ErrorKind::SchemaName), "{name}");
    }
}

#[test]
fn c02_types_come_back_exactly_or_are_refused() {
    let decimal = Series::new("x".into(), [Some(1.25), None]).cast(&DataType::Decimal(20, 4)).unwrap();
    let columns: Vec<Column> = vec![
        Series::new("bool".into(), [Some(true), None]).into(),
        Series::new("i8".into(), [Some(-8i8), None]).into(),
        Series::new("i16".into(), [Some(-16i16), None]).into(),
        Series::new("i32".into(), [Some(-32i32), None]).into(),
        Series::new("i64".into(), [Some(i64::MIN), None]).into(),
        Series::new("u8".into(), [Some(u8::MAX), None]).into(),
        Series::new("u16".into(), [Some(u16::MAX), None]).into(),
        Series::new("u32".into(), [Some(u32::MAX), None]).into(),
        Series::new("u64".into(), [Some(u64::MAX), None]).into(),
        Series::new("f32".into(), [Some(0.1f32), None]).into(),
        Series::new("f64".into(), [Some(0.1f64), None]).into(),
        Series::new("text".into(), [Some("ä 'q' \"d\""), None]).into(),
        Series::new("binary".into(), [Some(&b"\x00\xff"[..]), None]).into(),
        Series::new("date".into(), [Some(19_000i32), None]).cast(&DataType::Date).unwrap().into(),
        Series::new("ms".into(), [Some(1i64), None]).cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap().into(),
        Series::new("us".into(), [Some(1i64), None]).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap().into(),
        Series::new("ns".into(), [Some(1i64), None]).cast(&DataType::Datetime(TimeUnit::Nanoseconds, None)).unwrap().into(),
        Series::new("utc".into(), [Some(1i64), None])
            .cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)))
            .unwrap()
            .into(),
        Series::new("duration".into(), [Some(-1i64), None]).cast(&DataType::Duration(TimeUnit::Microseconds)).unwrap().into(),
        decimal.with_name("decimal".into()).into(),
        Series::new("list".into(), [Some(Series::new("".into(), [Some(1i64), None])), None]).into(),
        df!("a" => [Some(1i64), None], "b" => [None, Some("x")]).unwrap().into_struct("struct".into()).into_series().into(),
    ];
    let frame = DataFrame::new(2, columns).unwrap();
    let table = Warehouse::new(|asset| asset);
    table.write([("", frame.clone())]);
    let read = table.read();
    for column in frame.columns() {
        let found = read.column(column.name()).unwrap();
        assert_eq!(found.dtype(), column.dtype(), "{}", column.name());
        assert!(found.equals_missing(column), "{} is {found:?}", column.name());
    }
    let nanoseconds = Series::new("t".into(), [1i64]).cast(&DataType::Duration(TimeUnit::Nanoseconds)).unwrap();
    let failure = table.refuse([("", DataFrame::new(1, vec![nanoseconds.into()]).unwrap())]);
    assert_kind(&failure, ErrorKind::Schema, &["`t`"]);
    let fresh = Warehouse::new(|asset| asset);
    let nanoseconds = Series::new("t".into(), [1i64]).cast(&DataType::Duration(TimeUnit::Nanoseconds)).unwrap();
    assert_kind(&fresh.refuse([("", DataFrame::new(1, vec![nanoseconds.into()]).unwrap())]), ErrorKind::Value, &["`t`"]);
    let twice = df!("a" => [1i64], "A" => [2i64]).unwrap();
    assert_kind(&fresh.refuse([("", twice)]), ErrorKind::Schema, &["differ only in case"]);
}

#[test]
fn c07_columns_change_as_the_asset_says() {
    let strict = Warehouse::new(|asset| asset);
    strict.write([("", abc())]);
    for (frame, says) in [
        (df!("a" => [1i64], "b" => [1i64], "c" => [1i64]).unwrap(), "`c`"),
        (df!("a" => [1i64]).unwrap(), "`b`"),
        (df!("a" => [1i64], "b" => [1i32]).unwrap(), "`b`"),
    ] {
        assert_kind(&strict.refuse([("", frame)]), ErrorKind::Schema, &[says]);
    }
    // By name, whatever the order.
    let turned = df!("b" => [40i64], "a" => [10i64]).unwrap();
    strict.write([("", turned.clone())]);
    assert_eq!(strict.stored(), all([&turned]));

    let merging = Warehouse::new(|asset| asset.mode(Mode::Append).store_option("schema_mode", "merge"));
    merging.write([("", df!("a" => [1i32]).unwrap())]);
    merging.write([("", df!("a" => [1i64 << 40], "b" => ["x"]).unwrap())]);
    merging.write([("", df!("a" => [3i32]).unwrap())]);
    let wanted = df!("a" => [1i64, 1 << 40, 3], "b" => [None, Some("x"), None]).unwrap();
    assert_eq!(merging.stored(), all([&wanted]), "columns are added and widened, and never narrowed");
    assert_kind(&merging.refuse([("", df!("a" => ["text"]).unwrap())]), ErrorKind::Schema, &["`a`"]);

    let replacing = Warehouse::new(|asset| asset.store_option("schema_mode", "overwrite"));
    replacing.write([("", abc())]);
    replacing.write([("", df!("z" => ["now"]).unwrap())]);
    assert_eq!(replacing.stored(), all([&df!("z" => ["now"]).unwrap()]));
}

#[test]
fn what_a_table_has_beside_its_rows_stays_when_they_are_replaced() {
    let table = Warehouse::new(|asset| asset);
    std::fs::create_dir_all(table.path().parent().unwrap()).unwrap();
    table
        .sql()
        .execute("CREATE SCHEMA public; CREATE TABLE public.t (a BIGINT PRIMARY KEY, b BIGINT NOT NULL DEFAULT 7); CREATE VIEW seen AS FROM public.t")
        .unwrap();
    table.write([("", abc())]);
    table.write([("", abc())]);
    assert_eq!(table.stored(), all([&abc()]));
    assert!(table.sql().execute("INSERT INTO public.t VALUES (1, 1)").is_err(), "the key is still there");
    let failure = table.refuse([("", df!("a" => [1i64, 2], "b" => [None, Some(1i64)]).unwrap())]);
    assert!(failure.message.contains("NOT NULL"), "{failure:#?}");
    assert_eq!(table.sql().query_value::<i64>("SELECT count(*) FROM seen", []).unwrap(), 3);
}

#[test]
fn merging_stays_in_the_slice_also_where_an_expression_tells_it() {
    let merging = |asset: AssetBuilder| asset.mode(Mode::Merge).on(["id"]).store_option("when_not_matched_by_source", "delete");
    let table = Warehouse::new(|asset| merging(asset).partitions(fixed(["RED", "BLUE"])).partition_expr("upper(color)"));
    let rows = |color: &str, ids: &[i64], v: &str| {
        df!("color" => vec![color; ids.len()], "id" => ids, "v" => vec![v; ids.len()]).unwrap()
    };
    table.write([("RED", rows("red", &[1, 2], "old")), ("BLUE", rows("blue", &[1, 2], "old"))]);
    table.write([("RED", rows("red", &[2, 3], "new"))]);
    assert_eq!(table.stored(), all([&rows("blue", &[1, 2], "old"), &rows("red", &[2, 3], "new")]));
    let failure = table.refuse([("RED", rows("red", &[5, 5], "twice"))]);
    assert_kind(&failure, ErrorKind::Value, &["`id`", "`5`"]);
    table.refuse([("RED", rows("blue", &[1], "stray"))]);
}

#[test]
fn tables_and_views_of_others_are_read_and_never_written() {
    #[external_asset(io_manager = "io_manager", schema = "others")]
    fn measured() -> DataFrame;

    #[external_asset(io_manager = "io_manager", schema = "others")]
    fn seen() -> LazyFrame;

    #[asset(io_manager = "io_manager")]
    fn sums(measured: DataFrame, seen: LazyFrame) -> Result<DataFrame> {
        let sum = integers(&measured, "N").iter().sum::<i64>() + integers(&seen.collect()?, "n").iter().sum::<i64>();
        Ok(df!("sum" => [sum])?)
    }

    let mut warehouse = Warehouse::empty();
    std::fs::create_dir_all(warehouse.path().parent().unwrap()).unwrap();
    let made = "CREATE SCHEMA others; CREATE TABLE others.Measured AS SELECT i AS \"N\", 'x' AS k FROM range(3) AS r (i); \
                CREATE VIEW others.seen AS SELECT \"N\" + 1 AS n FROM others.measured";
    warehouse.sql().execute(made).unwrap();
    let builder = Lakehouse::builder().root(warehouse.folder.path()).registry(Registry::of(assets![measured, seen, sums]));
    let lakehouse = builder.io_manager("io_manager", DuckDbIoManager::new(warehouse.path())).build().unwrap();
    let report = lakehouse.materialize_blocking("sums").unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    let sum = "SELECT sum FROM public.sums";
    assert_eq!(warehouse.sql().query_value::<i64>(sum, []).unwrap(), 9);

    let asset = warehouse.asset("seen", |asset| asset.schema("others"));
    warehouse.rows.lock().unwrap().insert("seen".to_owned(), abc());
    warehouse.of([asset], |store| store);
    let report = warehouse.lakehouse().materialize_blocking("seen").unwrap();
    assert_kind(report.failures().next().unwrap().1, ErrorKind::NotATable, &["is a view"]);
}

#[test]
fn every_frame_goes_in_and_out() {
    #[asset(io_manager = "duckdb")]
    fn lazy() -> Result<LazyFrame> {
        Ok(df!("n" => (0..200_000i64).collect::<Vec<_>>())?.lazy().with_column((col("n") * lit(2)).alias("m")))
    }

    #[asset(io_manager = "duckdb")]
    fn streamed(lazy: RecordBatchStream) -> RecordBatchStream {
        lazy
    }

    #[asset(io_manager = "duckdb")]
    fn planned(streamed: lakewright::datafusion::prelude::DataFrame) -> lakewright::datafusion::prelude::DataFrame {
        streamed
    }

    #[asset(io_manager = "duckdb")]
    fn eager(#[input(columns = ["m"])] planned: DataFrame) -> DataFrame {
        planned
    }

    #[asset(io_manager = "duckdb")]
    fn lazy_again(#[input(columns = ["m"])] eager: LazyFrame) -> LazyFrame {
        eager.filter(col("m").lt(lit(10)))
    }

    let folder = tempdir().unwrap();
    let store = DuckDbIoManager::new(folder.path().join("w.duckdb"));
    let registry = Registry::of(assets![lazy, streamed, planned, eager, lazy_again]);
    let lakehouse = Lakehouse::builder().root(folder.path()).registry(registry).io_manager("duckdb", store).build().unwrap();
    crate::support::run_all(&lakehouse);
    let sql = DuckDb::open(folder.path().join("w.duckdb")).connection().unwrap();
    for table in ["lazy", "streamed", "planned", "eager"] {
        let inverse = format!(
            "SELECT count(*) FROM (SELECT m, row_number() OVER () - 1 AS place FROM public.{table}) WHERE m <> 2 * place"
        );
        assert_eq!(sql.query_value::<i64>(&inverse, []).unwrap(), 0, "{table} has its rows in their order");
        assert_eq!(sql.query_value::<i64>(&format!("SELECT count(*) FROM public.{table}"), []).unwrap(), 200_000);
    }
    let few = sql.query::<DataFrame>("FROM public.lazy_again").unwrap();
    assert_eq!(integers(&few, "m"), [0, 2, 4, 6, 8]);
}

#[test]
fn first_writes_of_many_tables_at_once_all_land() {
    let mut warehouse = Warehouse::empty();
    let names: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    let assets: Vec<AssetSpec> = names.iter().map(|name| warehouse.asset(name, |asset| asset)).collect();
    for name in &names {
        warehouse.rows.lock().unwrap().insert(name.clone(), abc());
    }
    warehouse.of(assets, |store| store);
    crate::support::run_all(warehouse.lakehouse());
    for name in names {
        let count = format!("SELECT count(*) FROM public.{name}");
        assert_eq!(warehouse.sql().query_value::<i64>(&count, []).unwrap(), 3);
    }
    assert_eq!(warehouse.left_over(), 0);
}

#[test]
fn a_table_that_somebody_else_changes_between_staging_and_committing_is_looked_at_again() {
    let warehouse = Warehouse::new(|asset| asset);
    warehouse.write([("", abc())]);
    let path = warehouse.path();
    let mut other = Warehouse { folder: warehouse.folder, rows: warehouse.rows, lakehouse: None };
    let asset = other.asset("t", |asset| asset.mode(Mode::Append));
    let store = DuckDbIoManager::new(&path);
    let builder = Lakehouse::builder().root(other.folder.path()).registry(Registry::from_specs([asset]));
    let changed = DuckDb::open(&path);
    let builder = builder
        .io_manager("io_manager", store)
        .before_commit(move |_| changed.connection()?.execute("ALTER TABLE public.t ALTER COLUMN b TYPE VARCHAR").map(|_| ()));
    other.lakehouse = Some(builder.build().unwrap());
    let report = other.run([("", abc())]);
    assert_kind(report.failures().next().unwrap().1, ErrorKind::Schema, &["`b`", "VARCHAR"]);
    assert_eq!(other.stored().map(|rows| rows.len()), Some(3), "the old rows are there");
    assert_eq!(other.left_over(), 0);
}

#[test]
fn what_somebody_else_was_faster_to_store_is_ignored_with_nothing_left_behind() {
    let mut warehouse = Warehouse::empty();
    let asset = warehouse.asset("t", |asset| asset.mode(Mode::Ignore));
    warehouse.give("", abc());
    let (path, other) = (warehouse.path(), DuckDb::open(warehouse.path()));
    let builder = Lakehouse::builder().root(warehouse.folder.path()).registry(Registry::from_specs([asset]));
    let builder = builder.io_manager("io_manager", DuckDbIoManager::new(&path)).before_commit(move |_| {
        other.connection()?.execute("CREATE TABLE public.t AS SELECT 1::BIGINT AS a, 2::BIGINT AS b").map(|_| ())
    });
    warehouse.lakehouse = Some(builder.build().unwrap());
    let report = warehouse.write([("", abc())]);
    assert_eq!(report.materializations().count(), 0);
    assert_eq!(warehouse.stored(), Some(vec!["a=1 b=2".to_owned()]));
    assert_eq!(warehouse.left_over(), 0);
}

#[test]
fn a_commit_that_fails_by_itself_is_not_taken_for_a_lost_race() {
    let mut warehouse = Warehouse::new(|asset| asset);
    warehouse.write([("", abc())]);
    let asset = warehouse.asset("t", |asset| asset);
    let (path, database) = (warehouse.path(), DuckDb::open(warehouse.path()));
    let builder = Lakehouse::builder().root(warehouse.folder.path()).registry(Registry::from_specs([asset]));
    let builder = builder
        .io_manager("io_manager", DuckDbIoManager::new(&path))
        .before_commit(move |_| database.connection()?.execute("SET debug_force_commit_failure = true").map(|_| ()));
    warehouse.lakehouse = Some(builder.build().unwrap());
    let report = warehouse.run([("", df!("a" => [7i64], "b" => [8i64]).unwrap())]);
    let failure = report.failures().next().unwrap().1;
    assert!(failure.message.contains("Forced commit failure") && !failure.retryable, "{failure:#?}");
    assert_eq!(warehouse.stored(), all([&abc()]));
}

#[test]
fn rows_that_nobody_committed_are_removed_after_a_week() {
    let warehouse = Warehouse::new(|asset| asset);
    warehouse.write([("", abc())]);
    let sql = warehouse.sql();
    for (name, age) in [("_lakewright_staged_old", "8 DAY"), ("_lakewright_staged_new", "1 DAY")] {
        sql.execute(&format!(
            "CREATE TABLE public.{name} AS SELECT 1 AS x; \
             INSERT INTO _lakewright.staged VALUES ('public', '{name}', 't', 'r', now()::TIMESTAMP - INTERVAL {age})"
        ))
        .unwrap();
    }
    warehouse.write([("", abc())]);
    let left = "SELECT string_agg(table_name, ' ') FROM duckdb_tables() WHERE starts_with(table_name, '_lakewright_staged')";
    assert_eq!(sql.query_value::<String>(left, []).unwrap(), "_lakewright_staged_new");
}

#[test]
fn a_database_in_memory_lives_as_long_as_the_store() {
    let database = DuckDb::in_memory();
    let mut warehouse = Warehouse::empty();
    let asset = warehouse.asset("t", |asset| asset);
    warehouse.give("", abc());
    let builder = Lakehouse::builder().root(warehouse.folder.path()).registry(Registry::from_specs([asset]));
    warehouse.lakehouse = Some(builder.io_manager("io_manager", DuckDbIoManager::on(database.clone())).build().unwrap());
    warehouse.write([("", abc())]);
    let found = database.connection().unwrap().query::<DataFrame>("FROM public.t").unwrap();
    assert_eq!(rows_of(&found), rows_of(&abc()));
}

#[test]
fn what_needs_icu_says_so_and_stores_nothing() {
    let day =
        PartitionsDef::time("Day", lakewright::partition::TimeDef::new(lakewright::partition::Every::Day, "2023-01-01").unwrap());
    let table = Warehouse::new(|asset| asset.partitions(day).partition_expr("timezone('Europe/Berlin', moment)"));
    let at = Series::new("moment".into(), [1i64]).cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))).unwrap();
    let failure = table.refuse([("2023-01-01", DataFrame::new(1, vec![at.into()]).unwrap())]);
    let said = format!("{} {:?}", failure.message, failure.help).to_lowercase();
    assert!(said.contains("icu"), "{failure:#?}");
}

#[test]
fn the_default_store_is_a_file_of_its_own() {
    let folder = tempdir().unwrap();
    let asset = crate::support::frame_builder("t", abc(), |asset| asset.io_manager("duckdb"));
    let lakehouse = crate::support::lakehouse(&folder, [asset]).build().unwrap();
    crate::support::run_all(&lakehouse);
    let sql = DuckDb::open(folder.path().join("duckdb/lakewright.duckdb")).connection().unwrap();
    assert_eq!(sql.query_value::<i64>("SELECT count(*) FROM public.t", []).unwrap(), 3);
}
