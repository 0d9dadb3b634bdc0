//! How steps run: side by side, off the async threads, and without taking each other down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};

use lakewright::event::{EventKind, RunStatus, SkipReason};
use lakewright::exec::{Interrupt, StepOutcome};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, ErrorKind, Lakehouse, Produced, Result};
use tempfile::tempdir;

use crate::support::{Heard, abc, block_on, frame_asset, frame_builder, integers, key, lakehouse, run_all, run_to_failure};

/// An asset in memory that is made from others and runs a blocking body.
fn step(name: &str, upstream: &[&str], body: impl Fn() -> Result<i64> + Clone + Send + Sync + 'static) -> AssetSpec {
    let builder =
        upstream.iter().fold(AssetBuilder::new(name, ValueKind::Object).io_manager("memory"), |asset, up| asset.input(*up));
    let run = move |call: Call| {
        let body = body.clone();
        call.blocking(move |call| call.produce_object(body()?))
    };
    builder.body(run).unwrap()
}

fn failing() -> Result<i64> {
    Err(lakewright::Error::new(ErrorKind::Body, "as asked"))
}

fn outcomes(report: &lakewright::exec::RunReport) -> Vec<(String, &'static str)> {
    let word = |outcome: &StepOutcome| match outcome {
        StepOutcome::Succeeded(_) => "ok",
        StepOutcome::Failed(_) => "failed",
        StepOutcome::Skipped(_) => "skipped",
        _ => "?",
    };
    let mut all: Vec<_> = report.steps.iter().map(|step| (step.assets[0].to_string(), word(&step.outcome))).collect();
    all.sort();
    all
}

#[test]
fn independent_assets_run_side_by_side() {
    let root = tempdir().unwrap();
    // Neither gets past the barrier before both have begun.
    let barrier = Arc::new(Barrier::new(2));
    let meet = || {
        let barrier = Arc::clone(&barrier);
        move || {
            barrier.wait();
            Ok(1)
        }
    };
    run_all(&lakehouse(&root, [step("a", &[], meet()), step("b", &[], meet())]).parallelism(2).build().unwrap());
}

#[test]
fn no_more_steps_run_at_once_than_asked() {
    let root = tempdir().unwrap();
    let busy = Arc::new(AtomicBool::new(false));
    let alone = || {
        let busy = Arc::clone(&busy);
        move || {
            assert!(!busy.swap(true, Ordering::SeqCst), "another step is running");
            std::thread::yield_now();
            busy.store(false, Ordering::SeqCst);
            Ok(1)
        }
    };
    let assets: Vec<_> = (0..20).map(|number| step(&format!("a{number}"), &[], alone())).collect();
    run_all(&lakehouse(&root, assets).parallelism(1).build().unwrap());
}

#[test]
fn blocking_bodies_do_not_block_the_async_runtime() {
    let root = tempdir().unwrap();
    let (free, blocked) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (inside, begun) = (Arc::clone(&free), Arc::clone(&blocked));
    let stuck = step("stuck", &[], move || {
        begun.wait();
        inside.wait();
        Ok(1)
    });
    let lakehouse = lakehouse(&root, [stuck]).build().unwrap();
    // One async thread: it would never get to the release if the body sat on it.
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let run = tokio::spawn(async move { lakehouse.materialize("*").await.unwrap() });
        tokio::task::spawn_blocking(move || blocked.wait()).await.unwrap();
        tokio::task::spawn_blocking(move || free.wait()).await.unwrap();
        assert!(run.await.unwrap().is_success());
    });
}

