//! BigQuery: each asset is a table, each run one script that replaces its slice.

mod client;
mod commit;
mod config;
mod jobs;
mod predicate;
mod read;
mod rows;
mod schema;
mod script;
mod sql;
mod stage;
mod strange;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;

use client::Client;
use commit::Commit;
pub use config::Credentials;
use config::{Config, ENDPOINT};
use stage::Piece;
use table::{COMMITS, Place, STAGING};

use crate::asset::{AssetSpec, Mode, ValueKind};
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::{MERGE_OPTIONS, Merge, with_store_options};
use crate::io::schema_mode::{SCHEMA_MODE, check_schema_mode};
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OptionDef, PartitionExprUse, Present,
    Probe, Staged, StoreRequest, dataset, set_option,
};
use crate::metadata::MetadataValue;
use crate::partition::KeySet;
use crate::slice::Slice;
use crate::value::Value;

const OPTIONS: &[OptionDef] = &[SCHEMA_MODE, MERGE_OPTIONS[0], MERGE_OPTIONS[1], MERGE_OPTIONS[2]];

/// Keeps each asset in a BigQuery table of its own: `<project>.<dataset>.<table>`.
///
/// ```no_run
/// use lakewright::Lakehouse;
/// use lakewright::io::bigquery::{BigQueryIoManager, Credentials};
///
/// let store = BigQueryIoManager::new("my-project")
///     .dataset("iris")
///     .location("EU")
///     .credentials(Credentials::File("key.json".into()));
/// let lakehouse = Lakehouse::builder().io_manager("bigquery", store).build()?;
/// # Ok::<(), lakewright::BuildError>(())
/// ```
#[derive(Clone)]
pub struct BigQueryIoManager {
    client: Client,
    mode: Mode,
    options: Vec<(String, MetadataValue)>,
    turns: Turns,
}

/// Transactions on one table abort each other, so those of one process take turns.
type Turns = Arc<Mutex<HashMap<Place, Arc<AsyncMutex<()>>>>>;

impl BigQueryIoManager {
    /// Tables of this project, with the credentials that Google's own tools use.
    pub fn new(project: impl Into<String>) -> Self {
        let config = Config {
            project: project.into(),
            dataset: None,
            location: None,
            endpoint: ENDPOINT.to_owned(),
            credentials: Credentials::default(),
            request_timeout: Duration::from_mins(1),
            job_timeout: Duration::from_hours(6),
        };
        Self { client: Client::new(config), mode: Mode::Overwrite, options: Vec::new(), turns: Turns::default() }
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.client.config).clone();
        change(&mut config);
        self.client = Client::new(config);
        self
    }

    /// The dataset of tables whose assets do not name one. It is made when something is stored.
    #[must_use]
    pub fn dataset(self, dataset: impl Into<String>) -> Self {
        self.with(|config| config.dataset = Some(dataset.into()))
    }

    /// Where datasets are and jobs run: `EU`, `US`, `europe-west3`. Needed where that is neither of the first two.
    #[must_use]
    pub fn location(self, location: impl Into<String>) -> Self {
        self.with(|config| config.location = Some(location.into()))
    }

    /// Who asks.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        self.with(|config| config.credentials = credentials)
    }

    /// Where BigQuery is, if it is not Google's: an emulator, a private endpoint. Scheme, host and port, without a path.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        self.with(|config| config.endpoint = endpoint.into())
    }

    /// How long one request may take; a minute if this is not called.
    #[must_use]
    pub fn request_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.request_timeout = timeout)
    }

    /// How long a query or a load may take from its beginning to its end; six hours if this is not called.
    #[must_use]
    pub fn job_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.job_timeout = timeout)
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

    /// The table of an asset.
    fn place(&self, asset: &AssetSpec) -> Result<Place> {
        let dataset = dataset(asset, self.client.config.dataset.as_deref())?;
        if dataset.len() > 1024 || !dataset.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let message = format!("`{dataset}` cannot be a BigQuery dataset");
            return Err(Error::new(ErrorKind::SchemaName, message).help("a dataset has letters, digits and `_` only"));
        }
        let table = asset.key.name();
        // BigQuery takes more, but not everything that reads it does; somebody else's tables have the names that they have.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let fits = |c: char| plain(c) || asset.is_external() && (c.is_alphanumeric() || c == ' ');
        if table.is_empty() || table.len() > 255 || !table.chars().all(fits) || table == COMMITS || table.starts_with(STAGING) {
            let message = format!("`{table}` cannot be a BigQuery table, as the asset `{}` needs", asset.key);
            return Err(Error::new(ErrorKind::InvalidKey, message).help(
                "a table has up to 255 ASCII letters, digits, `_` and `-`; names that begin with `_lakewright_` are taken",
            ));
        }
        Ok(Place { project: self.client.config.project.clone(), dataset, table: table.to_owned() })
    }

    /// The asset with the store's own options where it sets none.
    fn configured(&self, asset: &AssetSpec) -> AssetSpec {
        with_store_options(asset, &self.options, self.mode)
    }

    fn turn(&self, place: &Place) -> Arc<AsyncMutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(place.clone()).or_default())
    }

    /// The rows of a slice; nothing if it was never stored.
    async fn read(
        &self,
        request: &LoadRequest<'_>,
        place: &Place,
        table: &table::Table,
        keys: Option<&KeySet>,
    ) -> Result<Option<Value>> {
        let env = &request.env;
        let predicate = match keys {
            Some(keys) => Some(self.client.predicate(env.as_ref(), place, &table.defs, request.asset, keys).await?),
            None => None,
        };
        let several = keys.is_some_and(|keys| keys.len() > 1);
        let found = read::read(&self.client, env, place, table, request.columns, predicate.as_ref(), several).await?;
        if !found.any && !request.asset.is_external() {
            let there = match keys {
                Some(keys) => !self.client.present(env.as_ref(), place, table, request.asset, keys).await?.is_empty(),
                None => is_remembered(&self.client, env.as_ref(), place, table).await?,
            };
            if !there {
                return Ok(None);
            }
        }
        Ok(Some(Value::Table(found.rows)))
    }
}

