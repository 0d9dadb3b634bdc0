//! What changes while a run goes on: the clock, and what others store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use lakewright::asset::Input;
use lakewright::env::Env;
use lakewright::exec::{PartitionChoice, SystemEnv};
use lakewright::jiff::Timestamp;
use lakewright::partition::{Every, Mapping};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, Produced};
use tempfile::tempdir;

use super::windows;
use crate::support::{block_on, frame_builder, key, lakehouse, version};

/// The machine, but for the time of day.
pub(crate) struct Clock {
    machine: SystemEnv,
    now: Mutex<Timestamp>,
}

impl Clock {
    pub(crate) fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { machine: SystemEnv::new(), now: Mutex::new(now) })
    }
}

impl Env for Clock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn random(&self) -> u64 {
        self.machine.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.machine.sleep(duration)
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        self.machine.run_blocking(job)
    }
}

#[test]
fn an_hour_that_ends_during_a_run_is_not_part_of_it() {
    let root = tempdir().unwrap();
    let clock = Arc::new(Clock { machine: SystemEnv::new(), now: Mutex::new("2023-01-01T02:59:00Z".parse().unwrap()) });
    let moves = Arc::clone(&clock);
    let hours = AssetBuilder::new("hours", ValueKind::Object).partitions(windows(Every::Hour, "2023-01-01"));
    let hours = hours.body(move |call| {
        *moves.now.lock().unwrap() = "2023-01-01T03:01:00Z".parse().unwrap();
        async move { call.produce_object(call.partition_key()?.to_string()) }
    });
    let last = AssetBuilder::new("last", ValueKind::Object).input(Input::of("hours").mapping(Mapping::Last));
    let last = last.body(|mut call| async move {
        let hour: String = call.object("hours")?;
        call.produce_object(hour)
    });
    let lakehouse = lakehouse(&root, [hours.unwrap(), last.unwrap()]).env(clock).build().unwrap();
    let report = lakehouse.materialize_for_blocking("*", &PartitionChoice::all()).unwrap();
    assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
    let Some(lakewright::Value::Object(hour)) = block_on(lakehouse.load(&key("last"))).unwrap() else { panic!("it is stored") };
    assert_eq!(hour.decode::<String>().unwrap(), "2023-01-01-01:00");
    // The next run is for the next moment.
    let report = lakehouse.materialize_blocking("last").unwrap();
    assert!(report.failures().next().unwrap().1.message.contains("`2023-01-01-02:00`"), "{report:?}");
}

#[test]
fn what_somebody_else_has_stored_in_the_meantime_is_read() {
    for store in ["delta", "parquet"] {
        let root = Arc::new(tempdir().unwrap());
        let upstream = move |frame: DataFrame| frame_builder("t", frame, |asset| asset.io_manager(store));
        let others = Arc::clone(&root);
        let meanwhile = AssetBuilder::new("meanwhile", ValueKind::Nothing).after("t").body(move |call| {
            // Of another log, which this run's lease says nothing to.
            let log = Arc::new(lakewright::state::MemoryState::new("fedcba9876543210"));
            let theirs = lakehouse(&others, [upstream(version("theirs"))]).state(log).build().unwrap();
            async move {
                call.blocking(move |_| {
                    std::thread::spawn(move || theirs.materialize_blocking("t")).join().unwrap()?;
                    Ok(Produced::nothing())
                })
                .await
            }
        });
        let seen = Arc::new(Mutex::new(None));
        let taken = Arc::clone(&seen);
        let reader = AssetBuilder::new("reader", ValueKind::Nothing).input("t").after("meanwhile").body(move |call| {
            let taken = Arc::clone(&taken);
            async move {
                call.blocking(move |mut call| {
                    *taken.lock().unwrap() = Some(call.frame::<DataFrame>("t")?);
                    Ok(Produced::nothing())
                })
                .await
            }
        });
        let assets = [upstream(version("ours")), meanwhile.unwrap(), reader.unwrap()];
        let report = lakehouse(&root, assets).build().unwrap().materialize_blocking("*").unwrap();
        assert!(report.is_success(), "{:?}", report.failures().collect::<Vec<_>>());
        assert_eq!(seen.lock().unwrap().take().unwrap(), version("theirs"), "{store}");
    }
}
