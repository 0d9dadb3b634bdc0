//! DuckDB: each asset is a table of one database file, each run one transaction.

mod catalog;
mod columns;
mod commit;
mod expression;
mod merge;
mod names;
mod options;
mod predicate;
mod read;
mod retry;
mod stage;
mod statement;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use self::catalog::Own;
use self::commit::Commit;
use self::names::TableName;
use self::read::{Opened, open, present};
use self::retry::retrying;
use self::stage::{Stage, StagedRows};
use super::merge::with_store_options;
use crate::asset::{AssetSpec, Mode, PartitionExpr, ValueKind};
use crate::commit::CommitId;
use crate::duckdb::DuckDb;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::{FileSpace, resolved};
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OwnedRequest, PartitionExprUse, Present,
    Probe, Staged, StoreRequest, set_option,
};
use crate::metadata::MetadataValue;
use crate::partition::KeySet;
use crate::schema::Column;
use crate::slice::Slice;
use crate::value::Value;

/// Keeps each asset in a table of one DuckDB database: `<schema>.<table>`.
///
/// ```no_run
/// use lakewright::io::duckdb::DuckDbIoManager;
/// use lakewright::Lakehouse;
///
/// let store = DuckDbIoManager::new("warehouse.duckdb").schema("iris").setting("memory_limit", "2GB");
/// let lakehouse = Lakehouse::builder().io_manager("duckdb", store).build()?;
/// # Ok::<(), lakewright::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DuckDbIoManager {
    database: Source,
    schema: Option<String>,
    mode: Mode,
    options: Vec<(String, MetadataValue)>,
    shared: Arc<Shared>,
}

/// Which database.
#[derive(Clone)]
enum Source {
    /// To be opened as it is configured.
    Path { path: PathBuf, settings: Vec<(String, String)>, wait: Option<Duration> },
    /// One that others use too.
    Shared(DuckDb),
}

/// Without the values of settings, among which there may be secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { path, settings, wait } => {
                let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
                f.debug_struct("Path").field("path", path).field("settings", &names).field("wait", wait).finish()
            }
            Self::Shared(database) => f.debug_tuple("Shared").field(database).finish(),
        }
    }
}

/// What clones of a store have in common.
#[derive(Debug, Default)]
struct Shared {
    database: Mutex<Option<DuckDb>>,
    /// Commits to one table come one after the other, since DuckDB would let only one of them through.
    tables: Mutex<HashMap<(String, String), Turn>>,
}

/// Whose commit it is.
type Turn = Arc<tokio::sync::Mutex<()>>;

impl DuckDbIoManager {
    /// Tables in this database file, which is made when something is stored; `:memory:` is a database that lives as long as the
    /// process.
    pub fn new(database: impl AsRef<Path>) -> Self {
        Self::of(Source::Path { path: database.as_ref().to_owned(), settings: Vec::new(), wait: None })
    }

    /// Tables in a database that others use too.
    #[must_use]
    pub fn on(database: DuckDb) -> Self {
        Self::of(Source::Shared(database))
    }

    fn of(database: Source) -> Self {
        Self { database, schema: None, mode: Mode::Overwrite, options: Vec::new(), shared: Arc::default() }
    }

