//! Delta Lake: each asset is a table, each run one atomic commit.

mod actions;
mod commit;
mod deletion;
mod entries;
mod known;
mod land;
mod layout;
mod live;
mod maintain;
mod mapping;
mod merge;
mod metadata;
mod opened;
mod options;
mod read;
mod resource;
mod rewrite;
mod schema;
mod several;
mod sink;
mod slices;
mod source;
mod stage;
mod stats;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use polars::prelude::{LazyFrame, UnionArgs, concat};

use commit::Commit;
use known::Known;
pub use maintain::DeltaMaintenance;
pub use resource::DeltaTables;
use source::Source;

use crate::asset::{AssetSpec, Mode, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::polars::columns_of;
use crate::frame::{Frame, check_same_columns};
use crate::io::files::FileSpace;
use crate::io::maintenance::{Maintained, Maintenance};
use crate::io::merge::{Merge, with_store_options};
use crate::io::parquet_options::parquet_options;
use crate::io::schema_mode::check_schema_mode;
use crate::io::storage::Storage;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, PartitionExprUse, Present, Probe,
    Staged, StoreRequest, dataset, set_option,
};
use crate::key::{AssetKey, path_segment};
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::value::Value;

/// Keeps each asset in a Delta table of its own: `<root>/<schema>/<table>`.
///
/// ```no_run
/// use lakewright::io::delta::DeltaIoManager;
/// use lakewright::Lakehouse;
///
/// let store = DeltaIoManager::new("lakehouse/delta").schema("iris");
/// let lakehouse = Lakehouse::builder().io_manager("delta", store).build()?;
/// # Ok::<(), lakewright::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DeltaIoManager {
    root: Storage,
    schema: Option<String>,
    mode: Mode,
    options: Vec<(String, MetadataValue)>,
    maintenance: DeltaMaintenance,
    known: Known,
}

impl DeltaIoManager {
    /// Tables under this folder, which is made when something is stored.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::at(Storage::local(root))
    }

    /// Tables there: in a folder, or in a bucket.
    ///
    /// ```no_run
    /// use lakewright::io::delta::DeltaIoManager;
    /// use lakewright::io::storage::{Storage, StorageConfig};
    ///
    /// let bucket = Storage::open("s3://bucket/lakehouse", &StorageConfig::new())?;
    /// let store = DeltaIoManager::at(bucket);
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    #[must_use]
    pub fn at(root: Storage) -> Self {
        Self {
            root,
            schema: None,
            mode: Mode::Overwrite,
            options: Vec::new(),
            maintenance: DeltaMaintenance::new(),
            known: Known::default(),
        }
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

    /// What is done to tables by itself after commits; nothing without this.
    #[must_use]
    pub fn maintenance(mut self, maintenance: DeltaMaintenance) -> Self {
        self.maintenance = maintenance;
        self
    }

    /// The folder of an asset, which is its table unless each partition is a table of its own.
    fn asset_path(&self, asset: &AssetSpec) -> Result<Storage> {
        let schema = dataset(asset, self.schema.as_deref())?;
        self.root.resolved()?.join([path_segment(&schema), path_segment(asset.key.name())])
    }

    /// The folder of the table that holds this slice.
    fn table_path(&self, asset: &AssetSpec, keys: Option<&KeySet>) -> Result<Storage> {
        let path = self.asset_path(asset)?;
        match keys.filter(|_| layout::is_table_per_partition(asset)) {
            Some(keys) => layout::partition_path(&path, keys),
            None => Ok(path),
        }
    }

    /// The folder for rows that are on their way into files.
    fn spool(&self) -> Result<PathBuf> {
        match self.root.resolved()?.local_path() {
            Some(path) => Ok(FileSpace::new(path).spool()),
            None => Ok(std::env::temp_dir().join("lakewright-spool")),
        }
    }

    /// The asset with the store's own options where it sets none.
    fn configured(&self, asset: &AssetSpec) -> AssetSpec {
        with_store_options(asset, &self.options, self.mode)
    }

    /// The tables of partitions that are tables of their own.
    fn tables(&self, asset: &AssetSpec, keys: &KeySet) -> Result<Vec<(u64, Storage)>> {
        keys.indices().map(|index| Ok((index, self.table_path(asset, Some(&keys.only(index)))?))).collect()
    }

    /// One table as a lazy scan, or the part of it that is asked for; nothing if there is none.
    async fn scan(&self, request: &LoadRequest<'_>, path: Storage, keys: Option<KeySet>) -> Result<Option<LazyFrame>> {
        let Some(table) = self.known.open_version(&path, request.version, request.env.as_ref()).await? else { return Ok(None) };
        let columns = request.columns.map(<[String]>::to_vec);
        let part = keys.zip(slices::expr_of(request.asset).or(request.asset.partition_expr.as_ref()).cloned());
        let (all, def) = (request.all, request.partitions.cloned());
        let source = Source::new(&path, &table).await?;
        blocking(&request.env, move || {
            if let (true, Some((_, expr)), Some(def)) = (all, &part, &def) {
                slices::check_nothing_else(&source, &table, expr, def)?;
            }
            let part = part.as_ref().map(|(keys, expr)| read::Part { keys, expr });
            read::scan(&source, &table, part.as_ref(), columns.as_deref()).map(Some)
        })
        .await
    }
}

