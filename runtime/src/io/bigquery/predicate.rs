//! Partitions as predicates in BigQuery's SQL: exactly those that are meant, with nulls in none of them.

use std::collections::HashMap;

use jiff::{Timestamp, civil};
use polars::prelude::DataType;
use roaring::RoaringTreemap;

use super::schema::{Def, comparable};
use super::sql::{Kind, Sql, quoted};
use crate::asset::PartitionExpr;
use crate::error::{Error, ErrorKind, Result};
use crate::io::slicing::{AxisColumn, Terms};
use crate::partition::KeySet;

/// How long a predicate may become: BigQuery takes a megabyte of text.
const MOST_TEXT: usize = 800_000;

/// What tells the partitions of one dimension apart.
struct Dimension {
    /// A column in backquotes, or an expression in parentheses.
    sql: String,
    kind: Kind,
    axis: AxisColumn,
}

/// Tells the rows of some partitions from others.
pub(super) struct Predicate {
    keys: KeySet,
    dimensions: Vec<Dimension>,
}

/// A column if the table has one of this name, and else an expression.
pub(super) fn column_or_expression(expression: &str, table: &[Def]) -> String {
    if table.iter().any(|def| def.name == expression) { quoted(expression) } else { format!("({expression})") }
}

/// What the expressions of an asset's dimensions are, in the order of the dimensions.
pub(super) fn expressions<'a>(keys: &KeySet, expr: &'a PartitionExpr) -> Result<Vec<&'a str>> {
    let one = |axis: &crate::partition::Axis| {
        expr.of(axis.name()).ok_or_else(|| {
            let def = keys.space().def().name().to_string();
            let message = format!("`partition_expr` says nothing of the dimension `{}` of `{def}`", axis.name());
            Error::new(ErrorKind::Partitions, message)
        })
    };
    keys.space().axes().iter().map(one).collect()
}

impl Predicate {
    /// For these partitions, told apart by expressions with the types that `types` has in the order of the dimensions.
    pub(super) fn new(keys: &KeySet, expr: &PartitionExpr, table: &[Def], types: &[Def]) -> Result<Self> {
        let mut dimensions = Vec::new();
        for (index, ((axis, expression), def)) in keys.space().axes().iter().zip(expressions(keys, expr)?).zip(types).enumerate()
        {
            let Some((data_type, kind)) = comparable(def).and_then(|data_type| Some((data_type.clone(), kind(&data_type)?)))
            else {
                let message = format!(
                    "`{expression}` is {}, and partitions are told apart by STRING, INT64, BOOL, DATE, DATETIME or TIMESTAMP",
                    def.sql_type()
                );
                return Err(Error::new(ErrorKind::Schema, message).help("name another column in `partition_expr`, or cast it"));
            };
            let axis = AxisColumn::new(axis, &keys.places(index), expression, &data_type)?;
            dimensions.push(Dimension { sql: column_or_expression(expression, table), kind, axis });
        }
        Ok(Self { keys: keys.clone(), dimensions })
    }

    /// Whether a row belongs to one of the partitions; null, or false, if it does not.
    pub(super) fn sql(&self) -> Result<Sql> {
        let boxes = self.keys.boxes();
        let one = |places: &Vec<RoaringTreemap>| {
            let columns = self.dimensions.iter().zip(places).map(|(dimension, places)| dimension.sql(places));
            Ok(Sql::text("(").then(Sql::join(columns.collect::<Result<Vec<_>>>()?, " AND ")).and(")"))
        };
        if boxes.is_empty() {
            return Ok(Sql::text("FALSE"));
        }
        let sql = Sql::text("(").then(Sql::join(boxes.iter().map(one).collect::<Result<Vec<_>>>()?, " OR ")).and(")");
        if sql.inline().len() > MOST_TEXT {
            let message = format!("{} partitions are more than one statement of BigQuery can name", self.keys.len());
            return Err(Error::new(ErrorKind::Unsupported, message).help("make or read fewer partitions at once"));
        }
        Ok(sql)
    }

    /// A number for each row of the partitions: the index of its place on this axis, as [`Predicate::places`] has them.
    fn buckets(&self) -> Result<Vec<Sql>> {
        let one = |(index, dimension): (usize, &Dimension)| {
            let starts: Vec<String> = dimension.sorted(&self.keys.places(index))?.into_iter().map(|(start, _)| start).collect();
            let (value, kind) = match dimension.kind {
                Kind::Int | Kind::Bool => (format!("CAST({} AS STRING)", dimension.sql), Kind::Text),
                kind => (dimension.sql.clone(), kind),
            };
            Ok(Sql::text(format!("RANGE_BUCKET({value}, ")).values(kind, starts).and(")"))
        };
        self.dimensions.iter().enumerate().map(one).collect()
    }

