//! A store that nobody of the project wrote: frames in an `SQLite` file.
//!
//! What is stored of an asset, or of a partition of it, is a row of one SQL table, which holds the frame as Arrow IPC. What has
//! been committed is in another, written in the same transaction. What is staged is in a third, where no reader looks.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lakewright::asset::{AssetSpec, Mode, ValueKind};
use lakewright::env::{Env, blocking, unique_id};
use lakewright::frame::{Frame, StoredRows, Table, check_columns};
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, IoManager, Landing, LoadRequest, Location, OwnedRequest, Probe, Staged,
    StoreRequest, refuse_strays,
};
use lakewright::partition::KeySet;
use lakewright::prelude::*;
use lakewright::{CommitId, ErrorKind, Slice, Value};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

/// Keeps frames in one `SQLite` file.
pub(crate) struct SqliteIoManager {
    file: PathBuf,
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS stored (asset TEXT, part TEXT, frame BLOB, run TEXT, PRIMARY KEY (asset, part));
    CREATE TABLE IF NOT EXISTS staged (id TEXT PRIMARY KEY, frame BLOB);
    CREATE TABLE IF NOT EXISTS commits (application TEXT PRIMARY KEY, number INTEGER);";

impl SqliteIoManager {
    pub(crate) fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    /// Does something in a transaction, on a thread that may block. An error undoes it.
    async fn transaction<T: Send + 'static>(
        &self,
        env: &Arc<dyn Env>,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let file = self.file.clone();
        let done = blocking(env, move || {
            let mut connection = Connection::open(file).map_err(sql)?;
            connection.busy_timeout(Duration::from_mins(1)).map_err(sql)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
            transaction.execute_batch(TABLES).map_err(sql)?;
            let done = job(&transaction)?;
            transaction.commit().map_err(sql)?;
            Ok(done)
        });
        done.await.map_err(|error| error.with("location", self.file.display()))
    }
}

fn sql(error: rusqlite::Error) -> Error {
    let busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
    let told = Error::new(ErrorKind::Io, format!("SQLite: {error}")).source(error);
    if busy { told.retryable() } else { told }
}

fn encode(frame: &mut DataFrame) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    IpcWriter::new(&mut bytes).finish(frame)?;
    Ok(bytes)
}

fn decode(bytes: Vec<u8>) -> Result<DataFrame> {
    Ok(IpcReader::new(Cursor::new(bytes)).finish()?)
}

/// The parts of an asset that a slice stands for; the whole of it is one that has no name.
fn parts(keys: Option<KeySet>) -> Vec<String> {
    keys.map_or_else(|| vec![String::new()], |keys| keys.keys().map(|key| key.to_string()).collect())
}

