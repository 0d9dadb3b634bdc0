use lakewright::prelude::*;

#[partitions(weekly, start = "2023-01-01", weekday = "mondy")]
struct Day;

#[asset(partitions = Day)]
fn readings(day: Partition<Day>) -> Result<i64> {
    let (start, _) = day.window()?;
    Ok(i64::from(start.day() - day.day()))
}

fn main() {}
