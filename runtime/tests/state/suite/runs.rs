//! Runs: how they begin, who is in whose way, and how they go on.

use std::cell::Cell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use lakewright::event::{Event, EventKind, RunAbout, RunStatus, SkipReason};
use lakewright::state::{Beat, Holder, NewRun, Referee, RunQuery, RunState, State};
use lakewright::{AssetKey, Error, ErrorKind, Slice};

use super::{Handles, append};
use crate::support::{Rules, at, ended, failed, finished, holder, key, new_run, started, steps, succeeded};

/// A run of this process.
fn begin(log: &dyn State, run: &str, pid: u32, made: &[&[&str]]) -> Result<Event, Error> {
    log.begin(&new_run(run, &holder(pid), made), &Rules::default())
}

fn numbers(event: &Event) -> Vec<Vec<i64>> {
    let EventKind::RunStarted { numbers, .. } = &event.kind else { panic!("{event:?}") };
    numbers.clone()
}

fn skipped(step: usize) -> EventKind {
    EventKind::StepSkipped { step, reason: SkipReason::Interrupted }
}

/// What refuses a run names the run that is in the way, and its process.
#[track_caller]
fn busy(error: &Error, run: &str, pid: u32) {
    assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}");
    assert!(error.message().contains(&format!("`{run}`")), "{error:?}");
    let by = error.context().find(|(name, _)| *name == "carried out by").unwrap_or_else(|| panic!("{error:?}")).1;
    assert!(by.contains(&format!("process {pid} on `here`")), "{error:?}");
}

pub(crate) fn a_run_begins_with_its_plan_and_its_numbers(log: Handles<'_>) {
    let mut about = RunAbout::default();
    about.selection = Some("a+".into());
    about.tags.insert("team".into(), "fruit".into());
    about.backfill = Some("b1".into());
    let holder = holder(1);
    let run = NewRun { about: about.clone(), ..new_run("r1", &holder, &[&["a", "b"], &["c[x]"]]) };
    let event = log().begin(&run, &Rules::default()).unwrap();
    let kind = EventKind::RunStarted {
        steps: steps(&[&["a", "b"], &["c[x]"]]),
        fingerprint: "f".into(),
        plan_at: Some(at(-1)),
        numbers: vec![vec![1, 1], vec![1]],
        about: about.clone(),
    };
    assert_eq!((&*event.run, event.at, &event.kind), ("r1", at(0), &kind));
    assert_eq!(log().events(0, 10).unwrap(), std::slice::from_ref(&event));
    let record = log().run("r1").unwrap().unwrap();
    assert_eq!((record.run.as_str(), record.first, record.recorded), ("r1", event.cursor, RunState::Running));
    assert_eq!((record.started, record.finished, record.beat, record.cancel), (at(0), None, at(0), false));
    assert_eq!((record.steps, record.succeeded, record.failed, record.skipped), (2, 0, 0, 0));
    assert_eq!((record.holder.as_ref(), &record.about), (Some(&holder), &about));
    assert_eq!(record.state(&Rules::default()), RunState::Running);
    assert_eq!(record.state(&Rules { dead: vec![1] }), RunState::Interrupted);
    assert_eq!(log().run("r2").unwrap(), None);
    // The next run of the same has the next numbers, and another slice its own.
    append(&*log(), "r1", finished());
    assert_eq!(numbers(&begin(&*log(), "r2", 1, &[&["c[x]"], &["a", "d"], &["c[y]"]]).unwrap()), [vec![2], vec![2, 1], vec![1]]);
}

pub(crate) fn a_slice_that_two_steps_make_has_two_numbers(log: Handles<'_>) {
    let event = begin(&*log(), "r", 1, &[&["a"], &["b", "a"], &["a"]]).unwrap();
    assert_eq!(numbers(&event), [vec![1], vec![1, 2], vec![3]]);
}

pub(crate) fn numbers_of_runs_and_of_steps_that_ask_are_all_different(log: Handles<'_>) {
    let ask = |run: &str| log().number(&key("a"), &Slice::Whole, run, 0).unwrap();
    assert_eq!(ask("old"), 1);
    assert_eq!(numbers(&begin(&*log(), "r1", 1, &[&["a"]]).unwrap()), [[2]]);
    assert_eq!(ask("old"), 1);
    assert_eq!(ask("older"), 3);
    append(&*log(), "r1", finished());
    assert_eq!(numbers(&begin(&*log(), "r2", 1, &[&["a"]]).unwrap()), [[4]]);
}

