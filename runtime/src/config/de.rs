//! Reads typed values out of a [`Node`], and finds every mistake in it, not only the first.

use std::cell::RefCell;
use std::collections::{BTreeSet, btree_map};
use std::path::Path;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{Node, Place, Tree, join};
use super::path::PATH_NAME;
use super::secret::SECRET_NAME;
use super::wrong::Wrong;
use crate::error::{Error, ErrorKind, known_names};

/// What reading a table finds.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Error>,
    /// The paths of secrets.
    pub(super) secrets: Vec<String>,
    /// Fields that have been complained about.
    wrong: BTreeSet<String>,
}

impl Findings {
    /// Nothing yet, but for fields without a value, which have been complained about.
    pub(super) fn without(unset: &BTreeSet<String>) -> Self {
        Self { wrong: unset.clone(), ..Self::default() }
    }

    /// Whether a field below this path has no value.
    pub(super) fn is_waiting(&self, path: &str) -> bool {
        self.wrong.iter().any(|wrong| wrong.starts_with(path))
    }
}

/// How paths in a configuration are made whole.
#[derive(Clone, Copy)]
pub(super) struct Folders<'a> {
    /// The folder of the file.
    pub(super) file: &'a Path,
}

/// Reads a value, or says everything that is wrong with it. Fields named in `besides` are somebody else's.
pub(super) fn read<T: DeserializeOwned>(
    node: &Node,
    path: &str,
    besides: &[&str],
    folders: Folders<'_>,
    findings: &RefCell<Findings>,
) -> Result<T, Error> {
    let reader = Reader { folders, besides, root: path, findings };
    // A field that is wrong is left out the next time, so that the others are looked at too.
    loop {
        let before = findings.borrow().errors.len();
        match T::deserialize(NodeDe { node, path: path.to_owned(), reader: &reader }) {
            Ok(value) => {
                let is_right = findings.borrow().errors.is_empty();
                return if is_right { Ok(value) } else { Err(wrong(path)) };
            }
            Err(error) => {
                let follows = error.missing.as_ref().is_some_and(|field| findings.borrow().wrong.contains(&join(path, field)));
                if findings.borrow().errors.len() == before {
                    if !follows {
                        let error = error.at(path, &node.place);
                        findings.borrow_mut().errors.push(error);
                    }
                    return Err(wrong(path));
                }
            }
        }
    }
}

