//! A pipeline over every sort of store and mode, which the tests run as a process and kill: `survivor materialize …` as any other
//! program, `survivor resume RUN`, and `survivor again TIMES SELECTION`, which waits while others make the same.
//!
//! It says every event as it is in the log, one a line.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it prints is how the tests know")]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lakewright::asset::Input;
use lakewright::cli::App;
use lakewright::exec::{Interrupt, PartitionChoice};
use lakewright::partition::{Mapping, PartitionsDef};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, Error, ErrorKind, LakehouseBuilder, Mode, Produced, ValueKind};

fn parts() -> Result<PartitionsDef> {
    PartitionsDef::fixed("Parts", ["a", "b", "c"])
}

/// Two rows, with the run that made them.
fn rows(call: &Call) -> Result<Produced> {
    let part =
        if call.context().asset_key().to_string().ends_with("parts") { call.partition_key()?.to_string() } else { String::new() };
    let run = call.context().run_id();
    call.produce_frame(df!("n" => [1i64, 2], "run" => [run; 2], "part" => [part.as_str(); 2])?)
}

fn asset(key: &str, store: &str, mode: Mode, inputs: &[&str]) -> Result<AssetSpec> {
    let mut builder = AssetBuilder::new(key, ValueKind::Table).io_manager(store).mode(mode).group(store);
    for input in inputs {
        builder = builder.input(*input);
    }
    if mode == Mode::Merge {
        builder = builder.on(["n"]);
    }
    if key.ends_with("parts") {
        builder = builder.partitions(parts()?);
        if store != "parquet" {
            builder = builder.partition_expr("part");
        }
    }
    builder.body(|call| async move { call.blocking(|call| rows(&call)).await })
}

fn assets() -> Result<Vec<AssetSpec>> {
    let mut all = vec![
        asset("base", "delta", Mode::Overwrite, &[])?,
        asset("added", "delta", Mode::Append, &["base"])?,
        asset("merged", "delta", Mode::Merge, &["base"])?,
        asset("first", "delta", Mode::Ignore, &["base"])?,
        asset("added_parts", "delta", Mode::Append, &["base"])?,
        asset("parts", "delta", Mode::Overwrite, &["added_parts"])?,
        asset("files", "parquet", Mode::Overwrite, &["added", "merged"])?,
        asset("file_parts", "parquet", Mode::Overwrite, &["parts"])?,
    ];
    #[cfg(feature = "duckdb")]
    all.extend([
        asset("duck", "duckdb", Mode::Overwrite, &["base"])?,
        asset("duck_added", "duckdb", Mode::Append, &["duck"])?,
        asset("duck_merged", "duckdb", Mode::Merge, &["duck"])?,
        asset("duck_added_parts", "duckdb", Mode::Append, &["parts"])?,
    ]);
    // The number of rows of all that came before.
    let counted = AssetBuilder::new("count", ValueKind::Object)
        .io_manager("fs")
        .group("fs")
        .input("files")
        .input(Input::of("added_parts").mapping(Mapping::All));
    all.push(counted.body(|call| async move {
        let counted = call.blocking(|mut call| {
            let heights = [call.frame::<DataFrame>("files")?.height(), call.frame::<DataFrame>("added_parts")?.height()];
            call.produce_object(heights)
        });
        counted.await
    })?);
    Ok(all)
}

fn builder(root: Option<PathBuf>) -> LakehouseBuilder {
    let registry = match assets() {
        Ok(assets) => Registry::from_specs(assets),
        Err(error) => panic!("{error:?}"),
    };
    let builder = Lakehouse::builder().registry(registry).parallelism(3).subscribe(|event| {
        if let Ok(line) = serde_json::to_string(event) {
            let mut out = std::io::stdout().lock();
            // Whoever listens may be gone.
            drop(writeln!(out, "{line}").and_then(|()| out.flush()));
        }
    });
    match root {
        Some(root) => builder.root(root),
        None => builder,
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["resume", run] => resume(run),
        ["again", times, selection] => again(times.parse().unwrap_or(1), selection),
        _ => return App::with(builder).run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?.block_on(future)
}

fn resume(run: &str) -> Result<()> {
    let lakehouse = builder(None).build()?;
    let report = block_on(lakehouse.retry_failed(run, Interrupt::new()))?;
    succeeded(&report)
}

fn again(times: usize, selection: &str) -> Result<()> {
    let lakehouse = builder(None).build()?;
    let partitioned = lakehouse.select(selection)?.iter().any(|asset| asset.partitions.is_some());
    let choice = if partitioned { PartitionChoice::all() } else { PartitionChoice::none() };
    let mut left = times;
    while left > 0 {
        let plan = lakehouse.plan_for(selection, &choice)?;
        match block_on(lakehouse.run(plan, Interrupt::new())) {
            Ok(report) => {
                succeeded(&report)?;
                left -= 1;
            }
            Err(error) if error.kind() == ErrorKind::Busy => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn succeeded(report: &lakewright::exec::RunReport) -> Result<()> {
    match report.failures().next() {
        Some((_, failure)) => Err(Error::new(ErrorKind::Internal, format!("{failure:?}"))),
        None if report.is_success() => Ok(()),
        None => Err(Error::new(ErrorKind::Internal, format!("the run ended as {:?}", report.status))),
    }
}