    /// What sorts rows by their partitions, in the order of keys.
    pub(super) fn order(&self) -> Result<Sql> {
        let mut order = Vec::new();
        for (index, (bucket, dimension)) in self.buckets()?.into_iter().zip(&self.dimensions).enumerate() {
            let places: Vec<u64> = dimension.sorted(&self.keys.places(index))?.into_iter().map(|(_, place)| place).collect();
            if places.is_sorted() {
                order.push(bucket);
                continue;
            }
            let whens = places.iter().enumerate().map(|(bucket, place)| format!(" WHEN {} THEN {place}", bucket + 1));
            order.push(Sql::text("CASE ").then(bucket).and(whens.collect::<String>()).and(" END"));
        }
        Ok(Sql::join(order, ", "))
    }

    /// A query for the partitions that rows belong to: one row for each, of the buckets of its dimensions.
    pub(super) fn occurring(&self, table: &str) -> Result<Sql> {
        let buckets = self.buckets()?.into_iter().enumerate().map(|(index, sql)| sql.and(format!(" AS b{index}")));
        let select = Sql::text("SELECT DISTINCT ").then(Sql::join(buckets, ", "));
        Ok(select.and(format!(" FROM {table} WHERE ")).then(self.sql()?))
    }

    /// The partitions in the answer to [`Predicate::occurring`].
    pub(super) fn found(&self, rows: &[Vec<i64>]) -> Result<KeySet> {
        let mut places = Vec::new();
        for (index, dimension) in self.dimensions.iter().enumerate() {
            let sorted = dimension.sorted(&self.keys.places(index))?.into_iter().enumerate();
            places.push(
                sorted.map(|(bucket, (_, place))| (i64::try_from(bucket + 1).unwrap_or(0), place)).collect::<HashMap<_, _>>(),
            );
        }
        let mut found = self.keys.space().none();
        for row in rows {
            let at: Option<Vec<u64>> = row.iter().zip(&places).map(|(bucket, places)| places.get(bucket).copied()).collect();
            let at = at.filter(|at| at.len() == places.len()).map(|at| self.keys.space().at(&at));
            if let Some(index) = at.filter(|index| self.keys.contains(*index)) {
                found.insert(index);
            }
        }
        Ok(found)
    }

    /// The expressions, as they are selected to show a stray row.
    pub(super) fn expressions(&self) -> Vec<&str> {
        self.dimensions.iter().map(|dimension| dimension.sql.as_str()).collect()
    }
}

impl Dimension {
    fn sql(&self, places: &RoaringTreemap) -> Result<Sql> {
        let column = &self.sql;
        match self.axis.terms(places) {
            Terms::OneOf(texts) if texts.len() == 1 => {
                Ok(Sql::text(format!("{column} = ")).value(self.kind, texts.into_iter().next().unwrap_or_default()))
            }
            Terms::OneOf(texts) => Ok(Sql::text(format!("{column} IN UNNEST(")).values(self.kind, texts).and(")")),
            Terms::Within(ranges) => {
                let range = |(start, end): (i64, i64)| {
                    let from = Sql::text(format!("({column} >= ")).value(self.kind, self.moment(start)?);
                    Ok(from.and(format!(" AND {column} < ")).value(self.kind, self.moment(end)?).and(")"))
                };
                let ranges = ranges.into_iter().map(range).collect::<Result<Vec<_>>>()?;
                Ok(Sql::text("(").then(Sql::join(ranges, " OR ")).and(")"))
            }
        }
    }

    /// The first value of each of these places with its place, sorted by the value.
    fn sorted(&self, places: &RoaringTreemap) -> Result<Vec<(String, u64)>> {
        let (mut texts, mut windows) = (Vec::new(), Vec::new());
        for place in places {
            match self.axis.terms(&[place].into_iter().collect()) {
                Terms::OneOf(values) => texts.extend(values.into_iter().map(|text| (text, place))),
                Terms::Within(ranges) => windows.extend(ranges.into_iter().map(|(start, _)| (start, place))),
            }
        }
        texts.sort();
        windows.sort_unstable();
        for (start, place) in windows {
            texts.push((self.moment(start)?, place));
        }
        Ok(texts)
    }

    /// A number of the column's physical type, as BigQuery reads it.
    fn moment(&self, value: i64) -> Result<String> {
        let text = match self.kind {
            Kind::Date => {
                let days = jiff::Span::new().try_days(value).ok();
                days.and_then(|days| civil::date(1970, 1, 1).checked_add(days).ok()).map(|date| date.to_string())
            }
            kind => Timestamp::from_microsecond(value).ok().map(|at| {
                let zone = if kind == Kind::Timestamp { "+00:00" } else { "" };
                format!("{}{zone}", at.strftime("%Y-%m-%d %H:%M:%S.%6f"))
            }),
        };
        text.ok_or_else(|| Error::new(ErrorKind::PartitionKey, format!("BigQuery has no time for {value} since 1970")))
    }
}

