//! Finds or makes the tables of a log, and refuses what is none.

use super::address::Address;
use super::failure::{Failure, damaged};
use super::link::Link;
use crate::error::{Error, ErrorKind};

/// The version of `schema.sql`.
const VERSION: i64 = 1;

const SCHEMA: &str = include_str!("schema.sql");

/// The first half of the key of an advisory lock, so that it is nobody else's: `LWLG`.
const LOCK: i32 = 0x4c57_4c47;

/// The identity of the log that is there; nothing if there is none yet.
///
/// # Errors
/// If what is there is no log, or one of a newer program.
pub(super) fn find(link: &mut Link, address: &Address) -> Result<Option<String>, Failure> {
    // By names and not by the search path, which is anybody's.
    let found = link.query(
        "SELECT current_setting('server_encoding'), \
         (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
          WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')), \
         (SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
          WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname = 'lakewright_log'), \
         current_setting('statement_timeout')",
        &[&address.schema],
    )?;
    let row = found.first().ok_or_else(damaged)?;
    let (encoding, tables, ours): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
    link.hurried = row.get::<_, &str>(3) != "0";
    if encoding != "UTF8" {
        let message = format!("the database of the log keeps text as {encoding}, which cannot hold every text");
        let help = "make one that can: `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`";
        return Err(Error::new(ErrorKind::Config, message).help(help).into());
    }
    if ours == 0 && tables == 0 {
        return Ok(None);
    }
    if ours == 0 {
        let message = format!("the schema `{}` has tables of another program", address.schema);
        return Err(Error::new(ErrorKind::Config, message).help("give the log a schema of its own").into());
    }
    let found = link.query("SELECT version, log_id FROM @.lakewright_log", &[])?;
    let row = found.first().ok_or_else(damaged)?;
    match row.get::<_, i64>(0) {
        VERSION => Ok(Some(row.get(1))),
        newer if newer > VERSION => {
            let message = format!("the log has version {newer}, and this program knows {VERSION}");
            Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it, or a newer one").into())
        }
        _ => Err(damaged().into()),
    }
}

/// Makes the tables, unless another process has done so in the meantime; all or nothing. The identity of what is there then.
pub(super) fn create(
    link: &mut Link,
    address: &Address,
    lock_timeout: &str,
    new_id: impl Fn() -> String,
) -> Result<String, Failure> {
    link.batch(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {lock_timeout}; SET LOCAL statement_timeout = 0; \
         SET LOCAL synchronous_commit = on"
    ))?;
    let made = create_within(link, address, new_id);
    if let Err(Failure::Told(_)) = made {
        link.batch("ROLLBACK")?;
    }
    let made = made?;
    link.batch("COMMIT")?;
    Ok(made)
}

fn create_within(link: &mut Link, address: &Address, new_id: impl Fn() -> String) -> Result<String, Failure> {
    link.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", &[&LOCK, &address.schema])?;
    if let Some(id) = find(link, address)? {
        return Ok(id);
    }
    // Asked first: a user that may not make schemas can be given one.
    let there = link.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", &[&address.schema])?;
    if there.is_empty() {
        link.batch("CREATE SCHEMA @").map_err(|failure| not_allowed(failure, address))?;
    }
    link.batch(SCHEMA).map_err(|failure| not_allowed(failure, address))?;
    let id = new_id();
    link.execute("INSERT INTO @.lakewright_log (version, log_id, cursor) VALUES ($1, $2, 0)", &[&VERSION, &id])?;
    Ok(id)
}

fn not_allowed(failure: Failure, address: &Address) -> Failure {
    match failure {
        Failure::Told(error) if error.kind() == ErrorKind::Io && !error.is_retryable() => {
            let schema = address.quoted_schema();
            let user = address.target().map_or_else(|_| "…".to_owned(), |target| target.user);
            Failure::Told(error.help(format!(
                "let the user make schemas in the database, or make one for it: `CREATE SCHEMA {schema} AUTHORIZATION \"{user}\"`"
            )))
        }
        other => other,
    }
}
