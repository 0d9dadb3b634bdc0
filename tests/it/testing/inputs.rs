//! What is injected, what is run, and what is neither.

use lakewright::ErrorKind;
use lakewright::prelude::*;
use lakewright::testing::TestRun;
use lakewright::{AssetBuilder, Bytes, Object, ValueKind};

use super::{place, told};
use crate::support::{abc, integers};

#[asset(io_manager = "delta", schema = "raw")]
fn raw() -> Result<DataFrame> {
    panic!("a test does not read files")
}

#[asset(io_manager = "delta", mode = "append", store(compression = "snappy"))]
fn cleaned(raw: LazyFrame) -> LazyFrame {
    raw.filter(col("a").gt(lit(1)))
}

#[asset(io_manager = "parquet")]
fn total(#[input(columns = ["b"])] cleaned: DataFrame) -> Result<i64> {
    assert_eq!(cleaned.width(), 1, "only the columns that the parameter asks for");
    Ok(cleaned.column("b")?.i64()?.sum().unwrap_or_default())
}

#[external_asset(io_manager = "csv")]
fn theirs() -> DataFrame;

#[asset(io_manager = "fs", key_prefix = "reports")]
fn plot(theirs: DataFrame, raw: DataFrame, total: i64) -> Bytes {
    Bytes::new(format!("{} {} {total}", theirs.height(), raw.height()), "txt")
}

#[test]
fn the_selected_asset_runs_with_what_is_injected() {
    let outcome = TestRun::new().assets(assets![cleaned]).with("raw", abc()).materialize("cleaned").unwrap();
    outcome.assert_success().assert_materialized("cleaned").assert_rows("cleaned", 2);
    assert_eq!(integers(&outcome.frame("cleaned"), "a"), [2, 3]);
    let lazy: LazyFrame = outcome.frame("cleaned");
    assert_eq!(lazy.collect().unwrap().height(), 2, "as any frame");
    assert_eq!(outcome.materializations("cleaned")[0].store, "memory");
    assert_eq!(outcome.frame::<DataFrame>("raw"), abc(), "what was injected is there too");
}

#[test]
fn an_injected_asset_is_not_run_and_needs_nothing() {
    // `total` is an object in a store of frames, which is nothing to a test.
    let outcome = TestRun::new().assets(assets![total]).with("cleaned", abc()).materialize("*total").unwrap();
    let run: Vec<String> = outcome.report().steps.iter().flat_map(|step| &step.assets).map(ToString::to_string).collect();
    assert_eq!(run, ["total"]);
    assert_eq!(outcome.object::<i64>("total"), 15);
}

#[test]
fn several_assets_run_after_each_other_and_external_ones_are_injected() {
    let frame = abc().lazy();
    let outcome = TestRun::new()
        .assets(assets![plot])
        .with("raw", frame)
        .with("theirs", df!("n" => [1]).unwrap())
        .materialize("*plot")
        .unwrap();
    outcome.assert_success();
    let plot = outcome.bytes("plot");
    assert_eq!((&*plot, plot.extension()), (&b"1 3 11"[..], "txt"));
    assert_eq!(outcome.bytes("reports/plot"), plot, "by the whole key too");
}

#[test]
fn inputs_that_are_neither_injected_nor_selected_are_named() {
    let error = TestRun::new().assets(assets![plot]).with("total", Object::new(3)).materialize("reports/plot").unwrap_err();
    assert_eq!(
        told(&error),
        "LW0203 `reports/plot` is made from `raw` and `theirs`, which are neither injected nor selected\n\
         help: inject `.with(\"raw\", …)` and `.with(\"theirs\", …)`, or select `raw` too"
    );
    assert!(place(&error).contains("testing/inputs.rs:"), "{error}");
    let error = TestRun::new().assets(assets![plot]).with("cleaned", abc()).materialize("plot or total").unwrap_err();
    assert!(error.message().contains("`raw` and `theirs`"), "what is selected needs not be injected: {error}");
}

#[test]
fn a_selection_of_which_nothing_runs_is_an_error() {
    let error = TestRun::new().assets(assets![cleaned]).with("raw", abc()).materialize("raw").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Selection);
    assert!(error.message().starts_with("nothing of `raw` is run"), "{error}");
    let error = TestRun::new().assets(assets![plot]).materialize("theirs").unwrap_err();
    assert!(error.message().starts_with("nothing of `theirs` is run"), "{error}");
}

