//! What happened, as data: the only thing that passes from what runs to what shows, records or reacts.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::commit::CommitId;
use crate::error::Error;
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::schema::Column;
use crate::slice::Slice;

/// The version of the envelope. A reader refuses a greater one.
pub const EVENT_VERSION: u32 = 1;

/// One thing that happened, in its envelope.
///
/// ```
/// use lakewright::event::{Event, EventKind};
///
/// let text = r#"{"v":1,"cursor":7,"run":"r1","at":"2026-01-02T03:04:05Z","kind":"step_started","step":0,"attempt":1}"#;
/// let event: Event = serde_json::from_str(text)?;
/// assert_eq!(event.cursor, 7);
/// assert!(matches!(event.kind, EventKind::StepStarted { step: 0, attempt: 1 }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// [`EVENT_VERSION`] when it was written.
    pub v: u32,
    /// Its place in the log: greater than that of every earlier event of the same log.
    pub cursor: u64,
    /// The run it belongs to.
    pub run: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A run began; the first event of a run.
    RunStarted {
        /// Each step of the plan, in the order of their numbers.
        steps: Vec<StepSummary>,
        /// Identifies the definitions that the plan was made from.
        fingerprint: String,
        /// The moment of the plan, which a run keeps to when it is resumed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan_at: Option<Timestamp>,
        /// The number of the commit of each slice of each step, which every attempt at it keeps.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        numbers: Vec<Vec<i64>>,
        /// What the run is for.
        #[serde(default, skip_serializing_if = "RunAbout::is_empty")]
        about: RunAbout,
    },
    /// A run that had ended, or whose process had, goes on: with the same numbers, so that nothing is committed twice.
    RunResumed {
        /// The steps that run again, or for the first time; the others are done.
        steps: Vec<usize>,
    },
    /// A step began.
    StepStarted {
        /// The number of the step.
        step: usize,
        /// Counts the attempts at it, from 1.
        attempt: u32,
    },
    /// An input that may be absent was absent.
    InputMissing {
        /// The number of the step.
        step: usize,
        /// The upstream asset.
        asset: AssetKey,
        /// The partitions of it that were absent; nothing if it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partitions: Option<Slice>,
    },
    /// An input was taken over from memory, from the step of this run that has just stored it.
    InputHandedOver {
        /// The number of the step.
        step: usize,
        /// The upstream asset.
        asset: AssetKey,
        /// How many bytes it takes.
        bytes: u64,
    },
    /// The output of a step is stored, and readers see it.
    Materialized {
        /// The number of the step.
        step: usize,
        /// What is recorded of it.
        #[serde(with = "shared")]
        materialization: Arc<Materialization>,
    },
    /// An asset had nothing to store; what was stored before is still there.
    OutputSkipped {
        /// The number of the step.
        step: usize,
        /// The asset.
        asset: AssetKey,
        /// The part of it for which nothing was stored.
        #[serde(default)]
        slice: Slice,
        /// Why nothing was stored.
        reason: String,
    },
    /// What an earlier attempt had committed and could not record any more: found in the store itself.
    Reconciled {
        /// The number of the step.
        step: usize,
        /// What was found of it.
        #[serde(with = "shared")]
        materialization: Arc<Materialization>,
    },
    /// Somebody says that a part of an asset is stored, by other means than a run.
    Reported {
        /// The asset.
        asset: AssetKey,
        /// The part of it.
        slice: Slice,
        /// What was said of it.
        #[serde(default)]
        metadata: Vec<(String, MetadataValue)>,
    },
    /// A part of an asset was removed from its store.
    Wiped {
        /// The asset.
        asset: AssetKey,
        /// The part of it.
        slice: Slice,
    },
    /// An attempt at a step failed, and there will be another.
    StepRetrying {
        /// The number of the step.
        step: usize,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// How long until the next.
        delay: SignedDuration,
    },
    /// A step did all it had to.
    StepSucceeded {
        /// The number of the step.
        step: usize,
        /// How long its parts took.
        durations: Durations,
    },
    /// A step failed; nothing that it had not committed is visible.
    StepFailed {
        /// The number of the step.
        step: usize,
        /// Why.
        failure: Failure,
    },
    /// A step did not run because something it depends on did not succeed, or because the run is ending.
    StepSkipped {
        /// The number of the step.
        step: usize,
        /// Why.
        reason: SkipReason,
    },
    /// The run ended; the last event of a run.
    RunFinished {
        /// How.
        status: RunStatus,
        /// How long it took.
        elapsed: SignedDuration,
    },
}

