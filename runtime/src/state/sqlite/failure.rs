//! What `SQLite` says went wrong, as our error: where, and what to do.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, ErrorKind};

/// An error of `SQLite` while `tried` was done to the log at a path.
pub(super) fn failed(error: &rusqlite::Error, tried: &str, path: &Path) -> Error {
    let message = format!("cannot {tried} the log `{}`", path.display());
    let told = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            Error::new(ErrorKind::Conflict, format!("the log `{}` is busy", path.display()))
                .help("another process keeps it locked; try again, and look for one that hangs if it stays so")
                .retryable()
        }
        // Or what is there is of another type than we have written.
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) | None => damaged(path),
        Some(ErrorCode::DiskFull) => Error::new(ErrorKind::Io, message).help("the disk is full").retryable(),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Error::new(ErrorKind::Io, message).help("check the permissions of the file and of its folder")
        }
        Some(ErrorCode::CannotOpen) => {
            Error::new(ErrorKind::Io, message).help("it has to be a file, in a folder in which this process may make files")
        }
        Some(ErrorCode::SystemIoFailure) => Error::new(ErrorKind::Io, message).retryable(),
        Some(_) => Error::new(ErrorKind::Internal, message),
    };
    told.source(error.to_string())
}

/// A log that cannot be read.
pub(super) fn damaged(path: &Path) -> Error {
    let help = "restore nothing older over it: numbers that are issued twice lose data. Move it away, with the `-wal` and `-shm` \
                beside it, while no other process runs; a new log begins, and tables keep their rows. The history and the keys of \
                dynamic partitions have to be added again";
    Error::new(ErrorKind::Corrupt, format!("the log `{}` is damaged, or is no log", path.display())).help(help)
}
