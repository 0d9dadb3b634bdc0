//! The command line, as a process: what a person sees, what a program reads, and the exit codes.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::tempdir;

pub(crate) fn pipeline(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
    command.args(arguments).env("LAKEWRIGHT_ROOT", root).env_remove("RUST_BACKTRACE").current_dir(root);
    command
}

pub(crate) fn run(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = pipeline(root, arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

pub(crate) fn json(root: &Path, arguments: &[&str]) -> (i32, serde_json::Value) {
    let (code, stdout, stderr) = run(root, &[arguments, &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    assert_eq!(json["v"], 1);
    (code, json)
}

#[test]
fn help_lists_the_commands_and_the_exit_codes() {
    let root = tempdir().unwrap();
    let (code, stdout, _) = run(root.path(), &["--help"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!("help", stdout);
    let (code, _, stderr) = run(root.path(), &[]);
    assert_eq!(code, 2, "without arguments there is nothing to do");
    assert!(stderr.contains("Usage:"));
}

#[test]
fn check_and_list_and_graph() {
    let root = tempdir().unwrap();
    let (code, stdout, _) = run(root.path(), &["check"]);
    assert_eq!((code, stdout.as_str()), (0, "8 assets, no mistakes\n"));
    let (code, stdout, _) = run(root.path(), &["check", "--online"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("every store can be written to"));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "checking leaves nothing behind");
    insta::assert_snapshot!("list", run(root.path(), &["list"]).1);
    for format in ["text", "dot", "mermaid", "json"] {
        insta::assert_snapshot!(format!("graph_{format}"), run(root.path(), &["graph", "numbers*", "--format", format]).1);
    }
    let (_, listed) = json(root.path(), &["list", "names"]);
    let listed = &listed["assets"][0];
    assert_eq!(
        (listed["key"].as_str(), listed["store"].as_str(), listed["tags"]["team"].as_str()),
        (Some("names"), Some("csv"), Some("bio"))
    );
    assert_eq!(listed["upstream"], serde_json::json!(["numbers"]));
}

#[test]
fn materialize_runs_a_selection_and_asset_show_tells_what_is_stored() {
    let root = tempdir().unwrap();
    let (code, stdout, stderr) = run(root.path(), &["materialize", "numbers*", "--preview"]);
    assert_eq!(code, 0, "{stderr}");
    for wanted in ["doubled", "delta/public/numbers", "three"] {
        assert!(stdout.contains(wanted), "{wanted} is not in {stdout}");
    }
    assert!(stderr.contains("ok       numbers") && stderr.contains("succeeded after"), "{stderr}");
    assert_eq!(std::fs::read_to_string(root.path().join("fs/total.json")).unwrap(), "12");
    assert_eq!(std::fs::read_to_string(root.path().join("csv/names.csv")).unwrap(), "name\none\ntwo\nthree\n");

    let (code, stdout, _) = run(root.path(), &["asset", "show", "doubled", "--preview"]);
    assert_eq!(code, 0);
    for wanted in ["a frame (LazyFrame)", "Twice as much", "bin/pipeline.rs:", "3 rows", "version 0", "value", "long", "three"] {
        assert!(stdout.contains(wanted), "{wanted} is not in {stdout}");
    }
    let (_, shown) = json(root.path(), &["asset", "show", "inventory"]);
    assert_eq!((shown["asset"]["external"].as_bool(), shown["asset"]["stored"]["exists"].as_bool()), (Some(true), Some(false)));
}

#[test]
fn a_preview_is_of_tables_and_the_others_are_in_nobodys_way() {
    let root = tempdir().unwrap();
    assert_eq!(run(root.path(), &["partitions", "add", "Region", "north", "south"]).0, 0);
    let (code, stdout, stderr) = run(root.path(), &["materialize", "regions", "--all-partitions", "--preview"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("regions") && !stderr.contains("no preview"), "{stderr}");
    let (code, stdout, stderr) = run(root.path(), &["asset", "show", "regions", "--preview"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("an object (String)"), "{stdout}");
    for command in [&["materialize", "numbers"][..], &["asset", "show", "regions"]] {
        let (code, refused) = json(root.path(), &[command, &["--preview"]].concat());
        assert_eq!(code, 2);
        assert!(refused["errors"][0]["message"].as_str().unwrap().contains("`--preview`"), "{refused}");
    }
}

#[test]
fn a_run_as_json_has_one_materialization_per_asset() {
    let root = tempdir().unwrap();
    let (code, report) = json(root.path(), &["materialize", "numbers", "names"]);
    assert_eq!((code, report["status"].as_str()), (0, Some("succeeded")));
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(steps[0]["materializations"][0]["rows"], 3);
}

#[test]
fn a_failing_body_is_exit_code_1_and_keeps_what_was_stored() {
    let root = tempdir().unwrap();
    assert_eq!(run(root.path(), &["materialize", "numbers*"]).0, 0);
    let log = root.path().join("delta/public/doubled/_delta_log");
    let (code, _, stderr) = run(root.path(), &["materialize", "*total", "--set", "doubled.fails=true"]);
    assert_eq!(code, 1);
    for wanted in
        ["failed   doubled", "LW0301", "the numbers were not even", "bin/pipeline.rs:", "skipped  total", "`doubled` failed"]
    {
        assert!(stderr.contains(wanted), "{wanted} is not in {stderr}");
    }
    let (code, _, stderr) = run(root.path(), &["materialize", "doubled", "--set", "doubled.panics=true"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("panicked: the numbers were too large"), "{stderr}");
    assert_eq!(std::fs::read_dir(&log).unwrap().count(), 1, "the table is still at version 0");
    let (_, shown) = json(root.path(), &["asset", "show", "doubled"]);
    assert_eq!(shown["asset"]["stored"]["rows"], 3);
}

#[test]
fn usage_selection_definitions_and_stores_have_exit_codes_of_their_own() {
    let root = tempdir().unwrap();
    let (code, _, stderr) = run(root.path(), &["materialise"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("materialize"), "{stderr}");
    let (code, _, stderr) = run(root.path(), &["materialize", "nubmers"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("there is no asset `nubmers`") && stderr.contains("did you mean `numbers`?"), "{stderr}");
    let (code, errors) = json(root.path(), &["materialize", "inventory"]);
    assert_eq!((code, errors["errors"][0]["code"].as_str()), (2, Some("LW0303")));
    let (code, _, stderr) = run(root.path(), &["check", "--set", "doubled.fials=true"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("did you mean `fails`?"), "{stderr}");
    std::fs::write(root.path().join("delta"), "a file").unwrap();
    let (code, _, stderr) = run(root.path(), &["check", "--online"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("store: `delta`"), "{stderr}");
    assert_eq!(run(root.path(), &["asset", "show", "numbers"]).0, 4);
}

#[test]
fn a_missing_external_table_names_the_location_and_who_needs_it() {
    let root = tempdir().unwrap();
    let (code, _, stderr) = run(root.path(), &["materialize", "stock"]);
    assert_eq!(code, 1);
    for wanted in ["nothing is stored for `inventory`", "delta/public/inventory", "needed by: `stock`", "it is external"] {
        assert!(stderr.contains(wanted), "{wanted} is not in {stderr}");
    }
}

#[test]
fn ctrl_c_finishes_what_has_begun_and_exits_130() {
    let root = tempdir().unwrap();
    let begun = root.path().join("signal.begun");
    let waits = format!("doubled.waits={}", serde_json::json!(begun));
    let mut child = pipeline(root.path(), &["materialize", "*total", "--set", &waits])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !begun.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before the step began");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut stderr = child.stderr.take().unwrap();
    let mut said = String::new();
    let mut byte = [0];
    while !said.contains("nothing else begins") {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "the process ended: {said}");
        said.push(char::from(byte[0]));
    }
    std::fs::write(begun.with_extension("released"), "").unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("ok       doubled") && said.contains("skipped  total"), "{said}");
    assert!(root.path().join("delta/public/doubled/_delta_log").exists());
}

#[test]
fn completions_are_a_script() {
    let root = tempdir().unwrap();
    let (code, stdout, _) = run(root.path(), &["completions", "bash"]);
    assert_eq!(code, 0);
    for command in ["materialize", "resume", "logs", "wipe", "gc"] {
        assert!(stdout.contains(command), "{command}");
    }
}

#[test]
fn an_empty_selection_is_neither_everything_nor_a_pair_of_brackets() {
    let root = tempdir().unwrap();
    for command in [
        &["materialize", ""][..],
        &["plan", " "],
        &["list", "numbers", ""],
        &["graph", ""],
        &["backfill", "start", "", "--all-partitions"],
    ] {
        let (code, _, stderr) = run(root.path(), command);
        assert_eq!(code, 2, "{command:?}: {stderr}");
        assert!(stderr.contains("the selection is empty") && !stderr.contains("()"), "{command:?}: {stderr}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_written_is_told_unless_nobody_reads_it() {
    let root = tempdir().unwrap();
    let outcome = |command: &[&str], stdout: Stdio| {
        let Output { status, stderr, .. } = pipeline(root.path(), command).stdout(stdout).output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    };
    for command in [&["runs", "list", "--json"][..], &["list"], &["completions", "bash"], &["--help"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let told = "standard output cannot be written: No space left on device (os error 28)\n".to_owned();
        assert_eq!(outcome(command, full.into()), (Some(4), told), "{command:?}");
        let (reader, unread) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(outcome(command, unread.into()), (Some(0), String::new()), "{command:?}");
    }
}

#[test]
fn every_command_has_examples_in_its_long_help() {
    let root = tempdir().unwrap();
    let mut left = vec![Vec::new()];
    let mut seen = 0;
    while let Some(command) = left.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (code, help, _) = run(root.path(), &[&words[..], &["--help"]].concat());
        assert_eq!(code, 0, "{words:?}");
        let Some((_, commands)) = help.split_once("Commands:\n") else {
            assert!(help.contains("Examples:\n"), "{words:?} has none: {help}");
            seen += 1;
            continue;
        };
        let names = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        left.extend(names.filter(|name| *name != "help").map(|name| [&command[..], &[name.to_owned()]].concat()));
    }
    assert!(seen > 20, "only {seen} commands were found");
}
