//! Committing staged rows: one transaction, once.
//!
//! What a commit may do is decided in the transaction that does it, and every commit to a table counts up the version of that table in
//! `_lakewright.tables`. Of two at once DuckDB lets one through; the other is tried again and decides anew.

use super::catalog::{Found, Own};
use super::columns;
use super::merge::merge_into;
use super::names::TableName;
use super::predicate::Predicate;
use super::read::{predicate, present, rows};
use super::stage::{StagedRows, now};
use super::statement::Sql;
use crate::asset::Mode;
use crate::commit::CommitId;
use crate::duckdb::{Connection, DuckDb, SqlValue, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::io::merge::Merge;
use crate::io::schema_mode::{SchemaMode, schema_mode};
use crate::io::{Committed, Staged, StoreRequest};
use crate::partition::KeySet;
use crate::slice::Slice;

/// What is committed to one table.
pub(super) struct Commit<'a> {
    pub(super) database: &'a DuckDb,
    pub(super) name: &'a TableName,
    pub(super) request: &'a StoreRequest<'a>,
    pub(super) id: &'a CommitId,
    /// The pieces, each with the part of the asset that it is all of.
    pieces: Vec<(StagedRows, Slice)>,
    /// The partitions that are written.
    keys: Option<KeySet>,
}

/// A commit inside of its transaction.
struct Attempt<'a> {
    commit: &'a Commit<'a>,
    connection: &'a Connection,
    own: &'a Own,
    committed: Committed,
}

impl<'a> Commit<'a> {
    pub(super) fn new(
        database: &'a DuckDb,
        name: &'a TableName,
        request: &'a StoreRequest<'a>,
        staged: &[Staged],
        id: &'a CommitId,
    ) -> Result<Self> {
        let mut pieces = Vec::with_capacity(staged.len());
        for staged in staged {
            pieces.push((StagedRows::of(staged)?, staged.slice.clone()));
        }
        let Some((first, rest)) = pieces.split_first() else {
            return Err(Error::new(ErrorKind::Internal, "nothing was staged"));
        };
        for (other, slice) in rest {
            if let Some((name, how)) = columns::first_difference(&first.0.columns, &other.columns) {
                let message = format!("the partitions of one run have different columns: `{name}` {how} in `{slice}`");
                return Err(Error::new(ErrorKind::Schema, message).help("give every partition the same columns"));
            }
        }
        let keys = request.keys()?;
        Ok(Self { database, name, request, id, pieces, keys })
    }

    /// One try: everything, or nothing. Blocks.
    pub(super) fn run(&self) -> Result<Committed> {
        let connection = self.database.connection()?;
        let own = Own::of(&connection)?;
        connection.transaction(|connection| {
            if !own.exists(connection)? {
                return Err(self.not_staged(&self.pieces[0].0));
            }
            Attempt { commit: self, connection, own: &own, committed: Committed::new() }.run()
        })
    }

    fn not_staged(&self, piece: &StagedRows) -> Error {
        let message = format!("what was staged for `{}` is not in the database any more", self.request.asset.key);
        let error = Error::new(ErrorKind::Missing, message).with("staged", piece.name());
        error.help("run the asset again; rows that nobody commits are removed after a week")
    }
}

impl<'a> Attempt<'a> {
    fn run(mut self) -> Result<Committed> {
        let Commit { name, request, pieces, .. } = self.commit;
        let existing = self.own.find(self.connection, name)?;
        match &existing {
            Some(found) => {
                if self.landed_before(found)? {
                    self.forget_staged()?;
                    return Ok(self.committed);
                }
                columns::check(request.asset, found, &pieces[0].0.columns)?;
            }
            // What was there before is gone, and so is what is remembered of it.
            None => self.own.forget(self.connection, name)?,
        }
        let mut left: Vec<&(StagedRows, Slice)> = pieces.iter().collect();
        if let (Some(found), Mode::Error | Mode::Ignore) = (&existing, request.mode) {
            if let Some(there) = self.there_already(found)? {
                left = self.absent_pieces(&there)?;
                self.committed.ignored = Some(there);
            }
            if left.is_empty() {
                self.forget_staged()?;
                return Ok(self.committed);
            }
        }
        // Nobody removes rows that are about to be stored.
        for (piece, _) in &left {
            if self.own.find(self.connection, &piece.name())?.is_none() {
                return Err(self.commit.not_staged(piece));
            }
        }
        let version = self.own.next_version(self.connection, name, &request.run.run, now(request.env.as_ref()))?;
        self.committed.version = Some(version);
        self.committed.exact = self.is_exact(existing.as_ref());
        let found = self.store(existing, &left)?;
        self.remember(&left, version)?;
        let table = found.name.sql(&self.own.catalog);
        self.committed.table_rows = Some(rows(self.connection, &table, None)?);
        if request.mode != Mode::Overwrite {
            let part = self.part(&found)?;
            self.committed.slice_rows = Some(rows(self.connection, &table, part.as_ref())?);
        }
        Ok(self.committed)
    }

