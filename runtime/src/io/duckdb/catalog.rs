//! What is in the database: tables with their columns, and what the store remembers of them.
//!
//! The schema `_lakewright` holds `tables` (one row for each table, whose version every commit counts up, so that two commits to one
//! table are always a conflict), `commits` (the last commit of each log, asset and slice), `slices` (the partitions that were stored,
//! with or without rows) and `staged` (what has been written and is not committed). All of it changes in the transaction that changes
//! the table.

use polars::prelude::DataFrame;

use super::names::{OWN, TableName, same};
use crate::duckdb::{Connection, SqlValue, quote};
use crate::error::{Error, ErrorKind, Result};

/// How long something staged is kept that nobody committed or discarded.
const KEPT: &str = "INTERVAL 7 DAY";

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// As DuckDB writes it.
    pub(super) data_type: String,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// As the database has it.
    pub(super) name: TableName,
    pub(super) is_view: bool,
    pub(super) columns: Vec<Column>,
    /// Whether there is more to it than columns and rows: keys, constraints, defaults, indexes, comments.
    pub(super) has_more: bool,
}

/// The names of the store's own tables, in this database.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) catalog: String,
}

impl Own {
    pub(super) fn of(connection: &Connection) -> Result<Self> {
        Ok(Self { catalog: connection.query_value("SELECT current_database()", [])? })
    }

    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.{}.{}", quote(&self.catalog), quote(OWN), quote(name))
    }

    /// Whether there are any of them yet.
    pub(super) fn exists(&self, connection: &Connection) -> Result<bool> {
        let sql = "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = 'staged'";
        Ok(connection.query_value::<i64>(sql, [self.catalog.as_str().into(), OWN.into()])? > 0)
    }

    /// Creates them. Two that do so at once are a conflict.
    pub(super) fn create(&self, connection: &Connection) -> Result<()> {
        let schema = format!("{}.{}", quote(&self.catalog), quote(OWN));
        let sql = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};
            CREATE TABLE IF NOT EXISTS {tables} (table_schema VARCHAR, table_name VARCHAR, version BIGINT, run VARCHAR,
                modified TIMESTAMP, PRIMARY KEY (table_schema, table_name));
            CREATE TABLE IF NOT EXISTS {commits} (application VARCHAR, number BIGINT, table_schema VARCHAR, table_name VARCHAR,
                version BIGINT, asset VARCHAR, slice VARCHAR, run VARCHAR, attempt BIGINT, code_version VARCHAR, committed TIMESTAMP);
            CREATE TABLE IF NOT EXISTS {slices} (table_schema VARCHAR, table_name VARCHAR, partition VARCHAR);
            CREATE TABLE IF NOT EXISTS {staged} (staged_schema VARCHAR, staged_table VARCHAR, asset VARCHAR, run VARCHAR,
                written TIMESTAMP);",
            tables = self.table("tables"),
            commits = self.table("commits"),
            slices = self.table("slices"),
            staged = self.table("staged"),
        );
        connection.execute(&sql).map(|_| ())
    }

    /// Removes what runs staged that ended long ago without saying what becomes of it.
    pub(super) fn sweep(&self, connection: &Connection, now: SqlValue) -> Result<()> {
        let staged = self.table("staged");
        let old = format!("SELECT staged_schema, staged_table FROM {staged} WHERE written < CAST(? AS TIMESTAMP) - {KEPT}");
        let old = texts(&connection.query_with::<DataFrame>(&old, [now])?)?;
        for row in old {
            let [Some(schema), Some(table)] = &row[..] else { continue };
            let name = TableName { schema: schema.clone(), table: table.clone() };
            self.forget_staged(connection, &name)?;
        }
        Ok(())
    }

    /// Drops something staged, and what is remembered of it. What is gone is no error.
    pub(super) fn forget_staged(&self, connection: &Connection, name: &TableName) -> Result<()> {
        connection.execute(&format!("DROP TABLE IF EXISTS {}", name.sql(&self.catalog)))?;
        self.committed_staged(connection, name)
    }

    /// Forgets that something was staged.
    pub(super) fn committed_staged(&self, connection: &Connection, name: &TableName) -> Result<()> {
        let sql = format!("DELETE FROM {} WHERE staged_schema = ? AND staged_table = ?", self.table("staged"));
        connection.execute_with(&sql, [name.schema.as_str().into(), name.table.as_str().into()]).map(|_| ())
    }

    /// What a name stands for, as DuckDB finds it.
    pub(super) fn find(&self, connection: &Connection, name: &TableName) -> Result<Option<Found>> {
        let sql = "SELECT schema_name, table_name, 'table', \
                   CAST(has_primary_key OR index_count > 0 OR check_constraint_count > 0 OR comment IS NOT NULL AS VARCHAR) \
                   FROM duckdb_tables() WHERE database_name = ? AND lower(table_name) = lower(?) \
                   UNION ALL SELECT schema_name, view_name, 'view', 'false' FROM duckdb_views() \
                   WHERE database_name = ? AND lower(view_name) = lower(?)";
        let (catalog, table) = (self.catalog.as_str(), name.table.as_str());
        let found = connection.query_with::<DataFrame>(sql, [catalog.into(), table.into(), catalog.into(), table.into()])?;
        let is_it = |row: &Vec<Option<String>>| match &row[..] {
            [Some(schema), Some(table), ..] => same(schema, &name.schema) && same(table, &name.table),
            _ => false,
        };
        let Some(row) = texts(&found)?.into_iter().find(is_it) else { return Ok(None) };
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let name = TableName { schema: text(0), table: text(1) };
        let sql = "SELECT column_name, data_type, CAST(NOT is_nullable OR column_default IS NOT NULL OR comment IS NOT NULL AS VARCHAR) \
                   FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? ORDER BY column_index";
        let columns =
            connection.query_with::<DataFrame>(sql, [catalog.into(), name.schema.as_str().into(), name.table.as_str().into()])?;
        let columns = texts(&columns)?;
        let has_more = text(3) == "true" || columns.iter().any(|column| column[2].as_deref() == Some("true"));
        let column = |row: Vec<Option<String>>| {
            let mut row = row.into_iter();
            let mut next = || row.next().flatten().unwrap_or_default();
            Column { name: next(), data_type: next() }
        };
        Ok(Some(Found { is_view: text(2) == "view", columns: columns.into_iter().map(column).collect(), has_more, name }))
    }

    /// The columns of a query, as a table made of it would have them.
    pub(super) fn columns_of(connection: &Connection, query: &str) -> Result<Vec<Column>> {
        let described = connection.query::<DataFrame>(&format!("SELECT column_name, column_type FROM (DESCRIBE {query})"))?;
        let column = |row: Vec<Option<String>>| match &row[..] {
            [Some(name), Some(data_type)] => Ok(Column { name: name.clone(), data_type: data_type.clone() }),
            _ => Err(Error::new(ErrorKind::Internal, "DuckDB described a column without a name or a type")),
        };
        texts(&described)?.into_iter().map(column).collect()
    }

    /// The type of an expression over a relation.
    pub(super) fn type_of(connection: &Connection, expression: &str, relation: &str) -> Result<String> {
        let found = Self::columns_of(connection, &format!("SELECT {expression} AS value FROM {relation}"))?;
        let first = found.into_iter().next().map(|column| column.data_type);
        first.ok_or_else(|| Error::new(ErrorKind::Internal, "DuckDB described an expression without a type"))
    }

    /// Which of these partitions were stored here, with or without rows.
    pub(super) fn marked(&self, connection: &Connection, name: &TableName, keys: &[String]) -> Result<Vec<String>> {
        if !self.exists(connection)? {
            return Ok(Vec::new());
        }
        let (schema, table) = name.folded();
        let sql = format!(
            "SELECT DISTINCT partition FROM {} WHERE table_schema = ? AND table_name = ? AND partition IN ({KEYS})",
            self.table("slices"),
        );
        let found = connection.query_with::<DataFrame>(&sql, [schema.into(), table.into(), json(keys)?])?;
        Ok(texts(&found)?.into_iter().filter_map(|mut row| row.pop().flatten()).collect())
    }

    /// Remembers these partitions as stored, or no longer.
    pub(super) fn mark(&self, connection: &Connection, name: &TableName, keys: &[String], stored: bool) -> Result<()> {
        let (schema, table) = name.folded();
        let slices = self.table("slices");
        let sql = format!("DELETE FROM {slices} WHERE table_schema = ? AND table_name = ? AND partition IN ({KEYS})");
        connection.execute_with(&sql, [schema.as_str().into(), table.as_str().into(), json(keys)?])?;
        if stored {
            let sql = format!("INSERT INTO {slices} SELECT ?, ?, key FROM ({KEYS}) AS keys (key)");
            connection.execute_with(&sql, [schema.into(), table.into(), json(keys)?])?;
        }
        Ok(())
    }

    /// Forgets everything about a table that is not there.
    pub(super) fn forget(&self, connection: &Connection, name: &TableName) -> Result<()> {
        self.forget_slices(connection, name)?;
        self.forget_in("commits", connection, name)
    }

    /// Forgets which partitions are there, of a table that is written whole.
    pub(super) fn forget_slices(&self, connection: &Connection, name: &TableName) -> Result<()> {
        self.forget_in("slices", connection, name)
    }

    fn forget_in(&self, own: &str, connection: &Connection, name: &TableName) -> Result<()> {
        let (schema, table) = name.folded();
        let sql = format!("DELETE FROM {} WHERE table_schema = ? AND table_name = ?", self.table(own));
        connection.execute_with(&sql, [schema.as_str().into(), table.as_str().into()]).map(drop)
    }

    /// The next version of a table, which nobody else can have taken when this transaction is committed.
    pub(super) fn next_version(&self, connection: &Connection, name: &TableName, run: &str, now: SqlValue) -> Result<i64> {
        let (schema, table) = name.folded();
        let sql = format!(
            "INSERT INTO {} VALUES (?, ?, 0, ?, ?) ON CONFLICT DO UPDATE SET version = version + 1, run = excluded.run, \
             modified = excluded.modified RETURNING version",
            self.table("tables"),
        );
        connection.query_value(&sql, [schema.into(), table.into(), run.into(), now])
    }

    /// What was last committed to a table: its version, the run, and when.
    #[expect(clippy::type_complexity, reason = "a row of three columns")]
    pub(super) fn last(
        &self,
        connection: &Connection,
        name: &TableName,
    ) -> Result<Option<(i64, Option<String>, Option<String>)>> {
        if !self.exists(connection)? {
            return Ok(None);
        }
        let (schema, table) = name.folded();
        let sql = format!(
            "SELECT CAST(version AS VARCHAR), run, CAST(modified AS VARCHAR) FROM {} WHERE table_schema = ? AND table_name = ?",
            self.table("tables"),
        );
        let found = texts(&connection.query_with::<DataFrame>(&sql, [schema.into(), table.into()])?)?;
        let Some(row) = found.into_iter().next() else { return Ok(None) };
        let [version, run, modified] = <[Option<String>; 3]>::try_from(row)
            .map_err(|_| Error::new(ErrorKind::Internal, "a row of another length was asked for"))?;
        let version = version.and_then(|version| version.parse().ok());
        Ok(version.map(|version| (version, run, modified)))
    }

    /// The number of the last commit of a log, asset and slice.
    pub(super) fn committed_number(&self, connection: &Connection, application: &str) -> Result<Option<i64>> {
        if !self.exists(connection)? {
            return Ok(None);
        }
        let sql = format!("SELECT max(number) FROM {} WHERE application = ?", self.table("commits"));
        connection.query_value(&sql, [application.into()])
    }
}

/// The keys of a JSON array that is bound.
const KEYS: &str = "SELECT unnest(from_json(?, '[\"VARCHAR\"]'))";

fn json(keys: &[String]) -> Result<SqlValue> {
    let json = serde_json::to_string(keys).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    Ok(json.into())
}

/// A frame of texts, row by row.
fn texts(frame: &DataFrame) -> Result<Vec<Vec<Option<String>>>> {
    let columns: Vec<_> = frame.columns().iter().map(polars::prelude::Column::str).collect::<Result<_, _>>()?;
    let row = |row: usize| columns.iter().map(|column| column.get(row).map(str::to_owned)).collect();
    Ok((0..frame.height()).map(row).collect())
}
