//! Standard error as it is now, for progress that is shown on it while it becomes something else.

use std::fs::File;
#[cfg(unix)]
use std::io::stderr;

use indicatif::ProgressDrawTarget;

/// How often progress is drawn in a second, at most.
const FRAMES: u8 = 20;

/// Standard error by another name.
#[cfg(unix)]
pub(crate) fn terminal() -> Option<File> {
    use std::os::fd::AsFd;
    stderr().as_fd().try_clone_to_owned().ok().map(File::from)
}

#[cfg(not(unix))]
pub(crate) fn terminal() -> Option<File> {
    None
}

/// Where progress is drawn.
#[cfg(unix)]
pub(crate) fn target(terminal: Option<&File>) -> ProgressDrawTarget {
    let both = || Some((terminal?.try_clone().ok()?, terminal?.try_clone().ok()?));
    both().map_or_else(ProgressDrawTarget::stderr, |(read, write)| {
        ProgressDrawTarget::term(console::Term::read_write_pair(read, write), FRAMES)
    })
}

#[cfg(not(unix))]
pub(crate) fn target(_terminal: Option<&File>) -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(FRAMES)
}
