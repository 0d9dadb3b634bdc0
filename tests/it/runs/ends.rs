//! Runs that end before they are done, and go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use lakewright::event::{EventKind, RunStatus, SkipReason};
use lakewright::exec::{Interrupt, Plan, StepOutcome};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::prelude::*;
use lakewright::state::{Holder, MemoryState, NewRun, Referee, RunQuery, RunState, State};
use lakewright::{Call, Error, ErrorKind, RunOptions};
use tokio::sync::Notify;

use super::{asset, lakehouse, log};
use crate::support::{Heard, block_on, key, run_all};

/// An asset whose body says that it has begun and never ends by itself.
fn endless(name: &str, begun: &Arc<Notify>) -> lakewright::AssetSpec {
    let begun = Arc::clone(begun);
    let body = move |_: Call| {
        let begun = Arc::clone(&begun);
        async move {
            begun.notify_one();
            std::future::pending::<()>().await;
            unreachable!()
        }
    };
    asset(name).body(body).unwrap()
}

#[test]
fn a_cancelled_run_drops_async_bodies_and_can_be_resumed() {
    let (begun, log) = (Arc::new(Notify::new()), log());
    let built = lakehouse(&log, [endless("a", &begun)]).build().unwrap();
    let heard = block_on(async {
        let interrupt = Interrupt::new();
        let (canceler, waits) = (interrupt.clone(), Arc::clone(&begun));
        let run = built.run(built.plan("*").unwrap(), interrupt);
        let (report, ()) = tokio::join!(run, async move {
            waits.notified().await;
            canceler.cancel();
        });
        report.unwrap()
    });
    assert_eq!(heard.status, RunStatus::Canceled);
    assert_eq!(heard.steps[0].outcome, StepOutcome::Skipped(SkipReason::Interrupted));
    assert_eq!(built.run_record(&heard.run).unwrap().unwrap().1, RunState::Canceled);
    // Nothing of it is taken for failed.
    assert_eq!(log.partition_status(&key("a")).unwrap(), []);

    let mended = asset("a").body(|call| async move { call.produce_object(1) }).unwrap();
    let mended = lakehouse(&log, [mended]).build().unwrap();
    let resumed = block_on(mended.resume(&heard.run, Interrupt::new())).unwrap();
    assert!(resumed.is_success());
    assert_eq!(resumed.run, heard.run);
    let stored: Vec<_> = resumed.materializations().map(|stored| (stored.attempt, stored.commit.number)).collect();
    assert_eq!(stored, [(2, 1)], "another attempt under the same number");
}

#[test]
fn a_run_hears_from_the_log_that_it_is_to_stop() {
    let (begun, log) = (Arc::new(Notify::new()), log());
    let built = lakehouse(&log, [endless("a", &begun)]).build().unwrap();
    let other = lakehouse(&log, [endless("a", &begun)]).build().unwrap();
    let report = block_on(async {
        let plan = built.plan("*").unwrap();
        let run = built.run_with(plan, RunOptions::new().id("mine"));
        let (report, canceled) = tokio::join!(run, async {
            begun.notified().await;
            other.cancel_run("mine").unwrap()
        });
        assert!(canceled);
        report.unwrap()
    });
    assert_eq!(report.status, RunStatus::Canceled);
    assert!(!other.cancel_run("mine").unwrap(), "it has ended");
    assert_eq!(other.cancel_run("yours").unwrap_err().kind(), ErrorKind::Selection);
}

