//! What the tests share.

use std::sync::Arc;

use jiff::Timestamp;
use lakewright::event::{Durations, EventKind, Failure, Materialization, RunAbout, RunStatus, StepSummary};
use lakewright::state::{Holder, NewRun, Referee};
use lakewright::{AssetKey, CommitId, Slice};

pub(crate) fn key(text: &str) -> AssetKey {
    text.parse().unwrap()
}

pub(crate) fn texts(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::new(1_700_000_000 + second, 123_456_789).unwrap()
}

/// An asset and its slice, written `a` or `a[keys]`.
pub(crate) fn part(text: &str) -> (AssetKey, Slice) {
    match text.split_once('[') {
        None => (key(text), Slice::Whole),
        Some((asset, keys)) => (key(asset), format!("v1:[{keys}").parse().unwrap()),
    }
}

pub(crate) fn steps(steps: &[&[&str]]) -> Vec<StepSummary> {
    let step = |parts: &&[&str]| {
        let (assets, slices) = parts.iter().copied().map(part).unzip();
        StepSummary { assets, slices, after: vec![] }
    };
    steps.iter().map(step).collect()
}

pub(crate) fn holder(pid: u32) -> Holder {
    Holder { host: "here".into(), boot: "b".into(), pid, started: 5, nonce: "n".into() }
}

/// A run that makes these, a step each.
pub(crate) fn new_run<'a>(run: &'a str, holder: &'a Holder, made: &[&[&str]]) -> NewRun<'a> {
    NewRun { run, at: at(0), holder, steps: steps(made), fingerprint: "f", plan_at: at(-1), about: RunAbout::default() }
}

/// Knows which processes are gone, and that slices are of keys.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) dead: Vec<u32>,
}

impl Referee for Rules {
    fn alive(&self, holder: &Holder, _: Timestamp) -> bool {
        !self.dead.contains(&holder.pid)
    }

    fn overlap(&self, _: &AssetKey, some: &[&Slice], others: &[&Slice]) -> bool {
        let keys = |slice: &Slice| match slice {
            Slice::Whole => None,
            some => {
                let text = some.to_string();
                let keys = text.trim_start_matches("v1:[").trim_end_matches(']').split(',');
                Some(keys.map(str::to_owned).collect::<Vec<_>>())
            }
        };
        let meet = |one: &Slice, other: &Slice| match (keys(one), keys(other)) {
            (Some(one), Some(other)) => one.iter().any(|key| other.contains(key)),
            _ => true,
        };
        some.iter().any(|one| others.iter().any(|other| meet(one, other)))
    }
}

/// The first event of a run whose steps produce these assets.
pub(crate) fn started(made: &[&[&str]]) -> EventKind {
    EventKind::RunStarted {
        steps: steps(made),
        fingerprint: "f".into(),
        plan_at: None,
        numbers: vec![],
        about: RunAbout::default(),
    }
}

pub(crate) fn materialized(step: usize, made: &str) -> EventKind {
    let (asset, slice) = part(made);
    let materialization = Materialization {
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
        config: None,
        inputs: vec![],
        data_version: None,
        metadata: vec![("loss".into(), f64::INFINITY.into())],
        commit: CommitId::new("log", &asset, &slice, 7),
        attempt: 1,
        asset,
        slice,
    };
    EventKind::Materialized { step, materialization: Arc::new(materialization) }
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
    ended(RunStatus::Failed)
}

pub(crate) fn ended(status: RunStatus) -> EventKind {
    EventKind::RunFinished { status, elapsed: Durations::default().load }
}
