//! From the file, the environment and what is asked for to stores, resources and settings. Everything that is wrong is said at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::de::{Findings, Folders, read, whole_path};
use super::environment::overrides;
use super::find::{Choice, PROFILE_VARIABLE, Source};
use super::kinds::{Kinds, MakeState};
use super::node::{self, Node, Place, Table, Text, Tree, join, merge};
use super::redact::Redactor;
use super::run::{PoolFields, RunFields, RunSettings, settings};
use super::show::Configuration;
use super::table::ConfigTable;
use super::text::{Variables, look_up};
use crate::error::{Error, ErrorKind, known_names};
use crate::io::IoManager;
use crate::key::AssetKey;
use crate::resource::Binding;
use crate::settings::Layer;

/// What a configuration comes to.
pub(crate) struct Loaded {
    pub(crate) root: PathBuf,
    pub(crate) parallelism: Option<usize>,
    pub(crate) hand_over_bytes: Option<u64>,
    pub(crate) run: RunSettings,
    pub(crate) default_stores: bool,
    /// The key of the store for assets that name none, and where it is said.
    pub(crate) io_manager: Option<(String, String)>,
    /// By key, with the place in the file.
    pub(crate) stores: BTreeMap<String, (Arc<dyn IoManager>, String)>,
    pub(crate) resources: Vec<(String, Binding, String)>,
    /// The log, with the place in the file.
    pub(crate) state: Option<(MakeState, String)>,
    pub(crate) assets: Vec<(AssetKey, Layer)>,
    pub(crate) configuration: Configuration,
    redactor: Redactor,
}

impl Loaded {
    /// An error of the definitions without the secrets of the configuration; that a store is missing is explained by what was read.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let error = self.redactor.clean_error(error);
        if error.kind() == ErrorKind::UnknownStore { error.with("configuration", self.configuration.origin()) } else { error }
    }
}

/// The fields of a configuration, of which tables are read on their own.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "profile")]
    _profile: Option<String>,
    root: Option<String>,
    parallelism: Option<usize>,
    hand_over_bytes: Option<u64>,
    io_manager: Option<String>,
    #[serde(default)]
    default_stores: bool,
    #[serde(default)]
    run: RunFields,
    #[serde(default)]
    pools: PoolFields,
    #[serde(default, rename = "stores")]
    _stores: Section,
    #[serde(default, rename = "resources")]
    _resources: Section,
    #[serde(default, rename = "state")]
    _state: Section,
    #[serde(default, rename = "assets")]
    _assets: Section,
    #[serde(default, rename = "profiles")]
    _profiles: Section,
}

/// A table whose entries are read on their own.
#[derive(Default)]
struct Section;

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Section;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut table: A) -> Result<Section, A::Error> {
                while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Section)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// The fields that a profile may have.
const OF_PROFILES: &[&str] = &[
    "root",
    "parallelism",
    "hand_over_bytes",
    "io_manager",
    "default_stores",
    "run",
    "pools",
    "stores",
    "resources",
    "state",
    "assets",
];

