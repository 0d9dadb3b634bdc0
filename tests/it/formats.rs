//! What reaches disks, logs and other programs is the same for ever: golden forms.

use std::sync::Arc;

use lakewright::event::{Durations, Event, EventKind, Failure, Materialization, RunAbout, RunStatus, SkipReason, StepSummary};
use lakewright::exec::{Plan, StepAsset, StepSpec};
use lakewright::io::Staged;
use lakewright::prelude::*;
use lakewright::{Column, CommitId, ErrorKind, Slice};
use serde_json::json;

use crate::support::key;

fn event(kind: EventKind) -> serde_json::Value {
    let at = "2026-01-02T03:04:05Z".parse().unwrap();
    let event = Event { v: 1, cursor: 1, run: "r".into(), at, kind };
    let json = serde_json::to_value(&event).unwrap();
    assert_eq!(serde_json::from_value::<Event>(json.clone()).unwrap(), event, "it is read back as it was written");
    json
}

#[test]
fn slices_and_commit_ids() {
    assert_eq!(Slice::Whole.to_string(), "v1:all");
    assert_eq!(Slice::Whole.digest(), "df8f540bfcd43ee48028f7db1f493a1d");
    let id = CommitId::new("log", &key("a/b"), &Slice::Whole, 7);
    assert_eq!(id.to_string(), "lakewright/log/a/b/df8f540bfcd43ee48028f7db1f493a1d#7");
    assert_eq!(
        serde_json::to_value(&id).unwrap(),
        json!({ "log": "log", "asset": "a/b", "slice": Slice::Whole.digest(), "number": 7 })
    );
}

#[test]
fn events() {
    let materialization = Materialization {
        asset: key("a/b"),
        slice: Slice::Whole,
        store: "delta".into(),
        location: "/t".into(),
        version: Some(3),
        rows: Some(2),
        slice_rows: Some(2),
        table_rows: Some(2),
        bytes: Some(10),
        columns: vec![Column::new("x", "long")],
        code_version: None,
        code: None,
        config: None,
        inputs: vec![],
        data_version: None,
        metadata: vec![("n".into(), MetadataValue::Int(1)), ("loss".into(), MetadataValue::Float(f64::INFINITY))],
        commit: CommitId::new("log", &key("a/b"), &Slice::Whole, 7),
        attempt: 1,
    };
    let failure = Failure {
        code: "LW0301".into(),
        message: "m".into(),
        context: vec![("asset".into(), "`a`".into())],
        causes: vec!["c".into()],
        help: None,
        retryable: false,
    };
    let all = [
        EventKind::RunStarted {
            steps: vec![StepSummary { assets: vec![key("a")], slices: vec![Slice::Whole], after: vec![] }],
            fingerprint: "f".into(),
            plan_at: None,
            numbers: vec![],
            about: RunAbout::default(),
        },
        EventKind::StepStarted { step: 0, attempt: 1 },
        EventKind::InputMissing { step: 0, asset: key("a"), partitions: None },
        EventKind::InputMissing { step: 0, asset: key("a"), partitions: Some("v1:[x]".parse().unwrap()) },
        EventKind::InputHandedOver { step: 0, asset: key("a"), bytes: 3 },
        EventKind::Materialized { step: 0, materialization: Arc::new(materialization) },
        EventKind::OutputSkipped { step: 0, asset: key("a"), slice: Slice::Whole, reason: "r".into() },
        EventKind::StepSucceeded { step: 0, durations: Durations::default() },
        EventKind::StepFailed { step: 0, failure },
        EventKind::StepSkipped { step: 1, reason: SkipReason::UpstreamFailed { asset: key("a") } },
        EventKind::StepSkipped { step: 1, reason: SkipReason::Interrupted },
        EventKind::RunFinished { status: RunStatus::Succeeded, elapsed: Durations::default().load },
    ];
    let all: Vec<String> = all.into_iter().map(|kind| event(kind).to_string()).collect();
    insta::assert_snapshot!("events", all.join("\n"));
}

#[test]
fn plans_and_staged_outputs() {
    let step = StepSpec {
        v: 1,
        number: 0,
        assets: vec![StepAsset { key: key("a"), slice: Slice::Whole, number: None }],
        after: vec![],
        fingerprint: "f".into(),
    };
    let plan = Plan { v: 1, at: "2026-01-02T03:04:05Z".parse().unwrap(), steps: vec![step], changed: false };
    let wanted = json!({ "v": 1, "at": "2026-01-02T03:04:05Z", "steps": [{
        "v": 1, "number": 0, "assets": [{ "key": "a", "slice": "v1:all" }], "after": [], "fingerprint": "f",
    }]});
    assert_eq!(serde_json::to_value(&plan).unwrap(), wanted);
    let staged = Staged::new(json!({ "p": 1 })).rows(1).bytes(2);
    assert_eq!(
        serde_json::to_value(&staged).unwrap(),
        json!({ "v": 1, "payload": { "p": 1 }, "rows": 1, "bytes": 2, "columns": [], "slice": "v1:all" })
    );
}

#[test]
fn every_error_code_is_unique_and_has_a_page() {
    let page = include_str!("../../docs/errors.md");
    let mut codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    for code in &codes {
        assert!(page.contains(&format!("\n## {code} ")), "{code} has no entry in docs/errors.md");
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), ErrorKind::ALL.len());
    assert_eq!(page.matches("\n## LW").count(), codes.len(), "docs/errors.md has an entry that no error has");
}
