//! Columns that are declared as types: what a row of a table is, as constant data that the compiler can compare.

mod check;
mod found;
mod text;
mod value;

use std::fmt;

pub use check::{check_column, check_partition_column, check_rows};
pub use found::{FoundColumn, FoundType};
use text::Text;
pub use value::ColumnValue;

/// A struct that declares the columns of a table, one for each field.
///
/// It is derived, and need never be filled: it says what the rows of a [`Rows`](crate::Rows) are.
///
/// ```
/// use lakewright::columns::ColumnType;
/// use lakewright::prelude::*;
///
/// #[derive(Columns)]
/// struct Reading {
///     station: String,
///     day: lakewright::jiff::civil::Date,
///     max: Option<f64>,
///     #[column(name = "type")]
///     kind: String,
///     #[column(decimal(10, 2))]
///     price: f64,
/// }
///
/// let names: Vec<_> = Reading::COLUMNS.iter().map(|column| column.name).collect();
/// assert_eq!(names, ["station", "day", "max", "type", "price"]);
/// assert!(Reading::COLUMNS[2].nullable);
/// assert_eq!(Reading::COLUMNS[4].data_type, ColumnType::Decimal { precision: 10, scale: 2 });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no columns",
    label = "not a row",
    note = "the rows of a table are declared by a struct with `#[derive(Columns)]`"
)]
pub trait Columns {
    /// The columns, in the order of the fields.
    const COLUMNS: &'static [ColumnDef];

    /// Whether the declaration has a mistake that has been reported, so that nothing is checked against it.
    #[doc(hidden)]
    const MISTAKEN: bool = false;
}

/// A declared column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub data_type: ColumnType,
    /// Whether it may hold nulls.
    pub nullable: bool,
}

impl ColumnDef {
    /// A column for a field of this type.
    #[must_use]
    pub const fn of<T: ColumnValue>(name: &'static str) -> Self {
        Self { name, data_type: T::TYPE, nullable: T::NULLABLE }
    }

    /// The same column, as a decimal.
    #[must_use]
    pub const fn decimal(self, precision: u8, scale: u8) -> Self {
        Self { data_type: ColumnType::Decimal { precision, scale }, ..self }
    }
}

/// The type of a column, in no frame library's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// `true` or `false`.
    Bool,
    /// 8 bits, signed.
    Int8,
    /// 16 bits, signed.
    Int16,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// 8 bits, unsigned.
    UInt8,
    /// 16 bits, unsigned.
    UInt16,
    /// 32 bits, unsigned.
    UInt32,
    /// 64 bits, unsigned.
    UInt64,
    /// 32 bits, with a floating point.
    Float32,
    /// 64 bits, with a floating point.
    Float64,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// A day of the calendar.
    Date,
    /// A time of day.
    Time,
    /// A day and a time.
    Datetime {
        /// What it counts.
        unit: TimeUnit,
        /// `UTC` for a moment; nothing for what a clock shows, wherever it hangs.
        zone: Option<&'static str>,
    },
    /// A span of time.
    Duration {
        /// What it counts.
        unit: TimeUnit,
    },
    /// A number with a fixed number of digits.
    Decimal {
        /// All digits, at most 38.
        precision: u8,
        /// Those after the point.
        scale: u8,
    },
    /// Any number of values of one type. Whether they may be null is not told apart.
    List(&'static ColumnType),
    /// Several values, each with a name. Whether they may be null is not told apart.
    Struct(&'static [ColumnDef]),
}

/// What a datetime or a duration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

/// As messages name it: `Int64`, `Datetime(us, UTC)`, `Struct(x: Float64, y: Float64)`.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Text::new().with_type(self).as_str())
    }
}
