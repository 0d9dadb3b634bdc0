//! Several processes on one log, and one that is killed. The processes are this very test binary.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use lakewright::Slice;
use lakewright::state::{SqliteState, State};
use tempfile::tempdir;

use crate::support::{key, succeeded};

const PATH: &str = "LAKEWRIGHT_TEST_LOG";
const RUN: &str = "LAKEWRIGHT_TEST_RUN";
const STEPS: &str = "LAKEWRIGHT_TEST_STEPS";

/// What the processes do: for each step take a number, append an event, and say so. By itself, without a log to use, it does nothing.
#[test]
fn process() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let (run, steps) = (std::env::var(RUN).unwrap(), std::env::var(STEPS).unwrap().parse().unwrap());
    let log = SqliteState::new(PathBuf::from(path));
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

fn start(path: &Path, run: &str, steps: usize) -> Child {
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
