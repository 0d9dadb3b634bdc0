//! What a body may know about its step, and what it may attach to its output.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::asset::AssetSpec;
use crate::cancel::Cancel;
use crate::env::Env;
use crate::key::AssetKey;
use crate::metadata::MetadataValue;

/// The step that a body runs in; taken as `&Context`.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[asset]
/// fn answer(context: &Context) -> i64 {
///     context.add_metadata("run", context.run_id());
///     42
/// }
/// ```
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    asset: Arc<AssetSpec>,
    run: String,
    attempt: u32,
    metadata: Mutex<Vec<(String, MetadataValue)>>,
    data_version: Mutex<Option<String>>,
    env: Arc<dyn Env>,
    cancel: Cancel,
    /// How many blocking parts of the body are at work.
    blocking: AtomicUsize,
}

impl Context {
    pub(crate) fn new(asset: Arc<AssetSpec>, run: String, attempt: u32, env: Arc<dyn Env>, cancel: Cancel) -> Self {
        let (metadata, data_version, blocking) = (Mutex::default(), Mutex::default(), AtomicUsize::new(0));
        Self { inner: Arc::new(Inner { asset, run, attempt, metadata, data_version, env, cancel, blocking }) }
    }

    /// Whether the step is to end, because its run was cancelled or its time is over. An async body is dropped by itself; one that
    /// blocks is waited for, and may look here now and then and return early with any error.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.inner.cancel.why().is_some()
    }

    /// Whether a part of the body is at work on a thread that nobody can stop.
    pub(crate) fn is_blocking(&self) -> bool {
        self.inner.blocking.load(Ordering::SeqCst) > 0
    }

    /// While this is alive, a part of the body is.
    pub(crate) fn at_work(&self) -> AtWork {
        self.inner.blocking.fetch_add(1, Ordering::SeqCst);
        AtWork(Arc::clone(&self.inner))
    }

    /// The asset that is being computed.
    #[must_use]
    pub fn asset_key(&self) -> &AssetKey {
        &self.inner.asset.key
    }

    /// The identifier of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.inner.run
    }

    /// Counts the attempts at this step, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// Attaches something to what is recorded when the output is stored.
    pub fn add_metadata(&self, name: impl Into<String>, value: impl Into<MetadataValue>) {
        self.inner.metadata.lock().unwrap_or_else(PoisonError::into_inner).push((name.into(), value.into()));
    }

    /// Says what identifies the data that is made; see [`Output::data_version`](crate::Output::data_version).
    pub fn set_data_version(&self, version: impl Into<String>) {
        *self.inner.data_version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.into());
    }

    pub(crate) fn take_data_version(&self) -> Option<String> {
        self.inner.data_version.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn take_metadata(&self) -> Vec<(String, MetadataValue)> {
        std::mem::take(&mut *self.inner.metadata.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn env(&self) -> &Arc<dyn Env> {
        &self.inner.env
    }
}

/// A blocking part of a body at work.
pub(crate) struct AtWork(Arc<Inner>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.blocking.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} in run {}, attempt {})", self.asset_key(), self.run_id(), self.attempt())
    }
}
