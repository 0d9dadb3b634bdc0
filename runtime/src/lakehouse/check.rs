//! Everything that can be wrong between assets and what they are bound to, found before anything runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::asset::{AssetSpec, InputSpec, PartitionExpr, ValueKind};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::exec::Plan;
use crate::io::{Capabilities, IoManager, Location, PartitionExprUse, default_store_key};
use crate::key::AssetKey;
use crate::partition::{Mapping, PartitionsDef};
use crate::registry::Registry;
use crate::resource::Resources;
use crate::settings::Settings;
use crate::slice::Slice;

/// What assets are bound to.
pub(super) struct Bindings<'a> {
    pub(super) stores: &'a BTreeMap<String, Arc<dyn IoManager>>,
    pub(super) resources: &'a Resources,
    pub(super) settings: &'a Settings,
    /// The pools that are to be of another size.
    pub(super) pools: &'a BTreeSet<String>,
}

/// The assets by their keys.
type Known<'a> = HashMap<&'a AssetKey, &'a AssetSpec>;

/// What is stored where.
type Located<'a> = HashMap<Location, Vec<&'a AssetSpec>>;

/// Everything that is wrong.
pub(super) fn check(registry: &Registry, bindings: &Bindings<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut located: Located<'_> = HashMap::new();
    let known: Known<'_> = registry.assets().map(|asset| (&asset.key, asset.as_ref())).collect();
    for asset in registry.assets() {
        let mut found = Vec::new();
        found.extend(check_external(asset));
        found.extend(check_timeout(asset.timeout, ErrorKind::NotHonoured));
        found.extend(check_resources(asset, bindings.resources));
        found.extend(check_config(asset, bindings.settings));
        for input in asset.inputs.iter().filter(|input| !input.order_only) {
            if let Some(upstream) = known.get(&input.upstream) {
                found.extend(check_input(asset, input, upstream));
                found.extend(check_mapping(asset, input, upstream, bindings));
            }
        }
        if asset.is_stored() {
            let key = store_key(asset, bindings.stores);
            match bindings.stores.get(key) {
                Some(store) => {
                    found.extend(check_store(asset, store.as_ref()));
                    match store.locate(asset, &Slice::Whole) {
                        Ok(location) => located.entry(location).or_default().push(asset),
                        Err(error) => found.push(error),
                    }
                }
                None => found.push(unknown_store(key, asset, bindings.stores)),
            }
        } else if let Some(key) = asset.io_manager.as_ref().filter(|key| !bindings.stores.contains_key(*key)) {
            found.push(unknown_store(key, asset, bindings.stores));
        }
        errors.extend(found.into_iter().map(|error| error.with("asset", format!("`{}`", asset.key)).with("at", asset.source)));
    }
    errors.extend(check_nested(&located));
    let shared = located.iter().filter(|(_, assets)| assets.len() > 1);
    errors.extend(sorted(shared.filter_map(|(location, assets)| Some((location, check_shared(location, assets)?)))));
    errors.extend(check_configured(registry, bindings.settings));
    errors.extend(check_pools(registry, bindings.pools));
    errors
}

/// The key of the store of an asset: its own, the one bound to `io_manager`, or the default for what it produces.
pub(super) fn store_key<'a>(asset: &'a AssetSpec, stores: &BTreeMap<String, Arc<dyn IoManager>>) -> &'a str {
    let of_kind = || if stores.contains_key("io_manager") { "io_manager" } else { default_store_key(asset.output.kind) };
    asset.io_manager.as_deref().unwrap_or_else(of_kind)
}

fn unknown_store(key: &str, asset: &AssetSpec, stores: &BTreeMap<String, Arc<dyn IoManager>>) -> Error {
    let message = match asset.io_manager {
        Some(_) => format!("there is no store `{key}`"),
        None => format!("`{}` names no store, and there is no store `{key}` to be its default", asset.key),
    };
    let help = known_names(key, "stores", stores.keys().map(String::as_str));
    Error::new(ErrorKind::UnknownStore, message).help(help)
}

/// A timeout in which nothing can be done.
pub(super) fn check_timeout(timeout: Option<Duration>, kind: ErrorKind) -> Option<Error> {
    let message = "a timeout of nothing stops every step as it begins; leave `timeout` out to have none";
    timeout.filter(Duration::is_zero).map(|_| Error::new(kind, message))
}

