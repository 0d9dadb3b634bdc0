//! Runs that go on with what a later run has stored meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use lakewright::event::SkipReason;
use lakewright::exec::{Interrupt, PartitionChoice, StepOutcome};
use lakewright::frame::Frame;
use lakewright::partition::PartitionsDef;
use lakewright::prelude::*;
use lakewright::state::PartitionStatus;
use lakewright::{AssetBuilder, AssetSpec, Call, ErrorKind, Mode, RunOptions, Value};

use super::{lakehouse, log};
use crate::support::{block_on, integers, key};

/// `raw`, which fails until it is mended and is then another number each time, and `twice` that.
struct World {
    mended: Arc<AtomicBool>,
    made: Arc<AtomicI64>,
    built: Lakehouse,
}

impl World {
    fn new(how: Mode) -> Self {
        let (mended, made) = (Arc::<AtomicBool>::default(), Arc::<AtomicI64>::default());
        let (ready, counter) = (Arc::clone(&mended), Arc::clone(&made));
        let table = |key| AssetBuilder::new(key, ValueKind::Table).io_manager("memory").partitions(parts());
        let raw = table("raw").mode(how).body(move |call: Call| {
            let given = ready.load(Ordering::SeqCst).then(|| counter.fetch_add(1, Ordering::SeqCst) + 1);
            async move {
                let number = given.ok_or_else(|| lakewright::Error::new(ErrorKind::Body, "it is not there yet"))?;
                call.produce_frame(df!("n" => [number])?)
            }
        });
        let twice = table("twice").input("raw").body(|mut call: Call| async move {
            let raw: DataFrame = call.frame("raw")?;
            call.produce_frame(df!("n" => [2 * integers(&raw, "n")[0]])?)
        });
        let assets: [AssetSpec; 2] = [raw.unwrap(), twice.unwrap()];
        let built = lakehouse(&log(), assets).build().unwrap();
        Self { mended, made, built }
    }

    /// A run of both that fails, and a later one that makes `raw`.
    fn fail_and_mend(&self) {
        let plan = self.built.plan_for("*", &one()).unwrap();
        let report = block_on(self.built.run_with(plan, RunOptions::new().id("early"))).unwrap();
        assert_eq!(report.failures().count(), 1);
        assert_eq!(self.failed(), 1);
        self.mended.store(true, Ordering::SeqCst);
        assert!(self.built.materialize_for_blocking("raw", &one()).unwrap().is_success());
        assert_eq!((self.failed(), self.made.load(Ordering::SeqCst)), (0, 1));
    }

    fn failed(&self) -> u64 {
        self.built.recorded_partitions(&key("raw"), PartitionStatus::Failed).unwrap().len()
    }

    fn stored(&self, asset: &str) -> Vec<i64> {
        let Some(Value::Table(table)) = block_on(self.built.load_partition(&key(asset), "a")).unwrap() else {
            panic!("no table")
        };
        integers(&DataFrame::from_table(table).unwrap(), "n")
    }
}

fn parts() -> PartitionsDef {
    PartitionsDef::fixed("Part", ["a", "b"]).unwrap()
}

fn one() -> PartitionChoice {
    PartitionChoice::none().key("a")
}

#[test]
fn what_a_later_run_has_stored_is_left_as_it_is_and_what_is_made_from_it_is_made() {
    let world = World::new(Mode::Overwrite);
    world.fail_and_mend();
    let report = block_on(world.built.retry_failed("early", Interrupt::new())).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
    assert_eq!(report.steps[0].outcome, StepOutcome::Skipped(SkipReason::Superseded));
    assert!(matches!(report.steps[1].outcome, StepOutcome::Succeeded(_)));
    assert_eq!((world.stored("raw"), world.stored("twice")), (vec![1], vec![2]));
    assert_eq!(world.made.load(Ordering::SeqCst), 1, "its body is not called for what could only be refused");
    assert_eq!(world.failed(), 0);
    // It is done for good.
    assert_eq!(block_on(world.built.resume("early", Interrupt::new())).unwrap_err().kind(), ErrorKind::Selection);
}

#[test]
fn rows_that_a_later_run_has_added_are_not_those_of_this_one() {
    let world = World::new(Mode::Append);
    world.fail_and_mend();
    let report = block_on(world.built.retry_failed("early", Interrupt::new())).unwrap();
    let failures: Vec<_> = report.failures().collect();
    let [(_, failure)] = &failures[..] else { panic!("{failures:#?}") };
    assert_eq!(failure.code, ErrorKind::Superseded.code());
    assert_eq!(world.stored("raw"), [1]);
    assert!(failure.help.as_deref().is_some_and(|help| help.contains("`runs retry early`")), "{failure:?}");
    assert_eq!(world.failed(), 0, "what is stored is what the later run has stored");
}
