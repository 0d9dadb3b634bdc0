//! Removing partitions: one commit takes their rows out of the table, and earlier versions still have them.

use std::collections::HashMap;

use deltalake_core::kernel::Action;
use deltalake_core::protocol::DeltaOperation;

use super::super::actions::{add, check_append_only, check_removes};
use super::super::commit::Patience;
use super::super::rewrite::written_again;
use super::super::slices::{Holds, Partitioned, expr_of};
use super::super::source::Source;
use super::super::stage::{StagedFile, remove};
use super::super::table;
use super::{commit_once, too_busy};
use crate::env::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::storage::Storage;
use crate::partition::KeySet;

/// Removes these partitions from the table in this folder, if it is there.
pub(in super::super) async fn delete(path: &Storage, request: &StoreRequest<'_>, keys: &KeySet) -> Result<()> {
    let mut written = HashMap::new();
    let done = attempts(path, request, keys, &mut written).await;
    // Of a commit whose answer was lost it is not known whether it needs them; a vacuum does.
    if !done.as_ref().is_err_and(Error::is_unsettled) {
        discard(path, request, written).await;
    }
    done
}

/// What was written again of a file, by its path and what is deleted from it.
type Written = HashMap<String, Option<StagedFile>>;

async fn attempts(path: &Storage, request: &StoreRequest<'_>, keys: &KeySet, written: &mut Written) -> Result<()> {
    let Some(expr) = expr_of(request.asset) else {
        return Err(Error::new(ErrorKind::Internal, "no column tells the partitions apart"));
    };
    let mut patience = Patience::new(request.env.as_ref());
    let mut lost = None;
    while patience.wait(request.env.as_ref()).await {
        let Some(existing) = table::open(path, request.env.as_ref()).await? else { return Ok(()) };
        let state = table::state(&existing, path)?;
        table::check_writable(state, path)?;
        let source = Source::new(path, &existing).await?;
        let partitioned = Partitioned::new(keys, expr, &source)?;
        let (mut actions, mut added): (Vec<Action>, Vec<StagedFile>) = (Vec::new(), Vec::new());
        for file in state.log_data().iter() {
            match partitioned.holds(&file) {
                Holds::Nothing => {}
                Holds::Only(_) => actions.push(file.remove_action(true).into()),
                Holds::Perhaps(_) => {
                    source.refuse_maps()?;
                    let known = format!("{}|{:?}", file.path(), file.deletion_vector_descriptor());
                    if !written.contains_key(&known) {
                        let (name, values) = (file.path().into_owned(), file.partition_values_map().into_iter().collect());
                        let stays = source.scan(vec![source.file(&file)?], source.values_of(&file))?;
                        let stays = stays.filter(partitioned.slicer.predicate().not());
                        let rest = written_again(request, path, &source, &name, values, stays).await?;
                        // They are the rows of then.
                        let rest = rest.map(|rest| StagedFile { modified: file.modification_time(), ..rest });
                        written.insert(known.clone(), rest);
                    }
                    let rest = written.get(&known).cloned().flatten();
                    if rest.as_ref().is_some_and(|rest| table::rows_of(&file) == Some(rest.rows)) {
                        continue;
                    }
                    actions.push(file.remove_action(true).into());
                    actions.extend(rest.as_ref().map(add));
                    added.extend(rest);
                }
            }
        }
        if actions.is_empty() {
            return Ok(());
        }
        check_append_only(path, "`delete`", state, &actions)?;
        check_removes(state, &actions, path)?;
        let operation = DeltaOperation::Delete { predicate: Some(request.slice.to_string()) };
        match commit_once(path, request, &existing, actions, &added, operation).await? {
            Ok(_) => {
                written.retain(|_, rest| rest.as_ref().is_none_or(|rest| added.iter().all(|added| added.path != rest.path)));
                return Ok(());
            }
            Err(error) => lost = Some(error),
        }
    }
    Err(too_busy(path, lost))
}

/// Removes what was written and did not come into the table. What cannot be removed is invisible.
async fn discard(path: &Storage, request: &StoreRequest<'_>, written: Written) {
    let files: Vec<String> = written.into_values().flatten().map(|file| file.path).collect();
    if !files.is_empty() {
        let path = path.to_owned();
        drop(blocking(&request.env, move || remove(&path, files.iter().map(String::as_str))).await);
    }
}
