//! What cannot be used as a log, and what is said of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lakewright::state::{PostgresState, State};
use lakewright::{Error, ErrorKind, Slice};

use super::Schema;
use super::proxy::fatal;
use crate::support::{at, key, succeeded, texts};

/// Everything that an error says.
fn told(error: &Error) -> String {
    format!("{error:?}")
}

/// The URL with another password.
fn with_password(url: &str, password: &str) -> String {
    let (user, rest) = url.strip_prefix("postgres://").unwrap().split_once(':').unwrap();
    format!("postgres://{user}:{password}@{}", rest.split_once('@').unwrap().1)
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log_at(&with_password(&schema.url, "hunter2hunter2"));
    let error = log.log_id().unwrap_err();
    let host = schema.url.split_once('@').unwrap().1.split_once('/').unwrap().0;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.is_retryable());
    assert_eq!(error.message(), "the server of the log does not let the user `lakewright` in");
    assert!(
        told(&error).contains(&format!(
            "(host `{host}`, database `postgres`, user `lakewright`, log postgres://lakewright@{host}/postgres"
        )),
        "{error:?}"
    );
    assert!(!told(&error).contains("hunter2") && !format!("{log:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn what_is_not_there_is_named() {
    let Some(schema) = Schema::new() else { return };
    let (base, _) = schema.url.rsplit_once('/').unwrap();
    let error = schema.log_at(&format!("{base}/nowhere")).events(0, 1).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Config, "the server of the log has no database `nowhere`"));
    let error = schema.log_at(&with_password(&schema.url, "")).log_id().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let log = PostgresState::new(format!("postgres://me:hunter2@127.0.0.1:{port}/shop"));
    let start = Instant::now();
    for error in [log.events(0, 1).unwrap_err(), log.append("r", at(0), succeeded(0)).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.is_retryable());
        assert_eq!(error.message(), format!("the server of the log does not answer at `127.0.0.1:{port}`"));
        assert!(told(&error).contains("database `shop`, user `me`") && !told(&error).contains("hunter2"), "{error:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(15), "half of its patience");
}

/// What whoever asks hears of a server that says this, each after something was sent to it, and then hangs up.
fn hung_up(options: &str, answers: Vec<Vec<u8>>) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me:hunter2@{}/shop?{options}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            for answer in &answers {
                assert_ne!(client.read(&mut [0; 4096]).unwrap(), 0);
                client.write_all(answer).unwrap();
            }
        }
    });
    PostgresState::new(url).events(0, 1).unwrap_err()
}

#[test]
fn a_connection_that_is_ended_on_the_way_may_be_made_another_time() {
    // As a pool turns away whose server is away; as a server stops to which one is connected and that is ready; and in the middle of a
    // handshake.
    let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec();
    for (options, answers) in [
        ("sslmode=disable", vec![fatal("08P01", "server login has been failing")]),
        ("sslmode=disable", vec![welcome, fatal("57P01", "terminating connection")]),
        ("sslmode=require", vec![b"S".to_vec()]),
    ] {
        let error = hung_up(options, answers);
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, true), "{error:?}");
        assert!(!told(&error).contains("hunter2"), "{error:?}");
    }
    // Not so if encryption is what does not come about.
    for (answers, why) in [
        (vec![b"N".to_vec()], "server does not support TLS"),
        (vec![b"S".to_vec(), b"HTTP/1.1 400 Bad Request\r\n".to_vec()], "corrupt message"),
    ] {
        let error = hung_up("sslmode=require", answers);
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Config, false), "{error:?}");
        assert!(told(&error).contains(why), "{error:?}");
    }
}

#[test]
fn a_user_that_only_reads_is_no_copy() {
    let Some(schema) = Schema::new() else { return };
    let error = schema.log_at(&schema.with("options=-c%20default_transaction_read_only%3Don")).log_id().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.message(), "the user `lakewright` only reads: `default_transaction_read_only` is on");
    assert!(error.help_text().unwrap().contains("ALTER ROLE \"lakewright\""), "{error:?}");
}

