//! Which type of DuckDB holds the values of which type of Arrow, both ways; what does not survive is an error.

use std::collections::HashSet;
use std::sync::Arc;

use ::duckdb::core::{LogicalTypeHandle, LogicalTypeId};
use arrow::array::{Array, ArrayRef, AsArray, DurationMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Decimal128Type, DurationMicrosecondType, DurationNanosecondType, Field, Fields, IntervalMonthDayNanoType,
    IntervalUnit, Schema, TimeUnit,
};

use crate::error::{Error, ErrorKind, Result};

/// A name as SQL has it, whatever is in it.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns that DuckDB is handed for these.
pub(super) fn schema_for_duckdb(schema: &Schema) -> Result<Schema> {
    if schema.fields().is_empty() {
        return Err(Error::new(ErrorKind::Schema, "a table without columns cannot be in DuckDB"));
    }
    distinct(schema.fields(), "columns").map_err(|message| Error::new(ErrorKind::Schema, message))?;
    let field = |field: &Arc<Field>| {
        let refused = |why: String| {
            let message = format!("the column `{}` of type {} cannot be in DuckDB", field.name(), field.data_type());
            Error::new(ErrorKind::Schema, message).help(format!("{why}; cast the column to another type first"))
        };
        Ok(Field::new(field.name(), for_duckdb(field.data_type(), true).map_err(refused)?, true))
    };
    Ok(Schema::new(schema.fields().iter().map(field).collect::<Result<Vec<_>>>()?))
}

/// DuckDB does not tell `A` from `a`.
fn distinct(fields: &Fields, what: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    match fields.iter().find(|field| !seen.insert(field.name().to_ascii_lowercase())) {
        Some(field) => {
            Err(format!("two {what} are named `{}`, or differ only in case, which DuckDB does not tell apart", field.name()))
        }
        None => Ok(()),
    }
}

/// The type that DuckDB is handed for a type: the same where it keeps every value, or one that holds them all.
fn for_duckdb(data_type: &DataType, top: bool) -> Result<DataType, String> {
    let nested = |field: &Field| Ok(Arc::new(Field::new(field.name(), for_duckdb(field.data_type(), false)?, true)));
    Ok(match data_type {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_)
        | DataType::Date32
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(_, None)
        // What comes back of a zone is an instant in UTC.
        | DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => data_type.clone(),
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(_, Some(zone)) => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone))),
        DataType::Duration(_) if top => DataType::Duration(TimeUnit::Microsecond),
        DataType::Duration(_) => {
            return Err("DuckDB has durations as intervals, which are not read back from inside other values".into());
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            if *precision > 38 || *scale < 0 || u8::try_from(*scale).is_ok_and(|scale| scale > *precision) {
                return Err("DuckDB has decimals of up to 38 digits, of which none to all are behind the point".into());
            }
            DataType::Decimal128(*precision, *scale)
        }
        DataType::List(field) => DataType::List(nested(field)?),
        DataType::LargeList(field) => DataType::LargeList(nested(field)?),
        DataType::FixedSizeList(_, size) if *size < 1 => return Err("DuckDB has no arrays without elements".into()),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(nested(field)?, *size),
        DataType::Struct(fields) if fields.is_empty() => return Err("DuckDB has no structs without fields".into()),
        DataType::Struct(fields) => {
            distinct(fields, "fields")?;
            DataType::Struct(fields.iter().map(|field| nested(field)).collect::<Result<_, String>>()?)
        }
        DataType::Dictionary(_, values) => for_duckdb(values, top)?,
        DataType::RunEndEncoded(_, values) => for_duckdb(values.data_type(), top)?,
        DataType::Null => return Err("a column of nothing but nulls has no type".into()),
        DataType::Interval(_) | DataType::Map(..) | DataType::Union(..) | DataType::ListView(_) | DataType::LargeListView(_) => {
            return Err("it would not come back as it was".into());
        }
    })
}

/// The values as the type that [`schema_for_duckdb`] has for them; costs nothing where that is the type already.
pub(super) fn to_duckdb(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let array = as_held(array, field)?;
    if let Some(durations) = array.as_primitive_opt::<DurationMicrosecondType>()
        && let Some(long) = durations.iter().flatten().find(|value| value.unsigned_abs() > MOST_MICROSECONDS)
    {
        let message = format!("the duration of {long} microseconds in the column `{}` would not come back", field.name());
        return Err(Error::new(ErrorKind::Value, message).help("DuckDB hands out durations of up to 292 years"));
    }
    Ok(array)
}

