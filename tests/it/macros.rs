//! `#[asset]` at run time: what is registered, called and recorded.

use lakewright::event::EventKind;
use lakewright::prelude::*;
use lakewright::{AssetDef, ErrorKind, Value};
use lakewright_test_library as library;
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

use crate::support::{Heard, block_on, key};

/// A point, as serde sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    x: i64,
    y: i64,
}

/// Where it begins.
///
/// In the middle.
#[asset(
    key_prefix = "maps",
    io_manager = "memory",
    group = "geo",
    tags(team = "bio"),
    owners = ["ada@example.org"],
    kinds = ["serde"],
    metadata(scale = 0.5, unit = "m"),
    code_version = "2"
)]
fn origin() -> Point {
    Point { x: 0, y: 0 }
}

#[asset(io_manager = "memory")]
async fn moved(context: &Context, origin: &Point) -> Result<Output<Point>, std::num::TryFromIntError> {
    context.add_metadata("run", context.run_id());
    let step = i64::from(u8::try_from(3)?);
    Ok(Output::new(Point { x: origin.x + step, y: origin.y }).metadata("moved", step))
}

#[asset(io_manager = "memory")]
fn maybe(moved: Point) -> Option<i64> {
    (moved.x > 100).then_some(moved.x)
}

#[asset(io_manager = "memory", name = "renamed")]
fn after_maybe(#[input(from = maybe)] value: Option<i64>) -> Result<String, String> {
    Ok(format!("{value:?}"))
}

#[asset(deps = [moved])]
fn effect() -> Result<(), String> {
    Ok(())
}

#[asset(io_manager = "memory")]
fn broken(origin: Point) -> Result<i64, String> {
    Err(format!("nothing at {}", origin.y))
}

#[test]
fn what_the_attribute_says_is_in_the_registry() {
    let registry = Registry::of(assets![after_maybe, effect]);
    let keys: Vec<_> = registry.assets().map(|asset| asset.key.to_string()).collect();
    assert_eq!(keys, ["effect", "maps/origin", "maybe", "moved", "renamed"], "upstream assets come along");
    let origin = registry.get(&key("maps/origin")).unwrap();
    assert_eq!(origin.description.as_deref(), Some("Where it begins.\n\nIn the middle."));
    assert_eq!(origin.tags, [("team".to_owned(), "bio".to_owned())]);
    assert_eq!((origin.group.as_deref(), origin.code_version.as_deref()), (Some("geo"), Some("2")));
    assert_eq!(origin.metadata, [("scale".to_owned(), MetadataValue::Float(0.5)), ("unit".to_owned(), MetadataValue::from("m"))]);
    assert!(origin.source.file.ends_with("macros.rs"));
    let renamed = registry.get(&key("renamed")).unwrap();
    assert_eq!((renamed.inputs[0].upstream.to_string().as_str(), renamed.inputs[0].optional), ("maybe", true));
    let effect = registry.get(&key("effect")).unwrap();
    assert!(effect.inputs[0].order_only && !effect.is_stored());
}

/// As in the tests of the macro crate, with docs, comments, attributes and another layout.
#[asset(io_manager = "memory", group = "hashed")]
#[must_use]
pub(crate) fn shifted(#[input(from = origin)] moved: &Point) -> Vec<Vec<i64>> {
    // Two bytes.
    let label: &'static str = "a\n";

    let keep = |x: &&i64| /* twice */ **x != 0x1F || moved.x << 1 >= -2 && label.len() > 1;
    [1_i64, 2]
        .iter()
        .filter(keep)
        // Each in a list of its own.
        .map(|x| vec![*x, i64::from(b'a')])
        .collect::<Vec<Vec<i64>>>()
}

/// A function whose body is a fragment of a macro.
mod by_a_macro {
    use lakewright::prelude::*;

    macro_rules! counted {
        ($value:expr) => {
            #[asset(io_manager = "memory", key_prefix = "by_a_macro")]
            pub(super) fn counted() -> i64 {
                $value
            }
        };
    }
    counted!(20 + i64::from(1_u8));
}

#[asset(io_manager = "memory")]
fn counted() -> i64 {
    20 + i64::from(1_u8)
}

