//! What a store did that a rule forbids.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::lakehouse::BuildError;

/// What a store did that a rule forbids, in a sentence.
#[derive(Debug, Clone)]
pub(super) struct Breach(String);

impl Breach {
    /// With this sentence.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Breach {
    fn from(error: Error) -> Self {
        Self(format!("this failed, and should not have: {error:?}"))
    }
}

impl From<BuildError> for Breach {
    fn from(error: BuildError) -> Self {
        Self(format!("the definitions were refused, and should not have been: {error}"))
    }
}

/// The outcome of a rule, or of a part of one.
pub(super) type Verdict<T = ()> = Result<T, Breach>;

/// Ends a rule with this sentence unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err($crate::conformance::breach::Breach::new(format!($($message)*)));
        }
    };
}

/// The error of what had to be refused, with one of these kinds.
pub(super) fn refused<T>(outcome: Result<T>, kinds: &[ErrorKind], what: &str) -> Verdict<Error> {
    match outcome {
        Ok(_) => Err(Breach::new(format!("{what} has to be refused, and was not"))),
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => {
            let kinds: Vec<_> = kinds.iter().map(|kind| format!("`{kind:?}`")).collect();
            Err(Breach::new(format!(
                "{what} has to be refused with the kind {}, and the error was {error:?}",
                kinds.join(" or ")
            )))
        }
    }
}
