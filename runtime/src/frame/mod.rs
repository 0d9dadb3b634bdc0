//! Frame types, and the opaque table that all of them turn into. Adding a frame type is one file here.

#[cfg(feature = "polars")]
pub mod polars;
mod rows;

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

pub use rows::{Rows, check_declared};

use crate::columns::{ColumnDef, FoundColumn};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// A type of rows and columns that a body can take and return.
///
/// Implement it for a frame of your own and `#[asset]` takes it wherever it takes a `DataFrame`; a frame may also implement
/// serde's traits without becoming an object.
pub trait Frame: Sized + Send + 'static {
    /// The columns, if the type declares them.
    const COLUMNS: Option<&'static [ColumnDef]> = None;

    /// Gives the rows away, computed or not.
    fn into_table(self) -> Table;

    /// Takes the rows over. May block and compute; it is called where that is allowed.
    ///
    /// # Errors
    /// If the rows cannot be read or converted.
    fn from_table(table: Table) -> Result<Self>;
}

/// What a table can be made of: a plan, a stream, or rows in memory.
pub trait TablePlan: Any + Send + fmt::Debug {
    /// What to call it in an error.
    fn name(&self) -> &'static str;

    /// The columns, so that they can be compared with declared ones; nothing if the plan cannot say. May block.
    ///
    /// # Errors
    /// If the plan cannot be resolved.
    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Ok(None)
    }

    /// Brings the rows into memory. Blocks while a plan is computed.
    ///
    /// # Errors
    /// If the plan fails.
    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>>;

    /// The first rows as text, without computing the others where the plan allows it. Blocks.
    ///
    /// # Errors
    /// If the plan fails.
    fn preview(self: Box<Self>, rows: usize) -> Result<Preview>;
}

/// The first rows of a table, as text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Preview {
    /// The columns.
    pub columns: Vec<Column>,
    /// One vector of cells per row.
    pub rows: Vec<Vec<String>>,
}

/// Rows in memory that can be handed out any number of times.
pub trait StoredRows: Send + Sync {
    /// The rows, or only these columns of them, in this order.
    ///
    /// # Errors
    /// If there is no such column.
    fn table(&self, columns: Option<&[String]>) -> Result<Table>;

    /// How many rows there are.
    fn rows(&self) -> u64;

    /// How many bytes they take, about.
    fn bytes(&self) -> u64;

    /// The columns.
    fn columns(&self) -> Vec<Column>;
}

/// Rows and columns on their way between a body and a store.
///
/// What is inside is reached by `into_*` accessors, one per frame library.
#[derive(Debug)]
pub struct Table {
    plan: Box<dyn TablePlan>,
}

impl Table {
    /// A table made of this.
    pub fn new(plan: impl TablePlan) -> Self {
        Self { plan: Box::new(plan) }
    }

    /// What the table is made of, as errors say it.
    #[must_use]
    pub fn made_of(&self) -> &'static str {
        self.plan.name()
    }

    /// The columns, if the table can say them without being computed. May block.
    ///
    /// # Errors
    /// If the plan cannot be resolved.
    pub fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        self.plan.found_columns()
    }

    /// Brings the rows into memory. Blocks while a plan is computed.
    ///
    /// # Errors
    /// If the plan fails.
    pub fn materialize(self) -> Result<Arc<dyn StoredRows>> {
        self.plan.materialize()
    }

    /// The first rows as text. Blocks.
    ///
    /// # Errors
    /// If the plan fails.
    pub fn preview(self, rows: usize) -> Result<Preview> {
        self.plan.preview(rows)
    }

    /// What the table is made of, if it is a `P`.
    ///
    /// # Errors
    /// If it is made of something else.
    pub fn downcast<P: TablePlan>(self) -> Result<P> {
        let name = self.plan.name();
        let plan: Box<dyn Any> = self.plan;
        plan.downcast().map(|plan| *plan).map_err(|_| {
            let wanted = type_name::<P>().rsplit("::").next().unwrap_or_default();
            Error::new(ErrorKind::Internal, format!("a table made of {name} was to be read as {wanted}"))
        })
    }
}
