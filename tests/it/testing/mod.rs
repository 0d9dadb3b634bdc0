//! `lakewright::testing`: runs of a test, in memory, with injected inputs.

mod assertions;
mod clock;
mod inputs;
mod partitions;

use lakewright::Error;

/// The error as its code, its message and what it says to do.
fn told(error: &Error) -> String {
    format!("{} {}\nhelp: {}", error.kind().code(), error.message(), error.help_text().unwrap_or("none"))
}

/// The place of an error.
fn place(error: &Error) -> String {
    error.context().find(|(name, _)| *name == "at").map(|(_, place)| place.to_owned()).unwrap_or_default()
}
