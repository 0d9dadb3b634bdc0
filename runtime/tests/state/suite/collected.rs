//! What is removed from a log, and what never is.

use lakewright::Slice;
use lakewright::event::EventKind;
use lakewright::state::{Collected, LogLine, PartitionStatus, RunQuery, State};

use super::{Handles, append, status};
use crate::support::{Rules, at, failed, finished, holder, key, materialized, new_run, succeeded};

fn line(text: &str) -> LogLine {
    LogLine { step: Some(0), at: at(0), level: "OUT".into(), target: String::new(), text: text.into() }
}

/// A run of one asset that begins with numbers, stores it, and ends at a second.
fn made(log: &dyn State, run: &str, asset: &str, second: i64) {
    log.begin(&new_run(run, &holder(1), &[&[asset]]), &Rules::default()).unwrap();
    log.append_all(run, vec![(at(0), materialized(0, asset)), (at(0), succeeded(0)), (at(second), finished())]).unwrap();
    log.append_lines(run, &[line("one"), line("two")]).unwrap();
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
