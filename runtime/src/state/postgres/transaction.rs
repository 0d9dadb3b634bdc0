//! Everything that is written: once, whatever becomes of the connection.
//!
//! A transaction begins by locking the one row of `lakewright_log`, and nothing else is locked before it. So writers follow each other,
//! cursors are seen in their order, and there is nothing to go round in a circle.
//!
//! **Once.** If the connection is cut while a commit is under way, nobody knows whether it was made. So each handle counts its requests, and
//! a transaction leaves its count in `writers`. Whoever tries again locks the row of the log first, which the lost transaction holds to
//! its end, and then finds the count or does not.
//!
//! **Durability.** `synchronous_commit` is said for each transaction. With `off`, the server answers before the log of its own is
//! flushed, which it does in order: a crash can only take the newest transactions, and the next that is flushed takes the others along.
//!
//! **Gaps.** A handle outlives a crash of the server, and what it wrote next would stand behind a gap: a run that has
//! succeeded, and a commit of it that nobody asks the store for any more. But the count in `writers` went with what it was
//! written with. So a handle that finds a count below what was acknowledged writes nothing any more, and its run stays open for
//! the next process. A count that was not there yet is flushed, whatever it comes with: one that is missing was removed by
//! `collect`, and by no crash.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::failure::{Failure, damaged, forgotten};
use super::link::{Link, Request};
use super::{PostgresState, open};
use crate::error::{Error, ErrorKind, Result};
use crate::state::projection::Projection;

/// How long the server waits for the next request of a transaction, until it takes its locks away: others wait for them.
const IDLE: Duration = Duration::from_secs(15);

/// Whether a crash of the server may take a commit back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It may not.
    Full,
    /// It may, until the next that is full.
    Normal,
}

/// A connection that is opened when it is needed, and again when it was lost.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) link: Option<Link>,
    /// Counts what was asked to be written.
    request: i64,
    /// The last request of which the server said that it was carried out; 0 if there is none.
    acknowledged: i64,
    projection: Projection,
}

/// What is being written.
pub(super) struct Transaction<'l> {
    pub(super) link: &'l mut Link,
    pub(super) projection: &'l mut Projection,
    /// The last cursor that was given.
    pub(super) cursor: i64,
    /// The rows of what was to be looked at first, once the lock was there.
    pub(super) seen: Vec<Vec<Row>>,
    /// What is written together with the commit, in this order.
    later: Vec<Request>,
}

impl Transaction<'_> {
    /// Writes something together with the commit; whoever calls does not hear of it.
    pub(super) fn later(&mut self, request: Request) {
        self.later.push(request);
    }
}

