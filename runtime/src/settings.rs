//! Configuration of single assets: `Default`, then what the builder sets, then what the command line sets.

use std::collections::BTreeMap;
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

/// What the builder and the command line set, by asset.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    layers: BTreeMap<AssetKey, Vec<Json>>,
}

impl Settings {
    /// Lays JSON over what is set for the asset so far.
    pub(crate) fn set(&mut self, asset: AssetKey, json: Json) {
        self.layers.entry(asset).or_default().push(json);
    }

    pub(crate) fn assets(&self) -> impl Iterator<Item = &AssetKey> {
        self.layers.keys()
    }

    /// The configuration of one asset, all layers merged and checked.
    pub(crate) fn resolve(&self, asset: &AssetKey, def: &ConfigDef) -> Result<Json> {
        let mut resolved = (def.defaults)()?;
        for layer in self.layers.get(asset).into_iter().flatten() {
            merge(&mut resolved, layer, "")?;
        }
        (def.check)(&resolved)?;
        Ok(resolved)
    }
}

/// Lays `over` upon `base`. A field that `base` does not have is refused: the defaults name every field there is.
fn merge(base: &mut Json, over: &Json, path: &str) -> Result<()> {
    match (base, over) {
        // A map that is empty by default takes any key.
        (Json::Object(base), Json::Object(over)) if !base.is_empty() => {
            for (name, value) in over {
                let Some(field) = base.get_mut(name) else {
                    let message = format!("unknown field `{path}{name}` in the configuration");
                    let help = known_names(name, "fields", base.keys().map(String::as_str));
                    return Err(Error::new(ErrorKind::AssetConfig, message).help(help));
                };
                merge(field, value, &format!("{path}{name}."))?;
            }
        }
        (base, over) => *base = over.clone(),
    }
    Ok(())
}

pub(crate) fn config_from<C: AssetConfig>(json: &Json) -> Result<Config<C>> {
    C::read(json).map(Config::new)
}
