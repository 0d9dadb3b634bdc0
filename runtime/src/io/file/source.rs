//! Files that formats write to and read from, wherever they are.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use polars::io::cloud::CloudOptions;
use polars::prelude::{PlRefPath, SchemaRef, SinkDestination};

use crate::asset::AssetSpec;
use crate::error::Result;
use crate::io::files::FileSpace;
use crate::io::sink::open_file;

/// A new file that nobody sees yet: a destination for Polars' sinks, or anything that is written into it as bytes.
pub struct FileSink {
    open: Box<dyn OpenFile>,
}

/// What a [`FileSink`] writes into.
pub(super) trait OpenFile: Write + Send {
    /// The same file as a destination of a plan.
    fn destination(&self) -> Result<SinkDestination>;
}

impl FileSink {
    pub(super) fn new(open: impl OpenFile + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    /// The file, as the destination of [`LazyFrame::sink`](polars::prelude::LazyFrame::sink).
    ///
    /// # Errors
    /// If the system has no more files to open.
    pub fn destination(&self) -> Result<SinkDestination> {
        self.open.destination()
    }
}

impl Write for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.flush()
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSink")
    }
}

impl OpenFile for File {
    fn destination(&self) -> Result<SinkDestination> {
        Ok(open_file(self.try_clone()?))
    }
}

/// A file that a format reads.
pub struct FileSource<'a> {
    /// The asset that it belongs to, with the options of its store.
    pub(super) asset: &'a AssetSpec,
    pub(super) path: PlRefPath,
    pub(super) cloud_options: Option<CloudOptions>,
    pub(super) schema: Option<SchemaRef>,
    pub(super) files: &'a FileSpace,
    /// Below the base of the store, with `/` between its parts.
    pub(super) key: String,
}

impl FileSource<'_> {
    /// The asset that it belongs to, with the options that its store sets.
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
        self.cloud_options.clone()
    }

    /// The columns that were written, if we wrote the file.
    #[must_use]
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// All bytes of the file. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.files.bytes(&self.key, None)
    }

    /// The last bytes of the file, or all if it is shorter. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn tail(&self, bytes: u64) -> Result<Vec<u8>> {
        self.files.bytes(&self.key, Some(bytes))
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