/// Loads what the choice says. The root is that of the builder, if it has one.
pub(crate) fn load(choice: &Choice, root: Option<&Path>, kinds: &Kinds) -> Result<Loaded, Vec<Error>> {
    let variables = choice.variables();
    let source = choice.source(&variables).map_err(|error| vec![error])?;
    let mut table = match &source {
        Some(source) => node::parse(&source.text, &source.name)?,
        None => Table::new(),
    };
    let mut errors = Vec::new();
    let profile = match profile(choice, &variables, &table, source.as_ref()) {
        Ok(profile) => profile,
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let profiles = table.remove("profiles");
    errors.extend(profiles.as_ref().map(check_profiles).unwrap_or_default());
    let profiles = profiles.as_ref().and_then(Node::table).cloned().unwrap_or_default();
    let names: Vec<String> = profiles.keys().cloned().collect();
    if let Some(Node { value: Tree::Table(chosen), .. }) = profile.as_ref().and_then(|profile| profiles.get(profile)) {
        let known = chosen.iter().filter(|(key, _)| OF_PROFILES.contains(&key.as_str()));
        merge(&mut table, known.map(|(key, node)| (key.clone(), node.clone())).collect());
    }
    let (over, mut wrong) = overrides(&variables, &table);
    errors.append(&mut wrong);
    merge(&mut table, over);
    if let Some(root) = root {
        let value = Tree::Text(Text::of_variable(&root.to_string_lossy()));
        table.insert("root".to_owned(), Node { place: Place::Builder("root"), value });
    }
    let folder = source.as_ref().map_or_else(PathBuf::new, |source| source.folder.clone());
    let place = Place::File { file: source.as_ref().map_or("lakewright.toml", |source| &source.name).into(), line: 1, column: 1 };
    let mut tree = Node { place, value: Tree::Table(table) };
    let mut redactor = Redactor::default();
    let (unset, mut wrong) = look_up_all(&mut tree, &variables, &folder, &mut redactor);
    errors.append(&mut wrong);
    redactor.hide_written(&mut tree);

    let mut loading = Loading { tree, folder, unset, redactor, errors };
    let fields: Option<Fields> = loading.fields();
    let root = loading.root(root, fields.as_ref());
    let stores = loading.build("stores", &root, |table, errors| kinds.store(table, errors));
    let resources = loading.build("resources", &root, |table, errors| kinds.resource(table, errors));
    let state = loading.build_one("state", &root, |table, errors| kinds.state(table, errors));
    let assets = loading.assets();
    let mut io_manager = fields.as_ref().and_then(|fields| fields.io_manager.clone());
    if io_manager.is_some() && loading.place("stores.io_manager").is_some() {
        let message = "the store for assets that name none is given twice, as `io_manager` and as `[stores.io_manager]`";
        let error = Error::new(ErrorKind::Config, message).with("at", loading.said("io_manager"));
        loading.errors.push(error.help("leave one of them out"));
        io_manager = None;
    }
    let Loading { mut redactor, errors, mut tree, .. } = loading;
    // A second time, now that it is known which fields were read as secrets.
    redactor.hide_written(&mut tree);
    if !errors.is_empty() {
        return Err(errors.into_iter().map(|error| redactor.clean_error(error)).collect());
    }
    let said =
        |path: &str| tree.table().and_then(|table| table.get(path)).map_or_else(String::new, |node| node.place.to_string());
    let of = |fields: &Fields| (fields.parallelism, fields.hand_over_bytes, fields.default_stores);
    let (parallelism, hand_over_bytes, default_stores) = fields.as_ref().map(of).unwrap_or_default();
    Ok(Loaded {
        root,
        parallelism,
        hand_over_bytes,
        run: fields.map(|fields| settings(fields.run, fields.pools)).unwrap_or_default(),
        default_stores,
        io_manager: io_manager.map(|key| (key, said("io_manager"))),
        stores: stores.into_iter().map(|(key, store, place)| (key, (store, place))).collect(),
        resources,
        state,
        assets,
        configuration: Configuration::new(source.map(|source| source.name), profile, names, &tree, &redactor),
        redactor,
    })
}

/// The profile that is chosen, if there is one of that name.
fn profile(choice: &Choice, variables: &Variables, table: &Table, source: Option<&Source>) -> Result<Option<String>, Error> {
    let of_variable = variables.get(PROFILE_VARIABLE).filter(|name| !name.is_empty());
    let of_file = table.get("profile").and_then(|node| Some((node.text()?.value.clone(), node.place.to_string())));
    let chosen = (choice.profile.clone().map(|name| (name, "`--profile` or `.profile(…)`".to_owned())))
        .or_else(|| of_variable.map(|name| (name.clone(), format!("${PROFILE_VARIABLE}"))))
        .or(of_file);
    let Some((name, by)) = chosen else { return Ok(None) };
    let Some(source) = source else {
        let message = format!("there is no `lakewright.toml` to have a profile `{name}`");
        let help = "it is looked for in the current folder and those above it; name it with `--config`";
        return Err(Error::new(ErrorKind::Config, message).with("chosen by", by).help(help));
    };
    let profiles = table.get("profiles").and_then(Node::table);
    if profiles.is_some_and(|profiles| profiles.contains_key(&name)) {
        return Ok(Some(name));
    }
    let known = profiles.into_iter().flat_map(Table::keys).map(String::as_str);
    let help = known_names(&name, "profiles", known);
    let error = Error::new(ErrorKind::Config, format!("there is no profile `{name}`")).help(help);
    Err(error
        .with("at", table.get("profiles").map_or_else(|| source.name.clone(), |node| node.place.to_string()))
        .with("chosen by", by))
}

/// Profiles that are not chosen are checked for the names of their fields, and nothing in them is looked up.
fn check_profiles(profiles: &Node) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut wrong = |message: String, place: &Place, help: String| {
        errors.push(Error::new(ErrorKind::Config, message).with("at", place).help(help));
    };
    let Some(table) = profiles.table() else {
        wrong(
            format!("`profiles` takes a table, not {}", profiles.describe()),
            &profiles.place,
            "write `[profiles.dev]`".to_owned(),
        );
        return errors;
    };
    for (name, profile) in table {
        let path = join("profiles", name);
        let Some(fields) = profile.table() else {
            wrong(format!("`{path}` takes a table, not {}", profile.describe()), &profile.place, format!("write `[{path}]`"));
            continue;
        };
        for (key, node) in fields.iter().filter(|(key, _)| !OF_PROFILES.contains(&key.as_str())) {
            let help = known_names(key, "fields", OF_PROFILES.iter().copied());
            wrong(format!("`{path}` has no field `{key}`"), &node.place, help);
        }
    }
    errors
}

