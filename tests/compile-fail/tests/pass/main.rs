//! What must compile although it looks like a mistake. Ordinary tests, because trybuild would generate code for Polars once more, and one
//! binary, because each links everything; `names` has its own, since what it looks at is everything that a program has.
#![forbid(unsafe_code)]

pub mod columns;
pub mod frames;
pub mod partitions;
pub mod signatures;
