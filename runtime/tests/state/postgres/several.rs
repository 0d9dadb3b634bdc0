//! Several processes and handles on one log, and one that is killed. The processes are this very test binary.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lakewright::state::{Beat, PostgresState, State};
use lakewright::{ErrorKind, Slice};

use super::Schema;
use crate::support::{Rules, at, holder, key, new_run, succeeded};

const URL: &str = "LAKEWRIGHT_TEST_LOG_URL";
const SCHEMA: &str = "LAKEWRIGHT_TEST_LOG_SCHEMA";
const RUN: &str = "LAKEWRIGHT_TEST_RUN";
const STEPS: &str = "LAKEWRIGHT_TEST_STEPS";

/// What the processes do: for each step take a number, append an event, and say so. By itself, without a log to use, it does nothing.
#[test]
fn process() {
    let Ok(url) = std::env::var(URL) else { return };
    let (run, steps) = (std::env::var(RUN).unwrap(), std::env::var(STEPS).unwrap().parse().unwrap());
    let log = PostgresState::new(url).schema(std::env::var(SCHEMA).unwrap());
    let mut out = std::io::stdout().lock();
    for step in 0..steps {
        let number = log.number(&key("a"), &Slice::Whole, &run, step).unwrap();
        let cursor = log.append(&run, at(0), succeeded(step)).unwrap().cursor;
        // Whoever reads hangs up in one of the tests.
        if writeln!(out, "\ndid {step} {number} {cursor}.").is_err() {
            break;
        }
    }
}

fn start(schema: &Schema, run: &str, steps: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["postgres::several::process", "--exact", "--nocapture"])
        .envs([(URL, &*schema.url), (SCHEMA, &schema.name), (RUN, run), (STEPS, &steps.to_string())])
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
    let Some(schema) = Schema::new() else { return };
    let runs: Vec<String> = (0..4).map(|run| format!("r{run}")).collect();
    let children: Vec<Child> = runs.iter().map(|run| start(&schema, run, 40)).collect();
    let (mut numbers, mut cursors) = (BTreeSet::new(), BTreeSet::new());
    let log = schema.log();
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
fn what_a_killed_process_was_told_is_still_there_and_nobody_waits_for_it() {
    let Some(schema) = Schema::new() else { return };
    let mut told = Vec::new();
    for round in 0..3 {
        let run = format!("r{round}");
        let mut child = start(&schema, &run, usize::MAX);
        let mut lines = said(BufReader::new(child.stdout.take().unwrap()).lines());
        told.extend(lines.by_ref().take(30).map(|said| (run.clone(), said)));
        child.kill().unwrap();
        // It was in the middle of something, and may have said more.
        told.extend(lines.map(|said| (run.clone(), said)));
        child.wait().unwrap();
    }
    let log = schema.log();
    assert!(told.len() >= 90);
    for (run, (step, number, _)) in &told {
        assert_eq!(log.number(&key("a"), &Slice::Whole, run, *step).unwrap(), *number);
    }
    let greatest = told.iter().map(|(_, (_, number, _))| *number).max().unwrap();
    assert!(log.number(&key("a"), &Slice::Whole, "next", 0).unwrap() > greatest);
    let cursors: BTreeSet<u64> = log.events(0, usize::MAX).unwrap().iter().map(|event| event.cursor).collect();
    assert!(told.iter().all(|(_, (_, _, cursor))| cursors.contains(cursor)));
}

#[test]
fn who_follows_the_log_misses_nothing() {
    let Some(schema) = Schema::new() else { return };
    schema.log().log_id().unwrap();
    let followed = std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = schema.log();
            scope.spawn(move || {
                for step in 0..50 {
                    let batch = (0..=step % 4).map(|part| (at(0), succeeded(part))).collect();
                    log.append_all(&format!("r{thread}"), batch).unwrap();
                }
            });
        }
        let log = schema.log();
        let mut followed = Vec::new();
        while followed.len() < 4 * 123 {
            let after = followed.last().copied().unwrap_or(0);
            followed.extend(log.events(after, 7).unwrap().iter().map(|event| event.cursor));
        }
        followed
    });
    let all: Vec<u64> = schema.log().events(0, usize::MAX).unwrap().iter().map(|event| event.cursor).collect();
    assert_eq!(followed, all);
}

#[test]
fn a_log_that_is_locked_for_too_long_is_an_error_that_may_pass() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log().patience(Duration::from_millis(50));
    log.begin(&new_run("r", &holder(1), &[&["a"]]), &Rules::default()).unwrap();
    let mut other = schema.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut says = BufReader::new(other.stdout.take().unwrap());
    let lock = format!("BEGIN; SELECT 'locked' FROM {}.lakewright_log FOR UPDATE;", schema.quoted());
    writeln!(other.stdin.as_mut().unwrap(), "{lock}").unwrap();
    let mut line = String::new();
    says.read_line(&mut line).unwrap();
    assert_eq!(line, "locked\n");
    let error = log.number(&key("a"), &Slice::Whole, "r", 1).unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Conflict, "the log is busy"));
    assert!(log.append("r", at(0), succeeded(0)).unwrap_err().is_retryable());
    // Who reads does not wait for who writes, nor does who says that a run goes on.
    assert_eq!(log.events(0, 9).unwrap().len(), 1);
    assert_eq!(log.beat("r", &holder(1), at(9)).unwrap(), Beat::Go);
    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!(log.number(&key("a"), &Slice::Whole, "r", 1).unwrap(), 2, "the one that failed took none");
}
