//! How fast, and in how much memory, a large table goes from Parquet through a filter and a derived column into a Delta table that is
//! partitioned by a column of 60 values in random order: by Lakewright, and by hand.
//!
//! `cargo run --release -p lakewright-benches --bin throughput -- [--rows 60000000] [--pairs 5] [--delta-rs]`
//!
//! Each way runs in a process of its own, in turn, on the same input. Memory is the greatest anonymous resident memory (`RssAnon`) seen
//! every 5 ms, which leaves out mapped input files.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]

mod by_hand;
mod input;
mod lakewright_way;
mod memory;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Anything that can go wrong here ends the program.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// One run of one way.
struct Run {
    seconds: f64,
    megabytes: f64,
    rows: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, way, input, output] = &arguments[..]
        && child == "child"
    {
        return run_child(way, Path::new(input), Path::new(output));
    }
    let number = |name: &str, default: usize| -> Outcome<usize> {
        let at = arguments.iter().position(|argument| argument == name);
        Ok(at.and_then(|at| arguments.get(at + 1)).map_or(Ok(default), |text| text.parse())?)
    };
    let (rows, pairs) = (number("--rows", 60_000_000)?, number("--pairs", 5)?);
    let folder = tempfile::tempdir_in(std::env::var_os("BENCH_FOLDER").unwrap_or_else(|| ".".into()))?;
    let input = folder.path().join("input").join("readings.parquet");
    let bytes = input::generate(&input, rows)?;
    println!("{rows} rows, 5 columns, {:.2} GB of values, {:.2} GB on the disk", input::width(rows), bytes as f64 / 1e9);

    let mut ways = vec!["by-hand", "lakewright"];
    if arguments.iter().any(|argument| argument == "--delta-rs") {
        ways.push("delta-rs");
    }
    let mut runs: Vec<Vec<Run>> = ways.iter().map(|_| Vec::new()).collect();
    for pair in 0..pairs {
        // In turn who goes first, since whoever goes second may meet what the first has left behind.
        let order: Vec<usize> = if pair % 2 == 0 { (0..ways.len()).collect() } else { (0..ways.len()).rev().collect() };
        for at in order {
            let (way, runs) = (&ways[at], &mut runs[at]);
            // What others have written is on the disk before anybody is timed.
            Command::new("sync").status()?;
            let output = folder.path().join(format!("{way}-{pair}"));
            let run = measure(way, &input, &output)?;
            println!("{way:<10} {pair}: {:6.2} s, {:5.0} MB anonymous, {} rows", run.seconds, run.megabytes, run.rows);
            runs.push(run);
            std::fs::remove_dir_all(&output)?;
        }
    }
    let rows_of: Vec<u64> = runs.iter().flatten().map(|run| run.rows).collect();
    assert!(rows_of.windows(2).all(|pair| pair[0] == pair[1]), "every way stores the same rows");
    for (way, runs) in ways.iter().zip(&runs) {
        let most = runs.iter().map(|run| run.megabytes).fold(0.0, f64::max);
        println!("{way:<10} median {:.2} s, most {most:.0} MB", median(runs.iter().map(|run| run.seconds)));
    }
    let ratios = runs[1].iter().zip(&runs[0]).map(|(ours, hand)| ours.seconds / hand.seconds);
    println!("lakewright / by hand: median of {pairs} pairs {:.3}", median(ratios));
    Ok(())
}

fn measure(way: &str, input: &Path, output: &Path) -> Outcome<Run> {
    let told = Command::new(std::env::current_exe()?).arg("child").arg(way).arg(input).arg(output).output()?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned().into());
    }
    let text = String::from_utf8(told.stdout)?;
    let numbers: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [seconds, megabytes, rows] = numbers[..] else { return Err(format!("`{way}` said `{text}`").into()) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a count")]
    Ok(Run { seconds, megabytes, rows: rows as u64 })
}

fn run_child(way: &str, input: &Path, output: &Path) -> Outcome<()> {
    let watch = memory::Watch::start();
    let start = Instant::now();
    let rows = match way {
        "by-hand" => by_hand::polars(input, output)?,
        "delta-rs" => by_hand::delta_rs(input, output)?,
        _ => lakewright_way::run(input, output)?,
    };
    println!("{} {} {rows}", start.elapsed().as_secs_f64(), watch.most_megabytes());
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
