//! What tests assert of a run. Each assertion panics at the line of the test, with what became of the asset instead.

use super::outcome::{TestOutcome, shown};
use crate::error::ErrorKind;
use crate::exec::{StepOutcome, StepReport};
use crate::metadata::MetadataValue;

#[allow(clippy::must_use_candidate, reason = "an assertion is made for its own sake, and gives itself back for the next")]
impl TestOutcome {
    /// Every step succeeded.
    ///
    /// # Panics
    /// If one did not, with every failure.
    #[track_caller]
    pub fn assert_success(&self) -> &Self {
        let failed = |(step, failure): (&StepReport, _)| format!("`{}` failed: {}", step.assets[0], shown(failure));
        let failures: Vec<String> = self.report().failures().map(failed).collect();
        assert!(self.report().is_success(), "the run did not succeed:\n{}", failures.join("\n"));
        self
    }

    /// The step of the asset failed, with an error of this kind.
    ///
    /// # Panics
    /// If it did not, or with another.
    #[track_caller]
    pub fn assert_failed(&self, asset: &str, kind: ErrorKind) -> &Self {
        let key = self.key(asset);
        let failed = self.failure(asset).is_some_and(|failure| failure.code == kind.code());
        assert!(failed, "`{key}` should have failed with {kind:?} ({}), and {}", kind.code(), self.fate(&key));
        self
    }

    /// The asset was stored.
    ///
    /// # Panics
    /// If it was not.
    #[track_caller]
    pub fn assert_materialized(&self, asset: &str) -> &Self {
        let key = self.key(asset);
        let stored = !self.materializations(asset).is_empty() && self.failure(asset).is_none();
        assert!(stored, "`{key}` should have been materialized, and {}", self.fate(&key));
        self
    }

    /// The asset did not run because something upstream failed, or it ran and gave nothing to store.
    ///
    /// # Panics
    /// If it did.
    #[track_caller]
    pub fn assert_skipped(&self, asset: &str) -> &Self {
        let key = self.key(asset);
        let skipped = self.steps(&key).any(|step| matches!(step.outcome, StepOutcome::Skipped(_)));
        let skipped = skipped || (self.gave_nothing(&key) && self.failure(asset).is_none());
        assert!(skipped, "`{key}` should have been skipped, and {}", self.fate(&key));
        self
    }

    /// So many rows of the asset were stored, in all partitions of the run.
    ///
    /// # Panics
    /// If it were more or fewer, or none because it was not stored or is no frame.
    #[track_caller]
    pub fn assert_rows(&self, asset: &str, rows: u64) -> &Self {
        self.assert_materialized(asset);
        let key = self.key(asset);
        let Some(stored) = self.materializations(asset).into_iter().map(|one| one.rows).sum::<Option<u64>>() else {
            panic!("`{key}` should have {rows} rows, and is no frame");
        };
        assert!(stored == rows, "`{key}` should have {rows} rows, and has {stored}");
        self
    }

    /// This was recorded beside the value of the asset.
    ///
    /// # Panics
    /// If it was not, with what was.
    #[track_caller]
    pub fn assert_metadata(&self, asset: &str, name: &str, value: impl Into<MetadataValue>) -> &Self {
        self.assert_materialized(asset);
        let (key, value) = (self.key(asset), value.into());
        let all: Vec<_> = self.materializations(asset).into_iter().flat_map(|one| &one.metadata).collect();
        let found: Vec<&MetadataValue> = all.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
        if found.is_empty() {
            let names: Vec<String> = all.iter().map(|(name, _)| format!("`{name}`")).collect();
            panic!("`{key}` should have the metadata `{name}`, and has [{}]", names.join(", "));
        }
        assert!(found.contains(&&value), "the metadata `{name}` of `{key}` should be {value:?}, and is {found:?}");
        self
    }
}
