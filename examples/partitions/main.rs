//! Partitions: iris by species, temperatures by day and by month, and a table of two dimensions, all of them one Delta table each in
//! which a run replaces just the partitions it makes.
//!
//! `cargo run --example partitions` materializes everything that is there. One day, and the month that it belongs to:
//! `cargo run --example partitions -- materialize 'hourly_temperatures*' --partition 2010-03-14`.

#![forbid(unsafe_code)]

mod iris;
mod temperatures;

use std::process::ExitCode;

use lakewright::cli::App;
use lakewright::prelude::*;

fn main() -> ExitCode {
    App::new(Lakehouse::builder()).bare(["materialize", "--all-partitions"]).run()
}
