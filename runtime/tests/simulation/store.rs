//! A store as a process sees it: the one in memory that all of them share, with calls that are slow, fail, or fail after they have done
//! what they were asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lakewright::env::Env;
use lakewright::io::memory::MemoryIoManager;
use lakewright::io::{
    Capabilities, CommitState, Committed, Description, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use lakewright::{AssetSpec, CommitId, Error, ErrorKind, IoManager, Result, Slice, Value};

use crate::world::Process;

/// What the store has really done.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) id: CommitId,
    pub(crate) run: String,
}

/// The store that processes share.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    pub(crate) store: MemoryIoManager,
    pub(crate) done: Arc<Mutex<Vec<Done>>>,
    /// It does not know commits again: what a test is to find.
    pub(crate) forgets: bool,
    /// How many calls in ten thousand fail.
    pub(crate) fails: u64,
}

pub(crate) struct Flaky {
    pub(crate) shared: Shared,
    pub(crate) process: Process,
}

impl Flaky {
    /// The call reaches the store, sometime.
    async fn there(&self) -> Result<()> {
        self.process.instant()?;
        self.process.travel().await;
        self.process.instant()?;
        if self.process.world.goes_wrong(self.shared.fails) { Err(self.failure("cannot be reached")) } else { Ok(()) }
    }

    /// The answer comes back.
    async fn back(&self) -> Result<()> {
        self.process.instant()?;
        self.process.pause().await;
        self.process.instant()?;
        if self.process.world.goes_wrong(self.shared.fails) { Err(self.failure("does not answer")) } else { Ok(()) }
    }

    fn failure(&self, what: &str) -> Error {
        let error = Error::new(ErrorKind::Io, format!("the store {what}"));
        if self.process.world.happens(7_000) { error.retryable() } else { error }
    }
}

#[async_trait]
impl IoManager for Flaky {
    fn capabilities(&self) -> Capabilities {
        self.shared.store.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        // That of the store in memory is another each time.
        self.shared.store.locate(asset, slice).map(|_| Location::new(format!("simulation:{}", asset.key)))
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        self.there().await?;
        let loaded = self.shared.store.load(request).await?;
        self.back().await.map(|()| loaded)
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        self.there().await?;
        let present = self.shared.store.present(request).await?;
        self.back().await.map(|()| present)
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        self.there().await?;
        let staged = self.shared.store.stage(request, value).await?;
        self.back().await.map(|()| staged)
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        self.there().await?;
        let mut known = id.clone();
        if self.shared.forgets {
            // As if it were of another log each time.
            known.log = format!("{:016x}", self.process.random());
        }
        let run = request.run.run.clone();
        let committed = self.shared.store.commit(request, staged, &known).await?;
        if !committed.already {
            self.shared.done.lock().unwrap().push(Done { id: id.clone(), run });
        }
        self.back().await.map(|()| committed)
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.there().await?;
        self.shared.store.discard(request, staged).await?;
        self.back().await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.there().await?;
        let states = self.shared.store.committed(request, ids).await?;
        self.back().await.map(|()| states)
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.there().await?;
        let description = self.shared.store.describe(request).await?;
        self.back().await.map(|()| description)
    }

    async fn probe(&self, _env: &dyn Env) -> Probe {
        Ok(()).into()
    }
}
