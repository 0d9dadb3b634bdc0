//! Files that hold rows of a slice and other rows: the others are written again when the slice is replaced.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use deltalake_core::kernel::LogicalFileView;
use deltalake_core::table::state::DeltaTableState;
use polars::prelude::{Engine, FileWriteFormat, PlRefPath, Schema, col};

use super::commit::Commit;
use super::slices::expr_of;
use super::stage::{StagedFile, describe, remove};
use super::{read, schema, table};
use crate::env::{Env, blocking, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::io_error;
use crate::io::parquet_options::parquet_options;
use crate::io::sink::{open_file, sink_args};
use crate::io::slicing::Slicer;
use crate::partition::KeySet;

/// What was written again so far, by the file that it replaces. Files never change, so what was written for one version of the table
/// is good for the next.
#[derive(Default)]
pub(super) struct Rewrites {
    done: HashMap<String, Option<StagedFile>>,
}

impl Rewrites {
    /// The file with the rows of `file` that belong to none of the partitions; nothing if there is no such row.
    pub(super) async fn rest(
        &mut self,
        commit: &Commit<'_>,
        state: &DeltaTableState,
        keys: &KeySet,
        file: &LogicalFileView,
    ) -> Result<Option<StagedFile>> {
        let path = file.path().into_owned();
        if let Some(done) = self.done.get(&path) {
            return Ok(done.clone());
        }
        let Some(expr) = expr_of(commit.request.asset) else {
            return Err(Error::new(ErrorKind::Internal, "a part of a table is replaced by an asset without `partition_expr`"));
        };
        let frame_schema = schema::frame_schema(&state.schema())?;
        let partition_columns = state.metadata().partition_columns().to_vec();
        let slicer = Slicer::new(keys, expr, &frame_schema)?;
        let values = read::values_of(file, &partition_columns);
        let source = read::path_of(commit.path, file)?;
        let modified = file.modification_time();
        let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
        let target = format!("{folder}part-00000-{}.parquet", unique_id(commit.request.env.as_ref()));
        let (table, asset) = (commit.path.to_owned(), commit.request.asset.clone());
        let partition_values: std::collections::BTreeMap<String, Option<String>> =
            file.partition_values_map().into_iter().collect();
        let rest = blocking(&commit.request.env, move || {
            let written = write_rest(&table, &target, source, values, &frame_schema, &partition_columns, &slicer, &asset);
            let rest = written.and_then(|file_schema| describe(&table, target.clone(), partition_values, &file_schema));
            match rest {
                // They are the same rows, and come before what was added since.
                Ok(rest) if rest.rows > 0 => Ok(Some(StagedFile { modified, ..rest })),
                Ok(_) => remove(&table, std::iter::once(target.as_str())).map(|()| None),
                Err(error) => {
                    drop(remove(&table, std::iter::once(target.as_str())));
                    Err(error)
                }
            }
        })
        .await?;
        self.done.insert(path, rest.clone());
        Ok(rest)
    }

    /// These are in the table now; whether they still are in a later version is no matter, since earlier ones are read too.
    pub(super) fn keep(&mut self, committed: &[String]) {
        self.done.retain(|_, rest| rest.as_ref().is_none_or(|rest| !committed.contains(&rest.path)));
    }

    /// Removes what was written for a commit that did not come about, or came about without it. What cannot be removed is invisible;
    /// what the table has is never removed, since the outcome of a commit that failed may not have been known.
    pub(super) async fn discard(self, path: &Path, env: &Arc<dyn Env>) {
        let mut files: Vec<String> = self.done.into_values().flatten().map(|file| file.path).collect();
        if files.is_empty() {
            return;
        }
        // If the log cannot be read, nothing is removed: a file that is left over costs space, one that is missing costs rows.
        let Ok(Some(existing)) = table::open(path, env.as_ref()).await else { return };
        let Ok(state) = table::state(&existing, path) else { return };
        let live: HashSet<String> = state.log_data().iter().map(|file| file.path().into_owned()).collect();
        files.retain(|file| !live.contains(file));
        let path = path.to_owned();
        drop(blocking(env, move || remove(&path, files.iter().map(String::as_str))).await);
    }
}

/// Writes the rows that stay; gives the schema of the new file.
#[expect(clippy::too_many_arguments, reason = "each is a part of the one thing that is done")]
fn write_rest(
    table: &Path,
    target: &str,
    source: PlRefPath,
    values: read::PartitionValues,
    schema: &Schema,
    partition_columns: &[String],
    slicer: &Slicer,
    asset: &crate::asset::AssetSpec,
) -> Result<Schema> {
    let in_files = |name: &str| !partition_columns.iter().any(|column| column == name);
    let file_schema: Schema =
        schema.iter().filter(|(name, _)| in_files(name)).map(|(name, data_type)| (name.clone(), data_type.clone())).collect();
    let stays = read::scan_group(vec![source], values, schema, partition_columns)?.filter(slicer.predicate().not());
    let stays = stays.select(file_schema.iter_names().map(|name| col(name.clone())).collect::<Vec<_>>());
    let path = table.join(target);
    let file = std::fs::File::create_new(&path).map_err(|error| io_error(&error, "create", &path))?;
    let format = FileWriteFormat::Parquet(Arc::new(parquet_options(asset)?));
    stays.sink(open_file(file), format, sink_args())?.collect_with_engine(Engine::Streaming)?;
    Ok(file_schema)
}
