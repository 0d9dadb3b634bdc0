//! What a commit does to a table: files that come and go, and columns that change.

use std::collections::HashSet;
use std::sync::Arc;

use deltalake_core::arrow::array::AsArray;
use deltalake_core::kernel::{Action, Remove, StructType};

use super::commit::Commit;
use super::live::LiveFile;
use super::opened::Opened;
use super::options::APPEND_ONLY;
use super::rewrite::Rewrites;
use super::slices::{self, Holds, Partitioned, expr_of};
use super::source::Source;
use super::stage::{StagedFile, StagedTable};
use super::{merge, metadata, schema, stage, table};
use crate::asset::Mode;
use crate::env::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::Merge;
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::slicing::Slicer;
use crate::io::storage::Storage;
use crate::partition::KeySet;
use crate::slice::Slice;

/// What a commit changes, and what will be known of the table after it.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) actions: Vec<Action>,
    pub(super) added: Vec<StagedFile>,
    pub(super) table_rows: Option<u64>,
    pub(super) slice_rows: Option<u64>,
    pub(super) ignored: Option<Slice>,
    pub(super) exact: bool,
    /// Whether the mode leaves everything as it is.
    pub(super) nothing: bool,
}

/// What this commit does to this version of the table.
pub(super) async fn changes(commit: &Commit<'_>, existing: Option<&Opened>, rewrites: &mut Rewrites) -> Result<Changes> {
    let Some(existing) = existing else {
        let mut changes = Changes {
            actions: metadata::creating(commit)?,
            table_rows: Some(0),
            slice_rows: Some(0),
            exact: is_exact(commit, None),
            ..Changes::default()
        };
        changes.add(commit.pieces.iter().flat_map(|(piece, _)| &piece.files));
        return Ok(changes);
    };
    let source = Source::new(commit.path, existing).await?;
    let mut changes = Changes { exact: is_exact(commit, Some(&existing.schema())), ..Changes::default() };
    let mut pieces: Vec<&StagedTable> = commit.pieces.iter().map(|(piece, _)| piece).collect();
    match commit.request.mode {
        Mode::Overwrite => match &commit.keys {
            None => {
                changes.actions = existing.files().iter().map(|file| file.remove_action(true).into()).collect();
                changes.table_rows = Some(0);
            }
            Some(keys) => replace_partitions(commit, existing, &source, keys, rewrites, &mut changes).await?,
        },
        Mode::Append => {
            changes.table_rows = existing.rows();
            changes.slice_rows = rows_in_slice(commit, existing, &source)?;
        }
        Mode::Error | Mode::Ignore => {
            changes.table_rows = existing.rows();
            changes.ignored = there_already(commit, existing, source.clone()).await?;
            if let Some(ignored) = &changes.ignored {
                pieces = absent_pieces(commit, ignored)?;
                changes.nothing = pieces.is_empty();
            }
        }
        Mode::Merge => {
            let merge = Merge::of(commit.request.asset, Mode::Merge)?;
            let Some(merge) = merge else { return Err(Error::new(ErrorKind::Internal, "a merge that is none")) };
            merge::merge(commit, &merge, existing, &source, rewrites, &mut changes).await?;
            pieces.clear();
        }
    }
    let what = format!("`mode = \"{}\"`", commit.request.mode.name());
    check_append_only(commit.path, &what, existing, &changes.actions)?;
    check_removes(existing, &changes.actions, commit.path)?;
    mark_emptied(commit, existing.files(), &source, &mut changes).await?;
    changes.actions.extend(metadata::changed(commit, existing)?);
    changes.add(pieces.into_iter().flat_map(|piece| &piece.files));
    Ok(changes)
}

impl Changes {
    /// Takes a file away, and puts what stays of it in its place.
    pub(super) fn replace(&mut self, file: &LiveFile, rest: Option<StagedFile>) {
        self.actions.push(file.remove_action(true).into());
        self.actions.extend(rest.as_ref().map(Action::from));
        self.added.extend(rest);
    }

    /// Adds files, and counts their rows. The log has the last of them first: it is read from its end, and files of the same time come
    /// in its order.
    pub(super) fn add<'f>(&mut self, files: impl DoubleEndedIterator<Item = &'f StagedFile>) {
        for file in files.rev() {
            self.actions.push(file.into());
            self.table_rows = self.table_rows.map(|rows| rows + file.rows);
            self.slice_rows = self.slice_rows.map(|rows| rows + file.rows);
            self.added.push(file.clone());
        }
    }
}

