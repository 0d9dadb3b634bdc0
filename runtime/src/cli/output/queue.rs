//! Lines on their way into the log: whoever writes one never waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, channel, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::layer;
use crate::error::Result;
use crate::lakehouse::Lakehouse;
use crate::state::LogLine;

/// How many lines wait at most; more are dropped and counted.
const ROOM: usize = 16_384;

/// How many lines are written at once.
const BATCH: usize = 1000;

/// How long a line waits for others.
const WAIT: Duration = Duration::from_millis(250);

enum Message {
    Line(String, LogLine),
    End,
}

/// Where lines are put.
#[derive(Clone)]
pub(super) struct Sender {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Sender {
    /// Puts a line of a run on its way, or counts it as dropped.
    pub(super) fn send(&self, run: &str, line: LogLine) {
        match self.lines.try_send(Message::Line(run.to_owned(), line)) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => {}
            Err(TrySendError::Full(_)) => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// The lines that are not in the log yet, and who writes them.
pub(super) struct Queue {
    sender: Sender,
    done: Receiver<Option<String>>,
}

impl Queue {
    /// With `only_known`, lines are dropped of runs that the log does not have: they are of another lakehouse.
    pub(super) fn start(lakehouse: Lakehouse, only_known: bool) -> Self {
        let (lines, received) = sync_channel(ROOM);
        let (told, done) = channel();
        let sender = Sender { lines, dropped: Arc::default() };
        let dropped = Arc::clone(&sender.dropped);
        let work = move || {
            // What writing a line traces would be lines without end.
            layer::leave_out_this_thread();
            drop(told.send(write(&lakehouse, &received, &dropped, only_known)));
        };
        // Without a thread nothing is kept, and the end says so, since nobody answers.
        drop(Builder::new().name("lakewright-lines".to_owned()).spawn(work));
        Self { sender, done }
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Waits until everything is written; what went wrong, if anything.
    pub(super) fn end(&self, patience: Option<Duration>) -> Option<String> {
        // There may be no room for this at once.
        let until = Instant::now() + patience.unwrap_or(Duration::from_mins(1));
        while matches!(self.sender.lines.try_send(Message::End), Err(TrySendError::Full(_))) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        match self.done.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(trouble) => trouble,
            Err(_) => Some("the last lines that were written may not be in the log".to_owned()),
        }
    }
}

/// Writes lines in batches until the end.
fn write(lakehouse: &Lakehouse, received: &Receiver<Message>, dropped: &AtomicU64, only_known: bool) -> Option<String> {
    let mut trouble = None;
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut last_run = String::new();
    let mut over = false;
    while !over {
        let Ok(mut message) = received.recv() else { break };
        let mut batch: BTreeMap<String, Vec<LogLine>> = BTreeMap::new();
        let (until, mut count) = (Instant::now() + WAIT, 0);
        loop {
            match message {
                Message::Line(run, line) => {
                    last_run.clone_from(&run);
                    batch.entry(run).or_default().push(line);
                    count += 1;
                }
                Message::End => over = true,
            }
            if over || count >= BATCH {
                break;
            }
            message = match received.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(next) => next,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    over = true;
                    break;
                }
            };
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 && !last_run.is_empty() {
            batch.entry(last_run.clone()).or_default().push(said_of(lost));
        }
        known.retain(|run| batch.contains_key(run));
        let kept: Result<()> = batch.iter().try_for_each(|(run, lines)| {
            if only_known && !known.contains(run) {
                if lakehouse.run_record(run)?.is_none() {
                    return Ok(());
                }
                known.insert(run.clone());
            }
            lakehouse.keep_lines(run, lines)
        });
        if let (Err(error), None) = (kept, &trouble) {
            trouble = Some(format!("some lines that were written are not in the log: {error}"));
        }
    }
    trouble
}

/// What is said in place of lines that were dropped.
fn said_of(lost: u64) -> LogLine {
    LogLine {
        step: None,
        at: Timestamp::now(),
        level: "WARN".to_owned(),
        target: "lakewright".to_owned(),
        text: format!("{lost} lines were dropped: they came faster than they could be written"),
    }
}
