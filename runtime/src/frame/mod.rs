//! Frame types, and the opaque table that all of them turn into. Adding a frame type is one file here.

#[cfg(feature = "arrow")]
pub mod arrow;
#[cfg(all(feature = "arrow", feature = "polars"))]
mod crossing;
#[cfg(feature = "datafusion")]
pub mod datafusion;
#[cfg(all(feature = "arrow", feature = "polars"))]
#[expect(unsafe_code, reason = "the Arrow C Data Interface hands over pointers; nothing else in the project does")]
pub(crate) mod ffi;
#[cfg(feature = "polars")]
pub mod polars;
mod rows;
#[cfg(feature = "polars")]
mod spool;

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

pub use rows::{Rows, check_declared};
#[cfg(feature = "polars")]
pub use spool::SpoolFile;

use crate::columns::{ColumnDef, FoundColumn};
use crate::error::{Error, ErrorKind, Result, known_names};
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

    /// Whether the rows are in memory already, so that nothing is computed when they are asked for.
    fn is_eager(&self) -> bool;

    /// The columns, without computing rows. May read the heads of files.
    ///
    /// # Errors
    /// If the plan is not sound, for example because it names a column that is not there.
    fn schema(&mut self) -> Result<Vec<Column>>;

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

    /// The rows, if they are in memory already; costs nothing.
    fn share(&self) -> Option<Arc<dyn StoredRows>> {
        None
    }

    /// The same rows in the form that the other frame libraries read: Arrow batches, or a stream of them. Computes nothing.
    ///
    /// A plan that is in that form already overrides [`TablePlan::concat`] too.
    ///
    /// # Errors
    /// If the rows cannot be in that form, which is what a plan says that does not override this.
    fn interchange(self: Box<Self>) -> Result<Table> {
        Err(Error::new(ErrorKind::Internal, format!("a table made of {} does not convert to another", self.name())))
    }

    /// The rows of this and then of the others, computing nothing.
    ///
    /// # Errors
    /// If the columns differ, or one of the tables does not convert.
    fn concat(self: Box<Self>, others: Vec<Table>) -> Result<Table> {
        self.interchange()?.plan.concat(others)
    }
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

    /// The rows, if they are in memory already; costs nothing.
    #[must_use]
    pub fn share(&self) -> Option<Arc<dyn StoredRows>> {
        self.plan.share()
    }

    /// A table without rows, of which not even the columns are known.
    #[must_use]
    pub fn empty() -> Self {
        Self::new(EmptyTable)
    }

    /// Whether the rows are in memory already, so that nothing is computed when they are asked for.
    #[must_use]
    pub fn is_eager(&self) -> bool {
        self.plan.is_eager()
    }

    /// The columns, without computing rows. Blocks while the heads of files are read.
    ///
    /// # Errors
    /// If the plan is not sound.
    pub fn schema(&mut self) -> Result<Vec<Column>> {
        self.plan.schema()
    }

    /// The rows of all tables, one after the other: what a body gets that takes several partitions as one frame.
    ///
    /// Nothing is computed, so lazy tables stay lazy. Names, types and order of the columns have to be the same.
    ///
    /// # Errors
    /// If the columns differ, there is no table, or one of them does not convert to what the first is made of.
    pub fn concat(tables: Vec<Table>) -> Result<Table> {
        let mut tables = tables.into_iter();
        let first = tables.next().ok_or_else(|| Error::new(ErrorKind::Internal, "there are no tables to concatenate"))?;
        if tables.len() == 0 {
            return Ok(first);
        }
        first.plan.concat(tables.collect())
    }

    /// The same rows in the form that the other frame libraries read. Computes nothing.
    ///
    /// # Errors
    /// If the rows cannot be in that form.
    pub fn interchange(self) -> Result<Table> {
        self.plan.interchange()
    }

    /// What the table is made of, if it is a `P`.
    ///
    /// # Errors
    /// If it is made of something else.
    pub fn downcast<P: TablePlan>(self) -> Result<P> {
        self.try_downcast().map_err(|table| {
            let wanted = type_name::<P>().rsplit("::").next().unwrap_or_default();
            Error::new(ErrorKind::Internal, format!("a table made of {} was to be read as {wanted}", table.plan.name()))
        })
    }

    /// What the table is made of if it is a `P`, and the table as it was if not.
    ///
    /// # Errors
    /// The table.
    pub fn try_downcast<P: TablePlan>(self) -> Result<P, Table> {
        if !self.is::<P>() {
            return Err(self);
        }
        let plan: Box<dyn Any> = self.plan;
        plan.downcast().map(|plan| *plan).map_err(|_| unreachable!("its type was looked at"))
    }

    /// Whether it is made of a `P`.
    #[must_use]
    pub fn is<P: TablePlan>(&self) -> bool {
        let plan: &dyn Any = self.plan.as_ref();
        plan.is::<P>()
    }
}

/// Refuses columns that are not there, with the nearest that are: what a store asks before it reads the columns that it is asked for.
///
/// # Errors
/// [`ErrorKind::Schema`] for the first of them.
pub fn check_columns<'a>(wanted: &[String], known: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let known: Vec<&str> = known.into_iter().collect();
    for name in wanted {
        if !known.contains(&name.as_str()) {
            let help = known_names(name, "columns", known.iter().copied());
            return Err(Error::new(ErrorKind::Schema, format!("there is no column `{name}`")).help(help));
        }
    }
    Ok(())
}

/// Refuses tables whose columns are not the same.
#[cfg_attr(not(any(feature = "arrow", feature = "polars")), expect(dead_code, reason = "only frame libraries have columns"))]
pub(crate) fn check_same_columns(first: &[Column], other: &[Column]) -> Result<()> {
    if first == other {
        return Ok(());
    }
    let list = |columns: &[Column]| {
        columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect::<Vec<_>>().join(", ")
    };
    let differ = first.iter().zip(other).find(|(first, other)| first != other);
    let message = match differ {
        Some((first, other)) if first.name == other.name => {
            format!("the column `{}` is {} in one table and {} in another", first.name, first.data_type, other.data_type)
        }
        Some((first, other)) => format!("one table has a column `{}` where another has `{}`", first.name, other.name),
        None => format!("one table has {} columns and another has {}", first.len(), other.len()),
    };
    let help = format!("all tables that are read as one need the same columns: ({}) and ({})", list(first), list(other));
    Err(Error::new(ErrorKind::Schema, message).help(help))
}

/// A table without rows or columns.
#[derive(Debug, Clone, Copy)]
pub struct EmptyTable;

impl TablePlan for EmptyTable {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn is_eager(&self) -> bool {
        true
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        Ok(Vec::new())
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Ok(Arc::new(*self))
    }

    fn preview(self: Box<Self>, _rows: usize) -> Result<Preview> {
        Ok(Preview { columns: Vec::new(), rows: Vec::new() })
    }
}

impl StoredRows for EmptyTable {
    fn table(&self, _columns: Option<&[String]>) -> Result<Table> {
        Ok(Table::empty())
    }

    fn rows(&self) -> u64 {
        0
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn columns(&self) -> Vec<Column> {
        Vec::new()
    }
}
