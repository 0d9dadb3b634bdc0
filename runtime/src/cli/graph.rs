//! `graph`: what is made from what?

use clap::{Args, ValueEnum};

use super::{EXIT_OK, Ended, Shell, joined, print};
use crate::report::{GraphFormat, render_graph};
use crate::select::select;

/// Show what is made from what
#[derive(Args)]
#[command(after_long_help = "Examples:
  graph
  graph '*orders' --format mermaid
  graph --format dot | dot -Tsvg > graph.svg")]
pub(super) struct Graph {
    /// Only these, for example `*iris_cleaned`; everything if absent
    selection: Vec<String>,
    /// The form to write it in; `--json` is short for `--format json`
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One line per asset
    Text,
    /// For Graphviz
    Dot,
    /// For Mermaid
    Mermaid,
    /// For programs
    Json,
}

impl Graph {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let format = match self.format {
            Format::Text if shell.json => GraphFormat::Json,
            Format::Text => GraphFormat::Text,
            Format::Dot => GraphFormat::Dot,
            Format::Mermaid => GraphFormat::Mermaid,
            Format::Json => GraphFormat::Json,
        };
        let lakehouse = shell.lakehouse()?;
        let places = select(&joined(&self.selection)?, lakehouse.graph())?;
        print(render_graph(lakehouse.graph(), &places, format).trim_end());
        Ok(EXIT_OK)
    }
}
