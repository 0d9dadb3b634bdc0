//! Removing partitions: one commit takes their rows out of the table, and earlier versions still have them.

use deltalake_core::kernel::Action;
use deltalake_core::protocol::DeltaOperation;

use super::super::actions::{check_append_only, check_removes};
use super::super::commit::Patience;
use super::super::rewrite::Rewrites;
use super::super::slices::{Holds, Partitioned, expr_of};
use super::super::source::Source;
use super::super::stage::StagedFile;
use super::super::table;
use super::{commit_once, too_busy};
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::storage::Storage;
use crate::partition::KeySet;

/// Removes these partitions from the table in this folder, if it is there.
pub(in super::super) async fn delete(path: &Storage, request: &StoreRequest<'_>, keys: &KeySet) -> Result<()> {
    let mut rewrites = Rewrites::default();
    let done = attempts(path, request, keys, &mut rewrites).await;
    // Of a commit whose answer was lost it is not known whether it needs them.
    if !done.as_ref().is_err_and(Error::is_unsettled) {
        rewrites.discard(path, &request.env).await;
    }
    done
}

async fn attempts(path: &Storage, request: &StoreRequest<'_>, keys: &KeySet, rewrites: &mut Rewrites) -> Result<()> {
    let Some(expr) = expr_of(request.asset) else {
        return Err(Error::new(ErrorKind::Internal, "no column tells the partitions apart"));
    };
    let mut patience = Patience::new(request.env.as_ref());
    let mut lost = None;
    while patience.wait(request.env.as_ref()).await {
        let Some(existing) = table::open(path, request.env.as_ref()).await? else { return Ok(()) };
        table::check_writable(&existing, path)?;
        let source = Source::new(path, &existing).await?;
        let partitioned = Partitioned::new(keys, expr, &source)?;
        let (mut actions, mut added): (Vec<Action>, Vec<StagedFile>) = (Vec::new(), Vec::new());
        for file in existing.files() {
            let rest = match partitioned.holds(&file) {
                Holds::Nothing => continue,
                Holds::Only(_) => None,
                Holds::Perhaps(_) => {
                    let stays = source.scan(vec![source.file(&file)?], source.values_of(&file))?;
                    let stays = stays.filter(partitioned.slicer.predicate().not());
                    rewrites.rest(path, request, &source, &file, stays).await?
                }
            };
            // It holds none of them after all.
            if rest.as_ref().is_some_and(|rest| file.rows() == Some(rest.rows)) {
                continue;
            }
            actions.push(file.remove_action(true).into());
            actions.extend(rest.as_ref().map(Action::from));
            added.extend(rest);
        }
        if actions.is_empty() {
            return Ok(());
        }
        check_append_only(path, "`delete`", &existing, &actions)?;
        check_removes(&existing, &actions, path)?;
        let operation = DeltaOperation::Delete { predicate: Some(request.slice.to_string()) };
        match commit_once(path, request, &existing, actions, &added, operation).await? {
            Ok(_) => {
                rewrites.keep(&added.into_iter().map(|file| file.path).collect::<Vec<_>>());
                return Ok(());
            }
            Err(error) => lost = Some(error),
        }
    }
    Err(too_busy(path, lost))
}
