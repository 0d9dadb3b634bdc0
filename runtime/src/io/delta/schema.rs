//! Polars types and Delta types, both ways, and what has to be cast on the way in.
//!
//! Delta has no unsigned, categorical or nanosecond types. Those are written as the nearest type that holds every value, and a
//! value that would not survive is an error. What has no such type is refused.

use deltalake_core::kernel::{ArrayType, DataType as DeltaType, PrimitiveType, StructField, StructType};
use polars::prelude::{
    Column as PolarsColumn, DataType, Expr, Field, Int64Chunked, PolarsResult, Schema, TimeUnit, TimeZone, col, polars_bail,
};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// How one column of a frame is written.
pub(super) struct Written {
    /// The column as the table has it.
    pub(super) field: StructField,
    /// The type that the data files have.
    pub(super) polars: DataType,
    /// The column as it is selected from the frame.
    pub(super) expr: Expr,
}

/// How the columns of a frame are written.
pub(super) fn written(schema: &Schema) -> Result<Vec<Written>> {
    schema
        .iter()
        .map(|(name, data_type)| {
            let Some((delta, polars)) = to_delta(data_type) else {
                let message = format!("Delta has no type for the column `{name}`, which is `{data_type}`");
                return Err(Error::new(ErrorKind::Value, message).help("cast the column to a type that Delta has"));
            };
            let field = StructField::nullable(name.as_str(), delta);
            Ok(Written { field, expr: cast(name, data_type, &polars), polars })
        })
        .collect()
}

/// The Delta type of a Polars type, and the Polars type that is written for it.
fn to_delta(data_type: &DataType) -> Option<(DeltaType, DataType)> {
    let as_is = |delta| Some((delta, data_type.clone()));
    match data_type {
        DataType::Boolean => as_is(DeltaType::BOOLEAN),
        DataType::Int8 => as_is(DeltaType::BYTE),
        DataType::Int16 => as_is(DeltaType::SHORT),
        DataType::Int32 => as_is(DeltaType::INTEGER),
        DataType::Int64 => as_is(DeltaType::LONG),
        DataType::UInt8 => Some((DeltaType::SHORT, DataType::Int16)),
        DataType::UInt16 => Some((DeltaType::INTEGER, DataType::Int32)),
        DataType::UInt32 | DataType::UInt64 => Some((DeltaType::LONG, DataType::Int64)),
        DataType::Float32 => as_is(DeltaType::FLOAT),
        DataType::Float64 => as_is(DeltaType::DOUBLE),
        DataType::String => as_is(DeltaType::STRING),
        DataType::Categorical(..) | DataType::Enum(..) => Some((DeltaType::STRING, DataType::String)),
        DataType::Binary => as_is(DeltaType::BINARY),
        DataType::Date => as_is(DeltaType::DATE),
        DataType::Datetime(_, None) => Some((DeltaType::TIMESTAMP_NTZ, DataType::Datetime(TimeUnit::Microseconds, None))),
        DataType::Datetime(_, Some(_)) => Some((DeltaType::TIMESTAMP, utc())),
        DataType::Decimal(precision, scale) => {
            let delta = DeltaType::decimal(u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?).ok()?;
            as_is(delta)
        }
        DataType::List(inner) => {
            let (delta, polars) = nested(inner)?;
            Some((ArrayType::new(delta, true).into(), DataType::List(Box::new(polars))))
        }
        // Polars relabels the values of an array when it casts one to a list, so only those that stay as they are are taken.
        DataType::Array(inner, _) => {
            let (delta, polars) = nested(inner)?;
            (polars == **inner).then(|| (ArrayType::new(delta, true).into(), DataType::List(Box::new(polars))))
        }
        DataType::Struct(fields) => {
            let fields: Option<Vec<_>> = fields.iter().map(|field| Some((field.name(), nested(field.dtype())?))).collect();
            let fields = fields?;
            let delta = DeltaType::try_struct_type(
                fields.iter().map(|(name, (delta, _))| StructField::nullable(name.as_str(), delta.clone())),
            );
            let polars = fields.iter().map(|(name, (_, polars))| Field::new((*name).clone(), polars.clone())).collect();
            Some((delta.ok()?, DataType::Struct(polars)))
        }
        // Int128, Float16, Time, Duration and Null have no counterpart, and types that Polars adds later are not guessed at.
        _ => None,
    }
}

