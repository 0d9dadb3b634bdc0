//! What the steps of runs wrote.

use std::time::Duration;

use super::Lakehouse;
use crate::error::Result;
use crate::state::{LogLine, RunState};

/// How many lines are read at once.
const PAGE: usize = 1000;

/// How often somebody who follows a run looks for more.
const POLL: Duration = Duration::from_millis(300);

/// How often nothing more has come after the end of a run before it is taken for all: what a step wrote is kept in batches, and the last
/// one comes after the end.
const EMPTY: u32 = 3;

impl Lakehouse {
    /// Keeps what steps of a run wrote. Hand it many lines at once.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn keep_lines(&self, run: &str, lines: &[LogLine]) -> Result<()> {
        self.workshop.state.append_lines(run, lines)
    }

    /// Up to `limit` lines that steps of a run wrote, oldest first, after the `after`th, each with its place.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn lines(&self, run: &str, after: u64, limit: usize) -> Result<Vec<(u64, LogLine)>> {
        self.workshop.state.lines(run, after, limit)
    }

    /// Shows each line of a run. With `follow` also those that are still to come, until the run has ended.
    ///
    /// ```
    /// use lakewright::jiff::Timestamp;
    /// use lakewright::prelude::*;
    /// use lakewright::state::LogLine;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> lakewright::Result<()> {
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// let run = lakehouse.materialize("numbers").await?.run;
    /// let line = LogLine {
    ///     step: Some(0),
    ///     at: Timestamp::now(),
    ///     level: "OUT".into(),
    ///     target: "stdout".into(),
    ///     text: "three of them".into(),
    /// };
    /// lakehouse.keep_lines(&run, &[line])?;
    /// let mut texts = Vec::new();
    /// lakehouse.each_line(&run, false, |line| texts.push(line.text)).await?;
    /// assert_eq!(texts, ["three of them"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn each_line(&self, run: &str, follow: bool, mut show: impl FnMut(LogLine)) -> Result<()> {
        let (mut after, mut empty) = (0, 0);
        loop {
            // Before the lines are read, so that none comes in between.
            let goes_on = follow && self.run_record(run)?.is_some_and(|(_, state)| state == RunState::Running);
            let page = self.lines(run, after, PAGE)?;
            let full = page.len() == PAGE;
            empty = if page.is_empty() { empty + 1 } else { 0 };
            for (place, line) in page {
                after = place;
                show(line);
            }
            if full {
                continue;
            }
            if !follow || (!goes_on && empty >= EMPTY) {
                return Ok(());
            }
            self.workshop.env.sleep(POLL).await;
        }
    }
}
