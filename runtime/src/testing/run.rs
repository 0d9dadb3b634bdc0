//! What a test says of its run, and the run.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::env::TestEnv;
use super::inject::Inject;
use super::outcome::{TestOutcome, wait};
use super::prepare::{STORE, find, graph, prepared};
use super::store::TestStore;
use crate::asset::{AssetDef, AssetSpec, ValueKind};
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{Interrupt, PartitionChoice};
use crate::frame::check_declared;
use crate::io::StoreRequest;
use crate::lakehouse::{Lakehouse, LakehouseBuilder};
use crate::registry::Registry;
use crate::slice::Slice;
use crate::state::{MemoryState, State};
use crate::value::{ObjectFormat, Value};

/// A run of some assets in memory, with values in the place of what they are made from.
///
/// Whatever store an asset names, its value is kept in memory, and nothing else is there when the run begins than what is injected. The
/// steps run one after the other, and the clock stands.
///
/// ```
/// use lakewright::Object;
/// use lakewright::prelude::*;
/// use lakewright::testing::TestRun;
///
/// #[partitions(daily, start = "2023-01-01")]
/// struct Day;
///
/// #[asset(partitions = Day)]
/// fn steps() -> i64 {
///     unimplemented!("asks a watch")
/// }
///
/// #[asset(partitions = Day)]
/// fn more_than_before(steps: i64, #[input(from = steps, mapping = offset(-1))] before: i64) -> bool {
///     steps > before
/// }
///
/// let outcome = TestRun::new()
///     .assets(assets![more_than_before])
///     .with_partition("steps", "2023-01-01", Object::new(5_000))
///     .with_partition("steps", "2023-01-02", Object::new(7_000))
///     .partition("2023-01-02")
///     .materialize("more_than_before")?;
/// assert!(outcome.partition_object::<bool>("more_than_before", "2023-01-02"));
/// # Ok::<(), lakewright::Error>(())
/// ```
#[must_use = "run it with `materialize`"]
#[derive(Default)]
pub struct TestRun {
    builder: LakehouseBuilder,
    registry: Option<Registry>,
    env: TestEnv,
    injected: Vec<Injected>,
    choice: PartitionChoice,
    sets: Vec<(String, Vec<String>)>,
    errors: Vec<Error>,
}

/// A value in the place of what an asset, or a partition of it, stores.
struct Injected {
    asset: String,
    partition: Option<String>,
    /// Nothing for an asset of which nothing is stored.
    value: Option<Value>,
    /// Whether it was stored earlier, by the very asset that is run.
    earlier: bool,
}

