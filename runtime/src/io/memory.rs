//! A store that lives as long as the process, for tests and for values nobody needs tomorrow.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::json;

use super::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use crate::asset::{AssetSpec, Mode, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{StoredRows, Table};
use crate::key::AssetKey;
use crate::partition::KeySet;
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
    /// By asset and by the text of the partition, which is empty for an asset without partitions.
    stored: HashMap<AssetKey, BTreeMap<String, Stored>>,
    /// The last commit of each log, asset and slice. Slices overlap, so what is stored of a partition may be of another than the last
    /// commit of a slice that it is in.
    commits: HashMap<String, i64>,
}

impl State {
    fn at(&self, asset: &AssetKey, place: &str) -> Option<&Stored> {
        self.stored.get(asset)?.get(place)
    }
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

    /// This, and after it the rows of another.
    fn and(&self, more: &Self) -> Result<Self> {
        let (Self::Table(rows), Self::Table(more)) = (self, more) else {
            return Err(Error::new(ErrorKind::Value, "only frames can be appended to"));
        };
        // Columns match by name. With others beside them the tables differ, which is said when they are put together.
        let names: Vec<String> = rows.columns().into_iter().map(|column| column.name).collect();
        let by_name = (more.columns().len() == names.len()).then_some(&names[..]);
        Ok(Self::Table(Table::concat(vec![rows.table(None)?, more.table(by_name)?])?.materialize()?))
    }

    fn rows(&self) -> Option<u64> {
        match self {
            Self::Table(rows) => Some(rows.rows()),
            _ => None,
        }
    }

