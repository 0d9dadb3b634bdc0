//! `mode = "merge"`: what a merge does to the files of a table.
//!
//! Stored rows that a new one replaces, and those that go, are left out of the files that hold them, which are written again; files
//! without such a row are not touched, and those that cannot have one by their statistics are not even read. The keys of the new rows
//! are in memory, and of the stored rows those that match; everything else streams.

use polars::prelude::{
    DataFrame, DataType, Engine, Expr, IdxCa, IdxSize, IntoLazy, JoinArgs, JoinType, LazyFrame, SortMultipleOptions, col, concat,
    len, lit,
};
use serde_json::Value as Json;

use super::actions::{Changes, divide};
use super::commit::Commit;
use super::live::LiveFile;
use super::opened::Opened;
use super::rewrite::Rewrites;
use super::slices::{self, expr_of};
use super::source::{Source, union};
use super::stage::{StagedFile, StagedTable};
use crate::env::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::{Matched, Merge};
use crate::io::slicing::Slicer;
use crate::partition::KeySet;
use crate::slice::Slice;

/// The column of the place of a row on an axis of the partitions, by which rows of other partitions never match.
const PLACE: &str = "__lakewright_place_";
const COUNT: &str = "__lakewright_count";

/// What tells rows apart: the columns of `on`, and the partition of the row.
#[derive(Clone)]
struct Keys {
    on: Vec<String>,
    slicer: Option<Slicer>,
}

impl Keys {
    fn names(&self) -> Vec<Expr> {
        let places = self.slicer.iter().flat_map(Slicer::axes).enumerate().map(|(axis, _)| col(format!("{PLACE}{axis}")));
        self.on.iter().map(col).chain(places).collect()
    }

    fn with_places(&self, plan: LazyFrame) -> LazyFrame {
        let axes = self.slicer.iter().flat_map(Slicer::axes).enumerate();
        let places: Vec<Expr> = axes.map(|(axis, column)| column.place().alias(format!("{PLACE}{axis}"))).collect();
        if places.is_empty() { plan } else { plan.with_columns(places) }
    }

    fn of(&self, plan: LazyFrame) -> LazyFrame {
        self.with_places(plan).select(self.names())
    }

    /// The rows of a plan whose keys are among these, or are not.
    fn join(&self, plan: LazyFrame, keys: &DataFrame, how: JoinType) -> LazyFrame {
        self.with_places(plan).join(keys.clone().lazy(), self.names(), self.names(), JoinArgs::new(how))
    }
}

/// Refuses new rows of which there is no telling which stored row they mean: those with a null in their key, or with that of another.
/// Blocks.
pub(super) fn check_keys(plan: LazyFrame, on: &[String], slicer: Option<&Slicer>) -> Result<()> {
    let keys = Keys { on: on.to_vec(), slicer: slicer.cloned() };
    let help = "make the columns of `on` tell every row apart, or name more of them";
    let plan = keys.of(plan);
    let any_null = on.iter().map(|name| col(name).is_null()).reduce(Expr::or).unwrap_or(lit(false));
    let nulls =
        plan.clone().filter(any_null).select([len().alias(COUNT)]).collect_with_engine(Engine::Streaming)?.unwrap_single();
    let count = nulls.column(COUNT)?.get(0)?.extract::<u64>().unwrap_or_default();
    if count > 0 {
        let message = format!("{count} new rows have a null in the columns to merge on, {}", named(on));
        return Err(Error::new(ErrorKind::Value, message).help(help));
    }
    let doubled = plan.group_by(keys.names()).agg([len().alias(COUNT)]).filter(col(COUNT).gt(lit(1)));
    let doubled = doubled.sort([COUNT], SortMultipleOptions::default().with_order_descending(true));
    let doubled = doubled.collect_with_engine(Engine::Streaming)?.unwrap_single();
    if doubled.height() == 0 {
        return Ok(());
    }
    let mut first = Vec::new();
    for name in on {
        first.push(format!("`{name}` = {}", doubled.column(name)?.get(0)?));
    }
    let times = doubled.column(COUNT)?.get(0)?.extract::<u64>().unwrap_or_default();
    let (first, others) = (first.join(", "), doubled.height() - 1);
    let others = if others == 0 { String::new() } else { format!(", and {others} other keys are there more than once too") };
    let message = format!("{times} new rows have the key {first}{others}");
    Err(Error::new(ErrorKind::Value, message).help(help))
}

