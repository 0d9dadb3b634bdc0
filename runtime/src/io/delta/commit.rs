//! Committing staged files: one version of the table, once.
//!
//! The transaction is looked up on the very version that the commit is made against, and the commit is tried exactly once against it.

use std::time::Duration;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Transaction;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use serde_json::json;

use super::actions::{self, Changes};
use super::known::Known;
use super::land::{Entry, Landing, land, unanswered};
use super::opened::Opened;
use super::options::custom_metadata;
use super::rewrite::Rewrites;
use super::slices::expr_of;
use super::stage::{StagedTable, check_schema, parse};
use super::table::RUN;
use crate::asset::Mode;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;
use crate::io::{Committed, Staged, StoreRequest};
use crate::partition::KeySet;
use crate::slice::Slice;

/// How long a commit that lost a race is made again against newer versions. By time and not by count: with many writers one commit may
/// lose often, and each time somebody gets on.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often at least, on a clock that runs fast.
const FEWEST: u32 = 20;

/// What is committed to one table.
pub(super) struct Commit<'a> {
    pub(super) path: &'a Storage,
    known: &'a Known,
    pub(super) request: &'a StoreRequest<'a>,
    pub(super) id: &'a CommitId,
    /// The pieces, each with the part of the asset that it is all of.
    pub(super) pieces: Vec<(StagedTable, Slice)>,
    /// The partitions that are written, if they are parts of the table.
    pub(super) keys: Option<KeySet>,
}

impl<'a> Commit<'a> {
    /// Commits these pieces to the table in this folder. If each partition is a table of its own, they are all of that one.
    pub(super) fn new(
        path: &'a Storage,
        known: &'a Known,
        request: &'a StoreRequest<'a>,
        staged: &[Staged],
        id: &'a CommitId,
    ) -> Result<Self> {
        let mut pieces: Vec<(StagedTable, Slice)> = Vec::with_capacity(staged.len());
        for staged in staged {
            pieces.push((parse(staged)?, staged.slice.clone()));
        }
        let Some((first, rest)) = pieces.split_first() else {
            return Err(Error::new(ErrorKind::Internal, "nothing was staged"));
        };
        let differs = |(other, slice): &(StagedTable, Slice)| {
            actions::first_difference(&first.0.schema, &other.schema).map(|(name, how)| (name, how, slice.clone()))
        };
        if let Some((name, how, slice)) = rest.iter().find_map(differs) {
            let message = format!("the partitions of one run have different columns: `{name}` {how} in `{slice}`");
            return Err(Error::new(ErrorKind::Schema, message).help("give every partition the same columns"));
        }
        let keys = match expr_of(request.asset) {
            Some(_) => request.keys()?,
            None => None,
        };
        Ok(Self { path, known, request, id, pieces, keys })
    }

    pub(super) fn first(&self) -> &StagedTable {
        &self.pieces[0].0
    }

    /// Makes the pieces visible, or what of them the mode lets.
    pub(super) async fn run(&self) -> Result<Committed> {
        let mut rewrites = Rewrites::default();
        let committed = self.attempts(&mut rewrites).await;
        // Of a commit whose answer was lost it is not known which of them an earlier version needs.
        let may_be_needed = match &committed {
            Ok(committed) => committed.already,
            Err(error) => error.is_unsettled(),
        };
        if !may_be_needed {
            rewrites.discard(self.path, &self.request.env).await;
        }
        committed
    }

    async fn attempts(&self, rewrites: &mut Rewrites) -> Result<Committed> {
        let mut lost = None;
        let mut patience = Patience::new(self.request.env.as_ref());
        while patience.wait(self.request.env.as_ref()).await {
            let existing = self.known.open(self.path, self.request.env.as_ref()).await?;
            if let Some(existing) = &existing {
                if let Some(committed) = earlier(existing, self.path, self.id).await? {
                    return Ok(committed);
                }
                let first = self.first();
                check_schema(self.path, self.request.asset, existing, &first.schema, &first.partition_columns)?;
            }
            let changes = actions::changes(self, existing.as_ref(), rewrites).await?;
            if changes.nothing {
                return Ok(Committed::new().ignored(changes.ignored));
            }
            let used: Vec<String> = changes.added.iter().map(|file| file.path.clone()).collect();
            match self.attempt_once(existing.as_ref(), changes).await? {
                Ok(committed) => {
                    if self.request.mode == Mode::Merge {
                        rewrites.supersede(self.pieces.iter().flat_map(|(piece, _)| piece.files.iter().cloned()));
                    }
                    rewrites.keep(&used);
                    return Ok(committed);
                }
                Err(error) => {
                    self.known.forget(self.path);
                    lost = Some(error);
                }
            }
        }
        let message = format!(
            "the table in `{}` was changed by others {} times while this run tried to commit",
            self.path.display(),
            patience.attempts
        );
        let error = Error::new(ErrorKind::Conflict, message).retryable();
        Err(match lost {
            Some(cause) => error.source(cause),
            None => error,
        })
    }

