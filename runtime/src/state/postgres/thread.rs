//! The thread on which connections live, and how others wait for what happens there.
//!
//! A log is called from threads of whatever runtime a program has, and outlives runtimes. So connections have a thread with a runtime of
//! their own; whoever calls only sends requests to it and sleeps until the answer is there, which needs no runtime and disturbs none.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};

use crate::error::{Error, ErrorKind, Result};

static THREAD: OnceLock<Result<Handle, String>> = OnceLock::new();

/// Where connections are driven.
pub(super) fn runtime() -> Result<&'static Handle> {
    match THREAD.get_or_init(|| start().map_err(|error| error.to_string())) {
        Ok(handle) => Ok(handle),
        Err(error) => Err(Error::new(ErrorKind::Io, "the thread for the log cannot be started").source(error.clone())),
    }
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("lakewright-postgres".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}

/// Waits on the thread that calls; nothing if there is no answer within the limit.
pub(super) fn wait<F: Future>(future: F, limit: Duration) -> Option<F::Output> {
    let end = Instant::now().checked_add(limit);
    let bell = Arc::new(Bell { thread: thread::current(), rung: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        while !bell.rung.swap(false, Ordering::Acquire) {
            match end.map(|end| end.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return None,
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
    }
}

/// Wakes a thread.
struct Bell {
    thread: Thread,
    /// Since a thread may be woken for other reasons, and by others.
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
