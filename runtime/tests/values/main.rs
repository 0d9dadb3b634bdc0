//! What the crate computes without storing anything: keys, frames, sets of partitions, windows of time. One binary, because each links
//! everything.

#![forbid(unsafe_code)]

mod frames;
mod keys;
mod partitions;
mod windows;
