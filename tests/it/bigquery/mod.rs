//! The BigQuery store against an emulator of it, which `tests/emulators/bigquery.sh` starts. What is stored is read by requests of
//! our own, not by the store. Each test has a project of its own in the emulator.

mod conformance;
mod emulator;
mod faults;
mod slices;
mod tables;
mod types;
