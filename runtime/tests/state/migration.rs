//! A log of version 1 is brought up to date, whoever else does so at the same time and whatever ends it half way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use lakewright::event::EventKind;
use lakewright::state::{PartitionStatus, RunQuery, RunState, SqliteState, State};
use lakewright::{ErrorKind, Slice};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::processes::start;
use crate::support::{Rules, finished, holder, key, new_run, succeeded, texts};

/// The tables as version 1 made them.
const SCHEMA: &str = include_str!("version_1.sql");

const STARTED: &str = r#"{"kind":"run_started","steps":[{"assets":["a"],"slices":["v1:all"],"after":[]},{"assets":["p"],"slices":["v1:[x]"],"after":[0]}],"fingerprint":"f"}"#;
const MATERIALIZED: &str = r#"{"kind":"materialized","step":0,"materialization":{"asset":"a","slice":"v1:all","store":"delta","location":"/t","version":3,"rows":2,"slice_rows":2,"table_rows":2,"bytes":10,"columns":[],"code_version":null,"metadata":[],"commit":{"log":"0123456789abcdef","asset":"a","slice":"df8f540bfcd43ee48028f7db1f493a1d","number":4},"attempt":1}}"#;
const SUCCEEDED: &str = r#"{"kind":"step_succeeded","step":0,"durations":{"load":"PT0S","compute":"PT0S","store":"PT0S"}}"#;
const FAILED: &str = r#"{"kind":"step_failed","step":1,"failure":{"code":"LW0301","message":"m","context":[],"causes":[],"help":null,"retryable":false}}"#;
const FINISHED: &str = r#"{"kind":"run_finished","status":"failed","elapsed":"PT1S"}"#;

/// A log as a program of version 1 left it: a run that has ended, and one that was killed.
fn first_version(path: &Path, killed: usize) {
    let file = Connection::open(path).unwrap();
    let header = "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x4c574c47; PRAGMA user_version = 1; BEGIN;";
    file.execute_batch(&format!("{header} {SCHEMA}")).unwrap();
    let mut insert = file.prepare("INSERT INTO events (v, run, at, kind) VALUES (1, ?1, ?2, ?3)").unwrap();
    for (second, kind) in [STARTED, MATERIALIZED, SUCCEEDED, FAILED, FINISHED].into_iter().enumerate() {
        insert.execute(["old", &format!("2023-11-14T22:13:2{second}Z"), kind]).unwrap();
    }
    for kind in [STARTED].into_iter().chain(std::iter::repeat_n(SUCCEEDED, killed)) {
        insert.execute(["killed", "2023-11-14T22:14:00Z", kind]).unwrap();
    }
    file.execute_batch(
        "INSERT INTO meta VALUES ('0123456789abcdef');
         INSERT INTO numbers VALUES ('a', 'df8f540bfcd43ee48028f7db1f493a1d', 4);
         INSERT INTO issued VALUES ('a', 'df8f540bfcd43ee48028f7db1f493a1d', 'old', 0, 4);
         INSERT INTO dynamic_keys VALUES ('s', 'k', 1);
         INSERT INTO partition_status VALUES ('a', 'v1:all', 'materialized', 2), ('p', 'v1:[x]', 'failed', 4);
         COMMIT;",
    )
    .unwrap();
}

fn copies(path: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = names.filter(|name| name.to_str().unwrap().contains(".v1.")).collect();
    found.sort();
    found
}

