//! What the server says went wrong, as our error: where, what to do, and whether the same may be tried again at once.

use tokio_postgres::error::SqlState;

use super::address::Target;
use crate::error::{Error, ErrorKind};

/// Why something was not done.
pub(super) enum Failure {
    /// It was refused, and nothing is tried again here.
    Told(Error),
    /// The connection is gone, or of no more use; the same may be tried over another.
    Lost {
        error: Error,
        /// Whether that is worth it also for a server that has never answered yet.
        patient: bool,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// What is left to say if nothing is tried again.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Told(error) | Self::Lost { error, .. } => error,
        }
    }
}

/// Why there is no connection. `is_copy` is what a server says of itself to which nobody [may write](refuses_writes).
pub(super) fn refused(error: &tokio_postgres::Error, target: &Target, is_copy: bool) -> Failure {
    let Target { hosts, user, database, .. } = target;
    let place = |told: Error| told.with("host", format!("`{hosts}`")).with("database", format!("`{database}`"));
    let whole = |told: Error| place(told).with("user", format!("`{user}`")).source(cause(error));
    let config = |message: String, help: String| Failure::Told(whole(Error::new(ErrorKind::Config, message).help(help)));
    match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => config(
            format!("the server of the log does not let the user `{user}` in"),
            "check the user and the password in the URL, and the server's `pg_hba.conf`".to_owned(),
        ),
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => config(
            format!("the server of the log has no database `{database}`"),
            format!("make it: `CREATE DATABASE {database}`"),
        ),
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => config(
            format!("the user `{user}` may not connect to the database `{database}`"),
            format!("`GRANT CONNECT ON DATABASE {database} TO {user}`"),
        ),
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS || *code == SqlState::CANNOT_CONNECT_NOW => {
            let message = "the server of the log takes no more connections at the moment";
            let error = whole(Error::new(ErrorKind::Io, message)).help("try again; each process needs two").retryable();
            Failure::Lost { error, patient: true }
        }
        // A pool whose server starts again, or a server that stops at this moment.
        Some(code) if is_gone(code) => {
            let error = whole(Error::new(ErrorKind::Io, "the server of the log ended the connection"));
            Failure::Lost { error: error.help("try again").retryable(), patient: false }
        }
        Some(_) => Failure::Told(whole(Error::new(ErrorKind::Io, "the server of the log refuses the connection"))),
        None => {
            let text = cause(error);
            if text.contains("password") {
                return config(
                    "the server of the log wants a password".to_owned(),
                    "put it into the URL: `postgres://user:password@host/database`".to_owned(),
                );
            }
            if refuses_writes(error) {
                let (message, help) = if is_copy {
                    let help = "name the server that it copies; of several, separated by commas, the right one is found";
                    ("the server of the log is a copy that cannot be written to".to_owned(), help.to_owned())
                } else {
                    let help = format!(
                        "`ALTER ROLE \"{user}\" SET default_transaction_read_only = off`, unless it is on for the database, for \
                         the server, or by the URL"
                    );
                    (format!("the user `{user}` only reads: `default_transaction_read_only` is on"), help)
                };
                let error = whole(Error::new(ErrorKind::Config, message));
                return Failure::Lost { error: error.help(help).retryable(), patient: false };
            }
            if is_about_encryption(error, &text) {
                let help = "`sslmode=verify-full` takes only a server with a certificate of its name; `sslrootcert=FILE` names who \
                            may sign it, and `sslmode=disable` is for networks of your own";
                return config("no encrypted connection to the server of the log comes about".to_owned(), help.to_owned());
            }
            let message = format!("the server of the log does not answer at `{hosts}`");
            let help = "check that it runs, that host and port are right, and that nothing in between keeps connections away";
            Failure::Lost { error: whole(Error::new(ErrorKind::Io, message)).help(help).retryable(), patient: false }
        }
    }
}

/// Whether a server was refused because transactions only read there unless they say otherwise: of a copy, or of a user.
pub(super) fn refuses_writes(error: &tokio_postgres::Error) -> bool {
    cause(error).contains("does not allow writes")
}

