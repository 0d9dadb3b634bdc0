//! Sets of assets written as text: `iris_cleaned+`, `group:raw and not tag:slow`.

mod parse;

use std::collections::BTreeSet;

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::graph::Graph;

use parse::{Attribute, Expr};

/// The assets that a selection names, by their place in the graph.
///
/// | written | selects |
/// |---|---|
/// | `a`, `prefix/a`, `key:a` | the asset with this key, or the only one with this name |
/// | `a+`, `a++`, `a*` | and what is one, two, any number of edges downstream |
/// | `+a`, `++a`, `*a` | and what is upstream |
/// | `tag:t`, `tag:t=v`, `group:g`, `kind:k` | what has the tag, group, kind |
/// | `*` | everything |
/// | `x and y`, `x or y`, `not x`, `(x)` | as they say; `not` before `and` before `or` |
///
/// ```
/// use lakewright::prelude::*;
/// use lakewright::{Graph, select};
///
/// #[asset(group = "raw")]
/// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
///
/// #[asset]
/// fn total(numbers: Vec<i64>) -> i64 { numbers.iter().sum() }
///
/// let graph = Graph::new(&Registry::of(assets![total])).map_err(|errors| errors.into_iter().next().unwrap())?;
/// assert_eq!(select("group:raw+", &graph)?.len(), 2);
/// assert_eq!(select("* and not numbers", &graph)?.len(), 1);
/// assert!(select("totl", &graph).unwrap_err().to_string().contains("totl"));
/// # Ok::<(), lakewright::Error>(())
/// ```
///
/// # Errors
/// If the text is not a selection, or names something that no asset has, with the nearest that one has.
pub fn select(text: &str, graph: &Graph) -> Result<BTreeSet<usize>> {
    evaluate(&parse::parse(text)?, graph)
}

fn evaluate(expr: &Expr, graph: &Graph) -> Result<BTreeSet<usize>> {
    Ok(match expr {
        Expr::Or(left, right) => &evaluate(left, graph)? | &evaluate(right, graph)?,
        Expr::And(left, right) => &evaluate(left, graph)? & &evaluate(right, graph)?,
        Expr::Not(inner) => &everything(graph) - &evaluate(inner, graph)?,
        Expr::Term { attribute, up, down } => {
            let named = attribute_matches(attribute, graph)?;
            &graph.ancestors(&named, *up) | &graph.descendants(&named, *down)
        }
    })
}

fn everything(graph: &Graph) -> BTreeSet<usize> {
    (0..graph.assets().len()).collect()
}

fn attribute_matches(attribute: &Attribute, graph: &Graph) -> Result<BTreeSet<usize>> {
    match attribute {
        Attribute::All => Ok(everything(graph)),
        Attribute::Key(name) => by_key(name, graph),
        Attribute::Tag(tag) => having("tag", tag, graph, |asset| {
            asset.tags.iter().flat_map(|(key, value)| [key.clone(), format!("{key}={value}")]).collect()
        }),
        Attribute::Group(group) => having("group", group, graph, |asset| asset.group.iter().cloned().collect()),
        Attribute::Kind(kind) => having("kind", kind, graph, |asset| asset.kinds.clone()),
    }
}

fn by_key(name: &str, graph: &Graph) -> Result<BTreeSet<usize>> {
    let places = |matches: &dyn Fn(&AssetSpec) -> bool| -> BTreeSet<usize> {
        graph.assets().enumerate().filter(|(_, asset)| matches(asset)).map(|(place, _)| place).collect()
    };
    let exact = places(&|asset| asset.key.to_string() == name);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let by_name = places(&|asset| asset.key.name() == name);
    match by_name.len() {
        1 => Ok(by_name),
        0 => Err(unknown_asset(name, graph)),
        _ => {
            let mut keys: Vec<String> = by_name.iter().map(|place| format!("`{}`", graph.asset(*place).key)).collect();
            keys.sort();
            let message = format!("several assets are named `{name}`");
            Err(Error::new(ErrorKind::Selection, message).help(format!("write the whole key: {}", keys.join(" or "))))
        }
    }
}

/// The error of who names an asset that there is not, with the nearest that there is.
pub(crate) fn unknown_asset(key: &str, graph: &Graph) -> Error {
    let keys = graph.assets().map(|asset| asset.key.as_str());
    let names = graph.assets().map(|asset| asset.key.name());
    // Who has to write the whole key may have written the name.
    let called_so = graph.assets().find(|asset| asset.key.name() == key).map(|asset| asset.key.as_str());
    let near = called_so.or_else(|| nearest(key, keys.chain(names)));
    unknown("asset", key, near.map(str::to_owned), "`list` shows every asset")
}

fn having(what: &str, wanted: &str, graph: &Graph, has: impl Fn(&AssetSpec) -> Vec<String>) -> Result<BTreeSet<usize>> {
    let found: BTreeSet<usize> = graph
        .assets()
        .enumerate()
        .filter(|(_, asset)| has(asset).iter().any(|has| has == wanted))
        .map(|(place, _)| place)
        .collect();
    if found.is_empty() {
        let known: BTreeSet<String> = graph.assets().flat_map(|asset| has(asset)).collect();
        let near = nearest(wanted, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(unknown(what, wanted, near, &format!("`list` shows the {what} of every asset")));
    }
    Ok(found)
}

fn unknown(what: &str, name: &str, near: Option<String>, otherwise: &str) -> Error {
    let help = near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"));
    let message =
        if what == "asset" { format!("there is no asset `{name}`") } else { format!("no asset has the {what} `{name}`") };
    Error::new(ErrorKind::Selection, message).help(help)
}