fn named(columns: &[String]) -> String {
    columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What a merge into a table that is there changes.
pub(super) async fn merge(
    commit: &Commit<'_>,
    merge: &Merge,
    table: &Opened,
    source: &Source,
    rewrites: &mut Rewrites,
    changes: &mut Changes,
) -> Result<()> {
    refuse_emptied(merge, source, commit.first())?;
    let slicer = match (&commit.keys, expr_of(commit.request.asset)) {
        (Some(keys), Some(expr)) => Some(Slicer::new(keys, expr, &source.schema)?),
        _ => None,
    };
    let keys = Keys { on: merge.on.clone(), slicer };
    let new = new_keys(commit, &keys).await?;

    let (outside, inside, split) = match &commit.keys {
        Some(_) => divide(commit, table, source)?,
        None => (Vec::new(), table.files(), Vec::new()),
    };
    let exactly = split.is_empty();
    let mut table_rows: Option<u64> = outside.iter().map(LiveFile::rows).sum();
    let mut slice_rows: Option<u64> = Some(0);
    let mut matched: Vec<DataFrame> = Vec::new();
    let looks = merge.delete_unmatched || new.height() > 0;
    let whole = inside.into_iter().map(|file| (file, false)).chain(split.into_iter().map(|file| (file, true)));
    for (file, shared) in whole {
        let mut stays = file.rows();
        if looks && (merge.delete_unmatched || may_match(source, &file, &new, &merge.on)) {
            let found = matching(commit, source, &file, &keys, &new).await?;
            let touched = merge.delete_unmatched || (found.height() > 0 && merge.matched != Matched::Ignore);
            if touched {
                let rest = rewrites
                    .rest(commit.path, commit.request, source, &file, rest(merge, source, &file, &keys, &new, shared)?)
                    .await?;
                stays = Some(rest.as_ref().map_or(0, |rest| rest.rows));
                changes.replace(&file, rest);
            }
            matched.push(found);
        }
        table_rows = table_rows.zip(stays).map(|(sum, more)| sum + more);
        slice_rows = slice_rows.zip(stays).map(|(sum, more)| sum + more);
    }
    changes.table_rows = table_rows;
    changes.slice_rows = slice_rows.filter(|_| exactly);
    let absent = absent(commit, merge, table, source).await?;
    let files = new_files(commit, merge, &keys, absent.as_ref(), matched, rewrites).await?;
    changes.add(files.iter());
    Ok(())
}

/// The partitions that are written and not there, if it matters which: all of their rows come in, though they match none.
async fn absent(commit: &Commit<'_>, merge: &Merge, table: &Opened, source: &Source) -> Result<Option<KeySet>> {
    let (false, Some(keys), Some(expr)) = (merge.insert, &commit.keys, expr_of(commit.request.asset)) else { return Ok(None) };
    let (source, table, expr, keys) = (source.clone(), table.clone(), expr.clone(), keys.clone());
    let present = {
        let keys = keys.clone();
        blocking(&commit.request.env, move || slices::present(&source, &table, &expr, &keys)).await?
    };
    Ok(Some(keys.difference(&present)))
}

/// An update with columns missing would make what is stored in them null.
fn refuse_emptied(merge: &Merge, source: &Source, staged: &StagedTable) -> Result<()> {
    let missing = source.schema.iter_names().find(|name| staged.schema.field(name.as_str()).is_none());
    match missing {
        Some(name) if merge.matched == Matched::Update => {
            let message = format!("the column `{name}` of the table is missing from the output, and an update would empty it");
            let help = "give the output every column of the table, or merge with `when_matched = \"ignore\"`";
            Err(Error::new(ErrorKind::Schema, message).help(help))
        }
        _ => Ok(()),
    }
}

/// The keys of the new rows.
async fn new_keys(commit: &Commit<'_>, keys: &Keys) -> Result<DataFrame> {
    let mut plans = Vec::new();
    for (piece, _) in &commit.pieces {
        let staged = Source::staged(commit.path, piece)?;
        for file in &piece.files {
            plans.push(keys.of(staged.scan_staged(file)?));
        }
    }
    if plans.is_empty() {
        let staged = Source::staged(commit.path, commit.first())?;
        plans.push(keys.of(DataFrame::empty_with_schema(&staged.schema).lazy()));
    }
    collected(commit, concat(plans, polars::prelude::UnionArgs::default())?).await
}

async fn collected(commit: &Commit<'_>, plan: LazyFrame) -> Result<DataFrame> {
    blocking(&commit.request.env, move || Ok(plan.collect_with_engine(Engine::Streaming)?.unwrap_single())).await
}

/// The keys of the stored rows of a file that a new one matches, and how many rows each has.
async fn matching(commit: &Commit<'_>, source: &Source, file: &LiveFile, keys: &Keys, new: &DataFrame) -> Result<DataFrame> {
    let stored = source.scan(vec![source.file(file)?], source.values_of(file))?;
    let found = keys.join(stored, new, JoinType::Semi).group_by(keys.names()).agg([len().alias(COUNT)]);
    collected(commit, found).await
}

/// The rows of a file that stay as they are.
fn rest(merge: &Merge, source: &Source, file: &LiveFile, keys: &Keys, new: &DataFrame, shared: bool) -> Result<LazyFrame> {
    let stored = source.scan(vec![source.file(file)?], source.values_of(file))?;
    if !merge.delete_unmatched {
        // Rows of other slices have no place in this one, so that no new row matches them.
        return Ok(keys.join(stored, new, JoinType::Anti));
    }
    let kept = match merge.matched {
        Matched::Ignore => keys.join(stored.clone(), new, JoinType::Semi),
        Matched::Update | Matched::Delete => stored.clone().filter(lit(false)),
    };
    let columns: Vec<Expr> = source.schema.iter_names().map(|name| col(name.clone())).collect();
    let kept = kept.select(columns.clone());
    match &keys.slicer {
        Some(slicer) if shared => {
            let others = stored.filter(slicer.predicate().not()).select(columns);
            Ok(concat([others, kept], polars::prelude::UnionArgs::default())?)
        }
        _ => Ok(kept),
    }
}

/// Which rows of a piece are of partitions that are not there.
enum Fresh {
    All,
    Those(Slicer),
    Nothing,
}

impl Fresh {
    fn of(commit: &Commit<'_>, slice: &Slice, absent: Option<&KeySet>, staged: &Source) -> Result<Self> {
        let Some(absent) = absent else { return Ok(Self::Nothing) };
        let (Some(keys), Some(expr)) = (commit.request.slice(slice).keys()?, expr_of(commit.request.asset)) else {
            return Ok(Self::Nothing);
        };
        let fresh = keys.intersection(absent);
        Ok(match fresh.len() {
            0 => Self::Nothing,
            count if count == keys.len() => Self::All,
            _ => Self::Those(Slicer::new(&fresh, expr, &staged.schema)?),
        })
    }
}

/// The files of the new rows that come in, now that it is known which of them match.
async fn new_files(
    commit: &Commit<'_>,
    merge: &Merge,
    keys: &Keys,
    absent: Option<&KeySet>,
    matched: Vec<DataFrame>,
    rewrites: &mut Rewrites,
) -> Result<Vec<StagedFile>> {
    let updates = merge.matched == Matched::Update;
    // Where neither those that match come in nor the others, it does not matter which are which.
    let matched = if updates || merge.insert { matched } else { Vec::new() };
    let found = matched.into_iter().filter(|found| found.height() > 0).reduce(|mut all, more| {
        // Both have the same columns, so that stacking cannot fail.
        if all.vstack_mut(&more).is_err() {
            tracing::error!("keys of one table with different columns");
        }
        all
    });
    let every = merge.insert && (updates || found.is_none());
    let how = if merge.insert { JoinType::Anti } else { JoinType::Semi };
    let again = match &found {
        Some(found) if updates => more_than_once(commit, keys, found).await?,
        _ => None,
    };
    let mut files = Vec::new();
    for (piece, slice) in &commit.pieces {
        let staged = Source::staged(commit.path, piece)?;
        let fresh = Fresh::of(commit, slice, absent, &staged)?;
        // A file without rows is of use only if it marks a partition.
        for file in piece.files.iter().filter(|file| file.rows > 0) {
            if every || matches!(fresh, Fresh::All) {
                files.push(file.clone());
            } else if let Some(rows) = coming(&staged, file, keys, found.as_ref(), &how, &fresh)? {
                files.extend(rewrites.chosen(commit, &staged, file, rows).await?);
            }
            if let Some(again) = &again {
                let rows = keys.join(staged.scan_staged(file)?, again, JoinType::Inner);
                files.extend(rewrites.copied(commit, &staged, file, rows).await?);
            }
        }
    }
    Ok(files)
}

/// The rows of a staged file that come in where not all do: by whether they match, and those of partitions that are not there.
fn coming(
    staged: &Source,
    file: &StagedFile,
    keys: &Keys,
    found: Option<&DataFrame>,
    how: &JoinType,
    fresh: &Fresh,
) -> Result<Option<LazyFrame>> {
    let columns: Vec<Expr> = staged.schema.iter_names().map(|name| col(name.clone())).collect();
    let mut parts = Vec::new();
    if let Some(found) = found {
        parts.push(keys.join(staged.scan_staged(file)?, found, how.clone()).select(columns.clone()));
    }
    if let Fresh::Those(slicer) = fresh {
        parts.push(staged.scan_staged(file)?.filter(slicer.predicate()).select(columns));
    }
    if parts.is_empty() { Ok(None) } else { union(parts, &staged.schema).map(Some) }
}

/// The keys of new rows that match several stored ones, each of which gets the values: as often as there are more than one.
async fn more_than_once(commit: &Commit<'_>, keys: &Keys, found: &DataFrame) -> Result<Option<DataFrame>> {
    let counted = found.clone().lazy().group_by(keys.names()).agg([col(COUNT).sum()]).filter(col(COUNT).gt(lit(1)));
    let counted = collected(commit, counted).await?;
    let mut again = Vec::new();
    for row in 0..counted.height() {
        let times = counted.column(COUNT)?.get(row)?.extract::<usize>().unwrap_or_default();
        again.extend(std::iter::repeat_n(IdxSize::try_from(row).unwrap_or_default(), times.saturating_sub(1)));
    }
    if again.is_empty() {
        return Ok(None);
    }
    Ok(Some(counted.take(&IdxCa::from_vec(COUNT.into(), again))?.drop(COUNT)?))
}

/// Whether a file may hold a row with one of these keys, as far as its statistics tell.
fn may_match(source: &Source, file: &LiveFile, new: &DataFrame, on: &[String]) -> bool {
    let stats: Json = file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null);
    on.iter().all(|name| {
        let Ok(column) = new.column(name) else { return true };
        let (least, greatest) = if source.is_partition_column(name) {
            let value = source.value_of(file, name).map_or(Json::Null, Json::String);
            (value.clone(), value)
        } else {
            let physical = source.physical(name);
            (stats["minValues"][physical].clone(), stats["maxValues"][physical].clone())
        };
        let series = column.as_materialized_series();
        let (Ok(from), Ok(to)) = (series.min_reduce(), series.max_reduce()) else { return true };
        match column.dtype() {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                let number = |json: &Json| json.as_i64().or_else(|| json.as_str()?.parse().ok());
                let bounds = number(&least).zip(number(&greatest));
                let wanted = from.value().extract::<i64>().zip(to.value().extract::<i64>());
                bounds.zip(wanted).is_none_or(|((least, greatest), (from, to))| least <= to && from <= greatest)
            }
            DataType::Date => {
                let text = |json: &Json| json.as_str().and_then(crate::io::slicing::days);
                let days = |value: &polars::prelude::AnyValue<'_>| match value {
                    polars::prelude::AnyValue::Date(days) => Some(*days),
                    _ => None,
                };
                let bounds = text(&least).zip(text(&greatest));
                let wanted = days(from.value()).zip(days(to.value()));
                bounds.zip(wanted).is_none_or(|((least, greatest), (from, to))| least <= to && from <= greatest)
            }
            // Other writers cut long texts short, and compare them in orders of their own.
            _ => true,
        }
    })
}
