use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01", hour_offset = 24)]
struct Day;

#[asset(partitions = Day)]
fn readings(day: Partition<Day>) -> Result<i64> {
    let (start, _) = day.window()?;
    Ok(i64::from(start.day() - day.day()))
}

fn main() {}
