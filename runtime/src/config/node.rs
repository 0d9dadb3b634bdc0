//! A configuration as a tree whose every value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::redact::Redactor;
use crate::error::{Error, ErrorKind};

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    File {
        file: Arc<str>,
        line: usize,
        column: usize,
    },
    Variable(Arc<str>),
    /// In code or on the command line, by what both call it.
    Builder(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Builder(name) => write!(f, "`--{name}` or `.{name}(…)`"),
        }
    }
}

/// A value, and where its key was written; of an item of a list, where it begins.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Tree,
}

pub(super) type Table = BTreeMap<String, Node>;

#[derive(Clone)]
pub(super) enum Tree {
    Table(Table),
    List(Vec<Node>),
    Text(Text),
    Int(i64),
    Float(f64),
    Bool(bool),
}

/// Text, before and after its variables are looked up.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) written: String,
    pub(super) value: String,
    /// Whether it comes from a variable or a file as a whole, so that it may be a number too.
    pub(super) loose: bool,
    /// Whether any of it comes from a variable or a file.
    pub(super) looked_up: bool,
}

impl Node {
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.value {
            Tree::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&Text> {
        match &self.value {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What a person calls it.
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            Tree::Table(_) => "a table",
            Tree::List(_) => "a list",
            Tree::Text(_) => "text",
            Tree::Int(_) => "a whole number",
            Tree::Float(_) => "a number",
            Tree::Bool(_) => "true or false",
        }
    }

    /// Every text, with the path to it.
    pub(super) fn each_text(&mut self, path: &str, look: &mut impl FnMut(&str, &Place, &mut Text)) {
        match &mut self.value {
            Tree::Table(table) => table.iter_mut().for_each(|(key, node)| node.each_text(&join(path, key), look)),
            Tree::List(items) => {
                items.iter_mut().enumerate().for_each(|(at, node)| node.each_text(&format!("{path}[{at}]"), look));
            }
            Tree::Text(text) => look(path, &self.place, text),
            Tree::Int(_) | Tree::Float(_) | Tree::Bool(_) => {}
        }
    }

    /// Every whole number, with the path to it.
    pub(super) fn each_number(&self, path: &str, look: &mut impl FnMut(&str, i64)) {
        match &self.value {
            Tree::Table(table) => table.iter().for_each(|(key, node)| node.each_number(&join(path, key), look)),
            Tree::List(items) => {
                items.iter().enumerate().for_each(|(at, node)| node.each_number(&format!("{path}[{at}]"), look));
            }
            Tree::Int(number) => look(path, *number),
            Tree::Text(_) | Tree::Float(_) | Tree::Bool(_) => {}
        }
    }
}

/// The path of a key in a table, as TOML would write it.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Lays `over` upon `base`, table by table. A table that says another `kind` takes the place of the one below, since the fields of
/// one kind mean nothing to another.
pub(super) fn merge(base: &mut Table, over: Table) {
    for (key, node) in over {
        match (base.get_mut(&key).map(|below| &mut below.value), &node.value) {
            (Some(Tree::Table(below)), Tree::Table(above)) if !of_other_kind(&key, below, above) => {
                let Tree::Table(above) = node.value else { continue };
                merge(below, above);
            }
            _ => {
                base.insert(key, node);
            }
        }
    }
}

/// A table that says no `kind` is of the one that its key names.
fn of_other_kind(key: &str, below: &Table, above: &Table) -> bool {
    let kind = |table: &Table| table.get("kind").and_then(Node::text).map(|text| text.written.clone());
    kind(above).is_some_and(|above| above != kind(below).as_deref().unwrap_or(key))
}

/// The tree of a TOML document, or everything that is wrong with its syntax.
pub(super) fn parse(text: &str, file: &str) -> Result<Table, Vec<Error>> {
    let document = Document { text, file: file.into() };
    let (table, mut wrong) = DeTable::parse_recoverable(text);
    if wrong.is_empty() {
        return document.table(table.get_ref());
    }
    wrong.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    // Not the error's own text, which quotes the line: that may be the one with the password.
    let error = |error: &toml::de::Error| {
        let place = document.place(error.span().map_or(0, |span| span.start));
        let message = format!("this is not TOML: {}", first_line(error.message()));
        Error::new(ErrorKind::Config, message).with("at", place).help("texts stand in quotes, tables begin with `[name]`")
    };
    Err(wrong.iter().map(error).collect())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A value as one writes it on the right of `=`, from a variable.
pub(super) fn parse_value(text: &str, place: &Place) -> Option<Tree> {
    let value = DeValue::parse(text).ok()?;
    let document = Document { text, file: "".into() };
    let node = document.node(place.clone(), value.get_ref()).ok()?;
    Some(at_place(node, place).value)
}

fn at_place(node: Node, place: &Place) -> Node {
    let value = match node.value {
        Tree::Table(table) => Tree::Table(table.into_iter().map(|(key, node)| (key, at_place(node, place))).collect()),
        Tree::List(items) => Tree::List(items.into_iter().map(|node| at_place(node, place)).collect()),
        other => other,
    };
    Node { place: place.clone(), value }
}

struct Document<'a> {
    text: &'a str,
    file: Arc<str>,
}

impl Document<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place::File { file: Arc::clone(&self.file), line, column }
    }

    fn table(&self, table: &DeTable<'_>) -> Result<Table, Vec<Error>> {
        let mut nodes = Table::new();
        let mut errors = Vec::new();
        for (key, value) in table {
            match self.node(self.place(key.span().start), value.get_ref()) {
                Ok(node) => drop(nodes.insert(key.get_ref().to_string(), node)),
                Err(mut wrong) => errors.append(&mut wrong),
            }
        }
        if errors.is_empty() { Ok(nodes) } else { Err(errors) }
    }

    fn node(&self, place: Place, value: &DeValue<'_>) -> Result<Node, Vec<Error>> {
        let out_of_range = || {
            let message = "this number does not fit into 64 bits";
            vec![Error::new(ErrorKind::Config, message).with("at", &place).help("write it as text if a text is meant")]
        };
        let value = match value {
            DeValue::String(text) => Tree::Text(Text::new(text)),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                Tree::Int(parsed.map_err(|_| out_of_range())?)
            }
            DeValue::Float(number) => Tree::Float(number.as_str().parse().map_err(|_| out_of_range())?),
            DeValue::Boolean(value) => Tree::Bool(*value),
            DeValue::Datetime(time) => Tree::Text(Text::new(&time.to_string())),
            DeValue::Array(items) => {
                let item = |item: &toml::Spanned<DeValue<'_>>| self.node(self.place(item.span().start), item.get_ref());
                Tree::List(items.iter().map(item).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Tree::Table(self.table(table)?),
        };
        Ok(Node { place, value })
    }
}

impl Text {
    fn new(text: &str) -> Self {
        Self { written: text.to_owned(), value: text.to_owned(), loose: false, looked_up: false }
    }

    /// The text of a variable, which is taken as it is.
    pub(super) fn of_variable(text: &str) -> Self {
        Self { loose: true, ..Self::new(text) }
    }

    /// The number or truth value that loose text may stand for.
    pub(super) fn as_value(&self) -> Option<Tree> {
        let text = self.value.trim();
        let number = || text.parse().map(Tree::Int).or_else(|_| text.parse().map(Tree::Float)).ok();
        let value = text.parse().map(Tree::Bool).ok().or_else(number);
        value.filter(|_| self.loose)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Redactor::default().json("", self).to_string())
    }
}
