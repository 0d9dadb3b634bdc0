//! The partitions of an asset, each a file, read as one.

use polars::prelude::{DslPlan, LazyFrame, UnionArgs, concat};

use crate::error::{Error, Result};
use crate::frame::check_same_columns;
use crate::frame::polars::columns_of;
use crate::key::AssetKey;
use crate::partition::PartitionKey;
use crate::schema::Column;

/// A file that is going to be read.
pub(super) struct Part {
    pub(super) plan: LazyFrame,
    /// What of the columns that were written is read, if we wrote the file.
    pub(super) written: Option<Vec<Column>>,
    /// Where it is, for people.
    pub(super) location: String,
}

/// The rows of all files, one after the other; nothing if there is none.
pub(super) fn together(asset: &AssetKey, mut parts: Vec<(PartitionKey, Part)>) -> Result<Option<LazyFrame>> {
    if parts.len() < 2 {
        return Ok(parts.pop().map(|(_, part)| part.plan));
    }
    if !agree(&parts) {
        look_at(&parts);
        check(asset, &mut parts)?;
    }
    let plans: Vec<LazyFrame> = parts.into_iter().map(|(_, part)| part.plan).collect();
    Ok(Some(concat(plans, UnionArgs::default())?))
}

/// Whether the manifests say the same of all files, so that none is looked at before somebody asks for rows.
fn agree(parts: &[(PartitionKey, Part)]) -> bool {
    let mut written = parts.iter().map(|(_, part)| part.written.as_ref());
    let first = written.next().flatten();
    first.is_some() && written.all(|other| other == first)
}

/// Has Polars look at what is in all files at the same time, and remember it in the plan of each.
fn look_at(parts: &[(PartitionKey, Part)]) {
    let inputs = parts.iter().map(|(_, part)| part.plan.logical_plan.clone()).collect();
    let mut all = LazyFrame::from(DslPlan::Union { inputs, args: UnionArgs::default() });
    // What is wrong is found again for one file after the other: here it would be without the names of files and columns.
    drop(all.collect_schema());
}

/// Refuses files whose columns are not those of the first. Polars compares types and no names.
fn check(asset: &AssetKey, parts: &mut [(PartitionKey, Part)]) -> Result<()> {
    let Some(((first, part), others)) = parts.split_first_mut() else { return Ok(()) };
    let wanted = part.columns(asset)?;
    for (key, part) in others {
        let found = part.columns(asset)?;
        check_same_columns(&wanted, &found).map_err(|error| {
            let message = format!("the partitions `{first}` and `{key}` of `{asset}` differ: {}", error.message());
            let told = Error::new(error.kind(), message).help(error.help_text().unwrap_or_default());
            told.with("asset", asset).with("location", &part.location)
        })?;
    }
    Ok(())
}

impl Part {
    /// The columns that come out of it.
    fn columns(&mut self, asset: &AssetKey) -> Result<Vec<Column>> {
        let schema = self.plan.collect_schema().map_err(Error::from);
        let schema = schema.map_err(|error| error.with("asset", asset).with("location", &self.location))?;
        Ok(columns_of(&schema))
    }
}
