//! Reading: one statement for what is asked for, whose rows are streamed when somebody reads them.

use super::catalog::{Found, Own};
use super::names::{TableName, same};
use super::predicate::Predicate;
use super::statement::Sql;
use crate::asset::PartitionExpr;
use crate::duckdb::{Connection, DuckDb, quote};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::frame::Table;
use crate::io::slicing::TimeLimits;
use crate::partition::{DimensionDef, KeySet, PartitionsDef};

/// The table, if it is there, and a connection whose transaction sees just this state of it. Creates no database.
pub(super) fn open(database: &DuckDb, name: &TableName) -> Result<Option<Opened>> {
    if database.path().is_some_and(|path| !path.exists()) {
        return Ok(None);
    }
    let connection = database.connection()?;
    let own = Own::of(&connection)?;
    connection.execute("BEGIN TRANSACTION")?;
    let Some(found) = own.find(&connection, name)? else { return Ok(None) };
    let table = found.name.sql(&own.catalog);
    Ok(Some(Opened { connection, own, found, table }))
}

/// A table that is there.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) own: Own,
    pub(super) found: Found,
    /// As SQL has it.
    pub(super) table: String,
}

impl Opened {
    /// Tells rows of these partitions from others.
    pub(super) fn predicate(&self, keys: &KeySet, expr: &PartitionExpr) -> Result<Predicate> {
        predicate(&self.connection, &self.found, &self.table, keys, expr)
    }

    /// The query for these columns of the table, or of some partitions of it in the order of their keys.
    pub(super) fn query(&self, part: Option<&Predicate>, columns: Option<&[String]>) -> Result<Sql> {
        let columns = self.columns(columns)?;
        let listed = |from: &str| {
            let one = |(known, asked): &(&str, &str)| match *known == *asked {
                true => format!("{from}{}", quote(known)),
                false => format!("{from}{} AS {}", quote(known), quote(asked)),
            };
            columns.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let mut sql = Sql::new(format!("SELECT {} FROM ", listed("")));
        let Some(part) = part else {
            sql.push(&self.table);
            return Ok(sql);
        };
        if part.keys().len() <= 1 {
            sql.push(&self.table).push(" WHERE ").append(&part.sql()?);
            return Ok(sql);
        }
        let mut inner: Vec<String> =
            columns.iter().enumerate().map(|(at, (known, _))| format!("{} AS c{at}", quote(known))).collect();
        inner.extend(part.expressions().enumerate().map(|(at, (_, expression))| format!("{expression} AS x{at}")));
        inner.push(format!("{} AS n", if self.found.is_view { "row_number() OVER ()" } else { "rowid" }));
        let outer = columns.iter().enumerate().map(|(at, (_, asked))| format!("picked.c{at} AS {}", quote(asked)));
        let mut sql = Sql::new(format!("SELECT {} FROM (SELECT ", outer.collect::<Vec<_>>().join(", ")));
        sql.push(&inner.join(", ")).push(&format!(" FROM {} WHERE ", self.table)).append(&part.sql()?).push(") AS picked");
        let mut places = Vec::new();
        for (join, place) in part.order()? {
            sql.push(" ").append(&join);
            places.push(place);
        }
        sql.push(&format!(" ORDER BY {}, picked.n", places.join(", ")));
        Ok(sql)
    }

    /// What a query gives, when it is read, of the table as it is now.
    pub(super) fn read(self, sql: &Sql) -> Table {
        self.connection.read(&sql.text, sql.bound())
    }

    /// The names of columns as the table has them, and as they are asked for.
    fn columns<'s>(&'s self, asked: Option<&'s [String]>) -> Result<Vec<(&'s str, &'s str)>> {
        let names = || self.found.columns.iter().map(|column| column.name.as_str());
        let Some(asked) = asked else { return Ok(names().map(|name| (name, name)).collect()) };
        let find = |asked: &'s String| {
            let known = names().find(|known| same(known, asked)).map(|known| (known, asked.as_str()));
            known.ok_or_else(|| {
                let message = format!("there is no column `{asked}`");
                Error::new(ErrorKind::Schema, message).help(known_names(asked, "columns", names()))
            })
        };
        asked.iter().map(find).collect()
    }

    /// How many rows there are, or how many of some partitions.
    pub(super) fn rows(&self, part: Option<&Predicate>) -> Result<u64> {
        rows(&self.connection, &self.table, part)
    }

    /// How many bytes the table takes in the file, as far as it is in the file yet.
    pub(super) fn bytes(&self) -> Option<u64> {
        let sql = "SELECT CAST(count(DISTINCT block_id) * (SELECT block_size FROM pragma_database_size() \
                   WHERE database_name = current_database()) AS UBIGINT) FROM pragma_storage_info(?) WHERE block_id >= 0";
        self.connection.query_value::<Option<u64>>(sql, [self.table.as_str().into()]).ok().flatten()
    }

    /// Refuses to take for everything what is not: rows of keys that the definition had and no longer has.
    pub(super) fn check_nothing_else(&self, expr: &PartitionExpr, keys: &KeySet, def: &PartitionsDef) -> Result<()> {
        let all = self.predicate(&keys.space().all(), expr)?;
        for (index, axis) in keys.space().axes().iter().enumerate() {
            let dimension = def.dimensions().iter().find(|one| one.name == **axis.name() || def.dimensions().len() == 1);
            let Some(dimension) = dimension else { continue };
            let strange = match &dimension.def {
                DimensionDef::Static(_) if !all.is_moment(index) => self.not_among(&all, index)?,
                DimensionDef::Time(time) => match TimeLimits::new(time, all.data_type(index)) {
                    Some(limits) => self.bounds(&all, index)?.into_iter().find(|value| limits.exclude(value)),
                    None => None,
                },
                _ => None,
            };
            if let Some(value) = strange {
                let name = &dimension.definition;
                let is_time = matches!(dimension.def, DimensionDef::Time(_));
                let what = if is_time { "in no window" } else { "not a key" };
                let message = format!("the table `{}` has rows of `{value}`, which is {what} of `{name}`", self.found.name);
                let help = match &dimension.def {
                    DimensionDef::Static(keys) => {
                        let known = known_names(&value, "keys", keys.iter().map(|key| &**key));
                        format!("put the key back, or delete the rows; {known}")
                    }
                    _ => "let the definition begin earlier or end later, or delete the rows".to_owned(),
                };
                return Err(Error::new(ErrorKind::Partitions, message).help(help));
            }
        }
        Ok(())
    }

    /// A value that is none of the keys of an axis.
    fn not_among(&self, all: &Predicate, axis: usize) -> Result<Option<String>> {
        let among = all.sql_of_axis(axis)?;
        let expression = all.expression(axis);
        let sql = format!("SELECT min(CAST({expression} AS VARCHAR)) FROM {} WHERE ({}) IS FALSE", self.table, among.text);
        self.connection.query_value(&sql, among.bound())
    }

    /// The least and the greatest value of an axis.
    fn bounds(&self, all: &Predicate, axis: usize) -> Result<Vec<String>> {
        let expression = all.expression(axis);
        let one = |which: &str| {
            let sql = format!("SELECT CAST({which}({expression}) AS VARCHAR) FROM {}", self.table);
            self.connection.query_value::<Option<String>>(&sql, [])
        };
        Ok([one("min")?, one("max")?].into_iter().flatten().collect())
    }
}

