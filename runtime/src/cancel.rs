//! Whether a step is to end before it is done.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

/// Ends one attempt at a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel {
    inner: Arc<Signal>,
}

#[derive(Debug, Default)]
struct Signal {
    why: OnceLock<Why>,
    notify: Notify,
}

/// Why a step is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The run was cancelled.
    Canceled,
    /// It takes longer than its asset allows.
    Timeout,
}

impl Cancel {
    /// Ends the step; the first reason counts.
    pub(crate) fn raise(&self, why: Why) {
        if self.inner.why.set(why).is_ok() {
            self.inner.notify.notify_waiters();
        }
    }

    /// Why it is to end, if it is.
    pub(crate) fn why(&self) -> Option<Why> {
        self.inner.why.get().copied()
    }

    /// Waits until it is to end.
    pub(crate) async fn raised(&self) -> Why {
        loop {
            // Before the look, so that nothing is missed in between.
            let notified = self.inner.notify.notified();
            if let Some(why) = self.why() {
                return why;
            }
            notified.await;
        }
    }
}