pub(crate) fn a_name_is_of_one_run(log: Handles<'_>) {
    begin(&*log(), "r", 1, &[&["a"]]).unwrap();
    append(&*log(), "r", finished());
    let again = begin(&*log(), "r", 1, &[&["b"]]).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Present);
    assert!(again.message().contains("`r`"), "{again:?}");
    assert_eq!(log().events(0, 10).unwrap().len(), 2);
}

/// Counts how often slices are compared.
#[derive(Debug, Default)]
struct Counts(Cell<usize>);

impl Referee for Counts {
    fn alive(&self, holder: &Holder, beat: Timestamp) -> bool {
        Rules::default().alive(holder, beat)
    }

    fn overlap(&self, asset: &AssetKey, some: &[&Slice], others: &[&Slice]) -> bool {
        self.0.set(self.0.get() + 1);
        Rules::default().overlap(asset, some, others)
    }
}

pub(crate) fn slices_are_compared_all_at_once(log: Handles<'_>) {
    let parts = |part: &str| -> Vec<String> { (0..64).map(|number| format!("p[{part}{number}]")).collect() };
    let counts = Counts::default();
    let start = |run: &str, pid, parts: &[String]| {
        let steps: Vec<[&str; 1]> = parts.iter().map(|part| [part.as_str()]).collect();
        let steps: Vec<&[&str]> = steps.iter().map(|step| &step[..]).collect();
        log().begin(&new_run(run, &holder(pid), &steps), &counts)
    };
    start("r1", 1, &parts("x")).unwrap();
    start("r2", 2, &parts("y")).unwrap();
    assert_eq!(counts.0.get(), 1, "64 of them with 64 others");
    // One of them, which is found by halves.
    let error = start("r3", 3, &[parts("z"), vec!["p[x41]".to_owned()]].concat()).unwrap_err();
    busy(&error, "r1", 1);
    assert!(error.message().contains("[x41]"), "{error:?}");
    assert!(counts.0.get() <= 1 + 1 + 8, "{counts:?}");
    // Nor is it in the way any more when its step is over.
    append(&*log(), "r1", succeeded(41));
    start("r3", 3, &[parts("z"), vec!["p[x41]".to_owned()]].concat()).unwrap();
}

pub(crate) fn what_is_being_made_is_refused_and_nothing_recorded(log: Handles<'_>) {
    begin(&*log(), "r1", 11, &[&["a"], &["p[x,y]"]]).unwrap();
    let before = (log().events(0, 10).unwrap(), log().run("r1").unwrap());
    for made in [&["b", "a"][..], &["p[y,z]"], &["p"], &["a[x]"]] {
        let error = begin(&*log(), "r2", 12, &[&["c"], made]).unwrap_err();
        busy(&error, "r1", 11);
        assert!(error.is_retryable() && error.help_text().unwrap().contains("runs cancel r1"), "{error:?}");
    }
    assert_eq!((log().events(0, 10).unwrap(), log().run("r1").unwrap()), before);
    assert_eq!(log().run("r2").unwrap(), None);
    append(&*log(), "r1", finished());
    let event = begin(&*log(), "r2", 12, &[&["c"], &["b", "a"], &["p[y,z]"]]).unwrap();
    assert_eq!(numbers(&event), [vec![1], vec![1, 2], vec![1]], "no number was taken");
}

pub(crate) fn slices_that_do_not_meet_are_in_nobodys_way(log: Handles<'_>) {
    begin(&*log(), "r1", 1, &[&["p[x]"], &["a"]]).unwrap();
    begin(&*log(), "r2", 2, &[&["p[y,z]"], &["a/b"]]).unwrap();
    busy(&begin(&*log(), "r3", 3, &[&["p[w]"], &["p[z]"]]).unwrap_err(), "r2", 2);
    begin(&*log(), "r3", 3, &[&["p[w]"]]).unwrap();
}