/// The longest duration that DuckDB hands out: as nanoseconds.
const MOST_MICROSECONDS: u64 = i64::MAX as u64 / 1000;

fn as_held(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if array.data_type().equals_datatype(field.data_type()) {
        return Ok(Arc::clone(array));
    }
    if let Some(durations) = array.as_primitive_opt::<DurationNanosecondType>()
        && let Some(lost) = durations.iter().flatten().find(|value| value % 1000 != 0)
    {
        let message =
            format!("the duration of {lost} nanoseconds in the column `{}` has digits that DuckDB does not keep", field.name());
        return Err(Error::new(ErrorKind::Value, message).help("DuckDB has microseconds: round the column first"));
    }
    cast(array, field.data_type()).map_err(|error| error.with("column", field.name()))
}

fn cast(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(array, data_type, &CastOptions { safe: false, ..CastOptions::default() })?)
}

/// The columns of a query as frames have them.
pub(super) fn schema_of_query(schema: &Schema) -> Result<Schema> {
    let field = |field: &Arc<Field>| {
        let data_type = match field.data_type() {
            DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Duration(TimeUnit::Microsecond),
            other if has_interval(other) => {
                let message = format!("the column `{}` has intervals inside other values, which no frame reads", field.name());
                return Err(Error::new(ErrorKind::Schema, message).help("cast them in the query, for example to `VARCHAR`"));
            }
            other => other.clone(),
        };
        Ok(Field::new(field.name(), data_type, true))
    };
    Ok(Schema::new(schema.fields().iter().map(field).collect::<Result<Vec<_>>>()?))
}

fn has_interval(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) | DataType::Map(field, _) => {
            has_interval(field.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_interval(field.data_type())),
        _ => false,
    }
}

/// The values of a query as the type that [`schema_of_query`] has for them.
pub(super) fn from_query(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if let Some(intervals) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let duration = |value: Option<arrow::datatypes::IntervalMonthDayNano>| {
            let Some(value) = value else { return Ok(None) };
            let days = i64::from(value.days).checked_mul(DAY);
            let whole = days.and_then(|days| days.checked_add(value.nanoseconds / 1000));
            whole.filter(|_| value.months == 0).map(Some).ok_or_else(|| {
                let message = format!("the column `{}` has an interval with months, which is no duration", field.name());
                Error::new(ErrorKind::Value, message).help("cast the column in the query, for example to `VARCHAR`")
            })
        };
        let durations = intervals.iter().map(duration).collect::<Result<DurationMicrosecondArray>>()?;
        return Ok(Arc::new(durations));
    }
    // DuckDB's widest integers come as such decimals, and have values that those have not.
    if let (Some(numbers), DataType::Decimal128(38, 0)) = (array.as_primitive_opt::<Decimal128Type>(), array.data_type())
        && numbers.validate_decimal_precision(38).is_err()
    {
        let message = format!("the column `{}` has a number of more than 38 digits", field.name());
        return Err(Error::new(ErrorKind::Value, message).help("cast the column in the query, for example to `DOUBLE`"));
    }
    Ok(Arc::clone(array))
}

/// Refuses types whose values DuckDB hands over as something else.
pub(super) fn check_readable(column: &str, data_type: &LogicalTypeHandle) -> Result<()> {
    let lost = match data_type.id() {
        LogicalTypeId::UHugeint => "UHUGEINT",
        LogicalTypeId::TimeTZ => "TIME WITH TIME ZONE",
        LogicalTypeId::Bit => "BIT",
        LogicalTypeId::Bignum => "BIGNUM",
        LogicalTypeId::List | LogicalTypeId::Struct | LogicalTypeId::Array | LogicalTypeId::Map => {
            return (0..data_type.num_children()).try_for_each(|index| check_readable(column, &data_type.child(index)));
        }
        _ => return Ok(()),
    };
    let message = format!("the column `{column}` has values of the type {lost}, which no frame has");
    Err(Error::new(ErrorKind::Schema, message).help("cast the column in the query, for example to `VARCHAR`"))
}