#[test]
fn a_value_that_does_not_fit_its_asset_is_an_error_with_its_place() {
    let refused = |run: TestRun| {
        let error = run.materialize("total").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(place(&error).contains("testing/inputs.rs:"), "{error}");
        error.message().to_owned()
    };
    let test = || TestRun::new().assets(assets![total]);
    assert_eq!(
        refused(test().with("cleaned", Object::new(3))),
        "`cleaned` is a frame (`LazyFrame`), and what is injected is an object"
    );
    assert_eq!(
        refused(test().with("cleaned", Bytes::new("x", "txt"))),
        "`cleaned` is a frame (`LazyFrame`), and what is injected is bytes"
    );
}

#[test]
fn a_frame_without_the_declared_columns_is_refused() {
    #[derive(Columns)]
    struct Row {
        a: i64,
        c: String,
    }

    #[external_asset]
    fn declared() -> Rows<Row, DataFrame>;

    #[asset]
    fn height(declared: DataFrame) -> usize {
        declared.height()
    }

    let test = || TestRun::new().assets(assets![height]);
    let error = test().with("declared", abc()).materialize("height").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.message().contains("`c` is missing") && place(&error).contains("testing/inputs.rs:"), "{error}");
    let outcome = test().with("declared", df!("a" => [1i64], "c" => ["x"]).unwrap()).materialize("height").unwrap();
    assert_eq!(outcome.object::<usize>("height"), 1);
}

#[test]
fn nothing_and_options_are_injected() {
    #[asset]
    fn number() -> Option<i64> {
        Some(1)
    }

    #[asset]
    fn frame() -> Option<DataFrame> {
        None
    }

    #[asset]
    fn found(number: Option<i64>, frame: Option<DataFrame>) -> Vec<String> {
        vec![format!("{number:?}"), format!("{:?}", frame.map(|frame| frame.height()))]
    }

    let found = |run: TestRun| run.assets(assets![found]).materialize("found").unwrap().object::<Vec<String>>("found");
    assert_eq!(found(TestRun::new().with("number", Some(Object::new(7))).with("frame", Some(abc()))), ["Some(7)", "Some(3)"]);
    assert_eq!(found(TestRun::new().with("number", Object::new(None::<i64>)).with("frame", None::<DataFrame>)), ["None", "None"]);
    assert_eq!(found(TestRun::new().with_nothing("number").with("frame", abc())), ["None", "Some(3)"]);
    assert_eq!(found(TestRun::new().with("number", None::<Object>).with("frame", abc())), ["None", "Some(3)"]);
}

#[test]
fn the_last_of_two_values_of_one_asset_is_there() {
    let run = TestRun::new().assets(assets![cleaned]).with("raw", abc()).with("raw", df!("a" => [7i64]).unwrap());
    assert_eq!(integers(&run.materialize("cleaned").unwrap().frame("cleaned"), "a"), [7]);
}

#[test]
fn what_does_not_run_needs_no_resources() {
    #[asset]
    fn asked(_api: Resource<String>) -> i64 {
        1
    }

    #[asset]
    fn doubled(asked: i64) -> i64 {
        2 * asked
    }

    let outcome = TestRun::new().assets(assets![doubled]).with("asked", Object::new(4)).materialize("doubled").unwrap();
    assert_eq!(outcome.object::<i64>("doubled"), 8);
    let error = TestRun::new().assets(assets![doubled]).materialize("*doubled").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnboundResource);
    let run = TestRun::new().assets(assets![doubled]).resource("api", "here".to_owned());
    assert_eq!(run.materialize("*doubled").unwrap().object::<i64>("doubled"), 2);
}

