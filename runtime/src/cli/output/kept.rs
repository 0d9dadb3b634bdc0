//! What steps trace, kept by a program that has no command line.

use std::sync::Arc;
use std::time::Duration;

use super::AT_ONCE;
use super::layer::{LogLayer, Recorded, record};
use super::queue::Queue;
use super::sink::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::lakehouse::Lakehouse;

/// Keeps what steps trace, for as long as it is there: see [`LogLayer::keep`]. Dropping it waits for what is on its way for a second at most.
#[must_use = "nothing is kept any more once it is dropped"]
pub struct KeptLines {
    /// Absent once it has ended.
    recorded: Option<Recorded>,
    queue: Queue,
}

impl LogLayer {
    /// Keeps from now on what the steps of this lakehouse trace, in its log, as the command line does of the run that it carries out. The layer
    /// is in the subscriber of the program; several lakehouses may be kept at once, each in its own log. What is printed is not kept.
    ///
    /// ```
    /// use lakewright::cli::LogLayer;
    /// use lakewright::prelude::*;
    ///
    /// #[asset(io_manager = "memory")]
    /// fn numbers() -> Vec<i64> { vec![1, 2, 3] }
    ///
    /// let lakehouse = Lakehouse::builder().registry(Registry::of(assets![numbers])).build()?;
    /// let kept = LogLayer::keep(&lakehouse);
    /// lakehouse.materialize_blocking("numbers")?;
    /// kept.finish()?;
    /// # Ok::<(), lakewright::Error>(())
    /// ```
    pub fn keep(lakehouse: &Lakehouse) -> KeptLines {
        let queue = Queue::start(lakehouse.clone(), true);
        let recorded = Some(record(Arc::new(Sink::new(None, queue.sender()))));
        KeptLines { recorded, queue }
    }
}

impl KeptLines {
    /// Keeps nothing any more, and waits until all that was traced before is in the log. Blocks.
    ///
    /// # Errors
    /// If some of it could not be written.
    pub fn finish(mut self) -> Result<()> {
        self.end(None).map_or(Ok(()), |trouble| Err(Error::new(ErrorKind::Io, trouble)))
    }

    /// Ends it; what went wrong, if anything.
    fn end(&mut self, patience: Option<Duration>) -> Option<String> {
        drop(self.recorded.take()?);
        self.queue.end(patience)
    }
}

impl Drop for KeptLines {
    fn drop(&mut self) {
        if let Some(trouble) = self.end(Some(AT_ONCE)) {
            tracing::warn!("{trouble}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry::Registry as Subscriber;

    use super::*;
    use crate::asset::{AssetBuilder, ValueKind};
    use crate::registry::Registry;

    fn lakehouse(name: &'static str) -> Lakehouse {
        let asset = AssetBuilder::new(name, ValueKind::Object).io_manager("memory").body(move |call| async move {
            tracing::info!("{name} is at work");
            call.produce_object(1)
        });
        Lakehouse::builder().registry(Registry::from_specs([asset.unwrap()])).build().unwrap()
    }

    #[test]
    fn what_steps_trace_is_kept_in_the_log_of_their_own_lakehouse_for_as_long_as_it_is_to_be() {
        let _default = tracing::subscriber::set_default(Subscriber::default().with(LogLayer::new()));
        // On this thread, which has the subscriber.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = |lakehouse: &Lakehouse| runtime.block_on(lakehouse.materialize("*")).unwrap().run;
        let [one, other, left_out] = ["one", "other", "left_out"].map(lakehouse);
        let kept = [LogLayer::keep(&one), LogLayer::keep(&other)];
        let runs = [&one, &other, &left_out].map(run);
        for each in kept {
            each.finish().unwrap();
        }
        let late = run(&one);
        let lines = |lakehouse: &Lakehouse, run: &str| -> Vec<(Option<usize>, String)> {
            let lines = lakehouse.lines(run, 0, usize::MAX).unwrap().into_iter().map(|(_, line)| (line.step, line.text));
            lines.filter(|(_, text)| text.ends_with("is at work")).collect()
        };
        let of = |name: &str| vec![(Some(0), format!("{name} is at work"))];
        assert_eq!((lines(&one, &runs[0]), lines(&other, &runs[1])), (of("one"), of("other")));
        for (lakehouse, run) in [(&one, &runs[1]), (&other, &runs[0]), (&left_out, &runs[2]), (&one, &late)] {
            assert!(lines(lakehouse, run).is_empty(), "{run}");
        }
    }
}
