//! DuckDB by Lakewright against the same by hand: many users of one file, and a large table in and out.
//!
//! `cargo run --release -p lakewright-benches --features duckdb --bin duckdb -- [--rows 10000000] [--statements 200] [--pairs 5]`
//!
//! - *users*: 16 steps of a run and 8 users of a resource, each with the same statements, against 24 threads that share a pool of
//!   connections of one instance.
//! - *write*, *read*: a table of five columns from Arrow batches through a run into the store, and back into batches, against the
//!   `duckdb` crate's appender and its stream of batches.
//!
//! Pairs are interleaved, each on a file of its own, and closing the file is part of it.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "it is a program, and says what it measured")]

mod table;
mod users;

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Anything that can go wrong here ends the program.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: usize| -> Outcome<usize> {
        let at = arguments.iter().position(|argument| argument == name);
        Ok(at.and_then(|at| arguments.get(at + 1)).map_or(Ok(default), |text| text.parse())?)
    };
    let (rows, statements, pairs) = (number("--rows", 10_000_000)?, number("--statements", 200)?, number("--pairs", 5)?);
    let folder = tempfile::tempdir_in(std::env::var_os("BENCH_FOLDER").unwrap_or_else(|| ".".into()))?;

    let work = users::Work { statements };
    let ours = |path: &Path| users::lakewright(path, work);
    compare("users", pairs, folder.path(), ours, |path| users::by_hand(path, work))?;

    let (given, by_hand) = (table::batches(rows)?, table::batches_by_hand(rows)?);
    let tables = tempfile::tempdir_in(folder.path())?;
    let (ours, hand) = (tables.path().join("ours"), tables.path().join("hand"));
    std::fs::create_dir_all(&ours)?;
    std::fs::create_dir_all(&hand)?;
    table::write(&ours, &given)?;
    table::write_by_hand(&hand, &by_hand)?;
    compare("write", pairs, folder.path(), |path| table::write(path, &given), |path| table::write_by_hand(path, &by_hand))?;
    compare("read", pairs, folder.path(), |_| table::read(&ours), |_| table::read_by_hand(&hand))?;
    Ok(())
}

/// Times both ways in turn and says the medians and the ratio. Both have to come to the same number of rows.
fn compare(
    what: &str,
    pairs: usize,
    folder: &Path,
    ours: impl Fn(&Path) -> Outcome<u64>,
    by_hand: impl Fn(&Path) -> Outcome<u64>,
) -> Outcome<()> {
    let (mut seconds, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for pair in 0..pairs {
        let mut took = [0.0; 2];
        let mut rows = [0; 2];
        // In turn who goes first, since whoever goes second may meet what the first has left behind.
        for way in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            let place = tempfile::tempdir_in(folder)?;
            // What others have written is on the disk before anybody is timed.
            Command::new("sync").status()?;
            let start = Instant::now();
            rows[way] = if way == 0 { ours(place.path())? } else { by_hand(place.path())? };
            took[way] = start.elapsed().as_secs_f64();
            seconds[way].push(took[way]);
        }
        assert_eq!(rows[0], rows[1], "both ways come to the same rows");
        println!("{what:<6} {pair}: lakewright {:6.2} s, by hand {:6.2} s, {} rows", took[0], took[1], rows[0]);
        ratios.push(took[0] / took[1]);
    }
    let [ours, by_hand] = seconds.map(median);
    println!("{what:<6} median: lakewright {ours:.2} s, by hand {by_hand:.2} s, ratio of {pairs} pairs {:.3}", median(ratios));
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