    /// One try against one version of the table: committed, or lost to somebody else.
    async fn attempt_once(&self, existing: Option<&Opened>, changes: Changes) -> Result<Result<Committed, DeltaTableError>> {
        let Self { path, request, id, .. } = self;
        // Without a time of its own it never expires, whatever the table says: once it had, its commit could be made again.
        let transaction = Transaction::new(id.application(), id.number);
        let properties =
            CommitProperties::default().with_metadata(commit_info(request, id)?).with_application_transaction(transaction);
        let partition_columns = &self.first().partition_columns;
        let partition_by = (!partition_columns.is_empty()).then(|| partition_columns.clone());
        let mode = if request.mode == Mode::Append { SaveMode::Append } else { SaveMode::Overwrite };
        let predicate = self.keys.as_ref().filter(|_| request.mode != Mode::Append).map(|_| request.slice.to_string());
        let operation = DeltaOperation::Write { mode, partition_by, predicate };
        let Changes { actions, table_rows, slice_rows, ignored, exact, added, .. } = changes;
        let entry = Entry { actions: actions.clone(), properties, operation };
        match land(path, existing, entry, &added, &request.env).await? {
            Landing::Landed(version) => {
                if let Some(existing) = existing {
                    self.known.landed(path, existing, &actions, &added, id).await;
                }
                let committed = Committed::new().version(i64::try_from(version).ok()).table_rows(table_rows);
                Ok(Ok(committed.slice_rows(slice_rows).ignored(ignored).exact(exact)))
            }
            Landing::Lost(error) => Ok(Err(error)),
            // Whether it landed is asked of the table, never assumed.
            Landing::Unknown(error) => match self.landed().await {
                Ok(Some(committed)) => Ok(Ok(committed)),
                Ok(None) => Err(unanswered(error, path)),
                // A table that cannot be asked has not said no.
                Err(error) => Err(unanswered(error, path)),
            },
        }
    }

    /// What this very commit did, if it is in the table, whatever is known of that.
    async fn landed(&self) -> Result<Option<Committed>> {
        self.known.forget(self.path);
        match self.known.open(self.path, self.request.env.as_ref()).await? {
            Some(now) => earlier(&now, self.path, self.id).await,
            None => Ok(None),
        }
    }
}

/// What this very commit did if it landed before; an error if a later one of its kind did.
async fn earlier(existing: &Opened, path: &Storage, id: &CommitId) -> Result<Option<Committed>> {
    match existing.committed_number(path, id).await? {
        Some(number) if number == id.number => {
            let committed = Committed::new().version(i64::try_from(existing.version()).ok()).table_rows(existing.rows());
            Ok(Some(committed.already()))
        }
        Some(number) if number > id.number => {
            let message = format!("commit {} of `{}` comes after {number}, which replaced it", id.number, id.asset);
            Err(Error::new(ErrorKind::Superseded, message).with("location", path.display()))
        }
        _ => Ok(None),
    }
}

/// What the commit says of the run that made it.
fn commit_info(request: &StoreRequest<'_>, id: &CommitId) -> Result<Vec<(String, serde_json::Value)>> {
    let mut info = vec![
        (RUN.to_owned(), json!(request.run.run)),
        ("lakewright.asset".to_owned(), json!(request.asset.key)),
        ("lakewright.slice".to_owned(), json!(request.slice.to_string())),
        ("lakewright.commit".to_owned(), json!(id.to_string())),
        ("lakewright.attempt".to_owned(), json!(request.run.attempt)),
    ];
    info.extend(request.asset.code_version.as_ref().map(|version| ("lakewright.codeVersion".to_owned(), json!(version))));
    info.extend(custom_metadata(request.asset)?.into_iter().map(|(key, value)| (key, json!(value))));
    Ok(info)
}

/// How often and how long a commit is tried.
pub(super) struct Patience {
    attempts: u32,
    begun: Duration,
}

impl Patience {
    pub(super) fn new(env: &dyn Env) -> Self {
        Self { attempts: 0, begun: env.elapsed() }
    }

    /// Waits before each try but the first; false once it is enough.
    pub(super) async fn wait(&mut self, env: &dyn Env) -> bool {
        if self.attempts > 0 {
            if self.attempts >= FEWEST && env.elapsed().saturating_sub(self.begun) > PATIENCE {
                return false;
            }
            env.sleep(backoff(self.attempts, env.random())).await;
        }
        self.attempts += 1;
        true
    }
}

/// From 10 ms, doubled each time up to 640 ms, with as much again of jitter so that rivals part.
fn backoff(attempt: u32, random: u64) -> Duration {
    let base = 10 << attempt.min(6);
    Duration::from_millis(base + random % base)
}