#[test]
fn a_blocking_body_is_waited_for_when_its_run_is_cancelled() {
    let done = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(Notify::new());
    let (sees, says) = (Arc::clone(&done), Arc::clone(&begun));
    let body = move |call: Call| {
        let (done, begun) = (Arc::clone(&sees), Arc::clone(&says));
        call.blocking(move |call| {
            begun.notify_one();
            while !call.context().is_canceled() {
                std::thread::yield_now();
            }
            done.store(true, Ordering::SeqCst);
            call.produce_object(1)
        })
    };
    let built = lakehouse(&log(), [asset("a").body(body).unwrap()]).build().unwrap();
    block_on(async {
        let interrupt = Interrupt::new();
        let canceler = interrupt.clone();
        let (report, ()) = tokio::join!(built.run(built.plan("*").unwrap(), interrupt), async {
            begun.notified().await;
            canceler.cancel();
        });
        assert_eq!(report.unwrap().status, RunStatus::Canceled);
    });
    assert!(done.load(Ordering::SeqCst));
    assert!(block_on(built.load(&key("a"))).unwrap().is_none(), "what it gave is not stored");
}

#[test]
fn what_comes_after_a_blocking_part_of_a_cancelled_body_does_not_begin() {
    let (begun, went_on) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (says, goes_on) = (Arc::clone(&begun), Arc::clone(&went_on));
    let body = move |call: Call| {
        let (begun, went_on) = (Arc::clone(&says), Arc::clone(&goes_on));
        async move {
            // As the inputs of an async function are loaded.
            let loaded = call.blocking(move |call| {
                begun.notify_one();
                while !call.context().is_canceled() {
                    std::thread::yield_now();
                }
                Ok(call)
            });
            let call = loaded.await?;
            went_on.store(true, Ordering::SeqCst);
            call.produce_object(1)
        }
    };
    let built = lakehouse(&log(), [asset("a").body(body).unwrap()]).build().unwrap();
    block_on(async {
        let interrupt = Interrupt::new();
        let canceler = interrupt.clone();
        let (report, ()) = tokio::join!(built.run(built.plan("*").unwrap(), interrupt), async {
            begun.notified().await;
            canceler.cancel();
        });
        assert_eq!(report.unwrap().status, RunStatus::Canceled);
    });
    assert!(!went_on.load(Ordering::SeqCst));
}

/// Waits until a run does not go on any more; how it ended.
async fn end_of(lakehouse: &Lakehouse, run: &str) -> RunState {
    loop {
        match lakehouse.run_record(run).unwrap().unwrap().1 {
            RunState::Running => tokio::task::yield_now().await,
            ended => return ended,
        }
    }
}

#[test]
fn a_run_that_nobody_waits_for_any_more_is_cancelled_and_in_nobodys_way() {
    let (begun, log) = (Arc::new(Notify::new()), log());
    let built = lakehouse(&log, [endless("a", &begun)]).build().unwrap();
    let quick = asset("a").body(|call| async move { call.produce_object(1) }).unwrap();
    let mended = lakehouse(&log, [quick]).build().unwrap();
    // It may be for other runs too, which go on.
    let interrupt = Interrupt::new();
    block_on(async {
        let options = RunOptions::new().id("left").interrupt(interrupt.clone());
        tokio::select! {
            report = built.run_with(built.plan("*").unwrap(), options) => panic!("it is endless: {report:?}"),
            () = begun.notified() => {}
        }
        assert_eq!(end_of(&built, "left").await, RunState::Canceled);
        assert!(mended.materialize("a").await.unwrap().is_success());
    });
    assert!(!interrupt.is_raised());
    let (record, _) = built.run_record("left").unwrap().unwrap();
    assert_eq!((record.failed, record.skipped), (0, 1), "what was cut off is not taken for failed");
}