/// Takes the rows of some partitions away: whole files where they hold nothing else, and otherwise by writing the other rows again.
async fn replace_partitions(
    commit: &Commit<'_>,
    table: &Opened,
    source: &Source,
    keys: &KeySet,
    rewrites: &mut Rewrites,
    changes: &mut Changes,
) -> Result<()> {
    let (kept, gone, split) = divide(commit, table, source)?;
    changes.table_rows = kept.iter().map(LiveFile::rows).sum();
    changes.actions.extend(gone.iter().map(|file| Action::from(file.remove_action(true))));
    let slicer = expr_of(commit.request.asset).map(|expr| Slicer::new(keys, expr, &source.schema)).transpose()?;
    for file in split {
        let Some(slicer) = &slicer else { continue };
        let stays = source.scan(vec![source.file(&file)?], source.values_of(&file))?.filter(slicer.predicate().not());
        let rest = rewrites.rest(commit.path, commit.request, source, &file, stays).await?;
        let rows = rest.as_ref().map_or(0, |rest| rest.rows);
        changes.table_rows = changes.table_rows.map(|sum| sum + rows);
        changes.replace(&file, rest);
    }
    Ok(())
}

/// Files without a row of these partitions, with nothing else, and with both.
pub(super) type Divided = (Vec<LiveFile>, Vec<LiveFile>, Vec<LiveFile>);

pub(super) fn divide(commit: &Commit<'_>, table: &Opened, source: &Source) -> Result<Divided> {
    let (Some(keys), Some(expr)) = (&commit.keys, expr_of(commit.request.asset)) else { return Ok(Divided::default()) };
    let partitioned = Partitioned::new(keys, expr, source)?;
    let (mut kept, mut gone, mut split) = Divided::default();
    for file in table.files() {
        match partitioned.holds(&file) {
            Holds::Nothing => kept.push(file),
            Holds::Only(_) => gone.push(file),
            Holds::Perhaps(_) => split.push(file),
        }
    }
    Ok((kept, gone, split))
}

/// The rows of the slice before, if every file says how many it has.
fn rows_in_slice(commit: &Commit<'_>, table: &Opened, source: &Source) -> Result<Option<u64>> {
    if commit.keys.is_none() {
        return Ok(table.rows());
    }
    let (_, inside, split) = divide(commit, table, source)?;
    if !split.is_empty() {
        return Ok(None);
    }
    Ok(inside.iter().map(LiveFile::rows).sum())
}

/// What of the slice is there, for modes that do not replace: nothing, or for [`Mode::Ignore`] the part to leave alone.
async fn there_already(commit: &Commit<'_>, existing: &Opened, source: Source) -> Result<Option<Slice>> {
    let asset = commit.request.asset;
    let present = match (&commit.keys, expr_of(asset)) {
        (Some(keys), Some(expr)) => {
            let (existing, expr, keys) = (existing.clone(), expr.clone(), keys.clone());
            let present = blocking(&commit.request.env, move || slices::present(&source, &existing, &expr, &keys)).await?;
            (!present.is_empty()).then(|| present.slice())
        }
        // Whoever made the table has stored it, be it without a row.
        _ => Some(commit.pieces[0].1.clone()),
    };
    match present {
        Some(present) if commit.request.mode == Mode::Error => {
            let message = format!(
                "`{}` was stored by somebody else in the meantime, and `mode = \"error\"` refuses to replace it",
                asset.key
            );
            let error = Error::new(ErrorKind::Present, message).with("slice", present);
            Err(error.help("remove what is stored, or choose another `mode`"))
        }
        present => Ok(present),
    }
}

/// The pieces of partitions that are not there.
fn absent_pieces<'c>(commit: &'c Commit<'_>, ignored: &Slice) -> Result<Vec<&'c StagedTable>> {
    let (Some(_), Some(def)) = (&commit.keys, &commit.request.asset.partitions) else { return Ok(Vec::new()) };
    let ignored = def.resolve(ignored)?;
    let mut absent = Vec::new();
    for (piece, slice) in &commit.pieces {
        let keys = def.resolve(slice)?;
        let left = keys.difference(&ignored);
        if left.len() == keys.len() {
            absent.push(piece);
        } else if !left.is_empty() {
            let message = "some of the partitions were stored by somebody else while this run made them all at once";
            return Err(Error::new(ErrorKind::Conflict, message).retryable());
        }
    }
    Ok(absent)
}

/// Whether the table will give back the rows as the body made them: in its own order of columns, and for all of the slice.
fn is_exact(commit: &Commit<'_>, known: Option<&StructType>) -> bool {
    let [(piece, _)] = &commit.pieces[..] else { return false };
    let mode = schema_mode(commit.request.asset);
    let same_order = known.is_none_or(|known| mode == SchemaMode::Overwrite || in_same_order(known, &piece.schema));
    piece.exact && same_order && commit.request.mode == Mode::Overwrite
}

/// Whether both are read as the same columns in the same order, also inside of structs: two structs of the same fields are one type to
/// Delta.
pub(super) fn in_same_order(one: &StructType, other: &StructType) -> bool {
    let columns = |schema: &StructType| schema::frame_schema(schema).ok();
    columns(one) == columns(other)
}

