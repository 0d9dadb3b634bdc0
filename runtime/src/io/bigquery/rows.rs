//! Rows as BigQuery's REST interface writes them, as Arrow batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, ListArray,
    RecordBatch, RecordBatchOptions, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use serde_json::Value as Json;

use super::schema::Def;
use crate::error::{Error, ErrorKind, Result};

/// What batches of these columns are of.
pub(super) fn schema(defs: &[Def]) -> Result<SchemaRef> {
    Ok(Arc::new(Schema::new(fields(defs)?)))
}

fn fields(defs: &[Def]) -> Result<Fields> {
    defs.iter().map(|def| Ok(Field::new(&def.name, data_type(def)?, true))).collect()
}

fn data_type(def: &Def) -> Result<DataType> {
    if def.is_repeated() {
        return Ok(DataType::List(Arc::new(Field::new("item", one_type(def)?, true))));
    }
    one_type(def)
}

/// As [`data_type`], of one value of an array.
fn one_type(def: &Def) -> Result<DataType> {
    Ok(match def.type_name() {
        "INT64" => DataType::Int64,
        "FLOAT64" => DataType::Float64,
        "BOOL" => DataType::Boolean,
        "STRING" => DataType::Utf8,
        "BYTES" => DataType::Binary,
        "DATE" => DataType::Date32,
        "DATETIME" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "NUMERIC" | "BIGNUMERIC" if matches!(def.digits(), Some((precision, _)) if precision <= 38) => {
            let (precision, scale) = def.digits().unwrap_or_default();
            DataType::Decimal128(precision, scale.cast_signed())
        }
        "STRUCT" => DataType::Struct(fields(&def.fields)?),
        _ => {
            let message = format!("the column `{}` is {}, which frames here do not hold", def.name, def.sql_type());
            return Err(Error::new(ErrorKind::Unsupported, message)
                .help("leave it out with `columns = […]`, or read a view that casts it"));
        }
    })
}

/// One batch of rows.
pub(super) fn batch(defs: &[Def], schema: &SchemaRef, rows: &[Json]) -> Result<RecordBatch> {
    let cell =
        |row: &'_ Json, index: usize| -> Result<()> { row["f"].get(index).map(|_| ()).ok_or_else(|| unreadable("a row", row)) };
    let mut columns = Vec::with_capacity(defs.len());
    for (index, def) in defs.iter().enumerate() {
        rows.iter().try_for_each(|row| cell(row, index))?;
        let values: Vec<&Json> = rows.iter().map(|row| &row["f"][index]["v"]).collect();
        columns.push(array(def, &values)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn array(def: &Def, values: &[&Json]) -> Result<ArrayRef> {
    if !def.is_repeated() {
        return one_array(def, values);
    }
    let (mut flat, mut lengths) = (Vec::new(), Vec::with_capacity(values.len()));
    for value in values {
        // An array that is null is an empty one.
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        lengths.push(items.len());
        flat.extend(items.iter().map(|item| &item["v"]));
    }
    let field = Arc::new(Field::new("item", one_type(def)?, true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), one_array(def, &flat)?, None)?))
}

macro_rules! build {
    ($builder:expr, $def:expr, $values:expr, $parse:expr) => {{
        let mut builder = $builder;
        for value in $values {
            match value {
                Json::Null => builder.append_null(),
                Json::String(text) => builder.append_value($parse(text).ok_or_else(|| wrong($def, value))?),
                other => return Err(wrong($def, other)),
            }
        }
        Arc::new(builder.finish())
    }};
}

fn one_array(def: &Def, values: &[&Json]) -> Result<ArrayRef> {
    let wanted = one_type(def)?;
    Ok(match def.type_name() {
        "INT64" => build!(Int64Builder::new(), def, values, |text: &str| text.parse::<i64>().ok()),
        "FLOAT64" => build!(Float64Builder::new(), def, values, |text: &str| text.parse::<f64>().ok()),
        "BOOL" => build!(BooleanBuilder::new(), def, values, |text: &str| text.parse::<bool>().ok()),
        "STRING" => build!(StringBuilder::new(), def, values, |text: &'_ str| Some(text.to_owned())),
        "BYTES" => build!(BinaryBuilder::new(), def, values, |text: &str| base64(text.as_bytes())),
        "DATE" => build!(Date32Builder::new(), def, values, crate::io::slicing::days),
        "DATETIME" => build!(TimestampMicrosecondBuilder::new(), def, values, datetime),
        "TIMESTAMP" => {
            let builder = TimestampMicrosecondBuilder::new().with_data_type(wanted);
            build!(builder, def, values, |text: &str| text.parse::<i64>().ok())
        }
        "STRUCT" => {
            let children = |index: usize| values.iter().map(|value| &value["f"][index]["v"]).collect::<Vec<_>>();
            let columns = def.fields.iter().enumerate().map(|(index, field)| array(field, &children(index)));
            let nulls: NullBuffer = values.iter().map(|value| !value.is_null()).collect();
            Arc::new(StructArray::try_new(fields(&def.fields)?, columns.collect::<Result<_>>()?, Some(nulls))?)
        }
        _ => {
            let (_, scale) = def.digits().unwrap_or_default();
            let builder = Decimal128Builder::new().with_data_type(wanted);
            build!(builder, def, values, |text: &str| decimal(text, scale))
        }
    })
}

/// A time of day on a date, as microseconds since 1970.
fn datetime(text: &str) -> Option<i64> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// A decimal without its point.
fn decimal(text: &str, scale: u8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let missing = usize::from(scale).checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()
}

/// Bytes from Base64, in its usual alphabet or that of addresses, padded or not.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.chunks(4) {
        let mut bits: u32 = 0;
        for byte in group {
            let sextet = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(sextet);
        }
        let [_, first, second, third] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        match group.len() {
            4 => bytes.extend([first, second, third]),
            3 => bytes.extend([first, second]),
            2 => bytes.push(first),
            _ => return None,
        }
    }
    Some(bytes)
}

