//! What is no log is refused, said clearly, and left as it is.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use lakewright::state::{SqliteState, State};
use lakewright::{Error, ErrorKind, Slice};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::support::{Rules, holder, key, new_run, succeeded, texts};

/// The one error of every call.
#[track_caller]
fn refused(path: &Path) -> Error {
    let log = SqliteState::new(path);
    let errors = [
        log.log_id().unwrap_err(),
        log.number(&key("a"), &Slice::Whole, "r", 0).unwrap_err(),
        log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap_err(),
        log.add_keys("s", &texts(&["k"])).unwrap_err(),
        log.remove_keys("s", &texts(&["k"])).unwrap_err(),
        log.events(0, 1).unwrap_err(),
        log.keys("s").unwrap_err(),
        log.partition_status(&key("a")).unwrap_err(),
        log.begin(&new_run("r", &holder(1), &[&["a"]]), &Rules::default()).unwrap_err(),
        log.beat("r", &holder(1), Timestamp::UNIX_EPOCH).unwrap_err(),
        log.run("r").unwrap_err(),
        log.history(&key("a"), u64::MAX, 1).unwrap_err(),
        log.collect(Timestamp::UNIX_EPOCH).unwrap_err(),
    ];
    let kind = errors[0].kind();
    for error in &errors {
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(format!("{error:?}").contains(path.file_name().unwrap().to_str().unwrap()), "{error:?}");
        assert!(!error.is_retryable(), "{error:?}");
    }
    let [first, ..] = errors;
    first
}

#[test]
fn a_file_that_is_no_database_is_damage() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let garbage = "garbage ".repeat(1000);
    fs::write(&path, &garbage).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.help_text().unwrap().contains("Move it away"), "{error:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), garbage);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_log_of_a_newer_program_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    SqliteState::new(&path).number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("has version 3, and this program knows 2"), "{error:?}");
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn the_database_of_another_program_is_refused_untouched() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("of another program"), "{error:?}");
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_folder_in_the_way_and_a_file_where_a_folder_has_to_be() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::Io);
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refused(&file.join("state.db")).kind();
    assert_eq!(error, ErrorKind::Io);
}

#[test]
fn a_log_that_has_lost_its_identity_is_damage() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    SqliteState::new(&path).log_id().unwrap();
    Connection::open(&path).unwrap().execute("DELETE FROM meta", []).unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::Corrupt);
}

#[test]
fn an_empty_file_becomes_a_log() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::write(&path, "").unwrap();
    assert_eq!(SqliteState::new(&path).keys("s").unwrap(), texts(&[]));
    assert_eq!(SqliteState::new(&path).number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
}

#[test]
fn a_page_of_garbage_is_damage_and_no_empty_answer() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    for step in 0..200 {
        log.append("r", Timestamp::UNIX_EPOCH, succeeded(step)).unwrap();
    }
    drop(log);
    let mut bytes = fs::read(&path).unwrap();
    // All but the first page, which says what the file is.
    bytes[4096..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::Corrupt);
}

#[test]
fn events_that_cannot_be_understood_are_errors() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap();
    let file = Connection::open(&path).unwrap();
    for (change, kind) in [
        ("v = 2", ErrorKind::Unsupported),
        ("v = 1, at = 'noon'", ErrorKind::Corrupt),
        ("v = 1, at = '1970-01-01T00:00:00Z', kind = '{}'", ErrorKind::Corrupt),
    ] {
        file.execute(&format!("UPDATE events SET {change}"), []).unwrap();
        let error = log.events(0, 1).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains("event 1 "), "{error:?}");
    }
}

#[test]
fn a_log_that_is_replaced_while_it_is_in_use_is_noticed() {
    let folder = tempdir().unwrap();
    let (path, old) = (folder.path().join("state.db"), folder.path().join("old.db"));
    let log = SqliteState::new(&path).patience(std::time::Duration::from_millis(1));
    log.number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    // A lock makes one call fail, after which the log is opened again.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    log.number(&key("a"), &Slice::Whole, "r", 1).unwrap_err();
    drop(other);
    fs::rename(&path, old).unwrap();
    let error = log.number(&key("a"), &Slice::Whole, "r", 1).unwrap_err();
    assert!(error.message().contains("was replaced"), "{error:?}");
}

#[test]
fn runs_that_cannot_be_understood_are_errors() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.db");
    let log = SqliteState::new(&path);
    log.begin(&new_run("r", &holder(1), &[&["a"]]), &Rules::default()).unwrap();
    let file = Connection::open(&path).unwrap();
    for change in
        ["state = 'asleep'", "state = 'failed', finished = 'noon'", "finished = NULL, holder = '{}'", "holder = NULL, steps = -1"]
    {
        file.execute(&format!("UPDATE runs SET {change}"), []).unwrap();
        let error = log.run("r").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
        assert_eq!(log.append("r", Timestamp::UNIX_EPOCH, succeeded(0)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
