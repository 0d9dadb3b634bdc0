//! Tables, and the one that remembers what was committed.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::client::{Client, Refusal};
use super::jobs::defs;
use super::predicate::{Predicate, column_or_expression, expressions};
use super::schema::Def;
use super::sql::{Kind, Sql, quoted};
use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::{KeySet, KeySpace};
use crate::slice::Slice;

/// The table in each dataset that remembers what was committed. Rows are only added, since two transactions that add rows to one table
/// do not stand in each other's way.
pub(super) const COMMITS: &str = "_lakewright_commits";

/// How the names of staging tables begin.
pub(super) const STAGING: &str = "_lakewright_staging_";

/// What a row in [`COMMITS`] says of its slice.
pub(super) const STORED: &str = "stored";
pub(super) const DELETED: &str = "deleted";

/// Which table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) dataset: String,
    pub(super) table: String,
}

impl Place {
    /// The same dataset's table of this name.
    pub(super) fn beside(&self, table: &str) -> Self {
        Self { table: table.to_owned(), ..self.clone() }
    }

    /// As a statement names it.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}.{}", quoted(&self.project), quoted(&self.dataset), quoted(&self.table))
    }

    pub(super) fn json(&self) -> Json {
        json!({ "projectId": self.project, "datasetId": self.dataset, "tableId": self.table })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.project, self.dataset, self.table)
    }
}

/// A table that is there.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) defs: Vec<Def>,
    /// What is known of commits before that is of another table, which had the same name.
    created: Option<Timestamp>,
    pub(super) modified: Option<Timestamp>,
    pub(super) bytes: Option<u64>,
}

/// What is remembered of one slice of a table.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) slice: Slice,
    pub(super) deleted: bool,
}

impl Client {
    /// The table, if it is there.
    pub(super) async fn table(&self, env: &dyn Env, place: &Place) -> Result<Option<Table>> {
        let json = match self.get(env, &["datasets", &place.dataset, "tables", &place.table], &[]).await? {
            Ok(json) => json,
            Err(refusal) if refusal.is_missing() => return Ok(None),
            Err(refusal) => return Err(refusal.error("look at a table", &place.to_string())),
        };
        let number = |name: &str| json[name].as_str().and_then(|text| text.parse::<i64>().ok());
        let at = |name: &str| number(name).and_then(|at| Timestamp::from_millisecond(at).ok());
        Ok(Some(Table {
            defs: defs(&json["schema"])?,
            created: at("creationTime"),
            modified: at("lastModifiedTime"),
            bytes: number("numBytes").and_then(|bytes| u64::try_from(bytes).ok()),
        }))
    }

