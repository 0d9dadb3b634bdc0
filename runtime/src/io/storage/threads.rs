//! The threads on which requests are sent, whoever waits for them.
//!
//! Connections belong to the runtime that made them, and stores outlive runtimes: a program may have one for each command, and Polars
//! has one of its own. So requests have threads of their own, and waiting for one blocks nothing that it needs.

use std::future::Future;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, ErrorKind, Result};

static THREADS: OnceLock<Result<Runtime, String>> = OnceLock::new();

/// Where requests are sent.
pub(super) fn threads() -> Result<&'static Handle> {
    let build = || Builder::new_multi_thread().worker_threads(2).thread_name("lakewright-objects").enable_all().build();
    match THREADS.get_or_init(|| build().map_err(|error| error.to_string())) {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => Err(Error::new(ErrorKind::Io, "the threads for object stores cannot be started").source(error.clone())),
    }
}

/// Waits for a request, on whichever thread: those of Polars are threads of a runtime, where a runtime's own way of waiting panics.
pub(super) fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    threads()?.spawn(async move {
        // Nobody is left to tell if the waiting thread is gone.
        drop(answer.send(request.await));
    });
    answered.recv().map_err(|_| Error::new(ErrorKind::Internal, "a request to an object store ended without an answer"))
}