fn wrong(def: &Def, value: &Json) -> Error {
    unreadable(&format!("a value of the column `{}`, which is {},", def.name, def.sql_type()), value)
}

fn unreadable(what: &str, value: &Json) -> Error {
    let text: String = value.to_string().chars().take(60).collect();
    Error::new(ErrorKind::Corrupt, format!("{what} cannot be read: {text}"))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Decimal128Type, Int64Type};
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_come_from_base64_with_and_without_padding() {
        for (text, bytes) in
            [("", &b""[..]), ("AP8=", b"\x00\xff"), ("AP8", b"\x00\xff"), ("aGVsbG8h", b"hello!"), ("-_8", b"\xfb\xff")]
        {
            assert_eq!(base64(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(base64(b"a"), None);
        assert_eq!(base64(b"a b="), None);
    }

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        assert_eq!(decimal("-12.50", 2), Some(-1250));
        assert_eq!(decimal("-0.5", 1), Some(-5));
        assert_eq!(decimal("7", 9), Some(7_000_000_000));
        assert_eq!(decimal("1.005", 2), None);
        assert_eq!(
            decimal("99999999999999999999999999999999999999", 0),
            Some(99_999_999_999_999_999_999_999_999_999_999_999_999)
        );
    }

    #[test]
    fn nested_rows_become_nested_arrays() {
        let mut item = Def::new("items", "RECORD");
        item.mode = Some("REPEATED".into());
        item.fields = vec![Def::new("n", "INTEGER")];
        let mut price = Def::new("price", "NUMERIC");
        (price.precision, price.scale) = (Some("10".into()), Some("2".into()));
        let defs = [item, price];
        let rows = [
            json!({ "f": [{ "v": [{ "v": { "f": [{ "v": "1" }] } }, { "v": { "f": [{ "v": null }] } }] }, { "v": "1.5" }] }),
            json!({ "f": [{ "v": [] }, { "v": null }] }),
        ];
        let batch = batch(&defs, &schema(&defs).unwrap(), &rows).unwrap();
        let items = batch.column(0).as_list::<i32>();
        assert_eq!((items.value_length(0), items.value_length(1)), (2, 0));
        let numbers = items.values().as_struct().column(0).as_primitive::<Int64Type>();
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1), None]);
        assert_eq!(batch.column(1).as_primitive::<Decimal128Type>().value(0), 150);
        assert!(batch.column(1).is_null(1));
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_an_error() {
        let defs = [Def::new("n", "INT64")];
        let rows = [json!({ "f": [{ "v": "1.5" }] })];
        let error = batch(&defs, &schema(&defs).unwrap(), &rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(schema(&[Def::new("t", "TIME")]).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
