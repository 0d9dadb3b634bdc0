//! Commits to several tables, where each partition is a table of its own.

use super::entries::Entries;
use super::table;
use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::error::Result;
use crate::io::storage::Storage;
use crate::io::{CommitState, Committed, StoreRequest};
use crate::slice::Slice;

/// What became of commits in one table.
pub(super) async fn committed_in(path: &Storage, request: &StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
    let Some(table) = table::open(path, request.env.as_ref()).await? else {
        return Ok(vec![CommitState::Absent; ids.len()]);
    };
    let mut numbers = Vec::with_capacity(ids.len());
    for id in ids {
        numbers.push(table.committed_number(path, id).await?);
    }
    let expired = table.forgets() && numbers.contains(&None);
    let entries = if expired { Some(Entries::read(&table, path).await?) } else { None };
    let state = |(id, number): (&CommitId, Option<i64>)| match (&entries, number) {
        (Some(entries), None) => entries.state(id),
        _ => CommitState::of(id.number, number),
    };
    Ok(ids.iter().zip(numbers).map(state).collect())
}

/// What commits to several tables did together.
pub(super) fn together(asset: &AssetSpec, all: Vec<(Slice, Committed)>) -> Result<Committed> {
    let mut sum = Committed::new().table_rows(Some(0)).exact(all.len() == 1);
    sum.already = true;
    let mut ignored = Vec::new();
    for (slice, committed) in all {
        sum.version = committed.version;
        sum.table_rows = sum.table_rows.zip(committed.table_rows).map(|(sum, more)| sum + more);
        sum.already &= committed.already;
        sum.exact &= committed.exact;
        ignored.extend(committed.ignored.map(|_| slice));
    }
    if let (false, Some(def)) = (ignored.is_empty(), &asset.partitions) {
        sum.ignored = Some(def.combine(&ignored)?.slice());
    }
    Ok(sum)
}