#[test]
fn a_failed_step_skips_its_descendants_and_nothing_else() {
    let root = tempdir().unwrap();
    let ok = || Ok(1);
    let assets = [
        step("bad", &[], failing),
        step("child", &["bad"], ok),
        step("grandchild", &["child", "fine"], ok),
        step("fine", &[], ok),
        step("other", &["fine"], ok),
    ];
    let heard = Heard::default();
    let lakehouse = heard.listen(lakehouse(&root, assets)).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    let expected = [("bad", "failed"), ("child", "skipped"), ("fine", "ok"), ("grandchild", "skipped"), ("other", "ok")];
    assert_eq!(outcomes(&report), expected.map(|(name, word)| (name.to_owned(), word)));
    assert_eq!(report.status, RunStatus::Failed);
    let reasons = heard.kinds().into_iter().filter_map(|kind| match kind {
        EventKind::StepSkipped { reason, .. } => Some(reason),
        _ => None,
    });
    for reason in reasons {
        assert_eq!(
            reason,
            SkipReason::UpstreamFailed { asset: key("bad") },
            "the one that failed is named, not one that was skipped"
        );
    }
}

#[test]
fn a_panic_is_a_failed_step_sync_and_async() {
    let root = tempdir().unwrap();
    let blocking = step("blocking", &[], || panic!("too large"));
    let asynchronous = AssetBuilder::new("asynchronous", ValueKind::Object)
        .io_manager("memory")
        .body(|_| async { panic!("{}", "too small") })
        .unwrap();
    let lakehouse = lakehouse(&root, [blocking, asynchronous, step("fine", &[], || Ok(1))]).build().unwrap();
    let report = lakehouse.materialize_blocking("*").unwrap();
    let failures: Vec<_> = report.failures().map(|(step, failure)| (step.assets[0].to_string(), failure.clone())).collect();
    assert_eq!(failures.len(), 2);
    for (asset, failure) in failures {
        let wanted = if asset == "blocking" { "panicked: too large" } else { "panicked: too small" };
        assert_eq!((failure.code.as_str(), failure.message.as_str()), (ErrorKind::Panic.code(), wanted));
        assert!(failure.context.iter().any(|(name, value)| name == "at" && value.contains("execution.rs:")), "{failure:?}");
    }
    assert!(block_on(lakehouse.describe(&key("fine"))).unwrap().exists);
}

#[test]
fn an_interrupt_finishes_what_has_begun_and_begins_nothing() {
    let root = tempdir().unwrap();
    let interrupt = Interrupt::new();
    let raise = interrupt.clone();
    let first = step("first", &[], move || {
        raise.raise();
        Ok(1)
    });
    let lakehouse = lakehouse(&root, [first, step("second", &["first"], || Ok(2))]).build().unwrap();
    let report = block_on(lakehouse.run(lakehouse.plan("*").unwrap(), interrupt)).unwrap();
    assert_eq!(report.status, RunStatus::Interrupted);
    assert_eq!(outcomes(&report), [("first".to_owned(), "ok"), ("second".to_owned(), "skipped")]);
    assert_eq!(report.steps[1].outcome, StepOutcome::Skipped(SkipReason::Interrupted));
    assert!(block_on(lakehouse.describe(&key("first"))).unwrap().exists);
    assert!(!block_on(lakehouse.describe(&key("second"))).unwrap().exists);
}

#[test]
fn a_raised_interrupt_does_not_hang_a_run_that_has_not_begun() {
    let root = tempdir().unwrap();
    let interrupt = Interrupt::new();
    interrupt.raise();
    let lakehouse = lakehouse(&root, [step("a", &[], || Ok(1))]).build().unwrap();
    let report = block_on(lakehouse.run(lakehouse.plan("*").unwrap(), interrupt)).unwrap();
    assert_eq!(report.status, RunStatus::Interrupted);
}