fn check_external(asset: &AssetSpec) -> Vec<Error> {
    let wrong = |option: &str| {
        let message = format!("`{option}` says how an asset is run, and nothing runs for an external one");
        Error::new(ErrorKind::NotHonoured, message).help(format!("leave `{option}` out"))
    };
    let options = if asset.is_external() { asset.about_runs() } else { Vec::new() };
    options.into_iter().map(wrong).collect()
}

fn check_resources(asset: &AssetSpec, resources: &Resources) -> Vec<Error> {
    asset.resources.iter().filter_map(|def| resources.check(def).err()).collect()
}

fn check_config(asset: &AssetSpec, settings: &Settings) -> Vec<Error> {
    asset.config.as_ref().map(|config| settings.check(&asset.key, config)).unwrap_or_default()
}

fn check_store(asset: &AssetSpec, store: &dyn IoManager) -> Vec<Error> {
    let can = store.capabilities();
    let mut errors = Vec::new();
    if !can.values.contains(&asset.output.kind) {
        let holds: Vec<_> = can.values.iter().map(ToString::to_string).collect();
        let message = format!("{} cannot hold {} (`{}`)", can.name, asset.output.kind, asset.output.short_type_name());
        let help = format!("it holds {}; choose another `io_manager`", holds.join(" or "));
        errors.push(Error::new(ErrorKind::StoreCannotHold, message).help(help));
    }
    if let Some(mode) = Some(asset.mode.unwrap_or(can.mode)).filter(|mode| !can.modes.contains(mode)) {
        let modes: Vec<_> = can.modes.iter().map(|mode| format!("`{}`", mode.name())).collect();
        let message = format!("{} does not honour `mode = \"{}\"`", can.name, mode.name());
        errors.push(Error::new(ErrorKind::NotHonoured, message).help(format!("it honours {}", modes.join(", "))));
    }
    errors.extend(check_partition_expr(asset, &can));
    let options = asset.store_options.iter();
    errors.extend(options.filter_map(|(name, value)| can.check_option(name, value).err()));
    errors
}

/// What `partition_expr` and `partition_by` say, against the definition and the store.
fn check_partition_expr(asset: &AssetSpec, can: &Capabilities) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut wrong = |kind, message: String, help: &str| errors.push(Error::new(kind, message).help(help));
    match (&asset.partition_expr, &asset.partitions) {
        (Some(_), None) if !can.partitions_tables() => {
            let message = format!("{} does not honour `partition_expr`", can.name);
            wrong(ErrorKind::NotHonoured, message, "leave it out, or keep the asset in Delta");
        }
        (Some(PartitionExpr::Dimensions(_)), None) => {
            let message = "`partition_expr` names dimensions, and the asset has no `partitions`".to_owned();
            wrong(ErrorKind::Partitions, message, "add `partitions = …`, or name one column");
        }
        (Some(PartitionExpr::One(_)), Some(def)) if def.dimensions().len() > 1 => {
            let names: Vec<_> = def.dimensions().iter().map(|one| format!("{} = \"…\"", one.name)).collect();
            let message = format!("`partition_expr` is one expression, and `{}` has {} dimensions", def.name(), names.len());
            wrong(ErrorKind::Partitions, message, &format!("write `partition_expr({})`", names.join(", ")));
        }
        (Some(PartitionExpr::Dimensions(all)), Some(def)) => {
            for one in def.dimensions().iter().filter(|one| !all.iter().any(|(name, _)| *name == one.name)) {
                let message = format!("`partition_expr` says nothing of the dimension `{}` of `{}`", one.name, def.name());
                wrong(ErrorKind::Partitions, message, "name the column of each dimension");
            }
            for (name, _) in all.iter().filter(|(name, _)| !def.dimensions().iter().any(|one| one.name == *name)) {
                let message = format!("`{}` has no dimension `{name}`", def.name());
                let help = known_names(name, "dimensions", def.dimensions().iter().map(|one| one.name.as_str()));
                wrong(ErrorKind::Partitions, message, &help);
            }
        }
        (None, Some(def)) if can.partition_expr == PartitionExprUse::Needed => {
            let message = format!("{} keeps all partitions of `{}` in one table", can.name, def.name());
            wrong(ErrorKind::Partitions, message, "say with `partition_expr` which column tells them apart");
        }
        _ => {}
    }
    let has_folders = can.partition_expr == PartitionExprUse::Partitions && asset.partition_expr.is_some();
    if asset.partition_by.is_some() && !has_folders {
        let instead =
            if can.partition_expr == PartitionExprUse::Needed { "tables without any" } else { "each partition on its own" };
        let message = format!("`partition_by` chooses folders of one table, and {} keeps {instead}", can.name);
        wrong(ErrorKind::NotHonoured, message, "leave it out, or keep the asset in Delta with a `partition_expr`");
    }
    if let (Some(by), def) = (&asset.partition_by, &asset.partitions) {
        let known: Vec<&str> = def.iter().flat_map(PartitionsDef::dimensions).map(|one| one.name.as_str()).collect();
        for name in by.iter().filter(|name| !known.contains(&name.as_str())) {
            let message = format!("`partition_by` names `{name}`, which is no dimension of the asset");
            wrong(ErrorKind::Partitions, message, &known_names(name, "dimensions", known.iter().copied()));
        }
    }
    errors
}

