//! Stores in buckets, against emulators that `tests/emulators/start.sh` starts.

mod clouds;
mod configuration;
mod conformance;
mod delta;
mod doctor;
mod dynamodb;
mod gate;
mod storage;
mod trouble;

pub(crate) use clouds::Cloud;
pub(crate) use conformance::at;
