//! Arrow types in the words that declarations use, so that a declared column is the same column whatever a frame is made of.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit as ArrowUnit};

use crate::columns::{ColumnType, FoundColumn, FoundType, TimeUnit};

/// The columns of a schema; nulls are counted if the rows are in memory.
pub(crate) fn found_columns(schema: &Schema, batches: Option<&[RecordBatch]>) -> Vec<FoundColumn> {
    let column = |(index, field): (usize, &std::sync::Arc<Field>)| {
        let count = |batch: &RecordBatch| batch.columns().get(index).map_or(0, |array| array.logical_null_count() as u64);
        let nulls = batches.map(|batches| batches.iter().map(count).sum());
        FoundColumn { name: field.name().clone(), data_type: found_type(field.data_type()), nulls }
    };
    schema.fields().iter().enumerate().map(column).collect()
}

/// The type that other frames and stores have for such a column.
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
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnType::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => ColumnType::Binary,
        DataType::Date32 => ColumnType::Date,
        DataType::Date64 => ColumnType::Datetime { unit: TimeUnit::Milliseconds, zone: None },
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(unit, None) => ColumnType::Datetime { unit: found_unit(*unit), zone: None },
        DataType::Timestamp(unit, Some(zone)) if matches!(&**zone, "UTC" | "utc" | "+00:00" | "00:00") => {
            ColumnType::Datetime { unit: found_unit(*unit), zone: Some("UTC") }
        }
        DataType::Duration(unit) => ColumnType::Duration { unit: found_unit(*unit) },
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => match u8::try_from(*scale) {
            Ok(scale) => ColumnType::Decimal { precision: *precision, scale },
            Err(_) => return FoundType::Other(data_type.to_string()),
        },
        DataType::List(element) | DataType::LargeList(element) => {
            return FoundType::List(Box::new(found_type(element.data_type())));
        }
        DataType::Struct(fields) => {
            return FoundType::Struct(fields.iter().map(|field| (field.name().clone(), found_type(field.data_type()))).collect());
        }
        other => return FoundType::Other(other.to_string()),
    })
}

/// Nobody else has seconds.
fn found_unit(unit: ArrowUnit) -> TimeUnit {
    match unit {
        ArrowUnit::Second | ArrowUnit::Millisecond => TimeUnit::Milliseconds,
        ArrowUnit::Microsecond => TimeUnit::Microseconds,
        ArrowUnit::Nanosecond => TimeUnit::Nanoseconds,
    }
}
