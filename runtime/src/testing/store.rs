//! The store of a test: the one in memory, and beside it what only stores of tables do that keep all partitions in one.

use std::borrow::Cow;

use async_trait::async_trait;
use serde_json::json;

use crate::asset::{AssetSpec, PartitionExpr};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Table;
use crate::io::memory::MemoryIoManager;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, PartitionExprUse, Present, Probe,
    RunInfo, Staged, StoreRequest,
};
#[cfg(feature = "polars")]
use crate::io::{refuse_strays, rows_of};
use crate::partition::KeySet;
use crate::slice::Slice;
use crate::value::Value;

/// Keeps everything in memory. One frame of several partitions is taken apart by `partition_expr`, and a table without partitions is
/// read by the column that it names. Where it is SQL, nobody here can tell rows apart: those of a partition are all that are injected.
#[derive(Clone, Default)]
pub(super) struct TestStore(MemoryIoManager);

impl TestStore {
    /// Stores a value as if a run had; the greater number wins.
    pub(super) async fn put(&self, request: StoreRequest<'_>, value: Value, number: i64) -> Result<()> {
        let id = CommitId::new("injected", &request.asset.key, request.slice, number);
        let staged = self.stage(request.clone(), value).await?.slice(request.slice.clone());
        self.commit(request, vec![staged], &id).await.map(|_| ())
    }

    /// The run that injected values are stored by.
    pub(super) fn run() -> RunInfo {
        RunInfo::new("injected", 1)
    }
}

#[async_trait]
impl IoManager for TestStore {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.partition_expr = PartitionExprUse::Partitions;
        capabilities
    }

    /// The same in every run, which has but one store. It is no path: an asset may be called what others have as a prefix.
    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        let key = asset.key.as_str().replace('%', "%25").replace('/', "%2F");
        Ok(Location::new(format!("memory:{key}")))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let Some(keys) = by_column(&request)? else { return self.0.load(request).await };
        let Some(expr) = columns(request.asset).cloned() else { return self.0.load(request.slice(&Slice::Whole)).await };
        let Some(table) = self.whole(&request).await? else { return Ok(None) };
        let columns = request.columns.map(<[String]>::to_vec);
        let read = move || rows_of(table, &keys, &expr)?.materialize()?.table(columns.as_deref());
        blocking(&request.env, read).await.map(|table| Some(Value::Table(table)))
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let Some(keys) = by_column(&request)? else { return self.0.present(request).await };
        let mut present = keys.space().none();
        let Some(table) = self.whole(&request).await? else { return Ok(Present::Keys(present)) };
        let Some(expr) = columns(request.asset).cloned() else { return Ok(Present::Keys(keys)) };
        let look = move || {
            let rows = table.materialize()?;
            for index in keys.indices() {
                if rows_of(rows.table(None)?, &keys.only(index), &expr)?.materialize()?.rows() > 0 {
                    present.insert(index);
                }
            }
            Ok(Present::Keys(present))
        };
        blocking(&request.env, look).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let asset = without_sql(request.asset);
        let request = StoreRequest { asset: &asset, ..request };
        let keys = request.keys()?.filter(|keys| keys.len() > 1);
        let (table, keys, expr) = match (value, keys, &request.asset.partition_expr) {
            (Value::Table(table), Some(keys), Some(expr)) => (table, keys, expr.clone()),
            (value, None, _) => return self.0.stage(request, value).await,
            (Value::Table(_), Some(keys), None) => {
                let message = format!(
                    "one frame of {} partitions, which `partition_expr` tells apart by SQL, and only a database computes that",
                    keys.len()
                );
                let help = "return a `Partitions<…>` map, or run the asset in its own store";
                return Err(Error::new(ErrorKind::Unsupported, message).help(help));
            }
            (_, Some(keys), _) => {
                let message = format!("one value for {} partitions, each of which is stored on its own", keys.len());
                return Err(Error::new(ErrorKind::Value, message).help("return a `Partitions<…>` map"));
            }
        };
        let mut pieces = Vec::new();
        for (slice, table) in blocking(&request.env, move || arows_of(table, &keys, &expr)).await? {
            pieces.push(self.0.stage(request.slice(&slice), Value::Table(table)).await?.slice(slice));
        }
        let mut staged = Staged::new(json!({ (PIECES): pieces }));
        staged.rows = pieces.iter().map(|piece| piece.rows).sum();
        staged.bytes = pieces.iter().map(|piece| piece.bytes).sum();
        staged.columns = pieces.into_iter().next().map(|piece| piece.columns).unwrap_or_default();
        Ok(staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        self.0.commit(request, pieces(staged)?, id).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.0.discard(request, pieces(staged)?).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.0.committed(request, ids).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.0.describe(request).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.0.probe(env).await
    }
}

