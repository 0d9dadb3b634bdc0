//! Hourly temperatures become daily highs. Where either is kept is said elsewhere.

use std::path::Path;

use lakewright::prelude::*;

/// Hourly temperatures in San Francisco in 2010, in °F.
#[asset(io_manager = "raw")]
pub(crate) fn sf_temps() -> Result<LazyFrame> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/sf_temps.csv");
    let time = StrptimeOptions { format: Some("%Y/%m/%d %H:%M:%S".into()), ..Default::default() };
    let hourly = LazyCsvReader::new(PlRefPath::try_from_path(&file)?).finish()?;
    Ok(hourly.select([
        col("date").str().to_datetime(Some(TimeUnit::Microseconds), None, time, lit("raise")).alias("time"),
        col("temp"),
    ]))
}

/// The highest temperature of each day.
#[asset]
pub(crate) fn daily_temperature_highs(sf_temps: LazyFrame) -> LazyFrame {
    sf_temps
        .group_by([col("time").cast(DataType::Date).alias("date")])
        .agg([col("temp").max().alias("max_temp")])
        .sort(["date"], SortMultipleOptions::default())
}
