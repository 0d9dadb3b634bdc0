//! What is removed from a log, and what never is.

use std::time::Duration;

use lakewright::Slice;
use lakewright::event::EventKind;
use lakewright::state::{BackfillRecord, Collected, LogLine, PartitionStatus, RunQuery, State};

use super::kept::of_regions;
use super::{Handles, append, status};
use crate::support::{Rules, at, failed, finished, holder, key, materialized, new_run, succeeded};

fn line(text: &str) -> LogLine {
    LogLine { step: Some(0), at: at(0), level: "OUT".into(), target: String::new(), text: text.into() }
}

/// A run of one asset that begins with numbers, stores it, and ends at a second.
fn made(log: &dyn State, run: &str, asset: &str, second: i64) {
    made_for(log, None, run, asset, second);
}

/// As [`made`], as a part of a backfill.
fn made_for(log: &dyn State, backfill: Option<&str>, run: &str, asset: &str, second: i64) {
    let holder = holder(1);
    let mut new = new_run(run, &holder, &[&[asset]]);
    new.about.backfill = backfill.map(str::to_owned);
    log.begin(&new, &Rules::default()).unwrap();
    log.append_all(run, vec![(at(0), materialized(0, asset)), (at(0), succeeded(0)), (at(second), finished())]).unwrap();
    log.append_lines(run, &[line("one"), line("two")]).unwrap();
}

/// A run of one asset that fails at it after something, and ends at a second.
fn failing(log: &dyn State, run: &str, asset: &str, before: Vec<EventKind>, second: i64) {
    log.begin(&new_run(run, &holder(1), &[&[asset]]), &Rules::default()).unwrap();
    let before = before.into_iter().map(|kind| (at(0), kind));
    log.append_all(run, before.chain([(at(0), failed(0)), (at(second), finished())]).collect()).unwrap();
}

/// Removes everything that is old, which is what a lakehouse says before.
fn collected(log: Handles<'_>) -> Collected {
    let would = of_regions(log()).would_collect(Duration::ZERO).unwrap();
    let collected = log().collect(at(100)).unwrap();
    assert_eq!(would, collected);
    collected
}

pub(crate) fn collecting_keeps_what_is_pointed_at(log: Handles<'_>) {
    assert_eq!(log().collect(at(100)).unwrap(), Collected::default());
    made(&*log(), "r1", "a", 10);
    made(&*log(), "r2", "b", 11);
    made(&*log(), "r3", "a", 20);
    let before = (log().slice_status(&key("a"), 0).unwrap(), log().slice_status(&key("b"), 0).unwrap());
    assert_eq!(log().collect(at(10)).unwrap(), Collected::default(), "none has ended before that");
    // The first run has four events, none of which says what `a` is now; of the second one says what `b` is.
    assert_eq!(log().collect(at(20)).unwrap(), Collected { runs: 2, events: 7, lines: 4 });
    assert_eq!((log().slice_status(&key("a"), 0).unwrap(), log().slice_status(&key("b"), 0).unwrap()), before);
    let runs: Vec<String> = log().runs(&RunQuery::newest(10)).unwrap().into_iter().map(|run| run.run).collect();
    assert_eq!(runs, ["r3"]);
    assert_eq!((log().run("r1").unwrap(), log().run("r2").unwrap()), (None, None));
    assert_eq!(log().run_events("r1", 0, 10).unwrap(), []);
    let kept = log().run_events("r2", 0, 10).unwrap();
    assert!(matches!(&kept[..], [one] if matches!(one.kind, EventKind::Materialized { .. }) && one.cursor == before.1[0].cursor));
    assert_eq!(log().history(&key("b"), u64::MAX, 10).unwrap(), kept);
    assert_eq!(log().history(&key("a"), u64::MAX, 10).unwrap().len(), 1);
    assert_eq!((log().lines("r1", 0, 10).unwrap(), log().lines("r3", 0, 10).unwrap().len()), (vec![], 2));
    assert_eq!(log().events(0, 10).unwrap().len(), 5);
    assert_eq!(log().collect(at(20)).unwrap(), Collected::default(), "there is nothing left to remove");
    // What is stored anew frees the event that said so before, with its run.
    assert_eq!(log().collect(at(21)).unwrap(), Collected { runs: 1, events: 3, lines: 2 });
    assert_eq!(status(&*log(), "a"), [PartitionStatus::Materialized]);
}