impl TestRun {
    /// A run of assets that `#[asset]` registered, at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::default()
    }

    /// These assets instead of those that are registered in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// These assets, from [`assets!`](crate::assets), and everything upstream of them, instead of those that are registered in the
    /// program.
    pub fn assets(self, assets: impl IntoIterator<Item = &'static AssetDef>) -> Self {
        self.registry(Registry::of(assets))
    }

    /// Puts a value in the place of what an asset stores: a frame, [`Bytes`](crate::Bytes), or an [`Object`](crate::Object) of
    /// anything that serde writes. The asset, which may be an external one, is then not run, and nothing upstream of it is needed.
    pub fn with(self, asset: &str, value: impl Inject) -> Self {
        self.inject(asset, None, value.into_value(), false)
    }

    /// As [`with`](Self::with), for one partition of the asset.
    pub fn with_partition(self, asset: &str, partition: &str, value: impl Inject) -> Self {
        self.inject(asset, Some(partition), value.into_value(), false)
    }

    /// The asset is not run, and nothing is stored for it: what an input that is an `Option`, or may be missing, meets.
    pub fn with_nothing(self, asset: &str) -> Self {
        self.inject(asset, None, None, false)
    }

    /// A partition that the asset stored in an earlier run, for an asset that is made from [its own](crate::asset::Input::previous)
    /// earlier partitions. Unlike an injected one, the asset is run.
    pub fn with_previous(self, asset: &str, partition: &str, value: impl Inject) -> Self {
        self.inject(asset, Some(partition), value.into_value(), true)
    }

    fn inject(mut self, asset: &str, partition: Option<&str>, value: Option<Value>, earlier: bool) -> Self {
        self.injected.push(Injected { asset: asset.to_owned(), partition: partition.map(str::to_owned), value, earlier });
        self
    }

    /// Binds a resource to a name.
    pub fn resource<R: Send + Sync + 'static>(mut self, name: impl Into<String>, resource: R) -> Self {
        self.builder = self.builder.resource(name, resource);
        self
    }

    /// Sets configuration of an asset: a value that serializes to some or all of its fields.
    pub fn config(mut self, asset: &str, fields: impl Serialize) -> Self {
        self.builder = self.builder.config(asset, fields);
        self
    }

    /// Sets one field of the configuration of an asset from text: `asset.field=value`.
    pub fn set(mut self, assignment: &str) -> Self {
        self.builder = self.builder.set(assignment);
        self
    }

    /// Also this partition: the text of a key, or `dimension=key`. See [`PartitionChoice::key`].
    pub fn partition(mut self, key: &str) -> Self {
        self.choice = self.choice.key(key);
        self
    }

    /// Also the partitions of a range: `FIRST..LAST`, both included.
    pub fn partitions(mut self, range: &str) -> Self {
        match self.choice.clone().parse_range(range) {
            Ok(choice) => self.choice = choice,
            Err(error) => self.errors.push(error),
        }
        self
    }

    /// The keys that a dynamic set of partitions has when the run begins.
    pub fn add_partitions<K: Into<String>>(mut self, set: &str, keys: impl IntoIterator<Item = K>) -> Self {
        self.sets.push((set.to_owned(), keys.into_iter().map(Into::into).collect()));
        self
    }

    /// The time at which the clock stands: `2026-01-02T03:04:05Z`. Windows of time exist once they are over by it.
    pub fn at(mut self, time: &str) -> Self {
        match time.parse::<Timestamp>() {
            Ok(time) => self.env = TestEnv::at(time),
            Err(error) => {
                let message = format!("`{time}` is not a time");
                let error = Error::new(ErrorKind::Config, message).source(error);
                self.errors.push(error.help("write it like `2026-01-02T03:04:05Z`"));
            }
        }
        self
    }

    /// Time and randomness: a clock that the test keeps a clone of, or one with a seed.
    pub fn env(mut self, env: TestEnv) -> Self {
        self.env = env;
        self
    }

    /// Runs what a [selection](crate::select()) names, and waits for it. Steps that fail are part of the outcome.
    ///
    /// It works within an async runtime too, which it then holds up; there, [`materialize_async`](Self::materialize_async) does not.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions and with what the test says: a value that does not fit its asset, an input that is
    /// neither injected nor selected, a partition that does not exist.
    pub fn materialize(self, selection: &str) -> Result<TestOutcome> {
        wait(self.materialize_async(selection))
    }

    /// As [`materialize`](Self::materialize), within an async runtime.
    ///
    /// # Errors
    /// As [`materialize`](Self::materialize).
    pub async fn materialize_async(self, selection: &str) -> Result<TestOutcome> {
        if let Some(error) = self.errors.into_iter().next() {
            return Err(error);
        }
        let registry = self.registry.unwrap_or_else(Registry::collect);
        let known = graph(&registry)?;
        let mut injected = Vec::with_capacity(self.injected.len());
        for one in self.injected {
            injected.push((Arc::clone(find(&known, &one.asset)?), one));
        }
        let replaced: BTreeSet<_> = injected.iter().filter(|(_, one)| !one.earlier).map(|(asset, _)| asset.key.clone()).collect();
        let store = TestStore::default();
        let state = Arc::new(MemoryState::new("test"));
        let lakehouse = self
            .builder
            .registry(prepared(&registry, &replaced, selection)?)
            .io_manager(STORE, store.clone())
            .env(Arc::new(self.env.clone()))
            .state(Arc::clone(&state) as Arc<dyn State>)
            .parallelism(1)
            .build()?;
        let at_clock = |error: Error| match error.kind() {
            ErrorKind::PartitionKey => error.with("clock", self.env.now()),
            _ => error,
        };
        for (set, keys) in &self.sets {
            lakehouse.add_partitions(set, keys)?;
        }
        for (number, (asset, one)) in (1..).zip(injected) {
            let stored = put(&store, &lakehouse, &self.env, &asset, one, number).await;
            stored.map_err(|error| at_clock(error.with("asset", format!("`{}`", asset.key)).with("at", asset.source)))?;
        }
        let plan = lakehouse.plan_for(selection, &self.choice).map_err(at_clock)?;
        let report = lakehouse.run(plan, Interrupt::new()).await?;
        Ok(TestOutcome::new(lakehouse, self.env, report, state.events(0, usize::MAX)?))
    }
}