#[async_trait]
impl IoManager for BigQueryIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("the BigQuery store", &[ValueKind::Table]).options(OPTIONS);
        capabilities.modes = &[Mode::Overwrite, Mode::Append, Mode::Error, Mode::Ignore, Mode::Merge];
        capabilities.mode = self.mode;
        capabilities.partition_expr = PartitionExprUse::Needed;
        capabilities.schema = true;
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        let asset = self.configured(asset);
        let mode = asset.mode.unwrap_or(self.mode);
        check_schema_mode(&asset, mode)?;
        Merge::of(&asset, mode)?;
        for (name, value) in &self.options {
            self.capabilities().check_option(name, value)?;
        }
        self.client.config.check()?;
        Ok(Location::new(self.place(&asset)?.to_string()))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let place = self.place(request.asset)?;
        let Some(table) = self.client.table(request.env.as_ref(), &place).await? else { return Ok(None) };
        let keys = request.keys()?;
        if let (true, Some(expr), Some(partitions), Some(_)) =
            (request.all, &request.asset.partition_expr, request.partitions, &keys)
        {
            strange::refuse_strange(&self.client, request.env.as_ref(), &place, &table.defs, expr, partitions).await?;
        }
        self.read(&request, &place, &table, keys.as_ref()).await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let (place, env) = (self.place(request.asset)?, request.env.as_ref());
        let table = self.client.table(env, &place).await?;
        Ok(match (request.keys()?, table) {
            (None, None) => Present::Whole(false),
            (None, Some(_)) if request.asset.is_external() => Present::Whole(true),
            (None, Some(table)) => Present::Whole(is_stored(&self.client, env, &place, &table).await?),
            (Some(keys), None) => Present::Keys(keys.space().none()),
            (Some(keys), Some(table)) => Present::Keys(self.client.present(env, &place, &table, request.asset, &keys).await?),
        })
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let asset = self.configured(request.asset);
        let Value::Table(rows) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, "the BigQuery store holds frames only"));
        };
        stage::stage(&self.client, &self.place(&asset)?, &request, &asset, rows).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let asset = self.configured(request.asset);
        let request = StoreRequest { asset: &asset, ..request };
        let place = self.place(&asset)?;
        let commit = Commit::new(&self.client, &place, &request, &staged, id)?;
        let turn = self.turn(&place);
        let committed = {
            let _mine = turn.lock().await;
            commit.run().await?
        };
        if let Err(error) = self.discard(request, staged).await {
            tracing::warn!(%error, table = %place, "staging tables are left, and vanish in two days");
        }
        Ok(committed)
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let place = self.place(request.asset)?;
        for staged in &staged {
            let piece = Piece::of(staged)?;
            self.client.drop_table(request.env.as_ref(), &place.beside(&piece.table)).await?;
        }
        Ok(())
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let (place, env) = (self.place(request.asset)?, request.env.as_ref());
        let Some(table) = self.client.table(env, &place).await? else { return Ok(vec![CommitState::Absent; ids.len()]) };
        let numbers = self.client.numbers(env, &place, &table, &ids.iter().collect::<Vec<_>>()).await?;
        Ok(ids.iter().zip(numbers).map(|(id, number)| CommitState::of(id.number, number)).collect())
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let (place, env) = (self.place(request.asset)?, request.env.as_ref());
        let Some(table) = self.client.table(env, &place).await? else { return Ok(Description::default()) };
        let keys = request.keys()?;
        let (exists, predicate) = match &keys {
            None => (request.asset.is_external() || is_stored(&self.client, env, &place, &table).await?, None),
            Some(keys) => {
                let present = self.client.present(env, &place, &table, request.asset, keys).await?;
                (!present.is_empty(), Some(self.client.predicate(env, &place, &table.defs, request.asset, keys).await?))
            }
        };
        if !exists {
            return Ok(Description::default());
        }
        Ok(Description {
            exists,
            rows: Some(self.client.count(env, &place, predicate.as_ref()).await?),
            bytes: table.bytes.filter(|bytes| keys.is_none() && *bytes > 0),
            columns: schema::columns(&table.defs),
            modified: table.modified,
            run: if request.asset.is_external() { None } else { self.client.last_run(env, &place, &table).await? },
            ..Description::default()
        })
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let (place, env) = (self.place(request.asset)?, request.env.as_ref());
        let Some(table) = self.client.table(env, &place).await? else { return Ok(()) };
        let Some(keys) = request.keys()? else { return self.client.drop_table(env, &place).await };
        let predicate = self.client.predicate(env, &place, &table.defs, request.asset, &keys).await?.sql()?.inline();
        self.client.create_commits(env, &place).await?;
        let text = script::delete(&place, &request, &predicate);
        let turn = self.turn(&place);
        let _mine = turn.lock().await;
        let done = self.client.script(env, &Client::new_job(env), &text).await?;
        done.map(|_| ()).map_err(|refusal| refusal.error("delete rows", &place.to_string()))
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.look(env).await.into()
    }
}

