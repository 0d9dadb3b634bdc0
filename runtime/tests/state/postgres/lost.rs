//! Connections that are lost, and answers with them: everything is written once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lakewright::event::{Event, EventKind};
use lakewright::state::{BackfillRecord, LogLine, MemoryState, RunQuery, State};
use lakewright::{ErrorKind, Slice};

use super::Schema;
use super::proxy::{Cut, Proxy};
use crate::support::{Rules, at, ended, failed, finished, holder, key, materialized, new_run, started, succeeded, texts};

/// Asks something of a log, and says what it returned.
type Ask = Box<dyn Fn(&dyn State) -> String>;

/// One request of each kind.
fn requests() -> Vec<(&'static str, Ask)> {
    fn said(answer: impl std::fmt::Debug) -> String {
        format!("{answer:?}")
    }
    let rules = Rules::default;
    vec![
        ("begin", Box::new(move |log| said(log.begin(&new_run("r", &holder(1), &[&["a", "b"], &["c[x]"]]), &rules())))),
        ("append", Box::new(|log| said(log.append_all("r", vec![(at(1), materialized(0, "a")), (at(2), failed(1))])))),
        ("first", Box::new(|log| said(log.append("q", at(2), started(&[&["a"]]))))),
        ("number", Box::new(|log| said(log.number(&key("a"), &Slice::Whole, "s", 0)))),
        ("another number", Box::new(|log| said(log.number(&key("a"), &Slice::Whole, "s", 1)))),
        ("beat", Box::new(|log| said(log.beat("r", &holder(1), at(3))))),
        ("slot", Box::new(move |log| said(log.take_slot("p", 1, "r", 0, &rules())))),
        ("cancel", Box::new(|log| said(log.cancel("r")))),
        ("free", Box::new(|log| said(log.free_slot("p", "r", 0)))),
        ("end", Box::new(|log| said(log.append("r", at(4), finished())))),
        ("reopen", Box::new(move |log| said(log.reopen("r", at(5), &holder(2), &[1], &rules())))),
        ("keys", Box::new(|log| said(log.add_keys("s", &texts(&["a", "b", "a"]))))),
        ("fewer keys", Box::new(|log| said(log.remove_keys("s", &texts(&["b", "c"]))))),
        (
            "lines",
            Box::new(|log| {
                let line = LogLine { step: None, at: at(6), level: "OUT".into(), target: "t".into(), text: "x".into() };
                said(log.append_lines("r", &[line.clone(), line]))
            }),
        ),
        ("backfill", Box::new(|log| said(log.put_backfill(&BackfillRecord { id: "b".into(), at: at(1), json: "{}".into() })))),
    ]
}

/// All that is in a log.
fn content(log: &dyn State) -> String {
    let statuses: Vec<_> = ["a", "b", "c"].iter().map(|asset| log.slice_status(&key(asset), 0).unwrap()).collect();
    format!(
        "{:#?}",
        (
            log.events(0, usize::MAX).unwrap(),
            log.runs(&RunQuery::newest(9)).unwrap(),
            log.keys("s").unwrap(),
            log.lines("r", 0, 9).unwrap(),
            log.backfills(9).unwrap(),
            statuses,
        )
    )
}

fn every_request_is_carried_out_once(cut: Cut, times: usize) {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::new(&schema.url, cut);
    let log = schema.log_at(&proxy.url);
    let (reference, reader) = (MemoryState::new("0123456789abcdef"), schema.log());
    log.log_id().unwrap();
    for (name, request) in requests() {
        proxy.cut(times);
        let (ours, wanted) = (request(&log), request(&reference));
        assert!(proxy.is_done(), "nothing was cut during `{name}`");
        assert_eq!(ours, wanted, "{name}");
        assert_eq!(content(&reader), content(&reference), "{name}");
    }
    assert!(proxy.connections.load(Ordering::SeqCst) > requests().len());
}

#[test]
fn what_was_written_when_the_answer_was_lost_is_not_written_again() {
    every_request_is_carried_out_once(Cut::After, 1);
}

