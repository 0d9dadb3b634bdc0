//! What a log in a file does besides: it is opened late, and stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lakewright::event::EventKind;
use lakewright::state::{Collected, PartitionStatus, RunQuery, SqliteState, State};
use lakewright::{ErrorKind, Slice};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::suite::{Handles, every_test, suite};
use crate::support::{Rules, at, failed, finished, holder, key, materialized, new_run, started, succeeded, texts};

/// Each handle is opened anew, and several are open at a time.
fn with(test: impl Fn(Handles<'_>)) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("deep/er/state.db");
    test(&|| Arc::new(SqliteState::new(&path)));
}

every_test!(with);

fn names(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn nothing_is_made_before_something_is_written() {
    let folder = tempdir().unwrap();
    let log = SqliteState::new(folder.path().join("new/state.db"));
    assert_eq!(log.events(0, 10).unwrap(), []);
    assert_eq!(log.keys("s").unwrap(), texts(&[]));
    assert_eq!(log.partition_status(&key("a")).unwrap(), []);
    assert_eq!((log.run("r").unwrap(), log.runs(&RunQuery::newest(10)).unwrap()), (None, vec![]));
    assert_eq!(
        (log.backfill("b").unwrap(), log.lines("r", 0, 10).unwrap(), log.snapshot(&key("a")).unwrap()),
        (None, vec![], None)
    );
    assert_eq!(log.append_all("r", vec![]).unwrap(), []);
    log.add_keys("s", &texts(&[""])).unwrap_err();
    assert_eq!(names(folder.path()), Vec::<PathBuf>::new());
    log.add_keys("s", &texts(&["k"])).unwrap();
    assert_eq!(log.keys("s").unwrap(), texts(&["k"]));
    assert!(log.path().exists());
}

#[test]
fn everything_is_there_after_the_last_handle_is_closed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let open = || SqliteState::new(&path);
    let id = open().log_id().unwrap();
    let at = Timestamp::UNIX_EPOCH;
    open().append("r", at, started(&[&["a"], &["b"]])).unwrap();
    open().append("r", at, materialized(0, "a")).unwrap();
    let last = open().append("r", at, failed(1)).unwrap();
    assert_eq!(open().number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
    open().add_keys("s", &texts(&["k"])).unwrap();
    assert_eq!(names(folder.path()), std::slice::from_ref(&path), "what lies beside the file goes with the last handle");

    assert_eq!(open().log_id().unwrap(), id);
    assert_eq!(open().events(0, 10).unwrap().last(), Some(&last));
    assert_eq!(open().number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
    assert_eq!(open().number(&key("a"), &Slice::Whole, "r2", 0).unwrap(), 2);
    assert_eq!(open().keys("s").unwrap(), texts(&["k"]));
    assert_eq!(open().partition_status(&key("a")).unwrap(), [(Slice::Whole, PartitionStatus::Materialized)]);
    assert_eq!(open().partition_status(&key("b")).unwrap(), [(Slice::Whole, PartitionStatus::Failed)]);
    assert!(open().append("r", at, succeeded(0)).unwrap().cursor > last.cursor);
}

#[test]
fn a_log_that_is_made_anew_has_another_identity() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let first = SqliteState::new(&path).log_id().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_ne!(SqliteState::new(&path).log_id().unwrap(), first);
}

#[test]
fn cursors_are_not_given_again_when_the_newest_event_is_removed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    let last = log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap().cursor;
    Connection::open(&path).unwrap().execute("DELETE FROM events", []).unwrap();
    assert!(log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap().cursor > last);
}

#[test]
fn slices_have_numbers_and_status_of_their_own() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    log.log_id().unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute("INSERT INTO numbers (asset, slice, number) VALUES ('a', 'another', 41)", []).unwrap();
    other.execute("INSERT INTO issued VALUES ('a', 'another', 'r', 0, 41)", []).unwrap();
    assert_eq!(log.number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
    other.execute("INSERT INTO partition_status VALUES ('a', 'v9:of a newer program', 'failed', 1)", []).unwrap();
    assert_eq!(log.partition_status(&key("b")).unwrap(), []);
    assert_eq!(log.partition_status(&key("a")).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_log_that_is_locked_for_too_long_is_an_error_that_may_pass() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path).patience(Duration::from_millis(20));
    assert_eq!(log.number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = log.number(&key("a"), &Slice::Whole, "r", 1).unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("is busy"), "{error:?}");
    assert!(log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap_err().is_retryable());
    // Who reads does not wait for who writes.
    assert_eq!(log.events(0, 1).unwrap(), []);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(log.number(&key("a"), &Slice::Whole, "r", 1).unwrap(), 2, "the one that failed took none");
}

#[test]
fn a_batch_or_a_beginning_that_fails_half_way_leaves_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    log.begin(&new_run("r", &holder(1), &[&["a"], &["b"]]), &Rules::default()).unwrap();
    let before = (log.run("r").unwrap(), log.events(0, 10).unwrap());
    let other = Connection::open(&path).unwrap();
    let refuse = |table: &str, when: &str| {
        let no = "BEGIN SELECT RAISE(ABORT, 'no'); END";
        other.execute_batch(&format!("CREATE TRIGGER no BEFORE INSERT ON {table} WHEN {when} {no}")).unwrap();
    };
    refuse("events", "new.kind LIKE '%step_failed%'");
    let batch = || [materialized(0, "a"), succeeded(0), failed(1)].map(|kind| (at(1), kind)).to_vec();
    log.append_all("r", batch()).unwrap_err();
    assert_eq!((log.run("r").unwrap(), log.events(0, 10).unwrap()), before);
    assert_eq!(log.partition_status(&key("a")).unwrap(), []);
    assert_eq!(log.history(&key("a"), u64::MAX, 10).unwrap(), []);
    other.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(log.append_all("r", batch()).unwrap().len(), 3);
    // The run is written after its numbers and its first event.
    refuse("runs", "new.run = 'r2'");
    log.begin(&new_run("r2", &holder(1), &[&["c"], &["a"]]), &Rules::default()).unwrap_err();
    assert_eq!((log.run("r2").unwrap(), log.events(0, 10).unwrap().len()), (None, 4));
    other.execute_batch("DROP TRIGGER no").unwrap();
    let event = log.begin(&new_run("r2", &holder(1), &[&["c"], &["a"]]), &Rules::default()).unwrap();
    let EventKind::RunStarted { numbers, .. } = &event.kind else { panic!("{event:?}") };
    assert_eq!(numbers, &[[1], [2]]);
}