    /// Whether this very commit landed before; an error if a later one of its kind did.
    fn landed_before(&mut self, found: &Found) -> Result<bool> {
        let Commit { id, name, .. } = self.commit;
        match self.own.committed_number(self.connection, &id.application())? {
            Some(number) if number == id.number => {
                let table = found.name.sql(&self.own.catalog);
                self.committed.version = self.own.last(self.connection, name)?.map(|(version, ..)| version);
                self.committed.table_rows = Some(rows(self.connection, &table, None)?);
                self.committed.already = true;
                Ok(true)
            }
            Some(number) if number > id.number => {
                let message = format!("commit {} of `{}` comes after {number}, which replaced it", id.number, id.asset);
                Err(Error::new(ErrorKind::Superseded, message).with("location", name))
            }
            _ => Ok(false),
        }
    }

    /// Tells the rows of the slice from others; nothing for the whole table.
    fn part(&self, found: &Found) -> Result<Option<Predicate>> {
        self.part_of(found, self.commit.keys.as_ref())
    }

    fn part_of(&self, found: &Found, keys: Option<&KeySet>) -> Result<Option<Predicate>> {
        let Some(keys) = keys else { return Ok(None) };
        let asset = self.commit.request.asset;
        let Some(expr) = &asset.partition_expr else {
            let message = format!("`{}` has no `partition_expr` that tells its partitions apart", asset.key);
            return Err(Error::new(ErrorKind::Partitions, message));
        };
        predicate(self.connection, found, &found.name.sql(&self.own.catalog), keys, expr).map(Some)
    }

    /// What of the slice is there, for modes that do not replace; an error for [`Mode::Error`].
    fn there_already(&self, found: &Found) -> Result<Option<Slice>> {
        let Commit { request, pieces, .. } = self.commit;
        let there = match self.part(found)? {
            Some(part) => {
                let present = present(self.connection, self.own, found, &part)?;
                (!present.is_empty()).then(|| present.slice())
            }
            // Whoever made the table has stored it, be it without a row.
            None => Some(pieces[0].1.clone()),
        };
        match there {
            Some(there) if request.mode == Mode::Error => {
                let asset = &request.asset.key;
                let message = format!(
                    "`{asset}` was stored by somebody else in the meantime, and `mode = \"error\"` refuses to replace it"
                );
                let error = Error::new(ErrorKind::Present, message).with("slice", there);
                Err(error.help("remove what is stored, or choose another `mode`"))
            }
            there => Ok(there),
        }
    }

