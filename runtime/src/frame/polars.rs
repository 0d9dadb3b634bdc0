//! Polars: `DataFrame` and `LazyFrame`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    AnyValue, Column as PolarsColumn, DataFrame, DataType, Field, IntoLazy, LazyFrame, PlSmallStr, PolarsError, Schema,
    TimeUnit as PolarsUnit, TimeZone, UnionArgs, concat,
};

pub(crate) use super::check_columns;
#[cfg(feature = "arrow")]
use super::crossing::{interchange, into_polars, into_polars_in};
use super::{EmptyTable, Frame, Preview, SpoolFile, StoredRows, Table, TablePlan, check_same_columns};
use crate::columns::{ColumnDef, ColumnType, FoundColumn, FoundType, TimeUnit};
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

    fn found_columns(&mut self) -> Result<Option<Vec<FoundColumn>>> {
        Ok(Some(match self {
            Self::Eager(frame) => {
                let column = |column: &PolarsColumn| found(column.name(), column.dtype(), Some(column.null_count() as u64));
                frame.columns().iter().map(column).collect()
            }
            Self::Lazy(plan) => plan.collect_schema()?.iter().map(|(name, data_type)| found(name, data_type, None)).collect(),
        }))
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

    fn share(&self) -> Option<Arc<dyn StoredRows>> {
        match self {
            Self::Eager(frame) => Some(Arc::new(frame.clone())),
            Self::Lazy(_) => None,
        }
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

fn found(name: &PlSmallStr, data_type: &DataType, nulls: Option<u64>) -> FoundColumn {
    FoundColumn { name: name.to_string(), data_type: found_type(data_type), nulls }
}

/// A Polars type, in the words that declarations use.
fn found_type(data_type: &DataType) -> FoundType {
    FoundType::Plain(match data_type {
        DataType::Boolean => ColumnType::Bool,
        DataType::Int8 => ColumnType::Int8,
        DataType::Int16 => ColumnType::Int16,
        DataType::Int32 => ColumnType::Int32,
        DataType::Int64 => ColumnType::Int64,
        DataType::UInt8 => ColumnType::UInt8,
        DataType::UInt16 => ColumnType::UInt16,
        DataType::UInt32 => ColumnType::UInt32,
        DataType::UInt64 => ColumnType::UInt64,
        DataType::Float32 => ColumnType::Float32,
        DataType::Float64 => ColumnType::Float64,
        DataType::String => ColumnType::Text,
        DataType::Binary => ColumnType::Binary,
        DataType::Date => ColumnType::Date,
        DataType::Time => ColumnType::Time,
        DataType::Datetime(unit, None) => ColumnType::Datetime { unit: found_unit(*unit), zone: None },
        DataType::Datetime(unit, Some(zone)) if zone.as_str() == "UTC" => {
            ColumnType::Datetime { unit: found_unit(*unit), zone: Some("UTC") }
        }
        DataType::Duration(unit) => ColumnType::Duration { unit: found_unit(*unit) },
        DataType::List(element) => return FoundType::List(Box::new(found_type(element))),
        DataType::Struct(fields) => {
            let field = |field: &Field| (field.name().to_string(), found_type(field.dtype()));
            return FoundType::Struct(fields.iter().map(field).collect());
        }
        DataType::Decimal(precision, scale) => match (u8::try_from(*precision), u8::try_from(*scale)) {
            (Ok(precision), Ok(scale)) => ColumnType::Decimal { precision, scale },
            _ => return FoundType::Other(data_type.to_string()),
        },
        other => return FoundType::Other(other.to_string()),
    })
}

fn found_unit(unit: PolarsUnit) -> TimeUnit {
    match unit {
        PolarsUnit::Milliseconds => TimeUnit::Milliseconds,
        PolarsUnit::Microseconds => TimeUnit::Microseconds,
        PolarsUnit::Nanoseconds => TimeUnit::Nanoseconds,
    }
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
            Err(other) if other.is::<EmptyTable>() => Ok(PolarsTable::Eager(DataFrame::default())),
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
            Err(other) if other.is::<EmptyTable>() => Ok((PolarsTable::Eager(DataFrame::default()), None)),
            Err(other) => into_polars_in(other, spool),
        }
    }
}

/// Without Arrow there is no form that frame libraries have in common.
#[cfg(not(feature = "arrow"))]
#[expect(clippy::needless_pass_by_value, reason = "with Arrow it is converted")]
fn interchange(table: PolarsTable) -> Result<Table> {
    Err(no_arrow(table.name()))
}

#[cfg(not(feature = "arrow"))]
#[expect(clippy::needless_pass_by_value, reason = "with Arrow it is converted")]
fn into_polars(table: Table) -> Result<PolarsTable> {
    Err(no_arrow(table.plan.name()))
}

#[cfg(not(feature = "arrow"))]
#[expect(clippy::needless_pass_by_value, reason = "with Arrow it is converted")]
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
        if let PolarsError::IO { error: io, .. } = root
            && let Some(error) = crate::io::storage::error_of(io)
        {
            return error;
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

/// A table of declared columns without rows, if Polars has types for all of them.
pub(super) fn without_rows(columns: &[ColumnDef]) -> Option<Table> {
    let schema: Schema = columns.iter().map(declared_field).collect::<Option<_>>()?;
    Some(Table::new(PolarsTable::Eager(DataFrame::empty_with_schema(&schema))))
}

/// A declared column as Polars has it.
pub(crate) fn declared_field(column: &ColumnDef) -> Option<Field> {
    Some(Field::new(column.name.into(), declared_type(&column.data_type)?))
}

fn declared_type(declared: &ColumnType) -> Option<DataType> {
    let unit = |unit: TimeUnit| match unit {
        TimeUnit::Milliseconds => PolarsUnit::Milliseconds,
        TimeUnit::Microseconds => PolarsUnit::Microseconds,
        TimeUnit::Nanoseconds => PolarsUnit::Nanoseconds,
    };
    Some(match declared {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int8 => DataType::Int8,
        ColumnType::Int16 => DataType::Int16,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::UInt8 => DataType::UInt8,
        ColumnType::UInt16 => DataType::UInt16,
        ColumnType::UInt32 => DataType::UInt32,
        ColumnType::UInt64 => DataType::UInt64,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Text => DataType::String,
        ColumnType::Binary => DataType::Binary,
        ColumnType::Date => DataType::Date,
        ColumnType::Time => DataType::Time,
        ColumnType::Datetime { unit: counted, zone: None } => DataType::Datetime(unit(*counted), None),
        ColumnType::Datetime { unit: counted, zone: Some(zone) } => {
            DataType::Datetime(unit(*counted), TimeZone::opt_try_new(Some(*zone)).ok()?)
        }
        ColumnType::Duration { unit: counted } => DataType::Duration(unit(*counted)),
        ColumnType::Decimal { precision, scale } => DataType::Decimal((*precision).into(), (*scale).into()),
        ColumnType::List(element) => DataType::List(Box::new(declared_type(element)?)),
        ColumnType::Struct(fields) => DataType::Struct(fields.iter().map(declared_field).collect::<Option<_>>()?),
    })
}
