//! Files that hold rows that go and rows that stay: those that stay are written again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use polars::prelude::{Engine, FileWriteFormat, LazyFrame, Schema, col};

use super::commit::Commit;
use super::live::LiveFile;
use super::source::Source;
use super::stage::{StagedFile, describe, remove};
use super::table;
use crate::asset::AssetSpec;
use crate::env::{Env, blocking, unique_id};
use crate::error::Result;
use crate::io::StoreRequest;
use crate::io::parquet_options::parquet_options;
use crate::io::sink::{into, sink_args};
use crate::io::storage::Storage;

/// What was written again so far, by the file that it replaces. Files never change, so what was written for one version of the table
/// is good for the next.
#[derive(Default)]
pub(super) struct Rewrites {
    done: HashMap<String, Option<StagedFile>>,
}

impl Rewrites {
    /// The file with the rows of `file` that stay; nothing if there is no such row.
    pub(super) async fn rest(
        &mut self,
        table: &Storage,
        request: &StoreRequest<'_>,
        source: &Source,
        file: &LiveFile,
        stays: LazyFrame,
    ) -> Result<Option<StagedFile>> {
        source.refuse_maps()?;
        let path = file.path().into_owned();
        // What is deleted from a file does change.
        let vector = file.deletion_vector_descriptor().map(|vector| format!("{vector:?}")).unwrap_or_default();
        let known = format!("{path}|{vector}");
        if let Some(done) = self.done.get(&known) {
            return Ok(done.clone());
        }
        let partition_values: BTreeMap<String, Option<String>> = file.partition_values_map().into_iter().collect();
        let rest = written_again(request, table, source, &path, partition_values, stays).await?;
        // They are the same rows, and come before what was added since.
        let rest = rest.map(|rest| StagedFile { modified: file.modification_time(), ..rest });
        self.done.insert(known, rest.clone());
        Ok(rest)
    }

    /// The file with some of the rows of a staged one: the same if that is all of them, nothing if it is none.
    pub(super) async fn chosen(
        &mut self,
        commit: &Commit<'_>,
        staged: &Source,
        file: &StagedFile,
        rows: LazyFrame,
    ) -> Result<Option<StagedFile>> {
        let chosen = self.copied(commit, staged, file, rows).await?;
        Ok(chosen.map(|chosen| if chosen.rows == file.rows { file.clone() } else { chosen }))
    }

    /// A file of its own with rows of a staged one.
    pub(super) async fn copied(
        &mut self,
        commit: &Commit<'_>,
        staged: &Source,
        file: &StagedFile,
        rows: LazyFrame,
    ) -> Result<Option<StagedFile>> {
        let copied = written_again(commit.request, commit.path, staged, &file.path, file.partition_values.clone(), rows).await?;
        // In the order of what was staged.
        let copied = copied.map(|copied| StagedFile { modified: file.modified, ..copied });
        if let Some(copied) = &copied {
            // Another version of the table may want others.
            self.done.insert(format!("{}|{}", file.path, copied.path), Some(copied.clone()));
        }
        Ok(copied)
    }

    /// What was staged and did not come in, now that the commit has landed.
    pub(super) fn supersede(&mut self, staged: impl Iterator<Item = StagedFile>) {
        self.done.extend(staged.map(|file| (file.path.clone(), Some(file))));
    }

    /// These are in the table now; whether they still are in a later version is no matter, since earlier ones are read too.
    pub(super) fn keep(&mut self, committed: &[String]) {
        self.done.retain(|_, rest| rest.as_ref().is_none_or(|rest| !committed.contains(&rest.path)));
    }

    /// Removes what was written for a commit that did not come about, or came about without it. What cannot be removed is invisible;
    /// what the table has is never removed, since the outcome of a commit that failed may not have been known.
    pub(super) async fn discard(self, path: &Storage, env: &Arc<dyn Env>) {
        let mut files: Vec<String> = self.done.into_values().flatten().map(|file| file.path).collect();
        if files.is_empty() {
            return;
        }
        // If the log cannot be read, nothing is removed: a file that is left over costs space, one that is missing costs rows.
        let Ok(Some(existing)) = table::open(path, env.as_ref()).await else { return };
        let live: HashSet<String> = existing.files().iter().map(|file| file.path().into_owned()).collect();
        files.retain(|file| !live.contains(file));
        let path = path.to_owned();
        drop(blocking(env, move || remove(&path, files.iter().map(String::as_str))).await);
    }
}

/// A file beside this one, with these rows; nothing if there are none.
pub(super) async fn written_again(
    request: &StoreRequest<'_>,
    table: &Storage,
    source: &Source,
    path: &str,
    partition_values: BTreeMap<String, Option<String>>,
    rows: LazyFrame,
) -> Result<Option<StagedFile>> {
    let file_schema = source.file_schema();
    let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let target = format!("{folder}part-00000-{}.parquet", unique_id(request.env.as_ref()));
    let (table, asset) = (table.to_owned(), request.asset.clone());
    blocking(&request.env, move || {
        let written = write(&table, &target, rows, &file_schema, &asset);
        match written.and_then(|()| describe(&table, target.clone(), partition_values, &file_schema)) {
            Ok(file) if file.rows > 0 => Ok(Some(file)),
            Ok(_) => remove(&table, std::iter::once(target.as_str())).map(|()| None),
            Err(error) => {
                drop(remove(&table, std::iter::once(target.as_str())));
                Err(error)
            }
        }
    })
    .await
}

/// Writes a data file of these rows, which may have partition columns beside.
fn write(table: &Storage, target: &str, rows: LazyFrame, file_schema: &Schema, asset: &AssetSpec) -> Result<()> {
    let rows = rows.select(file_schema.iter_names().map(|name| col(name.clone())).collect::<Vec<_>>());
    let file = table.upload(target)?;
    let format = FileWriteFormat::Parquet(Arc::new(parquet_options(asset)?));
    rows.sink(into(file.into()), format, sink_args())?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}
