//! Which Rust type is which column type.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::{ColumnType, Columns, TimeUnit};

/// A type that a field of a [`Columns`] struct may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of a column",
    label = "no column type",
    note = "columns are `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64`, `String`, `Vec<u8>` (binary), `jiff::civil::Date`, `Time` and `DateTime`, `jiff::Timestamp` (UTC), `jiff::SignedDuration`, a struct that derives `Columns`, a `Vec<…>` of one of these, or an `Option<…>` if there may be nulls"
)]
pub trait ColumnValue {
    /// The type of the column.
    const TYPE: ColumnType;

    /// Whether it may hold nulls.
    const NULLABLE: bool = false;

    /// The type of a `Vec` of these: a list, except that bytes are binary.
    #[doc(hidden)]
    const OF_VEC: ColumnType = ColumnType::List(&Self::TYPE);
}

macro_rules! columns {
    ($($rust:ty => $column:expr;)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl ColumnValue for $rust {
                const TYPE: ColumnType = $column;
            }
        )*
    };
}

const UNIT: TimeUnit = TimeUnit::Microseconds;

columns! {
    bool => ColumnType::Bool;
    i8 => ColumnType::Int8;
    i16 => ColumnType::Int16;
    i32 => ColumnType::Int32;
    i64 => ColumnType::Int64;
    u16 => ColumnType::UInt16;
    u32 => ColumnType::UInt32;
    u64 => ColumnType::UInt64;
    f32 => ColumnType::Float32;
    f64 => ColumnType::Float64;
    String => ColumnType::Text;
    &'static str => ColumnType::Text;
    Date => ColumnType::Date;
    Time => ColumnType::Time;
    DateTime => ColumnType::Datetime { unit: UNIT, zone: None };
    Timestamp => ColumnType::Datetime { unit: UNIT, zone: Some("UTC") };
    SignedDuration => ColumnType::Duration { unit: UNIT };
}

#[diagnostic::do_not_recommend]
impl ColumnValue for u8 {
    const TYPE: ColumnType = ColumnType::UInt8;
    const OF_VEC: ColumnType = ColumnType::Binary;
}

#[diagnostic::do_not_recommend]
impl<T: ColumnValue> ColumnValue for Vec<T> {
    const TYPE: ColumnType = T::OF_VEC;
}

#[diagnostic::do_not_recommend]
impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
}

#[diagnostic::do_not_recommend]
impl<T: Columns> ColumnValue for T {
    const TYPE: ColumnType = ColumnType::Struct(T::COLUMNS);
}