/// The first column that is not the same in both, and how it differs.
pub(super) fn first_difference(one: &StructType, other: &StructType) -> Option<(String, &'static str)> {
    for field in other.fields() {
        match one.field(field.name()) {
            None => return Some((field.name().clone(), "is only")),
            Some(known) if known.data_type() != field.data_type() => return Some((field.name().clone(), "has another type")),
            Some(_) => {}
        }
    }
    let missing = one.fields().find(|field| other.field(field.name()).is_none());
    missing.map(|field| (field.name().clone(), "is missing"))
}

/// Refuses to take rows out of a table that promises to keep them.
pub(super) fn check_append_only(path: &Storage, what: &str, table: &Opened, actions: &[Action]) -> Result<()> {
    let keeps = table.metadata().configuration().get(APPEND_ONLY).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if !keeps || !actions.iter().any(|action| matches!(action, Action::Remove(_))) {
        return Ok(());
    }
    let message =
        format!("the table in `{}` is append-only (`delta.appendOnly`), and {what} would take rows out of it", path.display());
    Err(Error::new(ErrorKind::NotHonoured, message).help("use `mode = \"append\"`, or set `delta.appendOnly` to false"))
}

/// Marks the partitions that a merge left without a row, so that they are still there. One mark too many hurts nobody.
async fn mark_emptied(commit: &Commit<'_>, files: Vec<LiveFile>, source: &Source, changes: &mut Changes) -> Result<()> {
    let (Mode::Merge, Some(keys), Some(expr)) = (commit.request.mode, &commit.keys, expr_of(commit.request.asset)) else {
        return Ok(());
    };
    let partitioned = Partitioned::new(keys, expr, source)?;
    let removed: HashSet<String> = changes
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Remove(remove) => Some(remove.path.clone()),
            _ => None,
        })
        .collect();
    let mut held = keys.space().none();
    for file in files.iter().filter(|file| !removed.contains(file.path().as_ref())) {
        if let Holds::Only(found) = partitioned.holds(file) {
            for index in found {
                held.insert(index);
            }
        }
    }
    let added: HashSet<&str> = changes.added.iter().map(|file| file.path.as_str()).collect();
    for (piece, slice) in &commit.pieces {
        let Some(def) = &commit.request.asset.partitions else { continue };
        if piece.files.iter().any(|file| added.contains(file.path.as_str())) {
            let keys = def.resolve(slice)?;
            held = if keys.len() == 1 { held.union(&keys) } else { held };
        }
    }
    for index in keys.difference(&held).indices() {
        let (path, asset, env) = (commit.path.to_owned(), commit.request.asset.clone(), Arc::clone(&commit.request.env));
        let (slicer, columns, schema) = (partitioned.slicer.clone(), source.partition_columns.clone(), source.file_schema());
        let mark = move || stage::mark(&path, &asset, &slicer, index, &columns, &schema, env.as_ref());
        let mark = blocking(&commit.request.env, mark).await?;
        changes.actions.push((&mark).into());
        changes.added.push(mark);
    }
    Ok(())
}

/// Refuses tables whose files were named in a way that our removal would not match, since their rows would stay.
pub(super) fn check_removes(table: &Opened, actions: &[Action], path: &Storage) -> Result<()> {
    let ours = table.ours();
    let removes: Vec<&Remove> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Remove(remove) if !ours.contains(remove.path.as_str()) => Some(remove),
            _ => None,
        })
        .collect();
    if removes.is_empty() {
        return Ok(());
    }
    let state = table.as_read();
    let plain = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c));
    let has_vectors = state.log_data().iter().any(|file| file.deletion_vector_descriptor().is_some());
    let known: HashSet<String> = if has_vectors {
        // delta-rs cannot list the files of such a table. A path of plain characters is written in one way only.
        state.log_data().iter().map(|file| file.path().into_owned()).filter(|path| plain(path)).collect()
    } else {
        let listed = state.add_actions_table(true).map_err(|error| table::failed(error, path, "list the files of"))?;
        let paths = listed.column_by_name("path").and_then(|column| column.as_string_opt::<i32>());
        paths.into_iter().flatten().flatten().map(str::to_owned).collect()
    };
    for remove in removes {
        let written = serde_json::to_value(remove).ok().and_then(|json| json["path"].as_str().map(str::to_owned));
        if !written.is_some_and(|written| known.contains(written.as_str())) {
            let message =
                format!("the table in `{}` names the file `{}` in a way that cannot be removed", path.display(), remove.path);
            return Err(Error::new(ErrorKind::Unsupported, message).help("rewrite the table with the tool that wrote it"));
        }
    }
    Ok(())
}
