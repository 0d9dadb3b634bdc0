//! Progress on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;

use super::{bar, render_failure, terminal};
use crate::event::{Event, EventKind, Materialization, RunStatus, SkipReason, StepSummary};
use crate::key::AssetKey;
use crate::report::{bytes, duration, partitions};
use crate::slice::Slice;

/// Shows a run on standard error as it goes. Hand its [`event`](ConsoleReporter::event) to a subscription.
pub struct ConsoleReporter {
    state: Mutex<State>,
    fancy: bool,
}

#[derive(Default)]
struct State {
    /// The run that is shown, once one has begun or goes on.
    run: Option<String>,
    /// A run that is closed because its process is no more.
    closing: Option<String>,
    /// One that was closed and had done all it had to.
    settled: Option<String>,
    steps: Vec<StepSummary>,
    running: Vec<usize>,
    stored: BTreeMap<usize, Vec<Arc<Materialization>>>,
    bar: Option<ProgressBar>,
    /// Standard error as it was when the reporter was made, whatever it becomes while a run goes on.
    terminal: Option<File>,
}

impl ConsoleReporter {
    /// Live progress if standard error is a terminal, plain lines otherwise.
    #[must_use]
    pub fn new() -> Self {
        let state = State { terminal: terminal(), ..State::default() };
        Self { state: Mutex::new(state), fancy: stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    /// Takes in what is known already of a run that goes on: hand it the first event of the run, before the run does.
    pub fn known(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let EventKind::RunStarted { steps, .. } = &event.kind {
            steps.clone_into(&mut state.steps);
            state.run = Some(event.run.clone());
        }
    }

    /// Says something beside what the events say.
    pub fn say(&self, text: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).line(text);
    }

    /// Does something that writes to the terminal by itself, with the progress out of its way.
    pub fn suspend(&self, write: impl FnOnce()) {
        let bar = self.state.lock().unwrap_or_else(PoisonError::into_inner).bar.clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows an event.
    pub fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let other = !matches!(event.kind, EventKind::RunStarted { .. }) && state.run.as_ref() != Some(&event.run);
        if state.closes(event) || other {
            return;
        }
        match &event.kind {
            EventKind::RunStarted { steps, .. } => {
                state.bar = self.fancy.then(|| bar(state.terminal.as_ref(), 0, steps.len() as u64)).flatten();
                state.run = Some(event.run.clone());
                steps.clone_into(&mut state.steps);
            }
            EventKind::StepStarted { step, .. } => state.running.push(*step),
            EventKind::InputMissing { step, asset, partitions: missing } => {
                let name = state.name(*step);
                let what = match missing {
                    Some(missing) => format!("`{asset}` in [{}]", partitions(missing)),
                    None => format!("`{asset}`"),
                };
                state.line(&format!("note     {name}: nothing is stored for {what}, which may be absent"));
            }
            EventKind::InputHandedOver { .. } | EventKind::Reported { .. } | EventKind::Wiped { .. } => {}
            EventKind::RunResumed { steps } => {
                let (all, left) = (state.steps.len(), steps.len());
                let done = all.saturating_sub(left) as u64;
                state.bar = self.fancy.then(|| bar(state.terminal.as_ref(), done, all as u64)).flatten();
                state.line(&format!("resumed  run {}: {left} of {all} steps are left", event.run));
            }
            EventKind::StepRetrying { step, attempt, failure, delay } => {
                let (name, pause) = (state.name(*step), duration(*delay));
                state.line(&format!("retry    {name:<24} attempt {attempt} failed, the next is in {pause}: {}", failure.message));
                state.running.retain(|running| running != step);
            }
            EventKind::Reconciled { step, .. } => {
                let name = state.name(*step);
                state.line(&format!("note     {name}: was stored already by an earlier attempt"));
            }
            EventKind::Materialized { step, materialization } => {
                state.stored.entry(*step).or_default().push(Arc::clone(materialization));
            }
            EventKind::OutputSkipped { asset, reason, .. } => state.line(&format!("note     {asset}: {reason}")),
            EventKind::StepSucceeded { step, durations } => {
                let took = duration(durations.load + durations.compute + durations.store);
                let stored = state.stored.remove(step).unwrap_or_default();
                let mut line = format!("ok       {:<24} {took:>8}", state.name(*step));
                for stored in stored {
                    if let Some(rows) = stored.rows {
                        line.extend(["  ", &rows.to_string(), " rows"]);
                    }
                    if let Some(size) = stored.bytes {
                        line.extend(["  ", &bytes(size)]);
                    }
                }
                state.line(&line);
                state.done(*step);
            }
            EventKind::StepFailed { step, failure } => {
                let line = format!("failed   {}\n{}", state.name(*step), render_failure(failure, state.bar.is_some()));
                state.line(line.trim_end());
                state.done(*step);
            }
            EventKind::StepSkipped { step, reason } => {
                let why = match reason {
                    SkipReason::UpstreamFailed { asset } => format!("`{asset}` failed"),
                    SkipReason::Interrupted => "the run was interrupted".to_owned(),
                    SkipReason::Unchanged => "nothing it is made from has changed".to_owned(),
                    SkipReason::Superseded => "a later run has stored it".to_owned(),
                };
                let line = format!("skipped  {:<24} {why}", state.name(*step));
                state.line(&line);
                state.done(*step);
            }
            EventKind::RunFinished { status, elapsed } => {
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
                let word = match status {
                    RunStatus::Succeeded => "succeeded",
                    RunStatus::Failed => "failed",
                    RunStatus::Interrupted => "was interrupted",
                    RunStatus::Canceled => "was cancelled",
                };
                state.line(&format!("run {} {word} after {}", event.run, duration(*elapsed)));
            }
        }
    }
}

impl Default for ConsoleReporter {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn name(&self, step: usize) -> String {
        let Some(step) = self.steps.get(step) else { return String::new() };
        let name = |(asset, slice): (&AssetKey, &Slice)| match partitions(slice) {
            partitions if partitions.is_empty() => asset.to_string(),
            partitions => format!("{asset} [{partitions}]"),
        };
        step.assets.iter().zip(&step.slices).map(name).collect::<Vec<_>>().join(", ")
    }

