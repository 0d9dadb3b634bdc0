//! Why a step runs.

use lakewright::event::{InputVersion, SkipReason};
use lakewright::io::fs::FsIoManager;
use lakewright::{Config, Slice};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

use super::*;
use crate::support::{abc, key};

fn chain(world: &World, codes: [&str; 3]) -> [AssetSpec; 3] {
    [
        world.asset("raw", codes[0], |asset| asset),
        world.asset("clean", codes[1], |asset| asset.input(Input::of("raw"))),
        world.asset("report", codes[2], |asset| asset.input(Input::of("clean"))),
    ]
}

#[test]
fn without_a_change_nothing_runs_and_the_run_succeeds() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let lakehouse = world.lakehouse(chain(&world, ["1", "1", "1"]));
    assert_eq!(
        why(&lakehouse, &none),
        [
            vec![StepReason::Missing],
            vec![StepReason::Missing, StepReason::UpstreamRuns { asset: key("raw") }],
            vec![StepReason::Missing, StepReason::UpstreamRuns { asset: key("clean") }],
        ]
    );
    assert!(run_changed(&lakehouse, &none).is_success());
    assert_eq!(world.made(), ["raw", "clean", "report"]);
    assert_eq!(why(&lakehouse, &none), [vec![], vec![], vec![]]);
    let report = run_changed(&lakehouse, &none);
    assert!(report.is_success());
    assert!(outcomes(&report).iter().all(|outcome| **outcome == StepOutcome::Skipped(SkipReason::Unchanged)));
    assert!(world.made().is_empty());
    // A plan of everything says why as well, and runs whatever it says.
    let decisions = block_on(lakehouse.explain(&lakehouse.plan("raw").unwrap())).unwrap();
    assert_eq!(decisions, [(0, StepDecision::WillRun { reasons: vec![StepReason::Forced] })]);
    // Another process finds the same in the log.
    assert_eq!(why(&world.lakehouse(chain(&world, ["1", "1", "1"])), &none), [vec![], vec![], vec![]]);
}

#[test]
fn other_code_runs_and_what_is_made_from_it() {
    let (world, none) = (World::new(), PartitionChoice::none());
    assert!(run_changed(&world.lakehouse(chain(&world, ["1", "1", "1"])), &none).is_success());
    world.made();
    let changed = world.lakehouse(chain(&world, ["1", "2", "1"]));
    assert_eq!(
        why(&changed, &none),
        [vec![], vec![StepReason::CodeChanged], vec![StepReason::UpstreamRuns { asset: key("clean") }]]
    );
    run_changed(&changed, &none);
    // The value is the same as before, and the store says so.
    assert_eq!(world.made(), ["clean"]);
}

#[test]
fn an_input_that_was_made_again_is_named_with_both_versions() {
    let (world, none, value) = (World::new(), PartitionChoice::none(), Arc::new(AtomicI64::new(1)));
    let assets =
        [world.giving("raw", "1", &value, |asset| asset), world.asset("clean", "1", |asset| asset.input(Input::of("raw")))];
    let lakehouse = world.lakehouse(assets);
    run_changed(&lakehouse, &none);
    value.store(2, Ordering::SeqCst);
    assert!(lakehouse.materialize_blocking("raw").unwrap().is_success());
    let reasons = why(&lakehouse, &none);
    let [changed] = &reasons[1][..] else { panic!("{reasons:?}") };
    assert_eq!(changed.to_string(), "input `raw` at version 0 → 1");
    let recorded = world.last("clean");
    assert_eq!(recorded.inputs.len(), 1);
    let InputVersion { asset, slice, data, version, .. } = &recorded.inputs[0];
    assert_eq!((asset, slice, data.len(), version), (&key("raw"), &Slice::Whole, 1, &Some(0)));
    assert!(recorded.code.is_some() && recorded.data_version.is_some());
}

