//! Polars' sinks into files that we have opened ourselves.
//!
//! Given a path, a sink opens the file on a thread of its own, which may happen after the plan has failed and the file has been
//! cleaned up. Given an open file, nothing appears on the disk that we do not know of.

use std::fs::File;
use std::sync::{Arc, Mutex};

use polars::io::utils::file::Writable;
use polars::io::utils::sync_on_close::SyncOnCloseType;
use polars::prelude::{SinkDestination, SinkTarget, SpecialEq, UnifiedSinkArgs};

use super::storage::Upload;

/// A sink into an open file.
pub(crate) fn open_file(file: File) -> SinkDestination {
    into(Writable::Local(file))
}

/// A sink into something that we have opened.
pub(crate) fn into(open: Writable) -> SinkDestination {
    let target = SinkTarget::Dyn(SpecialEq::new(Arc::new(Mutex::new(Some(open)))));
    SinkDestination::File { target }
}

/// A sink into something that is uploaded, or into a file that is.
pub(crate) fn into_upload(upload: Upload) -> SinkDestination {
    into(upload.into())
}

/// The arguments of every sink: in order, and on the disk when it returns.
pub(crate) fn sink_args() -> UnifiedSinkArgs {
    UnifiedSinkArgs { sync_on_close: SyncOnCloseType::All, ..Default::default() }
}