/// Whether it is encryption that does not come about, and not a connection that broke off on the way there.
fn is_about_encryption(error: &tokio_postgres::Error, text: &str) -> bool {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    // What rustls takes offence at, and a name that no certificate can have.
    let is_told = io.is_none_or(|io| matches!(io.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput));
    is_told && ["certificate", "TLS", "tls"].iter().any(|word| text.contains(word))
}

/// Why something was not done over a connection that there was.
pub(super) fn failed(error: &tokio_postgres::Error) -> Failure {
    let Some(code) = error.code() else {
        if error.is_closed() || has_io(error) {
            return lost(&cause(error));
        }
        return Failure::Told(Error::new(ErrorKind::Internal, "the log cannot be asked").source(cause(error)));
    };
    let io = |message: &str| Error::new(ErrorKind::Io, message).source(cause(error));
    match code {
        code if *code == SqlState::LOCK_NOT_AVAILABLE => Failure::Told(
            Error::new(ErrorKind::Conflict, "the log is busy")
                .help("another process keeps it locked; try again, and look for one that hangs if it stays so")
                .retryable(),
        ),
        code if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED => {
            Failure::Lost { error: io("the server of the log undid a transaction").retryable(), patient: true }
        }
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Failure::Told(io("the user of the log may not do this").help(
            "the schema and its tables have to be the user's own, or it needs SELECT, INSERT, UPDATE and DELETE on all of them",
        )),
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Failure::Lost { error: io("the server of the log cannot be written to any more").retryable(), patient: true }
        }
        code if *code == SqlState::DISK_FULL || *code == SqlState::OUT_OF_MEMORY => {
            Failure::Told(io("the server of the log has no room left").retryable())
        }
        code if *code == SqlState::QUERY_CANCELED => {
            Failure::Told(io("the server of the log broke off what it was asked").help("see its `statement_timeout`").retryable())
        }
        code if is_gone(code) => lost(&cause(error)),
        code if code.code().starts_with("42") || code.code().starts_with("3F") => Failure::Told(damaged().source(cause(error))),
        _ => Failure::Told(Error::new(ErrorKind::Internal, "the log cannot do what it was asked").source(cause(error))),
    }
}

/// A connection that is gone.
pub(super) fn lost(why: &str) -> Failure {
    let error = Error::new(ErrorKind::Io, "the connection to the log was lost").help("try again").source(why.to_owned());
    Failure::Lost { error: error.retryable(), patient: true }
}

/// A log that cannot be read.
pub(super) fn damaged() -> Error {
    let help = "restore nothing older over it: numbers that are issued twice lose data. Give the log another schema; tables keep their \
                rows. The history and the keys of dynamic partitions have to be added again";
    Error::new(ErrorKind::Corrupt, "the log is damaged, or is no log").help(help)
}

/// A log that has less than it said it had: a crash of its server took the rest.
pub(super) fn forgotten() -> Error {
    let help = "its server crashed, or a copy took over that was behind. Start the program again: what it had begun stays \
                open, and the next run, or `doctor --repair`, asks the stores what was committed";
    // No conflict: whoever ends a lost run would take that for another process that is ending it.
    Error::new(ErrorKind::Corrupt, "the log has lost its newest events").help(help)
}

/// Whether a server that says this ends the connection with it.
fn is_gone(code: &SqlState) -> bool {
    code.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::DATABASE_DROPPED,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
        // Of an idle session, and of a transaction that took too long; newer than the crate's list.
        || ["57P05", "25P04"].contains(&code.code())
}

fn has_io(error: &tokio_postgres::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.is::<std::io::Error>() {
            return true;
        }
        next = cause.source();
    }
    false
}

/// What the library says, with what caused it. It never has the password.
fn cause(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return match told.hint() {
            Some(hint) => format!("{} ({}; {hint})", told.message(), told.code().code()),
            None => format!("{} ({})", told.message(), told.code().code()),
        };
    }
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
