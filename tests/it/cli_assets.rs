//! What is stored, from the command line: looked back on, removed, reported, and compared with the log; and what goes from the log.

use std::path::Path;

use tempfile::{TempDir, tempdir};

use crate::cli::{json, run};
use crate::redact::redacted;

/// Three regions, all of which are stored.
fn regions() -> TempDir {
    let root = tempdir().unwrap();
    assert_eq!(run(root.path(), &["partitions", "add", "Region", "north", "south", "west"]).0, 0);
    let (code, _, stderr) = run(root.path(), &["materialize", "regions", "--all-partitions"]);
    assert_eq!(code, 0, "{stderr}");
    root
}

fn statuses(root: &Path) -> Vec<(String, String)> {
    let (_, listed) = json(root, &["partitions", "list", "regions"]);
    let text = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap().to_owned();
    listed["partitions"].as_array().unwrap().iter().map(|one| (text(one, "key"), text(one, "status"))).collect()
}

fn words(statuses: &[(String, String)]) -> Vec<&str> {
    statuses.iter().map(|(_, status)| status.as_str()).collect()
}

#[test]
fn what_is_wiped_is_gone_from_the_store_and_recorded_so() {
    let root = regions();
    let root = root.path();
    let (code, _, stderr) = run(root, &["asset", "wipe", "regions", "--partition", "south"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--yes") && root.join("fs/regions/south.json").exists(), "{stderr}");
    let (code, _, stderr) = run(root, &["asset", "wipe", "regions", "--yes"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("it is not said which partitions are meant"), "{stderr}");
    let (code, wiped) = json(root, &["asset", "wipe", "regions", "--partition", "south", "--yes"]);
    assert_eq!((code, wiped["wiped"].as_str(), wiped["partitions"].as_u64()), (0, Some("v1:[south]"), Some(1)));
    assert!(!root.join("fs/regions/south.json").exists() && root.join("fs/regions/north.json").exists());
    assert_eq!(words(&statuses(root)), ["materialized", "missing", "materialized"]);
    let (code, again, _) = run(root, &["asset", "wipe", "regions", "--partition", "south", "--yes"]);
    assert_eq!((code, again.as_str()), (0, "regions: there was nothing to do\n"));
    let (_, missing) = json(root, &["materialize", "regions", "--missing"]);
    assert_eq!(missing["steps"][0]["materializations"][0]["slice"], "v1:[south]");

    let (_, listed) = json(root, &["runs", "list"]);
    let wipe = listed["runs"].as_array().unwrap().iter().find(|run| run["action"] == "wipe").unwrap()["run"].as_str().unwrap();
    for command in [&["runs", "retry"][..], &["runs", "retry", "--failed"], &["runs", "resume"]] {
        let (code, _, stderr) = run(root, &[command, &[wipe]].concat());
        assert_eq!(code, 2);
        assert!(stderr.contains("did not materialize anything: it was `asset wipe`"), "{stderr}");
    }
}

#[test]
fn a_store_that_cannot_delete_says_so_and_nothing_changes() {
    let root = tempdir().unwrap();
    assert_eq!(run(root.path(), &["materialize", "inventory+"]).0, 1, "somebody else's table is not there");
    let (code, _, stderr) = run(root.path(), &["asset", "wipe", "inventory", "--yes"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("LW0303") && stderr.contains("somebody else writes it"), "{stderr}");
}

#[test]
fn what_is_reported_is_there_or_was_insisted_on() {
    let root = regions();
    let root = root.path();
    assert_eq!(run(root, &["asset", "wipe", "regions", "--all-partitions", "--yes"]).0, 0);
    let (code, _, stderr) = run(root, &["asset", "report", "regions", "--partition", "north"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("nothing is stored for `north` of `regions`") && stderr.contains("--force"), "{stderr}");
    std::fs::write(root.join("fs/regions/north.json"), "\"by hand\"").unwrap();
    let (code, said, _) = run(root, &["asset", "report", "regions", "--partition", "north", "--metadata", "source=backup"]);
    assert_eq!((code, said.as_str()), (0, "regions [north]: recorded as stored\n"));
    assert_eq!(run(root, &["asset", "report", "regions", "--partition", "west", "--force"]).0, 0);
    let (_, missing) = json(root, &["materialize", "regions", "--missing"]);
    assert_eq!(missing["steps"][0]["materializations"][0]["slice"], "v1:[south]", "the others are recorded");
    insta::assert_snapshot!("asset_history", redacted(root, &run(root, &["asset", "history", "regions"]).1));
    let (_, told) = json(root, &["asset", "history", "regions", "--limit", "3"]);
    let kinds: Vec<_> = told["history"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["materialized", "reported", "reported"]);
    assert_eq!(told["history"][2]["metadata"][0][1]["value"], "backup");
}

#[test]
fn the_doctor_finds_what_the_log_does_not_say_as_it_is_and_repairs_it() {
    let root = regions();
    let root = root.path();
    assert_eq!(run(root, &["materialize", "names", "numbers"]).0, 0);
    let (code, checked) = json(root, &["doctor"]);
    assert_eq!((code, checked["log"]["differences"].as_array().unwrap().len()), (0, 0), "{checked}");
    std::fs::remove_file(root.join("fs/regions/south.json")).unwrap();
    std::fs::write(root.join("fs/regions/west.json"), "\"by hand\"").unwrap();
    std::fs::remove_file(root.join("csv/names.csv")).unwrap();
    let found = |checked: &serde_json::Value| -> Vec<String> {
        let all = checked["log"]["differences"].as_array().unwrap();
        let one = |one: &serde_json::Value| {
            [&one["asset"], &one["slice"], &one["found"]].map(|text| text.as_str().unwrap().to_owned()).join(" ")
        };
        let mut all: Vec<_> = all.iter().map(one).collect();
        all.sort();
        all
    };
    let wanted = ["names v1:all gone", "regions v1:[south] gone", "regions v1:[west] replaced"];
    let (code, checked) = json(root, &["doctor"]);
    assert_eq!((code, found(&checked)), (4, wanted.map(str::to_owned).to_vec()));
    let (code, repaired) = json(root, &["doctor", "--repair"]);
    assert_eq!((code, found(&repaired)), (0, wanted.map(str::to_owned).to_vec()));
    let (code, checked) = json(root, &["doctor"]);
    assert_eq!((code, found(&checked)), (0, Vec::new()));
    let (_, history) = json(root, &["asset", "history", "names", "--limit", "1"]);
    assert_eq!(history["history"][0]["kind"], "wiped");
    let (_, missing) = json(root, &["materialize", "regions", "--missing"]);
    assert_eq!(missing["steps"][0]["materializations"][0]["slice"], "v1:[south]");
}

#[test]
fn the_doctor_does_not_call_well_what_it_cannot_look_at() {
    let root = tempdir().unwrap();
    let root = root.path();
    assert_eq!(run(root, &["materialize", "names", "numbers"]).0, 0);
    std::fs::write(root.join("delta/public/numbers/_delta_log/00000000000000000000.json"), "{").unwrap();
    for command in [&["doctor"][..], &["doctor", "--repair"]] {
        let (code, said, complaint) = run(root, command);
        assert_eq!(code, 4, "{said}{complaint}");
        assert!(complaint.contains("numbers"), "{complaint}");
        assert!(said.ends_with("of the rest, the log says what the stores hold\n"), "{said}");
    }
}

#[test]
fn old_runs_go_from_the_log_and_what_is_stored_stays_known() {
    let root = regions();
    let root = root.path();
    assert_eq!(run(root, &["gc"]).1, "0 runs with 0 events and 0 lines of output were removed\n", "90 days are kept");
    assert_eq!(run(root, &["materialize", "patient"]).0, 0);
    let would = run(root, &["gc", "--older-than", "0s", "--dry-run"]).1;
    insta::assert_snapshot!("gc_dry_run", redacted(root, &would));
    assert_eq!(json(root, &["runs", "list"]).1["runs"].as_array().unwrap().len(), 2, "nothing was removed");
    let did = run(root, &["gc", "--older-than", "0s"]).1;
    assert_eq!(did.split(" were ").next(), would.split(" would ").next(), "it removes what it said");
    assert_eq!(run(root, &["runs", "list"]).1, "no runs\n");
    assert_eq!(words(&statuses(root)), ["materialized"; 3]);
    assert_eq!(run(root, &["materialize", "regions", "--missing"]).1, "nothing to do: there is no partition to make\n");
    let (_, history) = json(root, &["asset", "history", "regions"]);
    assert_eq!(history["history"].as_array().unwrap().len(), 1);
}

#[test]
fn of_partitions_it_is_shown_how_many_are_stored() {
    let root = regions();
    let root = root.path();
    let stored = || {
        let (_, shown) = json(root, &["asset", "show", "regions"]);
        let stored = &shown["asset"]["stored"];
        let count = |of: &str| stored["partitions"][of].as_u64().unwrap();
        (stored["exists"].as_bool().unwrap(), count("stored"), count("all"))
    };
    assert_eq!(stored(), (true, 3, 3));
    assert_eq!(run(root, &["asset", "wipe", "regions", "--partition", "south", "--yes"]).0, 0);
    assert_eq!(stored(), (true, 2, 3));
    let (_, shown, _) = run(root, &["asset", "show", "regions"]);
    assert!(shown.contains("  stored          2 of 3 partitions"), "{shown}");
    assert_eq!(run(root, &["asset", "wipe", "regions", "--all-partitions", "--yes"]).0, 0);
    assert_eq!(stored(), (false, 0, 3), "the folder is still there");
}

#[test]
fn the_first_rows_are_shown_to_people_and_to_programs() {
    let root = tempdir().unwrap();
    let root = root.path();
    let (code, _, stderr) = run(root, &["asset", "preview", "numbers"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("nothing is stored for `numbers`"), "{stderr}");
    assert_eq!(run(root, &["materialize", "numbers"]).0, 0);
    let (code, shown, _) = run(root, &["asset", "preview", "numbers", "--rows", "2"]);
    assert_eq!(code, 0);
    assert!(shown.contains("two") && !shown.contains("three"), "{shown}");
    let (_, first) = json(root, &["asset", "preview", "numbers"]);
    assert_eq!(first["rows"], serde_json::json!([["one", "1"], ["two", "2"], ["three", "3"]]));
    assert_eq!(first["columns"][1], serde_json::json!({ "name": "value", "type": "i64" }));
    for (command, says) in [
        (&["asset", "preview", "numbers", "--partition", "north"][..], "`numbers` has no partitions"),
        (&["asset", "preview", "total"], "`total` produces an object, and only frames have rows"),
    ] {
        let (code, _, stderr) = run(root, command);
        assert_eq!(code, 2, "{command:?}: {stderr}");
        assert!(stderr.contains(says), "{stderr}");
    }
}

#[test]
fn maintenance_that_is_refused_says_what_it_is_and_is_no_mistake_of_the_definitions() {
    let root = tempdir().unwrap();
    let root = root.path();
    assert_eq!(run(root, &["materialize", "numbers", "patient"]).0, 0);
    for (command, wanted) in [
        (&["asset", "versions", "patient"][..], (4, "the store of `patient` does not list versions")),
        (&["asset", "vacuum", "numbers", "--older-than", "1s"], (2, "are kept for 7 days, and those of 1 second ago may")),
    ] {
        let (code, refused) = json(root, command);
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(code == wanted.0 && message.contains(wanted.1), "{code}: {message}");
    }
    assert_eq!(run(root, &["asset", "optimize", "numbers", "--target-size", "1GB"]).0, 0);
}

#[test]
fn the_doctor_tells_what_the_stores_can_do_also_if_the_log_is_damaged() {
    let root = tempdir().unwrap();
    let root = root.path();
    std::fs::create_dir(root.join(".lakewright")).unwrap();
    std::fs::write(root.join(".lakewright/state.db"), "this is no database".repeat(100)).unwrap();
    let (code, said, complaint) = run(root, &["doctor"]);
    assert_eq!(code, 4);
    assert!(said.contains("put-if-absent") && complaint.contains("LW0204"), "{said}{complaint}");
    let (code, checked) = json(root, &["doctor"]);
    assert_eq!((code, &checked["passed"], &checked["log"]), (4, &true.into(), &serde_json::Value::Null));
    assert_eq!(checked["errors"][0]["code"], "LW0204");
    assert_eq!(checked["stores"][0]["checks"][0]["passed"], true);
}
