//! Polars: `DataFrame` and `LazyFrame`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    AnyValue, Column as PolarsColumn, DataFrame, IntoLazy, LazyFrame, PlSmallStr, PolarsError, Schema, UnionArgs, concat,
};

pub(crate) use super::check_columns;
#[cfg(feature = "arrow")]
use super::crossing::{interchange, into_polars, into_polars_in};
use super::{Frame, Preview, SpoolFile, StoredRows, Table, TablePlan, check_same_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// A table as Polars has it.
pub enum PolarsTable {
    /// Rows in memory.
    Eager(DataFrame),
    /// A plan, nothing of which has been read.
    Lazy(Box<LazyFrame>),
}

impl PolarsTable {
    /// The table as a plan; costs nothing.
    pub fn into_lazy(self) -> LazyFrame {
        match self {
            Self::Eager(frame) => frame.lazy(),
            Self::Lazy(plan) => *plan,
        }
    }

    /// The table in memory. Blocks while a plan is computed.
    ///
    /// # Errors
    /// If the plan fails.
    pub fn into_eager(self) -> Result<DataFrame> {
        match self {
            Self::Eager(frame) => Ok(frame),
            Self::Lazy(plan) => Ok(plan.collect()?),
        }
    }
}

impl TablePlan for PolarsTable {
    fn name(&self) -> &'static str {
        match self {
            Self::Eager(_) => "a Polars `DataFrame`",
            Self::Lazy(_) => "a Polars `LazyFrame`",
        }
    }

    fn is_eager(&self) -> bool {
        matches!(self, Self::Eager(_))
    }

    fn schema(&mut self) -> Result<Vec<Column>> {
        match self {
            Self::Eager(frame) => Ok(columns_of(frame.schema())),
            Self::Lazy(plan) => Ok(columns_of(&*plan.collect_schema()?)),
        }
    }

    fn materialize(self: Box<Self>) -> Result<Arc<dyn StoredRows>> {
        Ok(Arc::new(self.into_eager()?))
    }

    fn preview(self: Box<Self>, rows: usize) -> Result<Preview> {
        let limit = rows.try_into().unwrap_or(u32::MAX);
        let first = self.into_lazy().limit(limit).collect()?;
        let cell = |column: &PolarsColumn, row: usize| -> Result<String> {
            Ok(match column.get(row)? {
                AnyValue::String(text) => text.to_owned(),
                AnyValue::StringOwned(text) => text.to_string(),
                other => other.to_string(),
            })
        };
        let row = |row: usize| first.columns().iter().map(|column| cell(column, row)).collect::<Result<Vec<_>>>();
        Ok(Preview { columns: columns_of(first.schema()), rows: (0..first.height()).map(row).collect::<Result<_>>()? })
    }

    fn interchange(self: Box<Self>) -> Result<Table> {
        interchange(*self)
    }

    fn concat(mut self: Box<Self>, others: Vec<Table>) -> Result<Table> {
        if !others.iter().all(Table::is::<Self>) {
            return Table::concat([self.interchange()?].into_iter().chain(others).collect());
        }
        let columns = self.schema()?;
        let mut plans = vec![self.into_lazy()];
        for other in others {
            let mut other: Self = other.downcast()?;
            check_same_columns(&columns, &other.schema()?)?;
            plans.push(other.into_lazy());
        }
        Ok(concat(plans, UnionArgs { strict: true, ..UnionArgs::default() })?.into_table())
    }
}

impl StoredRows for DataFrame {
    fn table(&self, columns: Option<&[String]>) -> Result<Table> {
        let Some(columns) = columns else { return Ok(self.clone().into_table()) };
        check_columns(columns, self.schema().iter_names().map(PlSmallStr::as_str))?;
        Ok(self.select(columns.iter().map(String::as_str))?.into_table())
    }

    fn rows(&self) -> u64 {
        self.height() as u64
    }

    fn bytes(&self) -> u64 {
        self.estimated_size() as u64
    }

    fn columns(&self) -> Vec<Column> {
        columns_of(self.schema())
    }
}

