//! Runs from the command line: looked at, stopped, gone on with and done again, by processes that know nothing of each other.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::tempdir;

use crate::cli::{json, pipeline, run};
use crate::redact::redacted;

/// A run that waits at a gate.
struct Waiting {
    child: Child,
    begun: PathBuf,
}

impl Waiting {
    /// Starts a command and waits until the asset has begun.
    fn start(root: &Path, arguments: &[&str], asset: &str) -> Self {
        let begun = root.join("gate.begun");
        let gate = format!("{asset}.waits={}", serde_json::json!(begun));
        let mut child = pipeline(root, &[arguments, &["--set", &gate]].concat())
            // As on a machine of one processor: whatever else has to be heard is heard beside the step.
            .env("TOKIO_WORKER_THREADS", "1")
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        while !begun.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the run ended before the step began");
            std::thread::yield_now();
        }
        Self { child, begun }
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits until this is said on standard error; what was said.
    fn hear(&mut self, wanted: &str) -> String {
        let stderr = self.child.stderr.as_mut().unwrap();
        let (mut said, mut byte) = (String::new(), [0]);
        while !said.contains(wanted) {
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "the process ended: {said}");
            said.push(char::from(byte[0]));
        }
        said
    }

    /// Opens the gate.
    fn release(&self) {
        std::fs::write(self.begun.with_extension("released"), "").unwrap();
    }

    /// Waits for the end: the exit code, and what it wrote.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stdout, stderr)
    }
}

/// The newest run, with its status.
fn newest(root: &Path) -> (String, String) {
    let (_, listed) = json(root, &["runs", "list", "--limit", "1"]);
    let text = |name: &str| listed["runs"][0][name].as_str().unwrap().to_owned();
    (text("run"), text("status"))
}

#[test]
fn a_run_whose_process_was_killed_is_interrupted_and_goes_on_where_it_was() {
    let root = tempdir().unwrap();
    let waiting = Waiting::start(root.path(), &["materialize", "numbers*"], "doubled");
    let (killed, status) = newest(root.path());
    assert_eq!(status, "running");
    waiting.signal("-KILL");
    assert_eq!(waiting.end().0, None);
    assert_eq!(newest(root.path()), (killed.clone(), "interrupted".to_owned()));
    let (_, shown) = json(root.path(), &["runs", "show", &killed[..6]]);
    let steps = shown["run"]["steps"].as_array().unwrap();
    let statuses: Vec<_> =
        steps.iter().map(|step| (step["assets"][0].as_str().unwrap(), step["status"].as_str().unwrap())).collect();
    assert!(statuses.contains(&("numbers", "succeeded")) && statuses.contains(&("doubled", "interrupted")), "{statuses:?}");
    assert!(statuses.contains(&("total", "waiting")), "{statuses:?}");

    let (code, stdout, stderr) = run(root.path(), &["runs", "resume", &killed[..6]]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains(&format!("resumed  run {killed}: ")) && stderr.contains("ok       total"), "{stderr}");
    assert!(!stderr.contains("ok       numbers") && stdout.contains("numbers"), "what is done is not done again: {stderr}");
    assert!(stderr.starts_with(&format!("note     run {killed} was interrupted: its process is gone\n")), "{stderr}");
    assert!(stderr.matches("resumed  run").count() == 1 && !stderr.contains(": 0 of"), "{stderr}");
    assert_eq!(newest(root.path()), (killed.clone(), "succeeded".to_owned()));
    assert_eq!(std::fs::read_to_string(root.path().join("fs/total.json")).unwrap(), "12");
    for table in ["numbers", "doubled"] {
        let log = root.path().join(format!("delta/public/{table}/_delta_log"));
        assert_eq!(std::fs::read_dir(log).unwrap().count(), 1, "`{table}` was committed once");
    }
    let (code, _, stderr) = run(root.path(), &["runs", "resume", &killed]);
    assert_eq!(code, 2);
    assert!(stderr.contains("there is nothing left to do"), "{stderr}");
}

