//! What cannot be used as a log, and what is said of it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use lakewright::state::{PostgresState, State};
use lakewright::{Error, ErrorKind, Slice};

use super::Schema;
use crate::support::{at, key, succeeded};

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
