//! The partitions of folders that somebody else divided by the values of columns.

use polars::prelude::{DataType, Engine, LazyFrame, UnionArgs, UniqueKeepStrategy, col, concat};

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result, known_names};
use crate::frame::polars::check_columns;
use crate::io::slicing::{Slicer, TimeLimits};
use crate::partition::{DimensionDef, KeySet};

/// The partitions that are asked for, of a folder that somebody else divided by the values of columns.
pub(super) fn in_folder(
    plan: LazyFrame,
    asset: &AssetSpec,
    keys: Option<&KeySet>,
    columns: Option<&[String]>,
) -> Result<LazyFrame> {
    let plan = match keys {
        None => plan,
        Some(keys) => {
            let slicer = slicer(plan.clone(), asset, keys)?;
            let one = |index| plan.clone().filter(slicer.only(index).predicate());
            let plans: Vec<LazyFrame> = keys.indices().map(one).collect();
            match plans.len() {
                0 => plan.clone().limit(0),
                _ => concat(plans, UnionArgs::default())?,
            }
        }
    };
    let Some(columns) = columns else { return Ok(plan) };
    let schema = plan.clone().collect_schema()?;
    check_columns(columns, schema.iter_names().map(polars::prelude::PlSmallStr::as_str))?;
    Ok(plan.select(columns.iter().map(col).collect::<Vec<_>>()))
}

/// Refuses to take the partitions of a definition for all there is, if the folder has values that are no keys of it.
pub(super) fn check_nothing_else(plan: &LazyFrame, asset: &AssetSpec, keys: &KeySet) -> Result<()> {
    let Some(expr) = &asset.partition_expr else { return Ok(()) };
    let def = keys.space().def();
    let schema = plan.clone().collect_schema()?;
    for dimension in def.dimensions() {
        let Some(column) = expr.of(&dimension.name) else { continue };
        let limits = match &dimension.def {
            DimensionDef::Time(time) => schema.get(column).and_then(|data_type| TimeLimits::new(time, data_type)),
            _ => None,
        };
        let is_strange = |value: &str| match (&dimension.def, &limits) {
            (DimensionDef::Static(known), _) => !known.iter().any(|key| **key == *value),
            (_, Some(limits)) => limits.exclude(value),
            _ => false,
        };
        if limits.is_none() && !matches!(dimension.def, DimensionDef::Static(_)) {
            continue;
        }
        // Names of folders only: no file is read for it.
        let values = plan.clone().select([col(column).cast(DataType::String)]).unique(None, UniqueKeepStrategy::Any);
        let values = values.collect_with_engine(Engine::Streaming)?.unwrap_single();
        if let Some(value) = values.columns()[0].str()?.iter().flatten().find(|value| is_strange(value)) {
            let what = if limits.is_some() { "in no window" } else { "not a key" };
            let message = format!("the folder has rows of `{value}`, which is {what} of `{}`", dimension.definition);
            let help = match &dimension.def {
                DimensionDef::Static(known) => {
                    format!("add the key to the definition; {}", known_names(value, "keys", known.iter().map(|key| &**key)))
                }
                _ => "let the definition begin earlier or end later, or name the partitions to read".to_owned(),
            };
            return Err(Error::new(ErrorKind::Partitions, message).help(help));
        }
    }
    Ok(())
}

pub(super) fn slicer(mut plan: LazyFrame, asset: &AssetSpec, keys: &KeySet) -> Result<Slicer> {
    let Some(expr) = &asset.partition_expr else {
        let message = format!("nothing says which column tells the partitions of `{}` apart", asset.key);
        return Err(Error::new(ErrorKind::Partitions, message).help("name it in `partition_expr`"));
    };
    Slicer::new(keys, expr, plan.collect_schema()?.as_ref())
}
