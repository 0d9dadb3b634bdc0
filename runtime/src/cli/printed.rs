//! Standard output: who reads it may leave early, as `head` does, and whatever else keeps it from being written is told.

use std::io::{self, ErrorKind, Write, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{EXIT_OK, EXIT_STORE, complain};

/// What has kept standard output from being written, since a command began.
static TROUBLE: Mutex<Option<ErrorKind>> = Mutex::new(None);

/// Prints a text and the end of a line.
pub(super) fn print(text: &str) {
    note(writeln!(stdout(), "{text}"));
}

/// Takes in how something was written to standard output, and says so if it was not and somebody has to know.
pub(super) fn note(written: io::Result<()>) {
    let Err(error) = written else { return };
    let mut trouble = trouble();
    if trouble.is_some() {
        return;
    }
    *trouble = Some(error.kind());
    if error.kind() != ErrorKind::BrokenPipe {
        complain(&format!("standard output cannot be written: {error}"));
    }
}

/// Whether what is still to come would be written for nobody.
pub(super) fn is_lost() -> bool {
    trouble().is_some()
}

/// The exit code of a command that ends with this one, with what became of all that it printed.
pub(super) fn settled(code: u8) -> u8 {
    match trouble().take() {
        Some(kind) if kind != ErrorKind::BrokenPipe && code == EXIT_OK => EXIT_STORE,
        _ => code,
    }
}

fn trouble() -> MutexGuard<'static, Option<ErrorKind>> {
    TROUBLE.lock().unwrap_or_else(PoisonError::into_inner)
}