/// As [`to_delta`] for a type inside another. Nanoseconds are refused there: whether they are whole microseconds is only looked
/// at in columns.
fn nested(data_type: &DataType) -> Option<(DeltaType, DataType)> {
    match data_type {
        DataType::Datetime(TimeUnit::Nanoseconds, _) => None,
        other => to_delta(other),
    }
}

/// The Polars type that a column of a table is read as.
pub(super) fn to_polars(data_type: &DeltaType) -> Option<DataType> {
    Some(match data_type {
        DeltaType::Primitive(primitive) => match primitive {
            PrimitiveType::String => DataType::String,
            PrimitiveType::Long => DataType::Int64,
            PrimitiveType::Integer => DataType::Int32,
            PrimitiveType::Short => DataType::Int16,
            PrimitiveType::Byte => DataType::Int8,
            PrimitiveType::Float => DataType::Float32,
            PrimitiveType::Double => DataType::Float64,
            PrimitiveType::Boolean => DataType::Boolean,
            PrimitiveType::Binary => DataType::Binary,
            PrimitiveType::Date => DataType::Date,
            PrimitiveType::Timestamp => utc(),
            PrimitiveType::TimestampNtz => DataType::Datetime(TimeUnit::Microseconds, None),
            PrimitiveType::Decimal(decimal) => DataType::Decimal(decimal.precision().into(), decimal.scale().into()),
            _ => return None,
        },
        DeltaType::Array(array) => DataType::List(Box::new(to_polars(array.element_type())?)),
        DeltaType::Struct(fields) => DataType::Struct(struct_fields(fields)?),
        DeltaType::Map(map) => {
            let entry = vec![
                Field::new("key".into(), to_polars(map.key_type())?),
                Field::new("value".into(), to_polars(map.value_type())?),
            ];
            DataType::List(Box::new(DataType::Struct(entry)))
        }
        DeltaType::Variant(_) => return None,
    })
}

/// Whether there are maps in values of a type, which Polars reads as lists.
pub(super) fn has_maps(data_type: &DeltaType) -> bool {
    match data_type {
        DeltaType::Map(_) => true,
        DeltaType::Array(array) => has_maps(array.element_type()),
        DeltaType::Struct(fields) => fields.fields().any(|field| has_maps(field.data_type())),
        _ => false,
    }
}

/// The schema of the frame that a table is read as.
pub(super) fn frame_schema(table: &StructType) -> Result<Schema> {
    let mut schema = Schema::default();
    for field in table.fields() {
        let Some(data_type) = to_polars(field.data_type()) else {
            let message = format!("the column `{}` is {}, which Polars does not read", field.name(), field.data_type());
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        schema.insert(field.name().as_str().into(), data_type);
    }
    Ok(schema)
}

/// A time as the protocol writes it in a partition value, in microseconds.
pub(super) fn partition_microseconds(text: &str) -> Option<i64> {
    let text = text.replacen(' ', "T", 1);
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_microsecond());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

fn struct_fields(fields: &StructType) -> Option<Vec<Field>> {
    fields.fields().map(|field| Some(Field::new(field.name().as_str().into(), to_polars(field.data_type())?))).collect()
}

/// The columns of a table as they are recorded and shown.
pub(super) fn columns(schema: &StructType) -> Vec<Column> {
    schema.fields().map(|field| Column::new(field.name(), field.data_type().to_string())).collect()
}

fn utc() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The column in the type that is written. A value that does not fit fails the plan instead of becoming null or losing digits.
fn cast(name: &str, from: &DataType, to: &DataType) -> Expr {
    let column = col(name);
    match from {
        _ if from == to => column,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => {
            let name = name.to_owned();
            let checked = column.map(move |column| whole_microseconds(&name, column), |_, field| Ok(field.clone()));
            checked.cast(to.clone())
        }
        _ => column.strict_cast(to.clone()),
    }
}

fn whole_microseconds(name: &str, column: PolarsColumn) -> PolarsResult<PolarsColumn> {
    let nanoseconds: &Int64Chunked = column.as_materialized_series().datetime()?.physical();
    if let Some(lost) = nanoseconds.iter().flatten().find(|value| value % 1000 != 0) {
        polars_bail!(ComputeError: "column `{name}` has nanoseconds that Delta's microseconds would lose, first in {lost} ns since 1970");
    }
    Ok(column)
}