impl EventKind {
    /// The number of the step that it is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::StepStarted { step, .. }
            | Self::InputMissing { step, .. }
            | Self::InputHandedOver { step, .. }
            | Self::Materialized { step, .. }
            | Self::OutputSkipped { step, .. }
            | Self::Reconciled { step, .. }
            | Self::StepRetrying { step, .. }
            | Self::StepSucceeded { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepSkipped { step, .. } => Some(*step),
            Self::RunStarted { .. }
            | Self::RunResumed { .. }
            | Self::RunFinished { .. }
            | Self::Reported { .. }
            | Self::Wiped { .. } => None,
        }
    }
}

/// A record that a run, its report and its log share, written as if it were owned.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

/// What a run is for: information for people, and what it is found by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunAbout {
    /// The selection it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// What whoever started it attached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The backfill that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<String>,
    /// What it does, if it does not materialize: `wipe`, `report` or `repair`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Whether it leaves out what has not changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

impl RunAbout {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A step as an event shows it: enough to display a run without the definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSummary {
    /// The assets it produces.
    pub assets: Vec<AssetKey>,
    /// The part of each asset, in the same order.
    pub slices: Vec<Slice>,
    /// The numbers of the steps it waits for.
    pub after: Vec<usize>,
}

/// What is recorded when the output of a step is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Materialization {
    /// The asset.
    pub asset: AssetKey,
    /// The part of it that was written.
    pub slice: Slice,
    /// The key of the store.
    pub store: String,
    /// Where it is, as a person or a program would open it.
    pub location: String,
    /// The version of the table, where the store counts them.
    pub version: Option<i64>,
    /// The number of rows written, for tables.
    pub rows: Option<u64>,
    /// The number of rows in the slice afterwards, where that is known without reading it.
    #[serde(default)]
    pub slice_rows: Option<u64>,
    /// The number of rows in the whole table, where that is known without reading it.
    pub table_rows: Option<u64>,
    /// The number of bytes written.
    pub bytes: Option<u64>,
    /// The columns with their types, for tables.
    pub columns: Vec<Column>,
    /// The version of the code, where the asset declares one.
    pub code_version: Option<String>,
    /// Identifies the code that made it: the version it declares, and the text of its function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Identifies the configuration of the asset, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// What it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputVersion>,
    /// Identifies the data: the same again as long as nothing has changed that could change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_version: Option<String>,
    /// What the body attached.
    pub metadata: Vec<(String, MetadataValue)>,
    /// The identity of the commit.
    pub commit: CommitId,
    /// Counts the attempts at the step, from 1.
    pub attempt: u32,
}

/// An upstream, as it was when something was made from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputVersion {
    /// The asset.
    pub asset: AssetKey,
    /// The part of it that was read.
    pub slice: Slice,
    /// Identifies the data of each part that was recorded there, in the order of keys; empty for what somebody else writes.
    pub data: Vec<String>,
    /// The version of the table, where the store counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// How long the parts of a step took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// Finding the inputs and reading those that are not read lazily.
    pub load: SignedDuration,
    /// The body, and whatever it reads lazily or writes while its value is stored comes under `store`.
    pub compute: SignedDuration,
    /// Writing the output and making it visible.
    pub store: SignedDuration,
}

/// An error as an event carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// The fact.
    pub message: String,
    /// Where it happened.
    pub context: Vec<(String, String)>,
    /// What caused it, nearest first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether the same step may succeed later.
    pub retryable: bool,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.message().to_owned(),
            context: error.context().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            causes: error.causes(),
            help: error.help_text().map(str::to_owned),
            retryable: error.is_retryable(),
        }
    }
}

/// Why a step did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// This upstream asset failed in the same run.
    UpstreamFailed {
        /// The asset that failed, not one that was itself skipped.
        asset: AssetKey,
    },
    /// The run was interrupted before the step began.
    Interrupted,
    /// Nothing that it is made from has changed since it was last made.
    Unchanged,
    /// A run that began later has stored what it was to store.
    Superseded,
}

impl SkipReason {
    /// Whether the step need not be carried out any more, and what is made from it can be.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Unchanged | Self::Superseded)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunStatus {
    /// Every step succeeded.
    Succeeded,
    /// At least one step failed.
    Failed,
    /// It was interrupted; the steps that had begun were finished.
    Interrupted,
    /// Somebody cancelled it.
    Canceled,
}
