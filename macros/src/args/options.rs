//! The options: which there are, what each takes, and on which attribute it belongs.

use std::fmt;

use crate::diagnose::suggestion;

/// An attribute that takes options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Asset,
    External,
    Input,
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asset => "#[asset]",
            Self::External => "#[external_asset]",
            Self::Input => "#[input]",
        })
    }
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `= "…"`.
    Text,
    /// `= "a"`, `= "a/b"` or `= ["a", "b"]`.
    Segments,
    /// `= "overwrite"`.
    Mode,
    /// `= 3`.
    Number,
    /// `= ["a", "b"]`.
    Texts,
    /// `= ["a", "b=c"]` or `(b = "c")`.
    Tags,
    /// `(a = 1, b = "c")`.
    Pairs,
    /// `= path::to::asset`.
    Asset,
    /// `= [a, path::to::b]`.
    Assets,
}

impl Shape {
    /// The option `name` with a value, for messages.
    pub(crate) fn example(self, name: &str) -> String {
        match self {
            Self::Text => format!("{name} = \"…\""),
            Self::Segments => format!("{name} = \"a/b\""),
            Self::Mode => format!("{name} = \"overwrite\""),
            Self::Number => format!("{name} = 3"),
            Self::Texts => format!("{name} = [\"…\"]"),
            Self::Tags => format!("{name} = [\"…\", \"key=value\"]"),
            Self::Pairs => format!("{name}(key = \"…\")"),
            Self::Asset => format!("{name} = path::to::asset"),
            Self::Assets => format!("{name} = [path::to::asset]"),
        }
    }

    /// What it takes, in words.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Segments => "a text, or a list of texts",
            Self::Mode => "the name of a mode",
            Self::Number => "a number",
            Self::Texts => "a list of texts",
            Self::Tags => "a list of tags",
            Self::Pairs => "keys with literals",
            Self::Asset => "the path of an asset",
            Self::Assets => "a list of assets",
        }
    }
}

/// An option that exists somewhere.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    on: &'static [On],
}

const BOTH: &[On] = &[On::Asset, On::External];
const ASSET: &[On] = &[On::Asset];
const INPUT: &[On] = &[On::Input];

/// Every option that is built.
const KNOWN: &[Known] = &[
    Known { name: "name", shape: Shape::Text, on: BOTH },
    Known { name: "key_prefix", shape: Shape::Segments, on: BOTH },
    Known { name: "io_manager", shape: Shape::Text, on: BOTH },
    Known { name: "schema", shape: Shape::Text, on: BOTH },
    Known { name: "partition_expr", shape: Shape::Text, on: BOTH },
    Known { name: "mode", shape: Shape::Mode, on: ASSET },
    Known { name: "store", shape: Shape::Pairs, on: BOTH },
    Known { name: "group", shape: Shape::Text, on: BOTH },
    Known { name: "tags", shape: Shape::Tags, on: BOTH },
    Known { name: "owners", shape: Shape::Texts, on: BOTH },
    Known { name: "kinds", shape: Shape::Texts, on: BOTH },
    Known { name: "description", shape: Shape::Text, on: BOTH },
    Known { name: "metadata", shape: Shape::Pairs, on: BOTH },
    Known { name: "code_version", shape: Shape::Text, on: ASSET },
    Known { name: "retries", shape: Shape::Number, on: ASSET },
    Known { name: "pool", shape: Shape::Text, on: ASSET },
    Known { name: "deps", shape: Shape::Assets, on: ASSET },
    Known { name: "from", shape: Shape::Asset, on: INPUT },
    Known { name: "columns", shape: Shape::Texts, on: INPUT },
];

/// Designed, but not built yet: never accepted silently.
const PLANNED: &[(&str, &[On])] =
    &[("partitions", BOTH), ("mapping", INPUT), ("allow_missing", INPUT), ("version", INPUT), ("previous", INPUT)];

/// The options of an attribute.
pub(crate) fn names(on: On) -> impl Iterator<Item = &'static str> + Clone {
    KNOWN.iter().filter(move |known| known.on.contains(&on)).map(|known| known.name)
}

/// The option with this name, or why there is none.
pub(crate) fn find(on: On, name: &str) -> Result<&'static Known, String> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return if known.on.contains(&on) { Ok(known) } else { Err(misplaced(on, name, known.on, known.shape == Shape::Pairs)) };
    }
    if let Some((_, homes)) = PLANNED.iter().find(|(planned, _)| *planned == name) {
        return Err(if homes.contains(&on) || on == On::Input {
            format!("`{name}` is not built yet")
        } else {
            misplaced(on, name, homes, false)
        });
    }
    Err(format!("unknown option `{name}`{}", suggestion(name, "options", names(on))))
}

fn misplaced(on: On, name: &str, homes: &[On], in_parentheses: bool) -> String {
    let example = if in_parentheses { format!("{name}(…)") } else { format!("{name} = …") };
    let home = match on {
        On::Asset => format!("belongs on a parameter: `#[input({example})]`"),
        On::Input if homes.contains(&On::Asset) => format!("belongs on the function: `#[asset({example})]`"),
        On::External | On::Input => return "not expected here; an external asset is only read".to_owned(),
    };
    format!("not expected here; `{name}` {home}")
}
