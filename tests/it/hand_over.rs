//! What was just stored reaches its readers in memory, where that makes no difference to them, and never elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lakewright::asset::Mode;
use lakewright::event::EventKind;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, LakehouseBuilder, Produced};
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use crate::support::{Heard, abc, block_on, frame_builder, key, lakehouse, read_file, run_all};

/// What readers were handed, by their names.
type Taken = Arc<Mutex<BTreeMap<String, DataFrame>>>;

/// A reader of an asset that keeps what it was handed and stores nothing.
fn reader(name: &str, of: &str, taken: &Taken) -> AssetSpec {
    let (taken, of) = (Arc::clone(taken), of.to_owned());
    let builder = AssetBuilder::new(name, ValueKind::Nothing).input(of.as_str());
    let body = move |call: Call| {
        let (taken, of) = (Arc::clone(&taken), of.clone());
        let keep = move |mut call: Call| {
            let frame: DataFrame = call.frame(&of)?;
            taken.lock().unwrap().insert(call.context().asset_key().to_string(), frame);
            Ok(Produced::nothing())
        };
        async move { call.blocking(keep).await }
    };
    builder.body(body).unwrap()
}

/// The asset `t` with this frame and a reader of it: whether a run of both hands it over, after seeing that a run of the reader alone
/// hands it the same.
#[track_caller]
fn is_handed_over(
    frame: &DataFrame,
    with: impl Fn(AssetBuilder) -> AssetBuilder,
    bound: impl Fn(LakehouseBuilder) -> LakehouseBuilder,
) -> bool {
    let root = tempdir().unwrap();
    is_handed_over_in(&root, frame, with, bound)
}

#[track_caller]
fn is_handed_over_in(
    root: &TempDir,
    frame: &DataFrame,
    with: impl Fn(AssetBuilder) -> AssetBuilder,
    bound: impl Fn(LakehouseBuilder) -> LakehouseBuilder,
) -> bool {
    let (taken, heard) = (Taken::default(), Heard::default());
    let assets = [frame_builder("t", frame.clone(), &with), reader("r", "t", &taken)];
    let lakehouse = heard.listen(bound(lakehouse(root, assets))).build().unwrap();
    run_all(&lakehouse);
    let full = taken.lock().unwrap().remove("r").unwrap();
    let report = lakehouse.materialize_blocking("r").unwrap();
    assert!(report.is_success());
    let alone = taken.lock().unwrap().remove("r").unwrap();
    assert_eq!(full.schema(), alone.schema(), "a run of everything and a run of one asset differ");
    assert!(full.equals_missing(&alone), "a run of everything was handed {full} and a run of one asset {alone}");
    handed(&heard) > 0
}

fn handed(heard: &Heard) -> usize {
    heard.kinds().iter().filter(|kind| matches!(kind, EventKind::InputHandedOver { .. })).count()
}

fn plain(builder: LakehouseBuilder) -> LakehouseBuilder {
    builder
}

fn in_store(store: &'static str) -> impl Fn(AssetBuilder) -> AssetBuilder {
    move |asset| asset.io_manager(store)
}

#[test]
fn the_same_buffers_reach_the_reader() {
    for store in ["delta", "parquet", "memory"] {
        let (root, taken, heard) = (tempdir().unwrap(), Taken::default(), Heard::default());
        let frame = abc();
        let assets = [frame_builder("t", frame.clone(), in_store(store)), reader("r", "t", &taken)];
        run_all(&heard.listen(lakehouse(&root, assets)).build().unwrap());
        assert_eq!(handed(&heard), 1, "{store}");
        let taken = taken.lock().unwrap();
        let address = |frame: &DataFrame| frame.column("a").unwrap().i64().unwrap().cont_slice().unwrap().as_ptr();
        assert_eq!(address(&taken["r"]), address(&frame), "{store}: nothing was copied");
        let told = heard.kinds().into_iter().find_map(|kind| match kind {
            EventKind::InputHandedOver { asset, bytes, .. } => Some((asset, bytes)),
            _ => None,
        });
        assert_eq!(told, Some((key("t"), 48)), "{store}");
    }
}

#[test]
fn only_what_replaces_is_handed_over() {
    for (store, modes) in [
        ("delta", &[Mode::Append, Mode::Error, Mode::Ignore][..]),
        ("parquet", &[Mode::Error, Mode::Ignore]),
        ("memory", &[Mode::Append, Mode::Error, Mode::Ignore]),
    ] {
        assert!(is_handed_over(&abc(), in_store(store), plain));
        for mode in modes {
            assert!(!is_handed_over(&abc(), |asset| asset.io_manager(store).mode(*mode), plain), "{store} {mode:?}");
        }
    }
    assert!(!is_handed_over(&abc(), in_store("csv"), plain), "a CSV file is read, whatever was in it");
}