#[test]
fn c03_an_optional_output_may_store_nothing_and_keeps_what_is_there() {
    let root = tempdir().unwrap();
    let maybe = |value: Option<DataFrame>| {
        AssetBuilder::new("maybe", ValueKind::Table)
            .optional()
            .body(move |call| {
                let value = value.clone();
                async move { value.map_or_else(|| Ok(Produced::nothing()), |frame| call.produce_frame(frame)) }
            })
            .unwrap()
    };
    let reader = || {
        let builder = AssetBuilder::new("reader", ValueKind::Object).io_manager("memory").optional_input("maybe");
        builder.body(|call| async move { call.produce_object(call.has("maybe")) }).unwrap()
    };
    let saw = |lakehouse: &Lakehouse| match block_on(lakehouse.load(&key("reader"))).unwrap() {
        Some(lakewright::Value::Object(object)) => object.decode::<bool>().unwrap(),
        other => panic!("{other:?}"),
    };
    let heard = Heard::default();
    let nothing = heard.listen(lakehouse(&root, [maybe(None), reader()])).build().unwrap();
    run_all(&nothing);
    assert!(!saw(&nothing));
    assert!(heard.kinds().iter().any(|kind| matches!(kind, EventKind::OutputSkipped { asset, .. } if *asset == key("maybe"))));
    assert!(heard.kinds().iter().any(|kind| matches!(kind, EventKind::InputMissing { asset, .. } if *asset == key("maybe"))));

    let something = lakehouse(&root, [maybe(Some(abc())), reader()]).build().unwrap();
    run_all(&something);
    assert!(saw(&something));
    run_all(&nothing);
    assert!(saw(&nothing), "what was stored is still there");
}

#[test]
fn an_output_that_is_not_optional_may_not_be_nothing() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let nothing = AssetBuilder::new("t", ValueKind::Table).body(|_| async { Ok(Produced::nothing()) }).unwrap();
    let lakehouse = lakehouse(&root, [nothing]).build().unwrap();
    assert!(run_to_failure(&lakehouse).message.contains("`t` produced nothing, and its output is not optional"));
    let kept: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&kept, "a"), [1, 2, 3]);
}

#[test]
fn a_subscriber_that_panics_fails_nothing() {
    let root = tempdir().unwrap();
    let heard = Heard::default();
    let builder = lakehouse(&root, [frame_asset("t", abc())]).subscribe(|_| panic!("as asked"));
    run_all(&heard.listen(builder).build().unwrap());
    assert_eq!(heard.kinds().len(), 5, "the others still hear everything");
}

#[test]
fn a_subscriber_is_told_that_a_run_of_its_own_lakehouse_would_wait_for_it() {
    let root = tempdir().unwrap();
    let quick = |name: &str| step(name, &[], || Ok(1));
    let other = Lakehouse::builder().registry(Registry::from_specs([quick("other")])).build().unwrap();
    let (own, told) = (Arc::new(OnceLock::<Lakehouse>::new()), Arc::new(Mutex::new(Vec::new())));
    let (waits, tells) = (Arc::clone(&own), Arc::clone(&told));
    let builder = lakehouse(&root, [quick("a"), quick("b")]).subscribe(move |event| {
        // This one is told by a thread that may wait, and not by one of the runtime.
        if matches!(event.kind, EventKind::StepSucceeded { .. }) {
            let others = other.materialize_blocking("*").map(|report| report.is_success());
            tells.lock().unwrap().push((others, waits.get().unwrap().materialize_blocking("b").map(drop)));
        }
    });
    let lakehouse = builder.build().unwrap();
    own.set(lakehouse.clone()).unwrap();
    assert!(lakehouse.materialize_blocking("a").unwrap().is_success());
    let told = std::mem::take(&mut *told.lock().unwrap());
    let [(Ok(true), Err(refused))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("a subscriber cannot wait"), "{refused:?}");
    assert!(lakehouse.materialize_blocking("b").unwrap().is_success(), "nothing is left of it");
}

