//! Partitions that are made from earlier ones of their asset: in which order, what waits for what, and why they run.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use lakewright::asset::Input;
use lakewright::event::SkipReason;
use lakewright::exec::{Interrupt, PartitionChoice, StepDecision, StepOutcome, StepReason};
use lakewright::partition::{Every, Mapping, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind, Value};
use tempfile::tempdir;

use crate::support::{block_on, key, lakehouse};

#[partitions(daily, start = "2023-01-01", end = "2023-01-04")]
struct Day;

/// The days from one to another.
#[partitions]
struct Span {
    from: Day,
    to: Day,
}

#[test]
fn partitions_are_made_in_the_order_of_the_dimension_that_goes_back() {
    static STEP: AtomicI64 = AtomicI64::new(0);

    #[asset(io_manager = "memory", partitions = Span)]
    fn rise(#[input(previous, mapping = dimensions(to = offset(-1)))] before: Option<i64>) -> i64 {
        before.unwrap_or_default() + STEP.load(Ordering::SeqCst)
    }

    let root = tempdir().unwrap();
    let lakehouse = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![rise])).build().unwrap();
    let plan = lakehouse.plan_for("*", &PartitionChoice::all()).unwrap();
    let slices: Vec<String> = plan.steps.iter().map(|step| step.assets[0].slice.to_string()).collect();
    assert_eq!(slices, ["01", "02", "03"].map(|to| format!("v1:[from=2023-01-01..2023-01-03&to=2023-01-{to}]")));
    // What the second run makes is not made from what the first has left.
    for step in [1, 10] {
        STEP.store(step, Ordering::SeqCst);
        let report = lakehouse.materialize_for_blocking("*", &PartitionChoice::all()).unwrap();
        assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
        for (from, to) in (1..=3).flat_map(|from| (1..=3).map(move |to| (from, to))) {
            let partition = format!("2023-01-0{from}|2023-01-0{to}");
            let stored = block_on(lakehouse.load_partition(&key("rise"), &partition)).unwrap();
            let Some(Value::Object(stored)) = stored else { panic!("`{partition}` is stored") };
            assert_eq!(stored.decode::<i64>().unwrap(), to * step, "{partition}");
        }
    }
}

/// Four hundred days.
fn days() -> PartitionsDef {
    PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2024-02-05").unwrap())
}

fn offset(start: i64, end: i64) -> Mapping {
    Mapping::Offset { start, end }
}

fn by<const N: usize>(dimensions: [(&str, Mapping); N]) -> Mapping {
    Mapping::Dimensions(dimensions.map(|(name, mapping)| (name.to_owned(), mapping)).into())
}

/// An asset with an earlier partition of itself for each of these mappings.
fn summed<const N: usize>(def: PartitionsDef, mappings: [Mapping; N]) -> AssetSpec {
    let mut asset = AssetBuilder::new("sum", ValueKind::Object).io_manager("memory").partitions(def);
    for (number, mapping) in mappings.into_iter().enumerate() {
        asset = asset.input(Input::previous("sum").named(format!("before_{number}")).mapping(mapping));
    }
    asset.body(|call| async move { call.produce_object(1) }).unwrap()
}

#[test]
fn an_earlier_partition_goes_back_in_one_dimension() {
    let root = tempdir().unwrap();
    let spans = || PartitionsDef::multi("Span", [("from", days()), ("to", days())]).unwrap();
    let right = [
        summed(days(), [offset(-1, -1), offset(-7, -2)]),
        summed(spans(), [by([("to", offset(-1, -1)), ("from", Mapping::All)]), by([("to", offset(-2, -2))])]),
    ];
    for asset in right {
        lakehouse(&root, [asset]).build().unwrap();
    }
    let nowhere = "its mapping goes back in no dimension of time";
    let wrong = [
        (summed(days(), [offset(0, 0)]), nowhere),
        (summed(days(), [offset(-1, 0)]), nowhere),
        (summed(days(), [Mapping::Overlap]), nowhere),
        (summed(days(), [Mapping::All]), nowhere),
        (summed(spans(), [by([("from", Mapping::Identity)])]), nowhere),
        (summed(spans(), [by([("from", offset(-1, -1)), ("to", offset(-1, -1))])]), "goes back in `from` and in `to`"),
        (
            summed(spans(), [by([("from", offset(-1, -1))]), by([("to", offset(-1, -1))])]),
            "in `to`, and another input is one in `from`",
        ),
    ];
    for (asset, says) in wrong {
        let error = lakehouse(&root, [asset]).build().unwrap_err();
        assert_eq!((error.errors().len(), error.errors()[0].kind()), (1, ErrorKind::Partitions), "{error}");
        let said = error.to_string();
        assert!(said.contains(says) && said.contains("input `before_"), "{said}");
    }
}

/// The calls of bodies in the order in which they began, and the one that fails.
#[derive(Clone, Default)]
struct Calls {
    made: Arc<Mutex<Vec<String>>>,
    failing: Arc<Mutex<Option<String>>>,
}

impl Calls {
    /// What was made since this was last asked.
    fn made(&self) -> Vec<String> {
        std::mem::take(&mut self.made.lock().unwrap())
    }