#[test]
fn columns_and_fields_in_another_order_are_handed_over_as_they_are_read() {
    let replacing = |asset: AssetBuilder| asset.io_manager("delta").store_option("schema_mode", "overwrite");
    let root = tempdir().unwrap();
    for frame in [abc(), abc().select(["b", "a"]).unwrap()] {
        assert!(is_handed_over_in(&root, &frame, replacing, plain));
    }
    let root = tempdir().unwrap();
    let record = |names: [&str; 2]| {
        let fields = abc().select(names).unwrap().into_struct("x".into()).into_series();
        DataFrame::new(3, vec![fields.into()]).unwrap()
    };
    assert!(is_handed_over_in(&root, &record(["a", "b"]), in_store("delta"), plain));
    assert!(!is_handed_over_in(&root, &record(["b", "a"]), in_store("delta"), plain), "the table keeps its order");
}

#[test]
fn what_a_store_would_give_back_otherwise_is_read_from_it() {
    let one = |data_type: &DataType| {
        let values = Series::new("x".into(), [Some(1_000i64), None]).strict_cast(data_type).unwrap();
        DataFrame::new(2, vec![values.into()]).unwrap()
    };
    let texts = df!("x" => ["a", "b", "a"]).unwrap().lazy();
    let labels = texts.with_column(col("x").cast(DataType::from_categories(Categories::global()))).collect().unwrap();
    let nanoseconds = one(&DataType::Datetime(TimeUnit::Nanoseconds, None));
    for frame in [&labels, &one(&DataType::UInt32), &nanoseconds, &one(&DataType::Datetime(TimeUnit::Milliseconds, None))] {
        assert!(!is_handed_over(frame, in_store("delta"), plain), "{frame}");
    }
    // Whatever Parquet does with these, both runs see the same.
    for frame in [&labels, &one(&DataType::UInt32), &nanoseconds, &one(&DataType::Duration(TimeUnit::Microseconds))] {
        is_handed_over(frame, in_store("parquet"), plain);
    }
}

#[test]
fn rows_and_columns_that_come_back_in_another_order_are_read() {
    let mixed = df!("p" => ["b", "a", "b"], "n" => [1i64, 2, 3]).unwrap();
    assert!(!is_handed_over(&mixed, |asset| asset.io_manager("delta").partition_expr("p"), plain), "folder by folder");
    let root = tempdir().unwrap();
    assert!(is_handed_over_in(&root, &abc(), in_store("delta"), plain));
    let turned = abc().select(["b", "a"]).unwrap();
    assert!(!is_handed_over_in(&root, &turned, in_store("delta"), plain), "the table has its own order of columns");
    assert!(is_handed_over_in(&root, &turned, in_store("parquet"), plain), "a file has that of the frame");
    let rows = DataFrame::new(3, Vec::new()).unwrap();
    assert!(!is_handed_over(&rows, in_store("parquet"), plain), "rows without columns");
}

#[test]
fn no_more_is_kept_than_the_budget_says() {
    let bytes = |bytes: u64| move |builder: LakehouseBuilder| builder.hand_over_bytes(bytes);
    for (budget, handed) in [(0, false), (47, false), (48, true)] {
        assert_eq!(is_handed_over(&abc(), in_store("parquet"), bytes(budget)), handed, "{budget}");
    }
}

/// The asset `name`, which hands its input on.
fn passing(name: &str, of: &str) -> AssetSpec {
    let of = of.to_owned();
    let builder = AssetBuilder::new(name, ValueKind::Table).io_manager("parquet").input(of.as_str());
    let body = move |call: Call| {
        let of = of.clone();
        async move {
            call.blocking(move |mut call| {
                let frame: DataFrame = call.frame(&of)?;
                call.produce_frame(frame)
            })
            .await
        }
    };
    builder.body(body).unwrap()
}

#[test]
fn a_value_is_let_go_after_its_last_reader() {
    let (root, heard) = (tempdir().unwrap(), Heard::default());
    let assets = [frame_builder("a", abc(), in_store("parquet")), passing("b", "a"), passing("c", "b"), passing("d", "c")];
    // Room for one: while `b` is stored, `a` is still there, and when `c` is, it is not.
    run_all(&heard.listen(lakehouse(&root, assets)).hand_over_bytes(48).build().unwrap());
    let handed: Vec<AssetKey> = heard
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::InputHandedOver { asset, .. } => Some(asset),
            _ => None,
        })
        .collect();
    assert_eq!(handed, [key("a"), key("c")]);
    assert!(read_file(&root.path().join("parquet/d.parquet")).equals_missing(&abc()));
}

