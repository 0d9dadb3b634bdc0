//! Single values in and out of SQL.

use ::duckdb::types::{TimeUnit, Value};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};

use crate::error::{Error, ErrorKind, Result};

/// A value for a `?` of a statement, or one that a query gave.
///
/// ```
/// use lakewright::duckdb::SqlValue;
///
/// assert_eq!(SqlValue::from(3), SqlValue::Int(3));
/// assert_eq!(SqlValue::from(None::<&str>), SqlValue::Null);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SqlValue {
    /// No value.
    Null,
    /// `BOOLEAN`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that does not fit in an `i64`.
    UInt(u64),
    /// `FLOAT` or `DOUBLE`.
    Float(f64),
    /// `VARCHAR`.
    Text(String),
    /// `BLOB`.
    Binary(Vec<u8>),
    /// `DATE`.
    Date(Date),
    /// `TIMESTAMP`, a time on a clock without a zone.
    DateTime(DateTime),
    /// An instant. It is handed to DuckDB as a `TIMESTAMP` in UTC, which `CAST(? AS TIMESTAMPTZ)` makes an instant again.
    Timestamp(Timestamp),
}

/// What [`Connection::query_value`](super::Connection::query_value) can return.
pub trait FromSql: Sized {
    /// The value, if it is one of this type.
    ///
    /// # Errors
    /// If it is not.
    fn from_sql(value: SqlValue) -> Result<Self>;
}

impl SqlValue {
    /// The value as the crate binds it.
    pub(super) fn bound(&self) -> Result<Value> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Boolean(*value),
            Self::Int(value) => Value::BigInt(*value),
            Self::UInt(value) => Value::UBigInt(*value),
            Self::Float(value) => Value::Double(*value),
            Self::Text(value) => Value::Text(value.clone()),
            Self::Binary(value) => Value::Blob(value.clone()),
            Self::Date(value) => Value::Date32(days(*value)?),
            Self::DateTime(value) => instant(value.to_zoned(TimeZone::UTC).map_err(out_of_range)?.timestamp())?,
            Self::Timestamp(value) => instant(*value)?,
        })
    }

    /// What a query gave.
    pub(super) fn found(value: Value) -> Result<Self> {
        let unreadable = |what: &str| {
            let message = format!("the query gave {what}, which is not read as a single value");
            Error::new(ErrorKind::Unsupported, message).help("cast it in the query, for example to `VARCHAR`")
        };
        Ok(match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Bool(value),
            Value::TinyInt(value) => Self::Int(value.into()),
            Value::SmallInt(value) => Self::Int(value.into()),
            Value::Int(value) => Self::Int(value.into()),
            Value::BigInt(value) => Self::Int(value),
            Value::UTinyInt(value) => Self::Int(value.into()),
            Value::USmallInt(value) => Self::Int(value.into()),
            Value::UInt(value) => Self::Int(value.into()),
            Value::UBigInt(value) => i64::try_from(value).map_or(Self::UInt(value), Self::Int),
            Value::HugeInt(value) => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => Self::Int(value),
                (_, Ok(value)) => Self::UInt(value),
                _ => return Err(unreadable("a number that is too large for 64 bits")),
            },
            Value::Float(value) => Self::Float(value.into()),
            Value::Double(value) => Self::Float(value),
            Value::Text(value) | Value::Enum(value) => Self::Text(value),
            Value::Blob(value) => Self::Binary(value),
            Value::Date32(days) => Self::Date(date(1970, 1, 1).checked_add(days.days()).map_err(out_of_range)?),
            Value::Timestamp(unit, value) => Self::DateTime(clock(unit, value)?),
            Value::Decimal(_) => return Err(unreadable("a decimal")),
            Value::Time64(..) => return Err(unreadable("a time of day")),
            Value::Interval { .. } => return Err(unreadable("an interval")),
            _ => return Err(unreadable("a value with others in it")),
        })
    }
}

fn days(value: Date) -> Result<i32> {
    Ok(date(1970, 1, 1).until((Unit::Day, value)).map_err(out_of_range)?.get_days())
}

fn out_of_range(error: jiff::Error) -> Error {
    Error::new(ErrorKind::Value, "a date or time is beyond the years that can be told").source(error)
}

/// Microseconds, unless there are digits that those do not have.
fn instant(value: Timestamp) -> Result<Value> {
    let nanoseconds = value.as_nanosecond();
    if nanoseconds % 1000 == 0 {
        return Ok(Value::Timestamp(TimeUnit::Microsecond, value.as_microsecond()));
    }
    let fits = i64::try_from(nanoseconds);
    let fits =
        fits.map_err(|_| Error::new(ErrorKind::Value, format!("DuckDB has no nanoseconds as far from 1970 as {value}")))?;
    Ok(Value::Timestamp(TimeUnit::Nanosecond, fits))
}

fn clock(unit: TimeUnit, value: i64) -> Result<DateTime> {
    let instant = match unit {
        TimeUnit::Second => Timestamp::from_second(value),
        TimeUnit::Millisecond => Timestamp::from_millisecond(value),
        TimeUnit::Microsecond => Timestamp::from_microsecond(value),
        TimeUnit::Nanosecond => Timestamp::from_nanosecond(value.into()),
    };
    Ok(instant.map_err(out_of_range)?.to_zoned(TimeZone::UTC).datetime())
}

macro_rules! values {
    ($($type:ty => $variant:ident,)*) => {
        $(impl From<$type> for SqlValue {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

values! {
    bool => Bool,
    i8 => Int,
    i16 => Int,
    i32 => Int,
    i64 => Int,
    u8 => Int,
    u16 => Int,
    u32 => Int,
    u64 => UInt,
    f32 => Float,
    f64 => Float,
    &str => Text,
    String => Text,
    Vec<u8> => Binary,
    Date => Date,
    DateTime => DateTime,
    Timestamp => Timestamp,
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

fn not_one(value: &SqlValue, wanted: &str) -> Error {
    Error::new(ErrorKind::Value, format!("the query gave {value:?} where {wanted} was asked for"))
}

impl FromSql for SqlValue {
    fn from_sql(value: SqlValue) -> Result<Self> {
        Ok(value)
    }
}

impl<T: FromSql> FromSql for Option<T> {
    fn from_sql(value: SqlValue) -> Result<Self> {
        if value == SqlValue::Null { Ok(None) } else { T::from_sql(value).map(Some) }
    }
}

macro_rules! read {
    ($($type:ty: $name:literal = $($pattern:pat => $value:expr),+;)*) => {
        $(impl FromSql for $type {
            fn from_sql(value: SqlValue) -> Result<Self> {
                match value {
                    $($pattern => Ok($value),)+
                    other => Err(not_one(&other, $name)),
                }
            }
        })*
    };
}

read! {
    bool: "a truth value" = SqlValue::Bool(value) => value;
    i64: "a whole number" = SqlValue::Int(value) => value;
    f64: "a number" = SqlValue::Float(value) => value;
    String: "a text" = SqlValue::Text(value) => value;
    Vec<u8>: "bytes" = SqlValue::Binary(value) => value;
    Date: "a date" = SqlValue::Date(value) => value;
    DateTime: "a time" = SqlValue::DateTime(value) => value;
}

impl FromSql for u64 {
    fn from_sql(value: SqlValue) -> Result<Self> {
        match value {
            SqlValue::UInt(value) => Ok(value),
            SqlValue::Int(number) => u64::try_from(number).map_err(|_| not_one(&value, "a number that is not negative")),
            other => Err(not_one(&other, "a whole number")),
        }
    }
}
