//! A log in a database of `PostgreSQL`, for the processes of several machines.
//!
//! Two connections, each behind a mutex: one for what appends events and issues numbers, which takes its turn, and one for the rest.

mod address;
mod collect;
mod failure;
mod link;
mod open;
mod read;
mod rows;
mod thread;
mod tls;
mod transaction;
mod write;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::Timestamp;

use super::projection::check_keys;
use super::{
    BackfillRecord, Beat, Collected, EachSlice, Holder, LogLine, NewRun, Referee, RunQuery, RunRecord, SliceStatus, Snapshot,
    State,
};
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind};
use crate::key::AssetKey;
use crate::slice::Slice;
use address::Address;
use link::Request;
use rows::{json, moment, whole};
use transaction::{Durability, Lane};

/// How long a call waits for others and for a connection, unless it is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps the log in a schema of a `PostgreSQL` database (12 or later), which any number of machines may use at once.
///
/// The schema and its tables are made by the first call that writes or asks for the identity, if the user may; before that there is
/// nothing to read. Never put an older copy in their place: it would issue numbers that tables know already, and those commits would be
/// taken for made.
///
/// A connection that is lost is made again, and what was being written is written once, whether the lost connection had done it or not.
/// If its server crashed, and has lost what it had acknowledged, a handle neither appends nor takes numbers any more: that
/// fails with [`ErrorKind::Corrupt`]. Another handle goes on with what is there.
///
/// The URL is `postgres://user:password@host:5432/database`, perhaps with several hosts, of which the one that can be written to is
/// taken, and with options like `?sslmode=verify-full`. It is never printed with its password. `docs/state.md` says more.
///
/// ```no_run
/// use lakewright::Slice;
/// use lakewright::state::{PostgresState, State};
///
/// let state = PostgresState::new("postgres://lakewright:secret@db.example/shop?sslmode=verify-full").schema("log_of_shop");
/// let number = state.number(&"iris".parse()?, &Slice::Whole, "run", 0)?;
/// assert_eq!(format!("{state:?}"), "PostgresState(postgres://lakewright@db.example:5432/shop, schema `log_of_shop`)");
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct PostgresState {
    address: Address,
    patience: Duration,
    env: Option<Arc<dyn Env>>,
    /// The identity, once it is known. Whatever is found there later must have it too.
    id: OnceLock<String>,
    /// Identifies this handle among those that write.
    name: String,
    /// Whether the server has ever answered.
    known: AtomicBool,
    writer: Mutex<Lane>,
    reader: Mutex<Lane>,
}

impl PostgresState {
    /// The log at this URL. Connects to nothing yet.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            address: Address::new(url.into()),
            patience: PATIENCE,
            env: None,
            id: OnceLock::new(),
            name: format!("{:032x}", rand::random::<u128>()),
            known: AtomicBool::new(false),
            writer: Mutex::default(),
            reader: Mutex::default(),
        }
    }

    /// The schema that the log has to itself; `lakewright` without this.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.address.schema = schema.into();
        self
    }

    /// How long a call waits for other processes, and for a connection that was lost, before it fails with an error that says so;
    /// 30 seconds without this.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Where the identity of a new log comes from; the machine's own randomness without this.
    #[must_use]
    pub fn env(mut self, env: Arc<dyn Env>) -> Self {
        self.env = Some(env);
        self
    }

    /// Whether the URL and the schema can be what they are, without connecting.
    ///
    /// # Errors
    /// If they cannot.
    pub(crate) fn check(&self) -> Result<()> {
        self.address.target().map(drop)
    }

    fn new_id(&self) -> String {
        self.env.as_ref().map_or_else(|| format!("{:016x}", rand::random::<u64>()), |env| unique_id(env.as_ref()))
    }

    fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    fn answered(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    fn recognize(&self, id: &str) -> Result<()> {
        if self.id.get_or_init(|| id.to_owned()) == id {
            return Ok(());
        }
        let message = "the log was replaced by another while it was in use";
        Err(Error::new(ErrorKind::Conflict, message).help("start the program again, and the run"))
    }
}

