//! Where what is printed cannot be looked at on its way, it only goes to the terminal.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Tee;
use super::sink::Sink;

pub(super) struct Capture;

impl Capture {
    #[expect(clippy::unnecessary_wraps, reason = "as where it can fail")]
    pub(super) fn start(_sink: &Arc<Sink>, _around: &Tee, _apart: bool) -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub(super) fn end(self, _patience: Option<Duration>) {}
}
