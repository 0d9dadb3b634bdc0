//! `mode = "merge"` as one statement.

use super::catalog::Column;
use super::columns;
use super::names::same;
use super::predicate::Predicate;
use super::statement::Sql;
use crate::duckdb::quote;
use crate::error::Result;
use crate::io::merge::{Matched, Merge};

/// Merges staged rows into a table, or into some partitions of it: rows of others are never looked at. Staged rows that `except` is
/// of stay out of it.
///
/// The staged columns get names of their own, so that what tells partitions apart means the table's.
pub(super) fn merge_into(
    merge: &Merge,
    table: &str,
    staged: &str,
    written: &[Column],
    part: Option<&Predicate>,
    except: Option<&Sql>,
) -> Result<Sql> {
    let own = |name: &str| {
        let at = written.iter().position(|column| same(&column.name, name)).unwrap_or_default();
        format!("source._lakewright_{at}")
    };
    let renamed = written.iter().enumerate().map(|(at, column)| format!("{} AS _lakewright_{at}", quote(&column.name)));
    let renamed = renamed.collect::<Vec<_>>().join(", ");
    let is_key = |column: &&Column| merge.on.iter().any(|name| same(name, &column.name));
    let belongs = part.map(Predicate::sql).transpose()?;
    let on = merge.on.iter().map(|name| format!("target.{} = {}", quote(name), own(name))).collect::<Vec<_>>().join(" AND ");
    let mut sql = Sql::new(format!("MERGE INTO {table} AS target USING (SELECT {renamed} FROM {staged}"));
    if let Some(except) = except {
        sql.push(" WHERE (").append(except).push(") IS NOT TRUE");
    }
    sql.push(") AS source ON (").push(&on);
    if let Some(belongs) = &belongs {
        sql.push(" AND (").append(belongs).push(")");
    }
    sql.push(")");
    let without_choices = sql.text.len();
    match merge.matched {
        Matched::Update => {
            let values = written.iter().filter(|column| !is_key(column));
            let set = values.map(|column| format!("{} = {}", quote(&column.name), own(&column.name))).collect::<Vec<_>>();
            if !set.is_empty() {
                sql.push(" WHEN MATCHED THEN UPDATE SET ").push(&set.join(", "));
            }
        }
        Matched::Delete => {
            sql.push(" WHEN MATCHED THEN DELETE");
        }
        Matched::Ignore => {}
    }
    if merge.insert {
        let values = written.iter().map(|column| own(&column.name)).collect::<Vec<_>>().join(", ");
        sql.push(&format!(" WHEN NOT MATCHED THEN INSERT ({}) VALUES ({values})", columns::list(written)));
    }
    if merge.delete_unmatched {
        sql.push(" WHEN NOT MATCHED BY SOURCE");
        if let Some(belongs) = &belongs {
            sql.push(" AND (").append(belongs).push(")");
        }
        sql.push(" THEN DELETE");
    }
    // Every choice leaves it as it is.
    if sql.text.len() == without_choices {
        sql.push(" WHEN MATCHED THEN DO NOTHING");
    }
    Ok(sql)
}
