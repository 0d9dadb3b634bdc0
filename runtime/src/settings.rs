//! Configuration of single assets: `Default`, then what the builder sets, then what is configured, then what the command line sets.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::asset::ConfigDef;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::key::AssetKey;

/// The configuration that a parameter asks for: a serde struct with a `Default`.
///
/// ```
/// use lakewright::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Limits { at_least: i64 }
///
/// impl Default for Limits {
///     fn default() -> Self { Self { at_least: 3 } }
/// }
///
/// #[asset]
/// fn threshold(limits: Config<Limits>) -> i64 { limits.at_least }
///
/// assert_eq!(threshold(Config::new(Limits::default())), 3);
/// ```
pub struct Config<C> {
    value: C,
}

impl<C> Config<C> {
    /// Wraps a value, as a unit test needs it.
    pub fn new(value: C) -> Self {
        Self { value }
    }
}

impl<C> Deref for Config<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.value
    }
}

/// What a type needs so that it can be the configuration of an asset.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the configuration of an asset",
    label = "not a configuration",
    note = "derive `Default`, `Serialize` and `Deserialize` for it"
)]
pub trait AssetConfig: Sized {
    /// The default values, as JSON.
    ///
    /// # Errors
    /// If they cannot be written as JSON.
    fn defaults() -> Result<Json>;

    /// Reads the configuration.
    ///
    /// # Errors
    /// If the JSON value is not one.
    fn read(json: &Json) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<C: Default + Serialize + DeserializeOwned> AssetConfig for C {
    fn defaults() -> Result<Json> {
        serde_json::to_value(C::default()).map_err(|error| Error::new(ErrorKind::AssetConfig, error.to_string()))
    }

    fn read(json: &Json) -> Result<Self> {
        serde_json::from_value(json.clone()).map_err(|error| Error::new(ErrorKind::AssetConfig, error.to_string()))
    }
}

/// What is set for an asset in one place.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    json: Json,
    /// Where each field was written, by its path: `limits.at_least`, and the whole as the empty path.
    places: BTreeMap<String, String>,
    /// The paths of texts that may be meant as numbers, since they come from the environment.
    loose: BTreeSet<String>,
}

impl Layer {
    pub(crate) fn new(json: Json) -> Self {
        Self { json, places: BTreeMap::new(), loose: BTreeSet::new() }
    }

    pub(crate) fn written_at(&mut self, path: String, place: String, loose: bool) {
        if loose {
            self.loose.insert(path.clone());
        }
        self.places.insert(path, place);
    }

    /// An error with the place of the field, or of the nearest table that has one.
    fn blame(&self, error: Error, path: &str) -> Error {
        let mut path = path;
        loop {
            match (self.places.get(path), path.rsplit_once('.')) {
                (Some(place), _) => return error.with("configured at", place),
                (None, Some((outer, _))) => path = outer,
                (None, None) if path.is_empty() => return error,
                (None, None) => path = "",
            }
        }
    }
}

/// What the builder, the configuration and the command line set, by asset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    layers: BTreeMap<AssetKey, Vec<Layer>>,
}

impl Settings {
    /// Lays JSON over what is set for the asset so far.
    pub(crate) fn set(&mut self, asset: AssetKey, json: Json) {
        self.add(asset, Layer::new(json));
    }

    pub(crate) fn add(&mut self, asset: AssetKey, layer: Layer) {
        self.layers.entry(asset).or_default().push(layer);
    }

    /// Lays everything of `over` over this.
    pub(crate) fn extend(&mut self, over: Settings) {
        over.layers.into_iter().for_each(|(asset, layers)| self.layers.entry(asset).or_default().extend(layers));
    }

    /// The assets for which something is set, each with the place where a file says so.
    pub(crate) fn assets(&self) -> impl Iterator<Item = (&AssetKey, Option<&str>)> {
        self.layers.iter().map(|(asset, layers)| {
            let place = layers.iter().find_map(|layer| layer.places.get(""));
            (asset, place.map(String::as_str))
        })
    }

    /// The configuration of one asset, all layers merged and checked.
    pub(crate) fn resolve(&self, asset: &AssetKey, def: &ConfigDef) -> Result<Json> {
        let (resolved, mut errors) = self.merged(asset, def)?;
        if let Some(error) = errors.pop() {
            return Err(error);
        }
        (def.check)(&resolved)?;
        Ok(resolved)
    }

    /// Everything that is wrong with the configuration of one asset.
    pub(crate) fn check(&self, asset: &AssetKey, def: &ConfigDef) -> Vec<Error> {
        let (resolved, mut errors) = match self.merged(asset, def) {
            Ok(merged) => merged,
            Err(error) => return vec![error],
        };
        if let Err(error) = (def.check)(&resolved) {
            let blamed = self.blame(asset, def);
            if blamed.is_empty() { errors.push(error) } else { errors.extend(blamed) }
        }
        errors
    }

    fn merged(&self, asset: &AssetKey, def: &ConfigDef) -> Result<(Json, Vec<Error>)> {
        let mut resolved = (def.defaults)()?;
        let mut errors = Vec::new();
        for layer in self.layers.get(asset).into_iter().flatten() {
            merge(&mut resolved, &layer.json, "", layer, &mut errors);
        }
        Ok((resolved, errors))
    }

    /// The fields of files that do not fit, found by setting each alone.
    fn blame(&self, asset: &AssetKey, def: &ConfigDef) -> Vec<Error> {
        let mut blamed = Vec::new();
        for layer in self.layers.get(asset).into_iter().flatten() {
            let is_leaf = |path: &&String| !layer.places.keys().any(|other| other.starts_with(&format!("{path}.")));
            for path in layer.places.keys().filter(|path| !path.is_empty()).filter(is_leaf) {
                let Ok(mut alone) = (def.defaults)() else { return blamed };
                let Some(value) = layer.json.pointer(&format!("/{}", path.replace('.', "/"))) else { continue };
                let json = path.rsplit('.').fold(value.clone(), |inner, field| serde_json::json!({ field: inner }));
                merge(&mut alone, &json, "", layer, &mut Vec::new());
                if let Err(error) = (def.check)(&alone) {
                    let message = format!("the field `{path}` of the configuration is wrong: {}", error.message());
                    blamed.push(layer.blame(Error::new(error.kind(), message), path));
                }
            }
        }
        blamed
    }
}

/// Lays `over` upon `base`. A field that `base` does not have is refused: the defaults name every field there is.
fn merge(base: &mut Json, over: &Json, path: &str, layer: &Layer, errors: &mut Vec<Error>) {
    match (base, over) {
        // A map that is empty by default takes any key.
        (Json::Object(base), Json::Object(over)) if !base.is_empty() => {
            for (name, value) in over {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if let Some(field) = base.get_mut(name) {
                    merge(field, value, &inner, layer, errors);
                    continue;
                }
                let message = format!("unknown field `{inner}` in the configuration");
                let help = known_names(name, "fields", base.keys().map(String::as_str));
                errors.push(layer.blame(Error::new(ErrorKind::AssetConfig, message).help(help), &inner));
            }
        }
        // What a variable says is a number where a number is wanted.
        (base, Json::String(text)) if !base.is_string() && layer.loose.contains(path) => {
            *base = serde_json::from_str(text).unwrap_or_else(|_| over.clone());
        }
        (base, over) => *base = over.clone(),
    }
}

pub(crate) fn config_from<C: AssetConfig>(json: &Json) -> Result<Config<C>> {
    C::read(json).map(Config::new)
}