    /// Makes a table without rows, and its dataset, unless it is there.
    pub(super) async fn create(&self, env: &dyn Env, place: &Place, defs: &[Def], expires: Option<Timestamp>) -> Result<()> {
        let mut body = json!({ "tableReference": place.json(), "schema": { "fields": defs } });
        if let Some(expires) = expires {
            body["expirationTime"] = json!(expires.as_millisecond().to_string());
        }
        let url = self.url(&["datasets", &place.dataset, "tables"], &[])?;
        match self.ask(env, Method::POST, url.clone(), Some(&body), false).await? {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.is_duplicate() => return Ok(()),
            // Whatever it says: without the dataset there is no table.
            Err(refusal) if refusal.is_missing() || refusal.is_passing() => self.create_dataset(env, place).await?,
            Err(refusal) => return Err(refusal.error("create a table", &place.to_string())),
        }
        match self.ask(env, Method::POST, url, Some(&body), true).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_duplicate() => Ok(()),
            Err(refusal) => Err(refusal.error("create a table", &place.to_string())),
        }
    }

    async fn create_dataset(&self, env: &dyn Env, place: &Place) -> Result<()> {
        match self.get(env, &["datasets", &place.dataset], &[]).await? {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.is_missing() => {}
            Err(refusal) => return Err(refusal.error("look at the dataset", &format!("{}.{}", place.project, place.dataset))),
        }
        let mut body = json!({ "datasetReference": { "projectId": place.project, "datasetId": place.dataset } });
        if let Some(location) = &self.config.location {
            body["location"] = json!(location);
        }
        match self.ask(env, Method::POST, self.url(&["datasets"], &[])?, Some(&body), true).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_duplicate() => Ok(()),
            Err(refusal) => Err(refusal.error("create the dataset", &format!("{}.{}", place.project, place.dataset))),
        }
    }

    /// Removes a table; one that is gone is no error.
    pub(super) async fn drop_table(&self, env: &dyn Env, place: &Place) -> Result<()> {
        let url = self.url(&["datasets", &place.dataset, "tables", &place.table], &[])?;
        match self.ask(env, Method::DELETE, url, None, true).await? {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_missing() => Ok(()),
            Err(refusal) => Err(refusal.error("remove a table", &place.to_string())),
        }
    }

    /// Adds columns, which are null in the rows that there are.
    pub(super) async fn add_columns(&self, env: &dyn Env, place: &Place, known: &[Def], new: &[Def]) -> Result<()> {
        let add =
            |def: &Def| format!("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {};", place.sql(), quoted(&def.name), def.sql_type());
        let text = new.iter().map(add).collect::<Vec<_>>().join("\n");
        let failed = |refusal: Refusal| refusal.error("add columns to a table", &place.to_string());
        self.script(env, &Self::new_job(env), &text).await?.map_err(failed)?;
        let there = self.table(env, place).await?.map(|table| table.defs).unwrap_or_default();
        if new.iter().all(|def| there.iter().any(|known| known.name == def.name)) {
            return Ok(());
        }
        // Of what keeps a list of columns beside the table. BigQuery itself would lose what people say there of columns.
        let all: Vec<&Def> = known.iter().chain(new).collect();
        let url = self.url(&["datasets", &place.dataset, "tables", &place.table], &[])?;
        let body = json!({ "schema": { "fields": all } });
        self.ask(env, Method::PATCH, url, Some(&body), true).await?.map_err(failed)?;
        Ok(())
    }

    /// Makes the table of commits, unless it is there.
    pub(super) async fn create_commits(&self, env: &dyn Env, place: &Place) -> Result<()> {
        const COLUMNS: [(&str, &str); 9] = [
            ("table_name", "STRING"),
            ("application", "STRING"),
            ("number", "INT64"),
            ("slice", "STRING"),
            ("what", "STRING"),
            ("run", "STRING"),
            ("asset", "STRING"),
            ("info", "STRING"),
            ("committed_at", "TIMESTAMP"),
        ];
        let defs: Vec<Def> = COLUMNS.iter().map(|(name, kind)| Def::new(name, kind)).collect();
        self.create(env, &place.beside(COMMITS), &defs, None).await
    }

    /// A query of the commits of a table; nothing if none is remembered.
    async fn remembered_rows(&self, env: &dyn Env, place: &Place, table: &Table, sql: Sql) -> Result<Vec<Vec<Option<String>>>> {
        let sql = match table.created {
            // The commit comes after the table, by the same clock.
            Some(created) => {
                let created = format!("{}+00:00", created.strftime("%Y-%m-%d %H:%M:%S.%6f"));
                Sql::text("WITH commits AS (SELECT * FROM ")
                    .and(place.beside(COMMITS).sql())
                    .and(" WHERE table_name = ")
                    .value(Kind::Text, &place.table)
                    .and(" AND committed_at >= ")
                    .value(Kind::Timestamp, created)
                    .and(") ")
                    .then(sql)
            }
            None => Sql::text("WITH commits AS (SELECT * FROM ")
                .and(place.beside(COMMITS).sql())
                .and(" WHERE table_name = ")
                .value(Kind::Text, &place.table)
                .and(") ")
                .then(sql),
        };
        match self.few(env, &sql).await? {
            Ok(rows) => Ok(rows),
            Err(refusal) if refusal.is_missing() => Ok(Vec::new()),
            Err(refusal) => Err(refusal.error("look at earlier commits", &place.to_string())),
        }
    }

    /// The greatest number of each application that is committed to the table.
    pub(super) async fn numbers(
        &self,
        env: &dyn Env,
        place: &Place,
        table: &Table,
        ids: &[&CommitId],
    ) -> Result<Vec<Option<i64>>> {
        let applications: Vec<String> = ids.iter().map(|id| id.application()).collect();
        let sql = Sql::text("SELECT application, CAST(MAX(number) AS STRING) FROM commits WHERE application IN UNNEST(")
            .values(Kind::Text, applications.clone())
            .and(") GROUP BY application");
        let rows = self.remembered_rows(env, place, table, sql).await?;
        let number = |application: &String| {
            let row = rows.iter().find(|row| row.first().is_some_and(|name| name.as_ref() == Some(application)))?;
            row.get(1)?.as_ref()?.parse().ok()
        };
        Ok(applications.iter().map(number).collect())
    }

    /// The run that committed last.
    pub(super) async fn last_run(&self, env: &dyn Env, place: &Place, table: &Table) -> Result<Option<String>> {
        let sql = Sql::text("SELECT run FROM commits ORDER BY committed_at DESC LIMIT 1");
        let rows = self.remembered_rows(env, place, table, sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    /// What of the table was stored or deleted, in that order.
    pub(super) async fn remembered(&self, env: &dyn Env, place: &Place, table: &Table) -> Result<Vec<Remembered>> {
        let sql = Sql::text("SELECT slice, what FROM commits GROUP BY slice, what ORDER BY MAX(committed_at)");
        let rows = self.remembered_rows(env, place, table, sql).await?;
        let one = |row: Vec<Option<String>>| {
            let mut cells = row.into_iter();
            let slice = cells.next().flatten()?.parse().ok()?;
            Some(Remembered { slice, deleted: cells.next().flatten().as_deref() == Some(DELETED) })
        };
        Ok(rows.into_iter().filter_map(one).collect())
    }

    /// How many rows there are, or are of some partitions.
    pub(super) async fn count(&self, env: &dyn Env, place: &Place, predicate: Option<&Predicate>) -> Result<u64> {
        let mut sql = Sql::text("SELECT CAST(COUNT(*) AS STRING) FROM ").and(place.sql());
        if let Some(predicate) = predicate {
            sql = sql.and(" WHERE ").then(predicate.sql()?);
        }
        let rows = self.few(env, &sql).await?.map_err(|refusal| refusal.error("count the rows", &place.to_string()))?;
        let count = rows.first().and_then(|row| row.first()).and_then(|cell| cell.as_ref()?.parse().ok());
        count.ok_or_else(|| Error::new(ErrorKind::Io, format!("BigQuery did not say how many rows `{place}` has")))
    }

    /// What tells partitions apart in a table.
    pub(super) async fn predicate(
        &self,
        env: &dyn Env,
        place: &Place,
        defs: &[Def],
        asset: &AssetSpec,
        keys: &KeySet,
    ) -> Result<Predicate> {
        let Some(expr) = &asset.partition_expr else {
            let message = format!("`{}` has no `partition_expr`, and all of its partitions are in one table", asset.key);
            return Err(Error::new(ErrorKind::Partitions, message));
        };
        let mut types = Vec::new();
        for expression in expressions(keys, expr)? {
            if let Some(def) = defs.iter().find(|def| def.name == expression) {
                types.push(def.clone());
                continue;
            }
            // What type an expression has, only BigQuery can say.
            let text = format!("SELECT {} AS value FROM {}", column_or_expression(expression, defs), place.sql());
            let found = self.columns_of(env, &text).await?.map_err(|refusal| {
                let message = format!("`partition_expr = {expression:?}` is neither a column nor an expression of one");
                Error::new(ErrorKind::Schema, message).source(refusal.message).with("location", place)
            })?;
            types.extend(found.into_iter().next());
        }
        Predicate::new(keys, expr, defs, &types)
    }

    /// Which of the partitions have rows or were stored without any.
    pub(super) async fn present(
        &self,
        env: &dyn Env,
        place: &Place,
        table: &Table,
        asset: &AssetSpec,
        keys: &KeySet,
    ) -> Result<KeySet> {
        let predicate = self.predicate(env, place, &table.defs, asset, keys).await?;
        let rows = self.few(env, &predicate.occurring(&place.sql())?).await?;
        let rows = rows.map_err(|refusal| refusal.error("look for partitions", &place.to_string()))?;
        let number = |row: &Vec<Option<String>>| row.iter().map(|cell| cell.as_ref()?.parse().ok()).collect::<Option<Vec<i64>>>();
        let occurring = predicate.found(&rows.iter().filter_map(number).collect::<Vec<_>>())?;
        if asset.is_external() {
            return Ok(occurring);
        }
        Ok(stored(keys.space(), &self.remembered(env, place, table).await?).intersection(keys).union(&occurring))
    }
}

/// What was stored by its partitions and not deleted since. A table that was written whole says nothing of single partitions.
fn stored(space: &KeySpace, remembered: &[Remembered]) -> KeySet {
    remembered.iter().filter(|one| one.slice != Slice::Whole).fold(space.none(), |stored, one| {
        let keys = space.known(&one.slice);
        if one.deleted { stored.difference(&keys) } else { stored.union(&keys) }
    })
}
