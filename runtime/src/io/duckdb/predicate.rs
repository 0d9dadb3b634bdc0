//! Which rows belong to some partitions, as SQL with bound values.
//!
//! A key becomes a value of the type that the column, or the expression, has; one that cannot is an error before anything is written.
//! The set is always meant exactly: half-open windows, `IN`, and the disjunction of the combinations of several dimensions.

use jiff::Timestamp;
use polars::prelude::{DataType, TimeUnit, TimeZone};
use roaring::RoaringTreemap;

use super::catalog::Column;
use super::expression;
use super::statement::Sql;
use crate::asset::PartitionExpr;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::io::slicing::{AxisColumn, Terms};
use crate::partition::KeySet;

/// DuckDB takes no more parameters than this.
const MOST_VALUES: usize = 60_000;

/// Tells the rows of some partitions from others.
pub(super) struct Predicate {
    keys: KeySet,
    axes: Vec<SqlAxis>,
}

/// A dimension and what tells its keys apart.
struct SqlAxis {
    /// As the asset says it.
    written: String,
    /// As SQL has it, where text is compared with text.
    sql: String,
    /// A `?` of the type that it has.
    literal: String,
    data_type: DataType,
    column: AxisColumn,
}

impl Predicate {
    /// For these partitions of a table with these columns. `type_of` says which type an expression has.
    pub(super) fn new(
        keys: &KeySet,
        expr: &PartitionExpr,
        columns: &[Column],
        type_of: impl Fn(&str) -> Result<String>,
    ) -> Result<Self> {
        let def = keys.space().def();
        let mut axes = Vec::with_capacity(keys.space().axes().len());
        for (index, axis) in keys.space().axes().iter().enumerate() {
            let Some(written) = expr.of(axis.name()) else {
                let message = format!("`partition_expr` says nothing of the dimension `{}` of `{}`", axis.name(), def.name());
                return Err(Error::new(ErrorKind::Partitions, message));
            };
            let sql = expression::sql(written, columns.iter().map(|column| column.name.as_str()));
            let found = columns.iter().find(|column| super::names::same(&column.name, written.trim()));
            let sql_type = match found {
                Some(column) => column.data_type.clone(),
                None if expression::is_name(written) => {
                    let message = format!("`partition_expr` names the column `{written}`, which is not there");
                    let help = known_names(written, "columns", columns.iter().map(|column| column.name.as_str()));
                    return Err(Error::new(ErrorKind::Schema, message).help(help));
                }
                None => type_of(&sql)?,
            };
            let Some(data_type) = comparable(&sql_type) else {
                let message = format!(
                    "`partition_expr` is `{written}`, which is {sql_type}, and partitions are told apart by text, numbers without \
                     fraction, bools, dates or times"
                );
                return Err(Error::new(ErrorKind::Schema, message).help("name another column, or cast it to such a type"));
            };
            let is_enum = sql_type.starts_with("ENUM");
            let sql = if is_enum { format!("CAST({sql} AS VARCHAR)") } else { sql };
            let literal = match sql_type.as_str() {
                _ if data_type == DataType::String => "?".to_owned(),
                // The end of a moment may be between two seconds.
                "TIMESTAMP_S" => "CAST(? AS TIMESTAMP)".to_owned(),
                other => format!("CAST(? AS {other})"),
            };
            let column = AxisColumn::new(axis, &keys.places(index), written, &data_type)?;
            axes.push(SqlAxis { written: written.trim().to_owned(), sql, literal, data_type, column });
        }
        Ok(Self { keys: keys.clone(), axes })
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// What tells the partitions apart, as the asset says it and as SQL has it, in the order of the axes.
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.axes.iter().map(|axis| (axis.written.as_str(), axis.sql.as_str()))
    }

    /// What tells the keys of an axis apart, as SQL has it.
    pub(super) fn expression(&self, axis: usize) -> &str {
        &self.axes[axis].sql
    }

    /// How values of an axis are compared.
    pub(super) fn data_type(&self, axis: usize) -> &DataType {
        &self.axes[axis].data_type
    }

    /// Whether an axis has moments, of which one has many texts.
    pub(super) fn is_moment(&self, axis: usize) -> bool {
        matches!(self.data_type(axis), DataType::Datetime(..))
    }

    /// Whether a row has one of the keys of one axis.
    pub(super) fn sql_of_axis(&self, axis: usize) -> Result<Sql> {
        let mut sql = Sql::default();
        self.axes[axis].condition(&self.keys.places(axis), false, &mut sql)?;
        Ok(sql)
    }

    /// Whether a row is one of the set. Of a null it says nothing, which is not true.
    pub(super) fn sql(&self) -> Result<Sql> {
        self.sql_of(&self.keys)
    }

    /// The same for some of the set.
    pub(super) fn sql_of(&self, keys: &KeySet) -> Result<Sql> {
        let boxes = keys.boxes();
        let mut sql = Sql::default();
        for (index, places) in boxes.iter().enumerate() {
            sql.push(if index > 0 { " OR " } else { "" }).push(if boxes.len() > 1 { "(" } else { "" });
            for (index, (axis, places)) in self.axes.iter().zip(places).enumerate() {
                sql.push(if index > 0 { " AND " } else { "" });
                axis.condition(places, self.axes.len() > 1, &mut sql)?;
            }
            sql.push(if boxes.len() > 1 { ")" } else { "" });
        }
        if boxes.is_empty() {
            sql.push("FALSE");
        }
        if sql.values.len() > MOST_VALUES {
            let message = format!("the {} partitions take {} values to write out", keys.len(), sql.values.len());
            return Err(Error::new(ErrorKind::Partitions, message).help("make fewer partitions in one run"));
        }
        Ok(sql)
    }

