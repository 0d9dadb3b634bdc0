//! `doctor`: can every store be used, and does the log say what they hold?

use clap::Args;
use serde_json::{Value, json};

use super::{EXIT_OK, EXIT_STORE, Ended, Shell, complain, print, print_json};
use crate::error::{ErrorKind, Result};
use crate::event::Failure;
use crate::io::Probe;
use crate::lakehouse::{Comparison, runtime};
use crate::report::{partitions, render_error, render_failure, table};

/// Ask every store whether it can be used, and whether the log says what it holds
///
/// Exits with 4 if a store cannot be used, if the log says something else than the stores and is not repaired, or if of an asset nobody can tell.
#[derive(Args)]
#[command(after_long_help = "Examples:
  doctor
  doctor --repair   write to the log what the stores say
  doctor --json")]
pub(super) struct Doctor {
    /// Bring the log up to date: runs whose processes are gone are marked as interrupted, what is not there is recorded as removed, and
    /// what is there and was not recorded is
    #[arg(long)]
    repair: bool,
}

impl Doctor {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let runtime = runtime()?;
        let probes = runtime.block_on(lakehouse.probes());
        let passed = probes.iter().all(|(_, probe)| probe.passed());
        let compared = if self.repair { runtime.block_on(lakehouse.repair()) } else { runtime.block_on(lakehouse.compare()) };
        // What the stores can do is worth knowing also if the log cannot be read.
        if as_json {
            print_json(&self.to_json(&probes, passed, &compared));
        } else {
            show_probes(&probes);
        }
        let compared = match compared {
            Ok(compared) => compared,
            // The document has it.
            Err(_) if as_json => return Ok(EXIT_STORE),
            Err(error) => return Err(error.into()),
        };
        if !as_json {
            self.show_log(&compared);
        }
        let told = self.repair || (compared.differences.is_empty() && compared.lost.is_empty());
        // What a run is making just now is compared when that has ended.
        let answered = compared.unknown.iter().all(|(_, failure)| failure.code == ErrorKind::Busy.code());
        Ok(if passed && told && answered { EXIT_OK } else { EXIT_STORE })
    }

    fn to_json(&self, probes: &[(String, Probe)], passed: bool, compared: &Result<Comparison>) -> Value {
        let stores = probes.iter().map(|(key, probe)| {
            let checks = probe.checks.iter().map(|check| match &check.outcome {
                Ok(found) => json!({ "check": check.name, "passed": true, "found": found }),
                Err(error) => json!({ "check": check.name, "passed": false, "error": Failure::from(error) }),
            });
            json!({ "store": key, "passed": probe.passed(), "checks": checks.collect::<Vec<_>>() })
        });
        let stores: Vec<_> = stores.collect();
        let repaired = self.repair && compared.is_ok();
        let log = compared.as_ref().ok();
        let mut shown = json!({ "v": 1, "passed": passed, "stores": stores, "log": log, "repaired": repaired });
        if let Err(error) = compared {
            shown["errors"] = json!([Failure::from(error)]);
        }
        shown
    }

    fn show_log(&self, compared: &Comparison) {
        let Comparison { differences, lost, unknown, .. } = compared;
        for (_, failure) in unknown {
            complain(render_failure(failure, false).trim_end());
        }
        let rest = if unknown.is_empty() { "" } else { "of the rest, " };
        if differences.is_empty() && lost.is_empty() {
            return print(&format!("{rest}the log says what the stores hold"));
        }
        if !differences.is_empty() {
            let rows = differences.iter().map(|one| {
                let run = one.run.clone().unwrap_or_default();
                [one.asset.to_string(), partitions(&one.slice), one.found.words().to_owned(), run]
            });
            print(&table(&["asset", "partitions", "the log", "run"], rows));
        }
        for run in lost {
            print(&format!("run {run} has not said how it ended, and its process is gone"));
        }
        let repaired = if self.repair { "the log was brought up to date" } else { "`doctor --repair` brings the log up to date" };
        print(&format!("{rest}{repaired}"));
    }
}

fn show_probes(probes: &[(String, Probe)]) {
    let rows = probes.iter().flat_map(|(key, probe)| {
        probe.checks.iter().map(move |check| {
            let (word, found) = match &check.outcome {
                Ok(found) => ("ok", found.clone()),
                Err(error) => ("failed", error.message().to_owned()),
            };
            [key.clone(), check.name.to_owned(), word.to_owned(), found]
        })
    });
    print(&table(&["store", "check", "", "found"], rows));
    for error in probes.iter().flat_map(|(_, probe)| &probe.checks).filter_map(|check| check.outcome.as_ref().err()) {
        complain(render_error(error, false).trim_end());
    }
}