#[test]
fn what_failed_or_was_never_made_runs() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let fails = AssetBuilder::new("raw", ValueKind::Object).io_manager("memory").code_version("1");
    let fails = fails.body(|_| async { Err(lakewright::Error::new(lakewright::ErrorKind::Body, "no")) }).unwrap();
    run_changed(&world.lakehouse([world.asset("raw", "1", |asset| asset)]), &none);
    let lakehouse = world.lakehouse([fails]);
    assert!(!lakehouse.materialize_blocking("raw").unwrap().is_success());
    let mended = world.lakehouse(chain(&world, ["1", "1", "1"]));
    assert_eq!(why(&mended, &none)[0], [StepReason::Failed]);
    assert!(run_changed(&mended, &none).is_success());
    assert_eq!(why(&mended, &none), [vec![], vec![], vec![]]);
}

#[test]
fn what_is_kept_somewhere_else_now_is_made_there() {
    let (world, none, folder) = (World::new(), PartitionChoice::none(), tempdir().unwrap());
    let built = |root: &str, store: &str| {
        let state: Arc<dyn State> = Arc::clone(&world.log) as _;
        let raw = world.asset("raw", "1", |asset| asset.io_manager(store));
        let builder = Lakehouse::builder().root(folder.path().join(root)).registry(Registry::from_specs([raw])).state(state);
        builder.default_stores().io_manager("other", FsIoManager::new(folder.path().join("other"))).build().unwrap()
    };
    assert!(run_changed(&built("lake", "fs"), &none).is_success());
    assert_eq!(why(&built("lake", "fs"), &none), [vec![]]);
    assert_eq!(why(&built("lake", "other"), &none), [vec![StepReason::Moved]]);
    std::fs::rename(folder.path().join("lake"), folder.path().join("sea")).unwrap();
    assert_eq!(why(&built("sea", "fs"), &none), [vec![]], "all of it has moved");
    assert_eq!(why(&built("sea/../sea", "fs"), &none), [vec![]], "however the root is written");
    assert!(run_changed(&built("sea", "other"), &none).is_success());
    assert_eq!(why(&built("sea", "other"), &none), [vec![]]);
    assert!(folder.path().join("other/raw.json").exists());
}

#[test]
fn other_columns_of_an_input_are_a_change() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let built = |columns: &[&str]| {
        let raw = AssetBuilder::new("raw", ValueKind::Table).io_manager("memory").code_version("1");
        let raw = raw.body(|call: lakewright::Call| async move { call.produce_frame(abc()) }).unwrap();
        let input = Input::of("raw").columns(columns.iter().copied());
        world.lakehouse([raw, world.asset("clean", "1", |asset| asset.input(input))])
    };
    assert!(run_changed(&built(&["a"]), &none).is_success());
    assert_eq!(why(&built(&["a"]), &none)[1], []);
    assert_eq!(why(&built(&["a", "b"]), &none)[1], [StepReason::CodeChanged]);
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Limits {
    at_least: i64,
}

#[asset(io_manager = "memory")]
fn limited(limits: Config<Limits>) -> i64 {
    limits.at_least
}

#[test]
fn another_configuration_is_a_change() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let built = |at_least: i64| {
        let state: Arc<dyn State> = Arc::clone(&world.log) as _;
        let builder = Lakehouse::builder().registry(Registry::of(assets![limited])).state(state);
        builder.io_manager("memory", world.store.clone()).config("limited", Limits { at_least }).build().unwrap()
    };
    assert!(run_changed(&built(1), &none).is_success());
    assert_eq!(why(&built(1), &none), [vec![]]);
    assert_eq!(why(&built(2), &none), [vec![StepReason::ConfigChanged]]);
}

