//! Runs under every disturbance that can be thought of, in virtual time and all from one number: processes that are killed between any two
//! operations or stand still for longer than their lease, stores that are slow, fail, or fail after they have done what they were
//! asked, a log that fails, and power cuts that take what was not flushed.
//!
//! `LAKEWRIGHT_SIMULATION_SEED=n` runs only that one and tells what happened; `LAKEWRIGHT_SIMULATION_SEEDS` says how many there are.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]
#![expect(clippy::print_stdout, reason = "a seed that fails is said, and how long all of them took")]

mod assets;
mod check;
mod drive;
mod log;
mod rows;
mod store;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use drive::{Broken, Where, simulate};

const SEEDS: u64 = 1_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, and not {text:?}")))
}

/// The first seeds up to a number whose simulation finds something, and what.
fn search(seeds: u64, broken: Broken, place: Where) -> Option<(u64, String)> {
    let next = AtomicU64::new(0);
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return None;
            }
            if let Err(found) = simulate(seed, broken, place) {
                // Nobody begins another.
                next.store(seeds, Ordering::Relaxed);
                return Some((seed, found));
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().filter_map(|worker| worker.join().unwrap()).min()
    })
}

#[test]
fn whatever_happens_every_row_is_there_once() {
    quiet();
    if let Some(seed) = number("LAKEWRIGHT_SIMULATION_SEED") {
        if let Err(found) = simulate(seed, Broken::Nothing, Where::Memory) {
            panic!("seed {seed}: {found}");
        }
        return;
    }
    let seeds = number("LAKEWRIGHT_SIMULATION_SEEDS").unwrap_or(SEEDS);
    let begun = Instant::now();
    if let Some((seed, found)) = search(seeds, Broken::Nothing, Where::Memory) {
        panic!("{found}\nLAKEWRIGHT_SIMULATION_SEED={seed} shows it again");
    }
    println!("{seeds} seeds in {:.1} s", begun.elapsed().as_secs_f64());
}

/// The same with the log in a file, of which a power cut leaves what was flushed last and nothing of what came after.
#[test]
#[cfg(feature = "sqlite")]
fn a_log_in_a_file_that_lost_all_that_was_not_flushed_is_made_up_for_by_the_stores() {
    quiet();
    if let Some(seed) = number("LAKEWRIGHT_SIMULATION_SEED") {
        if let Err(found) = simulate(seed, Broken::Nothing, Where::File) {
            panic!("seed {seed}: {found}");
        }
        return;
    }
    let seeds = number("LAKEWRIGHT_SIMULATION_SEEDS").unwrap_or(SEEDS) / 50;
    if let Some((seed, found)) = search(seeds, Broken::Nothing, Where::File) {
        panic!("{found}\nLAKEWRIGHT_SIMULATION_SEED={seed} shows it again");
    }
}

#[test]
fn a_store_that_does_not_know_a_commit_again_is_found_out() {
    quiet();
    let (_, found) = search(100, Broken::Store, Where::Memory).expect("a hundred seeds are enough");
    assert!(found.contains("twice") || found.contains("times") || found.contains("after"), "{found}");
}

#[test]
fn a_log_that_issues_a_number_twice_is_found_out() {
    quiet();
    assert!(search(100, Broken::Log, Where::Memory).is_some(), "a hundred seeds are enough");
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    quiet();
    for seed in 0..20 {
        assert_eq!(drive::story(seed), drive::story(seed), "seed {seed}");
    }
}

/// Bodies panic by the thousand, and that is none of the reader's business.
fn quiet() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some("the body panics") {
                told(panic);
            }
        }));
    });
}
