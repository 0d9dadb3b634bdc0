//! A path in a configuration.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

/// By this name the deserializer knows that what it reads is a path.
pub(super) const PATH_NAME: &str = "lakewright::config::ConfigPath";

/// A path, or a URL, as a field of the configuration of a store or resource. One that is relative is relative to the folder of the
/// file that says it, or to the current folder if it comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigPath(String);

impl ConfigPath {
    /// As text, which a URL is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ConfigPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl From<ConfigPath> for PathBuf {
    fn from(path: ConfigPath) -> Self {
        path.0.into()
    }
}

impl<'de> Deserialize<'de> for ConfigPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = ConfigPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ConfigPath, E> {
                Ok(ConfigPath(text.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<ConfigPath, D::Error> {
                String::deserialize(deserializer).map(ConfigPath)
            }
        }

        deserializer.deserialize_newtype_struct(PATH_NAME, Visitor)
    }
}
