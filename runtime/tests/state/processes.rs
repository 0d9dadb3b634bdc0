//! Several processes on one log, and one that is killed. The processes are this very test binary.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use lakewright::state::{RunQuery, SqliteState, State};
use lakewright::{ErrorKind, Slice};
use tempfile::tempdir;

use crate::support::{Rules, holder, key, new_run, succeeded};

const PATH: &str = "LAKEWRIGHT_TEST_LOG";
const RUN: &str = "LAKEWRIGHT_TEST_RUN";
const STEPS: &str = "LAKEWRIGHT_TEST_STEPS";

/// What the processes do: for each step take a number, append an event, and say so. By itself, without a log to use, it does nothing.
#[test]
fn process() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let (run, steps) = (std::env::var(RUN).unwrap(), std::env::var(STEPS).unwrap().parse().unwrap());
    let log = SqliteState::new(PathBuf::from(path));
    log.log_id().unwrap();
    let mut out = std::io::stdout().lock();
    for step in 0..steps {
        let number = log.number(&key("a"), &Slice::Whole, &run, step).unwrap();
        let cursor = log.append(&run, Timestamp::UNIX_EPOCH, succeeded(step)).unwrap().cursor;
        // Whoever reads hangs up in one of the tests.
        if writeln!(out, "\ndid {step} {number} {cursor}.").is_err() {
            break;
        }
    }
}

pub(crate) fn start(path: &Path, run: &str, steps: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["processes::process", "--exact", "--nocapture"])
        .envs([(PATH, path.as_os_str()), (RUN, run.as_ref()), (STEPS, steps.to_string().as_ref())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a process has said: step, number, cursor. A line that was cut off does not count.
fn said(lines: impl Iterator<Item = std::io::Result<String>>) -> impl Iterator<Item = (usize, i64, u64)> {
    lines.map_while(Result::ok).filter_map(|line| {
        let words: Vec<String> = line.strip_prefix("did ")?.strip_suffix('.')?.split(' ').map(str::to_owned).collect();
        Some((words[0].parse().unwrap(), words[1].parse().unwrap(), words[2].parse().unwrap()))
    })
}

#[test]
fn processes_that_make_and_use_one_log_at_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("new/state.db");
    let runs: Vec<String> = (0..4).map(|run| format!("r{run}")).collect();
    let children: Vec<Child> = runs.iter().map(|run| start(&path, run, 40)).collect();
    let mut numbers = BTreeSet::new();
    let mut cursors = BTreeSet::new();
    let log = SqliteState::new(&path);
    for (mut child, run) in children.into_iter().zip(&runs) {
        for (step, number, cursor) in said(BufReader::new(child.stdout.take().unwrap()).lines()) {
            assert!(numbers.insert(number), "{number} twice");
            assert!(cursors.insert(cursor), "{cursor} twice");
            assert_eq!(log.number(&key("a"), &Slice::Whole, run, step).unwrap(), number);
        }
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(numbers, (1..=160).collect::<BTreeSet<i64>>());
    assert_eq!(log.events(0, 1000).unwrap().iter().map(|event| event.cursor).collect::<BTreeSet<_>>(), cursors);
    assert_eq!(cursors.len(), 160);
}

#[test]
fn what_a_killed_process_was_told_is_still_there() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut told = Vec::new();
    for round in 0..3 {
        let run = format!("r{round}");
        let mut child = start(&path, &run, usize::MAX);
        let mut lines = said(BufReader::new(child.stdout.take().unwrap()).lines());
        told.extend(lines.by_ref().take(30).map(|said| (run.clone(), said)));
        child.kill().unwrap();
        // It was in the middle of something, and may have said more.
        told.extend(lines.map(|said| (run.clone(), said)));
        child.wait().unwrap();
    }
    let log = SqliteState::new(&path);
    assert!(told.len() >= 90);
    for (run, (step, number, _)) in &told {
        assert_eq!(log.number(&key("a"), &Slice::Whole, run, *step).unwrap(), *number);
    }
    let greatest = told.iter().map(|(_, (_, number, _))| *number).max().unwrap();
    assert!(log.number(&key("a"), &Slice::Whole, "next", 0).unwrap() > greatest);
    // Events are not flushed, but a process that dies takes nothing along that the system has.
    let cursors: BTreeSet<u64> = log.events(0, usize::MAX).unwrap().iter().map(|event| event.cursor).collect();
    assert!(told.iter().all(|(_, (_, _, cursor))| cursors.contains(cursor)));
}

#[test]
fn handles_that_make_one_log_at_once_agree_on_its_identity() {
    for _ in 0..20 {
        let folder = tempdir().unwrap();
        let path = folder.path().join("new/state.db");
        let ask = || {
            let path = path.clone();
            std::thread::spawn(move || SqliteState::new(path).log_id().unwrap())
        };
        let ids: Vec<_> = (0..8).map(|_| ask()).collect();
        let ids: BTreeSet<String> = ids.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 1);
    }
}