fn kind(data_type: &DataType) -> Option<Kind> {
    Some(match data_type {
        DataType::Int64 => Kind::Int,
        DataType::Boolean => Kind::Bool,
        DataType::String => Kind::Text,
        DataType::Date => Kind::Date,
        DataType::Datetime(_, None) => Kind::Datetime,
        DataType::Datetime(_, Some(_)) => Kind::Timestamp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::partition::{Every, PartitionsDef, TimeDef};

    fn def(name: &str, kind: &str) -> Def {
        Def::new(name, kind)
    }

    fn colors() -> PartitionsDef {
        PartitionsDef::fixed("Color", ["red", "it's", "blue"]).unwrap()
    }

    fn days() -> PartitionsDef {
        PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().zone("Europe/Berlin").unwrap())
    }

    fn predicate(partitions: &PartitionsDef, keys: &[&str], expr: &PartitionExpr, types: &[Def]) -> Result<Predicate> {
        let space = partitions.space("2023-12-31T00:00:00Z".parse().unwrap(), &BTreeMap::new()).unwrap();
        let mut set = space.none();
        for key in keys {
            set.insert(space.parse(key).unwrap());
        }
        Predicate::new(&set, expr, types, types)
    }

    fn bound(partitions: &PartitionsDef, keys: &[&str], expr: &PartitionExpr, types: &[Def]) -> (String, Vec<String>) {
        let (text, parameters) = predicate(partitions, keys, expr, types).unwrap().sql().unwrap().bound();
        (text, parameters.iter().map(|one| format!("{} {}", one["parameterType"], one["parameterValue"])).collect())
    }

    #[test]
    fn b04_keys_are_bound_values_in_a_list() {
        let by_color = PartitionExpr::One("color".into());
        let (text, values) = bound(&colors(), &["red", "it's"], &by_color, &[def("color", "STRING")]);
        assert_eq!(text, "((`color` IN UNNEST(@p0)))");
        assert_eq!(
            values,
            [r#"{"arrayType":{"type":"STRING"},"type":"ARRAY"} {"arrayValues":[{"value":"red"},{"value":"it's"}]}"#]
        );
        let (text, values) = bound(&colors(), &["blue"], &by_color, &[def("color", "STRING")]);
        assert_eq!((text.as_str(), values), ("((`color` = @p0))", vec![r#"{"type":"STRING"} {"value":"blue"}"#.to_owned()]));
    }

    #[test]
    fn b04_windows_are_half_open_and_in_the_type_of_the_column() {
        let by_day = PartitionExpr::One("day".into());
        let keys = ["2023-07-01", "2023-07-02"];
        for (kind, from, to) in [
            ("DATE", "2023-07-01", "2023-07-03"),
            ("DATETIME", "2023-07-01 00:00:00.000000", "2023-07-03 00:00:00.000000"),
            ("TIMESTAMP", "2023-06-30 22:00:00.000000+00:00", "2023-07-02 22:00:00.000000+00:00"),
        ] {
            let (text, values) = bound(&days(), &keys, &by_day, &[def("day", kind)]);
            assert_eq!(text, "((((`day` >= @p0 AND `day` < @p1))))", "consecutive windows are one");
            let value = |value: &str| format!(r#"{{"type":"{kind}"}} {{"value":"{value}"}}"#);
            assert_eq!(values, [value(from), value(to)]);
        }
        let predicate = predicate(&days(), &["2023-07-01"], &by_day, &[def("day", "DATE")]).unwrap();
        assert_eq!(predicate.sql().unwrap().inline(), "((((`day` >= DATE '2023-07-01' AND `day` < DATE '2023-07-02'))))");
    }

    #[test]
    fn b04_a_set_that_is_no_box_is_a_disjunction() {
        let both = PartitionsDef::multi("Both", [("day", days()), ("color", colors())]).unwrap();
        let expr = PartitionExpr::Dimensions(vec![("color".into(), "color".into()), ("day".into(), "DATE(at)".into())]);
        let types = [def("color", "STRING"), def("day", "DATE")];
        let keys = ["red|2023-01-01", "blue|2023-01-02"];
        let space = both.space("2023-12-31T00:00:00Z".parse().unwrap(), &BTreeMap::new()).unwrap();
        let mut set = space.none();
        for key in keys {
            set.insert(space.parse(key).unwrap());
        }
        let sql = Predicate::new(&set, &expr, &[def("color", "STRING"), def("at", "TIMESTAMP")], &types).unwrap().sql().unwrap();
        assert_eq!(
            sql.inline(),
            "((`color` = 'red' AND (((DATE(at)) >= DATE '2023-01-01' AND (DATE(at)) < DATE '2023-01-02'))) OR \
            (`color` = 'blue' AND (((DATE(at)) >= DATE '2023-01-02' AND (DATE(at)) < DATE '2023-01-03'))))"
        );
    }

    #[test]
    fn a_column_that_tells_nothing_apart_and_a_key_that_is_no_value_are_refused() {
        let by_color = PartitionExpr::One("color".into());
        let refused = |kind: &str| predicate(&colors(), &["red"], &by_color, &[def("color", kind)]).err().unwrap();
        assert_eq!(refused("FLOAT64").kind(), ErrorKind::Schema);
        assert_eq!(refused("INT64").kind(), ErrorKind::PartitionKey);
    }
}