#[test]
fn a_step_may_produce_several_assets() {
    let root = tempdir().unwrap();
    let both = AssetBuilder::new("both", ValueKind::Table)
        .body(|call| async move { Ok(call.produce_frame(abc())?.and(call.produce_frame(abc().head(Some(1)))?)) })
        .unwrap();
    let heard = Heard::default();
    let lakehouse = heard.listen(lakehouse(&root, [both, frame_asset("b", abc())])).build().unwrap();
    let mut plan = lakehouse.plan("both").unwrap();
    plan.steps[0].assets.extend(lakehouse.plan("b").unwrap().steps.remove(0).assets);
    let report = block_on(lakehouse.run(plan, Interrupt::new())).unwrap();
    assert!(report.is_success(), "{report:?}");
    let stored: Vec<_> = report.materializations().map(|stored| (stored.asset.to_string(), stored.rows)).collect();
    assert_eq!(stored, [("both".to_owned(), Some(3)), ("b".to_owned(), Some(1))]);
    assert_eq!(heard.kinds().iter().filter(|kind| matches!(kind, EventKind::Materialized { step: 0, .. })).count(), 2);
}

#[test]
fn of_two_runs_at_once_the_second_is_refused() {
    let root = tempdir().unwrap();
    let (first, second) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (begun, release) = (Arc::clone(&first), Arc::clone(&second));
    let slow_at_first = step("t", &[], move || {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        if call == 0 {
            begun.wait();
            release.wait();
        }
        Ok(i64::try_from(call).unwrap())
    });
    let lakehouse = lakehouse(&root, [slow_at_first]).build().unwrap();
    block_on(async {
        let early = lakehouse.clone();
        let early = tokio::spawn(async move { early.materialize("*").await.unwrap() });
        tokio::task::spawn_blocking(move || first.wait()).await.unwrap();
        assert_eq!(lakehouse.materialize("*").await.unwrap_err().kind(), ErrorKind::Busy);
        tokio::task::spawn_blocking(move || second.wait()).await.unwrap();
        assert!(early.await.unwrap().is_success());
        let Some(lakewright::Value::Object(stored)) = lakehouse.load(&key("t")).await.unwrap() else { panic!("it is stored") };
        assert_eq!(stored.decode::<i64>().unwrap(), 0);
    });
}

#[test]
fn a_check_between_stage_and_commit_keeps_the_old_rows() {
    let root = tempdir().unwrap();
    let checked = |frame: DataFrame| {
        lakehouse(&root, [frame_asset("t", frame)]).before_commit(|pending| match pending.rows() {
            Some(0) => Err(lakewright::Error::new(ErrorKind::Value, format!("`{}` would become empty", pending.asset.key))),
            _ => Ok(()),
        })
    };
    run_all(&checked(abc()).build().unwrap());
    let stored = root.path().join("delta");
    let files = crate::support::files_below(&stored);
    let lakehouse = checked(abc().head(Some(0))).build().unwrap();
    assert_eq!(run_to_failure(&lakehouse).message, "`t` would become empty");
    let kept: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&kept, "a"), [1, 2, 3]);
    assert_eq!(crate::support::files_below(&stored), files, "what was staged is gone");
}

#[test]
fn a_check_that_panics_refuses_what_was_staged() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let stored = root.path().join("delta");
    let files = crate::support::files_below(&stored);
    let strict = lakehouse(&root, [frame_asset("t", abc())]).before_commit(|_| panic!("nothing is good enough"));
    let failure = run_to_failure(&strict.build().unwrap());
    assert_eq!(failure.message, "a check before the commit panicked: nothing is good enough");
    assert!(failure.context.iter().any(|(name, value)| name == "store" && value == "`delta`"), "{failure:?}");
    assert_eq!(crate::support::files_below(&stored), files, "what was staged is gone");
}

