//! The columns of a text file that somebody else wrote: what its asset declares, where the file does not say otherwise.

use std::sync::Arc;

use polars::prelude::{DataFrame, DataType, Engine, Field, IntoLazy, LazyFrame, PlSmallStr, Schema, SchemaRef, col};

use crate::asset::AssetSpec;
use crate::columns::ColumnDef;
use crate::error::Result;
use crate::frame::polars::declared_field;

/// How many rows are looked at for the types of a file that somebody else wrote.
pub(super) const INFERENCE_ROWS: usize = 10_000;

/// What a format says of types that it infers.
pub(super) struct Rules {
    /// Whether values that look like the first type can be read as the second.
    pub(super) reads_as: fn(&DataType, &DataType) -> bool,
    /// Whether a row may leave a column out that may be null.
    pub(super) leaves_nulls_out: bool,
}

/// The columns of a file: the inferred ones, each with the type that is declared for it, if what was seen can be read as that.
///
/// What is left differs from what is declared, which whoever compares the two says.
pub(super) fn with_declared(inferred: &LazyFrame, asset: &AssetSpec, rules: &Rules) -> Result<SchemaRef> {
    let found = inferred.clone().collect_schema()?;
    let Some(declared) = asset.output.columns else { return Ok(found) };
    let declaration = |name: &str| declared.iter().find(|column| column.name == name);
    let nothing = only_nulls(inferred, &found, declared)?;
    let mut schema: Schema = found
        .iter()
        .map(|(name, found)| match declaration(name).and_then(declared_field) {
            Some(field) if nothing.contains(name) || (rules.reads_as)(found, field.dtype()) => field,
            _ => Field::new(name.clone(), found.clone()),
        })
        .collect();
    if rules.leaves_nulls_out {
        let left_out = declared.iter().filter(|column| column.nullable && !found.contains(column.name));
        schema.extend(left_out.filter_map(declared_field).map(|field| (field.name().clone(), field.dtype().clone())));
    }
    Ok(Arc::new(schema))
}

/// The declared columns without a row, for a file with nothing in it; nothing if Polars does not have the type of one of them.
pub(super) fn without_rows(declared: &[ColumnDef]) -> Option<LazyFrame> {
    let schema: Schema = declared.iter().map(declared_field).collect::<Option<_>>()?;
    Some(DataFrame::empty_with_schema(&schema).lazy())
}

/// The columns without a value among the rows that are looked at, which are inferred as text.
fn only_nulls(inferred: &LazyFrame, found: &Schema, declared: &[ColumnDef]) -> Result<Vec<PlSmallStr>> {
    let text = |name: &str| matches!(found.get(name), Some(DataType::String | DataType::Null));
    let columns: Vec<_> =
        declared.iter().filter(|column| text(column.name)).map(|column| col(column.name).is_null().all(false)).collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let rows = u32::try_from(INFERENCE_ROWS).unwrap_or(u32::MAX);
    let looked = inferred.clone().limit(rows).select(columns).collect_with_engine(Engine::Streaming)?.unwrap_single();
    let nothing = looked.columns().iter().filter(|column| column.bool().is_ok_and(|all| all.get(0) == Some(true)));
    Ok(nothing.map(|column| column.name().clone()).collect())
}
