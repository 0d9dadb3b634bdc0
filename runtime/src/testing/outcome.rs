//! What became of a test's run: what is stored, what happened, what failed.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::env::TestEnv;
use super::prepare::find;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Failure, Materialization, SkipReason};
use crate::exec::{RunReport, StepOutcome, StepReport};
use crate::frame::Frame;
use crate::key::AssetKey;
use crate::lakehouse::Lakehouse;
use crate::value::{Bytes, Value};

/// What a [`TestRun`](super::TestRun) came to.
///
/// Assets are named by their keys, or by their names where only one has it. Whatever cannot be answered panics with what became of the
/// asset, at the line of the test.
#[derive(Debug)]
pub struct TestOutcome {
    lakehouse: Lakehouse,
    env: TestEnv,
    report: RunReport,
    events: Vec<Event>,
}

impl TestOutcome {
    pub(super) fn new(lakehouse: Lakehouse, env: TestEnv, report: RunReport, events: Vec<Event>) -> Self {
        Self { lakehouse, env, report, events }
    }

    /// What is stored for an asset, as a frame; of a partitioned one all partitions that are there.
    ///
    /// # Panics
    /// If nothing is stored, or it is no such frame.
    #[track_caller]
    #[must_use]
    pub fn frame<F: Frame>(&self, asset: &str) -> F {
        self.stored(asset, None, to_frame)
    }