/// Stores an injected value.
async fn put(
    store: &TestStore,
    lakehouse: &Lakehouse,
    env: &TestEnv,
    asset: &AssetSpec,
    one: Injected,
    number: i64,
) -> Result<()> {
    let env: Arc<dyn Env> = Arc::new(env.clone());
    let Some(value) = fitting(&env, asset, one.value).await? else { return Ok(()) };
    let slice = match (&one.partition, lakehouse.partitions(&asset.key)?) {
        (None, None) => Slice::Whole,
        (Some(key), Some(space)) => {
            let mut keys = space.none();
            keys.insert(space.parse(key)?);
            keys.slice()
        }
        (None, Some(space)) => {
            let message =
                format!("`{}` is partitioned by `{}`, and what is injected is of no partition", asset.key, space.def().name());
            return Err(Error::new(ErrorKind::PartitionKey, message).help("inject it with `.with_partition(asset, key, value)`"));
        }
        (Some(key), None) => {
            let message = format!("`{}` has no partitions, and what is injected is of the partition `{key}`", asset.key);
            return Err(Error::new(ErrorKind::PartitionKey, message).help("inject it with `.with(asset, value)`"));
        }
    };
    let run = TestStore::run();
    // The asset as the lakehouse has it, in the store of the test.
    let asset = lakehouse.graph().get(&asset.key).map_or(asset, |asset| &**asset);
    store.put(StoreRequest::new(asset, &slice, &run, env), value, number).await
}

/// The value, if the asset could have made it.
async fn fitting(env: &Arc<dyn Env>, asset: &AssetSpec, value: Option<Value>) -> Result<Option<Value>> {
    let Some(value) = value else { return Ok(None) };
    if value.kind() != asset.output.kind {
        let message = match asset.output.kind {
            ValueKind::Nothing => format!("`{}` stores nothing, and what is injected is {}", asset.key, value.kind()),
            kind => format!(
                "`{}` is {kind} (`{}`), and what is injected is {}",
                asset.key,
                asset.output.short_type_name(),
                value.kind()
            ),
        };
        return Err(Error::new(ErrorKind::Value, message));
    }
    match (value, asset.output.columns) {
        (Value::Table(mut table), Some(declared)) => {
            blocking(env, move || check_declared(declared, &mut table, None).map(|()| Some(Value::Table(table)))).await
        }
        // `None` of an option that serde writes.
        (Value::Object(object), _) if asset.output.optional && object.encode(ObjectFormat::MessagePack)? == [0xc0] => Ok(None),
        (value, _) => Ok(Some(value)),
    }
}

impl fmt::Debug for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let injected: Vec<_> = self.injected.iter().map(|one| &one.asset).collect();
        f.debug_struct("TestRun").field("injected", &injected).field("choice", &self.choice).finish_non_exhaustive()
    }
}
