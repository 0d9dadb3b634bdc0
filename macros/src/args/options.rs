//! The options: which there are, what each takes, and on which attribute it belongs.

use std::fmt;

use super::{mapping, size};
use crate::diagnose::suggestion;

/// An attribute that takes options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Asset,
    External,
    Input,
    Partitions,
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asset => "#[asset]",
            Self::External => "#[external_asset]",
            Self::Input => "#[input]",
            Self::Partitions => "#[partitions]",
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
    /// `= path::to::Definition`.
    Definition,
    /// `= "…"` or `(date = "…", species = "…")`.
    Expression,
    /// `= offset(-1)`.
    Mapping,
    /// Nothing, or `= true`.
    Flag,
    /// Nothing, or `= "…"`.
    FlagOrText,
    /// `= -1`.
    Integer,
    /// `= "monday"`, or `= 1`.
    Weekday,
    /// `= ["a", "b"]`, or `= [1, 2]`.
    Keys,
    /// `= "10m"`.
    Duration,
    /// `= "2GiB"`.
    Size,
    /// `= "any"`.
    RetryOn,
    /// `= "a/b"` or `= ["a", "b/c"]`.
    AssetKeys,
}

impl Shape {
    /// The option `name` with a value, for messages.
    pub(crate) fn example(self, name: &str) -> String {
        match self {
            Self::Text | Self::FlagOrText => format!("{name} = \"…\""),
            Self::Segments => format!("{name} = \"a/b\""),
            Self::Mode => format!("{name} = \"overwrite\""),
            Self::Number => format!("{name} = 3"),
            Self::Texts => format!("{name} = [\"…\"]"),
            Self::Tags => format!("{name} = [\"…\", \"key=value\"]"),
            Self::Pairs => format!("{name}(key = \"…\")"),
            Self::Asset => format!("{name} = path::to::asset"),
            Self::Assets => format!("{name} = [path::to::asset]"),
            Self::Definition => format!("{name} = Species"),
            Self::Expression => format!("{name} = \"species\""),
            Self::Mapping => format!("{name} = offset(-1)"),
            Self::Flag => name.to_owned(),
            Self::Integer => format!("{name} = 1"),
            Self::Weekday => format!("{name} = \"monday\""),
            Self::Keys => format!("{name} = [\"a\", \"b\"]"),
            Self::Duration => format!("{name} = \"30s\""),
            Self::Size => format!("{name} = \"2GiB\""),
            Self::RetryOn => format!("{name} = \"any\""),
            Self::AssetKeys => format!("{name} = \"old_name\""),
        }
    }

