use lakewright::prelude::*;

#[partitions(daily, start = "2023-01-01", format = "%Y-%m")]
struct Day;

#[asset(partitions = Day)]
fn readings(day: Partition<Day>) -> Result<i64> {
    let (start, _) = day.window()?;
    Ok(i64::from(start.day() - day.day()))
}

fn main() {}