pub(crate) fn a_run_whose_process_is_gone_is_in_nobodys_way(log: Handles<'_>) {
    begin(&*log(), "r1", 1, &[&["a"]]).unwrap();
    let (two, three) = (holder(2), holder(3));
    log().begin(&new_run("r2", &two, &[&["a"]]), &Rules { dead: vec![1] }).unwrap();
    busy(&log().begin(&new_run("r3", &three, &[&["a"]]), &Rules { dead: vec![1] }).unwrap_err(), "r2", 2);
    // Nor one that has no holder at all.
    append(&*log(), "r4", started(&[&["b"]]));
    assert_eq!(log().run("r4").unwrap().unwrap().state(&Rules::default()), RunState::Interrupted);
    begin(&*log(), "r5", 3, &[&["b"]]).unwrap();
}

pub(crate) fn steps_that_are_over_are_in_nobodys_way(log: Handles<'_>) {
    begin(&*log(), "r1", 1, &[&["a"], &["b"], &["c"], &["d"]]).unwrap();
    for kind in [succeeded(0), failed(1), skipped(2)] {
        append(&*log(), "r1", kind);
    }
    busy(&begin(&*log(), "r2", 2, &[&["a"], &["d"]]).unwrap_err(), "r1", 1);
    begin(&*log(), "r2", 2, &[&["a"], &["b"], &["c"]]).unwrap();
    append(&*log(), "r2", finished());
    append(&*log(), "r1", finished());
    // What failed is to be made again; what succeeded is not.
    log().reopen("r1", at(9), &holder(1), &[1, 2, 3], &Rules::default()).unwrap();
    busy(&begin(&*log(), "r3", 3, &[&["b"]]).unwrap_err(), "r1", 1);
    begin(&*log(), "r3", 3, &[&["a"]]).unwrap();
}

pub(crate) fn a_step_that_was_left_out_as_unchanged_stays_over(log: Handles<'_>) {
    begin(&*log(), "r1", 1, &[&["a"], &["b"]]).unwrap();
    append(&*log(), "r1", EventKind::StepSkipped { step: 0, reason: SkipReason::Unchanged });
    append(&*log(), "r1", failed(1));
    append(&*log(), "r1", finished());
    log().reopen("r1", at(9), &holder(1), &[1], &Rules::default()).unwrap();
    let record = log().run("r1").unwrap().unwrap();
    assert_eq!((record.failed, record.skipped), (0, 1));
    busy(&begin(&*log(), "r2", 2, &[&["b"]]).unwrap_err(), "r1", 1);
    begin(&*log(), "r2", 2, &[&["a"]]).unwrap();
}

pub(crate) fn of_runs_that_begin_at_once_and_overlap_one_wins(log: Handles<'_>) {
    let start = |thread: u32| {
        let log = log();
        move || begin(&*log, &format!("r{thread}"), thread, &[&[&*format!("own{thread}")], &["a[x]"]])
    };
    let threads: Vec<_> = (0..6).map(|thread| std::thread::spawn(start(thread))).collect();
    let ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let (won, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    let [winner] = &won.into_iter().map(Result::unwrap).collect::<Vec<_>>()[..] else { panic!("{refused:?}") };
    assert_eq!(numbers(winner), [[1], [1]]);
    for error in refused {
        busy(&error.unwrap_err(), &winner.run, winner.run[1..].parse().unwrap());
    }
    assert_eq!(log().events(0, 10).unwrap(), std::slice::from_ref(winner));
    assert_eq!(log().runs(&RunQuery::newest(10)).unwrap().len(), 1);
}

pub(crate) fn a_run_goes_on_under_another_holder(log: Handles<'_>) {
    let first = begin(&*log(), "r", 1, &[&["a"], &["b"], &["c"]]).unwrap();
    for kind in [succeeded(0), failed(1), skipped(2), finished()] {
        append(&*log(), "r", kind);
    }
    assert!(log().beat("r", &holder(1), at(3)).is_ok());
    let resumed = log().reopen("r", at(50), &holder(2), &[1, 2], &Rules::default()).unwrap();
    assert_eq!((&resumed.kind, resumed.at), (&EventKind::RunResumed { steps: vec![1, 2] }, at(50)));
    let record = log().run("r").unwrap().unwrap();
    assert_eq!((record.first, record.started, record.finished), (first.cursor, at(0), None));
    assert_eq!((record.holder, record.beat, record.recorded), (Some(holder(2)), at(50), RunState::Running));
    assert_eq!((record.steps, record.succeeded, record.failed, record.skipped), (3, 1, 0, 0));
    assert_eq!(log().run_events("r", 0, 1).unwrap(), [first], "with its plan and its numbers");
    assert_eq!(log().events(0, 10).unwrap().last(), Some(&resumed));
    // One that was killed, too.
    log().reopen("r", at(60), &holder(3), &[1], &Rules { dead: vec![2] }).unwrap();
    assert_eq!(log().run("r").unwrap().unwrap().holder, Some(holder(3)));
}

pub(crate) fn a_run_that_goes_on_is_not_taken_over(log: Handles<'_>) {
    begin(&*log(), "r", 1, &[&["a"]]).unwrap();
    let before = log().run("r").unwrap();
    busy(&log().reopen("r", at(1), &holder(2), &[0], &Rules::default()).unwrap_err(), "r", 1);
    let none = log().reopen("none", at(1), &holder(2), &[0], &Rules::default()).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Missing);
    assert!(none.message().contains("`none`"), "{none:?}");
    assert_eq!((log().run("r").unwrap(), log().events(0, 10).unwrap().len()), (before, 1));
}