/// So that others, who wait for the lock, have it in between.
#[test]
fn what_is_old_goes_in_parts_of_whole_runs() {
    let folder = tempdir().unwrap();
    let log = SqliteState::new(folder.path().join("state.db"));
    for run in ["r1", "r2", "r3"] {
        log.begin(&new_run(run, &holder(1), &[&["a"]]), &Rules::default()).unwrap();
        let many = (0..5_000).map(|_| (at(0), succeeded(0))).chain([(at(1), finished())]);
        log.append_all(run, many.collect()).unwrap();
    }
    let other = Connection::open(log.path()).unwrap();
    let no = "CREATE TRIGGER no BEFORE DELETE ON runs WHEN old.run = 'r2' BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(no).unwrap();
    log.collect(at(100)).unwrap_err();
    let left: Vec<String> = log.runs(&RunQuery::newest(9)).unwrap().into_iter().map(|run| run.run).collect();
    assert_eq!(left, ["r3", "r2"], "what came before it is gone");
    let events = |run: &str| log.run_events(run, 0, usize::MAX).unwrap().len();
    assert_eq!(["r1", "r2", "r3"].map(events), [0, 5_002, 5_002]);
    other.execute_batch("DROP TRIGGER no").unwrap();
    assert_eq!(log.collect(at(100)).unwrap(), Collected { runs: 2, events: 10_004, lines: 0 });
    assert_eq!(log.events(0, 9).unwrap(), []);
}

