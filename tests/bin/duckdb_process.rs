//! Another process with a DuckDB file, which says what it has done and waits until its input ends or it is killed.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is how the tests know")]

use std::io::{Read, stdin};
use std::sync::Arc;

use lakewright::duckdb::DuckDb;
use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::io::{IoManager, RunInfo, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, CommitId, ErrorKind, Slice, Value, ValueKind};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (what, path) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    match what.as_str() {
        "hold" => hold(&path),
        "stage" => stage(&path).await,
        _ => Err(Error::new(ErrorKind::Config, "say `hold FILE` or `stage FILE`")),
    }
}

/// Has the file open.
fn hold(path: &str) -> Result<()> {
    let database = DuckDb::open(path);
    database.connection()?.execute("CREATE OR REPLACE TABLE held AS SELECT 1 AS yes")?;
    println!("held");
    wait()
}

/// Commits rows, stages others, and says what it staged.
async fn stage(path: &str) -> Result<()> {
    let store = DuckDbIoManager::new(path);
    let builder = AssetBuilder::new("t", ValueKind::Table);
    let asset = builder.body(|call| async move { call.produce_frame(DataFrame::default()) })?;
    let (run, env) = (RunInfo::new("killed", 1), Arc::new(SystemEnv::new()));
    let request = || StoreRequest::new(&asset, &Slice::Whole, &run, Arc::clone(&env) as _);
    let rows = |text: &str| Ok::<_, Error>(Value::Table(df!("v" => [text; 2])?.into_table()));
    let first = store.stage(request(), rows("old")?).await?;
    store.commit(request(), vec![first], &CommitId::new("log", &asset.key, &Slice::Whole, 1)).await?;
    let second = store.stage(request(), rows("new")?).await?;
    println!("{}", serde_json::to_string(&second).unwrap_or_default());
    wait()
}

fn wait() -> Result<()> {
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
