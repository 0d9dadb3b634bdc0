//! Polars types and BigQuery types, both ways, and what has to be cast or looked at on the way in.
//!
//! BigQuery has one type of whole numbers and one of fractions, times of microseconds, and arrays that are never null and hold no
//! nulls. A value that would not survive is an error, and a type that BigQuery does not have is refused.

use polars::prelude::{
    Column as PolarsColumn, DataType, Expr, Field, PolarsResult, Schema, Series, TimeUnit, TimeZone, col, polars_bail,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Column;

/// A column as the API writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Def {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scale: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<Def>,
}

impl Def {
    pub(super) fn new(name: &str, kind: &str) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), mode: None, precision: None, scale: None, fields: Vec::new() }
    }

    /// Whether each value is an array.
    pub(super) fn is_repeated(&self) -> bool {
        self.mode.as_deref() == Some("REPEATED")
    }

    /// The type by its name in SQL; the API has older names beside.
    pub(super) fn type_name(&self) -> &str {
        match self.kind.as_str() {
            "INTEGER" => "INT64",
            "FLOAT" => "FLOAT64",
            "BOOLEAN" => "BOOL",
            "RECORD" => "STRUCT",
            "DECIMAL" => "NUMERIC",
            "BIGDECIMAL" => "BIGNUMERIC",
            other => other,
        }
    }

    /// The type as a statement writes it.
    pub(super) fn sql_type(&self) -> String {
        let one = match (self.type_name(), &self.precision, &self.scale) {
            ("STRUCT", ..) => {
                let field = |field: &Def| format!("{} {}", super::sql::quoted(&field.name), field.sql_type());
                format!("STRUCT<{}>", self.fields.iter().map(field).collect::<Vec<_>>().join(", "))
            }
            (kind, Some(precision), Some(scale)) => format!("{kind}({precision}, {scale})"),
            (kind, Some(precision), None) => format!("{kind}({precision})"),
            (kind, ..) => kind.to_owned(),
        };
        if self.is_repeated() { format!("ARRAY<{one}>") } else { one }
    }

    /// How many digits a decimal has, and how many of them behind the point.
    pub(super) fn digits(&self) -> Option<(u8, u8)> {
        let number = |text: &Option<String>| text.as_ref().map(|text| text.parse::<u8>()).transpose().ok();
        match (self.type_name(), number(&self.precision)?, number(&self.scale)?) {
            ("NUMERIC", None, _) => Some((38, 9)),
            (_, Some(precision), scale) => Some((precision, scale.unwrap_or(0))),
            _ => None,
        }
    }

    /// Whether a column of this type takes every value of the other, and nothing of it is lost.
    pub(super) fn takes(&self, other: &Def) -> bool {
        let same_digits = match (self.digits(), other.digits()) {
            (Some((precision, scale)), Some((other_precision, other_scale))) => {
                // A column without digits of its own takes what fits into all that there are.
                let any = self.precision.is_none() && scale >= other_scale && precision - scale >= other_precision - other_scale;
                any || (precision, scale) == (other_precision, other_scale)
            }
            (None, None) => true,
            _ => false,
        };
        self.type_name() == other.type_name()
            && self.is_repeated() == other.is_repeated()
            && same_digits
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|(one, other)| one.name == other.name && one.takes(other))
    }
}

/// How one column of a frame is written.
pub(super) struct Written {
    pub(super) def: Def,
    pub(super) polars: DataType,
    pub(super) expr: Expr,
}

/// How the columns of a frame are written.
pub(super) fn written(schema: &Schema) -> Result<Vec<Written>> {
    let mut seen: Vec<String> = Vec::new();
    let mut columns = Vec::with_capacity(schema.len());
    for (name, data_type) in schema.iter() {
        check_name(name)?;
        let folded = name.to_lowercase();
        if seen.contains(&folded) {
            let message = format!("two columns are `{name}` to BigQuery, which does not tell capitals from small letters");
            return Err(Error::new(ErrorKind::Schema, message).help("rename one of them"));
        }
        seen.push(folded);
        let Some((def, polars)) = to_bigquery(name, data_type) else {
            let message = format!("BigQuery has no type for the column `{name}`, which is `{data_type}`");
            return Err(Error::new(ErrorKind::Value, message).help("cast the column to a type that BigQuery has"));
        };
        columns.push(Written { expr: cast(name, data_type, &polars), def, polars });
    }
    if columns.is_empty() {
        return Err(Error::new(ErrorKind::Schema, "a frame without columns cannot be a BigQuery table"));
    }
    Ok(columns)
}