pub(crate) fn a_run_goes_on_only_if_nobody_makes_what_it_has_left(log: Handles<'_>) {
    begin(&*log(), "r1", 1, &[&["a"], &["b"]]).unwrap();
    append(&*log(), "r1", finished());
    begin(&*log(), "r2", 2, &[&["a"]]).unwrap();
    busy(&log().reopen("r1", at(1), &holder(1), &[0, 1], &Rules::default()).unwrap_err(), "r2", 2);
    assert_eq!(log().run("r1").unwrap().unwrap().recorded, RunState::Failed);
    log().reopen("r1", at(1), &holder(1), &[1], &Rules::default()).unwrap();
}

pub(crate) fn beats_say_what_a_run_is_to_do(log: Handles<'_>) {
    let beat = |holder: &Holder, second| log().beat("r", holder, at(second)).unwrap();
    assert_eq!(beat(&holder(1), 1), Beat::Lost);
    assert!(!log().cancel("r").unwrap());
    begin(&*log(), "r", 1, &[&["a"]]).unwrap();
    assert_eq!(beat(&holder(1), 2), Beat::Go);
    assert_eq!(log().run("r").unwrap().unwrap().beat, at(2));
    let twin = Holder { nonce: "another".into(), ..holder(1) };
    assert_eq!(beat(&twin, 3), Beat::Lost);
    assert_eq!(log().run("r").unwrap().unwrap().beat, at(2), "that was another");
    assert!(log().cancel("r").unwrap());
    assert!(log().run("r").unwrap().unwrap().cancel);
    append(&*log(), "r", succeeded(0));
    assert_eq!(beat(&holder(1), 4), Beat::Cancel);
    append(&*log(), "r", ended(RunStatus::Canceled));
    assert!(!log().cancel("r").unwrap(), "it has ended");
    log().reopen("r", at(5), &twin, &[0], &Rules::default()).unwrap();
    assert_eq!(beat(&twin, 6), Beat::Go, "that was said to the run before");
    assert_eq!(beat(&holder(1), 7), Beat::Lost);
}

pub(crate) fn what_a_run_comes_to_is_summed_up(log: Handles<'_>) {
    for (run, status, state) in [
        ("r1", RunStatus::Succeeded, RunState::Succeeded),
        ("r2", RunStatus::Failed, RunState::Failed),
        ("r3", RunStatus::Interrupted, RunState::Interrupted),
        ("r4", RunStatus::Canceled, RunState::Canceled),
    ] {
        let first = vec![(at(1), started(&[&["a"], &["b"], &["c"], &["d"]])), (at(2), succeeded(0))];
        log().append_all(run, first).unwrap();
        log().append_all(run, vec![(at(3), failed(1)), (at(4), skipped(2)), (at(5), skipped(3))]).unwrap();
        append(&*log(), "another", succeeded(0));
        let record = log().run(run).unwrap().unwrap();
        assert_eq!((record.recorded, record.finished), (RunState::Running, None));
        log().append_all(run, vec![(at(6), ended(status))]).unwrap();
        let record = log().run(run).unwrap().unwrap();
        assert_eq!((record.recorded, record.started, record.finished), (state, at(1), Some(at(6))));
        // What was told to have failed before a run succeeded was found in its store since.
        let failed = u64::from(status != RunStatus::Succeeded);
        assert_eq!((record.steps, record.succeeded, record.failed, record.skipped), (4, 1, failed, 2));
        assert_eq!((record.holder.clone(), record.state(&Rules::default())), (None, state));
    }
    assert_eq!(log().run("another").unwrap(), None, "its beginning is not in the log");
}

