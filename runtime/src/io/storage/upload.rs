//! Storing something piece by piece.

use std::fs::File;
use std::io::{self, Write};
use std::{fmt, mem};

use super::remote::Sending;
use crate::error::Result;

/// Something that is being stored: one request, or one of several parts that count only together. Given up unless
/// [finished](Upload::finish).
///
/// It holds a few megabytes, however much is written.
pub struct Upload {
    way: Way,
}

enum Way {
    Local(File),
    Remote(Box<Sending>),
    Done,
}

impl Upload {
    pub(super) fn local(file: File) -> Self {
        Self { way: Way::Local(file) }
    }

    pub(super) fn remote(sending: Sending) -> Self {
        Self { way: Way::Remote(Box::new(sending)) }
    }

    /// The open file, if it is one.
    #[cfg_attr(not(feature = "polars"), expect(dead_code, reason = "only sinks ask for it"))]
    pub(super) fn into_file(self) -> std::result::Result<File, Self> {
        match self.way {
            Way::Local(file) => Ok(file),
            way => Err(Self { way }),
        }
    }

    /// Makes what was written appear, and durable.
    ///
    /// # Errors
    /// If it cannot; then nothing appeared in a bucket, and the rest of a file is for the caller to remove.
    pub fn finish(mut self) -> Result<()> {
        self.close().map_err(Into::into)
    }

    /// As [`Upload::finish`], for those who cannot give it away. Nothing can be written after it.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match mem::replace(&mut self.way, Way::Done) {
            Way::Local(file) => file.sync_all(),
            Way::Remote(sending) => sending.finish(),
            Way::Done => Ok(()),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Local(file) => file.write(bytes),
            Way::Remote(sending) => sending.write(bytes),
            Way::Done => Err(io::Error::other("written after its end")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upload")
    }
}
