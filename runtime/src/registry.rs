//! The assets of a program: collected from the whole binary, named by hand, or made at run time.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZero;
use std::sync::Arc;

use crate::asset::{AssetDef, AssetSpec};
use crate::error::{Error, ErrorKind};
use crate::key::AssetKey;

/// A record that `#[asset]` hands to the linker.
pub struct Registered(pub &'static AssetDef);

inventory::collect!(Registered);

/// Of fewer assets than this, a thread of their own would save nothing.
const SHARE: usize = 1000;

/// The assets of a program, sorted by key.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[asset]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// #[asset]
/// fn total(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
///
/// let registry = Registry::of(assets![total]);
/// let keys: Vec<_> = registry.assets().map(|asset| asset.key.to_string()).collect();
/// assert_eq!(keys, ["numbers", "total"], "upstream assets come along");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Registry {
    assets: Vec<Arc<AssetSpec>>,
    errors: Vec<Arc<Error>>,
}

impl Registry {
    /// Everything that `#[asset]` and `#[external_asset]` registered in this binary.
    ///
    /// A library crate of assets takes part only if something mentions it: `use my_assets as _;`.
    #[must_use]
    pub fn collect() -> Self {
        let defs: Vec<_> = inventory::iter::<Registered>.into_iter().map(|registered| registered.0).collect();
        Self::from_defs(&defs)
    }

    /// These assets, from [`assets!`](crate::assets), and everything upstream of them.
    #[must_use]
    pub fn of(assets: impl IntoIterator<Item = &'static AssetDef>) -> Self {
        let mut seen: HashSet<*const AssetDef> = HashSet::new();
        let mut defs = Vec::new();
        let mut waiting: Vec<&'static AssetDef> = assets.into_iter().collect();
        while let Some(def) = waiting.pop() {
            if seen.insert(std::ptr::from_ref(def)) {
                defs.push(def);
                waiting.extend(def.inputs.iter().map(|input| (input.upstream)()));
            }
        }
        Self::from_defs(&defs)
    }

    /// Assets made at run time.
    #[must_use]
    pub fn from_specs(assets: impl IntoIterator<Item = AssetSpec>) -> Self {
        Self { assets: assets.into_iter().map(Arc::new).collect(), errors: Vec::new() }.sorted()
    }

    /// Adds assets made at run time.
    #[must_use]
    pub fn with(mut self, assets: impl IntoIterator<Item = AssetSpec>) -> Self {
        self.assets.extend(assets.into_iter().map(Arc::new));
        self.sorted()
    }

    /// The assets, sorted by key.
    #[must_use]
    pub fn assets(&self) -> impl ExactSizeIterator<Item = &Arc<AssetSpec>> {
        self.assets.iter()
    }

    /// The asset with this key.
    #[must_use]
    pub fn get(&self, key: &AssetKey) -> Option<&Arc<AssetSpec>> {
        let place = self.assets.partition_point(|asset| asset.key < *key);
        self.assets.get(place).filter(|asset| asset.key == *key)
    }

    /// What is wrong with the assets as a collection: none at all, two of one key, or an alias that is the key or an alias of another.
    #[must_use]
    pub fn errors(&self) -> Vec<Error> {
        let mut errors: Vec<Error> = self.errors.iter().map(|error| Error::new(error.kind(), error.to_string())).collect();
        if self.assets.is_empty() && errors.is_empty() {
            let help = "if the assets are in a library crate, mention it once: `use my_assets as _;`. The linker leaves out what nobody mentions";
            errors.push(Error::new(ErrorKind::EmptyRegistry, "no assets are registered").help(help));
        }
        // They are sorted, so two of one key stand side by side; and mostly that is all there is to look at.
        let distinct = self.assets.windows(2).all(|pair| pair[0].key != pair[1].key);
        if distinct && self.assets.iter().all(|asset| asset.aliases.is_empty()) {
            return errors;
        }
        let mut by_key: BTreeMap<&AssetKey, Vec<&AssetSpec>> = BTreeMap::new();
        for asset in &self.assets {
            by_key.entry(&asset.key).or_default().push(asset);
        }
        errors.extend(self.assets.iter().flat_map(|asset| check_aliases(asset, &by_key)));
        errors.extend(self.check_shared_aliases(&by_key));
        for (key, assets) in by_key.into_iter().filter(|(_, assets)| assets.len() > 1) {
            let places: Vec<_> = assets.iter().map(|asset| asset.source.to_string()).collect();
            let error = Error::new(ErrorKind::DuplicateKey, format!("{} assets have the key `{key}`", places.len()));
            errors.push(error.with("at", places.join(" and ")).help("give one of them another `name` or a `key_prefix`"));
        }
        errors
    }

