//! What every log does.

use std::sync::Arc;

use jiff::Timestamp;
use lakewright::event::{EVENT_VERSION, Event, EventKind};
use lakewright::state::{PartitionStatus, State};
use lakewright::{ErrorKind, Slice};

use crate::support::{failed, finished, key, materialized, started, succeeded, texts};

/// Handles on one log. Each call of the closure gives another one, where a log can have several.
pub(crate) type Handles<'a> = &'a dyn Fn() -> Arc<dyn State>;

macro_rules! suite {
    ($with:path; $($test:ident)*) => { $(#[test] fn $test() { $with(|log| $crate::suite::$test(log)); })* };
}

macro_rules! every_test {
    ($with:path) => {
        suite! {
            $with;
            the_identity_stays
            numbers_are_of_the_step
            threads_get_distinct_numbers_without_gaps
            events_come_back_as_they_were_in_order
            cursors_increase_across_threads
            keys_keep_their_order
            a_bad_key_adds_none
            a_failure_overrules_and_is_overruled
            a_failure_of_an_unknown_run_or_step_changes_no_status
            status_is_in_the_order_of_events
        }
    };
}
pub(crate) use {every_test, suite};

fn append(log: &dyn State, run: &str, kind: EventKind) -> Event {
    log.append(run, Timestamp::new(1_700_000_000, 123_456_789).unwrap(), kind).unwrap()
}

fn status(log: &dyn State, asset: &str) -> Vec<PartitionStatus> {
    let rows = log.partition_status(&key(asset)).unwrap();
    assert!(rows.iter().all(|(slice, _)| *slice == Slice::Whole));
    rows.into_iter().map(|(_, status)| status).collect()
}

pub(crate) fn the_identity_stays(log: Handles<'_>) {
    let id = log().log_id().unwrap();
    assert_eq!(id.len(), 16, "{id}");
    assert!(id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(log().log_id().unwrap(), id);
    log().number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    assert_eq!(log().log_id().unwrap(), id);
}

pub(crate) fn numbers_are_of_the_step(log: Handles<'_>) {
    let number = |asset: &str, run: &str, step| log().number(&key(asset), &Slice::Whole, run, step).unwrap();
    assert_eq!(number("a", "r1", 0), 1);
    assert_eq!(number("a", "r1", 0), 1, "the same step");
    assert_eq!(number("a", "r1", 1), 2, "another step of the run");
    assert_eq!(number("a", "r2", 0), 3, "another run");
    assert_eq!(number("a", "r1", 0), 1, "the first step still has its number");
    assert_eq!(number("b", "r2", 0), 1, "another asset");
    assert_eq!(number("a/b", "r2", 0), 1, "an asset whose key begins alike");
    assert_eq!(number("a", "r3", 0), 4);
}

pub(crate) fn threads_get_distinct_numbers_without_gaps(log: Handles<'_>) {
    let take = |thread: usize| {
        let log = log();
        let run = format!("r{thread}");
        move || (0..25).map(|step| log.number(&key("a"), &Slice::Whole, &run, step).unwrap()).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..8).map(|thread| std::thread::spawn(take(thread))).collect();
    let taken: Vec<Vec<i64>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(taken.iter().all(|numbers| numbers.is_sorted()), "a later step has a greater number");
    let mut all = taken.concat();
    all.sort_unstable();
    assert_eq!(all, (1..=200).collect::<Vec<i64>>());
}

pub(crate) fn events_come_back_as_they_were_in_order(log: Handles<'_>) {
    assert_eq!(log().events(0, 10).unwrap(), []);
    let kinds = [started(&[&["a"], &["b"]]), materialized(0, "a"), succeeded(0), failed(1), finished()];
    let told: Vec<Event> = kinds.into_iter().map(|kind| append(&*log(), "r", kind)).collect();
    assert!(told.iter().all(|event| event.v == EVENT_VERSION && event.run == "r" && event.cursor > 0));
    assert_eq!(told[0].at.subsec_nanosecond(), 123_456_789);
    assert!(told.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    assert_eq!(log().events(0, usize::MAX).unwrap(), told);
    assert_eq!(log().events(0, 2).unwrap(), told[..2]);
    assert_eq!(log().events(told[1].cursor, 2).unwrap(), told[2..4]);
    assert_eq!(log().events(told[4].cursor, 2).unwrap(), []);
    assert_eq!(log().events(0, 0).unwrap(), []);
    assert_eq!(log().events(u64::MAX, 1).unwrap(), []);
}

pub(crate) fn cursors_increase_across_threads(log: Handles<'_>) {
    let tell = |thread: usize| {
        let log = log();
        move || (0..25).map(|step| append(&*log, &format!("r{thread}"), succeeded(step)).cursor).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..4).map(|thread| std::thread::spawn(tell(thread))).collect();
    let told: Vec<Vec<u64>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(told.iter().all(|cursors| cursors.is_sorted()));
    let mut all = told.concat();
    all.sort_unstable();
    let read: Vec<u64> = log().events(0, 1000).unwrap().iter().map(|event| event.cursor).collect();
    assert_eq!(read, all);
    assert!(read.windows(2).all(|pair| pair[0] < pair[1]));
}

pub(crate) fn keys_keep_their_order(log: Handles<'_>) {
    assert_eq!(log().keys("s").unwrap(), texts(&[]));
    assert_eq!(log().remove_keys("s", &texts(&["a"])).unwrap(), texts(&[]));
    assert_eq!(log().add_keys("s", &texts(&["b", "a|,'\"", "b", "ü"])).unwrap(), texts(&["b", "a|,'\"", "ü"]));
    assert_eq!(log().add_keys("s", &texts(&["ü", "0"])).unwrap(), texts(&["0"]));
    assert_eq!(log().keys("s").unwrap(), texts(&["b", "a|,'\"", "ü", "0"]));
    assert_eq!(log().keys("S").unwrap(), texts(&[]), "another set");
    assert_eq!(log().remove_keys("s", &texts(&["0", "none", "b", "0"])).unwrap(), texts(&["0", "b"]));
    assert_eq!(log().add_keys("s", &texts(&["B", "b"])).unwrap(), texts(&["B", "b"]));
    assert_eq!(log().keys("s").unwrap(), texts(&["a|,'\"", "ü", "B", "b"]));
    assert_eq!(log().add_keys("s", &[]).unwrap(), texts(&[]));
}

pub(crate) fn a_bad_key_adds_none(log: Handles<'_>) {
    log().add_keys("s", &texts(&["a"])).unwrap();
    for bad in ["", "line\nbreak", "\0"] {
        let error = log().add_keys("s", &texts(&["b", bad, "c"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PartitionKey);
        assert!(error.to_string().contains("(dynamic set `s`)"), "{error}");
        assert_eq!(log().keys("s").unwrap(), texts(&["a"]));
    }
}

pub(crate) fn a_failure_overrules_and_is_overruled(log: Handles<'_>) {
    use PartitionStatus::{Failed, Materialized};
    assert_eq!(status(&*log(), "a"), []);
    append(&*log(), "r1", started(&[&["x"], &["a", "b"], &["c"]]));
    assert_eq!(status(&*log(), "a"), [], "a plan is nothing yet");
    append(&*log(), "r1", materialized(2, "c"));
    // The first event of the run is in the log and was told to another handle.
    append(&*log(), "r1", failed(1));
    assert_eq!(status(&*log(), "a"), [Failed]);
    assert_eq!(status(&*log(), "b"), [Failed], "every asset of the step");
    assert_eq!(status(&*log(), "c"), [Materialized], "no asset of another step");
    assert_eq!(status(&*log(), "x"), []);
    append(&*log(), "r1", finished());
    append(&*log(), "r2", started(&[&["a"], &["c"]]));
    append(&*log(), "r2", materialized(0, "a"));
    append(&*log(), "r2", failed(1));
    assert_eq!(status(&*log(), "a"), [Materialized], "the newest wins, and there is one row");
    assert_eq!(status(&*log(), "b"), [Failed]);
    assert_eq!(status(&*log(), "c"), [Failed]);
}

pub(crate) fn a_failure_of_an_unknown_run_or_step_changes_no_status(log: Handles<'_>) {
    append(&*log(), "r1", failed(0));
    append(&*log(), "r2", started(&[&["a"]]));
    append(&*log(), "r2", failed(1));
    assert_eq!(status(&*log(), "a"), []);
    assert_eq!(log().events(0, 10).unwrap().len(), 3, "they are in the log all the same");
}

pub(crate) fn status_is_in_the_order_of_events(log: Handles<'_>) {
    // A run that goes on after its plan was kept, and two runs at once.
    append(&*log(), "r1", started(&[&["a"]]));
    append(&*log(), "r2", started(&[&["b"], &["a"]]));
    append(&*log(), "r1", materialized(0, "a"));
    append(&*log(), "r2", failed(1));
    append(&*log(), "r2", failed(0));
    append(&*log(), "r1", finished());
    append(&*log(), "r1", failed(0));
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Failed]);
    assert_eq!(status(&*log(), "b"), [PartitionStatus::Failed]);
}