#[test]
fn columns_are_chosen_and_versions_are_read() {
    let (root, heard) = (tempdir().unwrap(), Heard::default());
    #[asset(io_manager = "delta")]
    fn t() -> DataFrame {
        abc()
    }
    #[asset(io_manager = "delta")]
    fn some(#[input(columns = ["b"])] t: DataFrame) -> DataFrame {
        assert_eq!(t.get_column_names(), ["b"]);
        t
    }
    #[asset(io_manager = "delta")]
    fn old(#[input(version = 0)] t: DataFrame) -> DataFrame {
        t
    }
    let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![t, some, old]));
    run_all(&heard.listen(builder).build().unwrap());
    assert_eq!(handed(&heard), 1, "a version is asked of the table");
}

#[partitions(daily, start = "2023-01-01", end = "2023-01-05")]
struct Day;

#[test]
fn each_day_is_handed_to_its_own_readers_and_to_the_next_day() {
    #[asset(partitions = Day, partition_expr = "day")]
    fn total(#[input(previous)] total: Option<DataFrame>, day: Partition<Day>) -> Result<DataFrame> {
        let before = total.map_or(0, |frame| frame.column("sum").unwrap().i64().unwrap().get(0).unwrap());
        Ok(df!("day" => [day.key()], "sum" => [before + 1])?)
    }
    #[asset(partitions = Day)]
    fn seen(total: DataFrame, day: Partition<Day>) -> Result<DataFrame> {
        Ok(total.lazy().with_column(lit(day.key().to_owned()).alias("by")).collect()?)
    }
    for budget in [0, 1_000_000] {
        let (root, heard) = (tempdir().unwrap(), Heard::default());
        let stores = lakewright::io::file::ParquetIoManager::new(root.path().join("store"));
        let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![total, seen]));
        let lakehouse = heard.listen(builder.io_manager("io_manager", stores)).hand_over_bytes(budget).build().unwrap();
        let report = lakehouse.materialize_for_blocking("*", &lakewright::exec::PartitionChoice::all()).unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        for (sum, day) in (1i64..).zip(["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"]) {
            let wanted = df!("day" => [day], "sum" => [sum], "by" => [day]).unwrap();
            let found = read_file(&root.path().join(format!("store/seen/{day}.parquet")));
            assert!(found.equals_missing(&wanted), "{budget}: {found}");
        }
        assert!(budget > 0 || handed(&heard) == 0);
    }
}

/// Columns of random types with random values.
fn frames() -> impl Strategy<Value = DataFrame> {
    let zone = TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
    let micros = DataType::Datetime(TimeUnit::Microseconds, None);
    let types = vec![
        DataType::Int8,
        DataType::Int64,
        DataType::UInt16,
        DataType::Float32,
        DataType::Float64,
        DataType::Boolean,
        DataType::String,
        DataType::Binary,
        DataType::Date,
        DataType::Datetime(TimeUnit::Milliseconds, zone),
        micros.clone(),
        DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        DataType::Decimal(12, 3),
        DataType::List(Box::new(DataType::Int64)),
        DataType::from_categories(Categories::global()),
    ];
    let column = (proptest::sample::select(types), proptest::collection::vec(proptest::option::of(-50i64..50), 5));
    (0usize..5, proptest::collection::vec(column, 1..5), any::<bool>()).prop_map(|(height, columns, chunked)| {
        let column = |(index, (data_type, values)): (usize, (DataType, Vec<Option<i64>>))| {
            let numbers = Series::new(format!("c{index}").into(), &values[..height]);
            let text = |numbers: &Series| numbers.cast(&DataType::String).unwrap();
            let series = match &data_type {
                DataType::String => text(&numbers),
                DataType::Binary | DataType::Categorical(..) => text(&numbers).cast(&data_type).unwrap(),
                DataType::UInt16 => (&numbers + 50).strict_cast(&data_type).unwrap(),
                DataType::List(_) => numbers.reshape_list(&[ReshapeDimension::Infer, ReshapeDimension::new(1)]).unwrap(),
                other => numbers.strict_cast(other).unwrap(),
            };
            Column::from(series)
        };
        let frame = DataFrame::new(height, columns.into_iter().enumerate().map(column).collect()).unwrap();
        if chunked { frame.vstack(&frame).unwrap() } else { frame }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_run_of_everything_and_a_run_of_one_asset_see_the_same(frame in frames()) {
        for store in ["parquet", "delta"] {
            is_handed_over(&frame, in_store(store), plain);
            let root = tempdir().unwrap();
            let stored = lakehouse(&root, [frame_builder("t", frame.clone(), in_store(store))]).build().unwrap();
            run_all(&stored);
            let back: DataFrame = block_on(stored.load_frame(&key("t"))).unwrap();
            prop_assert_eq!(back.height(), frame.height());
        }
    }
}
