//! Puts a lakehouse together, and says everything that is wrong with it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use super::{BuildError, Lakehouse, check};
use crate::config::{
    Choice, ConfigTable, Configuration, DEFAULT_ROOT, Kinds, Loaded, MakeState, ROOT_VARIABLE, RunSettings, load,
};
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::event::Event;
use crate::exec::{Chronicles, OutputHook, PendingOutput, Profiling, Subscriber, SystemEnv, Workshop, default_parallelism};
use crate::graph::Graph;
use crate::io::files::resolved;
use crate::io::{IoManager, default_stores};
use crate::key::AssetKey;
use crate::registry::Registry;
use crate::resource::Resources;
use crate::settings::Settings;
use crate::state::{State, default_state};

/// Puts a [`Lakehouse`] together.
#[must_use = "finish it with `build`"]
#[derive(Default)]
pub struct LakehouseBuilder {
    registry: Option<Registry>,
    root: Option<PathBuf>,
    stores: BTreeMap<String, Arc<dyn IoManager>>,
    with_default_stores: bool,
    resources: Resources,
    settings: Settings,
    /// What `.set(…)` and `--set` say, over what is configured.
    assignments: Settings,
    config: Choice,
    kinds: Kinds,
    errors: Vec<Error>,
    env: Option<Arc<dyn Env>>,
    state: Option<Arc<dyn State>>,
    configured_state: Option<MakeState>,
    hooks: Vec<OutputHook>,
    subscribers: Vec<Subscriber>,
    parallelism: Option<usize>,
    hand_over: Option<u64>,
    run: RunSettings,
    /// The pools that the code and the command line name. Those of a configuration may be of another program that has the same file.
    pools: BTreeSet<String>,
}

/// How many bytes may be handed from step to step in memory unless somebody says otherwise.
const HAND_OVER_BYTES: u64 = 256 << 20;

impl LakehouseBuilder {
    /// The assets; without this, everything that `#[asset]` registered in the program.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// The folder of the local stores; without this `$LAKEWRIGHT_ROOT`, without that the `root` of a [configuration](Self::configured),
    /// and without that `lakehouse` beside its file or in the current folder.
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// The folder of the local stores as it stands, for stores that are configured by hand. A configuration is not looked at.
    #[must_use]
    pub fn root_path(&self) -> PathBuf {
        self.root.clone().unwrap_or_else(|| std::env::var_os(ROOT_VARIABLE).map_or_else(|| DEFAULT_ROOT.into(), PathBuf::from))
    }

    /// Takes stores, resources and settings from `lakewright.toml` too: the file that `$LAKEWRIGHT_CONFIG` names, or else the nearest
    /// one from the current folder upwards, if there is one. Variables of the environment like `LAKEWRIGHT__STORES__DELTA__ROOT` win
    /// over the file, and what the builder says over both; a store or resource that both bind is an error. The command line does this by
    /// itself.
    ///
    /// ```no_run
    /// use lakewright::Lakehouse;
    ///
    /// let lakehouse = Lakehouse::builder().configured().profile("dev").build()?;
    /// # Ok::<(), lakewright::BuildError>(())
    /// ```
    pub fn configured(mut self) -> Self {
        self.config.search = true;
        self
    }

