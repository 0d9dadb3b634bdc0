//! Backfills that fail, end early, go on, and meet others.

use lakewright::event::EventKind;
use lakewright::io::memory::MemoryIoManager;
use lakewright::partition::Mapping;
use lakewright::state::{RunQuery, RunState};
use tokio::sync::Notify;

use super::*;
use crate::partitions::moments::Clock;
use crate::support::{Heard, key};

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

#[test]
fn of_a_run_that_failed_what_it_made_before_is_told_as_made() {
    let (log, calls) = (log(), Calls::default());
    let day = |asset: AssetBuilder| asset.partitions(windows(Every::Day));
    let assets = [
        calls.asset("raw", day),
        calls.asset("clean", |asset| day(asset).input(Input::of("raw"))),
        calls.asset("report", |asset| asset.input(all_of("clean").mapping(Mapping::All))),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    use BackfillOutcome::{Done, Failed};
    let cuts = [(RunCut::PerPartition, [Done, Failed, Done], (5, 1, 1)), (RunCut::One, [Failed; 3], (3, 3, 1))];
    for (cut, clean, counted) in cuts {
        calls.fail("clean 2023-01-02", 1);
        let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-01-03"), &options(cut)).unwrap();
        let status = start(&lakehouse, &backfill);
        let outcomes_of = |asset: &str| -> Vec<BackfillOutcome> {
            lakehouse.backfill_partitions(&status, &key(asset)).unwrap().into_iter().map(|(_, outcome)| outcome).collect()
        };
        assert_eq!((outcomes_of("raw"), outcomes_of("clean")), (vec![Done; 3], clean.to_vec()));
        let counts = status.partition_counts();
        assert_eq!((counts.done, counts.failed, counts.waiting), counted);
        assert_eq!((counts.total, status.outcome()), (7, Failed));
        let status = block_on(lakehouse.retry_backfill(&backfill.id, Interrupt::new())).unwrap();
        assert_eq!((status.partition_counts().done, status.outcome()), (7, Done));
    }
}

#[test]
fn a_backfill_that_somebody_ends_is_interrupted_although_a_run_failed() {
    let (log, calls, gate) = (log(), Calls::default(), Gate::default());
    let built = lakehouse(&log, [gated(&calls, &gate, "2023-01-02")]).build().unwrap();
    let backfill = built.plan_backfill("*", &days("2023-01-01", "2023-01-04"), &BackfillOptions::new()).unwrap();
    calls.fail("2023-01-01", 1);
    let status = block_on(async {
        let interrupt = Interrupt::new();
        let raised = interrupt.clone();
        let (status, ()) = tokio::join!(built.start_backfill(&backfill, interrupt), async {
            gate.reached.notified().await;
            raised.raise();
            gate.open.notify_one();
        });
        status.unwrap()
    });
    use BackfillOutcome::{Done, Failed, Interrupted, Waiting};
    assert_eq!(outcomes(&status), [Failed, Done, Waiting, Waiting]);
    assert_eq!(status.outcome(), Interrupted, "what has not begun waits for nothing that failed");
    assert_eq!(built.backfill_status(&backfill.id).unwrap().outcome(), Interrupted);
    let status = block_on(built.resume_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert_eq!(outcomes(&status), [Failed, Done, Done, Done]);
    assert_eq!(status.outcome(), Failed);
}

#[test]
fn a_backfill_whose_last_run_is_mended_by_itself_is_done() {
    let (log, calls) = (log(), Calls::default());
    let assets = [calls.asset("day", |asset| asset.partitions(windows(Every::Day)))];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let mended = || {
        calls.fail("day 2023-01-02", 1);
        let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-01-02"), &BackfillOptions::new()).unwrap();
        assert_eq!(start(&lakehouse, &backfill).outcome(), BackfillOutcome::Failed);
        let run = block_on(lakehouse.retry_failed(&backfill.run_id(2), Interrupt::new())).unwrap();
        assert!(run.is_success());
        backfill.id
    };
    let kept = |id: &str| lakehouse.backfill(id).unwrap().unwrap();
    let id = mended();
    assert!(!lakehouse.cancel_backfill(&id).unwrap(), "there is nothing left to stop");
    assert!(kept(&id).done.is_some() && !kept(&id).canceled);
    let id = mended();
    assert!(kept(&id).done.is_none());
    let status = lakehouse.backfill_status(&id).unwrap();
    assert_eq!(kept(&id), status.backfill, "whoever looks writes it down");
    assert!(status.backfill.done.is_some());
}

#[test]
fn a_run_that_begins_later_reads_what_is_there_by_then() {
    let (log, calls, heard) = (log(), Calls::default(), Heard::default());
    let store = MemoryIoManager::new();
    let built = |now: &str| {
        let assets = [
            calls.asset("day", |asset| asset.partitions(windows(Every::Day))),
            calls.asset("report", |asset| asset.input(all_of("day").mapping(Mapping::All))),
        ];
        let builder = lakehouse(&log, assets).io_manager("memory", store.clone()).env(Clock::at(now.parse().unwrap()));
        heard.listen(builder).build().unwrap()
    };
    let early = built("2023-01-02T12:00:00Z");
    let backfill = early.plan_backfill("*", &PartitionChoice::all(), &BackfillOptions::new()).unwrap();
    assert_eq!(backfill.run_count(), 2);
    calls.fail("day 2023-01-01", 1);
    assert_eq!(start(&early, &backfill).counts().waiting, 1);
    // Other runs make the days that end meanwhile, and the report of those.
    let late = built("2023-01-05T12:00:00Z");
    assert!(late.materialize_for_blocking("*", &days("2023-01-02", "2023-01-04")).unwrap().is_success());
    let status = block_on(late.retry_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(status.is_success(), "{:?}", outcomes(&status));
    let of_report = |kind: &EventKind| match kind {
        EventKind::Materialized { materialization, .. } if materialization.asset == key("report") => {
            Some(materialization.inputs[0].slice.to_string())
        }
        _ => None,
    };
    let read: Vec<String> = heard.kinds().iter().filter_map(of_report).collect();
    assert_eq!(read, ["v1:[2023-01-02..2023-01-04]", "v1:[2023-01-01..2023-01-04]"]);
}
