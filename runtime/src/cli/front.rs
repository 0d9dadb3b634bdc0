//! A run as a person follows it: progress, signals, and how it ended.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tracing::level_filters::LevelFilter;

use super::output::{Recorder, Tee};
use super::signals::{Signals, until_done};
use super::{EXIT_INTERRUPTED, EXIT_OK, EXIT_STEP_FAILED, complain, print, print_json};
use crate::error::Result;
use crate::event::{Materialization, RunStatus};
use crate::exec::{Interrupt, RunReport, StepOutcome};
use crate::lakehouse::{Lakehouse, LakehouseBuilder, runtime};
use crate::report::{ConsoleReporter, preview_table, run_table};

/// How many rows a preview shows.
const PREVIEW_ROWS: usize = 5;

/// Does something on a runtime whose threads are not waited for in the end: a body that was cut off may block on one of them for ever.
pub(super) fn on_threads<T>(work: impl FnOnce(&Runtime) -> T) -> Result<T> {
    let runtime = runtime()?;
    let done = work(&runtime);
    runtime.shutdown_background();
    Ok(done)
}

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
        let signals = Signals::shown(format!("runs resume {run}"), Arc::clone(&self.reporter)).recorded(recorder.clone());
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
            if preview {
                runtime.block_on(show(lakehouse, report));
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

async fn show(lakehouse: &Lakehouse, report: &RunReport) {
    for stored in report.materializations() {
        match lakehouse.preview(&stored.asset, PREVIEW_ROWS).await {
            Ok(Some(preview)) => print(&format!("\n{}\n{}", stored.asset, preview_table(&preview))),
            Ok(None) => {}
            Err(error) => complain(&format!("no preview of `{}`: {error}", stored.asset)),
        }
    }
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