/// Tells rows of these partitions of a table from others.
pub(super) fn predicate(
    connection: &Connection,
    found: &Found,
    table: &str,
    keys: &KeySet,
    expr: &PartitionExpr,
) -> Result<Predicate> {
    Predicate::new(keys, expr, &found.columns, |expression| Own::type_of(connection, expression, table))
}

/// How many rows of a table, or of some partitions of it.
pub(super) fn rows(connection: &Connection, table: &str, part: Option<&Predicate>) -> Result<u64> {
    let mut sql = Sql::new(format!("SELECT count(*) FROM {table}"));
    if let Some(part) = part {
        sql.push(" WHERE ").append(&part.sql()?);
    }
    connection.query_value(&sql.text, sql.bound())
}

/// Which of the partitions are there: those that were stored, with or without rows, and those that have rows.
pub(super) fn present(connection: &Connection, own: &Own, found: &Found, part: &Predicate) -> Result<KeySet> {
    let keys = part.keys();
    let texts: Vec<(u64, String)> = keys.indices().zip(keys.keys()).map(|(index, key)| (index, key.to_string())).collect();
    let all: Vec<String> = texts.iter().map(|(_, text)| text.clone()).collect();
    let marked: std::collections::HashSet<String> = own.marked(connection, &found.name, &all)?.into_iter().collect();
    let mut present = keys.space().none();
    for (index, _) in texts.iter().filter(|(_, text)| marked.contains(text)) {
        present.insert(*index);
    }
    let table = found.name.sql(&own.catalog);
    let mut unsure = vec![keys.difference(&present)];
    while let Some(some) = unsure.pop() {
        let sql = part.sql_of(&some)?;
        let any = format!("SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {} LIMIT 1)", sql.text);
        if some.is_empty() || connection.query_value::<u64>(&any, sql.bound())? == 0 {
            continue;
        }
        if some.len() == 1 {
            present = present.union(&some);
            continue;
        }
        let half = some.len() / 2;
        let mut first = some.space().none();
        for index in some.indices().take(usize::try_from(half).unwrap_or(usize::MAX)) {
            first.insert(index);
        }
        unsure.push(some.difference(&first));
        unsure.push(first);
    }
    Ok(present)
}
