//! `runs resume`: a run that ended early goes on.

use clap::Args;

use super::super::front::{Front, on_threads};
use super::super::materialize::How;
use super::super::{Ended, Shell};

/// Go on with a run that was interrupted or cancelled, or whose process is gone
///
/// Only what is not done is done, under the same numbers: what had been stored is not stored twice.
#[derive(Args)]
#[command(after_long_help = "Examples:
  runs resume 3f9c2a7be1d04586
  runs resume 3f9 --parallelism 2")]
pub(in super::super) struct Resume {
    /// The run, or the beginning of its name
    run: String,
    #[command(flatten)]
    how: How,
}

impl Resume {
    pub(super) fn run(self, mut shell: Shell) -> Result<u8, Ended> {
        let front = Front::new(shell.json);
        shell.builder = self.how.configure(front.listen(shell.builder));
        let lakehouse = shell.lakehouse()?;
        let run = lakehouse.find_run(&self.run)?.0.run;
        front.goes_on(&lakehouse, &run)?;
        on_threads(|runtime| -> Result<u8, Ended> {
            let work = |interrupt| lakehouse.resume(&run, interrupt);
            let report = front.carry_out(runtime, &lakehouse, &run, self.how.logs, work)?;
            Ok(front.end(runtime, &lakehouse, &report, false))
        })?
    }
}
