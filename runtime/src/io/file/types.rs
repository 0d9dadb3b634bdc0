//! Types of columns as manifests remember them, so that a file without types is read as it was written; and as assets declare them.

use std::sync::Arc;

use polars::prelude::{DataType, Field, Schema, SchemaRef, TimeUnit, TimeZone};
use serde_json::{Value, json};

use crate::schema::Column;

/// The types of the columns; nothing if one of them has no such form.
pub(super) fn remembered(schema: &Schema) -> Option<Value> {
    let column = |(name, data_type): (&polars::prelude::PlSmallStr, &DataType)| Some(json!([name.as_str(), to_json(data_type)?]));
    schema.iter().map(column).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// The schema that was remembered.
pub(super) fn recalled(value: &Value) -> Option<SchemaRef> {
    fields(value).map(|fields| Arc::new(fields.into_iter().collect()))
}

/// The schema of a manifest from before types were remembered, which only names them.
pub(super) fn named(columns: &[Column]) -> Option<SchemaRef> {
    let column = |column: &Column| {
        let data_type = NAMED.iter().find(|known| known.to_string() == column.data_type)?;
        Some(Field::new(column.name.as_str().into(), data_type.clone()))
    };
    columns.iter().map(column).collect::<Option<Schema>>().map(Arc::new)
}

/// The types that have a name of their own.
const NAMED: &[DataType] = &[
    DataType::Boolean,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::UInt8,
    DataType::UInt16,
    DataType::UInt32,
    DataType::UInt64,
    DataType::Float32,
    DataType::Float64,
    DataType::String,
    DataType::Binary,
    DataType::Date,
    DataType::Time,
    DataType::Datetime(TimeUnit::Milliseconds, None),
    DataType::Datetime(TimeUnit::Microseconds, None),
    DataType::Datetime(TimeUnit::Nanoseconds, None),
];

fn to_json(data_type: &DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Datetime(unit, Some(zone)) => json!({"zone": zone.as_str(), "unit": unit.to_ascii()}),
        DataType::Decimal(precision, scale) => json!({"precision": precision, "scale": scale}),
        DataType::List(element) => json!({"list": to_json(element)?}),
        DataType::Array(element, width) => json!({"array": to_json(element)?, "width": width}),
        DataType::Struct(fields) => {
            let field = |field: &Field| Some(json!([field.name().as_str(), to_json(field.dtype())?]));
            json!({"struct": fields.iter().map(field).collect::<Option<Vec<_>>>()?})
        }
        plain if NAMED.contains(plain) => json!(plain.to_string()),
        _ => return None,
    })
}

fn from_json(value: &Value) -> Option<DataType> {
    if let Some(name) = value.as_str() {
        return NAMED.iter().find(|known| known.to_string() == name).cloned();
    }
    let number = |name: &str| value.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    if let Some(zone) = value.get("zone").and_then(Value::as_str) {
        let unit = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
        let unit = unit.into_iter().find(|unit| Some(unit.to_ascii()) == value.get("unit").and_then(Value::as_str))?;
        return Some(DataType::Datetime(unit, TimeZone::opt_try_new(Some(zone)).ok()?));
    }
    if let Some(precision) = number("precision") {
        return Some(DataType::Decimal(precision, number("scale")?));
    }
    if let Some(element) = value.get("list") {
        return Some(DataType::List(Box::new(from_json(element)?)));
    }
    if let Some(element) = value.get("array") {
        return Some(DataType::Array(Box::new(from_json(element)?), number("width")?));
    }
    fields(value.get("struct")?).map(DataType::Struct)
}

fn fields(value: &Value) -> Option<Vec<Field>> {
    let field = |pair: &Value| Some(Field::new(pair.get(0)?.as_str()?.into(), from_json(pair.get(1)?)?));
    value.as_array()?.iter().map(field).collect()
}
