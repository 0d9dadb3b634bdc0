//! `LAKEWRIGHT__STORES__DELTA__ROOT=…`: single values from the environment.

use super::node::{Node, Place, Table, Text, Tree, parse_value};
use super::text::Variables;
use crate::error::{Error, ErrorKind};

/// What such variables begin with; tables and fields are set apart by two underscores.
const PREFIX: &str = "LAKEWRIGHT__";

/// The short name of `LAKEWRIGHT__ROOT`.
pub(crate) const ROOT_VARIABLE: &str = "LAKEWRIGHT_ROOT";

/// What the variables say, as a table to be laid over the configuration.
pub(super) fn overrides(variables: &Variables, configured: &Table) -> (Table, Vec<Error>) {
    let mut table = Table::new();
    let mut errors = Vec::new();
    let root = variables.get_key_value(ROOT_VARIABLE).filter(|(_, root)| !root.is_empty());
    if let Some((name, root)) = root {
        let place = Place::Variable(name.as_str().into());
        table.insert("root".to_owned(), Node { place, value: Tree::Text(Text::of_variable(root)) });
    }
    for (name, value) in variables.range(PREFIX.to_owned()..).take_while(|(name, _)| name.starts_with(PREFIX)) {
        let place = Place::Variable(name.as_str().into());
        if let Err(error) = set(&mut table, configured, name, value, &place) {
            errors.push(error.with("at", place));
        }
    }
    (table, errors)
}

fn set(table: &mut Table, configured: &Table, name: &str, value: &str, place: &Place) -> Result<(), Error> {
    let path: Vec<&str> = name[PREFIX.len()..].split("__").collect();
    let wrong = |message: String, help: &str| Err(Error::new(ErrorKind::Config, message).help(help));
    if path.contains(&"") {
        let help = "write `LAKEWRIGHT__STORES__DELTA__ROOT`, with two underscores between the names";
        return wrong(format!("`{name}` names no field"), help);
    }
    if ["PROFILE", "PROFILES"].contains(&path[0]) {
        let help = "choose a profile with `LAKEWRIGHT_PROFILE` or `--profile`; values of any profile are set without its name";
        return wrong(format!("`{name}` does not choose a profile"), help);
    }
    let mut below = Some(configured);
    let mut table = table;
    let (field, tables) = path.split_last().map_or(("", &path[..]), |(field, tables)| (*field, tables));
    for part in tables {
        let key = key_of(part, below)?;
        below = below.and_then(|table| table.get(&key)).and_then(Node::table);
        let entry = table.entry(key).or_insert_with(|| Node { place: place.clone(), value: Tree::Table(Table::new()) });
        let Tree::Table(inner) = &mut entry.value else {
            return wrong(format!("`{name}` sets a field of what another variable sets as a whole"), "remove one of them");
        };
        table = inner;
    }
    let structured = value.trim_start().starts_with(['[', '{']).then(|| parse_value(value, place)).flatten();
    let value = structured.unwrap_or_else(|| Tree::Text(Text::of_variable(value)));
    let key = key_of(field, below)?;
    if table.contains_key(&key) && key != "root" {
        return wrong(format!("`{name}` is set twice, with other letters"), "remove one of them");
    }
    table.insert(key, Node { place: place.clone(), value });
    Ok(())
}

/// The key that a part of a variable's name means: the one that is configured, whatever its case and with `_` for what a variable
/// cannot have in its name; otherwise in lower case.
fn key_of(part: &str, configured: Option<&Table>) -> Result<String, Error> {
    let folded = |text: &str| text.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
    let matching: Vec<&String> =
        configured.into_iter().flat_map(|table| table.keys()).filter(|key| folded(key) == folded(part)).collect();
    match matching[..] {
        [] => Ok(part.to_lowercase()),
        [only] => Ok(only.clone()),
        [..] => {
            let names: Vec<_> = matching.iter().map(|key| format!("`{key}`")).collect();
            let message = format!("`{part}` may be any of {}", names.join(", "));
            Err(Error::new(ErrorKind::Config, message).help("set it in the file"))
        }
    }
}