    fn asset(&self, name: &str, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
        let (calls, asset) = (self.clone(), name.to_owned());
        let body = move |call: lakewright::Call| {
            let key = call.partition_key().map(|key| format!(" {key}")).unwrap_or_default();
            let made = format!("{asset}{key}");
            let fails = calls.failing.lock().unwrap().as_ref() == Some(&made);
            calls.made.lock().unwrap().push(made);
            async move {
                let broken = || lakewright::Error::new(ErrorKind::Body, "it was to fail");
                if fails { Err(broken()) } else { call.produce_object(1) }
            }
        };
        with(AssetBuilder::new(name, ValueKind::Object).io_manager("memory")).body(body).unwrap()
    }

    /// The sales of each day, all that were up to it, and what is made in turn from all of those.
    fn chained(&self) -> [AssetSpec; 3] {
        let chain = |asset: AssetBuilder, name: &str, upstream: &str| {
            asset.partitions(days()).input(upstream).input(Input::previous(name).named("before"))
        };
        [
            self.asset("sales", |asset| asset.partitions(days())),
            self.asset("so_far", |asset| chain(asset, "so_far", "sales")),
            self.asset("mean", |asset| chain(asset, "mean", "so_far")),
        ]
    }
}

fn why(decision: &StepDecision) -> &[StepReason] {
    let StepDecision::WillRun { reasons } = decision else { panic!("{decision:?}") };
    reasons
}

#[test]
fn what_one_chain_after_another_waits_for_grows_with_their_length_and_not_faster() {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, Calls::default().chained()).build().unwrap();
    let plan = lakehouse.plan_for("*", &PartitionChoice::all()).unwrap();
    assert_eq!(plan.steps.len(), 1 + 400 + 400);
    let edges: usize = plan.steps.iter().map(|step| step.after.len()).sum();
    assert!(edges < 2 * plan.steps.len(), "{edges} edges");
    assert_eq!((&plan.steps[1].after[..], &plan.steps[2].after[..]), (&[0][..], &[1][..]));
    assert_eq!((&plan.steps[401].after[..], &plan.steps[402].after[..]), (&[400][..], &[401][..]));

    let decisions = block_on(lakehouse.explain(&plan)).unwrap();
    let runs = |asset: &str| StepReason::UpstreamRuns { asset: key(asset) };
    assert_eq!(why(&decisions[0].1), [StepReason::Missing]);
    assert_eq!(why(&decisions[1].1), [StepReason::Missing, runs("sales")]);
    assert_eq!(why(&decisions[400].1), [StepReason::Missing, runs("sales"), runs("so_far")]);
    assert_eq!(why(&decisions[401].1), [StepReason::Missing, runs("so_far")]);
    assert_eq!(why(&decisions[800].1), [StepReason::Missing, runs("mean"), runs("so_far")]);
}

#[test]
fn what_follows_a_failure_in_the_middle_of_a_chain_is_left_out_and_made_when_it_is_mended() {
    let (root, calls) = (tempdir().unwrap(), Calls::default());
    let lakehouse = lakehouse(&root, calls.chained()).build().unwrap();
    *calls.failing.lock().unwrap() = Some("so_far 2023-01-03".to_owned());
    let five = PartitionChoice::none().range("2023-01-01", "2023-01-05");
    let report = lakehouse.materialize_for_blocking("*", &five).unwrap();
    assert_eq!(report.steps.len(), 11);
    for (number, step) in report.steps.iter().enumerate() {
        match (number, &step.outcome) {
            (0..=2, StepOutcome::Succeeded(_)) | (3, StepOutcome::Failed(_)) => {}
            (4.., StepOutcome::Skipped(SkipReason::UpstreamFailed { asset })) => assert_eq!(*asset, key("so_far")),
            (_, outcome) => panic!("step {number}: {outcome:?}"),
        }
    }
    assert_eq!(calls.made().len(), 5 + 3);
    *calls.failing.lock().unwrap() = None;
    assert!(block_on(lakehouse.retry_failed(&report.run, Interrupt::new())).unwrap().is_success());
    let days = |asset: &str, first: usize| (first..=5).map(|day| format!("{asset} 2023-01-0{day}")).collect::<Vec<_>>();
    assert_eq!(calls.made(), [days("so_far", 3), days("mean", 1)].concat());
}

#[test]
fn why_a_step_runs_is_told_also_where_its_mapping_names_what_the_run_does_not_make() {
    let (root, calls) = (tempdir().unwrap(), Calls::default());
    let third = Input::of("sales").mapping(Mapping::Keys(vec!["2023-01-03".to_owned()]));
    let [sales, ..] = calls.chained();
    let lakehouse = lakehouse(&root, [sales, calls.asset("report", |asset| asset.input(third))]).build().unwrap();
    let reasons = |day: &str| {
        let plan = lakehouse.plan_for("*", &PartitionChoice::none().key(day)).unwrap();
        why(&block_on(lakehouse.explain(&plan)).unwrap()[1].1).to_vec()
    };
    assert_eq!(reasons("2023-01-01"), [StepReason::Missing]);
    assert_eq!(reasons("2023-01-03"), [StepReason::Missing, StepReason::UpstreamRuns { asset: key("sales") }]);
}
