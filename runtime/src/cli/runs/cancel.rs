//! `runs cancel`: a run is asked to stop.

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use crate::error::Result;
use crate::lakehouse::Lakehouse;
use crate::state::RunState;

/// Ask a run to stop, wherever it is carried out
///
/// It hears of it within seconds: async bodies end where they wait, blocking ones are waited for, and `runs resume` goes on with the rest.
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs cancel 3f9c2a7be1d04586
  runs cancel 3f9          an unambiguous beginning is enough")]
pub(in super::super) struct Cancel {
    /// The run, or the beginning of its name
    run: String,
}

impl Cancel {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let (run, asked, status) = ask(&lakehouse, &self.run)?;
        if as_json {
            print_json(&json!({ "v": 1, "run": run, "canceled": asked, "status": status }));
        } else if asked {
            print(&format!("the run `{run}` was asked to stop; `runs resume {run}` goes on with it"));
        } else {
            print(&format!("the run `{run}` does not go on: {}", status.name()));
        }
        Ok(EXIT_OK)
    }
}

/// Asks a run to stop: its name, whether it will hear of it, and how far it is.
fn ask(lakehouse: &Lakehouse, name: &str) -> Result<(String, bool, RunState)> {
    let (record, status) = lakehouse.find_run(name)?;
    let asked = lakehouse.cancel_run(&record.run)? && status == RunState::Running;
    // It may have ended since it was looked for.
    let now = if asked { None } else { lakehouse.run_record(&record.run)? };
    Ok((record.run, asked, now.map_or(status, |(_, now)| now)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::future::BoxFuture;
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::asset::{AssetBuilder, ValueKind};
    use crate::env::Env;
    use crate::event::{EventKind, RunAbout, RunStatus};
    use crate::exec::SystemEnv;
    use crate::key::AssetKey;
    use crate::registry::Registry;
    use crate::slice::Slice;
    use crate::state::{Holder, MemoryState, NewRun, Referee, State};

    /// The machine, on which the run `r` ends as soon as somebody has looked whether it goes on.
    struct Ends {
        env: SystemEnv,
        log: Arc<MemoryState>,
    }

    impl Env for Ends {
        fn now(&self) -> Timestamp {
            self.env.now()
        }

        fn elapsed(&self) -> Duration {
            self.env.elapsed()
        }

        fn random(&self) -> u64 {
            self.env.random()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.env.sleep(duration)
        }

        fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, std::result::Result<(), String>> {
            self.env.run_blocking(job)
        }

        fn is_gone(&self, _: &Holder) -> bool {
            let ended = EventKind::RunFinished { status: RunStatus::Succeeded, elapsed: SignedDuration::ZERO };
            self.log.append("r", self.now(), ended).unwrap();
            false
        }
    }

    /// There is no other run.
    struct Nobody;

    impl Referee for Nobody {
        fn alive(&self, _: &Holder, _: Timestamp) -> bool {
            false
        }

        fn overlap(&self, _: &AssetKey, _: &[&Slice], _: &[&Slice]) -> bool {
            false
        }
    }

    #[test]
    fn a_run_that_ends_while_it_is_asked_is_said_to_have_ended() {
        let log = Arc::new(MemoryState::new("0123456789abcdef"));
        let env = Ends { env: SystemEnv::new(), log: Arc::clone(&log) };
        let (at, holder) = (env.now(), env.holder());
        let about = RunAbout::default();
        let new = NewRun { run: "r", at, holder: &holder, steps: Vec::new(), fingerprint: "f", plan_at: at, about };
        log.begin(&new, &Nobody).unwrap();
        let asset = AssetBuilder::new("a", ValueKind::Object).io_manager("memory").external().unwrap();
        let state: Arc<dyn State> = log;
        let builder = Lakehouse::builder().registry(Registry::from_specs([asset])).state(state).env(Arc::new(env));
        assert_eq!(ask(&builder.build().unwrap(), "r").unwrap(), ("r".to_owned(), false, RunState::Succeeded));
    }
}
