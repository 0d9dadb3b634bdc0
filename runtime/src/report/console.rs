//! Progress on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{render_failure, target, terminal};
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
        // Before a run begins, those are closed whose processes are no more.
        let other = !matches!(event.kind, EventKind::RunStarted { .. }) && state.run.as_ref() != Some(&event.run);
        if other {
            if matches!(&event.kind, EventKind::RunResumed { steps } if steps.is_empty()) {
                state.closing = Some(event.run.clone());
            } else if matches!(event.kind, EventKind::RunFinished { .. })
                && state.closing.take_if(|run| *run == event.run).is_some()
            {
                state.line(&format!("note     run {} was interrupted: its process is gone", event.run));
            }
            return;
        }
        match &event.kind {
            EventKind::RunStarted { steps, .. } => {
                state.bar = self.fancy.then(|| state.progress(steps.len()));
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
                let all = state.steps.len();
                state.bar = self.fancy.then(|| state.progress(all).with_position(all.saturating_sub(steps.len()) as u64));
                state.line(&format!("resumed  run {}: {} of {} steps are left", event.run, steps.len(), state.steps.len()));
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
                let line = format!("failed   {}\n{}", state.name(*step), render_failure(failure, self.fancy));
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

    fn line(&self, line: &str) {
        // A closed pipe is no reason to end a run.
        match (&self.bar, &self.terminal) {
            (Some(bar), _) => bar.println(line),
            (None, Some(terminal)) => drop(writeln!(&*terminal, "{line}")),
            (None, None) => drop(writeln!(stderr(), "{line}")),
        }
    }

    fn progress(&self, steps: usize) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target(self.terminal.as_ref()));
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{pos}/{len}] {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    fn done(&mut self, step: usize) {
        self.running.retain(|running| *running != step);
        if let Some(bar) = &self.bar {
            bar.inc(1);
            bar.set_message(self.running.iter().map(|step| self.name(*step)).collect::<Vec<_>>().join(", "));
        }
    }
}
