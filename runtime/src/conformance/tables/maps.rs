//! Sections 3 and 4, as runs see slices: which partitions of one asset feed which of another, and in which form.

use polars::prelude::{DataFrame, DataType, NamedFrom, Series, TimeUnit, df};

use super::rows_of;
use crate::asset::{AssetBuilder, AssetSpec, Input, ValueKind};
use crate::call::Call;
use crate::conformance::bench::{Bench, succeeded};
use crate::conformance::breach::{Breach, Verdict, refused};
use crate::error::{Error, ErrorKind};
use crate::exec::{PartitionChoice, RunReport};
use crate::lakehouse::Lakehouse;
use crate::partition::{Every, PartitionsDef, TimeDef};
use crate::value::Value;

fn hours() -> Verdict<PartitionsDef> {
    Ok(PartitionsDef::time("Hour", TimeDef::new(Every::Hour, "2023-01-01-00:00")?.end("2023-01-03-00:00")?))
}

fn days() -> Verdict<PartitionsDef> {
    Ok(PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01")?.end("2023-01-03")?))
}

/// Two rows of an hour: at its start and a microsecond before the next.
fn readings(hour: &str) -> crate::Result<DataFrame> {
    let wrong = || Error::new(ErrorKind::Internal, format!("`{hour}` is no hour"));
    let at = jiff::civil::DateTime::strptime("%Y-%m-%d-%H:%M", hour).map_err(|_| wrong())?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?.timestamp().as_microsecond();
    let at = Series::new("at".into(), [at, at + 3_599_999_999]).cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
    Ok(DataFrame::new(2, vec![at.into(), Series::new("hour".into(), [hour, hour]).into()])?)
}

fn hourly() -> Verdict<AssetSpec> {
    let asset = AssetBuilder::new("hourly", ValueKind::Table).partitions(hours()?).partition_expr("at");
    Ok(asset.body(|call: Call| async move { call.produce_frame(readings(&call.partition_key()?.to_string())?) })?)
}

/// For each day the hours that it was handed, as a map, and how many rows each of them had.
fn daily(input: Input) -> Verdict<AssetSpec> {
    let asset =
        AssetBuilder::new("daily", ValueKind::Table).partitions(days()?).partition_expr("day").input(input.per_partition());
    let body = |call: Call| async move {
        call.blocking(|mut call| {
            let day = call.partition_key()?.to_string();
            let each = call.frames::<DataFrame>("hourly")?;
            let own = |key: &str, frame: &DataFrame| -> crate::Result<bool> {
                let named = frame.column("hour")?.str()?;
                Ok(named.iter().all(|hour| hour == Some(key)))
            };
            let (mut keys, mut rows) = (Vec::new(), Vec::new());
            for (key, frame) in &each {
                let key = key.to_string();
                if !own(&key, frame)? {
                    return Err(Error::new(
                        ErrorKind::Body,
                        format!("the rows that were handed over for `{key}` are not its own"),
                    ));
                }
                rows.push(i64::try_from(frame.height()).unwrap_or_default());
                keys.push(key);
            }
            call.produce_frame(df!("day" => vec![day; keys.len()], "hour" => keys, "rows" => rows)?)
        })
        .await
    };
    Ok(asset.body(body)?)
}

async fn run(lakehouse: &Lakehouse, selection: &str, choice: PartitionChoice) -> Verdict<RunReport> {
    Ok(lakehouse.materialize_for(selection, &choice).await?)
}

/// The rows of a partition, as `load_partition` gives them.
async fn rows_in(bench: &Bench, lakehouse: &Lakehouse, asset: &str, partition: &str) -> Verdict<DataFrame> {
    match lakehouse.load_partition(&asset.parse()?, partition).await? {
        Some(Value::Table(table)) => Ok(super::frame(table, &bench.env).await?),
        other => Err(Breach::new(format!("the partition `{partition}` of `{asset}` was stored, and is {other:?}"))),
    }
}

pub(super) async fn hours_feed_days(bench: &Bench) -> Verdict {
    let lakehouse = bench.lakehouse([hourly()?, daily(Input::of("hourly"))?]).build()?;
    let first = PartitionChoice::none().range("2023-01-01-00:00", "2023-01-01-23:00");
    succeeded(&run(&lakehouse, "hourly", first).await?)?;
    succeeded(&run(&lakehouse, "daily", PartitionChoice::none().key("2023-01-01")).await?)?;
    let found = rows_in(bench, &lakehouse, "daily", "2023-01-01").await?;
    let wanted: Vec<String> =
        (0..24).map(|hour| format!("(day=\"2023-01-01\" hour=\"2023-01-01-{hour:02}:00\" rows=2)")).collect();
    let found = rows_of(&found)?;
    ensure!(
        found == wanted,
        "a day has to be handed its 24 hours as a map, in order, each with its own 2 rows, and made {found:?}"
    );
    // The next day has one hour.
    succeeded(&run(&lakehouse, "hourly", PartitionChoice::none().key("2023-01-02-07:00")).await?)?;
    let next = || PartitionChoice::none().key("2023-01-02");
    let report = run(&lakehouse, "daily", next()).await?;
    let failure = report.failures().next().map(|(_, failure)| failure.clone());
    let missing = failure.as_ref().is_some_and(|failure| failure.code == ErrorKind::Missing.code());
    ensure!(missing, "of the hours of a day 23 are missing, which has to be `Missing`, and was {failure:?}");
    let lakehouse = bench.lakehouse([hourly()?, daily(Input::of("hourly").allow_missing())?]).build()?;
    succeeded(&run(&lakehouse, "daily", next()).await?)?;
    let found = rows_of(&rows_in(bench, &lakehouse, "daily", "2023-01-02").await?)?;
    let wanted = ["(day=\"2023-01-02\" hour=\"2023-01-02-07:00\" rows=2)"];
    ensure!(found == wanted, "with `allow_missing`, hours that are missing are left out, and the day made {found:?}");
    Ok(())
}

pub(super) async fn a_run_of_several_slices_is_one_commit(bench: &Bench) -> Verdict {
    let def = PartitionsDef::dynamic("conformance-kinds");
    let asset = AssetBuilder::new("kinds", ValueKind::Table).partitions(def).partition_expr("kind");
    let body = |call: Call| async move {
        let kind = call.partition_key()?.to_string();
        call.produce_frame(df!("kind" => [kind.as_str(), kind.as_str()], "n" => [1_i64, 2])?)
    };
    let asset = asset.body(body)?;
    let total = AssetBuilder::new("total", ValueKind::Table).input("kinds").body(|call: Call| async move {
        call.blocking(|mut call| {
            let all: DataFrame = call.frame("kinds")?;
            call.produce_frame(df!("rows" => [i64::try_from(all.height()).unwrap_or_default()])?)
        })
        .await
    })?;
    let lakehouse = bench.lakehouse([asset.clone(), total]).build()?;
    lakehouse.add_partitions("conformance-kinds", &["b|'1'".to_owned(), "a".to_owned(), "ü/".to_owned()])?;
    let report = run(&lakehouse, "kinds", PartitionChoice::all()).await?;
    succeeded(&report)?;
    let made = report.materializations().count();
    ensure!(made == 1, "a run over three partitions of a dynamic set is one materialization, and was {made}");
    let unknown = lakehouse.materialize_for("kinds", &PartitionChoice::none().key("c")).await;
    refused(unknown, &[ErrorKind::PartitionKey], "a key that is not in the dynamic set")?;
    succeeded(&run(&lakehouse, "kinds", PartitionChoice::none().key("a")).await?)?;
    for key in ["b|'1'", "a", "ü/"] {
        let rows = rows_in(bench, &lakehouse, "kinds", key).await?.height();
        ensure!(rows == 2, "`{key}` has 2 rows, and {rows} were read");
    }
    succeeded(&run(&lakehouse, "total", PartitionChoice::none()).await?)?;
    let total: DataFrame = lakehouse.load_frame(&"total".parse()?).await?;
    let found = rows_of(&total)?;
    ensure!(
        found == ["(rows=6)"],
        "an asset without partitions is handed all partitions as one frame, 6 rows, and found {found:?}"
    );
    // Without a key nothing of it is read, whatever the table still has.
    lakehouse.remove_partitions("conformance-kinds", &["ü/".to_owned()])?;
    let stored = lakehouse.stored_partitions(&asset.key).await?;
    ensure!(stored.len() == 2, "a key was removed from the set of 3, and {} are stored of it", stored.len());
    Ok(())
}

pub(super) async fn windows_are_made_one_after_the_other(bench: &Bench) -> Verdict {
    let asset =
        AssetBuilder::new("sum", ValueKind::Table).partitions(days()?).partition_expr("day").input(Input::previous("sum"));
    let body = |call: Call| async move {
        call.blocking(|mut call| {
            let day = call.partition_key()?.to_string();
            let before =
                if call.has("sum") { call.frame::<DataFrame>("sum")?.column("n")?.i64()?.get(0).unwrap_or_default() } else { 0 };
            call.produce_frame(df!("day" => [day], "n" => [before + 1])?)
        })
        .await
    };
    let lakehouse = bench.lakehouse([asset.body(body)?]).build()?;
    for _ in 0..2 {
        succeeded(&run(&lakehouse, "sum", PartitionChoice::all()).await?)?;
        for (n, day) in [(1, "2023-01-01"), (2, "2023-01-02")] {
            let found = rows_of(&rows_in(bench, &lakehouse, "sum", day).await?)?;
            let wanted = [format!("(day=\"{day}\" n={n})")];
            ensure!(found == wanted, "each day adds to the one before: `{day}` has to be {wanted:?}, and is {found:?}");
        }
    }
    Ok(())
}
