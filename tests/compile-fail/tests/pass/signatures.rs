//! Every kind of signature, under lints as strict as they get, and run.
#![allow(clippy::pedantic, reason = "users need not keep to our taste")]
#![deny(missing_docs, unreachable_pub, unused_qualifications, warnings)]

use std::error::Error as StdError;
use std::fmt;

use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

/// An error of the user's own.
#[derive(Debug)]
pub struct MyError;

impl fmt::Display for MyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it did not work")
    }
}
impl StdError for MyError {}

/// A model, which serde writes.
#[derive(Serialize, Deserialize)]
pub struct Model {
    weights: Vec<f64>,
}

/// What `summary` is configured by.
#[derive(Serialize, Deserialize)]
pub struct Limits {
    at_least: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_least: 2 }
    }
}

/// A connection.
pub struct Connection {
    rows: i64,
}

/// Without `Result`.
#[asset(group = "plain", tags = ["pii", "team=bio"], owners = ["ada@lab.org"], metadata(unit = "cm", scale = -1))]
pub fn frame() -> DataFrame {
    df!("a" => [1_i64, 2, 3]).expect("columns of one length")
}

/// An error of the user's own.
#[asset]
pub fn model(frame: &DataFrame) -> Result<Model, MyError> {
    Ok(Model { weights: vec![0.5; frame.height()] })
}

/// A boxed error, and a lazy frame from an eager one.
#[asset]
pub fn lazy(frame: LazyFrame) -> Result<LazyFrame, Box<dyn StdError + Send + Sync>> {
    Ok(frame.filter(col("a").gt(lit(1))))
}

/// Polars' error.
#[asset]
pub fn eager(lazy: LazyFrame) -> PolarsResult<DataFrame> {
    lazy.collect()
}

/// Nothing to store this time.
#[asset]
pub fn newest() -> Option<String> {
    None
}

/// Stored with metadata; of what may be missing and of what may not.
#[asset]
pub fn headline(newest: Option<String>, frame: Option<DataFrame>) -> Output<String> {
    let rows = frame.map_or(0, |frame| frame.height());
    Output::new(newest.unwrap_or_else(|| "quiet".into())).metadata("rows", rows as i64)
}

/// All at once.
#[asset]
pub async fn page(headline: &String, model: Model) -> Result<Output<Option<Bytes>>, String> {
    if model.weights.is_empty() {
        return Err("nothing was learnt".into());
    }
    Ok(Output::new(Some(Bytes::new(headline.as_bytes(), "txt"))).metadata("length", headline.len() as i64))
}

/// Its effect is elsewhere.
#[asset]
pub fn migrate(connection: Resource<Connection>) -> () {
    assert_eq!(connection.rows, 3);
}

/// Comes after something that is not loaded, and takes the rest.
#[asset(deps = [migrate])]
pub async fn summary(
    mut eager: DataFrame,
    model: &Model,
    context: &Context,
    limits: &Config<Limits>,
    db: &Resource<Connection>,
) -> Result<Output<i64>> {
    context.add_metadata("weights", model.weights.len() as i64);
    eager = eager.head(Some(1));
    Ok(Output::new(limits.at_least + db.rows + eager.height() as i64))
}

/// Nothing, but it may fail.
#[asset]
pub async fn publish(summary: i64) -> Result<()> {
    assert_eq!(summary, 2 + 3 + 1);
    Ok(())
}

/// Somebody else's table.
#[external_asset]
pub fn harvest() -> LazyFrame;

#[test]
fn every_signature_compiles_and_runs() {
    // The functions are still functions.
    let model = model(&frame()).expect("cannot fail");
    assert_eq!(model.weights.len(), 3);
    assert_eq!(headline(Some("news".into()), None).into_parts().0, "news");
    assert!(newest().is_none());

    let ran = assets![frame, model, lazy, eager, newest, headline, migrate, page, summary, publish];
    let lakehouse = Lakehouse::builder()
        .registry(Registry::of(ran))
        .io_manager("io_manager", MemoryIoManager::new())
        .resource("db", Connection { rows: 3 })
        .build()
        .expect("nothing is missing");
    let report = lakehouse.materialize_blocking("*").expect("the selection is valid");
    let failures: Vec<_> = report.failures().collect();
    assert!(report.is_success(), "{failures:?}");
}