#[test]
fn what_nobody_can_tell_runs() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let external = AssetBuilder::new("theirs", ValueKind::Object).io_manager("memory").external().unwrap();
    let writer = world.lakehouse([world.asset("theirs", "1", |asset| asset)]);
    assert!(writer.materialize_blocking("*").unwrap().is_success());
    let ours = || world.asset("ours", "1", |asset| asset.input(Input::of("theirs")));
    let effect = AssetBuilder::new("effect", ValueKind::Nothing).code_version("1");
    let effect = effect.body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
    let lakehouse = world.lakehouse([external, ours(), effect]);
    assert!(run_changed(&lakehouse, &none).is_success());
    // The memory store counts versions, so a table of somebody else's is known by its version.
    assert_eq!(world.last("ours").inputs[0].version, Some(0));
    assert!(world.last("ours").inputs[0].data.is_empty());
    let reasons = why(&lakehouse, &none);
    assert!(reasons.contains(&vec![StepReason::Unknown { asset: key("effect") }]), "{reasons:?}");
    assert!(reasons.contains(&vec![]), "{reasons:?}");
    assert!(writer.materialize_blocking("*").unwrap().is_success());
    let changed = StepReason::InputChanged { asset: key("theirs"), was: Some("version 0".into()), is: Some("1".into()) };
    assert!(why(&lakehouse, &none).contains(&vec![changed]));
}

#[test]
fn what_waits_for_an_asset_without_a_value_runs_each_time() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let made = Arc::clone(&world.made);
    let export = AssetBuilder::new("export", ValueKind::Nothing).code_version("1").input("orders");
    let export = export.body(move |_| {
        made.lock().unwrap().push("export".to_owned());
        async { Ok(lakewright::Produced::nothing()) }
    });
    let summary = world.asset("summary", "1", |asset| asset.after("export"));
    let lakehouse = world.lakehouse([world.asset("orders", "1", |asset| asset), export.unwrap(), summary]);
    assert!(run_changed(&lakehouse, &none).is_success());
    let unknown = StepReason::Unknown { asset: key("export") };
    let made_before = StepReason::UpstreamRuns { asset: key("export") };
    assert_eq!(why(&lakehouse, &none), [vec![], vec![unknown.clone()], vec![made_before, unknown]]);
    world.made();
    assert!(run_changed(&lakehouse, &none).is_success());
    assert_eq!(world.made(), ["export", "summary"], "what the plan says is what runs");
}

#[test]
fn parameters_that_swap_their_assets_are_other_code() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let plain = |name: &str| world.asset(name, "1", |asset| asset);
    let both = |first: &'static str, second: &'static str| {
        let read = |asset: AssetBuilder| asset.input(Input::of(first).named("x")).input(Input::of(second).named("y"));
        world.lakehouse([plain("a"), plain("b"), world.asset("both", "1", read)])
    };
    assert!(run_changed(&both("a", "b"), &none).is_success());
    assert_eq!(why(&both("a", "b"), &none), [vec![], vec![], vec![]]);
    assert_eq!(why(&both("b", "a"), &none)[2], [StepReason::CodeChanged]);
    // Those that are only waited for may be named in any order.
    let waits = |first: &'static str, second: &'static str| {
        let waits = |asset: AssetBuilder| asset.input("a").after(first).after(second);
        world.lakehouse([plain("a"), plain("b"), plain("c"), world.asset("waits", "1", waits)])
    };
    assert!(run_changed(&waits("b", "c"), &none).is_success());
    assert_eq!(why(&waits("c", "b"), &none), [vec![], vec![], vec![], vec![]]);
}

#[test]
fn an_asset_that_was_renamed_is_stored_elsewhere_and_not_missing() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let built = |name: &'static str, alias: Option<&'static str>| {
        let raw = world.asset(name, "1", |asset| alias.into_iter().fold(asset, AssetBuilder::alias));
        let clean = world.asset("clean", "1", |asset| asset.input(Input::of(name).named("raw")));
        world.lakehouse([raw, clean])
    };
    assert!(run_changed(&built("old", None), &none).is_success());
    let renamed = built("new", Some("old"));
    assert_eq!(why(&renamed, &none), [vec![StepReason::Moved], vec![StepReason::UpstreamRuns { asset: key("new") }]]);
    world.made();
    assert!(run_changed(&renamed, &none).is_success());
    assert_eq!(world.made(), ["new"], "it comes to the same data, which `clean` was made from under another name");
    assert_eq!(why(&renamed, &none), [vec![], vec![]]);
}
