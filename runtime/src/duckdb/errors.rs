//! What DuckDB says, as errors of ours.

use crate::error::{Error, ErrorKind};

/// Why a statement failed.
pub(super) fn sql_error(error: &::duckdb::Error, location: &str) -> Error {
    let message = error.to_string();
    told(&classify(&message), &message).with("location", location)
}

/// Why a database did not open.
pub(super) fn open_error(message: &str, location: &str) -> Error {
    let found = if message.contains("Could not set lock on file") {
        let help = "another process has the database open, and DuckDB lets one at a time: wait for it, for longer with `wait`, or \
                    stop it";
        Found { kind: ErrorKind::Io, retryable: true, help: Some(help) }
    } else if message.contains("not a valid DuckDB database file") {
        Found::of(ErrorKind::NotATable).help("it was left as it is; give the path of a DuckDB database, or of no file at all")
    } else if message.contains("not recognized") || message.contains("does not take this value") {
        Found::of(ErrorKind::Config)
    } else {
        classify(message)
    };
    told(&found, &format!("cannot open the DuckDB database: {message}")).with("location", location)
}

/// Whether it is an error of the checkpoint that follows a commit, after which the database is of no use until it is opened again: the
/// transaction itself is in the file.
pub(super) fn has_committed(error: &Error) -> bool {
    error.message().contains("COMMIT succeeded and is durable")
}

struct Found {
    kind: ErrorKind,
    retryable: bool,
    help: Option<&'static str>,
}

impl Found {
    fn of(kind: ErrorKind) -> Self {
        Self { kind, retryable: false, help: None }
    }

    fn help(self, help: &'static str) -> Self {
        Self { help: Some(help), ..self }
    }

    fn retryable(self) -> Self {
        Self { retryable: true, ..self }
    }
}

/// DuckDB's messages begin with the sort of error; its C API gives nothing else for statements that are prepared.
fn classify(message: &str) -> Found {
    let sort = message.split(':').next().unwrap_or_default();
    if ["icu extension", "ICU extension", "extension 'icu", "Extension \"icu\""].iter().any(|text| message.contains(text)) {
        let help = "the bundled DuckDB has no ICU, so it knows no time zones but UTC, and no extension is downloaded: convert \
                    times in the frame before or after";
        return Found::of(ErrorKind::Unsupported).help(help);
    }
    if sort == "Extension Autoloading Error" || sort == "Missing Extension Error" {
        let help = "the bundled DuckDB has `json` and `parquet`, and no extension is downloaded; `LOAD` one that is installed";
        return Found::of(ErrorKind::Unsupported).help(help);
    }
    if message.contains("No space left") || message.contains("disk is full") {
        return Found::of(ErrorKind::Io).help("the disk is full").retryable();
    }
    match sort {
        "TransactionContext Error" if message.contains("aborted") => {
            Found::of(ErrorKind::Conflict).help("an earlier statement of the transaction failed, so it can only be rolled back")
        }
        "TransactionContext Error" | "Transaction Error" if conflict(message) => {
            Found::of(ErrorKind::Conflict).help("another transaction changed the same rows; try again").retryable()
        }
        _ if conflict(message) => {
            Found::of(ErrorKind::Conflict).help("another transaction changed the same table; try again").retryable()
        }
        "IO Error" | "Permission Error" | "Out of Memory Error" | "Interrupt Error" => Found::of(ErrorKind::Io),
        "Catalog Error" if message.contains("does not exist") => Found::of(ErrorKind::Missing),
        "Catalog Error" if message.contains("already exists") => Found::of(ErrorKind::Present),
        "Catalog Error" | "Binder Error" | "Mismatch Type Error" | "Dependency Error" => Found::of(ErrorKind::Schema),
        "FATAL Error" => Found::of(ErrorKind::Corrupt)
            .help("see to what the message says, and start the program again: what was committed is in the file"),
        "Serialization Error" => Found::of(ErrorKind::Corrupt),
        // The sort of error that kept a transaction from being committed is not said.
        _ if ["Could not write", "Could not fsync", "Could not truncate"].iter().any(|text| message.contains(text)) => {
            Found::of(ErrorKind::Io)
        }
        "Not implemented Error" => Found::of(ErrorKind::Unsupported),
        "INTERNAL Error" => Found::of(ErrorKind::Internal),
        _ if message.contains("checksum") || message.contains("orrupt") => Found::of(ErrorKind::Corrupt),
        _ => Found::of(ErrorKind::Value),
    }
}

fn conflict(message: &str) -> bool {
    ["write-write conflict", "Conflict on ", "Transaction conflict", "conflict on update"]
        .iter()
        .any(|text| message.contains(text))
}

fn told(found: &Found, message: &str) -> Error {
    let error = Error::new(found.kind, one_line(message));
    let error = if found.retryable { error.retryable() } else { error };
    if let Some(help) = found.help { error.help(help) } else { error }
}

/// The message with the line of SQL that it quotes, without the caret that points into it.
fn one_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "^");
    lines.collect::<Vec<_>>().join("; ")
}
