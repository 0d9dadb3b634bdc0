//! What the crate computes without storing anything: frames, sets of partitions, windows of time. One binary, because each links
//! everything.

#![forbid(unsafe_code)]

mod frames;
mod partitions;
mod windows;