fn check_name(name: &str) -> Result<()> {
    const TAKEN: [&str; 7] = ["_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_"];
    let folded = name.to_lowercase();
    let bad = name.is_empty()
        || name.chars().count() > 300
        || name.chars().any(|c| c.is_control() || "!\"$()*,./;?@[\\]^`{}~".contains(c))
        || TAKEN.iter().any(|taken| folded.starts_with(taken));
    if bad {
        let message = format!("`{name}` cannot be the name of a BigQuery column");
        return Err(Error::new(ErrorKind::Schema, message).help("rename the column: letters, digits and `_`, up to 300"));
    }
    Ok(())
}

/// The BigQuery type of a Polars type, and the Polars type that is written for it.
fn to_bigquery(name: &str, data_type: &DataType) -> Option<(Def, DataType)> {
    let as_is = |kind: &str| Some((Def::new(name, kind), data_type.clone()));
    let whole = || Some((Def::new(name, "INT64"), DataType::Int64));
    match data_type {
        DataType::Boolean => as_is("BOOL"),
        DataType::Int64 => as_is("INT64"),
        other if other.is_integer() && !matches!(other, DataType::Int128 | DataType::UInt128) => whole(),
        DataType::Float32 => Some((Def::new(name, "FLOAT64"), DataType::Float64)),
        DataType::Float64 => as_is("FLOAT64"),
        DataType::String => as_is("STRING"),
        DataType::Categorical(..) | DataType::Enum(..) => Some((Def::new(name, "STRING"), DataType::String)),
        DataType::Binary => as_is("BYTES"),
        DataType::Date => as_is("DATE"),
        DataType::Datetime(_, None) => Some((Def::new(name, "DATETIME"), DataType::Datetime(TimeUnit::Microseconds, None))),
        DataType::Datetime(_, Some(_)) => Some((Def::new(name, "TIMESTAMP"), utc())),
        DataType::Decimal(precision, scale) => {
            let kind = if *scale <= 9 && precision - scale <= 29 { "NUMERIC" } else { "BIGNUMERIC" };
            let mut def = Def::new(name, kind);
            (def.precision, def.scale) = (Some(precision.to_string()), Some(scale.to_string()));
            Some((def, data_type.clone()))
        }
        DataType::List(inner) => {
            let (mut def, polars) = nested(name, inner)?;
            // An array of arrays needs a struct in between.
            (!def.is_repeated()).then(|| {
                def.mode = Some("REPEATED".to_owned());
                (def, DataType::List(Box::new(polars)))
            })
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let mut def = Def::new(name, "STRUCT");
            let mut polars = Vec::new();
            for field in fields {
                check_name(field.name()).ok()?;
                let (child, data_type) = nested(field.name(), field.dtype())?;
                if def.fields.iter().any(|known| known.name.to_lowercase() == child.name.to_lowercase()) {
                    return None;
                }
                def.fields.push(child);
                polars.push(Field::new(field.name().clone(), data_type));
            }
            Some((def, DataType::Struct(polars)))
        }
        // Int128, Float16, Time, Duration, Array and Null; and types that Polars adds later are not guessed at.
        _ => None,
    }
}

/// As [`to_bigquery`] for a type inside another. Nanoseconds are refused there: whether they are whole microseconds is only looked at
/// in columns.
fn nested(name: &str, data_type: &DataType) -> Option<(Def, DataType)> {
    match data_type {
        DataType::Datetime(TimeUnit::Nanoseconds, _) => None,
        other => to_bigquery(name, other),
    }
}

