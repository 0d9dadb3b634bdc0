//! Rows of partitions that the definition does not have any more: whoever reads all partitions would miss them.

use super::client::Client;
use super::predicate::column_or_expression;
use super::schema::{Def, comparable};
use super::sql::{Kind, Sql};
use super::table::Place;
use crate::asset::PartitionExpr;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::io::slicing::TimeLimits;
use crate::partition::{DimensionDef, PartitionsDef};

/// Refuses a table with rows whose values are keys of no partition that there can be.
pub(super) async fn refuse_strange(
    client: &Client,
    env: &dyn Env,
    place: &Place,
    defs: &[Def],
    expr: &PartitionExpr,
    partitions: &PartitionsDef,
) -> Result<()> {
    for dimension in partitions.dimensions() {
        let Some(expression) = expr.of(&dimension.name) else { continue };
        let sql = column_or_expression(expression, defs);
        let text = format!("CAST({sql} AS STRING)");
        let from = format!(" FROM {}", place.sql());
        let asked = match &dimension.def {
            DimensionDef::Static(keys) => Sql::text(format!("SELECT MIN({text}){from} WHERE {text} NOT IN UNNEST("))
                .values(Kind::Text, keys.iter().map(ToString::to_string).collect())
                .and(")"),
            DimensionDef::Time(_) => Sql::text(format!("SELECT CAST(MIN({sql}) AS STRING), CAST(MAX({sql}) AS STRING){from}")),
            _ => continue,
        };
        // Moments have many texts, so that a text says nothing of whether it is a key.
        let data_type = defs.iter().find(|def| def.name == expression).and_then(comparable);
        let limits = match (&dimension.def, &data_type) {
            (DimensionDef::Time(time), Some(data_type)) => TimeLimits::new(time, data_type),
            _ => None,
        };
        let is_moment = data_type.as_ref().is_none_or(|data_type| matches!(data_type, polars::prelude::DataType::Datetime(..)));
        let skipped = if let DimensionDef::Static(_) = &dimension.def { is_moment } else { limits.is_none() };
        if skipped {
            continue;
        }
        let rows = client.few(env, &asked).await?.map_err(|refusal| refusal.error("look for partitions", &place.to_string()))?;
        let strange = |value: &String| limits.as_ref().is_none_or(|limits| limits.exclude(value));
        if let Some(value) = rows.into_iter().flatten().flatten().find(strange) {
            let what = if limits.is_some() { "in no window" } else { "not a key" };
            let message = format!("`{place}` has rows of `{value}`, which is {what} of `{}`", dimension.definition);
            let help = "add it to the definition, name the partitions to read, or delete the rows";
            return Err(Error::new(ErrorKind::Partitions, message).help(help));
        }
    }
    Ok(())
}