/// Puts variables and files into every text. The paths of those that have no value, and why.
fn look_up_all(tree: &mut Node, variables: &Variables, folder: &Path, redactor: &mut Redactor) -> (BTreeSet<String>, Vec<Error>) {
    let (mut unset, mut errors) = (BTreeSet::new(), Vec::new());
    tree.each_text("", &mut |path, place, text| {
        if text.loose || !text.written.contains("${") {
            return;
        }
        match look_up(&text.written, variables, folder) {
            Ok(found) => {
                (text.value, text.loose, text.looked_up) = (found.value, found.whole, true);
                found.found.iter().for_each(|(value, instead)| redactor.hide(value, instead));
            }
            Err(why) => {
                let message = format!("`{path}` has no value: {}", why.message);
                errors.push(Error::new(ErrorKind::Config, message).with("at", place).help(why.help));
                unset.insert(path.to_owned());
            }
        }
    });
    (unset, errors)
}

/// What is read, and what was found wrong so far.
struct Loading {
    tree: Node,
    folder: PathBuf,
    unset: BTreeSet<String>,
    redactor: Redactor,
    errors: Vec<Error>,
}

impl Loading {
    fn node(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(&self.tree, |node, key| node.table()?.get(key))
    }

    fn place(&self, path: &str) -> Option<&Place> {
        self.node(path).map(|node| &node.place)
    }

    fn said(&self, path: &str) -> String {
        self.place(path).map_or_else(String::new, ToString::to_string)
    }

    fn fields(&mut self) -> Option<Fields> {
        let findings = RefCell::new(Findings::without(&self.unset));
        let fields = read(&self.tree, "", &[], Folders { file: &self.folder }, &findings).ok();
        self.errors.append(&mut findings.into_inner().errors);
        fields
    }

    /// The root: that of the builder, or the one that is configured, or `lakehouse` beside the file.
    fn root(&self, of_builder: Option<&Path>, fields: Option<&Fields>) -> PathBuf {
        let configured = fields.and_then(|fields| fields.root.as_deref()).zip(self.place("root"));
        match (of_builder, configured) {
            (Some(root), _) => root.to_owned(),
            (None, Some((root, place))) => whole_path(root, place, Folders { file: &self.folder }).into(),
            (None, None) => self.folder.join(super::DEFAULT_ROOT),
        }
    }

