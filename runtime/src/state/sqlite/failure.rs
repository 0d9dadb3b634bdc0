//! What `SQLite` says went wrong, as our error: where, and what to do.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

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
        // What processes share of a log is a file as well, and that there is no room for it has no code of its own.
        Some(ErrorCode::SystemIoFailure) if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) => {
            Error::new(ErrorKind::Io, message).help("the disk is full").retryable()
        }
        Some(ErrorCode::SystemIoFailure) => Error::new(ErrorKind::Io, message).help("the disk may be full, or fail").retryable(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_whatever_there_was_no_room_for() {
        for (code, full) in [
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_SHMSIZE, true),
            (ffi::SQLITE_IOERR_FSYNC, false),
            (ffi::SQLITE_IOERR_READ, false),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("disk I/O error".to_owned()));
            let told = failed(&error, "open", Path::new("state.db"));
            assert!(told.is_retryable() && told.kind() == ErrorKind::Io, "{told:?}");
            assert_eq!(told.help_text() == Some("the disk is full"), full, "{told:?}");
        }
    }
}
