//! The graph as text, for people and for other programs.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::graph::Graph;

/// The forms that a graph can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// One line per asset: what it is made from.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid, which many pages render.
    Mermaid,
    /// For programs.
    Json,
}

/// The part of the graph at these places, with the edges between them.
#[must_use]
pub fn render_graph(graph: &Graph, places: &BTreeSet<usize>, format: GraphFormat) -> String {
    let edges: Vec<(usize, usize)> = places
        .iter()
        .flat_map(|place| graph.upstream(*place).iter().filter(|from| places.contains(from)).map(|from| (*from, *place)))
        .collect();
    match format {
        GraphFormat::Text => text(graph, places),
        GraphFormat::Dot => dot(graph, places, &edges),
        GraphFormat::Mermaid => mermaid(graph, places, &edges),
        GraphFormat::Json => json(graph, places, &edges),
    }
}

fn key(graph: &Graph, place: usize) -> String {
    graph.asset(place).key.to_string()
}

fn text(graph: &Graph, places: &BTreeSet<usize>) -> String {
    let mut text = String::new();
    for place in places {
        let from: Vec<String> =
            graph.upstream(*place).iter().filter(|from| places.contains(from)).map(|from| key(graph, *from)).collect();
        let external = if graph.asset(*place).is_external() { " (external)" } else { "" };
        let arrow = if from.is_empty() { String::new() } else { format!(" <- {}", from.join(", ")) };
        // Writing into a string does not fail.
        let _ = writeln!(text, "{}{external}{arrow}", key(graph, *place));
    }
    text
}

fn dot(graph: &Graph, places: &BTreeSet<usize>, edges: &[(usize, usize)]) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::from("digraph assets {\n  rankdir=LR;\n  node [shape=box];\n");
    for place in places {
        let style = if graph.asset(*place).is_external() { " [style=dashed]" } else { "" };
        let _ = writeln!(text, "  {}{style};", quote(&key(graph, *place)));
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  {} -> {};", quote(&key(graph, *from)), quote(&key(graph, *to)));
    }
    text + "}\n"
}

fn mermaid(graph: &Graph, places: &BTreeSet<usize>, edges: &[(usize, usize)]) -> String {
    let mut text = String::from("graph LR\n");
    for place in places {
        let name = key(graph, *place).replace('"', "#quot;");
        let (open, close) = if graph.asset(*place).is_external() { ("[/", "/]") } else { ("[", "]") };
        let _ = writeln!(text, "  a{place}{open}\"{name}\"{close}");
    }
    for (from, to) in edges {
        let _ = writeln!(text, "  a{from} --> a{to}");
    }
    text
}

fn json(graph: &Graph, places: &BTreeSet<usize>, edges: &[(usize, usize)]) -> String {
    let assets: Vec<_> = places
        .iter()
        .map(|place| {
            let asset = graph.asset(*place);
            serde_json::json!({ "key": asset.key, "group": asset.group, "kinds": asset.kinds, "external": asset.is_external() })
        })
        .collect();
    let edges: Vec<_> =
        edges.iter().map(|(from, to)| serde_json::json!({ "from": key(graph, *from), "to": key(graph, *to) })).collect();
    format!("{:#}\n", serde_json::json!({ "v": 1, "assets": assets, "edges": edges }))
}
