//! Rows as texts, so that they can be compared as a multiset and shown.

use polars::prelude::{AnyValue, Column, DataFrame, Series};

use crate::conformance::breach::{Breach, Verdict};
use crate::error::Error;

/// Each row as `column=value column=value`, in their order; the columns in theirs.
pub(in crate::conformance) fn rows_of(frame: &DataFrame) -> Verdict<Vec<String>> {
    let cell = |column: &Column, row: usize| -> Verdict<String> {
        let value = column.get(row).map_err(Error::from)?;
        Ok(format!("{}={}", column.name(), shown(&value)))
    };
    let row = |row: usize| -> Verdict<String> {
        let cells: Vec<String> = frame.columns().iter().map(|column| cell(column, row)).collect::<Verdict<_>>()?;
        Ok(format!("({})", cells.join(" ")))
    };
    (0..frame.height()).map(row).collect()
}

/// A value with all of its digits.
fn shown(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "null".to_owned(),
        AnyValue::String(text) => format!("{text:?}"),
        AnyValue::StringOwned(text) => format!("{:?}", text.as_str()),
        AnyValue::Categorical(..) | AnyValue::CategoricalOwned(..) | AnyValue::Enum(..) | AnyValue::EnumOwned(..) => {
            format!("{:?}", value.str_value())
        }
        // The two zeros are one number.
        AnyValue::Float32(number) => format!("{:?}", number + 0.0),
        AnyValue::Float64(number) => format!("{:?}", number + 0.0),
        AnyValue::Binary(bytes) => format!("{bytes:?}"),
        AnyValue::BinaryOwned(bytes) => format!("{bytes:?}"),
        AnyValue::List(series) => elements(series),
        AnyValue::Array(series, _) => elements(series),
        AnyValue::Datetime(number, unit, zone) => {
            format!("{number}{unit:?}{}", zone.map(|zone| format!(" {zone}")).unwrap_or_default())
        }
        AnyValue::DatetimeOwned(number, unit, zone) => {
            format!("{number}{unit:?}{}", zone.as_ref().map(|zone| format!(" {zone}")).unwrap_or_default())
        }
        AnyValue::Duration(number, unit) => format!("{number}{unit:?}"),
        AnyValue::Struct(..) | AnyValue::StructOwned(..) => {
            let fields: Vec<String> = value._iter_struct_av().map(|value| shown(&value)).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn elements(series: &Series) -> String {
    let elements: Vec<String> = series.iter().map(|value| shown(&value)).collect();
    format!("[{}]", elements.join(", "))
}

/// A frame of one column.
pub(in crate::conformance) fn one(column: Series) -> Verdict<DataFrame> {
    let height = column.len();
    DataFrame::new(height, vec![column.into()]).map_err(|error| Breach::new(format!("no frame to test with: {error}")))
}