fn check_shared(location: &Location, assets: &[&AssetSpec]) -> Option<Error> {
    let keys: Vec<_> = assets.iter().map(|asset| format!("`{}`", asset.key)).collect();
    let places: Vec<_> = assets.iter().map(|asset| asset.source.to_string()).collect();
    // Two assets of one key are in one place because they are one key, which is an error of its own.
    let distinct = keys.iter().collect::<BTreeSet<_>>().len();
    (distinct > 1).then(|| {
        Error::new(ErrorKind::SharedLocation, format!("{} are stored in one place", keys.join(" and ")))
            .with("location", location)
            .with("at", places.join(" and "))
            .help("give one of them another `schema`, `name` or store")
    })
}

/// An asset whose file or folder would have to hold another asset: `a.json` beside `a.json/x`.
fn check_nested<'l>(located: &'l Located<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    // Many are in one folder, above which is looked once.
    let mut above: HashMap<&Path, Vec<(&Path, &Vec<&AssetSpec>)>> = HashMap::new();
    for (inner, assets) in located {
        let Some(folder) = Path::new(inner.as_str()).parent() else { continue };
        let stored = |folder: &'l Path| Some((folder, located.get(&Location::new(folder.to_string_lossy()))?));
        for (folder, outer) in above.entry(folder).or_insert_with(|| folder.ancestors().filter_map(stored).collect()) {
            let message = format!("`{}` would be stored inside of `{}`", assets[0].key, outer[0].key);
            let error = Error::new(ErrorKind::SharedLocation, message).with("location", folder.display());
            let error = error.with("at", format!("{} and {}", assets[0].source, outer[0].source));
            errors.push((inner, error.help("give one of them another name or store")));
        }
    }
    sorted(errors)
}

/// Errors in the order of what they are about.
fn sorted<T: Ord>(errors: impl IntoIterator<Item = (T, Error)>) -> Vec<Error> {
    let mut errors: Vec<_> = errors.into_iter().collect();
    errors.sort_by(|(one, _), (other, _)| one.cmp(other));
    errors.into_iter().map(|(_, error)| error).collect()
}

/// An input that asks for what its upstream cannot give.
fn check_input(asset: &AssetSpec, input: &InputSpec, upstream: &AssetSpec) -> Option<Error> {
    let message = match upstream.output.kind {
        ValueKind::Nothing => format!("`{}` loads `{}`, which stores nothing", asset.key, upstream.key),
        ValueKind::Object | ValueKind::Bytes if input.columns.is_some() => {
            format!("`{}` takes columns of `{}`, which is {}", asset.key, upstream.key, upstream.output.kind)
        }
        _ => return None,
    };
    Some(Error::new(ErrorKind::StoreCannotHold, message).help("only frames have columns; to run after an asset, use `deps`"))
}