fn version(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Everything that was in a log of the first version is in this one.
#[track_caller]
fn is_all_there(path: &Path, killed: u64) {
    let log = SqliteState::new(path);
    assert_eq!(log.log_id().unwrap(), "0123456789abcdef");
    let old = log.run("old").unwrap().unwrap();
    assert_eq!((old.first, old.recorded, old.holder.clone(), old.steps), (1, RunState::Failed, None, 2));
    assert_eq!((old.succeeded, old.failed, old.skipped), (1, 1, 0));
    assert_eq!(old.started.to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(old.finished.unwrap().to_string(), "2023-11-14T22:13:24Z");
    let open = log.run("killed").unwrap().unwrap();
    assert_eq!((open.first, open.recorded, open.succeeded), (6, RunState::Running, killed));
    assert_eq!(open.state(&Rules::default()), RunState::Interrupted);
    assert_eq!(log.runs(&RunQuery::newest(10)).unwrap(), [open, old]);
    let history = log.history(&key("a"), u64::MAX, 10).unwrap();
    assert!(matches!(&history[..], [one] if one.cursor == 2 && matches!(one.kind, EventKind::Materialized { .. })));
    assert_eq!(log.events(0, usize::MAX).unwrap().len() as u64, 6 + killed);
    assert_eq!(log.partition_status(&key("a")).unwrap(), [(Slice::Whole, PartitionStatus::Materialized)]);
    assert_eq!(log.partition_status(&key("p")).unwrap()[0].1, PartitionStatus::Failed);
    assert_eq!(log.slice_status(&key("p"), 0).unwrap()[0].cursor, 4);
    assert_eq!(log.keys("s").unwrap(), texts(&["k"]));
    assert_eq!(log.number(&key("a"), &Slice::Whole, "old", 0).unwrap(), 4);
    drop(log);
    let file = Connection::open(path).unwrap();
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!((sound.as_str(), version(path)), ("ok", 2));
}

#[test]
fn what_was_in_a_log_of_version_1_is_in_it_still() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    first_version(&path, 1);
    is_all_there(&path, 1);
    // And it is used like any other.
    let log = SqliteState::new(&path);
    let event = log.begin(&new_run("new", &holder(1), &[&["a"], &["p[x]"]]), &Rules::default()).unwrap();
    let EventKind::RunStarted { numbers, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(numbers, &[[5], [1]]);
    log.append("new", event.at, finished()).unwrap();
    log.append("w", event.at, EventKind::Wiped { asset: key("a"), slice: Slice::Whole }).unwrap();
    assert_eq!(log.partition_status(&key("a")).unwrap(), [(Slice::Whole, PartitionStatus::Wiped)]);
    log.reopen("killed", event.at, &holder(1), &[0, 1], &Rules::default()).unwrap();
    // The tables are those that a new log has.
    let new = folder.path().join("new.db");
    SqliteState::new(&new).log_id().unwrap();
    let tables = |path: &Path| -> BTreeSet<String> {
        let file = Connection::open(path).unwrap();
        let mut select = file.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(tables(&path), tables(&new));
}

#[test]
fn a_copy_of_the_log_as_it_was_is_put_beside_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    first_version(&path, 1);
    SqliteState::new(&path).keys("s").unwrap();
    let copy = folder.path().join("state.db.v1.bak");
    assert_eq!(copies(&path), std::slice::from_ref(&copy));
    assert_eq!(version(&copy), 1);
    let rows = |table| -> i64 {
        Connection::open(&copy).unwrap().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(["meta", "events", "numbers", "issued", "dynamic_keys", "partition_status"].map(rows), [1, 7, 1, 1, 1, 2]);
    // It is a log like any other, should somebody want to look into it.
    is_all_there(&copy, 1);
}

#[test]
fn what_an_attempt_left_behind_is_neither_in_the_way_nor_written_over() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    first_version(&path, 1);
    // One that was killed while it copied.
    let part = folder.path().join("state.db.v1.bak.part");
    fs::write(&part, "half a copy").unwrap();
    let old = fs::read(&path).unwrap();
    is_all_there(&path, 1);
    let first = folder.path().join("state.db.v1.bak");
    assert_eq!(copies(&path), std::slice::from_ref(&first));
    // One that was killed after that, just before the end: it is not copied twice.
    fs::write(&path, &old).unwrap();
    is_all_there(&path, 1);
    assert_eq!(copies(&path), std::slice::from_ref(&first));
    // And one after which an old program went on.
    let copied = fs::read(&first).unwrap();
    fs::remove_file(&path).unwrap();
    first_version(&path, 2);
    is_all_there(&path, 2);
    assert_eq!(copies(&path), [folder.path().join("state.db.v1.2.bak"), first.clone()]);
    assert!(fs::read(&first).unwrap() == copied);
}

#[test]
fn a_log_that_cannot_be_brought_up_to_date_stays_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    first_version(&path, 1);
    Connection::open(&path).unwrap().execute("UPDATE events SET kind = '{}' WHERE cursor = 3", []).unwrap();
    let before = fs::read(&path).unwrap();
    for _ in 0..2 {
        let error = SqliteState::new(&path).events(0, 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("event 3 "), "{error:?}");
    }
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(copies(&path), Vec::<PathBuf>::new());
}

#[test]
fn processes_and_threads_that_find_an_old_log_at_once() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    first_version(&path, 500);
    let children: Vec<Child> = (0..3).map(|run| start(&path, &format!("r{run}"), 2)).collect();
    let open = || {
        let path = path.clone();
        std::thread::spawn(move || SqliteState::new(path).run("old").unwrap().unwrap())
    };
    let threads: Vec<_> = (0..3).map(|_| open()).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().steps, 2);
    }
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(copies(&path).len(), 1);
    assert_eq!(SqliteState::new(&path).append("r0", jiff::Timestamp::UNIX_EPOCH, succeeded(0)).unwrap().cursor, 506 + 6 + 1);
}

#[test]
fn a_process_that_is_killed_while_it_migrates_leaves_one_log_or_the_other() {
    for round in 0..6 {
        let folder = tempdir().unwrap();
        let path = folder.path().join("state.db");
        first_version(&path, 2000);
        let mut child = start(&path, "r", 0);
        // At another moment each time: when it opens the log, when it copies it, when it has done so.
        let sign = folder.path().join(["state.db-shm", "state.db.v1.bak.part", "state.db.v1.bak"][round % 3]);
        while !sign.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!([1, 2].contains(&version(&path)));
        is_all_there(&path, 2000);
        assert_eq!(copies(&path).len(), 1);
    }
}