#[test]
fn events_are_in_order_and_carry_what_was_materialized() {
    let root = tempdir().unwrap();
    let heard = Heard::default();
    let assets = [frame_builder("t", abc(), |asset| asset.code_version("3")), step("n", &["t"], || Ok(1))];
    let report = run_all(&heard.listen(lakehouse(&root, assets)).build().unwrap());
    let events = heard.events();
    assert!(events.iter().all(|event| event.run == report.run && event.v == 1));
    assert!(events.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    let names: Vec<String> =
        events.iter().map(|event| serde_json::to_value(event).unwrap()["kind"].as_str().unwrap().to_owned()).collect();
    let (first, second) = (["materialized", "step_succeeded"], ["input_handed_over", "materialized", "step_succeeded"]);
    let all = [&["run_started", "step_started"][..], &first, &["step_started"], &second, &["run_finished"]];
    assert_eq!(names, all.concat());
    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.code_version.as_deref(), stored.store.as_str()), (Some(3), Some("3"), "delta"));
    assert_eq!(stored.columns.iter().map(|column| column.data_type.as_str()).collect::<Vec<_>>(), ["long", "long"]);
    assert!(stored.bytes.unwrap() > 0 && stored.location.ends_with("delta/public/t"));
}

#[test]
fn a_missing_upstream_is_named_with_its_location() {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [frame_asset("t", abc()), step("n", &["t"], || Ok(1))]).build().unwrap();
    let report = lakehouse.materialize_blocking("n").unwrap();
    let failure = report.failures().next().unwrap().1;
    assert_eq!((failure.code.as_str(), failure.message.as_str()), (ErrorKind::Missing.code(), "nothing is stored for `t`"));
    assert_eq!(failure.help.as_deref(), Some("materialize it first, or with this asset: `+n`"));
    assert!(failure.context.iter().any(|(name, value)| name == "location" && value.ends_with("delta/public/t")), "{failure:?}");
}

#[test]
fn external_assets_are_read_and_never_materialized() {
    let root = tempdir().unwrap();
    let external = || AssetBuilder::new("theirs", ValueKind::Table).external().unwrap();
    run_all(&lakehouse(&root, [frame_asset("theirs", abc())]).build().unwrap());
    let path = root.path().join("delta/public/theirs");
    let copy = AssetBuilder::new("ours", ValueKind::Table)
        .input("theirs")
        .body(|call| {
            call.blocking(|mut call| {
                let frame: LazyFrame = call.frame("theirs")?;
                call.produce_frame(frame)
            })
        })
        .unwrap();
    let lakehouse = lakehouse(&root, [external(), copy]).build().unwrap();
    let report = run_all(&lakehouse);
    assert_eq!(report.steps.len(), 1, "the external asset is no step");
    assert_eq!(crate::support::open_delta(&path).version(), Some(0));
    let error = lakehouse.materialize_blocking("theirs").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::External);
}

#[test]
fn a_plan_of_other_definitions_is_refused() {
    let root = tempdir().unwrap();
    let one = lakehouse(&root, [step("a", &[], || Ok(1))]).build().unwrap();
    let other = lakehouse(&root, [step("a", &[], || Ok(1)), step("b", &["a"], || Ok(1))]).build().unwrap();
    let plan = serde_json::from_str(&serde_json::to_string(&one.plan("*").unwrap()).unwrap()).unwrap();
    assert_eq!(block_on(other.run(plan, Interrupt::new())).unwrap_err().kind(), ErrorKind::Fingerprint);
    let mut damaged = one.plan("*").unwrap();
    damaged.steps[0].after = vec![7];
    assert_eq!(block_on(one.run(damaged, Interrupt::new())).unwrap_err().kind(), ErrorKind::Fingerprint);
}

#[test]
fn a_selected_step_waits_for_a_selected_ancestor_behind_one_that_is_not() {
    let root = tempdir().unwrap();
    let ok = || Ok(1);
    let lakehouse = lakehouse(&root, [step("a", &[], ok), step("b", &["a"], ok), step("c", &["b"], ok)]).build().unwrap();
    let plan = lakehouse.plan("a or c").unwrap();
    assert_eq!(plan.steps[1].after, [0]);
}