#[external_asset(io_manager = "memory")]
fn theirs() -> i64;

#[test]
fn the_hash_of_the_code_is_that_of_its_tokens() {
    let hash = |def: &AssetDef| def.spec().unwrap().code_hash;
    let [shifted, by_a_macro, counted, theirs] = assets![shifted, by_a_macro::counted, counted, theirs].map(hash);
    assert_eq!(shifted.as_deref(), Some("1b71ceb26e89f50a4df69a685afb8891"), "the compiler's tokens are those of the text");
    assert_eq!(counted, by_a_macro);
    assert_ne!(counted, shifted);
    assert_eq!(theirs, None);
}

#[test]
fn functions_of_every_shape_run() {
    let lakehouse = Lakehouse::builder().registry(Registry::of(assets![after_maybe, effect])).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    assert!(report.is_success(), "{report:?}");
    let Some(Value::Object(renamed)) = block_on(lakehouse.load(&key("renamed"))).unwrap() else { panic!("it is stored") };
    assert_eq!(renamed.decode::<String>().unwrap(), "None");
    let moved = report.materializations().find(|stored| stored.asset == key("moved")).unwrap();
    assert_eq!(
        moved.metadata,
        [("moved".into(), MetadataValue::Int(3)), ("run".into(), MetadataValue::from(report.run.as_str()))]
    );
}

#[test]
fn the_functions_are_still_functions() {
    assert_eq!(maybe(Point { x: 101, y: 0 }), Some(101));
    assert_eq!(after_maybe(None).unwrap(), "None");
    assert_eq!(origin(), Point { x: 0, y: 0 });
}

#[test]
fn an_error_of_a_body_is_told_as_it_is() {
    let lakehouse = Lakehouse::builder().registry(Registry::of(assets![broken])).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    let failure = report.failures().next().unwrap().1;
    assert_eq!((failure.code.as_str(), failure.message.as_str()), (ErrorKind::Body.code(), "nothing at 0"));
    assert!(failure.context.iter().any(|(name, value)| name == "at" && value.contains("macros.rs:")), "{failure:?}");
}

/// An error of a program, about one of ours.
#[derive(Debug)]
struct Unreachable(lakewright::Error);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no prices today")
    }
}

impl std::error::Error for Unreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[asset(io_manager = "memory", retries = 1, retry_delay = "1ms")]
fn prices() -> Result<i64, Unreachable> {
    Err(Unreachable(lakewright::Error::new(ErrorKind::Io, "the line is down").help("plug it in").retryable()))
}

#[test]
fn what_one_of_our_errors_says_holds_of_the_body_that_fails_with_it() {
    let heard = Heard::default();
    let lakehouse = heard.listen(Lakehouse::builder().registry(Registry::of(assets![prices]))).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    let again = heard.kinds().iter().filter(|kind| matches!(kind, EventKind::StepRetrying { .. })).count();
    assert_eq!(again, 1, "it may pass, so it was tried again");
    let failure = report.failures().next().unwrap().1;
    assert_eq!((failure.code.as_str(), failure.message.as_str()), (ErrorKind::Body.code(), "no prices today"));
    assert_eq!((failure.help.as_deref(), failure.retryable), (Some("plug it in"), true));
    assert_eq!(failure.causes, ["the line is down"]);
}

#[asset(io_manager = "memory")]
fn station_count(#[input(from = library::raw::stations)] stations: Vec<String>) -> usize {
    stations.len()
}

#[test]
fn an_upstream_may_be_in_another_crate() {
    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![station_count])).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(report.steps.len(), 2);
}

#[test]
fn the_whole_program_is_collected_with_its_libraries() {
    let collected = Registry::collect();
    for wanted in ["maps/origin", "station_count"] {
        assert!(collected.get(&key(wanted)).is_some(), "{wanted}");
    }
    let keys: Vec<_> = collected.assets().map(|asset| &asset.key).collect();
    assert!(keys.is_sorted());
    let stations = Registry::of(assets![library::raw::stations]);
    let stations = stations.assets().next().unwrap();
    assert!(collected.get(&stations.key).is_some(), "the library is mentioned, so it takes part");
}
