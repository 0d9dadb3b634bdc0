//! The log in memory. Each handle is the one that there is.

use std::sync::Arc;

use lakewright::state::{MemoryState, State};

use crate::suite::{Handles, every_test, suite};

fn with(test: impl Fn(Handles<'_>)) {
    let log: Arc<dyn State> = Arc::new(MemoryState::new("0123456789abcdef"));
    test(&|| Arc::clone(&log));
}

every_test!(with);