impl PostgresState {
    /// Does something with a connection, and again with another if it is lost.
    fn tried<T>(&self, lane: &Mutex<Lane>, mut once: impl FnMut(&mut Lane) -> Result<T, Failure>) -> Result<T> {
        let mut lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            if lane.link.as_ref().is_some_and(Link::is_closed) {
                lane.link = None;
            }
            let failure = match once(&mut lane) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let again = matches!(failure, Failure::Lost { patient, .. } if patient || self.is_known());
            if let Failure::Lost { .. } = failure {
                lane.link = None;
            }
            if !again || start.elapsed() >= self.patience {
                return Err(failure.into_error().with("log", self.address.shown()));
            }
            thread::sleep(pause.mul_f64(rand::random_range(0.5..1.5)));
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// The connection of a lane, to a log that is there; nothing if there is none and none is to be made.
    fn link<'l>(&self, place: &'l mut Option<Link>, make: bool) -> Result<Option<&'l mut Link>, Failure> {
        let link = match place {
            Some(link) => link,
            None => place.insert(Link::open(&self.address, self.patience)?),
        };
        self.answered();
        if !link.ready {
            let found = match open::find(link, &self.address)? {
                None if make => Some(open::create(link, &self.address, &self.lock_timeout(), || self.new_id())?),
                found => found,
            };
            let Some(id) = found else { return Ok(None) };
            self.recognize(&id)?;
            link.ready = true;
        }
        Ok(Some(link))
    }

    fn made<'l>(&self, place: &'l mut Option<Link>) -> Result<&'l mut Link, Failure> {
        self.link(place, true)?.ok_or_else(|| damaged().into())
    }

    /// Sees to it that there is a log.
    pub(super) fn make(&self) -> Result<()> {
        self.tried(&self.writer, |lane| self.made(&mut lane.link).map(drop))
    }

    /// Reads from the log; nothing if there is none yet.
    pub(super) fn read<T: Default>(&self, mut work: impl FnMut(&mut Link) -> Result<T, Failure>) -> Result<T> {
        self.tried(&self.reader, |lane| {
            let Some(link) = self.link(&mut lane.link, false)? else { return Ok(T::default()) };
            if !link.hurried {
                return work(link);
            }
            // Said for the connection, it would be said for whoever a pool gives it to next.
            link.batch("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = 0")?;
            let done = work(link);
            if let Err(failure) = link.batch("ROLLBACK") {
                lane.link = None;
                done?;
                return Err(failure);
            }
            done
        })
    }

    /// Writes something that neither appends nor issues, and may be written twice: it waits for nobody who does.
    pub(super) fn put(&self, durability: Durability, request: impl Fn() -> Request) -> Result<Vec<Row>> {
        self.tried(&self.reader, |lane| {
            let link = self.made(&mut lane.link)?;
            let request = [request()];
            match link.pipeline(Some(&self.begin(durability)), &request, Some("COMMIT")) {
                Ok(rows) => Ok(rows.into_iter().next().unwrap_or_default()),
                Err(failure) => {
                    // What is left of the transaction goes with the connection.
                    lane.link = None;
                    Err(failure)
                }
            }
        })
    }

    /// Changes what is there over a connection of its own, for as long as it takes, without the lock; nothing if there is no log yet.
    pub(super) fn aside<T: Default>(&self, mut work: impl FnMut(&mut Link) -> Result<T, Failure>) -> Result<T> {
        self.tried(&Mutex::default(), |lane| {
            let Some(link) = self.link(&mut lane.link, false)? else { return Ok(T::default()) };
            link.without_limit();
            link.batch(&self.begin(Durability::Full))?;
            let done = work(link)?;
            link.batch("COMMIT")?;
            Ok(done)
        })
    }

    /// Writes to the log, whole or not at all, and once. `look` is asked for as soon as the lock is there.
    ///
    /// The work is done again if the connection was lost; what it returned last is what was written. Nothing is
    /// written if the server has lost what it had acknowledged before.
    pub(super) fn write<T>(
        &self,
        durability: Durability,
        look: impl Fn() -> Vec<Request>,
        mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut request = None;
        let mut done = None;
        // Whether a commit was asked for of which nothing was heard.
        let mut unheard = false;
        let written = self.tried(&self.writer, |lane| {
            let Lane { link: place, request: count, acknowledged, projection } = lane;
            let request = *request.get_or_insert_with(|| {
                *count += 1;
                *count
            });
            let link = self.made(place)?;
            let mut first = vec![
                Request::new("SELECT log_id, cursor FROM @.lakewright_log FOR UPDATE"),
                Request::new("SELECT request FROM @.writers WHERE writer = $1").with(self.name.clone()),
            ];
            first.extend(look());
            let written = link.pipeline(Some(&self.begin(durability)), &first, None).and_then(|mut seen| {
                let looked = seen.split_off(2);
                let last = seen[1].first().map(|row| row.get::<_, i64>(0));
                if last == Some(request) && done.is_some() {
                    // Others wait for the lock.
                    return link.batch("ROLLBACK");
                }
                let head = seen[0].first().ok_or_else(damaged)?;
                self.recognize(head.get(0))?;
                if last.is_some_and(|last| last < *acknowledged) {
                    return Err(forgotten().into());
                }
                let before = head.get(1);
                let mut transaction = Transaction { link, projection, cursor: before, seen: looked, later: Vec::new() };
                done = Some(work(&mut transaction)?);
                let Transaction { cursor, mut later, .. } = transaction;
                if cursor != before {
                    later.push(Request::new("UPDATE @.lakewright_log SET cursor = $1").with(cursor));
                }
                if last.is_none() {
                    // So that a crash takes back what the count has become, and never the whole row.
                    later.push(Request::new("SELECT set_config('synchronous_commit', 'on', TRUE)"));
                }
                later.push(
                    Request::new(
                        "INSERT INTO @.writers (writer, request) VALUES ($1, $2) \
                         ON CONFLICT (writer) DO UPDATE SET request = excluded.request, at = now()",
                    )
                    .with(self.name.clone())
                    .with(request),
                );
                let committed = link.pipeline(None, &later, Some("COMMIT"));
                unheard |= matches!(committed, Err(Failure::Lost { .. }));
                committed.map(drop)
            });
            if let Err(failure) = written {
                // Nothing of a transaction that failed half way is left in a connection.
                let told = matches!(failure, Failure::Told(_));
                if !told || place.as_ref().is_none_or(|link| link.batch("ROLLBACK").is_err()) {
                    *place = None;
                }
                return Err(failure);
            }
            *acknowledged = request;
            done.take().ok_or_else(|| Error::new(ErrorKind::Internal, "the log wrote something and gave nothing back").into())
        });
        written.map_err(|error| if unheard { error.unsettled() } else { error })
    }

    fn begin(&self, durability: Durability) -> String {
        let synchronous = match durability {
            Durability::Full => "on",
            Durability::Normal => "off",
        };
        // Whatever the server, the database or the user have as their own.
        format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}; SET LOCAL statement_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = {}; SET LOCAL synchronous_commit = {synchronous}",
            self.lock_timeout(),
            IDLE.as_millis(),
        )
    }

    fn lock_timeout(&self) -> String {
        // 0 would be for ever.
        format!("SET LOCAL lock_timeout = {}", self.patience.as_millis().clamp(1, 2_147_483_647))
    }
}
