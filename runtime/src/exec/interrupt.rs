//! Ending a run before it is done.

use std::sync::Arc;

use tokio::sync::watch;

/// Ends a run early. [Raised](Interrupt::raise), what has begun is finished, and nothing else begins. [Cancelled](Interrupt::cancel),
/// what has begun ends as well: async bodies are dropped where they wait, and bodies that block are waited for. Either way the run can
/// be resumed.
#[derive(Clone, Debug)]
pub struct Interrupt {
    level: Arc<watch::Sender<Level>>,
    /// What ends this as well, and is not ended with it.
    also: Option<Arc<watch::Sender<Level>>>,
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Go,
    Drain,
    Cancel,
}

impl Default for Interrupt {
    fn default() -> Self {
        Self { level: Arc::new(watch::Sender::new(Level::Go)), also: None }
    }
}

impl Interrupt {
    /// Not raised yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets what has begun finish, and nothing else begin. May be called from anywhere, any number of times.
    pub fn raise(&self) {
        self.rise(Level::Drain);
    }

    /// Also ends what has begun.
    pub fn cancel(&self) {
        self.rise(Level::Cancel);
    }

    fn rise(&self, to: Level) {
        self.level.send_if_modified(|level| {
            let rises = *level < to;
            *level = to.max(*level);
            rises
        });
    }

    /// Whether the run is ending.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.level() >= Level::Drain
    }

    /// One for a single run: raised with this one, and by itself without it, since this one may be for other runs too.
    pub(crate) fn of_one(&self) -> Self {
        Self { also: Some(Arc::clone(&self.level)), ..Self::default() }
    }

    /// Waits until it is raised.
    pub(crate) async fn raised(&self) {
        self.above(Level::Go).await;
    }

    /// Lets another one know of everything that this one hears, for as long as it is waited for.
    pub(crate) async fn pass_on(&self, to: &Self) -> std::convert::Infallible {
        loop {
            let level = self.level();
            to.rise(level);
            self.above(level).await;
        }
    }

    pub(super) fn level(&self) -> Level {
        let also = self.also.as_ref().map_or(Level::Go, |also| *also.borrow());
        also.max(*self.level.borrow())
    }

    /// Waits until it is more urgent than that.
    pub(super) async fn above(&self, level: Level) {
        let also = async {
            match &self.also {
                Some(also) => rises_above(also, level).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rises_above(&self.level, level) => {}
            () = also => {}
        }
    }
}

async fn rises_above(sender: &watch::Sender<Level>, level: Level) {
    let mut changes = sender.subscribe();
    // The sender is here, so this ends only when it has changed.
    drop(changes.wait_for(|now| *now > level).await);
}