pub(crate) fn collecting_keeps_numbers_and_what_has_not_ended(log: Handles<'_>) {
    log().begin(&new_run("killed", &holder(1), &[&["a"], &["b"]]), &Rules::default()).unwrap();
    append(&*log(), "killed", failed(1));
    made(&*log(), "r", "c", 1);
    let last = log().events(0, 100).unwrap().last().unwrap().cursor;
    log().number(&key("c"), &Slice::Whole, "asks", 0).unwrap();
    assert_eq!(log().collect(at(1000)).unwrap(), Collected { runs: 1, events: 3, lines: 2 });
    assert_eq!(log().run_events("killed", 0, 10).unwrap().len(), 2);
    assert!(log().run("killed").unwrap().is_some());
    assert_eq!(log().number(&key("c"), &Slice::Whole, "asks", 0).unwrap(), 2);
    assert_eq!(log().number(&key("c"), &Slice::Whole, "asks later", 0).unwrap(), 3);
    assert!(append(&*log(), "next", succeeded(0)).cursor > last, "cursors are not given again");
    log().reopen("killed", at(5), &holder(2), &[0, 1], &Rules { dead: vec![1] }).unwrap();
}

pub(crate) fn collecting_keeps_the_runs_of_a_backfill_that_is_not_done(log: Handles<'_>) {
    let is = |json: &str| {
        let backfill = BackfillRecord { id: "b".into(), at: at(0), json: json.into() };
        log().put_backfill(&backfill).unwrap();
    };
    is(r#"{"v":1,"id":"b"}"#);
    made_for(&*log(), Some("b"), "b-0001", "a", 10);
    made_for(&*log(), Some("unknown"), "unknown-0001", "c", 10);
    made(&*log(), "r", "d", 10);
    let run = log().run("b-0001").unwrap();
    assert!(run.is_some());
    let gone = Collected { runs: 2, events: 6, lines: 4 };
    assert_eq!(collected(log), gone, "what is of no backfill, or of one that nobody knows, goes");
    for json in [r#"{"v":1,"id":"b"}"#, r#"{"v":1,"id":"b","done":null,"canceled":true}"#, "damaged"] {
        is(json);
        assert_eq!(collected(log), Collected::default(), "{json}");
    }
    assert_eq!(log().run("b-0001").unwrap(), run);
    assert_eq!((log().run_events("b-0001", 0, 10).unwrap().len(), log().lines("b-0001", 0, 10).unwrap().len()), (4, 2));

    is(r#"{"v":1,"id":"b","done":"2023-11-14T22:13:20Z"}"#);
    assert_eq!(collected(log), Collected { runs: 1, events: 3, lines: 2 });
    assert_eq!((log().run("b-0001").unwrap(), log().run_events("b-0001", 0, 10).unwrap().len()), (None, 1));
}

pub(crate) fn collecting_keeps_what_is_stored_of_a_slice_that_a_run_failed_at_later(log: Handles<'_>) {
    made(&*log(), "r1", "a[x]", 10);
    made(&*log(), "r2", "a[x]", 20);
    // The newest of the asset is of another slice.
    made(&*log(), "r3", "a[y]", 30);
    failing(&*log(), "r4", "a[x]", vec![], 40);
    let wiped = EventKind::Wiped { asset: key("b"), slice: Slice::Whole };
    failing(&*log(), "r5", "b", vec![materialized(0, "b"), wiped.clone()], 50);
    failing(&*log(), "r6", "never", vec![], 60);
    let history = |asset: &str| {
        let history = log().history(&key(asset), u64::MAX, 10).unwrap();
        history.into_iter().map(|event| (event.run, event.kind)).collect::<Vec<_>>()
    };
    assert_eq!((history("a").len(), history("b").len()), (3, 2));
    let statuses = || ["a", "b", "never"].map(|asset| log().slice_status(&key(asset), 0).unwrap());
    let before = statuses();
    // Of 23 events stay the three failures, and what is stored of `a[x]`, `a[y]` and `b`.
    assert_eq!(collected(log), Collected { runs: 6, events: 17, lines: 6 });
    assert_eq!(history("a"), [("r3".to_owned(), materialized(0, "a[y]")), ("r2".to_owned(), materialized(0, "a[x]"))]);
    assert_eq!(history("b"), [("r5".to_owned(), wiped)]);
    assert_eq!(statuses(), before);
    assert_eq!(log().runs(&RunQuery::newest(10)).unwrap(), []);
    assert_eq!(collected(log), Collected::default(), "there is nothing left to remove");

    // A failure that is not old yet, of what is.
    made(&*log(), "r7", "c", 70);
    failing(&*log(), "r8", "c", vec![], 200);
    assert_eq!(log().collect(at(100)).unwrap(), Collected { runs: 1, events: 3, lines: 2 });
    assert_eq!(history("c"), [("r7".to_owned(), materialized(0, "c"))]);
}

pub(crate) fn collecting_removes_what_it_kept_once_nothing_points_at_it(log: Handles<'_>) {
    made(&*log(), "r1", "a", 10);
    failing(&*log(), "r2", "b", vec![], 20);
    made(&*log(), "r3", "c[x]", 30);
    failing(&*log(), "r4", "c[x]", vec![], 40);
    // What `a` is, two failures, and what `c[x]` was before.
    assert_eq!(collected(log), Collected { runs: 4, events: 10, lines: 4 });
    let kept = log().events(0, 10).unwrap();
    assert_eq!(kept.iter().map(|event| &*event.run).collect::<Vec<_>>(), ["r1", "r2", "r3", "r4"]);
    assert_eq!(collected(log), Collected::default(), "all of it is needed");
    for (run, asset) in [("r5", "a"), ("r6", "b"), ("r7", "c[x]")] {
        made(&*log(), run, asset, 50);
    }
    assert_eq!(log().collect(at(0)).unwrap(), Collected::default(), "it is not that old");
    // Four of before, and three of each of these.
    assert_eq!(collected(log), Collected { runs: 3, events: 13, lines: 6 });
    let left = log().events(0, 10).unwrap();
    assert_eq!(left.iter().map(|event| &*event.run).collect::<Vec<_>>(), ["r5", "r6", "r7"]);
    assert!(["a", "b", "c"].iter().all(|asset| log().history(&key(asset), u64::MAX, 10).unwrap().len() == 1));
    assert_eq!(collected(log), Collected::default());
}

pub(crate) fn collecting_leaves_the_name_of_what_it_keeps(log: Handles<'_>) {
    made(&*log(), "r1", "a", 10);
    assert_eq!(collected(log), Collected { runs: 1, events: 3, lines: 2 });
    assert_eq!(log().run("r1").unwrap(), None);
    let kept = log().events(0, 10).unwrap();
    let begin = |run: &str| log().begin(&new_run(run, &holder(2), &[&["b"]]), &Rules::default());
    let refused = begin("r1").unwrap_err();
    assert!(refused.message().contains("`r1`"), "{refused:?}");
    assert_eq!(log().events(0, 10).unwrap(), kept);
    // Nothing of it is left when something else says what is stored.
    made(&*log(), "r2", "a", 20);
    assert_eq!(collected(log), Collected { runs: 1, events: 4, lines: 2 });
    begin("r1").unwrap();
    assert_eq!(log().run_events("r1", 0, 10).unwrap().len(), 1);
}
