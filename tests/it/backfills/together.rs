//! Backfills that fail, end early, go on, and meet others.

use lakewright::state::{RunQuery, RunState};
use tokio::sync::Notify;

use super::*;
use crate::support::key;

/// A gate that a body waits at, once it has said that it is there.
#[derive(Clone, Default)]
struct Gate {
    reached: Arc<Notify>,
    open: Arc<Notify>,
}

/// An asset whose partition of this key waits at the gate.
fn gated(calls: &Calls, gate: &Gate, waits: &'static str) -> AssetSpec {
    let (calls, gate) = (calls.clone(), gate.clone());
    let body = move |call: lakewright::Call| {
        let (calls, gate) = (calls.clone(), gate.clone());
        async move {
            let partition = call.partition_key()?.to_string();
            calls.make(&partition)?;
            if partition == waits {
                gate.reached.notify_one();
                gate.open.notified().await;
            }
            call.produce_object(1)
        }
    };
    AssetBuilder::new("day", ValueKind::Object).io_manager("memory").partitions(windows(Every::Day)).body(body).unwrap()
}

#[test]
fn what_failed_is_tried_again_alone_with_what_waited_for_it() {
    let (log, calls) = (log(), Calls::default());
    let assets = [
        calls.asset("day", |asset| asset.partitions(windows(Every::Day))),
        calls.asset("month", |asset| asset.partitions(windows(Every::Month(1))).input(all_of("day"))),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-02-28"), &BackfillOptions::new().parallel(4)).unwrap();
    calls.fail("day 2023-01-17", 1);
    let status = start(&lakehouse, &backfill);
    let counts = status.counts();
    assert_eq!((counts.done, counts.failed, counts.waiting, counts.total), (59, 1, 1, 61));
    let days = lakehouse.backfill_partitions(&status, &key("day")).unwrap();
    let failed: Vec<_> = days.iter().filter(|(_, outcome)| *outcome == BackfillOutcome::Failed).collect();
    assert_eq!(failed.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>(), ["2023-01-17"]);
    let before = calls.made().len();
    assert_eq!(before, 60, "January is not made from what is not there");
    let status = block_on(lakehouse.retry_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(status.is_success());
    assert_eq!(calls.made()[before..], ["day 2023-01-17", "month 2023-01-01"]);
}

#[test]
fn a_backfill_that_is_interrupted_goes_on_where_it_was() {
    let (log, calls, gate) = (log(), Calls::default(), Gate::default());
    let built = lakehouse(&log, [gated(&calls, &gate, "2023-01-02")]).build().unwrap();
    let backfill = built.plan_backfill("*", &days("2023-01-01", "2023-01-04"), &BackfillOptions::new()).unwrap();
    let status = block_on(async {
        let interrupt = Interrupt::new();
        let canceler = interrupt.clone();
        let (status, ()) = tokio::join!(built.start_backfill(&backfill, interrupt), async {
            gate.reached.notified().await;
            canceler.cancel();
        });
        status.unwrap()
    });
    use BackfillOutcome::{Done, Interrupted, Waiting};
    assert_eq!(outcomes(&status), [Done, Interrupted, Waiting, Waiting]);
    gate.open.notify_one();
    let status = block_on(built.resume_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(status.is_success());
    assert_eq!(calls.made(), ["2023-01-01", "2023-01-02", "2023-01-02", "2023-01-03", "2023-01-04"]);
}

#[test]
fn a_backfill_is_cancelled_from_elsewhere_and_resumed() {
    let (log, calls, gate) = (log(), Calls::default(), Gate::default());
    let built = || lakehouse(&log, [gated(&calls, &gate, "2023-01-02")]).build().unwrap();
    let (here, elsewhere) = (built(), built());
    let backfill = here.plan_backfill("*", &days("2023-01-01", "2023-01-04"), &BackfillOptions::new()).unwrap();
    let status = block_on(async {
        let (status, ()) = tokio::join!(here.start_backfill(&backfill, Interrupt::new()), async {
            gate.reached.notified().await;
            assert_eq!(elsewhere.backfill_status(&backfill.id).unwrap().counts().running, 1);
            assert!(elsewhere.cancel_backfill(&backfill.id).unwrap());
        });
        status.unwrap()
    });
    use BackfillOutcome::{Done, Interrupted, Waiting};
    assert_eq!(outcomes(&status), [Done, Interrupted, Waiting, Waiting]);
    assert!(status.backfill.canceled);
    assert_eq!(here.run_record(&backfill.run_id(2)).unwrap().unwrap().1, RunState::Canceled);
    gate.open.notify_one();
    let status = block_on(elsewhere.resume_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(status.is_success() && !status.backfill.canceled);
    assert_eq!(calls.made(), ["2023-01-01", "2023-01-02", "2023-01-02", "2023-01-03", "2023-01-04"]);
}

#[test]
fn a_run_waits_while_another_makes_the_same_partition() {
    let (log, calls, gate) = (log(), Calls::default(), Gate::default());
    let built = lakehouse(&log, [gated(&calls, &gate, "2023-01-02")]).build().unwrap();
    let backfill = built.plan_backfill("*", &days("2023-01-01", "2023-01-03"), &BackfillOptions::new().parallel(2)).unwrap();
    let status = block_on(async {
        let choice = PartitionChoice::none().key("2023-01-02");
        let (alone, status) = tokio::join!(built.materialize_for("day", &choice), async {
            gate.reached.notified().await;
            let (status, ()) = tokio::join!(built.start_backfill(&backfill, Interrupt::new()), async {
                // The others are made meanwhile; then the one that is in the way ends, and later the one that waited for it.
                while calls.made().len() < 3 {
                    tokio::task::yield_now().await;
                }
                gate.open.notify_one();
                gate.reached.notified().await;
                gate.open.notify_one();
            });
            status.unwrap()
        });
        assert!(alone.unwrap().is_success());
        status
    });
    assert!(status.is_success(), "{:?}", outcomes(&status));
    assert_eq!(calls.made().iter().filter(|made| *made == "2023-01-02").count(), 2);
    assert_eq!(built.runs(&RunQuery::newest(10)).unwrap().len(), 4);
}