#[test]
fn another_process_cancels_a_run_and_it_can_be_gone_on_with() {
    let root = tempdir().unwrap();
    let waiting = Waiting::start(root.path(), &["materialize", "patient"], "patient");
    let (run_id, _) = newest(root.path());
    let (code, _, stderr) = run(root.path(), &["materialize", "patient"]);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains(&format!("is being made by run `{run_id}`")) && stderr.contains("runs cancel"), "{stderr}");
    let (code, _, stderr) = run(root.path(), &["asset", "wipe", "patient", "--yes"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("LW0306") && stderr.contains(&run_id), "{stderr}");
    let (code, canceled) = json(root.path(), &["runs", "cancel", &run_id]);
    assert_eq!((code, canceled["canceled"].as_bool()), (0, Some(true)));
    // Nobody opens the gate: it ends because it hears that it is to.
    let (code, _, stderr) = waiting.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("was cancelled") && stderr.contains(&format!("runs resume {run_id}")), "{stderr}");
    assert_eq!(newest(root.path()), (run_id.clone(), "canceled".to_owned()));
    let (_, canceled) = json(root.path(), &["runs", "cancel", &run_id]);
    assert_eq!(canceled["canceled"].as_bool(), Some(false), "it has ended");
    assert_eq!(run(root.path(), &["runs", "resume", &run_id]).0, 0);
    assert_eq!(newest(root.path()).1, "succeeded");
}

#[test]
fn ctrl_c_drains_and_says_how_to_go_on() {
    let root = tempdir().unwrap();
    let mut waiting = Waiting::start(root.path(), &["materialize", "*total"], "doubled");
    let (run_id, _) = newest(root.path());
    waiting.signal("-INT");
    let said = waiting.hear("goes on with the rest");
    assert!(said.contains(&format!("runs resume {run_id}")), "{said}");
    waiting.release();
    let (code, _, stderr) = waiting.end();
    assert_eq!(code, Some(130));
    assert!(stderr.contains("ok       doubled") && stderr.contains("skipped  total"), "{stderr}");
    assert_eq!(newest(root.path()).1, "interrupted");
    let (code, resumed) = json(root.path(), &["runs", "resume", &run_id]);
    assert_eq!((code, resumed["status"].as_str()), (0, Some("succeeded")));
    assert_eq!(std::fs::read_to_string(root.path().join("fs/total.json")).unwrap(), "12");
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_what_was_printed_is_shown() {
    let root = tempdir().unwrap();
    let mut waiting = Waiting::start(root.path(), &["materialize", "patient"], "patient");
    let (run_id, _) = newest(root.path());
    waiting.signal("-INT");
    waiting.hear("goes on with the rest");
    waiting.signal("-INT");
    let (code, stdout, stderr) = waiting.end();
    assert_eq!(code, Some(130));
    assert_eq!(stdout, "patient begins\n");
    assert!(stderr.contains(&format!("stopped; `runs resume {run_id}`")), "{stderr}");
    assert_eq!(newest(root.path()).1, "interrupted");
    let (_, logs, _) = run(root.path(), &["logs", &run_id]);
    assert!(logs.contains("patient begins"), "{logs}");
}

#[test]
fn ctrl_c_is_heard_beside_a_body_that_leaves_its_thread_to_nobody() {
    let root = tempdir().unwrap();
    let mut waiting = Waiting::start(root.path(), &["materialize", "patient", "--set", "patient.computes=true"], "patient");
    waiting.signal("-INT");
    waiting.hear("goes on with the rest");
    waiting.signal("-INT");
    let (code, _, stderr) = waiting.end();
    assert_eq!(code, Some(130));
    assert!(stderr.contains("stopped; `runs resume"), "{stderr}");
}

#[test]
fn what_a_body_that_was_cut_off_left_on_a_thread_is_not_waited_for() {
    let root = tempdir().unwrap();
    let mut waiting = Waiting::start(root.path(), &["materialize", "patient", "--set", "patient.blocks=true"], "patient");
    waiting.signal("-TERM");
    waiting.hear("terminated: ");
    // Nobody opens the gate.
    let (code, _, stderr) = waiting.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert_eq!(newest(root.path()).1, "canceled");
}

/// What is shown of a run may take long: a store that is slow to give the first rows, or nobody who reads.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_after_the_run_ends_the_process() {
    use std::io::Write;

    let root = tempdir().unwrap();
    // It has room for as much, and nobody reads it: what is shown of the run waits.
    let (unread, mut full) = std::io::pipe().unwrap();
    full.write_all(&vec![0; 64 << 10]).unwrap();
    let mut child =
        pipeline(root.path(), &["materialize", "numbers", "--logs", "off"]).stderr(Stdio::piped()).stdout(full).spawn().unwrap();
    let (mut said, mut byte, mut stderr) = (String::new(), [0], child.stderr.take().unwrap());
    while !said.contains("succeeded after") {
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "the process ended: {said}");
        said.push(char::from(byte[0]));
    }
    // Not all of them come after the run, and of two at once one may be heard.
    let mut ended = None;
    for _ in 0..1000 {
        Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        ended = child.try_wait().unwrap();
        if ended.is_some() {
            break;
        }
    }
    if ended.is_none() {
        child.kill().unwrap();
    }
    drop(unread);
    assert_eq!(ended.and_then(|status| status.code()), Some(130));
    assert_eq!(newest(root.path()).1, "succeeded");
}

