//! Commits: one script, in which the rows of a slice are replaced and the commit is remembered, or nothing happens.

use std::time::Duration;

use super::client::{Client, Refusal, pause};
use super::predicate::Predicate;
use super::schema::{Def, difference};
use super::script::{self, Script};
use super::stage::{Piece, check_columns};
use super::table::{Place, Table};
use crate::asset::Mode;
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::{Matched, Merge};
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::{Committed, Staged, StoreRequest};
use crate::partition::KeySet;
use crate::slice::Slice;

/// How often a commit that lost a race is made again.
const ATTEMPTS: u32 = 20;

/// What is committed to one table.
pub(super) struct Commit<'a> {
    client: &'a Client,
    place: &'a Place,
    request: &'a StoreRequest<'a>,
    id: &'a CommitId,
    pieces: Vec<(Piece, Slice)>,
    keys: Option<KeySet>,
}

/// What of the commit the mode lets happen.
struct Allowed {
    pieces: Vec<(Piece, Slice)>,
    ignored: Option<Slice>,
}

impl<'a> Commit<'a> {
    pub(super) fn new(
        client: &'a Client,
        place: &'a Place,
        request: &'a StoreRequest<'a>,
        staged: &[Staged],
        id: &'a CommitId,
    ) -> Result<Self> {
        let mut pieces: Vec<(Piece, Slice)> = Vec::with_capacity(staged.len());
        for staged in staged {
            pieces.push((Piece::of(staged)?, staged.slice.clone()));
        }
        let Some((first, rest)) = pieces.split_first() else {
            return Err(Error::new(ErrorKind::Internal, "nothing was staged"));
        };
        let differs = |(piece, slice): &(Piece, Slice)| {
            let difference = difference(&first.0.columns, &piece.columns)?;
            Some(format!("the partitions of one run have different columns: in `{slice}`, {difference}"))
        };
        if let Some(message) = rest.iter().find_map(differs) {
            return Err(Error::new(ErrorKind::Schema, message).help("give every partition the same columns"));
        }
        Ok(Self { client, place, request, id, pieces, keys: request.keys()? })
    }

    fn columns(&self) -> &[Def] {
        &self.pieces[0].0.columns
    }

