//! A store that several lakehouses share.

use std::sync::Arc;

use async_trait::async_trait;

use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::Result;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, Present, Probe, Staged, StoreRequest,
};
use crate::partition::PartitionKey;
use crate::slice::Slice;
use crate::value::Value;

/// Hands everything on to a store that is shared.
#[derive(Clone)]
pub struct SharedIoManager(pub Arc<dyn IoManager>);

#[async_trait]
impl IoManager for SharedIoManager {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        self.0.locate(asset, slice)
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        self.0.load(request).await
    }

    async fn present(&self, request: LoadRequest<'_>) -> Result<Present> {
        self.0.present(request).await
    }

    async fn load_each(&self, request: LoadRequest<'_>) -> Result<Vec<(PartitionKey, Option<Value>)>> {
        self.0.load_each(request).await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        self.0.stage(request, value).await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        self.0.commit(request, staged, id).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        self.0.discard(request, staged).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        self.0.committed(request, ids).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        self.0.describe(request).await
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        self.0.delete(request).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.0.probe(env).await
    }
}
