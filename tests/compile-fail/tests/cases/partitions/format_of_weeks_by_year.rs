use lakewright::prelude::*;

#[partitions(weekly, start = "2023-01-02", weekday = "monday", format = "%Y-W%V")]
struct Week;

#[asset(partitions = Week)]
fn readings(week: Partition<Week>) -> Result<i64> {
    let (start, _) = week.window()?;
    Ok(i64::from(start.day() - week.day()))
}

fn main() {}