    /// The bytes themselves, if it is kept as such.
    fn content(&self) -> Option<&[u8]> {
        match self {
            Self::Table(_) => None,
            Self::Object(bytes) => Some(bytes),
            Self::Bytes(bytes) => Some(bytes),
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
        capabilities.modes = &[Mode::Overwrite, Mode::Append, Mode::Error, Mode::Ignore];
        capabilities.process_bound = true;
        capabilities.durable = false;
        capabilities
    }

    fn locate(&self, asset: &AssetSpec, _slice: &Slice) -> Result<Location> {
        // Two memory stores are two places, so the address of what they share is part of the location. The rest is no path: an asset may
        // be called what others have as a prefix.
        let key = asset.key.as_str().replace('%', "%25").replace('/', "%2F");
        Ok(Location::new(format!("memory:{:x}/{key}", Arc::as_ptr(&self.shared) as usize)))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let found: Vec<Kept> = {
            let state = self.state();
            let places = places(request.keys()?.as_ref());
            places.iter().filter_map(|place| state.at(&request.asset.key, place).map(|stored| stored.kept.clone())).collect()
        };
        let columns = request.columns;
        if let [Kept::Table(_), _, ..] = &found[..] {
            let tables = found.iter().map(|kept| match kept.hand_out(columns)? {
                Value::Table(table) => Ok(table),
                other => Err(Error::new(ErrorKind::Value, format!("{} is stored where a frame was expected", other.kind()))),
            });
            return Table::concat(tables.collect::<Result<_>>()?).map(|table| Some(Value::Table(table)));
        }
        found.first().map(|kept| kept.hand_out(columns)).transpose()
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        let state = self.state();
        let there = |place: &str| state.at(&request.asset.key, place).is_some();
        let Some(keys) = request.keys()? else { return Ok(Present::Whole(there(""))) };
        let mut present = keys.space().none();
        for (index, key) in keys.indices().zip(keys.keys()) {
            if there(&key.to_string()) {
                present.insert(index);
            }
        }
        Ok(Present::Keys(present))
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let kept = match value {
            // A plan is computed here, which may take long.
            Value::Table(_) => {
                let (asset, keys) = (request.asset.clone(), request.keys()?);
                blocking(&request.env, move || Kept::keep(belonging(value, &asset, keys.as_ref())?)).await?
            }
            value => Kept::keep(value)?,
        };
        let token = self.tokens.fetch_add(1, Ordering::Relaxed);
        let mut staged = Staged::new(json!({ "token": token })).bytes(kept.bytes()).columns(kept.columns());
        staged.rows = kept.rows();
        if let Some(content) = kept.content() {
            staged = staged.digest_of(content);
        }
        self.state().staged.insert(token, kept);
        Ok(staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let mut places_of = Vec::with_capacity(staged.len());
        for staged in &staged {
            let keys = StoreRequest { slice: &staged.slice, ..request.clone() }.keys()?;
            match &places(keys.as_ref())[..] {
                [place] => places_of.push(place.clone()),
                several => {
                    let message = format!("{} partitions of `{}` are not one value", several.len(), request.asset.key);
                    return Err(Error::new(ErrorKind::Internal, message));
                }
            }
        }
        let mut state = self.state();
        // Everything is looked at before anything changes.
        let (asset, application) = (&request.asset.key, id.application());
        let last = state.commits.get(&application).copied();
        if last.is_some_and(|last| last > id.number) {
            let message = format!("commit {} of `{}` comes after one that replaced it", id.number, request.asset.key);
            return Err(Error::new(ErrorKind::Superseded, message));
        }
        for place in &places_of {
            if request.mode == Mode::Error && state.at(asset, place).is_some_and(|known| known.commit != *id) {
                let message = format!("`{}` is stored already, and `mode = \"error\"` refuses to replace it", request.asset.key);
                return Err(Error::new(ErrorKind::Present, message).help("choose another `mode`"));
            }
        }
        let mut sum = Committed::new().already().exact(staged.len() == 1 && request.mode == Mode::Overwrite);
        let mut ignored = Vec::new();
        // Everything is made before anything changes.
        let mut new = Vec::new();
        for (staged, place) in staged.iter().zip(places_of) {
            let known = state.at(asset, &place);
            if last == Some(id.number) {
                sum.version = known.map(|known| known.version);
                continue;
            }
            if request.mode == Mode::Ignore && known.is_some() {
                ignored.push(staged.slice.clone());
                continue;
            }
            let version = known.map_or(0, |known| known.version + 1);
            let before = known.filter(|_| request.mode == Mode::Append).map(|known| known.kept.clone());
            let kept = state.staged.get(&token(staged)?);
            let kept = kept.ok_or_else(|| Error::new(ErrorKind::Internal, "this was not staged by the memory store"))?;
            let kept = match before {
                Some(before) => before.and(kept)?,
                None => kept.clone(),
            };
            sum.already = false;
            sum.version = Some(version);
            sum.slice_rows = kept.rows();
            new.push((place, Stored { kept, commit: id.clone(), run: request.run.run.clone(), version }));
        }
        if !new.is_empty() {
            state.commits.insert(application, id.number);
            state.stored.entry(asset.clone()).or_default().extend(new);
        }
        for staged in &staged {
            state.staged.remove(&token(staged)?);
        }
        if let [only] = &staged[..] {
            sum.table_rows = sum.slice_rows.filter(|_| only.slice == Slice::Whole);
        } else {
            sum.slice_rows = None;
        }
        sum.ignored = match (&ignored[..], &request.asset.partitions) {
            ([], _) => None,
            (_, Some(def)) => Some(def.combine(&ignored)?.slice()),
            (_, None) => Some(Slice::Whole),
        };
        Ok(sum)
    }

    async fn discard(&self, _request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        for staged in &staged {
            let token = token(staged)?;
            self.state().staged.remove(&token);
        }
        Ok(())
    }

    async fn committed(&self, _request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let state = self.state();
        Ok(ids.iter().map(|id| CommitState::of(id.number, state.commits.get(&id.application()).copied())).collect())
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let keys = request.keys()?;
        let state = self.state();
        let all = state.stored.get(&request.asset.key).into_iter().flatten();
        let found: Vec<&Stored> = match (&keys, &request.asset.partitions) {
            (None, Some(_)) => all.map(|(_, one)| one).collect(),
            _ => places(keys.as_ref()).iter().filter_map(|place| state.at(&request.asset.key, place)).collect(),
        };
        let Some(last) = found.last() else { return Ok(Description::default()) };
        Ok(Description {
            exists: true,
            version: (found.len() == 1).then_some(last.version),
            rows: found.iter().map(|stored| stored.kept.rows()).sum(),
            bytes: Some(found.iter().map(|stored| stored.kept.bytes()).sum()),
            columns: last.kept.columns(),
            run: Some(last.run.clone()),
            ..Description::default()
        })
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let places = places(request.keys()?.as_ref());
        if let Some(stored) = self.state().stored.get_mut(&request.asset.key) {
            stored.retain(|place, _| !places.contains(place));
        }
        Ok(())
    }

    async fn probe(&self, _env: &dyn Env) -> Probe {
        Ok(()).into()
    }
}

/// Where the parts of an asset are kept.
fn places(keys: Option<&KeySet>) -> Vec<String> {
    match keys {
        None => vec![String::new()],
        Some(keys) => keys.keys().map(|key| key.to_string()).collect(),
    }
}

/// The value, if all of its rows belong to the partitions; rows can be told apart only where `partition_expr` names columns.
#[cfg(feature = "polars")]
fn belonging(value: Value, asset: &AssetSpec, keys: Option<&KeySet>) -> Result<Value> {
    match (value, keys, &asset.partition_expr) {
        (Value::Table(table), Some(keys), Some(expr)) => super::slicing::refuse_strays(table, keys, expr).map(Value::Table),
        (value, ..) => Ok(value),
    }
}

/// Without Polars nobody looks into the rows.
#[cfg(not(feature = "polars"))]
#[expect(clippy::unnecessary_wraps, reason = "it fails where rows are looked at")]
fn belonging(value: Value, _asset: &AssetSpec, _keys: Option<&KeySet>) -> Result<Value> {
    Ok(value)
}

fn token(staged: &Staged) -> Result<u64> {
    let token = staged.payload.get("token").and_then(serde_json::Value::as_u64);
    token.ok_or_else(|| Error::new(ErrorKind::Internal, "this was not staged by the memory store"))
}