#[async_trait]
impl IoManager for DeltaIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("the Delta store", &[ValueKind::Table]).options(options::OPTIONS);
        capabilities.modes = &[Mode::Overwrite, Mode::Append, Mode::Error, Mode::Ignore, Mode::Merge];
        capabilities.mode = self.mode;
        capabilities.partition_expr = PartitionExprUse::Partitions;
        capabilities.versions = true;
        capabilities.schema = true;
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        let asset = self.configured(asset);
        layout::check_expr(&asset)?;
        Merge::of(&asset, asset.mode.unwrap_or(self.mode))?;
        check_schema_mode(&asset, asset.mode.unwrap_or(self.mode))?;
        options::custom_metadata(&asset)?;
        options::table_properties(&asset)?;
        parquet_options(&asset)?;
        for (name, value) in &self.options {
            self.capabilities().check_option(name, value)?;
        }
        let keys = match (slice, &asset.partitions) {
            (Slice::Keys(_), Some(def)) => Some(def.resolve(slice)?).filter(|keys| keys.len() == 1),
            _ => None,
        };
        let path = match keys {
            Some(keys) => self.table_path(&asset, Some(&keys))?,
            None => self.asset_path(&asset)?,
        };
        Ok(Location::new(path.to_string()))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let asset = self.configured(request.asset);
        let keys = request.keys()?;
        let plan = match &keys {
            Some(keys) if layout::is_table_per_partition(&asset) => {
                let mut tables = Vec::new();
                for (index, path) in self.tables(&asset, keys)? {
                    let plan = self.scan(&request, path.clone(), None).await?;
                    tables.extend(plan.map(|plan| (keys.space().key(index), path, plan)));
                }
                let key = asset.key.clone();
                blocking(&request.env, move || one_after_another(&key, tables)).await?
            }
            _ => self.scan(&request, self.asset_path(&asset)?, keys).await?,
        };
        Ok(plan.map(|plan| Value::Table(plan.into_table())))
    }

    async fn load_each(&self, request: LoadRequest<'_>) -> Result<Vec<(PartitionKey, Option<Value>)>> {
        let Some(keys) = request.keys()? else {
            return Err(Error::new(ErrorKind::Internal, "a whole table has no partitions to load one by one"));
        };
        let asset = self.configured(request.asset);
        let mut values = Vec::new();
        if layout::is_table_per_partition(&asset) {
            for (index, path) in self.tables(&asset, &keys)? {
                let plan = self.scan(&request, path, None).await?;
                values.push((keys.space().key(index), plan.map(|plan| Value::Table(plan.into_table()))));
            }
            return Ok(values);
        }
        let path = self.asset_path(&asset)?;
        let Some(table) = self.known.open_version(&path, request.version, request.env.as_ref()).await? else {
            return Ok(keys.keys().map(|key| (key, None)).collect());
        };
        let Some(expr) = asset.partition_expr.clone() else {
            return Err(Error::new(ErrorKind::Internal, format!("`{}` has no columns that tell partitions apart", asset.key)));
        };
        let columns = request.columns.map(<[String]>::to_vec);
        let source = Source::new(&path, &table).await?;
        blocking(&request.env, move || {
            let one = |index: u64| {
                let only = keys.only(index);
                let plan = read::scan(&source, &table, Some(&read::Part { keys: &only, expr: &expr }), columns.as_deref())?;
                Ok((keys.space().key(index), Some(Value::Table(plan.into_table()))))
            };
            keys.indices().map(one).collect()
        })
        .await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let asset = self.configured(request.asset);
        let Some(keys) = request.keys()? else {
            let path = self.asset_path(&asset)?;
            return Ok(Present::Whole(self.known.open_version(&path, request.version, request.env.as_ref()).await?.is_some()));
        };
        if layout::is_table_per_partition(&asset) {
            let mut present = keys.space().none();
            for (index, path) in self.tables(&asset, &keys)? {
                if self.known.open(&path, request.env.as_ref()).await?.is_some() {
                    present.insert(index);
                }
            }
            return Ok(Present::Keys(present));
        }
        let path = self.asset_path(&asset)?;
        let (Some(table), Some(expr)) =
            (self.known.open_version(&path, request.version, request.env.as_ref()).await?, asset.partition_expr.clone())
        else {
            return Ok(Present::Keys(keys.space().none()));
        };
        let source = Source::new(&path, &table).await?;
        blocking(&request.env, move || slices::present(&source, &table, &expr, &keys).map(Present::Keys)).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let asset = self.configured(request.asset);
        let keys = request.keys()?;
        let path = self.table_path(&asset, keys.as_ref())?;
        let Value::Table(rows) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, "the Delta store holds frames only"));
        };
        let existing = self.known.open_to_stage(&path, request.env.as_ref()).await?;
        let env = Arc::clone(&request.env);
        let keys = keys.filter(|_| !layout::is_table_per_partition(&asset));
        let mode = request.mode;
        let spool = self.spool()?;
        let stage = move || stage::stage(&path, &asset, mode, keys.as_ref(), existing.as_ref(), rows, &spool, env.as_ref());
        blocking(&request.env, stage).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let asset = self.configured(request.asset);
        let request = StoreRequest { asset: &asset, ..request };
        if !layout::is_table_per_partition(&asset) {
            let path = self.asset_path(&asset)?;
            let committed = Commit::new(&path, &self.known, &request, &staged, id)?.run().await?;
            if !committed.already {
                self.maintenance.follow(self, &asset, &request, committed.version).await;
            }
            return Ok(committed);
        }
        if request.mode == Mode::Merge && staged.len() > 1 {
            let message = format!(
                "`{}` merges into {} tables, one for each partition, which cannot be one commit",
                asset.key,
                staged.len()
            );
            let help = "make one partition in each run, or name the column of the partitions in `partition_expr`";
            return Err(Error::new(ErrorKind::NotHonoured, message).help(help));
        }
        if request.mode == Mode::Append && staged.len() > 1 {
            let message =
                format!("`{}` appends to {} tables, one for each partition, which cannot be one commit", asset.key, staged.len());
            let help = "make one partition in each run, or name the column of the partitions in `partition_expr`";
            return Err(Error::new(ErrorKind::NotHonoured, message).help(help));
        }
        if request.mode == Mode::Error && staged.len() > 1 {
            // Before the first of them is stored, so that one that is there refuses all.
            for staged in &staged {
                let request = StoreRequest { slice: &staged.slice, ..request.clone() };
                let path = self.table_path(&asset, request.keys()?.as_ref())?;
                if self.known.open(&path, request.env.as_ref()).await?.is_none() {
                    continue;
                }
                let landed = several::committed_in(&path, &request, std::slice::from_ref(id)).await?;
                if matches!(landed[..], [CommitState::Absent | CommitState::Forgotten]) {
                    let message = format!("`{}` is there already, and `mode = \"error\"` refuses to replace it", asset.key);
                    let error = Error::new(ErrorKind::Present, message).with("slice", &staged.slice);
                    return Err(error.help("remove what is stored, or choose another `mode`"));
                }
            }
        }
        let mut all: Vec<(Slice, Committed)> = Vec::with_capacity(staged.len());
        for staged in staged {
            let slice = staged.slice.clone();
            let request = StoreRequest { slice: &slice, ..request.clone() };
            let path = self.table_path(&asset, request.keys()?.as_ref())?;
            let committed =
                Commit::new(&path, &self.known, &request, &[staged], id)?.run().await.map_err(|error| match all.len() {
                    0 => error,
                    stored => error.with("stored before", format!("{stored} partitions, each a table of its own")),
                })?;
            if !committed.already {
                self.maintenance.follow(self, &asset, &request, committed.version).await;
            }
            all.push((slice.clone(), committed));
        }
        several::together(&asset, all)
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        for staged in staged {
            let request = StoreRequest { slice: &staged.slice, ..request.clone() };
            let path = self.table_path(request.asset, request.keys()?.as_ref())?;
            // If the log cannot be read, nothing is removed: a file that is left over costs space, one that is missing costs rows. What
            // is known of the table is not enough for that.
            let existing = table::open(&path, request.env.as_ref()).await?;
            let piece = staged.clone();
            blocking(&request.env, move || stage::discard(&path, &[piece], existing.as_ref())).await?;
        }
        Ok(())
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let keys = request.keys()?;
        let paths = match &keys {
            Some(keys) if layout::is_table_per_partition(request.asset) => {
                self.tables(request.asset, keys)?.into_iter().map(|(_, path)| path).collect()
            }
            _ => vec![self.asset_path(request.asset)?],
        };
        let mut states: Option<Vec<CommitState>> = None;
        for path in paths {
            let found = several::committed_in(&path, &request, ids).await?;
            // Of several tables, the commit has landed once it has in all of them.
            states = Some(match states {
                None => found,
                Some(known) => known.into_iter().zip(found).map(|(one, other)| one.and(other)).collect(),
            });
        }
        Ok(states.unwrap_or_else(|| vec![CommitState::Absent; ids.len()]))
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let keys = request.keys()?;
        let path = match &keys {
            Some(keys) if keys.len() == 1 => self.table_path(request.asset, Some(keys))?,
            _ => self.asset_path(request.asset)?,
        };
        if layout::is_table_per_partition(request.asset) && keys.is_none() {
            // The tables are further down, and which there are is for their definition to say.
            return Ok(Description {
                exists: blocking(&request.env, move || path.is_occupied()).await?,
                ..Description::default()
            });
        }
        match self.known.open_version(&path, request.version, request.env.as_ref()).await? {
            Some(table) => table::describe(&table, &path).await,
            None => Ok(Description::default()),
        }
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let asset = self.configured(request.asset);
        let request = StoreRequest { asset: &asset, ..request };
        if let Some(keys) = request.keys()?.filter(|_| !layout::is_table_per_partition(&asset)) {
            return maintain::delete(&self.asset_path(&asset)?, &request, &keys).await;
        }
        let message = format!("the Delta store removes partitions of a table, and not the whole table of `{}`", asset.key);
        let help = "materialize it anew, or remove its folder once nobody writes to it";
        Err(Error::new(ErrorKind::Unsupported, message).help(help))
    }

    async fn maintain(&self, request: StoreRequest<'_>, what: Maintenance) -> Result<Maintained> {
        let asset = self.configured(request.asset);
        let request = StoreRequest { asset: &asset, ..request };
        let keys = request.keys()?;
        if !layout::is_table_per_partition(&asset) {
            let path = self.asset_path(&asset)?;
            return maintain::maintain(&path, &request, keys.as_ref(), &what).await;
        }
        let one = keys.filter(|keys| keys.len() == 1);
        let Some(keys) = one else {
            let message = format!("each partition of `{}` is a table of its own", asset.key);
            return Err(Error::new(ErrorKind::PartitionKey, message).help("name one of them: `--partition KEY`"));
        };
        maintain::maintain(&self.table_path(&asset, Some(&keys))?, &request, None, &what).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.root.probe(env)
    }
}

/// The rows of partitions that are tables of their own; nothing if there is none.
fn one_after_another(asset: &AssetKey, mut tables: Vec<(PartitionKey, Storage, LazyFrame)>) -> Result<Option<LazyFrame>> {
    if tables.len() < 2 {
        return Ok(tables.pop().map(|(.., plan)| plan));
    }
    let (mut first, mut plans) = (None, Vec::with_capacity(tables.len()));
    for (key, path, mut plan) in tables {
        // What the log says of them: no data file is looked at.
        let found = columns_of(&*plan.collect_schema()?);
        let (known, wanted) = first.get_or_insert_with(|| (key.clone(), found.clone()));
        // Polars compares types and no names, and says of neither which table it is of.
        check_same_columns(wanted, &found).map_err(|error| {
            let message = format!("the partitions `{known}` and `{key}` of `{asset}` differ: {}", error.message());
            let told = Error::new(error.kind(), message).help(error.help_text().unwrap_or_default());
            told.with("asset", asset).with("location", &path)
        })?;
        plans.push(plan);
    }
    Ok(Some(concat(plans, UnionArgs::default())?))
}
