//! `backfill …`, as a process.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::tempdir;

fn days(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    run(env!("CARGO_BIN_EXE_days"), root, arguments)
}

fn run(program: &str, root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(program);
    command.args(arguments).env("LAKEWRIGHT_ROOT", root).env_remove("RUST_BACKTRACE").current_dir(root);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn json(root: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = days(root, &[arguments, &["--json"]].concat());
    let json: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    assert_eq!(json["v"], 1);
    (code, json)
}

#[test]
fn a_backfill_is_shown_begun_followed_and_mended() {
    let root = tempdir().unwrap();
    let root = root.path();
    let range = ["--partitions", "2026-01-01..2026-02-28"];
    let (code, preview) = json(root, &[&["backfill", "start"][..], &range, &["--preview"]].concat());
    assert_eq!((code, preview["preview"]["run_count"].as_i64()), (0, Some(61)));
    assert_eq!(preview["preview"]["runs"][1]["keys"], serde_json::json!(["2026-01-02"]));
    let (code, _, stderr) = days(root, &["backfill", "status"]);
    assert_eq!(code, 2, "a preview begins nothing: {stderr}");

    let failing = ["--parallel", "3", "--tag", "ticket=OPS-17", "--set", "orders.day=2026-01-17"];
    let (code, stdout, stderr) = days(root, &[&["backfill", "start"][..], &range, &failing].concat());
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.contains("59 of 61 runs done, 1 failed, 1 waiting"), "{stdout}");
    assert!(stderr.contains("the orders of 2026-01-17 are not in yet") && stderr.contains("backfill retry"), "{stderr}");

    let (_, listed) = json(root, &["backfill", "list"]);
    let listed = &listed["backfills"][0];
    let id = listed["backfill"].as_str().unwrap();
    assert_eq!((listed["status"].as_str(), listed["tags"]["ticket"].as_str()), (Some("failed"), Some("OPS-17")));
    let (_, status) = json(root, &["backfill", "status", &id[..6]]);
    let outcome_of = |status: &Value, asset: &str, key: &str| {
        let keys = status["backfill"]["partitions"][asset].as_array().unwrap().iter();
        keys.clone().find(|one| one["key"] == key).map(|one| one["outcome"].as_str().unwrap().to_owned())
    };
    assert_eq!(outcome_of(&status, "orders", "2026-01-17").as_deref(), Some("failed"));
    assert_eq!(outcome_of(&status, "monthly", "2026-01-01").as_deref(), Some("waiting"));
    assert_eq!(outcome_of(&status, "monthly", "2026-02-01").as_deref(), Some("done"));

    let (code, failed) = json(root, &["backfill", "start", "orders", "--failed", "--preview"]);
    assert_eq!((code, failed["preview"]["partition_count"].as_i64()), (0, Some(1)));
    assert_eq!(days(root, &["backfill", "resume", id]).0, 1, "what failed is left");
    let (code, mended) = json(root, &["backfill", "retry", id]);
    assert_eq!((code, mended["backfill"]["status"].as_str()), (0, Some("done")));
    assert_eq!(mended["backfill"]["counts"]["runs"]["done"], 61);
    assert_eq!(std::fs::read_to_string(root.join("fs/monthly/2026-01-01.json")).unwrap(), "496");
    let (code, stdout, _) = days(root, &["backfill", "cancel", id]);
    assert_eq!(code, 0);
    assert!(stdout.contains("is done"), "{stdout}");
}

#[test]
fn mistakes_are_told_before_anything_begins() {
    let root = tempdir().unwrap();
    let root = root.path();
    for (arguments, says) in [
        (&["backfill", "start"][..], "for which partitions"),
        (&["backfill", "start", "--all-partitions", "--per-run", "species"], "partitioned by `species`"),
        (&["backfill", "start", "--all-partitions", "--parallel", "0"], "parallelism of 0"),
        (&["backfill", "resume", "nothing"], "there is no backfill `nothing`"),
        (&["backfill", "status"], "there is no backfill in the log"),
        (&["backfill", "start", "--failed", "--missing"], "cannot be used with"),
    ] {
        let (code, _, stderr) = days(root, arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    assert_eq!(days(root, &["backfill", "list"]).1, "no backfills\n");
}

#[test]
fn what_its_steps_write_is_kept_for_each_run() {
    let root = tempdir().unwrap();
    let root = root.path();
    let range = ["orders", "--partitions", "2026-01-01..2026-01-03"];
    let (code, stdout, stderr) = days(root, &[&["backfill", "start"][..], &range].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("the orders of 2026-01-02"), "it is still on the terminal: {stdout}");
    assert!(stderr.contains("3 of 3"), "as is its progress: {stderr}");
    let kept = |runs: &Value| -> Vec<Vec<String>> {
        let all = runs.as_array().unwrap().iter().map(|run| {
            let (_, logs) = json(root, &["logs", run["run"].as_str().unwrap()]);
            let lines = logs["lines"].as_array().unwrap().iter();
            lines.map(|line| format!("{} {}", line["step"], line["text"].as_str().unwrap())).collect()
        });
        all.collect()
    };
    let (_, status) = json(root, &["backfill", "status"]);
    let of = |day: &str| vec![format!("0 the orders of {day}")];
    assert_eq!(kept(&status["backfill"]["runs"]), [of("2026-01-01"), of("2026-01-02"), of("2026-01-03")]);

    // With `--json`, standard output is one document.
    let (code, begun) = json(root, &[&["backfill", "start"][..], &range].concat());
    assert_eq!((code, kept(&begun["backfill"]["runs"])[2].clone()), (0, of("2026-01-03")));
    assert_eq!(days(root, &[&["backfill", "start"][..], &range, &["--logs", "off"]].concat()).0, 0);
    let (_, status) = json(root, &["backfill", "status"]);
    assert!(kept(&status["backfill"]["runs"]).iter().all(Vec::is_empty), "nothing is kept if nothing is to be");
}

#[test]
fn a_backfill_of_assets_that_are_no_more_is_still_shown() {
    let root = tempdir().unwrap();
    let root = root.path();
    let (code, begun) = json(root, &["backfill", "start", "orders", "--partitions", "2026-01-01..2026-01-02"]);
    let id = begun["backfill"]["backfill"].as_str().unwrap();
    assert_eq!((code, &begun["backfill"]["runs"][0]["keys"]), (0, &serde_json::json!(["2026-01-01"])));
    // A program with other assets, and the same log.
    for command in [["backfill", "status", id, "--json"], ["backfill", "resume", id, "--json"]] {
        let (code, stdout, stderr) = run(env!("CARGO_BIN_EXE_pipeline"), root, &command);
        assert_eq!(code, 0, "{stdout}{stderr}");
        let shown: Value = serde_json::from_str(&stdout).unwrap();
        let shown = &shown["backfill"];
        assert_eq!((&shown["status"], &shown["counts"]["partitions"]["done"]), (&"done".into(), &2.into()), "{shown}");
        assert_eq!(shown["partitions"], serde_json::json!({ "orders": null }));
        assert_eq!(shown["runs"][0]["keys"], Value::Null);
    }
}