impl fmt::Debug for PostgresState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresState({})", self.address.shown())
    }
}

fn step_of(run: &str, step: usize) -> Result<i64> {
    i64::try_from(step).map_err(|_| Error::new(ErrorKind::Internal, format!("step {step} of run `{run}` is no step")))
}

impl State for PostgresState {
    fn log_id(&self) -> Result<String> {
        if self.id.get().is_none() {
            self.make()?;
        }
        self.id.get().cloned().ok_or_else(|| Error::new(ErrorKind::Internal, "the log has no identity"))
    }

    fn number(&self, asset: &AssetKey, slice: &Slice, run: &str, step: usize) -> Result<i64> {
        let step = step_of(run, step)?;
        let look = || vec![write::look_at_issued(asset, slice, run, step)];
        self.write(Durability::Full, look, |transaction| write::number(transaction, asset, slice, run, step))
    }

    fn append_all(&self, run: &str, events: Vec<(Timestamp, EventKind)>) -> Result<Vec<Event>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        // The plan of a run is there before any of it can be, and what has been said to be over is not taken back.
        let is_border = |kind: &EventKind| matches!(kind, EventKind::RunStarted { .. } | EventKind::RunFinished { .. });
        let durability = if events.iter().any(|(_, kind)| is_border(kind)) { Durability::Full } else { Durability::Normal };
        self.write(durability, || vec![write::look_at_run(run)], |transaction| write::append(transaction, run, &events))
    }

    fn begin(&self, run: &NewRun<'_>, referee: &dyn Referee) -> Result<Event> {
        let look = || vec![write::look_at_run(run.run), write::look_at_others(run.run), write::look_at_events(run.run)];
        self.write(Durability::Full, look, |transaction| write::begin(transaction, run, referee))
    }

    fn reopen(&self, run: &str, at: Timestamp, holder: &Holder, steps: &[usize], referee: &dyn Referee) -> Result<Event> {
        let look = || vec![write::look_at_run(run), write::look_at_others(run)];
        self.write(Durability::Full, look, |transaction| write::reopen(transaction, run, at, holder, steps, referee))
    }

    fn beat(&self, run: &str, holder: &Holder, at: Timestamp) -> Result<Beat> {
        let holder = json(holder)?;
        let rows = self.put(Durability::Normal, || {
            Request::new("UPDATE @.runs SET beat = $3 WHERE run = $1 AND holder = $2 RETURNING cancel")
                .with(run.to_owned())
                .with(holder.clone())
                .with(moment(at))
        })?;
        Ok(match rows.first().map(|row| row.get(0)) {
            Some(true) => Beat::Cancel,
            Some(false) => Beat::Go,
            None => Beat::Lost,
        })
    }

    fn cancel(&self, run: &str) -> Result<bool> {
        let asked = self.write(Durability::Full, Vec::new, |transaction| {
            let sql = "UPDATE @.runs SET cancel = TRUE WHERE run = $1 AND finished IS NULL";
            transaction.link.execute(sql, &[&run])
        })?;
        Ok(asked > 0)
    }

    fn run(&self, run: &str) -> Result<Option<RunRecord>> {
        self.read(|link| read::one_run(link, run))
    }

    fn runs(&self, query: &RunQuery) -> Result<Vec<RunRecord>> {
        self.read(|link| read::runs(link, query))
    }

    fn run_events(&self, run: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|link| read::run_events(link, run, after, limit))
    }

    fn history(&self, asset: &AssetKey, before: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|link| read::history(link, asset, before, limit))
    }

    fn take_slot(&self, pool: &str, limit: usize, run: &str, step: usize, referee: &dyn Referee) -> Result<bool> {
        let step = step_of(run, step)?;
        // Whoever waits for a slot asks often, and should be in nobody's way.
        let full = self.read(|link| {
            let rows = link.pipeline(None, &[write::look_at_slots(pool)], None)?;
            let slots = write::Slots::read(&rows[0], run, step, referee)?;
            Ok(!slots.held && slots.taken >= limit && limit > 0)
        })?;
        if full {
            return Ok(false);
        }
        let look = || vec![write::look_at_slots(pool)];
        self.write(Durability::Normal, look, |transaction| write::take_slot(transaction, pool, limit, run, step, referee))
    }

    fn free_slot(&self, pool: &str, run: &str, step: usize) -> Result<()> {
        let step = step_of(run, step)?;
        let free = || {
            Request::new("DELETE FROM @.slots WHERE pool = $1 AND run = $2 AND step = $3")
                .with(pool.to_owned())
                .with(run.to_owned())
                .with(step)
        };
        // Taken back by a crash, a run that goes on would wait for its own.
        self.put(Durability::Full, free).map(drop)
    }

    fn put_backfill(&self, backfill: &BackfillRecord) -> Result<()> {
        let put = || {
            Request::new(
                "INSERT INTO @.backfills (id, at, json) VALUES ($1, $2, $3) \
                 ON CONFLICT (id) DO UPDATE SET at = excluded.at, json = excluded.json",
            )
            .with(backfill.id.clone())
            .with(moment(backfill.at))
            .with(backfill.json.clone())
        };
        self.put(Durability::Full, put).map(drop)
    }

    fn backfill(&self, id: &str) -> Result<Option<BackfillRecord>> {
        self.read(|link| read::backfill(link, id))
    }

    fn backfills(&self, limit: usize) -> Result<Vec<BackfillRecord>> {
        self.read(|link| read::backfills(link, limit))
    }

    fn append_lines(&self, run: &str, lines: &[LogLine]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let look = || vec![write::look_at_lines(run)];
        self.write(Durability::Normal, look, |transaction| write::lines(transaction, run, lines))
    }

    fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>> {
        self.read(|link| read::lines(link, run, after, limit))
    }

    fn snapshot(&self, asset: &AssetKey) -> Result<Option<Snapshot>> {
        self.read(|link| read::snapshot(link, asset))
    }

    fn keep_snapshot(&self, asset: &AssetKey, snapshot: &Snapshot) -> Result<()> {
        let keep = || {
            Request::new(
                "INSERT INTO @.snapshots (asset, cursor, space, bytes) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (asset) DO UPDATE SET cursor = excluded.cursor, space = excluded.space, bytes = excluded.bytes",
            )
            .with(asset.to_string())
            .with(whole(snapshot.cursor))
            .with(snapshot.space.clone())
            .with(snapshot.bytes.clone())
        };
        self.put(Durability::Normal, keep).map(drop)
    }

    fn collect(&self, before: Timestamp) -> Result<Collected> {
        self.aside(|link| collect::collect(link, before))
    }

    fn would_collect(&self, before: Timestamp) -> Result<Collected> {
        self.aside(|link| collect::would_collect(link, before))
    }

    fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|link| read::events(link, after, limit))
    }

    fn keys(&self, set: &str) -> Result<Vec<String>> {
        self.read(|link| read::keys(link, set))
    }

    fn add_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        check_keys(set, keys)?;
        self.write(Durability::Full, || write::look_at_keys(set, keys), |transaction| write::add_keys(transaction, set, keys))
    }

    fn remove_keys(&self, set: &str, keys: &[String]) -> Result<Vec<String>> {
        self.write(
            Durability::Full,
            || write::look_at_keys(set, keys),
            |transaction| Ok(write::remove_keys(transaction, set, keys)),
        )
    }

    fn slice_status(&self, asset: &AssetKey, after: u64) -> Result<Vec<SliceStatus>> {
        let mut found = Vec::new();
        self.each_slice_status(asset, after, &mut |slice, status, cursor| {
            found.push(SliceStatus { slice: slice.parse()?, status, cursor });
            Ok(())
        })?;
        Ok(found)
    }

    fn each_slice_status(&self, asset: &AssetKey, after: u64, row: &mut EachSlice<'_>) -> Result<()> {
        let found = self.read(|link| read::slice_rows(link, asset, after))?;
        read::each_row(&found, row)
    }
}