    /// What it takes, as a sentence about a value that is none.
    pub(crate) fn takes(self, name: &str) -> String {
        let noun = match self {
            Self::Text => "a text",
            Self::Segments => "a text, or a list of texts",
            Self::Mode => "the name of a mode",
            Self::Number => "a number",
            Self::Texts => "a list of texts",
            Self::Tags => "a list of tags",
            Self::Pairs => "keys with literals",
            Self::Asset => "the path of an asset",
            Self::Assets => "a list of assets",
            Self::Definition => "the path of a partition definition",
            Self::Expression => "a text, or a text for each dimension in parentheses",
            Self::Mapping => "a mapping",
            Self::Flag => "no value, or `true` or `false`",
            Self::FlagOrText => "no value, or a text",
            Self::Integer => "a whole number",
            Self::Weekday => "a day of the week, or its number from 0 for Sunday to 6",
            Self::Keys => "a list of texts or of whole numbers",
            Self::AssetKeys => "an earlier key of the asset, or a list of them",
            Self::Duration => return format!("`{name}` takes a duration such as `\"30s\"`, `\"10m\"` or `\"2h\"`"),
            Self::Size => return format!("`{name}` takes a size such as `\"512MB\"` or `\"1.5GiB\"`, in {}", size::units()),
            Self::RetryOn => return format!("`{name}` takes `\"retryable\"` or `\"any\"`"),
        };
        format!("`{name}` takes {noun}, for example `{}`", self.example(name))
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
const PARTITIONS: &[On] = &[On::Partitions];

/// Every option that is built.
const KNOWN: &[Known] = &[
    Known { name: "name", shape: Shape::Text, on: BOTH },
    Known { name: "key_prefix", shape: Shape::Segments, on: BOTH },
    Known { name: "io_manager", shape: Shape::Text, on: BOTH },
    Known { name: "schema", shape: Shape::Text, on: BOTH },
    Known { name: "partitions", shape: Shape::Definition, on: BOTH },
    Known { name: "partition_expr", shape: Shape::Expression, on: BOTH },
    Known { name: "partition_by", shape: Shape::Texts, on: BOTH },
    Known { name: "mode", shape: Shape::Mode, on: ASSET },
    Known { name: "on", shape: Shape::Texts, on: ASSET },
    Known { name: "store", shape: Shape::Pairs, on: BOTH },
    Known { name: "group", shape: Shape::Text, on: BOTH },
    Known { name: "tags", shape: Shape::Tags, on: BOTH },
    Known { name: "owners", shape: Shape::Texts, on: BOTH },
    Known { name: "kinds", shape: Shape::Texts, on: BOTH },
    Known { name: "description", shape: Shape::Text, on: BOTH },
    Known { name: "metadata", shape: Shape::Pairs, on: BOTH },
    Known { name: "code_version", shape: Shape::Text, on: ASSET },
    Known { name: "retries", shape: Shape::Number, on: ASSET },
    Known { name: "retry_delay", shape: Shape::Duration, on: ASSET },
    Known { name: "retry_on", shape: Shape::RetryOn, on: ASSET },
    Known { name: "timeout", shape: Shape::Duration, on: ASSET },
    Known { name: "pool", shape: Shape::Text, on: ASSET },
    Known { name: "priority", shape: Shape::Integer, on: ASSET },
    Known { name: "memory", shape: Shape::Size, on: ASSET },
    Known { name: "alias", shape: Shape::AssetKeys, on: BOTH },
    Known { name: "deps", shape: Shape::Assets, on: ASSET },
    Known { name: "from", shape: Shape::Asset, on: INPUT },
    Known { name: "columns", shape: Shape::Texts, on: INPUT },
    Known { name: "mapping", shape: Shape::Mapping, on: INPUT },
    Known { name: "allow_missing", shape: Shape::Flag, on: INPUT },
    Known { name: "version", shape: Shape::Integer, on: INPUT },
    Known { name: "previous", shape: Shape::Flag, on: INPUT },
    Known { name: "keys", shape: Shape::Keys, on: PARTITIONS },
    Known { name: "hourly", shape: Shape::Flag, on: PARTITIONS },
    Known { name: "daily", shape: Shape::Flag, on: PARTITIONS },
    Known { name: "weekly", shape: Shape::Flag, on: PARTITIONS },
    Known { name: "monthly", shape: Shape::Flag, on: PARTITIONS },
    Known { name: "cron", shape: Shape::Text, on: PARTITIONS },
    Known { name: "dynamic", shape: Shape::FlagOrText, on: PARTITIONS },
    Known { name: "start", shape: Shape::Text, on: PARTITIONS },
    Known { name: "end", shape: Shape::Text, on: PARTITIONS },
    Known { name: "zone", shape: Shape::Text, on: PARTITIONS },
    Known { name: "hour_offset", shape: Shape::Integer, on: PARTITIONS },
    Known { name: "minute_offset", shape: Shape::Integer, on: PARTITIONS },
    Known { name: "weekday", shape: Shape::Weekday, on: PARTITIONS },
    Known { name: "day", shape: Shape::Integer, on: PARTITIONS },
    Known { name: "end_offset", shape: Shape::Integer, on: PARTITIONS },
    Known { name: "format", shape: Shape::Text, on: PARTITIONS },
];

/// The options of an attribute.
pub(crate) fn names(on: On) -> impl Iterator<Item = &'static str> + Clone {
    KNOWN.iter().filter(move |known| known.on.contains(&on)).map(|known| known.name)
}

/// The option with this name, or why there is none.
pub(crate) fn find(on: On, name: &str) -> Result<&'static Known, String> {
    if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
        return if known.on.contains(&on) { Ok(known) } else { Err(misplaced(on, known)) };
    }
    if on == On::Input && mapping::NAMES.contains(&name) {
        return Err(format!("`{name}` is a mapping; write `mapping = {}`", mapping::example(name)));
    }
    Err(format!("unknown option `{name}`{}", suggestion(name, "options", names(on))))
}

fn misplaced(on: On, known: &Known) -> String {
    let Known { name, shape, on: homes } = known;
    // A mapping that was written without `mapping =`.
    if on == On::Input && mapping::NAMES.contains(name) {
        return format!("`{name}` is a mapping; write `mapping = {}`", mapping::example(name));
    }
    let example = match shape {
        Shape::Pairs => format!("{name}(…)"),
        Shape::Flag | Shape::FlagOrText => (*name).to_owned(),
        _ => format!("{name} = …"),
    };
    let home = match homes {
        [On::Partitions] => format!("belongs on the type of a partition definition: `#[partitions({example})]`"),
        _ if on == On::External => return "not expected here; an external asset is only read".to_owned(),
        [On::Input] => format!("belongs on a parameter: `#[input({example})]`"),
        _ => format!("belongs on the function: `#[asset({example})]`"),
    };
    format!("not expected here; `{name}` {home}")
}
