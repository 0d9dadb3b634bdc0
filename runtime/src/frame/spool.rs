//! Files that hold a stream until a frame has been computed from it.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind as IoKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// A temporary file that a frame scans; it is removed when this is dropped.
#[derive(Debug)]
pub struct SpoolFile {
    path: PathBuf,
}

impl SpoolFile {
    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it takes on the disk.
    ///
    /// # Errors
    /// If somebody else has removed it.
    pub fn bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path).map_err(|error| spool_error(&error, "look at", &self.path))?.len())
    }

    /// A new file in this folder, with a name that nobody has taken.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only streams of batches are kept in files"))]
    pub(super) fn create(folder: &Path) -> Result<(Self, File)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(folder).map_err(|error| spool_error(&error, "create the folder", folder))?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("lakewright-{}-{number}.parquet", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((Self { path }, file)),
                // Left by a process that had the same number, or of a machine that shares the folder.
                Err(error) if error.kind() == IoKind::AlreadyExists => {}
                Err(error) => return Err(spool_error(&error, "create", &path)),
            }
        }
    }

    /// The file without its name: its space is freed when it is closed.
    #[cfg_attr(not(feature = "arrow"), expect(dead_code, reason = "only streams of batches are kept in files"))]
    pub(super) fn unnamed(self) -> Result<File> {
        File::open(&self.path).map_err(|error| spool_error(&error, "open", &self.path))
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // Nobody waits for this, and the file is in a folder for temporary files.
        drop(fs::remove_file(&self.path));
    }
}

fn spool_error(error: &std::io::Error, tried: &str, path: &Path) -> Error {
    let told = Error::new(ErrorKind::Io, format!("cannot {tried} `{}`, which holds a stream for a while", path.display()));
    let told = told.source(error.to_string());
    if matches!(error.kind(), IoKind::StorageFull | IoKind::QuotaExceeded) {
        told.help("the disk is full").retryable()
    } else {
        told
    }
}
