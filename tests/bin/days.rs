//! A program of partitioned assets as a user writes one, one of which fails on a day to order: the tests run it as a process.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what bodies print is kept")]

use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

/// The day that fails, if any.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Mishap {
    day: Option<String>,
}

#[partitions(daily, start = "2026-01-01", end = "2026-03-01")]
struct Day;

#[partitions(monthly, start = "2026-01-01", end = "2026-03-01")]
struct Month;

#[asset(io_manager = "fs", partitions = Day)]
fn orders(day: Partition<Day>, mishap: Config<Mishap>) -> Result<i64, String> {
    println!("the orders of {}", day.key());
    match &mishap.day {
        Some(bad) if bad.as_str() == day.key() => Err(format!("the orders of {bad} are not in yet")),
        _ => Ok(i64::from(day.value().day())),
    }
}

#[asset(io_manager = "fs", partitions = Month)]
fn monthly(orders: Partitions<Day, i64>) -> i64 {
    orders.iter().map(|(_, orders)| orders).sum()
}

lakewright::main!();