    /// The aliases that several assets have. Of one that is a key, it is said already whose.
    fn check_shared_aliases(&self, by_key: &BTreeMap<&AssetKey, Vec<&AssetSpec>>) -> Vec<Error> {
        let mut by_alias: BTreeMap<&AssetKey, BTreeMap<&AssetKey, &AssetSpec>> = BTreeMap::new();
        for asset in &self.assets {
            for alias in asset.aliases.iter().filter(|alias| !by_key.contains_key(alias)) {
                by_alias.entry(alias).or_default().insert(&asset.key, asset);
            }
        }
        let shared = by_alias.into_iter().filter(|(_, assets)| assets.len() > 1).map(|(alias, assets)| {
            let keys: Vec<_> = assets.keys().map(|key| format!("`{key}`")).collect();
            let places: Vec<_> = assets.values().map(|asset| asset.source.to_string()).collect();
            alias_error(format!("`{alias}` is an alias of {}", keys.join(" and ")), &places)
        });
        shared.collect()
    }

    /// On all processors, since a program with ten thousand assets is to begin at once.
    fn from_defs(defs: &[&'static AssetDef]) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = defs.len().div_ceil(threads).max(SHARE);
        let (own, others) = defs.split_at(share.min(defs.len()));
        std::thread::scope(|scope| {
            let others: Vec<_> = others.chunks(share).map(|defs| scope.spawn(|| Self::from_few(defs))).collect();
            let mut registry = Self::from_few(own);
            for other in others {
                let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                registry.assets.extend(other.assets);
                registry.errors.extend(other.errors);
            }
            registry.sorted()
        })
    }

    fn from_few(defs: &[&'static AssetDef]) -> Self {
        let mut registry = Self::default();
        for def in defs {
            match def.spec() {
                Ok(spec) => registry.assets.push(Arc::new(spec)),
                Err(error) => registry.errors.push(Arc::new(error)),
            }
        }
        registry.sorted()
    }

    /// The linker gives no order, so two builds of one program could differ without this.
    fn sorted(mut self) -> Self {
        self.assets.sort_by(|a, b| (&a.key, a.source).cmp(&(&b.key, b.source)));
        self
    }
}

/// The aliases of an asset that are keys.
fn check_aliases(asset: &AssetSpec, by_key: &BTreeMap<&AssetKey, Vec<&AssetSpec>>) -> Vec<Error> {
    let taken = asset.aliases.iter().filter_map(|alias| Some((alias, by_key.get(alias)?)));
    let errors = taken.map(|(alias, owners)| {
        if *alias == asset.key {
            return alias_error(format!("`{alias}` is an alias of itself"), &[asset.source.to_string()]);
        }
        let places: Vec<_> = std::iter::once(asset).chain(owners.iter().copied()).map(|asset| asset.source.to_string()).collect();
        alias_error(format!("`{alias}` is an alias of `{}`, and the key of an asset of its own", asset.key), &places)
    });
    errors.collect()
}

fn alias_error(message: String, places: &[String]) -> Error {
    let help = "an alias is a key that one asset had before and none has now; leave it out, or rename the other asset";
    Error::new(ErrorKind::DuplicateKey, message).with("at", places.join(" and ")).help(help)
}

/// Names assets for [`Registry::of`]: `assets![iris_cleaned, reports::sepal_data]`.
#[macro_export]
macro_rules! assets {
    ($($asset:path),* $(,)?) => {
        [$(<$asset as $crate::__private::Asset>::def()),*]
    };
}