#[test]
fn what_does_not_run_may_say_how_it_would_be() {
    #[asset(retries = 3, retry_delay = "1s", retry_on = "any", timeout = "10m", pool = "api", priority = 2, memory = "1GiB")]
    fn fetched() -> i64 {
        panic!("asks a server")
    }

    #[asset]
    fn tripled(fetched: i64) -> i64 {
        3 * fetched
    }

    #[asset(retries = 1, timeout = "1m")]
    fn not_selected(tripled: i64) -> i64 {
        tripled
    }

    let run = TestRun::new().assets(assets![not_selected]).with("fetched", Object::new(4));
    assert_eq!(run.materialize("tripled").unwrap().object::<i64>("tripled"), 12);

    // Of one that somebody else writes it is a mistake, here as anywhere.
    let mistaken = AssetBuilder::new("mistaken", ValueKind::Object).retries(3).external().unwrap();
    let reader = AssetBuilder::new("reader", ValueKind::Object).input("mistaken");
    let reader = reader.body(|call| async move { call.produce_object(1) }).unwrap();
    let run = TestRun::new().registry(Registry::from_specs([mistaken, reader])).with("mistaken", Object::new(1));
    assert_eq!(run.materialize("reader").unwrap_err().kind(), ErrorKind::NotHonoured);
}

#[test]
fn an_asset_may_be_called_what_others_have_as_a_prefix() {
    #[asset(key_prefix = "shop")]
    fn orders() -> i64 {
        3
    }

    #[asset]
    fn shop(orders: i64) -> i64 {
        orders + 1
    }

    let outcome = TestRun::new().assets(assets![shop]).materialize("*shop").unwrap();
    assert_eq!((outcome.object::<i64>("shop/orders"), outcome.object::<i64>("shop")), (3, 4));
}

#[test]
fn configuration_is_set_by_value_and_by_text() {
    #[derive(Default, serde::Serialize, serde::Deserialize)]
    struct Factors {
        first: i64,
        second: i64,
    }

    #[asset]
    fn product(factors: Config<Factors>) -> i64 {
        factors.first * factors.second
    }

    let run = TestRun::new().assets(assets![product]).config("product", Factors { first: 2, second: 3 });
    assert_eq!(run.materialize("product").unwrap().object::<i64>("product"), 6);
    let run = TestRun::new().assets(assets![product]).set("product.first=5").set("product.second=7");
    assert_eq!(run.materialize("product").unwrap().object::<i64>("product"), 35);
    let error = TestRun::new().assets(assets![product]).set("product.third=5").materialize("product").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AssetConfig);
}

#[test]
fn assets_that_are_built_at_run_time_run_too() {
    let squares = AssetBuilder::new("squares", ValueKind::Object).input("numbers").body(|mut call| async move {
        let numbers: Vec<i64> = call.object("numbers")?;
        call.produce_object(numbers.iter().map(|n| n * n).collect::<Vec<_>>())
    });
    let numbers = AssetBuilder::new("numbers", ValueKind::Object).external();
    let registry = Registry::from_specs([squares.unwrap(), numbers.unwrap()]);
    let outcome = TestRun::new().registry(registry).with("numbers", Object::new(vec![2i64, 3])).materialize("squares").unwrap();
    assert_eq!(outcome.object::<Vec<i64>>("squares"), [4, 9]);
}

#[test]
fn an_unknown_asset_is_named_with_the_nearest() {
    let error = TestRun::new().assets(assets![cleaned]).with("rwa", abc()).materialize("cleaned").unwrap_err();
    assert_eq!(told(&error), "LW0401 there is no asset `rwa`\nhelp: did you mean `raw`?");
}

#[test]
fn nothing_touches_the_disk() {
    let outcome = TestRun::new().assets(assets![plot]).with("raw", abc()).with("theirs", abc()).materialize("*plot").unwrap();
    assert_eq!(outcome.assert_success().materializations("cleaned")[0].location, "memory:cleaned");
    assert!(!std::path::Path::new("lakehouse").exists(), "the root that a lakehouse would have");
}

#[test]
fn it_runs_within_an_async_runtime() {
    for builder in [tokio::runtime::Builder::new_current_thread, tokio::runtime::Builder::new_multi_thread] {
        builder().enable_all().build().unwrap().block_on(async {
            let run = || TestRun::new().assets(assets![cleaned]).with("raw", abc());
            run().materialize_async("cleaned").await.unwrap().assert_rows("cleaned", 2);
            run().materialize("cleaned").unwrap().assert_rows("cleaned", 2);
        });
    }
}