#[test]
fn a_request_to_end_cancels() {
    let root = tempdir().unwrap();
    let mut waiting = Waiting::start(root.path(), &["materialize", "patient"], "patient");
    waiting.signal("-TERM");
    waiting.hear("terminated: ");
    assert_eq!(waiting.end().0, Some(130));
    assert_eq!(newest(root.path()).1, "canceled");
}

#[test]
fn failed_steps_are_tried_again_within_their_run_and_a_whole_run_as_a_new_one() {
    let root = tempdir().unwrap();
    let fails = ["materialize", "numbers*", "--tag", "why=test", "--set", "doubled.fails=true"];
    let (code, _, stderr) = run(root.path(), &fails);
    let (failed, status) = newest(root.path());
    assert_eq!((code, status.as_str()), (1, "failed"));
    assert!(stderr.contains(&format!("runs retry {failed} --failed")), "{stderr}");
    let (code, _, stderr) = run(root.path(), &["runs", "resume", &failed]);
    assert_eq!(code, 2);
    assert!(stderr.contains("has failed") && stderr.contains("--failed"), "{stderr}");
    insta::assert_snapshot!("runs_show", redacted(root.path(), &run(root.path(), &["runs", "show", &failed]).1));
    assert_eq!(run(root.path(), &["runs", "retry", &failed, "--failed"]).0, 0);
    assert_eq!(newest(root.path()), (failed.clone(), "succeeded".to_owned()));
    assert_eq!(run(root.path(), &["runs", "retry", &failed]).0, 0);
    let (again, status) = newest(root.path());
    assert_eq!(status, "succeeded");
    assert_ne!(again, failed, "it is a run of its own");
    let versions = std::fs::read_dir(root.path().join("delta/public/numbers/_delta_log")).unwrap().count();
    assert_eq!(versions, 2, "everything is made again");

    run(root.path(), &["materialize", "names", "--set", "doubled.fails=true"]);
    let (_, tagged) = json(root.path(), &["runs", "list", "--tag", "why=test"]);
    assert_eq!(tagged["runs"].as_array().unwrap().len(), 2);
    let (_, none) = json(root.path(), &["runs", "list", "--status", "failed"]);
    assert_eq!(none["runs"].as_array().unwrap().len(), 0);
    insta::assert_snapshot!("runs_list", redacted(root.path(), &run(root.path(), &["runs", "list"]).1));
}

#[test]
fn a_run_that_is_not_there_is_a_mistake_of_who_asks_and_near_misses_are_named() {
    let root = tempdir().unwrap();
    assert_eq!(run(root.path(), &["runs", "list"]), (0, "no runs\n".to_owned(), String::new()));
    assert_eq!(run(root.path(), &["materialize", "numbers"]).0, 0);
    let (run_id, _) = newest(root.path());
    for command in [&["runs", "show"][..], &["runs", "cancel"], &["runs", "resume"], &["runs", "retry"], &["logs"]] {
        let mistyped = format!("{}x", &run_id[..5]);
        let (code, _, stderr) = run(root.path(), &[command, &[&mistyped]].concat());
        assert_eq!(code, 2, "{command:?}: {stderr}");
        assert!(stderr.contains("there is no run") && stderr.contains(&format!("did you mean `{run_id}`?")), "{stderr}");
    }
}

