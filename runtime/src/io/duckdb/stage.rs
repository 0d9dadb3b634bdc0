//! Writing rows into a table that nobody reads, and refusing them if they are not what the asset says.

use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::catalog::{Column, Own};
use super::columns;
use super::names::{OWN, STAGED, TableName, same};
use super::predicate::Predicate;
use crate::asset::{AssetSpec, Mode};
use crate::duckdb::{Connection, DuckDb, SqlValue, quote};
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::frame::Table;
use crate::io::merge::Merge;
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::{RunInfo, Staged};
use crate::partition::KeySet;
use crate::schema::Column as Shown;

/// The view of the rows that are written.
const ROWS: &str = "_lakewright_rows";

/// The payload of something staged for a DuckDB table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StagedRows {
    /// Where the rows are.
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) columns: Vec<Column>,
    /// Whether the rows are beside the table, so that theirs can become the table.
    pub(super) beside: bool,
    /// Whether the table gives back the rows as they were: types that DuckDB has, in one piece.
    pub(super) exact: bool,
}

impl StagedRows {
    pub(super) fn of(staged: &Staged) -> Result<Self> {
        staged.payload("the DuckDB store")
    }

    pub(super) fn name(&self) -> TableName {
        TableName { schema: self.schema.clone(), table: self.table.clone() }
    }
}

/// What is staged, and for what.
pub(super) struct Stage<'a> {
    pub(super) database: &'a DuckDb,
    pub(super) name: &'a TableName,
    pub(super) asset: &'a AssetSpec,
    pub(super) mode: Mode,
    pub(super) keys: Option<&'a KeySet>,
    pub(super) run: &'a RunInfo,
    pub(super) env: &'a dyn Env,
}

impl Stage<'_> {
    /// Creates what the store remembers things in, and removes what is left over. Two that do so at once are a conflict.
    pub(super) fn prepare(&self) -> Result<()> {
        make_folder(self.database)?;
        let connection = self.database.connection()?;
        let own = Own::of(&connection)?;
        connection.transaction(|connection| {
            if !own.exists(connection)? {
                own.create(connection)?;
            }
            let schema = format!("{}.{}", quote(&own.catalog), quote(&self.name.schema));
            connection.execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).map(|_| ())
        })?;
        // What is left over costs space and nothing else, so whoever comes next may try again.
        let swept = connection.transaction(|connection| own.sweep(connection, now(self.env)));
        if let Err(error) = swept {
            tracing::debug!(%error, database = self.database.location(), "left-over rows were not removed");
        }
        Ok(())
    }

    /// Writes the rows. Blocks.
    pub(super) fn write(&self, rows: Table) -> Result<Staged> {
        let connection = self.database.connection()?;
        let own = Own::of(&connection)?;
        let existing = own.find(&connection, self.name)?;
        let given = match rows.share() {
            Some(shared) => Some(shared.table(None)?.interchange()?.schema()?),
            None => None,
        };
        connection.ingest(ROWS, rows)?;
        let mut written = Own::columns_of(&connection, &format!("SELECT * FROM {ROWS}"))?;
        if let Some(existing) = &existing {
            columns::check(self.asset, existing, &written)?;
            if schema_mode(self.asset) != SchemaMode::Overwrite {
                let place = |column: &Column| existing.columns.iter().position(|known| same(&known.name, &column.name));
                written.sort_by_key(|column| place(column).unwrap_or(usize::MAX));
            }
        }
        let predicate = match (self.keys, &self.asset.partition_expr) {
            (Some(keys), Some(expr)) => {
                Some(Predicate::new(keys, expr, &written, |expression| Own::type_of(&connection, expression, ROWS))?)
            }
            _ => None,
        };
        let merge = Merge::of(self.asset, self.mode)?;
        let list = columns::list(&written);
        let in_one_piece = self.keys.is_none_or(|keys| keys.len() == 1);
        let exact = match given.filter(|_| in_one_piece) {
            Some(given) => connection.read(&format!("SELECT {list} FROM {ROWS} LIMIT 0"), Vec::new()).schema()? == given,
            None => false,
        };
        // Only rows that may become the table are beside it: all others are copied into it.
        let beside = existing.is_none() || (self.keys.is_none() && self.mode == Mode::Overwrite);
        let schema = existing.as_ref().map_or(&self.name.schema, |existing| &existing.name.schema);
        let schema = if beside { schema.clone() } else { OWN.to_owned() };
        let staged = StagedRows { schema, table: format!("{STAGED}{}", unique_id(self.env)), columns: written, beside, exact };
        let name = staged.name();
        let table = name.sql(&own.catalog);
        let rows = connection.transaction(|connection| {
            let sql = format!("INSERT INTO {} VALUES (?, ?, ?, ?, ?)", own.table("staged"));
            let (asset, run) = (self.asset.key.to_string(), self.run.run.as_str());
            let values = [name.schema.as_str().into(), name.table.as_str().into(), asset.into(), run.into(), now(self.env)];
            connection.execute_with(&sql, values)?;
            connection.execute(&format!("CREATE TABLE {table} AS SELECT {list} FROM {ROWS}"))?;
            if let Some(predicate) = &predicate {
                refuse_strays(connection, &table, predicate)?;
            }
            if let Some(merge) = &merge {
                check_merged(connection, &table, merge, &staged.columns)?;
            }
            connection.query_value::<u64>(&format!("SELECT count(*) FROM {table}"), [])
        })?;
        let shown = staged.columns.iter().map(|column| Shown::new(&column.name, &column.data_type)).collect();
        let payload = serde_json::to_value(staged).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Staged::new(payload).rows(rows).columns(shown))
    }
}