    /// For each axis a join with its keys, and the place of the key by which rows are sorted. The value of axis 0 is `x0` of `picked`.
    pub(super) fn order(&self) -> Result<Vec<(Sql, String)>> {
        self.axes
            .iter()
            .enumerate()
            .map(|(index, axis)| Ok((axis.join(index, &self.keys.places(index))?, format!("k{index}.place"))))
            .collect()
    }
}

impl SqlAxis {
    /// A join with the keys at these places.
    fn join(&self, index: usize, places: &RoaringTreemap) -> Result<Sql> {
        // A window is the last that begins before the value; any other key is the value.
        let (keys, join, compared) = match self.column.each_term(places) {
            Terms::OneOf(texts) => (texts, "JOIN", "="),
            Terms::Within(windows) => {
                let starts = windows.into_iter().map(|(start, _)| self.moment(start)).collect::<Result<_>>()?;
                (starts, "ASOF JOIN", ">=")
            }
        };
        let json = serde_json::to_string(&keys).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        let key = self.literal.replace('?', "key");
        let mut sql = Sql::default();
        sql.push(&format!(
            "{join} (SELECT {key} AS key, place FROM (SELECT unnest(keys) AS key, generate_subscripts(keys, 1) AS place FROM "
        ));
        sql.bind("(SELECT from_json(?, '[\"VARCHAR\"]') AS keys))) ", json);
        sql.push(&format!("AS k{index} ON picked.x{index} {compared} k{index}.key"));
        Ok(sql)
    }

    /// Whether the value is that of one of these places.
    fn condition(&self, places: &RoaringTreemap, nested: bool, sql: &mut Sql) -> Result<()> {
        match self.column.terms(places) {
            Terms::OneOf(texts) if texts.is_empty() => {
                sql.push("FALSE");
            }
            Terms::Within(ranges) if ranges.is_empty() => {
                sql.push("FALSE");
            }
            Terms::OneOf(texts) => {
                sql.push(&self.sql).push(" IN (");
                for (index, text) in texts.into_iter().enumerate() {
                    sql.push(if index > 0 { ", " } else { "" }).bind(&self.literal, text);
                }
                sql.push(")");
            }
            Terms::Within(ranges) => {
                let parentheses = nested && ranges.len() > 1;
                sql.push(if parentheses { "(" } else { "" });
                for (index, (start, end)) in ranges.into_iter().enumerate() {
                    sql.push(if index > 0 { " OR " } else { "" }).push(&self.sql).push(" >= ");
                    sql.bind(&self.literal, self.moment(start)?).push(" AND ").push(&self.sql).push(" < ");
                    sql.bind(&self.literal, self.moment(end)?);
                }
                sql.push(if parentheses { ")" } else { "" });
            }
        }
        Ok(())
    }

    /// A number of the column's physical type as DuckDB reads it.
    fn moment(&self, value: i64) -> Result<String> {
        let text = match &self.data_type {
            DataType::Date => jiff::Span::new()
                .try_days(value)
                .and_then(|days| jiff::civil::date(1970, 1, 1).checked_add(days))
                .map(|date| date.to_string()),
            DataType::Datetime(unit, zone) => {
                let at = match unit {
                    TimeUnit::Nanoseconds => Timestamp::from_nanosecond(value.into()),
                    TimeUnit::Microseconds => Timestamp::from_microsecond(value),
                    TimeUnit::Milliseconds => Timestamp::from_millisecond(value),
                };
                let zone = if zone.is_some() { "+00" } else { "" };
                at.map(|at| format!("{}{zone}", at.strftime("%Y-%m-%d %H:%M:%S%.f")))
            }
            other => {
                let message = format!("`{other}` is no type of times");
                return Err(Error::new(ErrorKind::Internal, message));
            }
        };
        text.map_err(|error| Error::new(ErrorKind::PartitionKey, "a window is outside of the calendar").source(error))
    }
}

/// How values of a type of DuckDB are compared with keys; nothing for types that keys are not compared with.
fn comparable(sql_type: &str) -> Option<DataType> {
    Some(match sql_type {
        "VARCHAR" => DataType::String,
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INTEGER" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "HUGEINT" => DataType::Int128,
        "UTINYINT" => DataType::UInt8,
        "USMALLINT" => DataType::UInt16,
        "UINTEGER" => DataType::UInt32,
        "UBIGINT" => DataType::UInt64,
        "DATE" => DataType::Date,
        "TIMESTAMP" | "TIMESTAMP_S" => DataType::Datetime(TimeUnit::Microseconds, None),
        "TIMESTAMP_MS" => DataType::Datetime(TimeUnit::Milliseconds, None),
        "TIMESTAMP_NS" => DataType::Datetime(TimeUnit::Nanoseconds, None),
        "TIMESTAMP WITH TIME ZONE" => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        other if other.starts_with("ENUM") => DataType::String,
        _ => return None,
    })
}