    /// What is stored for an asset, as an object.
    ///
    /// # Panics
    /// If nothing is stored, or it is no `T`, or the objects of several partitions.
    #[track_caller]
    #[must_use]
    pub fn object<T: DeserializeOwned + Send + 'static>(&self, asset: &str) -> T {
        self.stored(asset, None, to_object)
    }

    /// What is stored for an asset, as bytes.
    ///
    /// # Panics
    /// As [`object`](Self::object).
    #[track_caller]
    #[must_use]
    pub fn bytes(&self, asset: &str) -> Bytes {
        self.stored(asset, None, to_bytes)
    }

    /// What is stored for one partition of an asset, as a frame.
    ///
    /// # Panics
    /// If there is no such partition, nothing is stored for it, or it is no such frame.
    #[track_caller]
    #[must_use]
    pub fn partition_frame<F: Frame>(&self, asset: &str, partition: &str) -> F {
        self.stored(asset, Some(partition), to_frame)
    }

    /// What is stored for one partition of an asset, as an object.
    ///
    /// # Panics
    /// As [`partition_frame`](Self::partition_frame).
    #[track_caller]
    #[must_use]
    pub fn partition_object<T: DeserializeOwned + Send + 'static>(&self, asset: &str, partition: &str) -> T {
        self.stored(asset, Some(partition), to_object)
    }

    /// What is stored for one partition of an asset, as bytes.
    ///
    /// # Panics
    /// As [`partition_frame`](Self::partition_frame).
    #[track_caller]
    #[must_use]
    pub fn partition_bytes(&self, asset: &str, partition: &str) -> Bytes {
        self.stored(asset, Some(partition), to_bytes)
    }

    /// Why the step of an asset failed; nothing if it did not.
    ///
    /// # Panics
    /// If there is no such asset.
    #[track_caller]
    #[must_use]
    pub fn failure(&self, asset: &str) -> Option<&Failure> {
        let key = self.key(asset);
        self.steps(&key).find_map(|step| match &step.outcome {
            StepOutcome::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// What was recorded for an asset when it was stored: once for each step that stored it.
    ///
    /// # Panics
    /// If there is no such asset.
    #[track_caller]
    #[must_use]
    pub fn materializations(&self, asset: &str) -> Vec<&Materialization> {
        let key = self.key(asset);
        self.report.materializations().filter(|one| one.asset == key).collect()
    }

    /// Everything that the run said, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The steps of the run, and how they ended.
    #[must_use]
    pub fn report(&self) -> &RunReport {
        &self.report
    }

    #[track_caller]
    pub(super) fn key(&self, asset: &str) -> AssetKey {
        match find(self.lakehouse.graph(), asset) {
            Ok(asset) => asset.key.clone(),
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(super) fn steps(&self, key: &AssetKey) -> impl Iterator<Item = &StepReport> {
        self.report.steps.iter().filter(move |step| step.assets.contains(key))
    }

    #[track_caller]
    fn stored<T: Send + 'static>(&self, asset: &str, partition: Option<&str>, take: fn(Value) -> Result<T>) -> T {
        let key = self.key(asset);
        let of = partition.map(|partition| format!("the partition `{partition}` of ")).unwrap_or_default();
        match self.load(&key, partition, take) {
            Ok(Some(value)) => value,
            Ok(None) => panic!("nothing is stored for {of}`{key}`, which {}", self.fate(&key)),
            Err(error) => panic!("{of}`{key}` cannot be read as the test wants it: {error:?}"),
        }
    }

    fn load<T: Send + 'static>(
        &self,
        key: &AssetKey,
        partition: Option<&str>,
        take: fn(Value) -> Result<T>,
    ) -> Result<Option<T>> {
        let env: Arc<dyn Env> = Arc::new(self.env.clone());
        wait(async {
            let value = match partition {
                None => self.lakehouse.load(key).await?,
                Some(partition) => self.lakehouse.load_partition(key, partition).await?,
            };
            let Some(value) = value else { return Ok(None) };
            blocking(&env, move || take(value)).await.map(Some)
        })
    }

    /// Whether a body gave nothing for an asset, or for a part of it.
    pub(super) fn gave_nothing(&self, key: &AssetKey) -> bool {
        self.events.iter().any(|event| matches!(&event.kind, EventKind::OutputSkipped { asset, .. } if asset == key))
    }

    /// What became of an asset, to stand after its name.
    pub(super) fn fate(&self, key: &AssetKey) -> String {
        let mut steps = self.steps(key).peekable();
        if steps.peek().is_none() {
            let run: Vec<String> = self.report.steps.iter().flat_map(|step| &step.assets).map(|key| format!("`{key}`")).collect();
            return format!("was not part of the run, which was of {}", run.join(", "));
        }
        for step in steps {
            match &step.outcome {
                StepOutcome::Failed(failure) => return format!("failed: {}", shown(failure)),
                StepOutcome::Skipped(SkipReason::UpstreamFailed { asset }) => {
                    return format!("was skipped, because `{asset}` {}", self.fate(asset));
                }
                StepOutcome::Skipped(reason) => return format!("was skipped: {reason:?}"),
                StepOutcome::Succeeded(_) => {}
            }
        }
        let stored = self.report.materializations().any(|one| one.asset == *key);
        let fate = match (stored, self.gave_nothing(key)) {
            (true, _) => "was materialized",
            (false, true) => "gave nothing to store",
            (false, false) => "ran and stores nothing",
        };
        fate.to_owned()
    }
}

/// A failure as a person reads it.
pub(super) fn shown(failure: &Failure) -> String {
    let context: Vec<String> = failure.context.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let mut lines = vec![format!("[{}] {} ({})", failure.code, failure.message, context.join(", "))];
    lines.extend(failure.causes.iter().map(|cause| format!("caused by: {cause}")));
    lines.extend(failure.help.iter().map(|help| format!("help: {help}")));
    lines.join("\n  ")
}

fn to_frame<F: Frame>(value: Value) -> Result<F> {
    match value {
        Value::Table(table) => F::from_table(table),
        other => Err(not(&other, "a frame")),
    }
}

fn to_object<T: DeserializeOwned>(value: Value) -> Result<T> {
    match value {
        Value::Object(object) => object.decode(),
        other => Err(not(&other, "an object")),
    }
}

fn to_bytes(value: Value) -> Result<Bytes> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(not(&other, "bytes")),
    }
}

fn not(value: &Value, wanted: &str) -> Error {
    Error::new(ErrorKind::Value, format!("it is {}, not {wanted}", value.kind()))
}

/// Waits on a thread of its own, so that it works within an async runtime too.
pub(super) fn wait<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::new(ErrorKind::Internal, "cannot start the async runtime").source(error))?;
        runtime.block_on(future)
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