/// The Polars type of a column, or of an expression, that predicates compare; nothing if partitions cannot be told apart by it.
pub(super) fn comparable(def: &Def) -> Option<DataType> {
    if def.is_repeated() {
        return None;
    }
    Some(match def.type_name() {
        "INT64" => DataType::Int64,
        "BOOL" => DataType::Boolean,
        "STRING" => DataType::String,
        "DATE" => DataType::Date,
        "DATETIME" => DataType::Datetime(TimeUnit::Microseconds, None),
        "TIMESTAMP" => utc(),
        _ => return None,
    })
}

/// The columns of a table as they are recorded and shown.
pub(super) fn columns(defs: &[Def]) -> Vec<Column> {
    defs.iter().map(|def| Column::new(&def.name, def.sql_type())).collect()
}

/// The columns that one has and the other has not, or not so.
pub(super) fn difference(table: &[Def], new: &[Def]) -> Option<String> {
    let mut differences = Vec::new();
    for def in new {
        match table.iter().find(|known| known.name == def.name) {
            None => differences.push(format!("the table has no column `{}`", def.name)),
            Some(known) if !known.takes(def) => {
                let (known, new) = (known.sql_type(), def.sql_type());
                differences.push(format!("the column `{}` is {known} in the table and {new} in the output", def.name));
            }
            Some(_) => {}
        }
    }
    let missing = table.iter().filter(|known| !new.iter().any(|def| def.name == known.name));
    differences.extend(missing.map(|known| format!("the output has no column `{}`", known.name)));
    (!differences.is_empty()).then(|| differences.join("; "))
}

fn utc() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The column in the type that is written. A value that does not fit fails the plan instead of becoming null or losing digits.
fn cast(name: &str, from: &DataType, to: &DataType) -> Expr {
    let mut column = col(name);
    if has_arrays(from) {
        let shown = name.to_owned();
        column = column.map(
            move |column| {
                if holds_nulls_in_arrays(column.as_materialized_series())? {
                    polars_bail!(ComputeError: "column `{shown}` has a null array, or a null in an array, which BigQuery does not keep");
                }
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        );
    }
    match from {
        _ if from == to => column,
        DataType::Datetime(TimeUnit::Nanoseconds, _) => {
            let name = name.to_owned();
            let checked = column.map(move |column| whole_microseconds(&name, column), |_, field| Ok(field.clone()));
            checked.cast(to.clone())
        }
        DataType::UInt64 => {
            let name = name.to_owned();
            let checked = column.map(move |column| within_int64(&name, column), |_, field| Ok(field.clone()));
            checked.strict_cast(to.clone())
        }
        _ => column.strict_cast(to.clone()),
    }
}

fn within_int64(name: &str, column: PolarsColumn) -> PolarsResult<PolarsColumn> {
    if let Some(lost) = column.u64()?.iter().flatten().find(|value| i64::try_from(*value).is_err()) {
        polars_bail!(ComputeError: "column `{name}` has numbers that BigQuery's INT64 does not hold, first {lost}");
    }
    Ok(column)
}

fn has_arrays(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(_) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_arrays(field.dtype())),
        _ => false,
    }
}

fn holds_nulls_in_arrays(series: &Series) -> PolarsResult<bool> {
    match series.dtype() {
        DataType::List(_) => {
            if series.null_count() > 0 {
                return Ok(true);
            }
            // Of a slice of a frame, what is inside has the arrays of the other rows too.
            let own = series.trim_lists_to_normalized_offsets().unwrap_or_else(|| series.clone());
            let inner = own.list()?.get_inner();
            Ok(inner.null_count() > 0 || holds_nulls_in_arrays(&inner)?)
        }
        DataType::Struct(_) => {
            // What is inside of a null struct is gone anyway.
            let present = series.filter(&series.is_not_null())?;
            for field in present.struct_()?.fields_as_series() {
                if holds_nulls_in_arrays(&field)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn whole_microseconds(name: &str, column: PolarsColumn) -> PolarsResult<PolarsColumn> {
    let nanoseconds = column.as_materialized_series().datetime()?.physical();
    if let Some(lost) = nanoseconds.iter().flatten().find(|value| value % 1000 != 0) {
        polars_bail!(ComputeError: "column `{name}` has nanoseconds that BigQuery's microseconds would lose, first in {lost} ns since 1970");
    }
    Ok(column)
}