#[test]
fn how_long_a_user_may_take_is_not_how_long_the_log_may() {
    let Some(schema) = Schema::new() else { return };
    let hurried = || schema.log_at(&schema.with("options=-c%20statement_timeout%3D500"));
    // Another makes the log, and takes longer than that.
    let mut other = schema.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lock = format!("SELECT 'locked' FROM pg_advisory_xact_lock({}, hashtext('{}'))", 0x4c57_4c47, schema.name);
    writeln!(other.stdin.as_mut().unwrap(), "BEGIN; {lock}; SELECT pg_sleep(1); COMMIT;").unwrap();
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "locked\n");
    hurried().add_keys("s", &texts(&["a", "b"])).unwrap();
    drop(other.stdin.take());
    other.wait().unwrap();
    schema.sql(
        "ALTER TABLE @.dynamic_keys RENAME TO own_keys; \
         CREATE VIEW @.dynamic_keys AS SELECT own_keys.* FROM @.own_keys, (SELECT pg_sleep(1)) AS slow",
    );
    let log = hurried();
    assert_eq!(log.keys("s").unwrap(), texts(&["a", "b"]));
    // What is damaged is told as ever, and nothing is left of it in the connection.
    schema.sql("ALTER TABLE @.events RENAME TO gone");
    assert_eq!(log.events(0, 1).unwrap_err().kind(), ErrorKind::Corrupt);
    schema.sql("ALTER TABLE @.gone RENAME TO events");
    assert_eq!(log.events(0, 1).unwrap(), []);
}

#[test]
fn a_url_that_is_none_is_told_without_what_is_in_it() {
    for (url, wanted) in [
        ("hunter2", "the URL of the log does not begin with `postgres://`"),
        ("mysql://me:hunter2@host/db", "the URL of the log does not begin with `postgres://`"),
        ("host=localhost password=hunter2", "the URL of the log does not begin with `postgres://`"),
        ("postgres://me:hunter2@host:port/db", "the URL of the log cannot be read"),
        ("postgres:///db", "the URL of the log names no host"),
        ("postgres://me:hun?ter2=x@host/db", "the URL of the log has an option that is none"),
        ("postgres://me:hunter2@host/db?ssl_mode=require", "the URL of the log has an option that is none"),
        ("postgres://me:hunter2@host/db?sslmode=hunter2", "the URL of the log has an `sslmode` that is none"),
    ] {
        let log = PostgresState::new(url);
        let error = log.log_id().unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Config, wanted), "{url}");
        assert!(error.help_text().is_some());
        assert!(!told(&error).contains("ter2") && !told(&error).contains("hun"), "{error:?}");
        assert!(!format!("{log:?}").contains("ter2"), "{log:?}");
    }
    for schema in ["", "a\0b", &"x".repeat(64)] {
        let error = PostgresState::new("postgres://me:hunter2@host/db").schema(schema).log_id().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[test]
fn a_log_of_a_newer_program_is_left_alone() {
    let Some(schema) = Schema::new() else { return };
    schema.log().number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    schema.sql("UPDATE @.lakewright_log SET version = 2");
    for error in [schema.log().number(&key("a"), &Slice::Whole, "r", 1).unwrap_err(), schema.log().events(0, 1).unwrap_err()] {
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "the log has version 2, and this program knows 1"));
    }
    schema.sql("UPDATE @.lakewright_log SET version = 1; UPDATE @.events SET v = 2");
    schema.log().append("r", at(0), succeeded(0)).unwrap();
    schema.sql("UPDATE @.events SET v = 2");
    assert_eq!(schema.log().events(0, 1).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn the_tables_of_another_program_are_left_alone() {
    let Some(schema) = Schema::new() else { return };
    schema.sql("CREATE SCHEMA @; CREATE TABLE @.events (mine TEXT)");
    for error in [schema.log().log_id().unwrap_err(), schema.log().events(0, 1).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.message(), format!("the schema `{}` has tables of another program", schema.name));
    }
    assert_eq!(schema.sql("SELECT count(*) FROM @.events"), ["0"]);
}