#[test]
fn how_steps_are_run_is_said_on_the_command_line() {
    let root = tempdir().unwrap();
    let options = ["--retries", "2", "--timeout", "1h 30m", "--memory", "1.5TiB", "--pool", "api=2", "--logs", "off"];
    assert_eq!(run(root.path(), &[&["materialize", "numbers"][..], &options].concat()).0, 0);
    for wrong in [["--timeout", "soon"], ["--memory", "much"], ["--pool", "api"], ["--tag", "ticket"], ["--logs", "loud"]] {
        let (code, _, stderr) = run(root.path(), &["materialize", "numbers", wrong[0], wrong[1]]);
        assert_eq!(code, 2, "{wrong:?}: {stderr}");
        assert!(stderr.contains(wrong[1]), "{stderr}");
    }
    let (code, _, stderr) = run(root.path(), &["materialize", "numbers", "--pool", "api=0"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("no step could ever run in the pool `api` of 0"), "{stderr}");
    let (code, _, stderr) = run(root.path(), &["materialize", "numbers", "--pool", "apii=4"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("no asset is in the pool `apii`") && stderr.contains("did you mean `api`?"), "{stderr}");
}

#[test]
fn what_steps_write_is_kept_with_its_step_and_still_shown() {
    let root = tempdir().unwrap();
    let (code, stdout, stderr) = run(root.path(), &["materialize", "patient"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("patient begins\n") && stderr.contains("patient ends\n"), "{stdout}{stderr}");
    let (run_id, _) = newest(root.path());
    // What is traced and what is printed come by different ways, and meet in the log.
    let logs = redacted(root.path(), &run(root.path(), &["logs", &run_id]).1);
    let mut lines: Vec<&str> = logs.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!("logs", lines.join("\n"));
    let (_, kept) = json(root.path(), &["logs", &run_id, "--step", "patient", "--level", "warn"]);
    let lines = kept["lines"].as_array().unwrap();
    assert_eq!((lines.len(), lines[0]["text"].as_str()), (1, Some("the gate is open")));
    let (code, _, stderr) = run(root.path(), &["logs", &run_id, "--step", "patent"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `patient`?"), "{stderr}");
    // In a document for programs there is nothing else.
    let (code, report) = json(root.path(), &["materialize", "patient"]);
    assert_eq!((code, report["status"].as_str()), (0, Some("succeeded")));
    assert_eq!(run(root.path(), &["materialize", "patient", "--logs", "off"]).0, 0);
    assert_eq!(run(root.path(), &["logs", &newest(root.path()).0]).1, "");
}

#[test]
fn who_follows_a_run_sees_all_of_it_and_ends_with_it() {
    let root = tempdir().unwrap();
    let waiting = Waiting::start(root.path(), &["materialize", "patient"], "patient");
    let (run_id, _) = newest(root.path());
    let mut follower = pipeline(root.path(), &["logs", &run_id, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let (mut seen, mut byte) = (String::new(), [0]);
    let mut stdout = follower.stdout.take().unwrap();
    while !seen.contains("patient begins") {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "it ended before the run: {seen}");
        seen.push(char::from(byte[0]));
    }
    waiting.release();
    assert_eq!(waiting.end().0, Some(0));
    stdout.read_to_string(&mut seen).unwrap();
    assert!(follower.wait().unwrap().success());
    assert!(seen.contains("the gate is open") && seen.contains("patient ends"), "{seen}");
}

#[test]
fn who_follows_a_run_for_nobody_ends_before_it() {
    let root = tempdir().unwrap();
    let waiting = Waiting::start(root.path(), &["materialize", "patient"], "patient");
    let (run_id, _) = newest(root.path());
    let (reader, unread) = std::io::pipe().unwrap();
    drop(reader);
    let mut follower = pipeline(root.path(), &["logs", &run_id, "--follow"]);
    // Nobody opens the gate: it ends because nobody reads what it has to say.
    let ended = follower.stdout(unread).output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(0), String::new()));
    assert_eq!(newest(root.path()).1, "running");
    waiting.release();
    assert_eq!(waiting.end().0, Some(0));
}
