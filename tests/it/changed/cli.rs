//! `plan` and `materialize --changed`, as a process.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;

fn json(root: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.args(arguments).arg("--json").env("LAKEWRIGHT_ROOT", root).current_dir(root);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn steps(plan: &Value) -> Vec<(String, bool, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |step: &Value| {
        let reasons = step["reasons"].as_array().unwrap().iter().map(|reason| text(&reason["because"])).collect();
        (text(&step["assets"][0]["asset"]), step["runs"].as_bool().unwrap(), reasons)
    };
    plan["steps"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn plan_says_what_would_run_and_why_and_changed_leaves_the_rest_out() {
    let root = tempdir().unwrap();
    let root = root.path();
    let plan = json(root, &["plan", "numbers*", "--changed"]);
    assert_eq!((plan["v"].as_i64(), plan["changed"].as_bool()), (Some(1), Some(true)));
    let expected = |name: &str, runs: bool, reasons: &[&str]| {
        (name.to_owned(), runs, reasons.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert!(steps(&plan).contains(&expected("numbers", true, &["missing"])), "{plan}");
    assert!(steps(&plan).contains(&expected("total", true, &["missing", "upstream_runs"])), "{plan}");
    json(root, &["materialize", "numbers*", "--changed"]);
    let plan = json(root, &["plan", "numbers*", "--changed"]);
    assert!(steps(&plan).iter().all(|(_, runs, reasons)| !runs && reasons.is_empty()), "{plan}");
    let again = json(root, &["materialize", "numbers*", "--changed"]);
    assert_eq!(again["status"], "succeeded");
    let skipped = again["steps"].as_array().unwrap().iter();
    assert!(skipped.into_iter().all(|step| step["outcome"] == "skipped" && step["reason"]["because"] == "unchanged"), "{again}");
    // Without `--changed` everything runs, and the plan says so.
    let plan = json(root, &["plan", "numbers"]);
    assert_eq!(steps(&plan), [expected("numbers", true, &["forced"])]);
    let plan = json(root, &["plan", "numbers*", "--changed", "--set", "doubled.fails=true"]);
    assert!(steps(&plan).contains(&expected("doubled", true, &["config_changed"])), "{plan}");
}