#[test]
fn what_was_not_written_when_the_connection_was_lost_is_written_then() {
    every_request_is_carried_out_once(Cut::Before, 1);
    every_request_is_carried_out_once(Cut::Before, 3);
}

#[test]
fn what_many_append_while_connections_are_cut_is_there_once() {
    let Some(schema) = Schema::new() else { return };
    let told: Vec<Vec<Event>> = std::thread::scope(|scope| {
        let append = |thread: usize, cut| {
            let schema = &schema;
            scope.spawn(move || {
                let proxy = Proxy::new(&schema.url, cut);
                let log = schema.log_at(&proxy.url);
                let mut told = Vec::new();
                for step in 0..30 {
                    proxy.cut(step % 3 % 2);
                    let batch: Vec<_> = (0..3).map(|part| (at(part), succeeded(step))).collect();
                    told.extend(log.append_all(&format!("r{thread}"), batch).unwrap());
                    log.number(&key("a"), &Slice::Whole, &format!("r{thread}"), step).unwrap();
                }
                told
            })
        };
        let threads: Vec<_> =
            (0..4).map(|thread| append(thread, if thread % 2 == 0 { Cut::Before } else { Cut::After })).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut told = told.concat();
    told.sort_by_key(|event| event.cursor);
    assert_eq!(schema.log().events(0, usize::MAX).unwrap(), told);
    assert_eq!(told.len(), 360);
    assert_eq!(schema.log().number(&key("a"), &Slice::Whole, "next", 0).unwrap(), 121);
}

#[test]
fn a_log_whose_connections_the_server_ends_goes_on() {
    let Some(schema) = Schema::new() else { return };
    let own = format!("of {}", schema.name.replace('"', ""));
    let log = schema.log_at(&schema.with(&format!("application_name={}", own.replace(' ', "%20"))));
    let end = || {
        let ended =
            schema.sql(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{own}'"));
        assert!(!ended.is_empty());
    };
    log.append("r", at(1), succeeded(0)).unwrap();
    end();
    log.append("r", at(2), succeeded(1)).unwrap();
    log.events(0, 9).unwrap();
    end();
    assert_eq!(log.events(0, 9).unwrap().len(), 2);
    assert_eq!(log.number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
    end();
    log.append("r", at(3), ended(lakewright::event::RunStatus::Succeeded)).unwrap();
    assert_eq!(log.events(0, 9).unwrap().len(), 3);
}

#[test]
fn a_server_that_starts_again_behind_a_pool_is_waited_for() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::new(&schema.url, Cut::Before);
    let log = schema.log_at(&proxy.url);
    log.append("r", at(1), succeeded(0)).unwrap();
    proxy.turn_away(3);
    proxy.cut(1);
    log.append("r", at(2), succeeded(1)).unwrap();
    assert!(proxy.is_done());
    assert_eq!(schema.log().events(0, 9).unwrap().len(), 2);
}

#[test]
fn a_server_that_is_gone_for_too_long_is_an_error_that_may_pass() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::new(&schema.url, Cut::Before);
    let log = schema.log_at(&proxy.url).patience(Duration::from_millis(300));
    log.append("r", at(1), succeeded(0)).unwrap();
    proxy.cut(usize::MAX);
    let start = Instant::now();
    let error = log.append("r", at(2), succeeded(1)).unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(300), "it was tried again");
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.is_retryable(), "{error:?}");
    assert!(error.message().contains("the connection to the log was lost"), "{error:?}");
    assert!(error.is_unsettled(), "nobody knows whether it was written");
    proxy.cut(0);
    log.append("r", at(3), succeeded(2)).unwrap();
    let steps: Vec<_> = schema.log().events(0, 9).unwrap().into_iter().map(|event| event.kind).collect();
    assert!(
        matches!(steps[..], [EventKind::StepSucceeded { step: 0, .. }, EventKind::StepSucceeded { step: 2, .. }]),
        "{steps:?}"
    );
}
