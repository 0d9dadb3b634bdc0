//! A backfill as a person follows it: a bar with the rate and the time that is left on a terminal, and a line for each run elsewhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indicatif::ProgressBar;
use jiff::SignedDuration;

use super::super::complain;
use crate::event::{Event, EventKind, RunStatus};
use crate::lakehouse::{BackfillOutcome, BackfillStatus, LakehouseBuilder};
use crate::report::{bar, duration, partitions, render_failure, terminal};
use crate::slice::Slice;

/// Shows what happens in a backfill, once it has begun.
#[derive(Clone)]
pub(super) struct Progress {
    quiet: bool,
    shown: Arc<Mutex<Option<Shown>>>,
}

struct Shown {
    bar: Option<ProgressBar>,
    /// Standard error as it was, whatever it becomes while runs go on.
    terminal: Option<File>,
    /// The runs that are not done, with what they are for and how many partitions of theirs are not made.
    runs: BTreeMap<String, (Slice, u64)>,
    total: u64,
    done: u64,
    /// How many partitions were made since it was begun or resumed, which was then.
    now: u64,
    since: Instant,
    running: u64,
    failed: u64,
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, shown: Arc::default() }
    }

    /// Hears the events of the lakehouse that this makes.
    pub(super) fn listen(&self, builder: LakehouseBuilder) -> LakehouseBuilder {
        if self.quiet {
            return builder;
        }
        let shown = Arc::clone(&self.shown);
        builder.subscribe(move |event| {
            if let Some(shown) = &mut *shown.lock().unwrap_or_else(PoisonError::into_inner) {
                shown.event(event);
            }
        })
    }

    /// From here on there is something to show.
    pub(super) fn begin(&self, status: &BackfillStatus) {
        if self.quiet {
            return;
        }
        let open = status.runs.iter().filter(|run| run.outcome != BackfillOutcome::Done);
        let counts = status.partition_counts();
        let fancy = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let terminal = terminal();
        let bar = fancy.then(|| bar(terminal.as_ref(), counts.done, counts.total)).flatten();
        let shown = Shown {
            bar,
            terminal,
            runs: open.map(|run| (run.run.clone(), (run.slice.clone(), run.counts.total - run.counts.done))).collect(),
            total: counts.total,
            done: counts.done,
            now: 0,
            since: Instant::now(),
            running: 0,
            failed: 0,
        };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    /// Does something that writes to the terminal by itself, with the bar out of its way.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        let bar = self.shown.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|shown| shown.bar.clone());
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(super) fn finish(&self) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bar) = shown.and_then(|shown| shown.bar) {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn event(&mut self, event: &Event) {
        let Some((slice, count)) = self.runs.get(&event.run).cloned() else { return };
        match &event.kind {
            EventKind::RunStarted { .. } | EventKind::RunResumed { .. } => self.running += 1,
            EventKind::StepFailed { failure, .. } => {
                let failure = render_failure(failure, self.bar.is_some());
                self.line(&format!("failed   {}\n{}", name(event, &slice), failure.trim_end()));
            }
            EventKind::RunFinished { status, elapsed } => {
                self.running = self.running.saturating_sub(1);
                let word = match status {
                    RunStatus::Succeeded => "ok",
                    RunStatus::Failed => "failed",
                    RunStatus::Interrupted => "stopped",
                    RunStatus::Canceled => "canceled",
                };
                if *status == RunStatus::Succeeded {
                    // Whoever goes on with one that was closed as done ends it once more.
                    self.runs.remove(&event.run);
                    self.done += count;
                    self.now += count;
                    if let Some(bar) = &self.bar {
                        bar.inc(count);
                    }
                } else if *status == RunStatus::Failed {
                    self.failed += 1;
                }
                let line = format!("{word:<8} {:<40} {:>8}  {}", name(event, &slice), duration(*elapsed), self.pace());
                self.line(line.trim_end());
            }
            _ => return,
        }
        if let Some(bar) = &self.bar {
            let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
            bar.set_message(format!("{} running{failed}", self.running));
        }
    }

    /// How many are made, how fast, and how long the rest takes at that rate.
    fn pace(&self) -> String {
        let made = format!("{} of {}", self.done, self.total);
        let seconds = self.since.elapsed().as_secs_f64();
        if self.now == 0 || seconds <= 0.0 {
            return made;
        }
        let rate = self.now as f64 / seconds;
        let left = SignedDuration::try_from_secs_f64((self.total - self.done.min(self.total)) as f64 / rate).unwrap_or_default();
        format!("{made}, {rate:.1}/s, {} left", duration(left))
    }

    fn line(&self, line: &str) {
        match (&self.bar, &self.terminal) {
            (Some(bar), _) => bar.println(line),
            (None, Some(terminal)) => drop(writeln!(&*terminal, "{line}")),
            (None, None) => complain(line),
        }
    }
}

fn name(event: &Event, slice: &Slice) -> String {
    match partitions(slice) {
        partitions if partitions.is_empty() => event.run.clone(),
        partitions => format!("{} [{partitions}]", event.run),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use jiff::Timestamp;

    use super::*;
    use crate::event::EVENT_VERSION;

    #[test]
    fn a_run_that_ends_well_twice_is_counted_once() {
        let mut paper = tempfile::tempfile().unwrap();
        let run = ("r".to_owned(), (Slice::Whole, 1));
        let mut shown = Shown {
            bar: None,
            terminal: Some(paper.try_clone().unwrap()),
            runs: BTreeMap::from([run]),
            total: 1,
            done: 0,
            now: 0,
            since: Instant::now(),
            running: 0,
            failed: 0,
        };
        let finished = EventKind::RunFinished { status: RunStatus::Succeeded, elapsed: SignedDuration::ZERO };
        let once = [EventKind::RunResumed { steps: Vec::new() }, finished];
        // It is closed because its process is no more, and then somebody goes on with it.
        for kind in [once.clone(), once].concat() {
            shown.event(&Event { v: EVENT_VERSION, cursor: 0, run: "r".to_owned(), at: Timestamp::UNIX_EPOCH, kind });
        }
        assert_eq!((shown.done, shown.now, shown.running), (1, 1, 0));
        let mut written = String::new();
        paper.rewind().unwrap();
        paper.read_to_string(&mut written).unwrap();
        assert!(written.contains("1 of 1") && written.lines().count() == 1, "{written}");
    }
}