    /// Whether an event is of a run that is only closed, because its process is no more: before a run begins or goes on, it may be the same
    /// one. How it had ended is all that is told of it.
    fn closes(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::RunResumed { steps } => {
                // Who goes on with one that had done all it had to has no steps left either.
                let closes = steps.is_empty() && self.settled.as_ref() != Some(&event.run);
                self.closing = closes.then(|| event.run.clone());
                closes
            }
            EventKind::RunFinished { status, .. } if self.closing.as_ref() == Some(&event.run) => {
                self.closing = None;
                let ended = if *status == RunStatus::Succeeded {
                    self.settled = Some(event.run.clone());
                    "had done all it had to"
                } else {
                    "was interrupted"
                };
                self.line(&format!("note     run {} {ended}: its process is gone", event.run));
                true
            }
            _ => self.closing.as_ref() == Some(&event.run),
        }
    }

    fn line(&self, line: &str) {
        // A closed pipe is no reason to end a run.
        match (&self.bar, &self.terminal) {
            (Some(bar), _) => bar.println(line),
            (None, Some(terminal)) => drop(writeln!(&*terminal, "{line}")),
            (None, None) => drop(writeln!(stderr(), "{line}")),
        }
    }

    fn done(&mut self, step: usize) {
        self.running.retain(|running| *running != step);
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(self.running.iter().map(|step| self.name(*step)).collect::<Vec<_>>().join(", "));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::event::{Durations, EVENT_VERSION, Failure, RunAbout};

    fn event(run: &str, kind: EventKind) -> Event {
        Event { v: EVENT_VERSION, cursor: 0, run: run.to_owned(), at: Timestamp::UNIX_EPOCH, kind }
    }

    /// The beginning of a run of one step.
    fn started() -> EventKind {
        let step = StepSummary { assets: vec!["numbers".parse().unwrap()], slices: vec![Slice::Whole], after: Vec::new() };
        let (fingerprint, about) = (String::new(), RunAbout::default());
        EventKind::RunStarted { steps: vec![step], fingerprint, plan_at: None, numbers: Vec::new(), about }
    }

    fn resumed(steps: &[usize]) -> EventKind {
        EventKind::RunResumed { steps: steps.to_vec() }
    }

    fn succeeded() -> EventKind {
        EventKind::StepSucceeded { step: 0, durations: Durations::default() }
    }

    fn finished(status: RunStatus) -> EventKind {
        EventKind::RunFinished { status, elapsed: SignedDuration::ZERO }
    }

    /// The lines that are written where a bar would be hidden, as it is on a terminal that cannot move its cursor.
    fn lines(known: Option<&str>, events: Vec<(&str, EventKind)>) -> Vec<String> {
        let mut paper = tempfile::tempfile().unwrap();
        let state = State { terminal: Some(paper.try_clone().unwrap()), ..State::default() };
        let reporter = ConsoleReporter { state: Mutex::new(state), fancy: true };
        if let Some(run) = known {
            reporter.known(&event(run, started()));
        }
        for (run, kind) in events {
            reporter.event(&event(run, kind));
        }
        let mut written = String::new();
        paper.rewind().unwrap();
        paper.read_to_string(&mut written).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    #[test]
    fn where_no_bar_is_seen_all_that_is_said_is_written_plainly() {
        let failure = Failure::from(&Error::new(ErrorKind::Body, "the numbers were odd"));
        let failed = EventKind::StepFailed { step: 0, failure };
        let said = lines(None, vec![("r", started()), ("r", failed), ("r", finished(RunStatus::Failed))]).join("\n");
        for wanted in ["failed   numbers", "LW0301", "the numbers were odd", "run r failed after"] {
            assert!(said.contains(wanted), "{wanted} is not in {said}");
        }
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }

    #[test]
    fn a_run_that_is_closed_before_it_goes_on_is_said_to_go_on_once() {
        let closed = vec![("r", resumed(&[])), ("r", finished(RunStatus::Interrupted))];
        let goes_on = vec![("r", resumed(&[0])), ("r", succeeded()), ("r", finished(RunStatus::Succeeded))];
        let said = lines(Some("r"), [closed, goes_on].concat());
        assert_eq!(said[..2], ["note     run r was interrupted: its process is gone", "resumed  run r: 1 of 1 steps are left"]);
        assert!(said[2].starts_with("ok       numbers"), "{said:?}");
        assert_eq!(said[3..], ["run r succeeded after 0 ms"]);
    }

    #[test]
    fn a_run_that_had_done_everything_is_not_called_interrupted() {
        let closed = |run| vec![(run, resumed(&[])), (run, succeeded()), (run, finished(RunStatus::Succeeded))];
        let done = |run| format!("note     run {run} had done all it had to: its process is gone");
        let other = lines(None, [closed("lost"), vec![("r", started()), ("r", finished(RunStatus::Succeeded))]].concat());
        assert_eq!(other, [done("lost"), "run r succeeded after 0 ms".to_owned()]);
        let goes_on = vec![("r", resumed(&[])), ("r", finished(RunStatus::Succeeded))];
        let own = lines(Some("r"), [closed("r"), goes_on].concat());
        let rest = ["resumed  run r: 0 of 1 steps are left", "run r succeeded after 0 ms"].map(str::to_owned);
        assert_eq!(own, [vec![done("r")], rest.to_vec()].concat());
    }
}
