//! Where the partitions of an asset are: parts of one table, told apart by columns, or tables of their own.

use polars::prelude::{DataType, Schema};

use crate::asset::{AssetSpec, PartitionExpr};
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;
use crate::key::path_segment;
use crate::partition::{DimensionDef, KeySet};

/// How the name of a data file without rows begins: it says that its partition was stored and is empty. The digest of the slice of
/// the partition follows.
pub(super) const EMPTY: &str = "empty-";

/// Whether each partition is a table of its own.
pub(super) fn is_table_per_partition(asset: &AssetSpec) -> bool {
    asset.partitions.is_some() && asset.partition_expr.is_none()
}

/// The folder of the only partition of a set, below the folder of the asset; dimensions nest, sorted by name.
pub(super) fn partition_path(table: &Storage, keys: &KeySet) -> Result<Storage> {
    match keys.keys().next() {
        Some(key) if keys.len() == 1 => table.join(key.dimensions().map(|(_, value)| path_segment(value))),
        _ => {
            let message = format!("{} partitions are not one table", keys.len());
            Err(Error::new(ErrorKind::Internal, message))
        }
    }
}

/// The column that a table without a definition is partitioned by. Delta partitions by columns, so an expression is refused.
pub(super) fn check_expr(asset: &AssetSpec) -> Result<()> {
    let expressions: Vec<&str> = match &asset.partition_expr {
        None => Vec::new(),
        Some(PartitionExpr::One(expression)) => vec![expression],
        Some(PartitionExpr::Dimensions(all)) => all.iter().map(|(_, expression)| expression.as_str()).collect(),
    };
    for expression in &expressions {
        if expression.trim().is_empty() || expression.contains(['(', ')', ',', '\'', '"']) {
            let message = format!("`partition_expr = {expression:?}` is not a column, and Delta partitions by columns");
            return Err(Error::new(ErrorKind::NotHonoured, message).help("compute the column in the asset and name it here"));
        }
    }
    for (index, expression) in expressions.iter().enumerate() {
        if expressions[..index].contains(expression) {
            let message = format!("two dimensions are told apart by one column, `{expression}`");
            return Err(Error::new(ErrorKind::Partitions, message).help("name a column of its own for each dimension"));
        }
    }
    Ok(())
}

/// The columns that make folders: those of the dimensions in the order of the fields, but times, of which each would make a folder of
/// its own, only if the asset asks for it.
pub(super) fn partition_columns(asset: &AssetSpec, schema: &Schema) -> Result<Vec<String>> {
    let Some(expr) = &asset.partition_expr else { return Ok(Vec::new()) };
    let Some(def) = &asset.partitions else { return Ok(expr.of("").map(str::to_owned).into_iter().collect()) };
    let mut columns = Vec::new();
    for dimension in def.dimensions() {
        let Some(column) = expr.of(&dimension.name) else {
            let message = format!("`partition_expr` says nothing of the dimension `{}` of `{}`", dimension.name, def.name());
            return Err(Error::new(ErrorKind::Partitions, message));
        };
        let is_time = matches!(dimension.def, DimensionDef::Time(_));
        let by_choice = !is_time || !matches!(schema.get(column), Some(DataType::Datetime(..)));
        let asked = asset.partition_by.as_ref().map(|names| names.contains(&dimension.name));
        if asked.unwrap_or(by_choice) {
            columns.push(column.to_owned());
        }
    }
    Ok(columns)
}