    /// The schema of tables whose assets do not name one.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The mode of assets that name none.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The value of an option for assets that do not set it: the options that `store(…)` takes.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<MetadataValue>) -> Self {
        set_option(&mut self.options, name.into(), value.into());
        self
    }

    /// A setting that DuckDB is opened with, such as `memory_limit`. A database that is shared has the settings it was made with.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Source::Path { settings, .. } = &mut self.database {
            settings.push((name.into(), value.into()));
        }
        self
    }

    /// How long to wait for a file that another process holds. A database that is shared waits as it was made to.
    #[must_use]
    pub fn wait(mut self, duration: Duration) -> Self {
        if let Source::Path { wait, .. } = &mut self.database {
            *wait = Some(duration);
        }
        self
    }

    /// The database, which others may use too: as a resource, for instance.
    ///
    /// # Errors
    /// If its path cannot be resolved.
    pub fn database(&self) -> Result<DuckDb> {
        let (path, settings, wait) = match &self.database {
            Source::Shared(database) => return Ok(database.clone()),
            Source::Path { path, settings, wait } => (path, settings, wait),
        };
        let mut known = self.shared.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*known {
            return Ok(database.clone());
        }
        let in_memory = path.to_string_lossy().starts_with(":memory:");
        let mut builder = DuckDb::builder(if in_memory { path.clone() } else { resolved_file(path)? });
        for (name, value) in settings {
            builder = builder.setting(name, value);
        }
        if let Some(wait) = wait {
            builder = builder.wait(*wait);
        }
        Ok(known.insert(builder.build()).clone())
    }

    /// The query that reads a slice, and the values of its `?`s in their order; nothing if there is no such table. Blocks.
    ///
    /// # Errors
    /// If the slice cannot be written as a query of the table.
    pub fn query(&self, request: &LoadRequest<'_>) -> Result<Option<(String, Vec<String>)>> {
        let asset = self.configured(request.asset);
        let name = TableName::of(&asset, self.schema.as_deref())?;
        let Some(opened) = open(&self.database()?, &name)? else { return Ok(None) };
        let part = part(&opened, &asset, request.keys()?.as_ref())?;
        let sql = opened.query(part.as_ref(), request.columns)?;
        Ok(Some((sql.text, sql.values)))
    }

    /// The asset with the store's own options where it sets none.
    fn configured(&self, asset: &AssetSpec) -> AssetSpec {
        with_store_options(asset, &self.options, self.mode)
    }

    /// Looks at the table of an asset on a thread that may block.
    async fn with_table<T: Send + 'static>(
        &self,
        env: &Arc<dyn Env>,
        asset: &AssetSpec,
        look: impl FnOnce(Opened, AssetSpec) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let asset = self.configured(asset);
        let (database, name) = (self.database()?, TableName::of(&asset, self.schema.as_deref())?);
        blocking(env, move || open(&database, &name)?.map(|opened| look(opened, asset)).transpose()).await
    }

    /// Waits until nobody else of this store changes the table.
    fn turn(&self, name: &TableName) -> Arc<tokio::sync::Mutex<()>> {
        let mut tables = self.shared.tables.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(name.folded()).or_default())
    }
}

/// The file, from wherever the process goes.
fn resolved_file(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        let message = format!("`{}` is not the name of a DuckDB database file", path.display());
        return Err(Error::new(ErrorKind::Config, message).help("name a file, for example `warehouse.duckdb`"));
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A link to a database is the database.
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => Ok(resolved(folder)?.join(name)),
    }
}

/// Tells the rows of some partitions from others; nothing for the whole table.
fn part(opened: &Opened, asset: &AssetSpec, keys: Option<&KeySet>) -> Result<Option<predicate::Predicate>> {
    let Some(keys) = keys else { return Ok(None) };
    opened.predicate(keys, expr_of(asset)?).map(Some)
}

fn expr_of(asset: &AssetSpec) -> Result<&PartitionExpr> {
    asset.partition_expr.as_ref().ok_or_else(|| {
        let message = format!("`{}` has no `partition_expr` that tells its partitions apart", asset.key);
        Error::new(ErrorKind::Partitions, message).help("say with `partition_expr` which column, or expression, does")
    })
}

