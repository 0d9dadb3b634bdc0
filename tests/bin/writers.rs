//! One of several processes that write slices of one table at the same time: `writers ROOT FIRST COUNT ROUND [STAGED]`.
//!
//! It stores COUNT days from the FIRST on, each by a run of its own. Given a file, it writes that once the first run has staged, and
//! never commits.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, Error, ErrorKind};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wrong = || Error::new(ErrorKind::Internal, "usage: writers ROOT FIRST COUNT ROUND [STAGED]");
    let [root, first, count, round, staged @ ..] = &arguments[..] else { return Err(wrong()) };
    let number = |text: &String| text.parse::<i64>().map_err(|_| wrong());
    let (first, count, round) = (number(first)?, number(count)?, number(round)?);
    let days = PartitionsDef::time("Days", TimeDef::new(Every::Day, "2020-01-01")?);
    let asset = AssetBuilder::new("t", ValueKind::Table).partitions(days).partition_expr("day").body(move |call| {
        let day = call.partition_key().map(|key| key.to_string()).unwrap_or_default();
        async move {
            let rows = df!("day" => [day.as_str(); 3], "round" => [round; 3], "n" => [1i64, 2, 3])?.lazy();
            call.produce_frame(rows.with_column(col("day").cast(DataType::Date)))
        }
    })?;
    let mut builder = Lakehouse::builder().root(root).registry(Registry::from_specs([asset]));
    if let Some(staged) = staged.first().map(PathBuf::from) {
        builder = builder.before_commit(move |_| {
            std::fs::write(&staged, "staged").map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
            loop {
                std::thread::park();
            }
        });
    }
    let lakehouse = builder.build().map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    for day in first..first + count {
        let date = (df!("day" => [18_262 + i32::try_from(day).unwrap_or_default()])?)
            .lazy()
            .with_column(col("day").cast(DataType::Date));
        let key = date.collect()?.column("day")?.get(0)?.to_string();
        let report = lakehouse.materialize_for_blocking("t", &PartitionChoice::none().key(key))?;
        if let Some((_, failure)) = report.failures().next() {
            return Err(Error::new(ErrorKind::Internal, format!("{failure:?}")));
        }
    }
    Ok(())
}
