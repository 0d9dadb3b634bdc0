//! A handful of expansions, to learn the macro from its output; the messages are in [`errors`], the hash of the code in [`code_hash`].

mod code_hash;
mod errors;
mod partitions;

use proc_macro2::TokenStream;

use crate::args::On;

/// The expansion of an attribute, as one would write it by hand.
fn expansion(on: On, args: &str, item: &str) -> String {
    let tokens = super::attribute(on, parse(args), &parse(item));
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

fn parse(tokens: &str) -> TokenStream {
    tokens.parse().unwrap()
}

#[test]
fn plain() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        r#"group = "iris", key_prefix = "lab/iris", mode = "append", retries = 3, tags = ["pii", "team=bio"], store(level = -3)"#,
        "/// Without the rows\n/// that have no label.\npub fn iris_cleaned(iris_dataset: LazyFrame) -> LazyFrame { iris_dataset }",
    ));
}

#[test]
fn asynchronous_with_everything() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        "",
        "#[cfg(unix)] async fn report(iris: &DataFrame, api: Resource<Api>, context: &Context, limits: &Config<Limits>)
            -> Result<Output<Report>, ReportError> { todo!() }",
    ));
}

#[test]
fn how_it_is_run() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        r#"retries = 3, retry_delay = "1.5s", retry_on = "any", timeout = "10m", pool = "db", priority = -5, memory = "2GiB",
            alias = ["old_name", "lab/older"]"#,
        "fn report() -> Report { todo!() }",
    ));
}

#[test]
fn inputs_and_order() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        "deps = [effects::migrate]",
        r#"fn joined(#[input(from = raw::iris, columns = ["id", "species"])] upstream: LazyFrame, mut sizes: Option<Sizes>) -> () {}"#,
    ));
}

#[test]
fn partitioned() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        r#"partitions = defs::DaySpecies, partition_expr(date = "day", species = "kind")"#,
        r#"fn wide(
            key: Partition<DaySpecies>,
            #[input(mapping = dimensions(species = keys("a")), allow_missing)] narrow: Partitions<DaySpecies, LazyFrame>,
            #[input(previous)] before: Option<LazyFrame>,
        ) -> LazyFrame { todo!() }"#,
    ));
}

#[test]
fn partitioned_at_once() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        "partitions = Day",
        "fn fetched(days: &PartitionSet<Day>) -> Result<Partitions<Day, LazyFrame>> { todo!() }",
    ));
}

#[test]
fn external() {
    insta::assert_snapshot!(expansion(On::External, r#"io_manager = "delta""#, "pub fn iris_harvest_data() -> LazyFrame;"));
}

#[test]
fn mistaken_option() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        r#"io_manger = "delta", group = "iris""#,
        "fn clean(iris: LazyFrame) -> LazyFrame { iris }"
    ));
}

#[test]
fn unusable_signature() {
    insta::assert_snapshot!(expansion(On::Asset, "", "pub fn clean(iris: LazyFrame) { iris }"));
}

#[test]
fn typed_rows() {
    insta::assert_snapshot!(expansion(
        On::Asset,
        r#"partition_expr = "day""#,
        r#"fn highs(#[input(columns = ["day", "max"])] readings: Rows<Reading, LazyFrame>) -> Rows<Reading, LazyFrame> { readings }"#,
    ));
}

#[test]
fn columns() {
    let tokens = crate::columns::derive(parse(
        r#"struct Reading { station: String, max: Option<f64>, #[column(name = "type", decimal(10, 2))] kind: f64 }"#,
    ));
    insta::assert_snapshot!(prettyplease::unparse(&syn::parse2(tokens).unwrap()));
}
