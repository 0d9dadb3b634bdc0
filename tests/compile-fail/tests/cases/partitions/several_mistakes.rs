use lakewright::prelude::*;

#[partitions(daily, start = "2023-13-01", zone = "UCT+1", hour_offset = -1, ends = "x")]
struct Day;

#[asset(partitions = Day)]
fn readings(day: Partition<Day>) -> Result<i64> {
    let (start, _) = day.window()?;
    Ok(i64::from(start.day() - day.day()))
}

fn main() {}
