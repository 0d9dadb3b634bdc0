//! A store that lives as long as the process, for tests and for values nobody needs tomorrow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::json;

use super::{Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, Staged, StoreRequest};
use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::StoredRows;
use crate::key::AssetKey;
use crate::schema::Column;
use crate::slice::Slice;
use crate::value::{Bytes, Object, ObjectFormat, Value};

/// Keeps everything in memory.
///
/// Clones share what they hold, so that a test can look at what a run stored.
#[derive(Clone, Default)]
pub struct MemoryIoManager {
    shared: Arc<Mutex<State>>,
    tokens: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    staged: BTreeMap<u64, Kept>,
    stored: BTreeMap<AssetKey, Stored>,
}

struct Stored {
    kept: Kept,
    commit: CommitId,
    run: String,
    version: i64,
}

/// A value that can be handed out any number of times.
#[derive(Clone)]
enum Kept {
    Table(Arc<dyn StoredRows>),
    /// As MessagePack, which keeps every number.
    Object(Arc<Vec<u8>>),
    Bytes(Bytes),
}

impl MemoryIoManager {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(value: Value) -> Result<Self> {
        Ok(match value {
            Value::Table(table) => Self::Table(table.materialize()?),
            Value::Object(object) => Self::Object(Arc::new(object.encode(ObjectFormat::MessagePack)?)),
            Value::Bytes(bytes) => Self::Bytes(bytes),
        })
    }

    fn hand_out(&self, columns: Option<&[String]>) -> Result<Value> {
        Ok(match self {
            Self::Table(rows) => Value::Table(rows.table(columns)?),
            Self::Object(bytes) => Value::Object(Object::encoded(ObjectFormat::MessagePack, bytes.to_vec())),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
        })
    }

    fn rows(&self) -> Option<u64> {
        match self {
            Self::Table(rows) => Some(rows.rows()),
            _ => None,
        }
    }

    fn columns(&self) -> Vec<Column> {
        match self {
            Self::Table(rows) => rows.columns(),
            _ => Vec::new(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Table(rows) => rows.bytes(),
            Self::Object(bytes) => bytes.len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

#[async_trait]
impl IoManager for MemoryIoManager {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::new("the memory store", &[ValueKind::Table, ValueKind::Object, ValueKind::Bytes]);
        capabilities.process_bound = true;
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        // Two memory stores are two places, so the address of what they share is part of the location.
        Ok(Location::new(format!("memory:{:x}/{}", Arc::as_ptr(&self.shared) as usize, asset.key)))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let kept = self.state().stored.get(&request.asset.key).map(|stored| stored.kept.clone());
        kept.map(|kept| kept.hand_out(request.columns)).transpose()
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let kept = blocking(&request.env, move || Kept::keep(value)).await?;
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let mut staged = Staged::new(json!({ "token": token })).bytes(kept.bytes()).columns(kept.columns());
        staged.rows = kept.rows();
        self.state().staged.insert(token, kept);
        Ok(staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let [staged] = &staged[..] else {
            return Err(Error::new(ErrorKind::Unsupported, "the memory store commits one value at a time"));
        };
        let mut state = self.state();
        let known = state.stored.get(&request.asset.key);
        if let Some(known) = known.filter(|known| known.commit.application() == id.application()) {
            if known.commit.number == id.number {
                return Ok(Committed::new().version(Some(known.version)).table_rows(known.kept.rows()).already());
            }
            if known.commit.number > id.number {
                let message = format!("commit {} of `{}` comes after one that replaced it", id.number, request.asset.key);
                return Err(Error::new(ErrorKind::Superseded, message));
            }
        }
        let version = known.map_or(0, |known| known.version + 1);
        let kept = state.staged.remove(&token(staged)?);
        let kept = kept.ok_or_else(|| Error::new(ErrorKind::Internal, "this was not staged by the memory store"))?;
        let rows = kept.rows();
        let stored = Stored { kept, commit: id.clone(), run: request.run.run.clone(), version };
        state.stored.insert(request.asset.key.clone(), stored);
        Ok(Committed::new().version(Some(version)).table_rows(rows))
    }

    async fn discard(&self, _request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        for staged in &staged {
            let token = token(staged)?;
            self.state().staged.remove(&token);
        }
        Ok(())
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let state = self.state();
        let known = state.stored.get(&request.asset.key).map(|stored| &stored.commit);
        let last = |id: &CommitId| known.filter(|known| known.application() == id.application()).map(|known| known.number);
        Ok(ids.iter().map(|id| CommitState::of(id.number, last(id))).collect())
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let state = self.state();
        Ok(state.stored.get(&request.asset.key).map_or_else(Description::default, |stored| Description {
            exists: true,
            version: Some(stored.version),
            rows: stored.kept.rows(),
            bytes: Some(stored.kept.bytes()),
            columns: stored.kept.columns(),
            run: Some(stored.run.clone()),
            ..Description::default()
        }))
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        self.state().stored.remove(&request.asset.key);
        Ok(())
    }

    async fn probe(&self, _env: &dyn Env) -> Result<()> {
        Ok(())
    }
}

fn token(staged: &Staged) -> Result<u64> {
    let token = staged.payload.get("token").and_then(serde_json::Value::as_u64);
    token.ok_or_else(|| Error::new(ErrorKind::Internal, "this was not staged by the memory store"))
}