/// The connection that writes does not look, which for every row would cost a table of the three there are.
#[test]
fn what_is_written_of_slices_is_what_the_file_allows() {
    let folder = tempdir().unwrap();
    let log = SqliteState::new(folder.path().join("state.db"));
    let wiped = EventKind::Wiped { asset: key("c"), slice: Slice::Whole };
    let kinds = [started(&[&["a"], &["b"]]), materialized(0, "a"), failed(1), wiped];
    log.append_all("r", kinds.into_iter().map(|kind| (Timestamp::UNIX_EPOCH, kind)).collect()).unwrap();
    let other = Connection::open(log.path()).unwrap();
    let count = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(DISTINCT status) FROM partition_status"), 3, "all there are");
    let looked_at = || other.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(looked_at(), "ok");
    let unknown = "PRAGMA ignore_check_constraints = ON; UPDATE partition_status SET status = 'lost'; PRAGMA ignore_check_constraints = OFF";
    other.execute_batch(unknown).unwrap();
    assert_ne!(looked_at(), "ok", "it does look");
}

#[test]
fn what_sqlite_we_build_keeps_its_promises() {
    // Before 3.51.3, two writers could corrupt a log when it was being emptied.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

/// The form of the file is the same for ever; a change needs a version and a way from the old one.
#[test]
fn the_tables_are_what_version_2_has() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    SqliteState::new(&path).log_id().unwrap();
    let file = Connection::open(&path).unwrap();
    let pragma = |name: &str| file.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("application_id"), pragma("user_version")), (0x4c57_4c47, 2));
    let sql = "SELECT t.name || '(' || group_concat(c.name || ' ' || c.type || iif(c.pk, ' key', ''), ', ' ORDER BY c.cid) || ')'
               FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
               GROUP BY t.name ORDER BY t.name";
    let mut tables = file.prepare(sql).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let wanted = [
        "backfills(id TEXT key, at TEXT, json TEXT)",
        "dynamic_keys(set TEXT key, key TEXT key, place INTEGER)",
        "events(cursor INTEGER key, v INTEGER, run TEXT, at TEXT, kind TEXT)",
        "issued(asset TEXT key, slice TEXT key, run TEXT key, step INTEGER key, number INTEGER)",
        "lines(run TEXT key, place INTEGER key, step INTEGER, at TEXT, level TEXT, target TEXT, text TEXT)",
        "materializations(asset TEXT key, cursor INTEGER key)",
        "meta(log_id TEXT)",
        "numbers(asset TEXT key, slice TEXT key, number INTEGER)",
        "partition_status(asset TEXT key, slice TEXT key, status TEXT, cursor INTEGER)",
        "runs(first INTEGER key, run TEXT, state TEXT, started TEXT, finished TEXT, holder TEXT, beat TEXT, cancel INTEGER, \
         steps INTEGER, succeeded INTEGER, failed INTEGER, skipped INTEGER, about TEXT, backfill TEXT)",
        "slots(pool TEXT key, run TEXT key, step INTEGER key)",
        "snapshots(asset TEXT key, cursor INTEGER, space TEXT, bytes BLOB)",
    ];
    assert_eq!(tables, wanted);
}

/// The forms in the columns, too.
#[test]
fn the_rows_are_what_version_2_has() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    log.append("r", Timestamp::new(1_700_000_000, 5).unwrap(), started(&[&["a/b"]])).unwrap();
    log.append("r", Timestamp::UNIX_EPOCH, failed(0)).unwrap();
    log.number(&key("a/b"), &Slice::Whole, "r", 0).unwrap();
    let file = Connection::open(&path).unwrap();
    let one = |sql: &str| file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let kind = r#"{"kind":"run_started","steps":[{"assets":["a/b"],"slices":["v1:all"],"after":[]}],"fingerprint":"f"}"#;
    assert_eq!(
        one("SELECT concat_ws(' ', cursor, v, run, at, kind) FROM events WHERE cursor = 1"),
        format!("1 1 r 2023-11-14T22:13:20.000000005Z {kind}")
    );
    let digest = Slice::Whole.digest();
    assert_eq!(one("SELECT concat_ws(' ', asset, slice, number) FROM numbers"), format!("a/b {digest} 1"));
    assert_eq!(one("SELECT concat_ws(' ', asset, slice, run, step, number) FROM issued"), format!("a/b {digest} r 0 1"));
    assert_eq!(one("SELECT concat_ws(' ', asset, slice, status, cursor) FROM partition_status"), "a/b v1:all failed 2");
}
