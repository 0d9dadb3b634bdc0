//! What every log does.

mod collected;
mod kept;
mod runs;
mod slots;

use std::sync::Arc;

use jiff::Timestamp;
use lakewright::event::{EVENT_VERSION, Event, EventKind};
use lakewright::state::{PartitionStatus, State};
use lakewright::{ErrorKind, Slice};

use crate::support::{at, failed, finished, key, materialized, started, succeeded, texts};

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
            a_slice_is_wiped_reported_and_reconciled
            status_can_be_asked_for_from_an_event_on
            a_batch_is_read_whole_or_not_at_all
            a_batch_of_any_length_is_read_as_it_was_told
            history_is_what_was_stored_newest_first
            a_run_begins_with_its_plan_and_its_numbers
            a_slice_that_two_steps_make_has_two_numbers
            numbers_of_runs_and_of_steps_that_ask_are_all_different
            a_name_is_of_one_run
            slices_are_compared_all_at_once
            what_is_being_made_is_refused_and_nothing_recorded
            slices_that_do_not_meet_are_in_nobodys_way
            a_run_whose_process_is_gone_is_in_nobodys_way
            steps_that_are_over_are_in_nobodys_way
            a_step_that_was_left_out_as_unchanged_stays_over
            of_runs_that_begin_at_once_and_overlap_one_wins
            a_run_goes_on_under_another_holder
            a_run_that_goes_on_is_not_taken_over
            a_run_goes_on_only_if_nobody_makes_what_it_has_left
            beats_say_what_a_run_is_to_do
            what_a_run_comes_to_is_summed_up
            what_failed_in_a_run_is_counted_until_it_is_tried_again
            runs_are_found
            events_of_a_run_are_found
            slots_are_taken_and_given_back
            slots_of_runs_that_do_not_go_on_are_free
            a_run_that_goes_on_has_no_slots_of_before
            backfills_are_kept
            lines_are_kept_in_order
            snapshots_are_kept
            what_became_of_many_partitions_is_kept_and_what_comes_later_is_added
            collecting_keeps_what_is_pointed_at
            collecting_keeps_numbers_and_what_has_not_ended
            collecting_keeps_the_runs_of_a_backfill_that_is_not_done
            collecting_keeps_what_is_stored_of_a_slice_that_a_run_failed_at_later
            collecting_removes_what_it_kept_once_nothing_points_at_it
            collecting_leaves_the_name_of_what_it_keeps
        }
    };
}
pub(crate) use {collected::*, every_test, kept::*, runs::*, slots::*, suite};

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

pub(crate) fn a_slice_is_wiped_reported_and_reconciled(log: Handles<'_>) {
    let (asset, slice) = (key("a"), Slice::Whole);
    append(&*log(), "r", started(&[&["a"]]));
    append(&*log(), "r", materialized(0, "a"));
    append(&*log(), "w", EventKind::Wiped { asset: asset.clone(), slice: slice.clone() });
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Wiped]);
    append(&*log(), "p", EventKind::Reported { asset: asset.clone(), slice: slice.clone(), metadata: vec![] });
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Materialized]);
    append(&*log(), "r", failed(0));
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Failed]);
    let EventKind::Materialized { step, materialization } = materialized(0, "a") else { unreachable!() };
    append(&*log(), "r", EventKind::Reconciled { step, materialization });
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Materialized]);
}

pub(crate) fn status_can_be_asked_for_from_an_event_on(log: Handles<'_>) {
    use PartitionStatus::{Failed, Materialized};
    append(&*log(), "r", started(&[&["a[x]"], &["a[y]"], &["a[z]"]]));
    let x = append(&*log(), "r", materialized(0, "a[x]")).cursor;
    let y = append(&*log(), "r", materialized(1, "a[y]")).cursor;
    append(&*log(), "r", materialized(1, "b"));
    let z = append(&*log(), "r", failed(2)).cursor;
    let found = |after| -> Vec<(String, PartitionStatus, u64)> {
        let rows = log().slice_status(&key("a"), after).unwrap();
        let rows: Vec<_> = rows.into_iter().map(|row| (row.slice.to_string(), row.status, row.cursor)).collect();
        let mut each = Vec::new();
        let row = &mut |slice: &str, status, cursor| {
            each.push((slice.to_owned(), status, cursor));
            Ok(())
        };
        log().each_slice_status(&key("a"), after, row).unwrap();
        assert_eq!(each, rows, "one after the other as all at once");
        rows
    };
    let all = [("v1:[x]".into(), Materialized, x), ("v1:[y]".into(), Materialized, y), ("v1:[z]".into(), Failed, z)];
    assert_eq!(found(0), all);
    assert_eq!(found(x), all[1..]);
    assert_eq!(found(z), []);
    assert_eq!(found(u64::MAX), []);
    let again = append(&*log(), "r", materialized(0, "a[x]")).cursor;
    assert_eq!(found(y), [all[2].clone(), ("v1:[x]".into(), Materialized, again)], "it has moved");
}

