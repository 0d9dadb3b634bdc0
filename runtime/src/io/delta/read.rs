//! Reading tables: lazy scans of their files, nothing of which is read before somebody asks for rows.

use std::collections::{BTreeMap, HashSet};

use polars::prelude::{LazyFrame, SortMultipleOptions, col, cols};

use super::live::LiveFile;
use super::opened::Opened;
use super::slices::{Holds, Partitioned};
use super::source::{DataFile, PartitionValues, Source, union};
use crate::asset::PartitionExpr;
use crate::error::Result;
use crate::frame::polars::check_columns;
use crate::partition::KeySet;

/// What of a table is read.
pub(super) struct Part<'a> {
    pub(super) keys: &'a KeySet,
    pub(super) expr: &'a PartitionExpr,
}

/// A table, or a part of it with the partitions in the order of keys, or only these columns of it, as a lazy scan.
pub(super) fn scan(source: &Source, opened: &Opened, part: Option<&Part<'_>>, columns: Option<&[String]>) -> Result<LazyFrame> {
    if let Some(columns) = columns {
        check_columns(columns, source.schema.iter_names().map(polars::prelude::PlSmallStr::as_str))?;
    }
    let plan = match part {
        None => scan_all(source, in_order(opened).into_iter())?,
        Some(part) => {
            let partitioned = Partitioned::new(part.keys, part.expr, source)?;
            scan_partitions(source, in_order(opened).into_iter(), &partitioned)?
        }
    };
    Ok(match columns {
        Some(columns) => plan.select(columns.iter().map(col).collect::<Vec<_>>()),
        None => plan,
    })
}

/// The files of a table as they were written, the oldest first: rows that were added come after those that were there.
pub(super) fn in_order(opened: &Opened) -> Vec<LiveFile> {
    let mut files: Vec<LiveFile> = opened.files();
    // The log is read from its end.
    files.reverse();
    files.sort_by_key(LiveFile::modification_time);
    files
}

/// Files with rows of one partition, or of several of which only one is meant.
struct Group {
    index: u64,
    values: PartitionValues,
    filtered: bool,
    files: Vec<DataFile>,
}

fn scan_partitions(source: &Source, files: impl Iterator<Item = LiveFile>, partitioned: &Partitioned<'_>) -> Result<LazyFrame> {
    let mut found: Vec<(u64, bool, LiveFile)> = Vec::new();
    let (mut count, mut others) = (0, Vec::new());
    for file in files {
        if found.len() > 4 * count + 64 {
            others.push(file);
            continue;
        }
        let (indices, filtered) = match partitioned.holds(&file) {
            Holds::Nothing => continue,
            Holds::Only(indices) => (indices.clone(), indices.len() > 1),
            Holds::Perhaps(indices) => (indices, true),
        };
        count += 1;
        found.extend(indices.into_iter().map(|index| (index, filtered, file.clone())));
    }
    // Files that hold many partitions each would be read once for each of them.
    if found.len() > 4 * count + 64 {
        let others = others.into_iter().filter(|file| partitioned.holds(file) != Holds::Nothing);
        let files = found.into_iter().map(|(.., file)| file).chain(others);
        return scan_and_sort(source, files, partitioned);
    }
    found.sort_by_key(|(index, ..)| *index);
    let mut groups: Vec<Group> = Vec::new();
    for (index, filtered, file) in found {
        let (values, file) = (source.values_of(&file), source.file(&file)?);
        match groups.last_mut() {
            // Whole files side by side with the same values are one scan.
            Some(last) if last.values == values && last.filtered == filtered && (!filtered || last.index == index) => {
                last.files.push(file);
            }
            _ => groups.push(Group { index, values, filtered, files: vec![file] }),
        }
    }
    let scans = groups.into_iter().map(|group| {
        let plan = source.scan(group.files, group.values)?;
        if !group.filtered {
            return Ok(plan);
        }
        Ok(plan.filter(partitioned.slicer.only(group.index).predicate()))
    });
    union(scans.collect::<Result<_>>()?, &source.schema)
}

/// All files once, and then the rows in the order of keys.
fn scan_and_sort(source: &Source, files: impl Iterator<Item = LiveFile>, partitioned: &Partitioned<'_>) -> Result<LazyFrame> {
    let mut seen = HashSet::new();
    let once = files.filter(|file| seen.insert(file.path().into_owned()));
    let plan = scan_all(source, once)?.filter(partitioned.slicer.predicate());
    let places: Vec<String> = (0..partitioned.slicer.axes().len()).map(|axis| format!("__lakewright_place_{axis}")).collect();
    let keys = partitioned.slicer.axes().iter().zip(&places).map(|(axis, name)| axis.place().alias(name.as_str()));
    let plan = plan.with_columns(keys.collect::<Vec<_>>());
    let sorted = plan.sort(places.clone(), SortMultipleOptions::default().with_maintain_order(true));
    Ok(sorted.drop(cols(places)))
}

/// These files whole, those with the same partition values side by side.
pub(super) fn scan_all(source: &Source, files: impl Iterator<Item = LiveFile>) -> Result<LazyFrame> {
    let mut by_values: BTreeMap<PartitionValues, Vec<DataFile>> = BTreeMap::new();
    for file in files {
        by_values.entry(source.values_of(&file)).or_default().push(source.file(&file)?);
    }
    let scans = by_values.into_iter().map(|(values, files)| source.scan(files, values));
    union(scans.collect::<Result<_>>()?, &source.schema)
}
