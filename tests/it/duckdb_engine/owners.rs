//! One owner for each file: many users in a process, one process at a time.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lakewright::duckdb::DuckDb;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::{AssetBuilder, Call, ErrorKind, ValueKind};
use tempfile::tempdir;

use super::{count, file};
use crate::support::{lakehouse, run_all};

/// A process that has the file open until its input is closed.
fn holder(path: &Path) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_duckdb_process"))
        .arg("hold")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    child
}

#[test]
fn sixteen_steps_and_eight_users_at_once_meet_no_lock() {
    let (folder, database) = file();
    let path = database.path().unwrap().to_owned();
    database.connection().unwrap().execute("CREATE TABLE users (id BIGINT, n BIGINT)").unwrap();
    let step = |number: i64| {
        // Each its own value of the same path, by another way to it.
        let database = DuckDb::open(path.parent().unwrap().join(".").join("warehouse.duckdb"));
        let body = move |call: Call| {
            let database = database.clone();
            async move {
                let connection = database.connection()?;
                connection.execute(&format!("CREATE OR REPLACE TABLE step_{number} (n BIGINT)"))?;
                for n in 0..20i64 {
                    connection.execute_with(&format!("INSERT INTO step_{number} VALUES (?)"), [n.into()])?;
                }
                call.produce_object(connection.query_value::<i64>(&format!("SELECT sum(n)::BIGINT FROM step_{number}"), [])?)
            }
        };
        AssetBuilder::new(format!("step_{number}"), ValueKind::Object).io_manager("memory").body(body).unwrap()
    };
    let user = |id: i64| {
        let database = DuckDb::open(&path);
        thread::spawn(move || {
            for n in 0..20i64 {
                let connection = database.connection().unwrap();
                connection.execute_with("INSERT INTO users VALUES (?, ?)", [id.into(), n.into()]).unwrap();
                let own: i64 = connection.query_value("SELECT count(*) FROM users WHERE id = ?", [id.into()]).unwrap();
                assert_eq!(own, n + 1, "readers see what was written before");
            }
        })
    };
    let users: Vec<_> = (0..8).map(user).collect();
    run_all(&lakehouse(&folder, (0..16).map(step)).build().unwrap());
    for user in users {
        user.join().unwrap();
    }
    let connection = database.connection().unwrap();
    assert_eq!(count(&connection, "users"), 8 * 20);
    for number in 0..16 {
        assert_eq!(count(&connection, &format!("step_{number}")), 20);
    }
}

#[cfg(unix)]
#[test]
fn links_to_a_file_are_the_file() {
    let (folder, database) = file();
    let holds = database.connection().unwrap();
    holds.execute("CREATE TABLE t AS SELECT 1; BEGIN; INSERT INTO t SELECT 2").unwrap();
    let path = database.path().unwrap();
    let (soft, hard, broken) = (folder.path().join("soft"), folder.path().join("hard"), folder.path().join("broken"));
    std::os::unix::fs::symlink(path, &soft).unwrap();
    std::fs::hard_link(path, &hard).unwrap();
    for link in [soft, hard] {
        let other = DuckDb::open(link).connection().unwrap();
        assert_eq!(count(&other, "t"), 1, "it is the same instance, so there is nothing to recover");
    }
    std::os::unix::fs::symlink(folder.path().join("nothing"), &broken).unwrap();
    assert_eq!(DuckDb::open(broken).connection().unwrap_err().kind(), ErrorKind::Io);
    assert!(!folder.path().join("nothing").exists());
}

#[test]
fn a_reader_beside_a_writer_sees_what_is_committed() {
    let (_folder, database) = file();
    let (writer, reader) = (database.connection().unwrap(), database.connection().unwrap());
    writer.execute("CREATE TABLE t AS SELECT * FROM range(3)").unwrap();
    writer.execute("BEGIN; INSERT INTO t SELECT * FROM range(100)").unwrap();
    assert_eq!((count(&reader, "t"), count(&writer, "t")), (3, 103));
    writer.execute("COMMIT").unwrap();
    assert_eq!(count(&reader, "t"), 103);
}

#[test]
fn another_process_that_has_the_file_is_named_once_the_wait_is_over() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("warehouse.duckdb");
    let mut other = holder(&path);
    let wait = Duration::from_millis(300);
    let begun = Instant::now();
    let error = DuckDb::builder(&path).wait(wait).build().connection().unwrap_err();
    assert!(begun.elapsed() >= wait, "it was waited for");
    let text = format!("{error:?}");
    assert!(error.is_retryable(), "{text}");
    for wanted in [&format!("PID {}", other.id()), "duckdb_process", "warehouse.duckdb"] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    let connection = DuckDb::builder(&path).wait(wait).build().connection().unwrap();
    assert_eq!(count(&connection, "held"), 1);
}