    /// Makes something of each table below a key.
    fn build<T>(
        &mut self,
        section: &str,
        root: &Path,
        make: impl Fn(&ConfigTable<'_>, &mut Vec<Error>) -> Option<T>,
    ) -> Vec<(String, T, String)> {
        let mut all = Vec::new();
        let (mut errors, mut secrets) = (Vec::new(), Vec::new());
        for (key, node) in self.node(section).and_then(Node::table).into_iter().flatten() {
            let path = join(section, key);
            if node.table().is_none() {
                let message = format!("`{path}` takes a table, not {}", node.describe());
                errors.push(Error::new(ErrorKind::Config, message).with("at", &node.place).help(format!("write `[{path}]`")));
                continue;
            }
            let table = self.config_table(key, path, node, root);
            all.extend(make(&table, &mut errors).map(|one| (key.clone(), one, node.place.to_string())));
            secrets.append(&mut table.findings.into_inner().secrets);
        }
        self.errors.append(&mut errors);
        self.redactor.paths.extend(secrets);
        all
    }

    /// Makes something of one table, with its place; that it is none has been said by who read the fields.
    fn build_one<T>(
        &mut self,
        key: &str,
        root: &Path,
        make: impl Fn(&ConfigTable<'_>, &mut Vec<Error>) -> Option<T>,
    ) -> Option<(T, String)> {
        let node = self.node(key).filter(|node| node.table().is_some())?;
        let mut errors = Vec::new();
        let table = self.config_table(key, key.to_owned(), node, root);
        let one = make(&table, &mut errors).map(|one| (one, node.place.to_string()));
        let secrets = table.findings.into_inner().secrets;
        self.errors.append(&mut errors);
        self.redactor.paths.extend(secrets);
        one
    }

    fn config_table<'a>(&'a self, key: &'a str, path: String, node: &'a Node, root: &'a Path) -> ConfigTable<'a> {
        let findings = RefCell::new(Findings::without(&self.unset));
        ConfigTable { key, path, node, root, folders: Folders { file: &self.folder }, findings }
    }

    fn assets(&mut self) -> Vec<(AssetKey, Layer)> {
        let mut layers = Vec::new();
        let mut errors = Vec::new();
        for (key, node) in self.node("assets").and_then(Node::table).into_iter().flatten() {
            let path = join("assets", key);
            match (key.parse::<AssetKey>(), node.table()) {
                (Ok(asset), Some(_)) => layers.push((asset, layer(node))),
                (Err(error), _) => errors.push(error.with("at", &node.place)),
                (Ok(_), None) => {
                    let message = format!("`{path}` takes a table, not {}", node.describe());
                    errors.push(Error::new(ErrorKind::Config, message).with("at", &node.place).help(format!("write `[{path}]`")));
                }
            }
        }
        self.errors.append(&mut errors);
        layers
    }
}

/// The configuration of one asset, with the place of each of its fields.
fn layer(node: &Node) -> Layer {
    let mut layer = Layer::new(json(node));
    let mut fields = vec![(String::new(), node)];
    while let Some((path, node)) = fields.pop() {
        let loose = node.text().is_some_and(|text| text.loose);
        for (key, inner) in node.table().into_iter().flatten() {
            fields.push((if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, inner));
        }
        layer.written_at(path, node.place.to_string(), loose);
    }
    layer
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Tree::Table(table) => table.iter().map(|(key, node)| (key.clone(), json(node))).collect::<serde_json::Map<_, _>>().into(),
        Tree::List(items) => items.iter().map(json).collect(),
        Tree::Text(text) => text.value.clone().into(),
        Tree::Int(number) => (*number).into(),
        Tree::Float(number) => (*number).into(),
        Tree::Bool(value) => (*value).into(),
    }
}