    /// The pieces of partitions that are not there.
    fn absent_pieces(&self, there: &Slice) -> Result<Vec<&'a (StagedRows, Slice)>> {
        let Commit { request, pieces, keys, .. } = self.commit;
        let (Some(_), Some(def)) = (keys, &request.asset.partitions) else { return Ok(Vec::new()) };
        let there = def.resolve(there)?;
        let mut absent = Vec::new();
        for piece in pieces {
            let keys = def.resolve(&piece.1)?;
            let left = keys.difference(&there);
            if left.len() == keys.len() {
                absent.push(piece);
            } else if !left.is_empty() {
                let message = "some of the partitions were stored by somebody else while this run made them all at once";
                return Err(Error::new(ErrorKind::Conflict, message).retryable());
            }
        }
        Ok(absent)
    }

    /// Whether the table will give back the rows as the body made them.
    fn is_exact(&self, existing: Option<&Found>) -> bool {
        let Commit { request, pieces, .. } = self.commit;
        let [(piece, _)] = &pieces[..] else { return false };
        let replaced = |found: &Found| schema_mode(request.asset) == SchemaMode::Overwrite || found.columns == piece.columns;
        request.mode == Mode::Overwrite && piece.exact && existing.is_none_or(replaced)
    }

    /// Changes the table.
    fn store(&self, existing: Option<Found>, pieces: &[&(StagedRows, Slice)]) -> Result<Found> {
        let Commit { name, request, .. } = self.commit;
        let Some(found) = existing else {
            self.create(pieces)?;
            return self.found_again();
        };
        let first = &pieces[0].0;
        let whole = self.commit.keys.is_none() && request.mode == Mode::Overwrite;
        if whole {
            self.own.forget_slices(self.connection, name)?;
        }
        if whole && (Self::swaps(&found, first) || schema_mode(request.asset) == SchemaMode::Overwrite) {
            self.connection.execute(&format!("DROP TABLE {}", found.name.sql(&self.own.catalog)))?;
            self.create(pieces)?;
            return self.found_again();
        }
        if schema_mode(request.asset) == SchemaMode::Merge {
            columns::extend(self.connection, self.own, &found.name, &found.columns, &first.columns)?;
        }
        let found = self.own.find(self.connection, name)?.unwrap_or(found);
        let table = found.name.sql(&self.own.catalog);
        let merge = Merge::of(request.asset, request.mode)?;
        if request.mode == Mode::Overwrite {
            self.clear(&found, &table)?;
        }
        let absent = self.absent(&found, merge.as_ref())?;
        for (piece, slice) in pieces {
            let Some(merge) = &merge else {
                self.insert(&table, piece, None)?;
                continue;
            };
            let keys = StoreRequest { slice, ..(*request).clone() }.keys()?;
            self.merge(merge, &found, piece, keys.as_ref(), absent.as_ref())?;
        }
        Ok(found)
    }

    /// The partitions that are written and not there, if it matters which: all of their rows come in, though they match none.
    fn absent(&self, found: &Found, merge: Option<&Merge>) -> Result<Option<KeySet>> {
        if merge.is_none_or(|merge| merge.insert) {
            return Ok(None);
        }
        let Some(part) = self.part(found)? else { return Ok(None) };
        let present = present(self.connection, self.own, found, &part)?;
        Ok(Some(part.keys().difference(&present)))
    }

    /// Merges a piece of these partitions. Rows of those that are not there match nothing, and are added as they are.
    fn merge(
        &self,
        merge: &Merge,
        found: &Found,
        piece: &StagedRows,
        keys: Option<&KeySet>,
        absent: Option<&KeySet>,
    ) -> Result<()> {
        let table = found.name.sql(&self.own.catalog);
        let fresh = keys.zip(absent).map(|(keys, absent)| keys.intersection(absent)).filter(|fresh| !fresh.is_empty());
        if keys.zip(fresh.as_ref()).is_some_and(|(keys, fresh)| keys.len() == fresh.len()) {
            return self.insert(&table, piece, None);
        }
        let fresh = match &fresh {
            Some(fresh) => {
                let staged = self.own.find(self.connection, &piece.name())?.ok_or_else(|| self.commit.not_staged(piece))?;
                self.part_of(&staged, Some(fresh))?.map(|part| part.sql()).transpose()?
            }
            None => None,
        };
        let part = self.part_of(found, keys)?;
        let source = piece.name().sql(&self.own.catalog);
        let sql = merge_into(merge, &table, &source, &piece.columns, part.as_ref(), fresh.as_ref())?;
        self.connection.execute_with(&sql.text, sql.bound())?;
        fresh.map_or(Ok(()), |fresh| self.insert(&table, piece, Some(&fresh)))
    }

    /// Deletes the rows of the slice, or all.
    fn clear(&self, found: &Found, table: &str) -> Result<()> {
        let Some(part) = self.part(found)? else {
            return self.connection.execute(&format!("DELETE FROM {table}")).map(drop);
        };
        let belongs = part.sql()?;
        let sql = format!("DELETE FROM {table} WHERE {}", belongs.text);
        self.connection.execute_with(&sql, belongs.bound()).map(drop)
    }

    /// Whether the staged rows can take the place of the table: nothing of it would be lost but its rows.
    fn swaps(found: &Found, piece: &StagedRows) -> bool {
        let kept = |known: &super::catalog::Column| piece.columns.contains(known);
        piece.beside && !found.has_more && found.columns.iter().all(kept) && super::names::same(&piece.schema, &found.name.schema)
    }

    /// Makes the table of the first piece, and adds the others.
    fn create(&self, pieces: &[&(StagedRows, Slice)]) -> Result<()> {
        let name = self.commit.name;
        let catalog = &self.own.catalog;
        let (table, first) = (name.sql(catalog), &pieces[0].0);
        let staged = first.name().sql(catalog);
        self.connection.execute(&format!("CREATE SCHEMA IF NOT EXISTS {}.{}", quote(catalog), quote(&name.schema)))?;
        if first.beside && super::names::same(&first.schema, &name.schema) {
            self.connection.execute(&format!("ALTER TABLE {staged} RENAME TO {}", quote(&name.table)))?;
        } else {
            self.connection.execute(&format!("CREATE TABLE {table} AS SELECT * FROM {staged}"))?;
        }
        pieces[1..].iter().try_for_each(|(piece, _)| self.insert(&table, piece, None))
    }

    /// Adds the rows of a piece, or those of them that the condition is of.
    fn insert(&self, table: &str, piece: &StagedRows, only: Option<&Sql>) -> Result<()> {
        let (list, source) = (columns::list(&piece.columns), piece.name().sql(&self.own.catalog));
        let mut sql = Sql::new(format!("INSERT INTO {table} ({list}) SELECT {list} FROM {source}"));
        if let Some(only) = only {
            sql.push(" WHERE ").append(only);
        }
        self.connection.execute_with(&sql.text, sql.bound()).map(drop)
    }

    fn found_again(&self) -> Result<Found> {
        let found = self.own.find(self.connection, self.commit.name)?;
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "a table that was just made is not there"))
    }

    /// Writes down what is committed, and removes what it was made of.
    fn remember(&self, pieces: &[&(StagedRows, Slice)], version: i64) -> Result<()> {
        let Commit { name, request, id, .. } = self.commit;
        let (schema, table) = name.folded();
        let commits = self.own.table("commits");
        self.connection.execute_with(&format!("DELETE FROM {commits} WHERE application = ?"), [id.application().into()])?;
        let values: [SqlValue; 11] = [
            id.application().into(),
            id.number.into(),
            schema.into(),
            table.into(),
            version.into(),
            request.asset.key.to_string().into(),
            request.slice.to_string().into(),
            request.run.run.as_str().into(),
            request.run.attempt.into(),
            request.asset.code_version.as_deref().into(),
            now(request.env.as_ref()),
        ];
        self.connection.execute_with(&format!("INSERT INTO {commits} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"), values)?;
        for (_, slice) in pieces {
            let keys = StoreRequest { slice, ..(*request).clone() }.keys()?;
            if let Some(keys) = keys {
                let keys: Vec<String> = keys.keys().map(|key| key.to_string()).collect();
                self.own.mark(self.connection, name, &keys, true)?;
            }
        }
        self.forget_staged()
    }

    /// Removes what was staged, be it stored now or not wanted any more.
    fn forget_staged(&self) -> Result<()> {
        self.commit.pieces.iter().try_for_each(|(piece, _)| self.own.forget_staged(self.connection, &piece.name()))
    }
}