/// Stands for what has been found.
fn wrong(path: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{path}` is wrong"))
}

struct Reader<'a> {
    folders: Folders<'a>,
    besides: &'a [&'a str],
    root: &'a str,
    findings: &'a RefCell<Findings>,
}

impl Reader<'_> {
    fn is_wrong(&self, path: &str) -> bool {
        self.findings.borrow().wrong.contains(path)
    }

    /// Reads what is at a path; if it is wrong, says so unless something below it has been said.
    fn value<'de, T: DeserializeSeed<'de>>(&self, seed: T, node: &'de Node, path: String) -> Result<T::Value, Wrong> {
        let before = self.findings.borrow().errors.len();
        seed.deserialize(NodeDe { node, path: path.clone(), reader: self }).inspect_err(|wrong| {
            let mut findings = self.findings.borrow_mut();
            if findings.errors.len() == before {
                let follows = wrong.missing.as_ref().is_some_and(|field| findings.wrong.contains(&join(&path, field)));
                if !follows {
                    findings.errors.push(wrong.clone().at(&path, &node.place));
                }
                findings.wrong.insert(path);
            }
        })
    }

    fn check_fields(&self, path: &str, table: &super::node::Table, fields: &'static [&'static str]) {
        let besides = if path == self.root { self.besides } else { &[] };
        let mut findings = self.findings.borrow_mut();
        for (key, node) in table.iter().filter(|(key, _)| !fields.contains(&key.as_str()) && !besides.contains(&key.as_str())) {
            if !findings.wrong.insert(join(path, key)) {
                continue;
            }
            let of = if path.is_empty() { "the configuration".to_owned() } else { format!("`{path}`") };
            let help = known_names(key, "fields", besides.iter().chain(fields).copied());
            let error = Error::new(ErrorKind::Config, format!("{of} has no field `{key}`")).help(help);
            findings.errors.push(error.with("at", &node.place));
        }
    }
}

#[derive(Clone)]
struct NodeDe<'de, 'a> {
    node: &'de Node,
    path: String,
    reader: &'a Reader<'a>,
}

impl<'de> NodeDe<'de, '_> {
    /// As a table or a list, which a variable may have given as text.
    fn structured<V: Visitor<'de>>(self, visitor: V, fields: Option<&'static [&'static str]>) -> Result<V::Value, Wrong> {
        let reader = self.reader;
        match &self.node.value {
            Tree::Table(table) => {
                if let Some(fields) = fields {
                    reader.check_fields(&self.path, table, fields);
                }
                let entries = table.iter();
                visitor.visit_map(Fields { entries, next: None, path: self.path, known: fields, reader })
            }
            Tree::List(items) => visitor.visit_seq(Items { rest: items.iter(), at: 0, path: self.path, reader }),
            Tree::Text(_) | Tree::Int(_) | Tree::Float(_) | Tree::Bool(_) => self.scalar(visitor, false),
        }
    }

    /// As a number or a truth value if it may be one, otherwise as the text that it is.
    fn scalar<V: Visitor<'de>>(self, visitor: V, as_text: bool) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Tree::Text(text) => match text.as_value().filter(|_| !as_text) {
                Some(Tree::Int(number)) => visitor.visit_i64(number),
                Some(Tree::Float(number)) => visitor.visit_f64(number),
                Some(Tree::Bool(value)) => visitor.visit_bool(value),
                _ => visitor.visit_str(&text.value),
            },
            Tree::Int(number) => visitor.visit_i64(*number),
            Tree::Float(number) => visitor.visit_f64(*number),
            Tree::Bool(value) => visitor.visit_bool(*value),
            Tree::Table(_) | Tree::List(_) => self.structured(visitor, None),
        }
    }
}

impl<'de> de::Deserializer<'de> for NodeDe<'de, '_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.scalar(visitor, false)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.scalar(visitor, true)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.scalar(visitor, true)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.structured(visitor, Some(fields))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        if name == SECRET_NAME {
            self.reader.findings.borrow_mut().secrets.push(self.path.clone());
        }
        if let (PATH_NAME, Tree::Text(text)) = (name, &self.node.value) {
            return visitor.visit_string(whole_path(&text.value, &self.node.place, self.reader.folders));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Tree::Text(text) => {
                let variant: StrDeserializer<'_, Wrong> = text.value.as_str().into_deserializer();
                visitor.visit_enum(variant).map_err(|mut wrong: Wrong| {
                    // A variable may hold a secret that was put into the wrong place.
                    if text.looked_up {
                        "does not take what its variable says".clone_into(&mut wrong.message);
                        wrong.near = None;
                    }
                    wrong
                })
            }
            Tree::Table(table) if table.len() == 1 => {
                let (key, node) = table.iter().next().ok_or_else(|| Wrong::new("is empty".to_owned()))?;
                let path = join(&self.path, key);
                visitor.visit_enum(Variant { key, inner: NodeDe { node, path, reader: self.reader } })
            }
            _ => self.scalar(visitor, false),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_unit()
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.structured(visitor, None)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct identifier
    }
}

/// A path relative to the folder of the file, or of a variable to the current one; URLs and `:memory:` are none.
pub(super) fn whole_path(path: &str, place: &Place, folders: Folders<'_>) -> String {
    let is_path = !path.contains("://") && !path.starts_with(':') && !path.is_empty();
    match place {
        Place::File { .. } if is_path => folders.file.join(path).to_string_lossy().into_owned(),
        Place::File { .. } | Place::Variable(_) | Place::Builder(_) => path.to_owned(),
    }
}

struct Fields<'de, 'a> {
    entries: btree_map::Iter<'de, String, Node>,
    next: Option<(&'de str, &'de Node)>,
    path: String,
    known: Option<&'static [&'static str]>,
    reader: &'a Reader<'a>,
}

impl<'de> de::MapAccess<'de> for Fields<'de, '_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        for (key, node) in self.entries.by_ref() {
            let known = self.known.is_none_or(|fields| fields.contains(&key.as_str()));
            if known && !self.reader.is_wrong(&join(&self.path, key)) {
                self.next = Some((key, node));
                let key: StrDeserializer<'_, Wrong> = key.as_str().into_deserializer();
                return seed.deserialize(key).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let (key, node) = self.next.take().ok_or_else(|| Wrong::new("has a value without a key".to_owned()))?;
        self.reader.value(seed, node, join(&self.path, key))
    }
}

struct Items<'de, 'a> {
    rest: slice::Iter<'de, Node>,
    at: usize,
    path: String,
    reader: &'a Reader<'a>,
}

impl<'de> de::SeqAccess<'de> for Items<'de, '_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        for node in self.rest.by_ref() {
            let path = format!("{}[{}]", self.path, self.at);
            self.at += 1;
            if !self.reader.is_wrong(&path) {
                return self.reader.value(seed, node, path).map(Some);
            }
        }
        Ok(None)
    }
}

struct Variant<'de, 'a> {
    key: &'de str,
    inner: NodeDe<'de, 'a>,
}

impl<'de, 'a> de::EnumAccess<'de> for Variant<'de, 'a> {
    type Error = Wrong;
    type Variant = NodeDe<'de, 'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), Wrong> {
        let key: StrDeserializer<'_, Wrong> = self.key.into_deserializer();
        Ok((seed.deserialize(key)?, self.inner))
    }
}

impl<'de> de::VariantAccess<'de> for NodeDe<'de, '_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        self.reader.value(seed, self.node, self.path)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.structured(visitor, None)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Wrong> {
        self.structured(visitor, Some(fields))
    }
}