pub(crate) fn a_batch_is_read_whole_or_not_at_all(log: Handles<'_>) {
    assert_eq!(log().append_all("r", vec![]).unwrap(), []);
    let batch = || vec![(at(1), materialized(0, "a")), (at(2), materialized(0, "b")), (at(3), succeeded(0))];
    let writes = |thread: usize| {
        let log = log();
        move || (0..20).flat_map(|_| log.append_all(&format!("r{thread}"), batch()).unwrap()).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..2).map(|thread| std::thread::spawn(writes(thread))).collect();
    while !threads.iter().all(std::thread::JoinHandle::is_finished) {
        assert_eq!(log().events(0, usize::MAX).unwrap().len() % 3, 0);
    }
    let mut told: Vec<Event> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    told.sort_by_key(|event| event.cursor);
    assert_eq!(log().events(0, usize::MAX).unwrap(), told);
    for batch in told.chunks(3) {
        assert!(batch.iter().all(|event| event.run == batch[0].run), "nothing comes between");
        assert_eq!(batch.iter().map(|event| event.at).collect::<Vec<_>>(), [at(1), at(2), at(3)]);
    }
}

pub(crate) fn a_batch_of_any_length_is_read_as_it_was_told(log: Handles<'_>) {
    let mut told = Vec::new();
    for length in [1, 31, 32, 33, 70] {
        let batch = (0..length).map(|number| (at(number), materialized(0, &format!("a[{length}-{number}]"))));
        told.extend(log().append_all("r", batch.collect()).unwrap());
    }
    assert!(told.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    assert_eq!(log().events(0, usize::MAX).unwrap(), told);
    let kept: Vec<_> = log().slice_status(&key("a"), 0).unwrap().into_iter().map(|row| (row.cursor, row.slice)).collect();
    let wanted = told.iter().map(|event| match &event.kind {
        EventKind::Materialized { materialization, .. } => (event.cursor, materialization.slice.clone()),
        other => unreachable!("{other:?}"),
    });
    assert_eq!(kept, wanted.collect::<Vec<_>>());
    let history: Vec<Event> = log().history(&key("a"), u64::MAX, usize::MAX).unwrap().into_iter().rev().collect();
    assert_eq!(history, told);
}

pub(crate) fn history_is_what_was_stored_newest_first(log: Handles<'_>) {
    assert_eq!(log().history(&key("a"), u64::MAX, 10).unwrap(), []);
    append(&*log(), "r", started(&[&["a"], &["b"]]));
    let first = append(&*log(), "r", materialized(0, "a[x]"));
    append(&*log(), "r", materialized(1, "b"));
    append(&*log(), "r", failed(0));
    let second = append(&*log(), "w", EventKind::Wiped { asset: key("a"), slice: Slice::Whole });
    let third = append(&*log(), "p", EventKind::Reported { asset: key("a"), slice: Slice::Whole, metadata: vec![] });
    let EventKind::Materialized { step, materialization } = materialized(0, "a") else { unreachable!() };
    let fourth = append(&*log(), "r", EventKind::Reconciled { step, materialization });
    let history = |before, limit| log().history(&key("a"), before, limit).unwrap();
    assert_eq!(history(u64::MAX, 10), [fourth.clone(), third.clone(), second.clone(), first.clone()]);
    assert_eq!(history(u64::MAX, 2), [fourth.clone(), third.clone()]);
    assert_eq!(history(third.cursor, 2), [second, first.clone()]);
    assert_eq!(history(first.cursor, 2), []);
    assert_eq!(log().history(&key("a/b"), u64::MAX, 10).unwrap(), []);
}
