//! Steps that fail and are tried again, and steps that take too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use lakewright::event::EventKind;
use lakewright::exec::Interrupt;
use lakewright::{AssetBuilder, AssetSpec, Call, Error, ErrorKind};

use super::{asset, lakehouse, log};
use crate::support::{Heard, block_on, run_all, run_to_failure};

/// An asset whose first `failures` attempts fail.
fn failing(
    builder: AssetBuilder,
    failures: u32,
    error: impl Fn() -> Error + Clone + Send + Sync + 'static,
) -> (AssetSpec, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let body = move |call: Call| {
        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
        let error = error.clone();
        async move { if number <= failures { Err(error()) } else { call.produce_object(call.context().attempt()) } }
    };
    (builder.body(body).unwrap(), calls)
}

fn passing() -> Error {
    Error::new(ErrorKind::Io, "the line is down").retryable()
}

#[test]
fn an_error_that_may_pass_is_tried_again_and_every_attempt_is_told() {
    let (spec, calls) = failing(asset("a").retries(2), 2, passing);
    let heard = Heard::default();
    run_all(&heard.listen(lakehouse(&log(), [spec])).build().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    let mut told = Vec::new();
    for kind in heard.kinds() {
        match kind {
            EventKind::StepStarted { attempt, .. } => told.push(format!("attempt {attempt}")),
            EventKind::StepRetrying { attempt, failure, .. } => told.push(format!("{attempt} failed: {}", failure.message)),
            EventKind::Materialized { materialization, .. } => told.push(format!("stored by {}", materialization.attempt)),
            _ => {}
        }
    }
    let expected =
        ["attempt 1", "1 failed: the line is down", "attempt 2", "2 failed: the line is down", "attempt 3", "stored by 3"];
    assert_eq!(told, expected);
}

#[test]
fn the_retries_of_the_lakehouse_are_for_assets_that_do_not_say() {
    let (quiet, quiet_calls) = failing(asset("quiet"), 9, passing);
    let (none, none_calls) = failing(asset("none").retries(0), 9, passing);
    let built = lakehouse(&log(), [quiet, none]).retries(1).build().unwrap();
    let report = built.materialize_blocking("*").unwrap();
    assert_eq!(report.failures().count(), 2);
    assert_eq!((quiet_calls.load(Ordering::SeqCst), none_calls.load(Ordering::SeqCst)), (2, 1));
}

#[test]
fn a_run_that_goes_on_has_all_of_its_retries_again() {
    let (spec, calls) = failing(asset("a").retries(1), 3, passing);
    let built = lakehouse(&log(), [spec]).build().unwrap();
    let failed = built.materialize_blocking("*").unwrap();
    assert_eq!((failed.failures().count(), calls.load(Ordering::SeqCst)), (1, 2));
    let retried = block_on(built.retry_failed(&failed.run, Interrupt::new())).unwrap();
    assert!(retried.is_success(), "{retried:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    let attempts: Vec<u32> = retried.materializations().map(|stored| stored.attempt).collect();
    assert_eq!(attempts, [4], "they are counted on");
}

#[test]
fn an_error_that_stays_is_not_tried_again_unless_the_asset_says_so() {
    let wrong = || Error::new(ErrorKind::Body, "wrong");
    let (stays, calls) = failing(asset("a").retries(5), 1, wrong);
    assert_eq!(run_to_failure(&lakehouse(&log(), [stays]).build().unwrap()).message, "wrong");
    assert_eq!(calls.load(Ordering::SeqCst), 1);

    let (any, calls) = failing(asset("a").retries(5).retry_any(), 1, wrong);
    run_all(&lakehouse(&log(), [any]).build().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn an_async_body_is_dropped_when_its_time_is_over_and_its_asset_named() {
    let body = |_: Call| async {
        std::future::pending::<()>().await;
        unreachable!()
    };
    let spec = asset("slow").timeout(Duration::from_millis(20)).body(body).unwrap();
    let failure = run_to_failure(&lakehouse(&log(), [spec]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Timeout.code());
    assert!(failure.message.contains("`slow` took longer than 20"), "{}", failure.message);
    assert!(failure.retryable);
}

#[test]
fn a_blocking_body_is_waited_for_before_the_next_attempt() {
    let (busy, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (inside, counted) = (Arc::clone(&busy), Arc::clone(&calls));
    let body = move |call: Call| {
        let (busy, calls) = (Arc::clone(&inside), Arc::clone(&counted));
        call.blocking(move |call| {
            assert!(!busy.swap(true, Ordering::SeqCst), "the attempt before is still at work");
            if calls.fetch_add(1, Ordering::SeqCst) == 0 {
                while !call.context().is_canceled() {
                    std::thread::yield_now();
                }
            }
            busy.store(false, Ordering::SeqCst);
            call.produce_object(1)
        })
    };
    let spec = asset("slow").timeout(Duration::from_millis(50)).retries(1).body(body).unwrap();
    run_all(&lakehouse(&log(), [spec]).build().unwrap());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
