//! Standard error as it is now, for progress that is shown on it while it becomes something else.

use std::fs::File;
#[cfg(unix)]
use std::io::stderr;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often progress is drawn in a second, at most.
const FRAMES: u8 = 20;

/// How many are done, how fast, and how long the rest takes at that rate.
const PROGRESS: &str = "{spinner} [{pos}/{len}] {elapsed}, {per_sec}, {eta} left  {wide_msg}";

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

/// A bar on the terminal, with so many done of all. None where it would be hidden, as on a terminal that cannot move its cursor: what is
/// printed above a hidden bar is lost.
pub(crate) fn bar(terminal: Option<&File>, done: u64, total: u64) -> Option<ProgressBar> {
    drawn(target(terminal), done, total)
}

fn drawn(target: ProgressDrawTarget, done: u64, total: u64) -> Option<ProgressBar> {
    if target.is_hidden() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()).with_position(done);
    // Else what was done before would count as done just now.
    bar.tick();
    bar.reset_eta();
    bar.set_draw_target(target);
    if let Ok(style) = ProgressStyle::with_template(PROGRESS) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

/// Where progress is drawn.
#[cfg(unix)]
fn target(terminal: Option<&File>) -> ProgressDrawTarget {
    let both = || Some((terminal?.try_clone().ok()?, terminal?.try_clone().ok()?));
    both().map_or_else(ProgressDrawTarget::stderr, |(read, write)| {
        ProgressDrawTarget::term(console::Term::read_write_pair(read, write), FRAMES)
    })
}

#[cfg(not(unix))]
fn target(_terminal: Option<&File>) -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(FRAMES)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps what is written on it.
    #[derive(Debug, Clone, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_has_a_rate_that_knows_nothing_of_what_was_done_before_and_the_time_that_is_left() {
        let paper = Paper::default();
        let bar = drawn(ProgressDrawTarget::term_like(Box::new(paper.clone())), 3, 4).unwrap();
        assert!(bar.per_sec().max(0.0) < f64::EPSILON, "{}", bar.per_sec());
        bar.set_message("total");
        let shown = paper.0.lock().unwrap().clone();
        bar.finish_and_clear();
        for wanted in ["[3/4]", "/s, ", " left  total"] {
            assert!(shown.contains(wanted), "{wanted} is not in {shown}");
        }
    }

    #[test]
    fn there_is_no_bar_where_nobody_would_see_it() {
        assert!(drawn(ProgressDrawTarget::hidden(), 0, 4).is_none());
    }
}
