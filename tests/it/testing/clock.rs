//! Time stands still, and chance is the same each time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lakewright::ErrorKind;
use lakewright::env::{Env, blocking};
use lakewright::prelude::*;
use lakewright::testing::{TestEnv, TestRun};

use crate::support::block_on;

#[asset]
fn slow() -> i64 {
    1
}

#[test]
fn the_clock_stands_where_it_is_put() {
    let outcome = TestRun::new().assets(assets![slow]).at("2026-01-02T03:04:05Z").materialize("slow").unwrap();
    assert!(outcome.events().iter().all(|event| event.at.to_string() == "2026-01-02T03:04:05Z"), "{:?}", outcome.events());
    let outcome = TestRun::new().assets(assets![slow]).materialize("slow").unwrap();
    assert_eq!(outcome.events()[0].at.to_string(), "2026-01-01T00:00:00Z");
    let error = TestRun::new().assets(assets![slow]).at("yesterday").materialize("slow").unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Config, "`yesterday` is not a time"));
}

#[test]
fn a_test_moves_the_clock() {
    let env = TestEnv::at("2026-01-02T00:00:00Z".parse().unwrap());
    env.advance(Duration::from_secs(90));
    let outcome = TestRun::new().assets(assets![slow]).env(env.clone()).materialize("slow").unwrap();
    assert_eq!(outcome.events()[0].at.to_string(), "2026-01-02T00:01:30Z");
    assert_eq!(env.elapsed(), Duration::from_secs(90), "a run does not move it");
}

#[test]
fn waiting_moves_the_clock_and_takes_no_time() {
    let env = TestEnv::new();
    let begun = Instant::now();
    block_on(env.sleep(Duration::from_hours(24)));
    assert!(begun.elapsed() < Duration::from_hours(1));
    assert_eq!(env.now().to_string(), "2026-01-02T00:00:00Z");
    drop(env.sleep(Duration::from_hours(24)));
    assert_eq!(env.elapsed(), Duration::from_hours(24), "what nobody waits for does not pass");
}

#[test]
fn two_runs_of_one_test_say_the_same() {
    let run = || TestRun::new().assets(assets![slow]).materialize("slow").unwrap();
    assert_eq!(run().events(), run().events());
    let random = |env: TestEnv| [env.random(), env.random()];
    // The first numbers of SplitMix64, as its authors publish them.
    assert_eq!(random(TestEnv::new()), [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
    assert_ne!(random(TestEnv::new()), random(TestEnv::new().seeded(7)));
}

#[test]
fn blocking_jobs_run_elsewhere_and_their_panics_are_errors() {
    let env: Arc<dyn Env> = Arc::new(TestEnv::new());
    let here = std::thread::current().id();
    assert_ne!(block_on(blocking(&env, || Ok(std::thread::current().id()))).unwrap(), here);
    let job: fn() -> Result<()> = || panic!("out of patience");
    let error = block_on(blocking(&env, job)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Panic, "panicked: out of patience"));
}
