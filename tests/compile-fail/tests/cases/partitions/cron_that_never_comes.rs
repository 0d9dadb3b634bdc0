use lakewright::prelude::*;

#[partitions(cron = "0 0 30 2 *", start = "2023-01-01")]
struct Night;

#[asset(partitions = Night)]
fn readings(night: Partition<Night>) -> i64 {
    i64::from(night.hour())
}

fn main() {}
