//! Arrow types in the words that declarations use.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Schema, TimeUnit as ArrowUnit};

use crate::columns::{ColumnType, FoundColumn, FoundType, TimeUnit};

/// The columns of a schema, with the nulls of batches if they are at hand.
pub(crate) fn found_columns(schema: &Schema, batches: Option<&[RecordBatch]>) -> Vec<FoundColumn> {
    let column = |(index, field): (usize, &std::sync::Arc<arrow::datatypes::Field>)| FoundColumn {
        name: field.name().clone(),
        data_type: found_type(field.data_type()),
        nulls: batches.map(|batches| batches.iter().map(|batch| batch.column(index).null_count() as u64).sum()),
    };
    schema.fields().iter().enumerate().map(column).collect()
}

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
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => ColumnType::Binary,
        DataType::Date32 => ColumnType::Date,
        DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(unit, zone) => match (found_unit(*unit), zone.as_deref()) {
            (Some(unit), None) => ColumnType::Datetime { unit, zone: None },
            (Some(unit), Some("UTC" | "+00:00" | "Z")) => ColumnType::Datetime { unit, zone: Some("UTC") },
            _ => return other(data_type),
        },
        DataType::Duration(unit) => match found_unit(*unit) {
            Some(unit) => ColumnType::Duration { unit },
            None => return other(data_type),
        },
        DataType::Decimal128(precision, scale) => match u8::try_from(*scale) {
            Ok(scale) => ColumnType::Decimal { precision: *precision, scale },
            Err(_) => return other(data_type),
        },
        DataType::List(field) | DataType::LargeList(field) | DataType::ListView(field) | DataType::LargeListView(field) => {
            return FoundType::List(Box::new(found_type(field.data_type())));
        }
        DataType::Struct(fields) => {
            return FoundType::Struct(fields.iter().map(|field| (field.name().clone(), found_type(field.data_type()))).collect());
        }
        _ => return other(data_type),
    })
}

fn other(data_type: &DataType) -> FoundType {
    FoundType::Other(data_type.to_string())
}

fn found_unit(unit: ArrowUnit) -> Option<TimeUnit> {
    match unit {
        ArrowUnit::Second => None,
        ArrowUnit::Millisecond => Some(TimeUnit::Milliseconds),
        ArrowUnit::Microsecond => Some(TimeUnit::Microseconds),
        ArrowUnit::Nanosecond => Some(TimeUnit::Nanoseconds),
    }
}
