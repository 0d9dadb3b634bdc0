//! Files that formats write to and read from, wherever they are.

use std::fmt;
use std::io::{self, Write};

use polars::io::cloud::CloudOptions;
use polars::prelude::{PlRefPath, SchemaRef, SinkDestination};

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::sink::into_upload;
use crate::io::storage::{Storage, Upload};

/// A new file that nobody sees yet: the destination of a sink of Polars, or of anything that is written into it as bytes.
#[derive(Debug)]
pub struct FileSink {
    /// Gone once a sink of Polars has it.
    upload: Option<Upload>,
}

impl FileSink {
    pub(super) fn new(upload: Upload) -> Self {
        Self { upload: Some(upload) }
    }

    /// The file, as the destination of [`LazyFrame::sink`](polars::prelude::LazyFrame::sink).
    ///
    /// # Errors
    /// If it was asked for before.
    pub fn destination(&mut self) -> Result<SinkDestination> {
        let upload = self.upload.take();
        upload.map(into_upload).ok_or_else(|| Error::new(ErrorKind::Internal, "a file can be the destination of one plan only"))
    }

    /// What was written is all.
    pub(super) fn finish(self) -> Result<()> {
        self.upload.map_or(Ok(()), Upload::finish)
    }

    fn open(&mut self) -> io::Result<&mut Upload> {
        self.upload.as_mut().ok_or_else(|| io::Error::other("a plan has the file already"))
    }
}

impl Write for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}

/// A file that a format reads.
pub struct FileSource<'a> {
    /// The asset that it belongs to, with the options that the file is read with.
    pub(super) asset: &'a AssetSpec,
    pub(super) path: PlRefPath,
    pub(super) schema: Option<SchemaRef>,
    pub(super) storage: &'a Storage,
    /// Below the base of the store, with `/` between its parts.
    pub(super) key: String,
}

impl FileSource<'_> {
    /// The asset that it belongs to: with the options that the file was written with if we wrote it, and otherwise with those
    /// that the asset and its store set.
    #[must_use]
    pub fn asset(&self) -> &AssetSpec {
        self.asset
    }

    /// Where the file is, for Polars' scans: a path, or a URI for which [`FileSource::cloud_options`] are needed.
    #[must_use]
    pub fn path(&self) -> PlRefPath {
        self.path.clone()
    }

    /// What Polars needs to reach the file, if it is in an object store.
    #[must_use]
    pub fn cloud_options(&self) -> Option<CloudOptions> {
        self.storage.cloud_options()
    }

    /// The columns that were written, if we wrote the file.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// All bytes of the file. Blocks.
    ///
    /// # Errors
    /// If it cannot be read, or is not there any more.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let gone = || Error::new(ErrorKind::Io, format!("`{self}` is gone"));
        self.storage.get(&self.key)?.ok_or_else(gone)
    }

    /// The last bytes of the file, or all if it is shorter. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn tail(&self, bytes: u64) -> Result<Vec<u8>> {
        self.storage.tail(&self.key, bytes)
    }
}

impl fmt::Display for FileSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_str())
    }
}

impl fmt::Debug for FileSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource").field("path", &self.path.as_str()).finish_non_exhaustive()
    }
}