#[test]
fn a_blocking_body_of_a_run_that_nobody_waits_for_hears_of_it_and_nobody_makes_the_same_before_it_ends() {
    let (begun, heard, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(AtomicBool::new(true)));
    let log = log();
    let (says, tells, waits) = (Arc::clone(&begun), Arc::clone(&heard), Arc::clone(&goes_on));
    let body = move |call: Call| {
        let (begun, heard, goes_on) = (Arc::clone(&says), Arc::clone(&tells), Arc::clone(&waits));
        call.blocking(move |call| {
            begun.notify_one();
            while goes_on.load(Ordering::SeqCst) {
                if call.context().is_canceled() {
                    heard.notify_one();
                }
                std::thread::yield_now();
            }
            call.produce_object(1)
        })
    };
    let built = lakehouse(&log, [asset("a").body(body).unwrap()]).build().unwrap();
    let quick = asset("a").body(|call| async move { call.produce_object(2) }).unwrap();
    let other = lakehouse(&log, [quick]).build().unwrap();
    block_on(async {
        let options = RunOptions::new().id("left");
        tokio::select! {
            report = built.run_with(built.plan("*").unwrap(), options) => panic!("it goes on: {report:?}"),
            () = begun.notified() => {}
        }
        let state = tokio::select! {
            () = heard.notified() => RunState::Running,
            ended = end_of(&built, "left") => ended,
        };
        let refused = other.materialize("a").await.err().map(|error| error.kind());
        goes_on.store(false, Ordering::SeqCst);
        assert_eq!((state, refused), (RunState::Running, Some(ErrorKind::Busy)));
        assert_eq!(end_of(&built, "left").await, RunState::Canceled);
        assert!(built.load(&key("a")).await.unwrap().is_none(), "what it gave is not stored");
        assert!(other.materialize("a").await.unwrap().is_success());
    });
}

#[test]
fn failed_steps_are_tried_again_and_those_that_are_done_are_not() {
    let calls = Arc::new(AtomicU32::new(0));
    let broken = Arc::new(AtomicBool::new(true));
    let counted = Arc::clone(&calls);
    let first = asset("first").body(move |call| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move { call.produce_object(1) }
    });
    let breaks = Arc::clone(&broken);
    let second = asset("second").input("first").body(move |call: Call| {
        let broken = breaks.load(Ordering::SeqCst);
        async move { if broken { Err(Error::new(ErrorKind::Body, "broken")) } else { call.produce_object(2) } }
    });
    let third = asset("third").input("second").body(|call| async move { call.produce_object(3) });
    let heard = Heard::default();
    let log = log();
    let builder = lakehouse(&log, [first.unwrap(), second.unwrap(), third.unwrap()]);
    let built = heard.listen(builder).build().unwrap();
    let failed = built.materialize_blocking("*").unwrap();
    assert_eq!(failed.status, RunStatus::Failed);
    let (record, state) = built.run_record(&failed.run).unwrap().unwrap();
    assert_eq!((state, record.succeeded, record.failed, record.skipped), (RunState::Failed, 1, 1, 1));
    let refused = block_on(built.resume(&failed.run, Interrupt::new())).unwrap_err();
    assert!(refused.help_text().unwrap().contains("--failed"), "{refused:?}");

    broken.store(false, Ordering::SeqCst);
    let retried = block_on(built.retry_failed(&failed.run, Interrupt::new())).unwrap();
    assert!(retried.is_success(), "{retried:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1, "what is done is not done again");
    assert_eq!(retried.materializations().count(), 3, "the report is about all of the run");
    assert!(heard.kinds().iter().any(|kind| matches!(kind, EventKind::RunResumed { steps } if *steps == [1, 2])));
    let (record, state) = built.run_record(&failed.run).unwrap().unwrap();
    assert_eq!((state, record.succeeded, record.failed, record.skipped), (RunState::Succeeded, 3, 0, 0));
    let again = block_on(built.retry_failed(&failed.run, Interrupt::new())).unwrap_err();
    assert!(again.message().contains("has succeeded"), "{again:?}");
}

