//! What the tests share.

use lakewright::event::{Durations, EventKind, Failure, Materialization, RunAbout, RunStatus, StepSummary};
use lakewright::{AssetKey, CommitId, Slice};

pub(crate) fn key(text: &str) -> AssetKey {
    text.parse().unwrap()
}

pub(crate) fn texts(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// The first event of a run whose steps produce these assets, whole.
pub(crate) fn started(steps: &[&[&str]]) -> EventKind {
    let step = |assets: &&[&str]| StepSummary {
        assets: assets.iter().map(|asset| key(asset)).collect(),
        slices: vec![Slice::Whole; assets.len()],
        after: vec![],
    };
    EventKind::RunStarted {
        steps: steps.iter().map(step).collect(),
        fingerprint: "f".into(),
        plan_at: None,
        numbers: vec![],
        about: RunAbout::default(),
    }
}

pub(crate) fn materialized(step: usize, asset: &str) -> EventKind {
    let materialization = Materialization {
        asset: key(asset),
        slice: Slice::Whole,
        store: "delta".into(),
        location: "/t".into(),
        version: Some(3),
        rows: Some(2),
        slice_rows: Some(2),
        table_rows: None,
        bytes: Some(10),
        columns: vec![],
        code_version: None,
        code: None,
        inputs: vec![],
        data_version: None,
        metadata: vec![("loss".into(), f64::INFINITY.into())],
        commit: CommitId::new("log", &key(asset), &Slice::Whole, 7),
        attempt: 1,
    };
    EventKind::Materialized { step, materialization }
}

pub(crate) fn failed(step: usize) -> EventKind {
    let failure = Failure {
        code: "LW0301".into(),
        message: "it's \"quoted\"\n".into(),
        context: vec![],
        causes: vec![],
        help: None,
        retryable: false,
    };
    EventKind::StepFailed { step, failure }
}

pub(crate) fn succeeded(step: usize) -> EventKind {
    EventKind::StepSucceeded { step, durations: Durations::default() }
}

pub(crate) fn finished() -> EventKind {
    EventKind::RunFinished { status: RunStatus::Failed, elapsed: Durations::default().load }
}
