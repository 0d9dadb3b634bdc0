//! `doctor`: can every store be used?

use clap::Args;
use serde_json::json;

use super::{EXIT_OK, EXIT_STORE, Ended, Shell, complain, print, print_json};
use crate::event::Failure;
use crate::lakehouse::runtime;
use crate::report::{render_error, table};

/// Ask every store whether it can be reached, written to and relied on
#[derive(Args)]
pub(super) struct Doctor {}

impl Doctor {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let probes = runtime()?.block_on(lakehouse.probes());
        let passed = probes.iter().all(|(_, probe)| probe.passed());
        if json {
            let stores = probes.iter().map(|(key, probe)| {
                let checks = probe.checks.iter().map(|check| match &check.outcome {
                    Ok(found) => json!({ "check": check.name, "passed": true, "found": found }),
                    Err(error) => json!({ "check": check.name, "passed": false, "error": Failure::from(error) }),
                });
                json!({ "store": key, "passed": probe.passed(), "checks": checks.collect::<Vec<_>>() })
            });
            print_json(&json!({ "v": 1, "passed": passed, "stores": stores.collect::<Vec<_>>() }));
        } else {
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
        Ok(if passed { EXIT_OK } else { EXIT_STORE })
    }
}