pub(crate) fn what_failed_in_a_run_is_counted_until_it_is_tried_again(log: Handles<'_>) {
    begin(&*log(), "r", 1, &[&["a"], &["b"], &["c"]]).unwrap();
    append(&*log(), "r", failed(0));
    append(&*log(), "r", skipped(1));
    let counts = || {
        let record = log().run("r").unwrap().unwrap();
        (record.recorded, record.succeeded, record.failed, record.skipped)
    };
    let reopen = |pid, steps: &[usize]| {
        log().reopen("r", at(9), &holder(pid), steps, &Rules { dead: vec![1, 2, 3] }).unwrap();
    };
    // Its process is gone, and somebody writes down how it ended.
    reopen(2, &[]);
    append(&*log(), "r", ended(RunStatus::Interrupted));
    assert_eq!(counts(), (RunState::Interrupted, 0, 1, 1));
    reopen(3, &[0, 1, 2]);
    assert_eq!(counts(), (RunState::Running, 0, 0, 0));
    // What is told to have failed may be found stored.
    append(&*log(), "r", failed(0));
    reopen(4, &[]);
    (0..3).for_each(|step| drop(append(&*log(), "r", succeeded(step))));
    append(&*log(), "r", ended(RunStatus::Succeeded));
    assert_eq!(counts(), (RunState::Succeeded, 3, 0, 0));
}

pub(crate) fn runs_are_found(log: Handles<'_>) {
    assert_eq!(log().runs(&RunQuery::newest(10)).unwrap(), []);
    for number in 0..6 {
        let (run, asset) = (format!("r{number}"), format!("a{number}"));
        let mut about = RunAbout::default();
        about.backfill = (number % 2 == 1).then(|| "b".into());
        log().begin(&NewRun { about, ..new_run(&run, &holder(1), &[&[&asset]]) }, &Rules::default()).unwrap();
        if number < 3 {
            append(&*log(), &run, finished());
        }
    }
    let found = |query: RunQuery| -> Vec<String> { log().runs(&query).unwrap().into_iter().map(|run| run.run).collect() };
    let all = RunQuery::newest(usize::MAX);
    assert_eq!(found(all.clone()), ["r5", "r4", "r3", "r2", "r1", "r0"]);
    assert_eq!(found(RunQuery::newest(2)), ["r5", "r4"]);
    assert_eq!(found(RunQuery::newest(0)), [""; 0]);
    let before = Some(log().run("r4").unwrap().unwrap().first);
    assert_eq!(found(RunQuery { before, ..RunQuery::newest(2) }), ["r3", "r2"]);
    assert_eq!(found(RunQuery { open: true, ..all.clone() }), ["r5", "r4", "r3"]);
    assert_eq!(found(RunQuery { backfill: Some("b".into()), ..all.clone() }), ["r5", "r3", "r1"]);
    assert_eq!(found(RunQuery { backfill: Some("none".into()), ..all.clone() }), [""; 0]);
    assert_eq!(found(RunQuery { backfill: Some("b".into()), open: true, before, limit: 5 }), ["r3"]);
    let each: BTreeSet<_> =
        log().runs(&all).unwrap().into_iter().map(|record| log().run(&record.run).unwrap() == Some(record)).collect();
    assert_eq!(each, BTreeSet::from([true]));
}

pub(crate) fn events_of_a_run_are_found(log: Handles<'_>) {
    let mut own = Vec::new();
    for step in 0..4 {
        own.push(append(&*log(), "r", succeeded(step)));
        append(&*log(), "another", succeeded(step));
    }
    assert_eq!(log().run_events("r", 0, usize::MAX).unwrap(), own);
    assert_eq!(log().run_events("r", 0, 2).unwrap(), own[..2]);
    assert_eq!(log().run_events("r", own[1].cursor, 5).unwrap(), own[2..]);
    assert_eq!(log().run_events("r", own[3].cursor, 5).unwrap(), []);
    assert_eq!(log().run_events("none", 0, 5).unwrap(), []);
}
