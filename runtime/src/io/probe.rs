//! What a store can do where it is, by trying.

use crate::error::{Error, Result};

/// What was tried of a store, and what came of it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Probe {
    /// In the order in which it was tried; what would have come after a failure may be missing.
    pub checks: Vec<Check>,
}

/// One thing that was tried.
#[derive(Debug)]
#[non_exhaustive]
pub struct Check {
    /// What: `reach`, `list`, `write`, `put-if-absent`, `delete`, or a word of the store's own.
    pub name: &'static str,
    /// What was found, in a few words, or why it failed.
    pub outcome: Result<String>,
}

impl Probe {
    /// Nothing was tried yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what came of something, and says whether it is well.
    pub fn check(&mut self, name: &'static str, outcome: Result<String>) -> bool {
        self.checks.push(Check { name, outcome });
        self.passed_last()
    }

    fn passed_last(&self) -> bool {
        self.checks.last().is_none_or(|check| check.outcome.is_ok())
    }

    /// Whether everything is well.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.outcome.is_ok())
    }

    /// The first thing that is not.
    ///
    /// # Errors
    /// If there is one.
    pub fn into_result(self) -> Result<()> {
        self.checks.into_iter().try_for_each(|check| check.outcome.map(drop))
    }

    /// With this said of everything that is not well.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let checks = self.checks.into_iter();
        self.checks =
            checks.map(|check| Check { outcome: check.outcome.map_err(|error| error.with(name, value)), ..check }).collect();
        self
    }
}

impl From<Result<(), Error>> for Probe {
    /// One check, of stores that have no more to say.
    fn from(outcome: Result<(), Error>) -> Self {
        let mut probe = Self::new();
        probe.check("write", outcome.map(|()| "it can be written to".to_owned()));
        probe
    }
}