/// What is stored of a part, and the run that stored it.
fn stored(at: &Connection, asset: &str, part: &str) -> Result<Option<(DataFrame, String)>> {
    let query = "SELECT frame, run FROM stored WHERE asset = ? AND part = ?";
    let row = at.query_row(query, [asset, part], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(sql)?;
    row.map(|(bytes, run)| Ok((decode(bytes)?, run))).transpose()
}

/// The number of the last commit of its kind.
fn last(at: &Connection, id: &CommitId) -> Result<Option<i64>> {
    let query = "SELECT number FROM commits WHERE application = ?";
    at.query_row(query, [id.application()], |row| row.get(0)).optional().map_err(sql)
}

/// Makes what was staged a part of what is stored.
fn land(at: &Connection, request: &StoreRequest<'_>, staged: &Staged) -> Result<()> {
    let (asset, part) = (request.asset.key.to_string(), parts(request.keys()?).concat());
    let find = "SELECT frame FROM staged WHERE id = ?";
    let mut bytes: Vec<u8> = at.query_row(find, [staged.payload::<String>("SQLite")?], |row| row.get(0)).map_err(sql)?;
    if let (Mode::Append, Some((mut old, _))) = (request.mode, stored(at, &asset, &part)?) {
        let (new, names) = (decode(bytes)?, old.get_column_names_owned());
        check_columns(
            &new.get_column_names_owned().iter().map(ToString::to_string).collect::<Vec<_>>(),
            names.iter().map(|name| &**name),
        )?;
        old.vstack_mut(&new.select(names)?)?;
        bytes = encode(&mut old)?;
    }
    let write = "INSERT OR REPLACE INTO stored VALUES (?, ?, ?, ?)";
    at.execute(write, params![asset, part, bytes, request.run.run]).map_err(sql)?;
    Ok(())
}

fn drop_staged(at: &Connection, staged: &[Staged]) -> Result<()> {
    for one in staged {
        at.execute("DELETE FROM staged WHERE id = ?", [one.payload::<String>("SQLite")?]).map_err(sql)?;
    }
    Ok(())
}

#[async_trait]
impl IoManager for SqliteIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("an SQLite store", &[ValueKind::Table]);
        capabilities.modes = &[Mode::Overwrite, Mode::Append, Mode::Error, Mode::Ignore];
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        Ok(Location::new(format!("{}#{}#{slice}", self.file.display(), asset.key)))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let (asset, parts, only) = (request.asset.key.to_string(), parts(request.keys()?), request.columns.map(<[_]>::to_vec));
        let job = move |at: &Connection| {
            let found = parts.iter().filter_map(|part| stored(at, &asset, part).transpose());
            let tables = found.map(|found| found?.0.table(only.as_deref())).collect::<Result<Vec<_>>>()?;
            if tables.is_empty() { Ok(None) } else { Table::concat(tables).map(Some) }
        };
        Ok(self.transaction(&request.env, job).await?.map(Value::Table))
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let Value::Table(table) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, "an SQLite store holds frames"));
        };
        let (id, owned) = (unique_id(&*request.env), OwnedRequest::of(&request));
        let frame = blocking(&request.env, move || {
            let request = owned.request();
            DataFrame::from_table(match (request.keys()?, &request.asset.partition_expr) {
                (Some(keys), Some(expr)) => refuse_strays(table, &keys, expr)?,
                _ => table,
            })
        });
        let mut frame = frame.await?;
        let staged = Staged::new(id.clone().into()).rows(frame.rows()).bytes(frame.bytes()).columns(StoredRows::columns(&frame));
        let write = "INSERT INTO staged VALUES (?, ?)";
        let job = move |at: &Connection| at.execute(write, params![id, encode(&mut frame)?]).map_err(sql);
        self.transaction(&request.env, job).await?;
        Ok(staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let (owned, id) = (OwnedRequest::of(&request), id.clone());
        let job = move |at: &Connection| {
            let request = owned.request();
            let there = |slice: &Slice| {
                let part = parts(request.slice(slice).keys()?).concat();
                Ok(stored(at, &request.asset.key.to_string(), &part)?.is_some())
            };
            let landing = Landing::of(&request, &staged, &id, last(at, &id)?, there)?;
            for one in &landing.write {
                land(at, &request.slice(&one.slice), one)?;
            }
            at.execute("INSERT OR REPLACE INTO commits VALUES (?, ?)", params![id.application(), id.number]).map_err(sql)?;
            drop_staged(at, &staged)?;
            Ok(landing.committed())
        };
        self.transaction(&request.env, job).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.transaction(&request.env, move |at| drop_staged(at, &staged)).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let ids = ids.to_vec();
        let state = |at: &Connection, id: &CommitId| Ok(CommitState::of(id.number, last(at, id)?));
        self.transaction(&request.env, move |at| ids.iter().map(|id| state(at, id)).collect()).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let (asset, parts) = (request.asset.key.to_string(), parts(request.keys()?));
        let job = move |at: &Connection| {
            let mut described = Description::default();
            for (frame, run) in
                parts.iter().filter_map(|part| stored(at, &asset, part).transpose()).collect::<Result<Vec<_>>>()?
            {
                described.rows = Some(described.rows.unwrap_or_default() + frame.rows());
                (described.exists, described.columns, described.run) = (true, StoredRows::columns(&frame), Some(run));
            }
            Ok(described)
        };
        self.transaction(&request.env, job).await
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let (asset, parts) = (request.asset.key.to_string(), parts(request.keys()?));
        let gone = "DELETE FROM stored WHERE asset = ? AND part = ?";
        let job = move |at: &Connection| parts.iter().try_for_each(|part| at.execute(gone, [&asset, part]).map(drop));
        self.transaction(&request.env, move |at| job(at).map_err(sql)).await
    }

    async fn probe(&self, _env: &dyn Env) -> Probe {
        Connection::open(&self.file).and_then(|at| at.execute_batch("BEGIN IMMEDIATE; ROLLBACK")).map_err(sql).into()
    }
}
