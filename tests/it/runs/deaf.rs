//! A store that does what it is asked, or some of it, and does not say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use lakewright::prelude::*;
use lakewright::{AssetSpec, CommitId, Error, ErrorKind, IoManager};

/// A store whose answers to the first commits are lost, although what was asked was done.
pub(super) struct Deaf<S> {
    pub(super) store: S,
    pub(super) lost: AtomicU32,
    /// While this is true, nobody hears what became of anything.
    pub(super) away: Arc<AtomicBool>,
    /// When it says what became of commits; at once without this.
    pub(super) patience: Option<Box<dyn Fn() -> Patience + Send + Sync>>,
    /// What is there of a commit whose answer is lost.
    pub(super) lands: Lands,
    /// What is heard instead of a lost answer.
    pub(super) hears: fn() -> Error,
    /// Whether it gives already what is to be read; at once without this.
    pub(super) gives: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// What is there of a commit whose answer is lost.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lands {
    All,
    /// The first of the things that were staged.
    First,
    Nothing,
}

/// What whoever asks what became of commits hears.
pub(super) enum Patience {
    Answered,
    Refused,
    /// Nothing yet.
    Waiting,
}

impl<S> Deaf<S> {
    /// The answer to the first commit is lost.
    pub(super) fn once(store: S) -> Self {
        let (lost, away) = (AtomicU32::new(1), Arc::default());
        Self { store, lost, away, patience: None, lands: Lands::All, hears: gone, gives: None }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Io, "the answer was lost").retryable()
}

#[async_trait]
impl<S: IoManager> IoManager for Deaf<S> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &lakewright::Slice) -> Result<Location> {
        self.store.locate(asset, slice)
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<lakewright::Value>> {
        while self.gives.as_ref().is_some_and(|gives| !gives()) {
            tokio::task::yield_now().await;
        }
        self.store.load(request).await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        self.store.present(request).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: lakewright::Value) -> Result<Staged> {
        self.store.stage(request, value).await
    }

    async fn commit(&self, request: StoreRequest<'_>, mut staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let is_one_of_them = |lost: u32| lost.checked_sub(1);
        let is_lost = self.away.load(Ordering::SeqCst)
            || self.lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_one_of_them).is_ok();
        match self.lands {
            Lands::Nothing if is_lost => return Err((self.hears)()),
            Lands::First if is_lost => staged.truncate(1),
            _ => {}
        }
        let committed = self.store.commit(request, staged, id).await?;
        if is_lost { Err((self.hears)()) } else { Ok(committed) }
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.store.discard(request, staged).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        if self.away.load(Ordering::SeqCst) {
            return Err(gone());
        }
        loop {
            match self.patience.as_ref().map_or(Patience::Answered, |patience| patience()) {
                Patience::Answered => return self.store.committed(request, ids).await,
                Patience::Refused => return Err(gone()),
                Patience::Waiting => tokio::task::yield_now().await,
            }
        }
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.store.describe(request).await
    }

    async fn probe(&self, env: &dyn lakewright::env::Env) -> Probe {
        self.store.probe(env).await
    }
}