impl fmt::Debug for BigQueryIoManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BigQueryIoManager")
            .field("config", &self.client.config)
            .field("mode", &self.mode)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Whether a whole table was stored, be it without a row.
async fn is_stored(client: &Client, env: &dyn Env, place: &Place, table: &table::Table) -> Result<bool> {
    Ok(is_remembered(client, env, place, table).await? || client.count(env, place, None).await? > 0)
}

async fn is_remembered(client: &Client, env: &dyn Env, place: &Place, table: &table::Table) -> Result<bool> {
    Ok(client.remembered(env, place, table).await?.last().is_some_and(|last| !last.deleted))
}

impl BigQueryIoManager {
    /// Whether the datasets can be seen and queries run.
    async fn look(&self, env: &dyn Env) -> Result<()> {
        let project = &self.client.config.project;
        let looked = match &self.client.config.dataset {
            Some(dataset) => self.client.get(env, &["datasets", dataset], &[]).await?,
            None => self.client.get(env, &["datasets"], &[("maxResults", "1")]).await?,
        };
        match looked {
            // It is made when something is stored.
            Err(refusal) if refusal.is_missing() && self.client.config.dataset.is_some() => {}
            Err(refusal) => return Err(refusal.error("look at the datasets", project)),
            Ok(_) => {}
        }
        let asked = self.client.columns_of(env, "SELECT 1 AS one").await?;
        asked.map(|_| ()).map_err(|refusal| refusal.error("run a query", project))
    }
}
