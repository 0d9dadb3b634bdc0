//! A process that commits rows, stages others, says what it staged, and waits to be killed.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is how the tests know")]

use std::io::{Read, stdin};
use std::sync::Arc;

use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::duckdb::DuckDbIoManager;
use lakewright::io::{IoManager, RunInfo, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, CommitId, Slice, Value, ValueKind};

#[tokio::main]
async fn main() -> Result<()> {
    let store = DuckDbIoManager::new(std::env::args().nth(1).unwrap_or_default());
    let builder = AssetBuilder::new("t", ValueKind::Table);
    let asset = builder.body(|call| async move { call.produce_frame(DataFrame::default()) })?;
    let (run, env) = (RunInfo::new("killed", 1), Arc::new(SystemEnv::new()));
    let request = || StoreRequest::new(&asset, &Slice::Whole, &run, Arc::clone(&env) as _);
    let rows = |text: &str| Ok::<_, Error>(Value::Table(df!("v" => [text; 2])?.into_table()));
    let first = store.stage(request(), rows("old")?).await?;
    store.commit(request(), vec![first], &CommitId::new("log", &asset.key, &Slice::Whole, 1)).await?;
    let second = store.stage(request(), rows("new")?).await?;
    println!("{}", serde_json::to_string(&second).unwrap_or_default());
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