#[async_trait]
impl IoManager for DuckDbIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("the DuckDB store", &[ValueKind::Table]).options(options::OPTIONS);
        capabilities.modes = &[Mode::Overwrite, Mode::Append, Mode::Error, Mode::Ignore, Mode::Merge];
        capabilities.mode = self.mode;
        capabilities.partition_expr = PartitionExprUse::Needed;
        capabilities.schema = true;
        capabilities.process_bound = true;
        capabilities.durable = match &self.database {
            Source::Path { path, .. } => !path.to_string_lossy().starts_with(":memory:"),
            Source::Shared(database) => database.path().is_some(),
        };
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        let asset = self.configured(asset);
        options::check(&asset, asset.mode.unwrap_or(self.mode), &self.options, &self.capabilities())?;
        let (schema, table) = TableName::of(&asset, self.schema.as_deref())?.folded();
        let database = match &self.database {
            Source::Path { path, .. } if path.to_string_lossy().starts_with(":memory:") => path.to_string_lossy().into_owned(),
            Source::Path { path, .. } => resolved_file(path)?.to_string_lossy().into_owned(),
            Source::Shared(database) => match database.path() {
                Some(path) => resolved_file(path)?.to_string_lossy().into_owned(),
                None => database.identity(),
            },
        };
        Ok(Location::new(format!("{database}/{schema}.{table}")))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let keys = request.keys()?;
        let columns = request.columns.map(<[String]>::to_vec);
        let def = request.partitions.filter(|_| request.all).cloned();
        let read = move |opened: Opened, asset: AssetSpec| {
            if let (Some(keys), Some(def)) = (&keys, &def) {
                opened.check_nothing_else(expr_of(&asset)?, keys, def)?;
            }
            let part = part(&opened, &asset, keys.as_ref())?;
            let sql = opened.query(part.as_ref(), columns.as_deref())?;
            Ok(Value::Table(opened.read(&sql)))
        };
        self.with_table(&request.env, request.asset, read).await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let Some(keys) = request.keys()? else {
            let there = self.with_table(&request.env, request.asset, |_, _| Ok(())).await?;
            return Ok(Present::Whole(there.is_some()));
        };
        let none = keys.space().none();
        let look = move |opened: Opened, asset: AssetSpec| {
            let part = opened.predicate(&keys, expr_of(&asset)?)?;
            present(&opened.connection, &opened.own, &opened.found, &part)
        };
        let found = self.with_table(&request.env, request.asset, look).await?;
        Ok(Present::Keys(found.unwrap_or(none)))
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let Value::Table(rows) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, "the DuckDB store holds frames only"));
        };
        let asset = self.configured(request.asset);
        let (database, name) = (self.database()?, TableName::of(&asset, self.schema.as_deref())?);
        let owned = OwnedRequest::of(&StoreRequest { asset: &asset, ..request.clone() });
        let job = Arc::new(Job { database, name: name.clone(), request: owned, keys: request.keys()? });
        let prepared = Arc::clone(&job);
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the path of the method is not general enough to compile")]
        let prepare = move || prepared.stage(|stage| stage.prepare());
        retrying(&request.env, &name, prepare).await?;
        blocking(&request.env, move || job.stage(|stage| stage.write(rows))).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let asset = self.configured(request.asset);
        let (database, name) = (self.database()?, TableName::of(&asset, self.schema.as_deref())?);
        let owned = OwnedRequest::of(&StoreRequest { asset: &asset, ..request.clone() });
        let (table, id) = (name.clone(), id.clone());
        let attempt = move || Commit::new(&database, &table, &owned.request(), &staged, &id)?.run();
        let turn = self.turn(&name);
        let _turn = turn.lock().await;
        retrying(&request.env, &name, attempt).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let database = self.database()?;
        if staged.is_empty() || database.path().is_some_and(|path| !path.exists()) {
            return Ok(());
        }
        let name = TableName::of(request.asset, self.schema.as_deref())?;
        let staged = staged.iter().map(|staged| Ok(StagedRows::of(staged)?.name())).collect::<Result<Vec<_>>>()?;
        let attempt = move || {
            let connection = database.connection()?;
            let own = Own::of(&connection)?;
            connection.transaction(|connection| {
                if !own.exists(connection)? {
                    return Ok(());
                }
                // What was committed has another name by now, or was copied.
                staged.iter().try_for_each(|staged| own.forget_staged(connection, staged))
            })
        };
        retrying(&request.env, &name, attempt).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let asked = ids.to_vec();
        let look = move |opened: Opened, _: AssetSpec| {
            let state = |id: &CommitId| {
                let last = opened.own.committed_number(&opened.connection, &id.application())?;
                Ok(CommitState::of(id.number, last))
            };
            asked.iter().map(state).collect::<Result<Vec<_>>>()
        };
        let states = self.with_table(&request.env, request.asset, look).await?;
        Ok(states.unwrap_or_else(|| vec![CommitState::Absent; ids.len()]))
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let keys = request.keys()?;
        let look = move |opened: Opened, asset: AssetSpec| {
            let part = part(&opened, &asset, keys.as_ref())?;
            let exists = match &part {
                Some(part) => !present(&opened.connection, &opened.own, &opened.found, part)?.is_empty(),
                None => true,
            };
            let last = opened.own.last(&opened.connection, &opened.found.name)?;
            let (version, run, modified) = match last {
                Some((version, run, modified)) => (Some(version), run, modified),
                None => (None, None, None),
            };
            let modified = modified.and_then(|text| format!("{}Z", text.replacen(' ', "T", 1)).parse().ok());
            let columns = opened.found.columns.iter().map(|column| Column::new(&column.name, &column.data_type)).collect();
            let rows = Some(opened.rows(part.as_ref())?);
            let bytes = if part.is_none() && !opened.found.is_view { opened.bytes() } else { None };
            Ok(Description { exists, version, rows, bytes, columns, modified, run, ..Description::default() })
        };
        Ok(self.with_table(&request.env, request.asset, look).await?.unwrap_or_default())
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let asset = self.configured(request.asset);
        let (database, name) = (self.database()?, TableName::of(&asset, self.schema.as_deref())?);
        if database.path().is_some_and(|path| !path.exists()) {
            return Ok(());
        }
        let owned = OwnedRequest::of(&StoreRequest { asset: &asset, ..request.clone() });
        let (table, keys) = (name.clone(), request.keys()?);
        let attempt = move || commit::delete(&database, &table, &owned.request(), keys.as_ref());
        let turn = self.turn(&name);
        let _turn = turn.lock().await;
        retrying(&request.env, &name, attempt).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        let database = match self.database() {
            Ok(database) => database,
            Err(error) => return Err(error).into(),
        };
        if let Some(path) = database.path().filter(|path| !path.exists()) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            return FileSpace::new(folder.unwrap_or(Path::new("."))).probe(env);
        }
        // It may wait for another process.
        let (found, outcome) = std::sync::mpsc::channel();
        let done = env.run_blocking(Box::new(move || drop(found.send(try_out(&database))))).await;
        let ended = || Error::new(ErrorKind::Panic, done.err().unwrap_or_default());
        outcome.try_recv().unwrap_or_else(|_| Err(ended())).into()
    }
}

/// What is staged, on a thread that may block.
struct Job {
    database: DuckDb,
    name: TableName,
    request: OwnedRequest,
    keys: Option<KeySet>,
}

impl Job {
    fn stage<T>(&self, work: impl FnOnce(&Stage<'_>) -> Result<T>) -> Result<T> {
        let request = self.request.request();
        work(&Stage {
            database: &self.database,
            name: &self.name,
            asset: request.asset,
            mode: request.mode,
            keys: self.keys.as_ref(),
            run: request.run,
            env: request.env.as_ref(),
        })
    }
}

/// Nothing is changed, and a database that cannot be written to says so.
fn try_out(database: &DuckDb) -> Result<()> {
    let connection = database.connection()?;
    connection.execute("BEGIN TRANSACTION; CREATE SCHEMA _lakewright_probe; ROLLBACK").map(|_| ())
}
