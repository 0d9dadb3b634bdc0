//! A process that dies between staging and committing harms nothing, and another can commit what it had staged.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lakewright::io::{IoManager, LoadRequest, RunInfo, Staged, StoreRequest};
use lakewright::{CommitId, Slice};

use super::*;

#[test]
fn what_a_killed_process_had_staged_is_not_there_until_another_commits_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("warehouse.duckdb");
    let mut child = Command::new(env!("CARGO_BIN_EXE_duckdb_process"))
        .arg("stage")
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut staged = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut staged).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let rows = |store: &DuckDbIoManager| {
        let sql = store.database().unwrap().connection().unwrap();
        sql.query_value::<String>("SELECT string_agg(v, ',' ORDER BY v) FROM public.t", []).unwrap()
    };
    let store = DuckDbIoManager::new(&path);
    assert_eq!(rows(&store), "old,old", "what was committed survived, and what was staged is not seen");

    let staged: Staged = serde_json::from_str(&staged).unwrap();
    let asset =
        AssetBuilder::new("t", ValueKind::Table).body(|call| async move { call.produce_frame(DataFrame::default()) }).unwrap();
    let (run, env) = (RunInfo::new("another", 1), Arc::new(lakewright::exec::SystemEnv::new()));
    let id = CommitId::new("log", &asset.key, &Slice::Whole, 2);
    let commit = || {
        let request = StoreRequest::new(&asset, &Slice::Whole, &run, Arc::clone(&env) as _);
        block_on(store.commit(request, vec![staged.clone()], &id)).unwrap()
    };
    assert!(!commit().already);
    assert_eq!(rows(&store), "new,new");
    assert!(commit().already, "the same commit again does nothing");
    assert_eq!(rows(&store), "new,new");
    let described = block_on(store.describe(LoadRequest::new(&asset, &Slice::Whole, env))).unwrap();
    assert_eq!((described.rows, described.run.as_deref()), (Some(2), Some("another")));
}
