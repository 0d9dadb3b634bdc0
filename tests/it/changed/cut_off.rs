//! What is made again and comes to the same data holds nothing else up.

use lakewright::Output;
use lakewright::event::SkipReason;
use lakewright::io::fs::FsIoManager;
use tempfile::tempdir;

use super::*;

#[test]
fn an_upstream_that_comes_to_the_same_content_cuts_off_what_is_made_from_it() {
    let (root, none) = (tempdir().unwrap(), PartitionChoice::none());
    for on_disk in [false, true] {
        let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
        let place = |asset: AssetBuilder| if on_disk { asset.io_manager("fs") } else { asset };
        let built = |code: &str| {
            let assets = [
                world.giving("raw", code, &value, place),
                world.asset("clean", "1", |asset| place(asset).input(Input::of("raw"))),
                world.asset("report", "1", |asset| place(asset).input(Input::of("clean"))),
            ];
            world.builder(assets).io_manager("fs", FsIoManager::new(root.path())).build().unwrap()
        };
        assert!(run_changed(&built("1"), &none).is_success());
        world.made();
        let report = run_changed(&built("2"), &none);
        assert!(report.is_success());
        assert_eq!(world.made(), ["raw"], "the others would read the same bytes");
        let skipped = StepOutcome::Skipped(SkipReason::Unchanged);
        assert_eq!(outcomes(&report)[1..], [&skipped, &skipped]);
        value.store(2, Ordering::SeqCst);
        assert!(run_changed(&built("3"), &none).is_success());
        assert_eq!(world.made(), ["raw", "clean"], "what is made from 2 is what was made from 1");
    }
}

#[test]
fn a_body_may_say_what_identifies_its_data() {
    let (world, none, version) = (World::new(), PartitionChoice::none(), Arc::new(AtomicI64::new(1)));
    let built = |code: &str| {
        let (version, code) = (Arc::clone(&version), code.to_owned());
        let raw = AssetBuilder::new("raw", ValueKind::Object).io_manager("memory").code_version(&code);
        let raw = raw.body(move |call: lakewright::Call| {
            let (version, code) = (version.load(Ordering::SeqCst), code.clone());
            async move {
                call.context().set_data_version(format!("export {version}"));
                call.produce_object(format!("made by {code}"))
            }
        });
        world.lakehouse([raw.unwrap(), world.asset("clean", "1", |asset| asset.input(Input::of("raw")))])
    };
    assert!(run_changed(&built("1"), &none).is_success());
    assert_eq!(world.last("raw").data_version.as_deref(), Some("export 1"));
    world.made();
    run_changed(&built("2"), &none);
    assert!(world.made().is_empty(), "the content is another, and the body says that it is the same");
    version.store(2, Ordering::SeqCst);
    run_changed(&built("3"), &none);
    assert_eq!(world.made(), ["clean"]);
}

#[asset(io_manager = "memory")]
fn exported() -> Output<i64> {
    Output::new(1).data_version("export 7").metadata("rows", 1)
}

#[asset(io_manager = "memory")]
fn doubled(exported: i64) -> i64 {
    exported * 2
}

#[test]
fn the_attribute_has_a_hash_of_the_code_and_passes_the_version_on() {
    let world = World::new();
    let state: Arc<dyn State> = Arc::clone(&world.log) as _;
    let builder = Lakehouse::builder().registry(Registry::of(assets![doubled])).state(state);
    let lakehouse = world.heard.listen(builder.io_manager("memory", world.store.clone())).build().unwrap();
    assert!(run_changed(&lakehouse, &PartitionChoice::none()).is_success());
    let recorded = world.last("exported");
    assert_eq!((recorded.data_version.as_deref(), recorded.metadata.len()), (Some("export 7"), 1));
    assert!(recorded.code.is_some() && recorded.code_version.is_none());
    assert_eq!(world.last("doubled").inputs[0].data, ["export 7"]);
    assert_eq!(why(&lakehouse, &PartitionChoice::none()), [vec![], vec![]]);
}

#[test]
fn a_run_of_what_has_changed_leaves_the_same_out_when_it_is_resumed() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let fails = Arc::new(AtomicI64::new(0));
    let built = |code: &str| {
        let fails = Arc::clone(&fails);
        let clean = AssetBuilder::new("clean", ValueKind::Object).io_manager("memory").code_version(code);
        let clean = clean.input(Input::of("raw")).body(move |call: lakewright::Call| {
            let fails = fails.load(Ordering::SeqCst) > 0;
            async move {
                if fails {
                    return Err(lakewright::Error::new(lakewright::ErrorKind::Body, "not now"));
                }
                call.produce_object(1)
            }
        });
        let report = world.asset("report", "1", |asset| asset.input(Input::of("clean")));
        world.lakehouse([world.asset("raw", "1", |asset| asset), clean.unwrap(), report])
    };
    assert!(run_changed(&built("1"), &none).is_success());
    world.made();
    fails.store(1, Ordering::SeqCst);
    let lakehouse = built("2");
    let failed = run_changed(&lakehouse, &none);
    assert!(!failed.is_success());
    fails.store(0, Ordering::SeqCst);
    let resumed = block_on(lakehouse.retry_failed(&failed.run, Interrupt::new())).unwrap();
    assert!(resumed.is_success());
    assert!(world.made().is_empty(), "neither `raw` nor `report` was made again");
    assert_eq!(resumed.materializations().count(), 1);
}

#[test]
fn a_run_of_what_has_changed_makes_everything_when_it_is_made_again() {
    let (world, none) = (World::new(), PartitionChoice::none());
    let clean = world.asset("clean", "1", |asset| asset.input(Input::of("raw")));
    let lakehouse = world.lakehouse([world.asset("raw", "1", |asset| asset), clean]);
    assert!(run_changed(&lakehouse, &none).is_success());
    let nothing = run_changed(&lakehouse, &none);
    world.made();
    let plan = lakehouse.plan_of(&nothing.run).unwrap();
    assert!(block_on(lakehouse.run(plan, Interrupt::new())).unwrap().is_success());
    assert_eq!(world.made(), ["raw", "clean"]);
}