/// Partitions that do not line up, and versions that nobody keeps. With the macro the former does not compile.
fn check_mapping(asset: &AssetSpec, input: &InputSpec, upstream: &AssetSpec, bindings: &Bindings<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    let (from, to) = (upstream.partitions.as_ref(), asset.partitions.as_ref());
    // The column that the table of an upstream without partitions is partitioned by may be read by a definition.
    let by_column = from.is_none() && upstream.partition_expr.is_some() && to.is_some();
    let lines_up = match &input.mapping {
        Some(Mapping::Identity) if by_column => Ok(()),
        Some(mapping) => mapping.check(from, to),
        None => Mapping::default_for(from, to).map(|_| ()),
    };
    errors.extend(lines_up.err().map(|error| error.with("input", format!("`{}`", input.parameter))));
    if input.previous {
        match from.filter(|_| upstream.key == asset.key) {
            None => {
                let message = format!("`{}` has no earlier partition of itself to read", asset.key);
                let help = "give it `partitions = …` with a dimension of time";
                errors.push(Error::new(ErrorKind::Partitions, message).help(help));
            }
            Some(def) if errors.is_empty() => errors.extend(check_previous(asset, input, def)),
            // Where a mapping goes that does not line up, nobody can say.
            Some(_) => {}
        }
    }
    let Some(version) = input.version else { return errors };
    let keeps_versions = bindings.stores.get(store_key(upstream, bindings.stores)).map(|store| store.capabilities());
    if let Some(can) = keeps_versions.filter(|can| !can.versions) {
        let message = format!("the input `{}` asks for version {version}, and {} keeps none", input.parameter, can.name);
        errors.push(Error::new(ErrorKind::NotHonoured, message).help("leave `version` out, or keep the upstream in Delta"));
    }
    errors
}

/// An earlier partition of the asset itself that is not earlier in one dimension, in whose order all of them could be made.
fn check_previous(asset: &AssetSpec, input: &InputSpec, def: &PartitionsDef) -> Option<Error> {
    let what = format!("the input `{}` is to be an earlier partition of `{}`", input.parameter, asset.key);
    let message = match Plan::goes_back(input, def).as_slice() {
        [] => format!("{what}, and its mapping goes back in no dimension of time"),
        [along] => {
            let first = Plan::made_along(asset).filter(|first| first != along)?;
            format!("{what} in `{along}`, and another input is one in `{first}`")
        }
        [first, second, ..] => format!("{what}, and its mapping goes back in `{first}` and in `{second}`"),
    };
    let help = "go back in one dimension of time, as by `offset(-7)` or `dimensions(date = offset(-7))`";
    Some(Error::new(ErrorKind::Partitions, message).with("input", format!("`{}`", input.parameter)).help(help))
}

/// Configuration for an asset that does not exist, or that takes none, was meant for another.
fn check_configured(registry: &Registry, settings: &Settings) -> Vec<Error> {
    let keys: Vec<String> = registry.assets().filter(|asset| asset.config.is_some()).map(|asset| asset.key.to_string()).collect();
    let wrong = |(key, place): (&AssetKey, Option<&str>)| -> Result<()> {
        let message = match registry.get(key) {
            Some(asset) if asset.config.is_some() => return Ok(()),
            Some(_) => format!("`{key}` takes no configuration"),
            None => format!("there is no asset `{key}` to configure"),
        };
        let help = known_names(&key.to_string(), "assets with a configuration", keys.iter().map(String::as_str));
        let error = Error::new(ErrorKind::AssetConfig, message).help(help);
        Err(match place {
            Some(place) => error.with("at", place),
            None => error,
        })
    };
    settings.assets().filter_map(|one| wrong(one).err()).collect()
}

/// A pool that no asset is in was meant for another.
fn check_pools(registry: &Registry, pools: &BTreeSet<String>) -> Vec<Error> {
    let known: BTreeSet<&str> = registry.assets().filter_map(|asset| asset.pool.as_deref()).collect();
    let wrong = |pool: &String| {
        let help = known_names(pool, "pools", known.iter().copied());
        Error::new(ErrorKind::Config, format!("no asset is in the pool `{pool}`")).help(help)
    };
    pools.iter().filter(|pool| !known.contains(pool.as_str())).map(wrong).collect()
}