    /// As [`configured`](Self::configured), with this file, which must be there. `--config` wins over it.
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config.file = Some(file.into());
        self
    }

    /// As [`configured`](Self::configured), with this profile of the file, which must have it; without this, the one that
    /// `$LAKEWRIGHT_PROFILE` or the file's own `profile` names. `--profile` wins over it.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.config.profile = Some(name.into());
        self
    }

    /// The variables that a [configuration](Self::configured) sees, instead of those of the process: for tests.
    pub fn config_variables<K: Into<String>, V: Into<String>>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.config.variables = Some(variables.collect());
        self
    }

    /// Teaches the configuration a kind of stores: what `kind = "…"` in `[stores.…]` makes of the table.
    /// [`ConfigTable`] has an example.
    pub fn store_kind<S: IoManager>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&ConfigTable<'_>) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        self.kinds.add_store(kind, make);
        self
    }

    /// Teaches the configuration a kind of resources: what `kind = "…"` in `[resources.…]` makes of the table.
    pub fn resource_kind<R: Send + Sync + 'static>(
        mut self,
        kind: impl Into<String>,
        make: impl Fn(&ConfigTable<'_>) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        self.kinds.add_resource(kind, make);
        self
    }

    /// The configuration that [`build`](Self::build) would use, without its secrets; nothing if none was asked for. Touches no store.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn configuration(&self) -> Result<Option<Configuration>, BuildError> {
        Ok(self.load()?.map(|loaded| loaded.configuration))
    }

    fn load(&self) -> Result<Option<Loaded>, BuildError> {
        if !self.config.is_made() {
            return Ok(None);
        }
        let loaded = load(&self.config, self.root.as_deref(), &self.kinds).map_err(BuildError::new)?;
        let mut errors = Vec::new();
        let mut clash = |what: &str, name: &str, place: &str| {
            let error =
                Error::new(ErrorKind::Config, format!("the {what} `{name}` is bound in the code and in the configuration"));
            errors.push(error.with("at", place).help("leave one of them out, or give it another name"));
        };
        for (key, (_, place)) in loaded.stores.iter().filter(|(key, _)| self.stores.contains_key(*key)) {
            clash("store", key, place);
        }
        for (name, _, place) in loaded.resources.iter().filter(|(name, ..)| self.resources.has(name)) {
            clash("resource", name, place);
        }
        if let Some((_, place)) = loaded.io_manager.as_ref().filter(|_| self.stores.contains_key("io_manager")) {
            clash("store", "io_manager", place);
        }
        if let Some((_, place)) = loaded.state.as_ref().filter(|_| self.state.is_some()) {
            let error = Error::new(ErrorKind::Config, "the log is bound in the code and in the configuration");
            errors.push(error.with("at", place).help("leave one of them out"));
        }
        if errors.is_empty() { Ok(Some(loaded)) } else { Err(BuildError::new(errors)) }
    }

    /// Takes over what is configured, where the builder says nothing.
    fn apply(&mut self, loaded: &mut Loaded) {
        self.root = Some(loaded.root.clone());
        self.parallelism = self.parallelism.or(loaded.parallelism);
        self.hand_over = self.hand_over.or(loaded.hand_over_bytes);
        self.run = std::mem::take(&mut self.run).or(std::mem::take(&mut loaded.run));
        self.configured_state = loaded.state.take().map(|(make, _)| make);
        self.with_default_stores |= loaded.default_stores;
        self.stores.extend(std::mem::take(&mut loaded.stores).into_iter().map(|(key, (store, _))| (key, store)));
        for (name, resource, _) in loaded.resources.drain(..) {
            self.resources.add(name, resource);
        }
        for (asset, layer) in loaded.assets.drain(..) {
            self.settings.add(asset, layer);
        }
    }

    /// Gives the store of a key a second key: that of assets that name none.
    fn default_store(&mut self, loaded: &Loaded) -> Result<()> {
        let Some((key, place)) = &loaded.io_manager else { return Ok(()) };
        let Some(store) = self.stores.get(key).cloned() else {
            let help = known_names(key, "stores", self.stores.keys().map(String::as_str));
            let message = format!("there is no store `{key}` for assets that name none");
            return Err(Error::new(ErrorKind::UnknownStore, message).with("at", place).help(help));
        };
        self.stores.insert("io_manager".to_owned(), store);
        Ok(())
    }

    /// Binds a store to a key. The key `io_manager` is the default for assets that name none.
    pub fn io_manager(mut self, key: impl Into<String>, store: impl IoManager) -> Self {
        self.stores.insert(key.into(), Arc::new(store));
        self
    }

    /// Adds `"delta"`, `"parquet"`, `"csv"`, `"json"`, `"ipc"`, `"fs"` and `"memory"` under the local root, as far as their features
    /// are on and nothing else is bound to the key. They are there anyway if no store is bound at all.
    pub fn default_stores(mut self) -> Self {
        self.with_default_stores = true;
        self
    }

    /// Binds a resource to a name.
    pub fn resource<R: Send + Sync + 'static>(mut self, name: impl Into<String>, resource: R) -> Self {
        self.resources.bind(name.into(), resource);
        self
    }

    /// Sets configuration of an asset: a value that serializes to some or all of its fields.
    pub fn config(mut self, asset: &str, fields: impl Serialize) -> Self {
        let json = serde_json::to_value(fields).map_err(|error| Error::new(ErrorKind::AssetConfig, error.to_string()));
        match (asset.parse::<AssetKey>(), json) {
            (Ok(asset), Ok(json)) => self.settings.set(asset, json),
            (Err(error), _) | (_, Err(error)) => self.errors.push(error),
        }
        self
    }

    /// Sets one field of the configuration of an asset from text, as `--set asset.field=value` does. The value is JSON, or
    /// text if it is no JSON; fields of fields are reached by more dots.
    pub fn set(mut self, assignment: &str) -> Self {
        match parse_assignment(assignment) {
            Ok((asset, json)) => self.assignments.set(asset, json),
            Err(error) => self.errors.push(error),
        }
        self
    }

    /// Time, randomness and threads; the machine's own without this.
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    /// The log. Without this, the `[state]` of a [configuration](Self::configured); without that, `.lakewright/state.db` under the root if
    /// anything outlives the process and the feature `sqlite` is on, and else one in memory. A log that code and configuration both bind
    /// is an error.
    pub fn state(mut self, state: Arc<dyn State>) -> Self {
        self.state = Some(state);
        self
    }

    /// Looks at every output after it is written and before it is visible; an error keeps it from becoming visible.
    pub fn before_commit(mut self, check: impl Fn(&PendingOutput<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        self.hooks.push(Arc::new(check));
        self
    }

    /// Hears every event, in order. Must not block for long: the run waits. Nor must it wait for a run of the same lakehouse, which would
    /// wait for it: on the thread of the subscriber that is an error, and elsewhere it would never end.
    pub fn subscribe(mut self, subscriber: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.subscribers.push(Arc::new(subscriber));
        self
    }

    /// How many steps run at once; as many as there are processors without this.
    pub fn parallelism(mut self, steps: usize) -> Self {
        self.parallelism = Some(steps);
        self
    }

    /// How many bytes of values that were just stored a run may keep in memory for the steps that read them; 256 MiB without this.
    /// With 0, every input is read from its store.
    pub fn hand_over_bytes(mut self, bytes: u64) -> Self {
        self.hand_over = Some(bytes);
        self
    }

    /// How often a step that failed is tried again, where its asset does not say; never without this. Only after errors that may pass.
    pub fn retries(mut self, retries: u32) -> Self {
        self.run.retries = Some(retries);
        self
    }

    /// How long the first pause before another attempt is, where the asset does not say; a second without this. Each further one is twice
    /// as long, up to five minutes, with jitter.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.run.retry_delay = Some(delay);
        self
    }

    /// How long an attempt at a step may take, where its asset does not say; any time without this.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.run.timeout = Some(timeout);
        self
    }

    /// How many bytes the steps that run at once may take, by the `memory` of their assets, in all runs of this lakehouse together; any
    /// number without this. A step that wants more runs alone.
    pub fn memory_budget(mut self, bytes: u64) -> Self {
        self.run.memory = Some(bytes);
        self
    }

    /// How many steps of the assets with this `pool` run at once, in all the processes of the log; one without this. A pool that no asset is
    /// in is a mistake; in `[pools]` of a configuration it is not, since other programs may have the same file.
    pub fn pool(mut self, name: impl Into<String>, steps: usize) -> Self {
        let name = name.into();
        if steps == 0 {
            self.errors.push(Error::new(ErrorKind::Config, format!("no step could ever run in the pool `{name}` of 0")));
        } else {
            self.pools.insert(name.clone());
        }
        self.run.pools.insert(name, steps);
        self
    }

    /// Records this many of the first rows of every table that is stored, as `sample` in its metadata; none without this. They are read
    /// back from the store.
    pub fn sample(mut self, rows: usize) -> Self {
        self.run.sample = Some(rows);
        self
    }

    /// Records what each column of every table that is stored is like, as `statistics` in its metadata: nulls, least and greatest value,
    /// mean. What was stored is read back for it, all of it, by Polars: without the feature `polars` a warning says that there are none.
    pub fn statistics(mut self, record: bool) -> Self {
        self.run.statistics = Some(record);
        self
    }

    /// Checks everything and makes the lakehouse. Touches no store.
    ///
    /// # Errors
    /// Everything that is wrong with the definitions.
    pub fn build(mut self) -> Result<Lakehouse, BuildError> {
        let loaded = self.load().map_err(|wrong| {
            // What assets are bound to is not known, so only what does not depend on it is said too.
            let graph = Graph::new(self.registry.as_ref().unwrap_or(&Registry::collect())).err();
            let also = graph.into_iter().flatten().chain(self.errors.drain(..));
            BuildError::new(wrong.into_errors().into_iter().chain(also).collect())
        })?;
        match loaded {
            None => self.build_from(None),
            Some(mut loaded) => {
                self.apply(&mut loaded);
                let wrong = |wrong: BuildError| wrong.into_errors().into_iter().map(|error| loaded.explain(error)).collect();
                self.build_from(Some(&loaded)).map_err(|errors| BuildError::new(wrong(errors)))
            }
        }
    }

    fn build_from(mut self, loaded: Option<&Loaded>) -> Result<Lakehouse, BuildError> {
        let root = self.root_path();
        self.settings.extend(std::mem::take(&mut self.assignments));
        let mut errors = std::mem::take(&mut self.errors);
        if self.with_default_stores || self.stores.is_empty() {
            for (key, store) in default_stores(&root) {
                self.stores.entry(key.to_owned()).or_insert(store);
            }
        }
        errors.extend(loaded.and_then(|loaded| self.default_store(loaded).err()));
        if self.parallelism == Some(0) {
            errors.push(Error::new(ErrorKind::Config, "no step could ever run with a parallelism of 0"));
        }
        errors.extend(check::check_timeout(self.run.timeout, ErrorKind::Config));
        let registry = self.registry.unwrap_or_else(Registry::collect);
        let (stores, resources, settings, pools) = (&self.stores, &self.resources, &self.settings, &self.pools);
        let bindings = check::Bindings { stores, resources, settings, pools };
        // Beside each other, since a program with ten thousand assets is to begin at once.
        let (graph, mut wrong) = std::thread::scope(|scope| {
            let graph = scope.spawn(|| Graph::new(&registry));
            let checked = check::check(&registry, &bindings);
            (graph.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), checked)
        });
        errors.append(&mut wrong);
        let graph = match graph {
            Ok(graph) => graph,
            Err(mut wrong) => {
                wrong.append(&mut errors);
                return Err(BuildError::new(wrong));
            }
        };
        if !errors.is_empty() {
            return Err(BuildError::new(errors));
        }
        let store_keys: Vec<Option<String>> =
            graph.assets().map(|asset| asset.is_stored().then(|| check::store_key(asset, &self.stores).to_owned())).collect();
        let env: Arc<dyn Env> = self.env.unwrap_or_else(|| Arc::new(SystemEnv::new()));
        let configured_state = self.configured_state.map(|make| make(&env));
        let state = self.state.or(configured_state).unwrap_or_else(|| {
            let mut used = store_keys.iter().flatten().filter_map(|key| self.stores.get(key));
            let durable = used.any(|store| store.capabilities().durable);
            default_state(&root, durable, &env)
        });
        let workshop = Workshop {
            graph,
            // As stores have it in what they say of locations. What is no folder has none of theirs below it.
            root: resolved(&root).unwrap_or(root),
            stores: self.stores,
            store_keys,
            resources: Arc::new(self.resources),
            settings: self.settings,
            state,
            env,
            hooks: self.hooks,
            subscribers: self.subscribers,
            telling: Mutex::new(()),
            hand_over: self.hand_over.unwrap_or(HAND_OVER_BYTES),
            profiling: Profiling { sample: self.run.sample.unwrap_or(0), statistics: self.run.statistics.unwrap_or(false) },
            policy: self.run.into(),
            memory: Arc::default(),
            chronicles: Chronicles::default(),
        };
        let parallelism = self.parallelism.unwrap_or_else(default_parallelism);
        Ok(Lakehouse { workshop: Arc::new(workshop), parallelism })
    }
}

fn parse_assignment(assignment: &str) -> Result<(AssetKey, serde_json::Value)> {
    let wrong = || {
        let message = format!("`{assignment}` does not set a field of an asset's configuration");
        Error::new(ErrorKind::AssetConfig, message).help("write `asset.field=value`")
    };
    let (path, value) = assignment.split_once('=').ok_or_else(wrong)?;
    let (asset, fields) = path.split_once('.').ok_or_else(wrong)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    let json = fields.rsplit('.').fold(value, |inner, field| serde_json::json!({ field: inner }));
    Ok((asset.parse()?, json))
}
