//! Creating objects that must not be there, where the object store itself cannot.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::dynamodb::Table;

/// An object store in which objects are created in another way.
#[derive(Debug)]
pub(super) struct Creating {
    inner: Arc<dyn ObjectStore>,
    way: Way,
}

/// How.
#[derive(Debug)]
pub(super) enum Way {
    /// Written beside, and copied to a name that must not be there.
    Copy,
    /// Looked for, and then written: not safe against others who do the same at the same time.
    LookFirst,
    /// Agreed on in a table.
    Locked(Arc<Table>),
}

impl Creating {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, way: Way) -> Self {
        Self { inner, way }
    }

    async fn copy_into_place(&self, location: &Path, payload: PutPayload) -> Result<PutResult> {
        let beside = beside(location)?;
        let put = self.inner.put(&beside, payload).await?;
        let copied = self.inner.copy_if_not_exists(&beside, location).await;
        if let Err(error) = self.inner.delete(&beside).await {
            tracing::warn!(%error, object = %beside, "what was written beside a commit is left over");
        }
        copied.map(|()| put)
    }

    async fn look_first(&self, location: &Path, payload: PutPayload) -> Result<PutResult> {
        match self.inner.head(location).await {
            Ok(_) => Err(there_already(location)),
            Err(object_store::Error::NotFound { .. }) => self.inner.put(location, payload).await,
            Err(error) => Err(error),
        }
    }
}

/// The error of a name that is taken.
pub(super) fn there_already(location: &Path) -> object_store::Error {
    object_store::Error::AlreadyExists { path: location.to_string(), source: "somebody else created it".into() }
}

/// A name beside this one that nobody else uses, and that readers of a log pass over.
fn beside(location: &Path) -> Result<Path> {
    let (folder, name) = location.as_ref().rsplit_once('/').unwrap_or(("", location.as_ref()));
    let slash = if folder.is_empty() { "" } else { "/" };
    Ok(Path::parse(format!("{folder}{slash}_commit_{name}.{:016x}.tmp", rand::random::<u64>()))?)
}

impl fmt::Display for Creating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Creating {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match (&options.mode, &self.way) {
            (PutMode::Create, Way::Copy) => self.copy_into_place(location, payload).await,
            (PutMode::Create, Way::LookFirst) => self.look_first(location, payload).await,
            (PutMode::Create, Way::Locked(table)) => table.create(&self.inner, location, payload).await,
            _ => self.inner.put_opts(location, payload, options).await,
        }
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let Way::Locked(table) = &self.way else { return self.inner.list(prefix) };
        let (table, inner, prefix) = (Arc::clone(table), Arc::clone(&self.inner), prefix.cloned());
        let listed = async move {
            table.finish_before_listing(&inner, prefix.as_ref()).await?;
            Ok::<_, object_store::Error>(inner.list(prefix.as_ref()))
        };
        stream::once(listed).try_flatten().boxed()
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let Way::Locked(table) = &self.way else { return self.inner.list_with_offset(prefix, offset) };
        let (table, inner, prefix, offset) = (Arc::clone(table), Arc::clone(&self.inner), prefix.cloned(), offset.clone());
        let listed = async move {
            table.finish_before_listing(&inner, prefix.as_ref()).await?;
            Ok::<_, object_store::Error>(inner.list_with_offset(prefix.as_ref(), &offset))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        if let Way::Locked(table) = &self.way {
            table.finish_before_listing(&self.inner, prefix).await?;
        }
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