/// What the other processes do: when they are told to, begin a run of one asset, say how that went, and hold it until nobody listens.
#[test]
fn beginner() {
    let (Some(path), Ok(run)) = (std::env::var_os(PATH), std::env::var(RUN)) else { return };
    let log = SqliteState::new(PathBuf::from(path));
    log.log_id().unwrap();
    let say = |text: &str| writeln!(std::io::stdout(), "\nsaid {text}.").unwrap();
    let mut lines = std::io::stdin().lines();
    say("ready");
    lines.next().unwrap().unwrap();
    let own = format!("own_{run}");
    match log.begin(&new_run(&run, &holder(std::process::id()), &[&[&*own], &["a[x]"]]), &Rules::default()) {
        Ok(_) => say("began"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}");
            let by = error.context().find(|(name, _)| *name == "carried out by").unwrap().1;
            say(&format!("refused: {} {by}", error.message()));
        }
    }
    assert!(lines.next().is_none());
}

/// A process that begins a run.
struct Beginner {
    child: Child,
    said: Box<dyn Iterator<Item = String>>,
}

impl Beginner {
    fn start(path: &Path, run: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["processes::beginner", "--exact", "--nocapture"])
            .envs([(PATH, path.as_os_str()), (RUN, run.as_ref())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.filter_map(|line| Some(line.strip_prefix("said ")?.strip_suffix('.')?.to_owned()));
        let mut beginner = Self { child, said: Box::new(said) };
        assert_eq!(beginner.said.next().unwrap(), "ready");
        beginner
    }

    fn go(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn a_run_that_one_process_holds_is_refused_to_another() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let mut one = Beginner::start(&path, "r1");
    let mut other = Beginner::start(&path, "r2");
    one.go();
    assert_eq!(one.said.next().unwrap(), "began");
    other.go();
    let refused = other.said.next().unwrap();
    let by = format!("process {} on `here`", one.child.id());
    assert!(refused.starts_with("refused: `a` [x] is being made by run `r1`") && refused.contains(&by), "{refused}");
    other.end();
    // Whoever knows that it was killed may go on.
    one.child.kill().unwrap();
    one.child.wait().unwrap();
    let log = SqliteState::new(&path);
    let rules = Rules { dead: vec![one.child.id()] };
    log.reopen("r1", Timestamp::UNIX_EPOCH, &holder(1), &[0, 1], &rules).unwrap();
}

#[test]
fn of_processes_that_begin_at_once_and_overlap_one_wins() {
    let folder = tempdir().unwrap();
    for round in 0..3 {
        let path = folder.path().join(format!("{round}.db"));
        let mut all: Vec<Beginner> = (0..4).map(|run| Beginner::start(&path, &format!("r{run}"))).collect();
        all.iter_mut().for_each(Beginner::go);
        let said: Vec<String> = all.iter_mut().map(|each| each.said.next().unwrap()).collect();
        all.into_iter().for_each(Beginner::end);
        let winner = said.iter().position(|said| said == "began").unwrap_or_else(|| panic!("{said:?}"));
        for (run, said) in said.iter().enumerate().filter(|(run, _)| *run != winner) {
            assert!(said.contains(&format!("by run `r{winner}`")), "{run}: {said}");
        }
        let runs = SqliteState::new(&path).runs(&RunQuery::newest(10)).unwrap();
        assert_eq!(runs.iter().map(|record| record.run.clone()).collect::<Vec<_>>(), [format!("r{winner}")]);
    }
}