/// The time of day, as the store remembers it.
pub(super) fn now(env: &dyn Env) -> SqlValue {
    let micros = jiff::Timestamp::from_microsecond(env.now().as_microsecond()).unwrap_or_else(|_| env.now());
    micros.into()
}

/// The folder of a database that is not there yet.
fn make_folder(database: &DuckDb) -> Result<()> {
    let Some(folder) = database.path().and_then(|path| path.parent()).filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| crate::io::files::io_error(&error, "create the folder", folder))
}

/// Refuses rows of other partitions.
fn refuse_strays(connection: &Connection, table: &str, predicate: &Predicate) -> Result<()> {
    let belongs = predicate.sql()?;
    let count = format!("SELECT count(*) FROM {table} WHERE ({}) IS NOT TRUE", belongs.text);
    let rows = match connection.query_value::<u64>(&count, belongs.bound())? {
        0 => return Ok(()),
        1 => "1 row of the output does not".to_owned(),
        count => format!("{count} rows of the output do not"),
    };
    let keys = predicate.keys();
    let mut names: Vec<String> = keys.keys().take(3).map(|key| format!("`{key}`")).collect();
    if keys.len() > 3 {
        names.push("…".to_owned());
    }
    let partitions = if keys.len() == 1 { "partition" } else { "partitions" };
    let mut values = Vec::new();
    for (written, sql) in predicate.expressions() {
        let first =
            format!("SELECT CAST({sql} AS VARCHAR) FROM {table} WHERE ({}) IS NOT TRUE ORDER BY rowid LIMIT 1", belongs.text);
        values.push(match connection.query_value::<Option<String>>(&first, belongs.bound())? {
            Some(value) => format!("`{written}` is `{value}`"),
            None => format!("`{written}` is null"),
        });
    }
    let message =
        format!("{rows} belong to the {partitions} {}: {} in the first of them", names.join(", "), values.join(" and "));
    let help = "return only rows of the partition that is made, for example by a filter on its key";
    Err(Error::new(ErrorKind::StrayRows, message).help(help))
}

/// Refuses rows of which there is no telling which stored row they mean.
fn check_merged(connection: &Connection, table: &str, merge: &Merge, known: &[Column]) -> Result<()> {
    for name in &merge.on {
        if !known.iter().any(|column| same(&column.name, name)) {
            let message = format!("`on` names the column `{name}`, which the output does not have");
            let help = known_names(name, "columns", known.iter().map(|column| column.name.as_str()));
            return Err(Error::new(ErrorKind::Schema, message).help(help));
        }
    }
    let on: Vec<String> = merge.on.iter().map(|name| quote(name)).collect();
    let nulls = on.iter().map(|name| format!("{name} IS NULL")).collect::<Vec<_>>().join(" OR ");
    let nulls: u64 = connection.query_value(&format!("SELECT count(*) FROM {table} WHERE {nulls}"), [])?;
    let columns = merge.on.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if nulls > 0 {
        let rows = if nulls == 1 { "1 row of the output has".to_owned() } else { format!("{nulls} rows of the output have") };
        let message = format!("{rows} a null in {columns}, which tells rows apart");
        return Err(Error::new(ErrorKind::Value, message).help("leave such rows out, or name other columns in `on`"));
    }
    let list = on.join(", ");
    let shown = on.iter().map(|name| format!("CAST({name} AS VARCHAR)")).collect::<Vec<_>>().join(" || ', ' || ");
    let twice = format!("SELECT {shown} AS key FROM {table} GROUP BY {list} HAVING count(*) > 1 ORDER BY min(rowid) LIMIT 1");
    let twice = connection.query::<DataFrame>(&twice)?;
    if twice.height() > 0 {
        let value = twice.column("key")?.str()?.get(0).unwrap_or_default().to_owned();
        let message = format!("two rows of the output have the same {columns}: `{value}`");
        return Err(Error::new(ErrorKind::Value, message).help("leave one of them out, or name more columns in `on`"));
    }
    Ok(())
}
