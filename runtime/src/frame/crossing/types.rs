//! Which type of the one library holds the values of which type of the other.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use polars::prelude::TimeZone;

use crate::error::{Error, ErrorKind, Result};

/// The type of Arrow that Polars reads for a column of this type: the same where Polars has it, or one that holds every value.
///
/// Polars would do some of these conversions itself, but without looking for overflow.
pub(super) fn for_polars(data_type: &DataType) -> Result<DataType, String> {
    let nested = |field: &FieldRef| field_for_polars(field).map(Arc::new);
    Ok(match data_type {
        DataType::Timestamp(unit, zone) => {
            let known = TimeZone::opt_try_new(zone.as_deref().map(Into::<polars::prelude::PlSmallStr>::into));
            known.map_err(|_| format!("Polars does not know the time zone `{}`", zone.as_deref().unwrap_or_default()))?;
            DataType::Timestamp(at_least_milliseconds(*unit), zone.clone())
        }
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Nanosecond),
        DataType::Duration(unit) => DataType::Duration(at_least_milliseconds(*unit)),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            if !(1..=38).contains(precision) || !(0..=38).contains(scale) {
                return Err("Polars has decimals of up to 38 digits, of which none to 38 are behind the point".into());
            }
            DataType::Decimal128(*precision, *scale)
        }
        DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::List(field) => DataType::List(nested(field)?),
        DataType::LargeList(field) => DataType::LargeList(nested(field)?),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(nested(field)?, *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect::<Result<_, _>>()?),
        DataType::Dictionary(_, values) => match values.as_ref() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => data_type.clone(),
            other => for_polars(other)?,
        },
        DataType::Interval(_)
        | DataType::Map(..)
        | DataType::Union(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::RunEndEncoded(..) => return Err("Polars has no type for its values".into()),
        same => same.clone(),
    })
}

/// As [`for_polars`], with nothing beside the type but what Polars itself has noted: extension types cross as what they are
/// stored as.
pub(super) fn field_for_polars(field: &Field) -> Result<Field, String> {
    let noted = field.metadata().iter().filter(|(key, _)| key.starts_with("_PL_"));
    let noted: HashMap<String, String> = noted.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(Field::new(field.name(), for_polars(field.data_type())?, true).with_metadata(noted))
}

/// The type that the other users of Arrow read for a column that Polars exports as this type.
pub(super) fn for_arrow(data_type: &DataType) -> DataType {
    let nested = |field: &FieldRef| Arc::new(field_for_arrow(field));
    match data_type {
        DataType::List(field) => DataType::List(nested(field)),
        DataType::LargeList(field) => DataType::LargeList(nested(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(nested(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
        // Hardly anything reads dictionaries of views.
        DataType::Dictionary(keys, values) if **values == DataType::Utf8View => {
            DataType::Dictionary(keys.clone(), Box::new(DataType::Utf8))
        }
        same => same.clone(),
    }
}

/// As [`for_arrow`], for a field.
pub(super) fn field_for_arrow(field: &Field) -> Field {
    field.clone().with_data_type(for_arrow(field.data_type()))
}

/// The values of an array as another type; an error if one of them does not fit. Costs nothing if it is the type already.
pub(super) fn cast_exactly(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if array.data_type().equals_datatype(data_type) {
        return Ok(Arc::clone(array));
    }
    Ok(cast_with_options(array, data_type, &CastOptions { safe: false, ..CastOptions::default() })?)
}

/// The error for a column whose type the other library does not have.
pub(super) fn does_not_cross(column: &str, data_type: &dyn std::fmt::Display, why: impl Into<String>) -> Error {
    let message = format!("the column `{column}` of type {data_type} cannot be handed to the other frame library");
    Error::new(ErrorKind::Schema, message).help(format!("{}; cast the column to another type first", why.into()))
}

fn at_least_milliseconds(unit: TimeUnit) -> TimeUnit {
    if unit == TimeUnit::Second { TimeUnit::Millisecond } else { unit }
}