impl TestStore {
    /// All of the table that a request wants a part of.
    async fn whole(&self, request: &LoadRequest<'_>) -> Result<Option<Table>> {
        match self.0.load(request.slice(&Slice::Whole).columns(None)).await? {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(table)),
            Some(other) => Err(Error::new(ErrorKind::Value, format!("`{}` is {}, not a frame", request.asset.key, other.kind()))),
        }
    }
}

/// What one staging that was taken apart says of itself.
const PIECES: &str = "pieces";

/// What was staged, with a frame of several partitions as what it was taken apart into.
fn pieces(staged: Vec<Staged>) -> Result<Vec<Staged>> {
    let mut all = Vec::with_capacity(staged.len());
    for staged in staged {
        match staged.payload.get(PIECES).cloned() {
            None => all.push(staged),
            Some(pieces) => {
                let pieces: Vec<Staged> = serde_json::from_value(pieces)
                    .map_err(|error| Error::new(ErrorKind::Internal, "this was not staged by a test").source(error))?;
                all.extend(pieces);
            }
        }
    }
    Ok(all)
}

/// The partitions that are read of a table that has none itself.
fn by_column(request: &LoadRequest<'_>) -> Result<Option<KeySet>> {
    Ok(request.keys()?.filter(|_| request.asset.partitions.is_none()))
}

/// The columns that tell the partitions of an asset apart; nothing if that takes SQL, which only a database computes.
fn columns(asset: &AssetSpec) -> Option<&PartitionExpr> {
    asset.partition_expr.as_ref().filter(|expr| match expr {
        PartitionExpr::One(expression) => is_name(expression),
        PartitionExpr::Dimensions(all) => all.iter().all(|(_, expression)| is_name(expression)),
    })
}

/// Whether an expression is but the name of a column, by its looks: as stores that take SQL tell them apart.
fn is_name(expression: &str) -> bool {
    let expression = expression.trim();
    expression.chars().all(|c| c.is_alphanumeric() || c == '_') && !expression.starts_with(|c: char| c.is_ascii_digit())
}

/// The asset, of whose rows nobody can tell to which partition they belong if that takes SQL.
fn without_sql(asset: &AssetSpec) -> Cow<'_, AssetSpec> {
    if columns(asset).is_some() || asset.partition_expr.is_none() {
        return Cow::Borrowed(asset);
    }
    Cow::Owned(AssetSpec { partition_expr: None, ..asset.clone() })
}

/// The rows of each partition; those of another are refused.
fn arows_of(table: Table, keys: &KeySet, expr: &PartitionExpr) -> Result<Vec<(Slice, Table)>> {
    let rows = refuse_strays(table, keys, expr)?.materialize()?;
    let each = |index| {
        let keys = keys.only(index);
        Ok((keys.slice(), rows_of(rows.table(None)?, &keys, expr)?))
    };
    keys.indices().map(each).collect()
}

/// Without Polars nobody looks into the rows.
#[cfg(not(feature = "polars"))]
fn rows_of(_table: Table, _keys: &KeySet, _expr: &PartitionExpr) -> Result<Table> {
    let message = "rows of several partitions are told apart by Polars, and the feature `polars` is off";
    Err(Error::new(ErrorKind::Unsupported, message))
}

#[cfg(not(feature = "polars"))]
use rows_of as refuse_strays;
