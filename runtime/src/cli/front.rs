//! A run as a person follows it: progress, signals, and how it ended.

use std::process::exit;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;

use super::output::{Recorder, Tee};
use super::{EXIT_INTERRUPTED, EXIT_OK, EXIT_STEP_FAILED, complain, print, print_json};
use crate::error::Result;
use crate::event::{Materialization, RunStatus};
use crate::exec::{Interrupt, RunReport, StepOutcome};
use crate::lakehouse::{Lakehouse, LakehouseBuilder};
use crate::report::{ConsoleReporter, preview_table, run_table};

/// How many rows a preview shows.
const PREVIEW_ROWS: usize = 5;

/// What is shown of a run.
pub(super) struct Front {
    json: bool,
    reporter: Arc<ConsoleReporter>,
}

impl Front {
    pub(super) fn new(json: bool) -> Self {
        Self { json, reporter: Arc::new(ConsoleReporter::new()) }
    }

    /// Shows the events of the lakehouse that this makes.
    pub(super) fn listen(&self, builder: LakehouseBuilder) -> LakehouseBuilder {
        if self.json {
            return builder;
        }
        let reporter = Arc::clone(&self.reporter);
        builder.subscribe(move |event| reporter.event(event))
    }

    /// Tells the reporter what is known already of a run that goes on.
    pub(super) fn goes_on(&self, lakehouse: &Lakehouse, run: &str) -> Result<()> {
        for event in lakehouse.run_events(run, 0, 1)? {
            self.reporter.known(&event);
        }
        Ok(())
    }

    /// Carries out a run, which the signals of the process end, and keeps what its steps write.
    pub(super) fn carry_out<F>(
        &self,
        runtime: &Runtime,
        lakehouse: &Lakehouse,
        run: &str,
        logs: LevelFilter,
        work: impl FnOnce(Interrupt) -> F,
    ) -> Result<RunReport>
    where
        F: Future<Output = Result<RunReport>>,
    {
        let reporter = Arc::clone(&self.reporter);
        let around: Tee = Arc::new(move |write| reporter.suspend(write));
        let recorder = Recorder::start(lakehouse, Some(run), logs, &around, self.json);
        let goes_on = format!("runs resume {run}");
        let signals = Signals { goes_on, reporter: Arc::clone(&self.reporter), recorder: recorder.clone() };
        let report = runtime.block_on(until_done(signals, work));
        recorder.finish();
        report
    }

    /// Shows what a run did; its exit code.
    pub(super) fn end(&self, runtime: &Runtime, lakehouse: &Lakehouse, report: &RunReport, preview: bool) -> u8 {
        if self.json {
            print_json(&to_json(report));
        } else {
            if report.steps.is_empty() {
                print("nothing to do: there is no partition to make");
            } else {
                print(&run_table(report));
            }
            if preview && let Err(error) = runtime.block_on(show(lakehouse, report)) {
                complain(&format!("no preview: {error}"));
            }
            match report.status {
                RunStatus::Succeeded => {}
                RunStatus::Failed => complain(&format!("`runs retry {} --failed` tries what failed again", report.run)),
                RunStatus::Interrupted | RunStatus::Canceled => {
                    complain(&format!("`runs resume {}` goes on with it", report.run));
                }
            }
        }
        match report.status {
            RunStatus::Succeeded => EXIT_OK,
            RunStatus::Failed => EXIT_STEP_FAILED,
            RunStatus::Interrupted | RunStatus::Canceled => EXIT_INTERRUPTED,
        }
    }
}

/// What is done about the signals of the process.
#[derive(Clone)]
pub(super) struct Signals {
    /// The command that goes on with what was ended.
    goes_on: String,
    reporter: Arc<ConsoleReporter>,
    recorder: Recorder,
}

/// Does something that the signals of the process end.
pub(super) async fn until_done<F, T>(signals: Signals, work: impl FnOnce(Interrupt) -> F) -> T
where
    F: Future<Output = T>,
{
    let interrupt = Interrupt::new();
    let listening =
        [tokio::spawn(interrupted(signals.clone(), interrupt.clone())), tokio::spawn(terminated(signals, interrupt.clone()))];
    let done = work(interrupt).await;
    listening.iter().for_each(tokio::task::JoinHandle::abort);
    done
}

impl Signals {
    /// Of something whose steps nobody shows, and that this command goes on with.
    pub(super) fn new(goes_on: String) -> Self {
        Self { goes_on, reporter: Arc::new(ConsoleReporter::new()), recorder: Recorder::off() }
    }

    /// What its steps write is recorded there.
    pub(super) fn recorded(self, recorder: Recorder) -> Self {
        Self { recorder, ..self }
    }

    /// Ends the process, whatever goes on in it. What was printed before is shown.
    fn stop(&self) -> ! {
        self.recorder.stop();
        complain(&format!("stopped; `{}` goes on with it", self.goes_on));
        exit(EXIT_INTERRUPTED.into())
    }
}

/// The first Ctrl-C lets what has begun finish, the second stops at once.
async fn interrupted(signals: Signals, interrupt: Interrupt) {
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    if !interrupt.is_raised() {
        let on = format!("`{}` goes on with the rest", signals.goes_on);
        signals
            .reporter
            .say(&format!("interrupted: what has begun is finished, nothing else begins; Ctrl-C again stops at once. {on}"));
        interrupt.raise();
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
    }
    signals.stop()
}

/// A request to end cancels the run; a second one stops at once.
#[cfg(unix)]
async fn terminated(signals: Signals, interrupt: Interrupt) {
    let Ok(mut requests) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
    requests.recv().await;
    let on = format!("`{}` goes on with it", signals.goes_on);
    signals.reporter.say(&format!("terminated: what has begun ends as soon as it can. {on}"));
    interrupt.cancel();
    requests.recv().await;
    signals.stop()
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "as where there are such signals")]
async fn terminated(_signals: Signals, _interrupt: Interrupt) {}

async fn show(lakehouse: &Lakehouse, report: &RunReport) -> Result<()> {
    for stored in report.materializations() {
        if let Some(preview) = lakehouse.preview(&stored.asset, PREVIEW_ROWS).await? {
            print(&format!("\n{}\n{}", stored.asset, preview_table(&preview)));
        }
    }
    Ok(())
}

fn to_json(report: &RunReport) -> serde_json::Value {
    let steps: Vec<_> = report
        .steps
        .iter()
        .map(|step| {
            let stored: Vec<&Materialization> = step.materializations.iter().map(AsRef::as_ref).collect();
            let mut json = serde_json::json!({ "assets": step.assets, "materializations": stored });
            match &step.outcome {
                StepOutcome::Succeeded(durations) => {
                    json["outcome"] = "succeeded".into();
                    json["durations"] = serde_json::json!(durations);
                }
                StepOutcome::Failed(failure) => {
                    json["outcome"] = "failed".into();
                    json["failure"] = serde_json::json!(failure);
                }
                StepOutcome::Skipped(reason) => {
                    json["outcome"] = "skipped".into();
                    json["reason"] = serde_json::json!(reason);
                }
            }
            json
        })
        .collect();
    serde_json::json!({ "v": 1, "run": report.run, "status": report.status, "elapsed": report.elapsed, "steps": steps })
}