#[test]
fn damage_is_no_empty_answer() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    log.append("r", at(0), succeeded(0)).unwrap();
    schema.sql("UPDATE @.events SET kind = '{'");
    assert_eq!(log.events(0, 1).unwrap_err().kind(), ErrorKind::Corrupt);
    schema.sql("DELETE FROM @.lakewright_log");
    for log in [log, schema.log()] {
        assert_eq!(log.append("r", at(0), succeeded(0)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    schema.sql("DROP TABLE @.events");
    assert_eq!(schema.log().events(0, 1).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_user_that_may_not_make_a_schema_is_told_what_to_ask_for() {
    let Some(schema) = Schema::new() else { return };
    let user = format!("user_{}_{}", std::process::id(), schema.name.rsplit(' ').next().unwrap());
    schema.sql(&format!("CREATE ROLE {user} LOGIN PASSWORD 'pw'"));
    let url = with_password(&schema.url, "pw").replace("lakewright:", &format!("{user}:"));
    let error = schema.log_at(&url).log_id().unwrap_err();
    assert!(error.help_text().unwrap().contains(&format!("AUTHORIZATION \"{user}\"")), "{error:?}");
    schema.sql(&format!("CREATE SCHEMA @ AUTHORIZATION {user}"));
    schema.log_at(&url).log_id().unwrap();
    schema.sql(&format!("SET client_min_messages = error; DROP SCHEMA @ CASCADE; DROP ROLE {user}"));
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused() {
    let Some(schema) = Schema::new() else { return };
    let name = format!("latin_{}", std::process::id());
    schema.sql(&format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
    let (base, _) = schema.url.rsplit_once('/').unwrap();
    let error = schema.log_at(&format!("{base}/{name}")).log_id().unwrap_err();
    assert_eq!(error.message(), "the database of the log keeps text as LATIN1, which cannot hold every text");
    schema.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

#[test]
fn whom_to_take_for_the_server_is_as_the_url_says() {
    let Some(schema) = Schema::new() else { return };
    let Some(authority) = std::env::var("LAKEWRIGHT_POSTGRES_AUTHORITY").ok().filter(|file| !file.is_empty()) else { return };
    let encrypted = |options: &str| {
        let log = schema.log_at(&schema.with(&format!("{options}&application_name={}", options.replace(['/', '='], "_"))));
        log.log_id().map(|_| {
            schema.sql(&format!(
                "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{}'",
                options.replace(['/', '='], "_").chars().take(63).collect::<String>()
            ))
        })
    };
    assert_eq!(encrypted("sslmode=disable").unwrap(), ["f"]);
    assert_eq!(encrypted("sslmode=prefer").unwrap(), ["t"]);
    assert_eq!(encrypted("sslmode=require").unwrap(), ["t"]);
    let trusted = format!("sslrootcert={authority}");
    assert!(schema.log_at(&schema.with(&format!("sslmode=verify-full&{trusted}"))).log_id().is_ok());
    assert!(schema.log_at(&schema.with(&trusted)).log_id().is_ok());
    let error = encrypted("sslmode=verify-full").unwrap_err();
    assert_eq!(error.message(), "no encrypted connection to the server of the log comes about");
    assert!(told(&error).contains("certificate"), "{error:?}");
    // Another name of the same server, of which the certificate says nothing.
    let other = schema.with(&format!("sslmode=verify-full&{trusted}")).replace("@127.0.0.1", "@127.0.0.2");
    schema.log_at(&other).log_id().unwrap_err();
    let none = schema.log_at(&schema.with("sslrootcert=/nowhere.pem")).log_id().unwrap_err();
    assert!(none.message().contains("`/nowhere.pem`"), "{none:?}");
}
