//! The log in a server of `PostgreSQL`, if there is one: `tests/emulators/postgres.sh start` starts one.
//!
//! What is in the database besides is looked at, and done to it, by `psql`.

mod crashed;
mod lost;
mod opened;
mod proxy;
mod refused;
mod several;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lakewright::state::PostgresState;

use crate::suite::{Handles, every_test, suite};

/// The URL of the server; nothing if there is none and none is required.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn server() -> Option<String> {
    let found = std::env::var("LAKEWRIGHT_POSTGRES").ok().filter(|url| !url.is_empty());
    let required = std::env::var("LAKEWRIGHT_EMULATORS").is_ok_and(|value| value == "required");
    assert!(found.is_some() || !required, "no server: run `tests/emulators/postgres.sh start`, and source the file it writes");
    if found.is_none() {
        eprintln!("skipped: no server of PostgreSQL; `tests/emulators/postgres.sh start` starts one");
    }
    found
}

/// A schema that no other test uses, gone with the test.
pub(crate) struct Schema {
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Schema {
    /// Nothing if there is no server.
    pub(crate) fn new() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let url = server()?;
        let name = format!("log \"{}\" {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self { url, name })
    }

    pub(crate) fn log(&self) -> PostgresState {
        self.log_at(&self.url)
    }

    fn log_at(&self, url: &str) -> PostgresState {
        PostgresState::new(url).schema(&self.name)
    }

    /// The URL with options.
    fn with(&self, options: &str) -> String {
        format!("{}?{options}", self.url)
    }

    fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    /// What `psql` says to a statement in which `@` is the schema: a line for each row.
    fn sql(&self, statement: &str) -> Vec<String> {
        let statement = statement.replace('@', &self.quoted());
        let mut psql = self.psql();
        let output = psql.args(["-c", &statement]).output().unwrap();
        assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new("psql");
        psql.args([&self.url, "-XAtq", "-v", "ON_ERROR_STOP=1"]).stdin(Stdio::null());
        psql
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS @ CASCADE");
        }
    }
}

/// Each handle is opened anew, and several are open at a time.
fn with(test: impl Fn(Handles<'_>)) {
    let Some(schema) = Schema::new() else { return };
    test(&|| Arc::new(schema.log()));
}

every_test!(with);
