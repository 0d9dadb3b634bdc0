//! `backfill resume` and `backfill retry`: go on with what there is.

use clap::Args;

use super::super::materialize::How;
use super::super::{Ended, Shell};
use super::progress::Progress;
use super::{carry_out, end, find};

/// Go on with a backfill: begin what has not begun, and go on with what was interrupted
///
/// Runs that failed are left as they are, and those that another process carries out are waited for.
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill resume 3f9c2a7be1d04586
  backfill resume 3f9          an unambiguous beginning is enough")]
pub(in super::super) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Go on with a backfill, and try again what has failed
#[derive(Args)]
#[command(after_long_help = "Examples:
  backfill retry 3f9c2a7be1d04586
  backfill retry 3f9           an unambiguous beginning is enough")]
pub(in super::super) struct Retry {
    #[command(flatten)]
    which: Which,
}

/// Which one
#[derive(Args)]
struct Which {
    /// The backfill, or the beginning of its name
    id: String,
    #[command(flatten)]
    how: How,
}

impl Resume {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        self.which.go_on(shell, false)
    }
}

impl Retry {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        self.which.go_on(shell, true)
    }
}

impl Which {
    fn go_on(self, mut shell: Shell, retry: bool) -> Result<u8, Ended> {
        let json = shell.json;
        let progress = Progress::new(json);
        shell.builder = self.how.configure(progress.listen(shell.builder));
        let lakehouse = shell.lakehouse()?;
        let id = find(&lakehouse, Some(&self.id))?;
        progress.begin(&lakehouse.backfill_status(&id)?);
        let status = carry_out(&lakehouse, &id, &progress, &self.how, json, async |interrupt| {
            if retry { lakehouse.retry_backfill(&id, interrupt).await } else { lakehouse.resume_backfill(&id, interrupt).await }
        });
        Ok(end(&lakehouse, &status?, json))
    }
}