#[test]
fn another_process_that_ends_in_time_is_waited_for() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("warehouse.duckdb");
    let mut other = holder(&path);
    let waiting = DuckDb::builder(&path).wait(Duration::from_mins(5)).build();
    let waited = thread::spawn(move || count(&waiting.connection().unwrap(), "held"));
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(waited.join().unwrap(), 1);
}

#[test]
fn the_file_is_given_back_once_nobody_uses_it() {
    let (_folder, database) = file();
    let path = database.path().unwrap().to_owned();
    let connection = database.connection().unwrap();
    connection.execute("CREATE TABLE t AS SELECT 1").unwrap();
    database.release();
    connection.execute("INSERT INTO t SELECT 2").unwrap();
    drop(connection);
    let mut other = holder(&path);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(count(&database.connection().unwrap(), "t"), 2, "it is opened again when it is used again");
    drop(database);
    let mut other = holder(&path);
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
}

#[test]
fn one_file_has_one_set_of_settings() {
    let (_folder, database) = file();
    let path = database.path().unwrap();
    let with = |threads: &str| DuckDb::builder(path).setting("threads", threads).build();
    let first = with("2");
    let threads: i64 = first.connection().unwrap().query_value("SELECT current_setting('threads')::BIGINT", []).unwrap();
    assert_eq!(threads, 2);
    assert!(with("2").connection().is_ok());
    for other in [with("1"), DuckDb::open(path)] {
        let error = other.connection().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.message().contains("`threads`"), "{error:?}");
    }
    drop(first);
    assert!(with("1").connection().is_ok(), "once it is closed it may be opened otherwise");

    let error = DuckDb::builder(path).setting("thread_count", "1").build().connection().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.message().contains("thread_count"), "{error:?}");
    let secret = DuckDb::builder(path).setting("s3_secret_access_key", "hunter2").build();
    assert!(!format!("{secret:?}").contains("hunter2"));
    let store = DuckDbIoManager::new(path).setting("s3_secret_access_key", "hunter2");
    let shown = format!("{store:?}");
    assert!(shown.contains("s3_secret_access_key") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn databases_in_memory_are_of_the_process_by_name_or_of_their_value() {
    let (first, again) = (DuckDb::open(":memory:mine"), DuckDb::open(":memory:mine"));
    first.connection().unwrap().execute("CREATE TABLE t AS SELECT 1").unwrap();
    drop(first);
    assert_eq!(count(&again.connection().unwrap(), "t"), 1);
    let (own, other) = (DuckDb::in_memory(), DuckDb::in_memory());
    own.connection().unwrap().execute("CREATE TABLE t AS SELECT 1").unwrap();
    own.release();
    assert_eq!(count(&own.clone().connection().unwrap(), "t"), 1);
    assert_eq!(other.connection().unwrap().execute("FROM t").unwrap_err().kind(), ErrorKind::Missing);
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("notes.duckdb");
    let contents = [b"these are not the rows you are looking for\n".repeat(1000), b"short".to_vec()];
    for content in contents {
        std::fs::write(&path, &content).unwrap();
        let error = DuckDb::open(&path).connection().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotATable, "{error:?}");
        assert!(format!("{error:?}").contains("notes.duckdb"), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is beside it");
    }
    let error = DuckDb::open(folder.path().join("nowhere").join("x.duckdb")).connection().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    assert!(error.help_text().is_some_and(|help| help.contains("nowhere")), "{error:?}");
    assert_eq!(DuckDb::open(folder.path()).connection().unwrap_err().kind(), ErrorKind::NotATable);
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn what_is_committed_is_no_error_if_the_checkpoint_after_it_fails() {
    let (_folder, database) = file();
    let path = database.path().unwrap().to_owned();
    let connection = database.connection().unwrap();
    connection.execute("CREATE TABLE t (n BIGINT)").unwrap();
    // Each commit is followed by a checkpoint, which fails as on a disk that is full.
    connection.execute("SET debug_checkpoint_abort = 'before_header'; SET checkpoint_threshold = '1KB'").unwrap();
    connection.transaction(|tx| tx.execute("INSERT INTO t SELECT * FROM range(1000)")).unwrap();
    let error = connection.execute("FROM t").unwrap_err();
    assert!(error.help_text().is_some_and(|help| help.contains("what was committed is in the file")), "{error:?}");
    drop((connection, database));
    assert_eq!(count(&DuckDb::open(path).connection().unwrap(), "t"), 1000);
}
