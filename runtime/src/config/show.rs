//! A configuration as people and programs may see it: without its secrets.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::node::{Node, join};
use super::redact::Redactor;

/// What was configured, from where, and without secrets: `config show`.
///
/// What stands in the file as `${…}` is shown as it is written.
#[derive(Debug, Clone)]
pub struct Configuration {
    file: Option<String>,
    profile: Option<String>,
    profiles: Vec<String>,
    values: Json,
    /// Where each value was written, by its path.
    origins: BTreeMap<String, String>,
}

impl Configuration {
    pub(super) fn new(
        file: Option<String>,
        profile: Option<String>,
        profiles: Vec<String>,
        tree: &Node,
        redactor: &Redactor,
    ) -> Self {
        let mut origins = BTreeMap::new();
        let mut nodes = vec![(String::new(), tree)];
        while let Some((path, node)) = nodes.pop() {
            match node.table() {
                Some(table) => nodes.extend(table.iter().map(|(key, node)| (join(&path, key), node))),
                None => drop(origins.insert(path, node.place.to_string())),
            }
        }
        Self { file, profile, profiles, values: redactor.json("", tree), origins }
    }

    /// The file that was read, if there was one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The profile that was chosen, if any was.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The profiles that there are.
    #[must_use]
    pub fn profiles(&self) -> &[String] {
        &self.profiles
    }

    /// Everything as JSON: `file`, `profile`, `profiles`, `values`, and where each value was written as `origins`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        serde_json::json!({
            "file": self.file,
            "profile": self.profile,
            "profiles": self.profiles,
            "values": self.values,
            "origins": self.origins,
        })
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>, path: &str, table: &serde_json::Map<String, Json>) -> fmt::Result {
        let is_table = |value: &Json| value.is_object();
        let values = table.iter().filter(|(_, value)| !is_table(value));
        for (index, (key, value)) in values.enumerate() {
            if index == 0 && !path.is_empty() {
                write!(f, "\n[{path}]\n")?;
            }
            let inner = join(path, key);
            let origin = self.origins.get(&inner).map_or("", String::as_str);
            let value = toml::Value::try_from(value).map_err(|_| fmt::Error)?;
            writeln!(f, "{} = {value}  # {origin}", join("", key))?;
        }
        if table.is_empty() && !path.is_empty() {
            write!(f, "\n[{path}]\n")?;
        }
        for (key, value) in table {
            if let Json::Object(inner) = value {
                self.write_table(f, &join(path, key), inner)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Configuration {
    /// As TOML, with the place of each value beside it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = "none".to_owned();
        writeln!(f, "# file: {}", self.file.as_ref().unwrap_or(&none))?;
        let of = if self.profiles.is_empty() { String::new() } else { format!(" (of {})", self.profiles.join(", ")) };
        writeln!(f, "# profile: {}{of}", self.profile.as_ref().unwrap_or(&none))?;
        match &self.values {
            Json::Object(table) => self.write_table(f, "", table),
            _ => Ok(()),
        }
    }
}
