//! Temperatures by day, by month, and by day and part of the day.

use lakewright::prelude::*;

/// The days of 2010 in San Francisco.
#[partitions(daily, start = "2010-01-01", end = "2011-01-01", zone = "America/Los_Angeles")]
struct Day;

/// Its months.
#[partitions(monthly, start = "2010-01-01", end = "2011-01-01", zone = "America/Los_Angeles")]
struct Month;

/// Two parts of a day.
#[partitions(keys = ["day", "night"])]
struct Part;

/// Each part of each day.
#[partitions]
struct DayPart {
    /// The day.
    date: Day,
    /// The part.
    part: Part,
}

/// Hourly temperatures, in °F, by the date on the wall clock.
#[asset(schema = "sf", partitions = Day, partition_expr = "date")]
fn hourly_temperatures(days: &PartitionSet<Day>) -> Result<LazyFrame> {
    let file = PlRefPath::try_from_path(&lakewright_examples::data("sf_temps.csv"))?;
    let time = StrptimeOptions { format: Some("%Y/%m/%d %H:%M:%S".into()), ..Default::default() };
    let hourly = LazyCsvReader::new(file).finish()?;
    let time = col("date").str().to_datetime(Some(TimeUnit::Microseconds), None, time, lit("raise"));
    let hourly = hourly.select([time.alias("time"), col("temp")]).with_column(col("time").cast(DataType::Date).alias("date"));
    // All days of the run are made by one call, which keeps to those days.
    let wanted = days.keys().keys().map(|key| key.to_string()).collect::<Vec<_>>();
    let wanted = lit(Series::new("date".into(), wanted)).str().to_date(StrptimeOptions::default());
    Ok(hourly.filter(col("date").is_in(wanted.implode(true), false)))
}

/// The highest temperature of each month: a month is made from the days that overlap it, which nobody has to say.
#[asset(schema = "sf", partitions = Month, partition_expr = "month")]
fn monthly_highs(
    #[input(columns = ["date", "temp"])] hourly_temperatures: DataFrame,
    month: Partition<Month>,
) -> Result<DataFrame> {
    let highest = hourly_temperatures.lazy().sort(["temp"], SortMultipleOptions::default()).last();
    let month = lit(month.key()).str().to_date(StrptimeOptions::default()).alias("month");
    Ok(highest.select([month, col("date").alias("hottest_day"), col("temp").alias("max_temp")]).collect()?)
}

/// The mean temperature of each part of each day: two dimensions, made from one of them.
#[asset(schema = "sf", partitions = DayPart, partition_expr(date = "date", part = "part"))]
fn means_by_part(hourly_temperatures: LazyFrame, parts: &PartitionSet<DayPart>) -> Result<LazyFrame> {
    let hour = col("time").dt().hour();
    let part = when(hour.clone().gt_eq(lit(6)).and(hour.lt(lit(18)))).then(lit("day")).otherwise(lit("night"));
    let means = hourly_temperatures.group_by([col("date"), part.alias("part")]).agg([col("temp").mean()]);
    // A run may be for the nights alone: what it was not asked for would be refused.
    let (mut dates, mut names) = (Vec::new(), Vec::new());
    for wanted in parts.iter() {
        let wanted = wanted?;
        dates.push(wanted.date.key().to_owned());
        names.push(wanted.part.key().to_owned());
    }
    let wanted = df!("date" => dates, "part" => names)?.lazy();
    let wanted = wanted.with_column(col("date").str().to_date(StrptimeOptions::default()));
    let by = [col("date"), col("part")];
    Ok(means.join(wanted, by.clone(), by, JoinArgs::new(JoinType::Semi)))
}

/// How the highs went on from month to month: each month is made from itself and from the month before.
#[asset(schema = "sf", partitions = Month, partition_expr = "month")]
fn record_highs(monthly_highs: DataFrame, #[input(previous)] before: Option<DataFrame>) -> Result<DataFrame> {
    let record = |frame: &DataFrame| frame.column("max_temp").ok().and_then(|highs| highs.f64().ok().and_then(ChunkAgg::max));
    let so_far = before.as_ref().and_then(record).unwrap_or(f64::MIN);
    let now = record(&monthly_highs).unwrap_or(f64::MIN);
    Ok(monthly_highs.lazy().select([col("month"), lit(now.max(so_far)).alias("max_temp")]).collect()?)
}
