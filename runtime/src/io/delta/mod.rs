//! Delta Lake: each asset is a table, each run one atomic commit.

mod commit;
mod read;
mod schema;
mod stage;
mod stats;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::{FileSpace, resolved};
use crate::io::parquet_options::{COMPRESSION, ROW_GROUP_SIZE};
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OptionDef, OptionKind, Staged,
    StoreRequest, dataset,
};
use crate::key::path_segment;
use crate::metadata::MetadataValue;
use crate::slice::Slice;
use crate::value::Value;

const SCHEMA_MODE: OptionDef = OptionDef {
    name: "schema_mode",
    kind: OptionKind::OneOf(&["strict", "overwrite"]),
    about: "whether a run may change the columns of the table (strict: no)",
};

const OPTIONS: &[OptionDef] = &[COMPRESSION, ROW_GROUP_SIZE, SCHEMA_MODE];

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
    root: PathBuf,
    schema: Option<String>,
}

impl DeltaIoManager {
    /// Tables under this folder, which is made when something is stored.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), schema: None }
    }

    /// The schema of tables whose assets do not name one.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The folder of an asset's table.
    fn table_path(&self, asset: &AssetSpec) -> Result<PathBuf> {
        let schema = dataset(asset, self.schema.as_deref())?;
        Ok(resolved(&self.root)?.join(path_segment(&schema)).join(path_segment(asset.key.name())))
    }
}

/// The column that the table is partitioned by. Delta partitions by columns, so an expression is refused.
fn partition_column(asset: &AssetSpec) -> Result<Option<&str>> {
    match asset.partition_expr.as_ref().and_then(|all| all.of("")) {
        Some(expression) if expression.trim().is_empty() || expression.contains(['(', ')', ',', '\'', '"']) => {
            let message = format!("`partition_expr = {expression:?}` is not a column, and Delta partitions by columns");
            Err(Error::new(ErrorKind::NotHonoured, message).help("compute the column in the asset and name it here"))
        }
        other => Ok(other),
    }
}

/// Whether a run may replace the columns of the table.
fn may_change_schema(asset: &AssetSpec) -> bool {
    matches!(asset.store_option(SCHEMA_MODE.name), Some(MetadataValue::Text(mode)) if mode == "overwrite")
}

#[async_trait]
impl IoManager for DeltaIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("the Delta store", &[ValueKind::Table]).options(OPTIONS);
        capabilities.partition_expr = true;
        capabilities.schema = true;
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        partition_column(asset)?;
        Ok(Location::new(self.table_path(asset)?.to_string_lossy()))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let path = self.table_path(request.asset)?;
        let Some(table) = table::open(&path, request.env.as_ref()).await? else { return Ok(None) };
        let columns = request.columns.map(<[String]>::to_vec);
        blocking(&request.env, move || read::scan(&path, &table, columns.as_deref()).map(Some)).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let path = self.table_path(request.asset)?;
        let Value::Table(rows) = value else {
            return Err(Error::new(ErrorKind::StoreCannotHold, "the Delta store holds frames only"));
        };
        let existing = table::open(&path, request.env.as_ref()).await?;
        let (asset, env) = (request.asset.clone(), Arc::clone(&request.env));
        blocking(&request.env, move || stage::stage(&path, &asset, existing.as_ref(), rows, env.as_ref())).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let path = self.table_path(request.asset)?;
        commit::commit(&path, &request, &staged, id).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let path = self.table_path(request.asset)?;
        // If the log cannot be read, nothing is removed: a file that is left over costs space, one that is missing costs rows.
        let existing = table::open(&path, request.env.as_ref()).await?;
        blocking(&request.env, move || stage::discard(&path, &staged, existing.as_ref())).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let path = self.table_path(request.asset)?;
        let Some(table) = table::open(&path, request.env.as_ref()).await? else {
            return Ok(vec![CommitState::Absent; ids.len()]);
        };
        let mut committed = Vec::with_capacity(ids.len());
        for id in ids {
            committed.push(CommitState::of(id.number, table::committed_number(&table, &path, id).await?));
        }
        Ok(committed)
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let path = self.table_path(request.asset)?;
        match table::open(&path, request.env.as_ref()).await? {
            Some(table) => table::describe(&table, &path).await,
            None => Ok(Description::default()),
        }
    }

    async fn probe(&self, env: &dyn Env) -> Result<()> {
        FileSpace::new(&self.root).probe(env)
    }
}