/// Removes the rows of some partitions, or the table. One try. Blocks.
pub(super) fn delete(database: &DuckDb, name: &TableName, request: &StoreRequest<'_>, keys: Option<&KeySet>) -> Result<()> {
    let connection = database.connection()?;
    let own = Own::of(&connection)?;
    connection.transaction(|connection| {
        let Some(found) = own.find(connection, name)? else { return Ok(()) };
        if found.is_view {
            let message = format!("`{}` is a view, which the store did not make", found.name);
            return Err(Error::new(ErrorKind::NotATable, message).help("drop it with SQL, if nobody needs it"));
        }
        if !own.exists(connection)? {
            own.create(connection)?;
        }
        own.next_version(connection, name, &request.run.run, now(request.env.as_ref()))?;
        let table = found.name.sql(&own.catalog);
        let Some(keys) = keys else {
            connection.execute(&format!("DROP TABLE {table}"))?;
            return own.forget(connection, name);
        };
        let belongs = predicate(connection, &found, &table, keys, super::expr_of(request.asset)?)?.sql()?;
        connection.execute_with(&format!("DELETE FROM {table} WHERE {}", belongs.text), belongs.bound())?;
        let keys: Vec<String> = keys.keys().map(|key| key.to_string()).collect();
        own.mark(connection, name, &keys, false)
    })
}