#[test]
fn a_run_that_makes_what_another_is_making_is_refused_and_told_by_whom() {
    let (begun, log) = (Arc::new(Notify::new()), log());
    let one = lakehouse(&log, [endless("a", &begun)]).build().unwrap();
    let quick = |name| asset(name).body(|call| async move { call.produce_object(1) }).unwrap();
    let other = lakehouse(&log, [quick("a"), quick("b")]).build().unwrap();
    block_on(async {
        let interrupt = Interrupt::new();
        let options = RunOptions::new().id("first").interrupt(interrupt.clone());
        let (report, ()) = tokio::join!(one.run_with(one.plan("*").unwrap(), options), async {
            begun.notified().await;
            let error = other.materialize("*").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy);
            assert!(error.message().contains("`a` is being made by run `first`"), "{error:?}");
            assert!(format!("{error:?}").contains(&format!("process {}", std::process::id())), "{error:?}");
            // What the other does not make may be made meanwhile.
            assert!(other.materialize("b").await.unwrap().is_success());
            interrupt.cancel();
        });
        assert_eq!(report.unwrap().status, RunStatus::Canceled);
    });
    run_all(&other);
    assert_eq!(other.runs(&RunQuery::newest(10)).unwrap().len(), 3, "a run that was refused is none");
}

/// Takes nobody for alive.
struct Nobody;

impl Referee for Nobody {
    fn alive(&self, _: &Holder, _: Timestamp) -> bool {
        false
    }

    fn overlap(&self, _: &AssetKey, _: &[&lakewright::Slice], _: &[&lakewright::Slice]) -> bool {
        true
    }
}

/// The run `gone` of a plan, which another process began.
fn begun_by(holder: &Holder, at: Timestamp, log: &MemoryState, plan: &Plan) {
    let fingerprint = plan.steps[0].fingerprint.as_str();
    let about = lakewright::event::RunAbout::default();
    let new = NewRun { run: "gone", at, holder, steps: plan.summary(), fingerprint, plan_at: plan.at, about };
    log.begin(&new, &Nobody).unwrap();
}

#[test]
fn a_run_that_was_heard_of_far_from_now_is_lost_whichever_clock_is_wrong() {
    // On a machine of which nobody here knows whether it is still there.
    let holder = Holder { host: "elsewhere".into(), boot: "elsewhere".into(), ..Holder::here(1) };
    for (seconds, is_lost) in [(-86_400, true), (-20, false), (20, false), (86_400, true)] {
        let log = log();
        let quick = asset("a").body(|call| async move { call.produce_object(1) }).unwrap();
        let built = lakehouse(&log, [quick]).build().unwrap();
        let plan = built.plan("*").unwrap();
        begun_by(&holder, Timestamp::now() + SignedDuration::from_secs(seconds), &log, &plan);
        let made = built.materialize_blocking("*").map(|report| report.is_success());
        let (record, state) = built.run_record("gone").unwrap().unwrap();
        if is_lost {
            assert!(made.unwrap() && record.finished.is_some(), "{seconds}: {record:?}");
        } else {
            assert_eq!((made.unwrap_err().kind(), state), (ErrorKind::Busy, RunState::Running), "{seconds}");
        }
    }
}

#[test]
fn a_run_whose_process_is_gone_is_interrupted_and_in_nobodys_way() {
    let log = log();
    let quick = asset("a").body(|call| async move { call.produce_object(1) }).unwrap();
    let built = lakehouse(&log, [quick]).build().unwrap();
    let plan = built.plan("*").unwrap();
    // A process that is certainly not there any more.
    let holder = Holder { pid: u32::MAX, ..Holder::here(1) };
    begun_by(&holder, Timestamp::now(), &log, &plan);
    assert_eq!(built.run_record("gone").unwrap().unwrap().1, RunState::Interrupted);

    run_all(&built);
    let (record, _) = built.run_record("gone").unwrap().unwrap();
    assert_eq!(record.recorded, RunState::Interrupted, "the next run has written it down");
    // Its number is older than that of the run that has taken its place.
    let resumed = block_on(built.resume("gone", Interrupt::new())).unwrap();
    assert!(resumed.is_success());
    assert_eq!(resumed.steps[0].outcome, StepOutcome::Skipped(SkipReason::Superseded));
}