    /// Makes the pieces visible, or what of them the mode lets.
    pub(super) async fn run(&self) -> Result<Committed> {
        let env = self.request.env.as_ref();
        let mut lost = None;
        // A job whose end is not known may be running still, so it is asked for again, and never another one started beside it.
        let mut ended = 0;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                env.sleep(pause(attempt, env.random()).min(Duration::from_secs(10))).await;
            }
            let table = self.table().await?;
            if let Some(committed) = self.earlier(&table).await? {
                return Ok(committed);
            }
            let allowed = self.allowed(&table).await?;
            if allowed.pieces.is_empty() {
                return Ok(Committed::new().ignored(allowed.ignored));
            }
            let script = self.script(&table, &allowed).await?;
            let job = format!("lakewright_commit_{}_{ended}", script::digest(self.id, &allowed.pieces));
            let outcome = self.client.script(env, &job, &script).await;
            // What became of it is read, whatever the answer was: a connection may have been cut after it landed.
            let after = self.table().await?;
            if self.earlier(&after).await?.is_some() {
                return Ok(self.landed(&after, allowed.ignored).await);
            }
            match outcome {
                // Somebody else's table in the meantime, or rows that the mode does not replace.
                Ok(Ok(_)) => {
                    ended += 1;
                    lost = Some(Error::new(ErrorKind::Conflict, "the table was replaced while this run committed"));
                }
                Ok(Err(refusal)) if Self::may_try_again(&refusal) => {
                    ended += u32::from(refusal.ended);
                    lost = Some(refusal.error("commit", &self.place.to_string()));
                }
                Ok(Err(refusal)) => return Err(refusal.error("commit", &self.place.to_string())),
                Err(error) => return Err(error),
            }
        }
        let message = format!("`{}` could not be committed in {ATTEMPTS} tries", self.place);
        let error = Error::new(ErrorKind::Conflict, message).retryable();
        Err(match lost {
            Some(cause) => error.source(cause),
            None => error,
        })
    }

    fn may_try_again(refusal: &Refusal) -> bool {
        refusal.is_conflict() || refusal.is_passing() || refusal.message.contains(script::PRESENT)
    }

    /// The table, made without rows if it is not there: a transaction makes no tables.
    async fn table(&self) -> Result<Table> {
        let env = self.request.env.as_ref();
        if let Some(table) = self.client.table(env, self.place).await? {
            return Ok(table);
        }
        self.client.create(env, self.place, self.columns(), None).await?;
        let made = self.client.table(env, self.place).await?;
        made.ok_or_else(|| Error::new(ErrorKind::Io, format!("`{}` was made, and is not there", self.place)).retryable())
    }

    /// What this very commit did if it landed before; an error if a later one of its kind did.
    async fn earlier(&self, table: &Table) -> Result<Option<Committed>> {
        let env = self.request.env.as_ref();
        match self.client.numbers(env, self.place, table, &[self.id]).await?.first().copied().flatten() {
            Some(number) if number == self.id.number => Ok(Some(Committed::new().already())),
            Some(number) if number > self.id.number => {
                let message = format!("commit {} of `{}` comes after {number}, which replaced it", self.id.number, self.id.asset);
                Err(Error::new(ErrorKind::Superseded, message).with("location", self.place))
            }
            _ => Ok(None),
        }
    }

    /// What the commit did that has just landed.
    async fn landed(&self, table: &Table, ignored: Option<Slice>) -> Committed {
        let env = self.request.env.as_ref();
        let committed = Committed::new().ignored(ignored);
        let counted = async {
            let rows = self.client.count(env, self.place, None).await?;
            let slice_rows = match (&self.keys, self.request.mode) {
                (_, Mode::Overwrite | Mode::Error | Mode::Ignore) => None,
                (None, _) => Some(rows),
                (Some(keys), _) => {
                    let predicate = self.predicate(table, keys).await?;
                    Some(self.client.count(env, self.place, Some(&predicate)).await?)
                }
            };
            Ok::<_, Error>((rows, slice_rows))
        };
        match counted.await {
            Ok((rows, slice_rows)) => committed.table_rows(Some(rows)).slice_rows(slice_rows),
            // It has landed, whatever is known of its rows.
            Err(error) => {
                tracing::warn!(%error, table = %self.place, "the commit landed, and its rows could not be counted");
                committed
            }
        }
    }

    async fn predicate(&self, table: &Table, keys: &KeySet) -> Result<Predicate> {
        let env = self.request.env.as_ref();
        self.client.predicate(env, self.place, &table.defs, self.request.asset, keys).await
    }

    /// What of the pieces the mode lets be written.
    async fn allowed(&self, table: &Table) -> Result<Allowed> {
        let all = || Allowed { pieces: self.pieces.clone(), ignored: None };
        if !matches!(self.request.mode, Mode::Error | Mode::Ignore) {
            return Ok(all());
        }
        let (env, asset) = (self.request.env.as_ref(), self.request.asset);
        let present = match &self.keys {
            Some(keys) => self.client.present(env, self.place, table, asset, keys).await?,
            None if super::is_stored(self.client, env, self.place, table).await? => {
                return self.refused(&Slice::Whole).map(|()| Allowed { pieces: Vec::new(), ignored: Some(Slice::Whole) });
            }
            None => return Ok(all()),
        };
        if present.is_empty() {
            return Ok(all());
        }
        self.refused(&present.slice())?;
        let Some(def) = &asset.partitions else { return Ok(all()) };
        let mut absent = Vec::new();
        for (piece, slice) in &self.pieces {
            let keys = def.resolve(slice)?;
            let left = keys.difference(&present);
            if left.len() == keys.len() {
                absent.push((piece.clone(), slice.clone()));
            } else if !left.is_empty() {
                let message = "some of the partitions were stored by somebody else while this run made them all at once";
                return Err(Error::new(ErrorKind::Conflict, message).retryable());
            }
        }
        Ok(Allowed { pieces: absent, ignored: Some(present.slice()) })
    }

    fn refused(&self, present: &Slice) -> Result<()> {
        if self.request.mode != Mode::Error {
            return Ok(());
        }
        let message = format!("`{}` is stored already, and `mode = \"error\"` refuses to replace it", self.request.asset.key);
        let error = Error::new(ErrorKind::Present, message).with("slice", present).with("location", self.place);
        Err(error.help("remove what is stored, or choose another `mode`"))
    }

    /// The statements that commit, with the columns of the table as they have to be.
    async fn script(&self, table: &Table, allowed: &Allowed) -> Result<String> {
        let env = self.request.env.as_ref();
        self.client.create_commits(env, self.place).await?;
        let sources: Vec<Place> = allowed.pieces.iter().map(|(piece, _)| self.place.beside(&piece.table)).collect();
        let slice = match &self.request.asset.partitions {
            Some(def) if self.keys.is_some() => def.combine(allowed.pieces.iter().map(|(_, slice)| slice))?.slice(),
            _ => Slice::Whole,
        };
        let script =
            Script { place: self.place, request: self.request, id: self.id, sources, columns: self.columns(), slice: &slice };
        match (schema_mode(self.request.asset), difference(&table.defs, self.columns())) {
            (_, None) => {}
            (SchemaMode::Strict, Some(_)) => check_columns(self.place, &table.defs, self.columns())?,
            (SchemaMode::Overwrite, Some(_)) => return Ok(script.replace_table()),
            (SchemaMode::Merge, Some(_)) => {
                let unknown = |def: &&Def| !table.defs.iter().any(|known| known.name == def.name);
                let (new, old): (Vec<&Def>, Vec<&Def>) = self.columns().iter().partition(unknown);
                let same: Vec<Def> =
                    table.defs.iter().filter(|known| old.iter().any(|def| def.name == known.name)).cloned().collect();
                check_columns(self.place, &same, &old.into_iter().cloned().collect::<Vec<_>>())?;
                if !new.is_empty() {
                    let new: Vec<Def> = new.into_iter().cloned().collect();
                    self.client.add_columns(env, self.place, &table.defs, &new).await?;
                }
            }
        }
        let predicate = match (&self.keys, &self.request.asset.partitions) {
            (Some(_), Some(def)) => {
                let keys = def.resolve(&slice)?;
                Some(self.predicate(table, &keys).await?.sql()?.inline())
            }
            _ => None,
        };
        match Merge::of(self.request.asset, self.request.mode)? {
            None => Ok(script.replace_rows(predicate.as_deref())),
            Some(merge) => {
                self.check_merge(&merge, &script).await?;
                let absent = if merge.insert { None } else { self.absent(table).await? };
                Ok(script.merge(&merge, predicate.as_deref(), absent.as_deref()))
            }
        }
    }

    /// Tells rows of what is not there from others, if not all is there: they come in, though they match none.
    async fn absent(&self, table: &Table) -> Result<Option<String>> {
        let env = self.request.env.as_ref();
        let Some(keys) = &self.keys else {
            let stored = super::is_stored(self.client, env, self.place, table).await?;
            return Ok((!stored).then(|| "TRUE".to_owned()));
        };
        let absent = keys.difference(&self.client.present(env, self.place, table, self.request.asset, keys).await?);
        if absent.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.predicate(table, &absent).await?.sql()?.inline()))
    }

    /// Refuses rows of which there is no telling which stored row they mean.
    async fn check_merge(&self, merge: &Merge, script: &Script<'_>) -> Result<()> {
        if let Some(column) = merge.on.iter().find(|column| !self.columns().iter().any(|def| def.name == **column)) {
            let message = format!("`on` names the column `{column}`, which the output does not have");
            return Err(Error::new(ErrorKind::Schema, message));
        }
        let rows = self.client.few(self.request.env.as_ref(), &script.ambiguous(merge)).await?;
        let rows = rows.map_err(|refusal| refusal.error("look at the rows to merge", &self.place.to_string()))?;
        let count = |index: usize| rows.first().and_then(|row| row.get(index)?.as_ref()?.parse::<u64>().ok()).unwrap_or(0);
        let on = merge.on.join("`, `");
        let message = match (count(0), count(1)) {
            (0, 0) => return Ok(()),
            (0, doubled) => format!("{doubled} values of `{on}` are in more than one row of the output"),
            (nulls, _) => format!("{nulls} rows of the output have a null in `{on}`"),
        };
        let what = if merge.matched == Matched::Update { "updates" } else { "matches" };
        let help = format!("give each row a value of its own, so that it is clear which stored row it {what}");
        Err(Error::new(ErrorKind::Value, message).help(help))
    }
}
