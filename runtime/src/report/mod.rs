//! What people see: errors, progress, tables. Uses nothing that is not public.

mod console;
mod errors;
mod graph;
mod slices;
mod table;
mod terminal;

pub use console::ConsoleReporter;
pub use errors::{render_error, render_failure};
pub use graph::{GraphFormat, render_graph};
pub use slices::partitions;
pub(crate) use table::narrow_table;
pub use table::{bytes, duration, preview_table, run_table, table};
pub(crate) use terminal::{bar, terminal};