/// The columns of a Polars schema, with the types as Polars writes them.
pub(crate) fn columns_of(schema: &Schema) -> Vec<Column> {
    schema.iter().map(|(name, data_type)| Column::new(name.as_str(), data_type.to_string())).collect()
}

impl fmt::Debug for PolarsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eager(frame) => write!(f, "Eager({} rows, {} columns)", frame.height(), frame.width()),
            Self::Lazy(_) => f.write_str("Lazy"),
        }
    }
}

impl Table {
    /// The table as Polars has it, computing nothing if it is a Polars table.
    ///
    /// Arrow batches cross without being copied. A stream of batches and a DataFusion plan never become whole in memory: they
    /// are written to a file in the system's folder for temporary files, which the frame scans. Nobody else sees that file; the
    /// system frees its space when the last frame that reads it is gone.
    ///
    /// Streams are read here, so call it where blocking is allowed, inside of a tokio runtime (`spawn_blocking`).
    ///
    /// # Errors
    /// If a column is of a type that Polars does not have, a stream fails, or there is no runtime to read it in.
    pub fn into_polars(self) -> Result<PolarsTable> {
        match self.try_downcast() {
            Ok(table) => Ok(table),
            Err(other) => into_polars(other),
        }
    }

    /// As [`Table::into_polars`], with the file in this folder, where it has a name until the [`SpoolFile`] is dropped.
    ///
    /// The frame scans the file by its name, so keep the [`SpoolFile`] until the frame has been computed. The folder is made if
    /// it is needed and not there; a stream that fails leaves no file behind.
    ///
    /// # Errors
    /// As [`Table::into_polars`].
    pub fn into_polars_in(self, spool: &Path) -> Result<(PolarsTable, Option<SpoolFile>)> {
        match self.try_downcast() {
            Ok(table) => Ok((table, None)),
            Err(other) => into_polars_in(other, spool),
        }
    }
}

/// Without Arrow there is no form that frame libraries have in common.
#[cfg(not(feature = "arrow"))]
fn interchange(table: PolarsTable) -> Result<Table> {
    Err(no_arrow(table.name()))
}

#[cfg(not(feature = "arrow"))]
fn into_polars(table: Table) -> Result<PolarsTable> {
    Err(no_arrow(table.plan.name()))
}

#[cfg(not(feature = "arrow"))]
fn into_polars_in(table: Table, _spool: &Path) -> Result<(PolarsTable, Option<SpoolFile>)> {
    Err(no_arrow(table.plan.name()))
}

#[cfg(not(feature = "arrow"))]
fn no_arrow(name: &str) -> Error {
    let message = format!("a table made of {name} does not convert to another");
    Error::new(ErrorKind::Internal, message).help("turn on the feature `arrow` of lakewright")
}

impl Frame for DataFrame {
    fn into_table(self) -> Table {
        Table::new(PolarsTable::Eager(self))
    }

    fn from_table(table: Table) -> Result<Self> {
        let table = match table.try_downcast::<PolarsTable>() {
            Ok(table) => table,
            // The rows are to be in memory anyway, so no file is needed in between.
            Err(other) if other.is_eager() => other.into_polars()?,
            Err(other) => other.materialize()?.table(None)?.into_polars()?,
        };
        table.into_eager()
    }
}

impl Frame for LazyFrame {
    fn into_table(self) -> Table {
        Table::new(PolarsTable::Lazy(Box::new(self)))
    }

    fn from_table(table: Table) -> Result<Self> {
        Ok(table.into_polars()?.into_lazy())
    }
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        let mut root = &error;
        while let PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } = root {
            root = error;
        }
        let kind = match root {
            PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_) | PolarsError::SchemaMismatch(_) => {
                ErrorKind::Schema
            }
            PolarsError::IO { .. } => ErrorKind::Io,
            _ => ErrorKind::Value,
        };
        Error::new(kind, first_line(&error.to_string())).source(error)
    }
}

/// Polars appends the resolved plan to its messages, which is pages long.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
