//! What there is room for: pools, memory, and who goes first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lakewright::exec::Interrupt;
use lakewright::{AssetSpec, Call, ErrorKind};
use tokio::sync::Barrier;

use super::{asset, lakehouse, log};
use crate::support::{block_on, run_all};

/// How many bodies are at work at once, and how many were at most.
#[derive(Clone, Default)]
struct Crowd {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    /// Where so many wait for each other, if that many have to be at work at once.
    meets: Option<Arc<Barrier>>,
}

impl Crowd {
    /// None of them ends before as many are at work.
    fn of(size: usize) -> Self {
        Self { meets: Some(Arc::new(Barrier::new(size))), ..Self::default() }
    }

    fn body(
        &self,
    ) -> impl Fn(Call) -> futures::future::BoxFuture<'static, lakewright::Result<lakewright::Produced>> + Send + Sync + 'static
    {
        let crowd = self.clone();
        move |call| {
            let crowd = crowd.clone();
            Box::pin(async move {
                let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
                crowd.most.fetch_max(now, Ordering::SeqCst);
                match &crowd.meets {
                    Some(barrier) => {
                        let met = tokio::time::timeout(Duration::from_mins(1), barrier.wait()).await;
                        met.expect("the others do not begin");
                    }
                    None => {
                        for _ in 0..50 {
                            tokio::task::yield_now().await;
                        }
                    }
                }
                crowd.now.fetch_sub(1, Ordering::SeqCst);
                call.produce_object(1)
            })
        }
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn many(count: usize, make: impl Fn(String) -> AssetSpec) -> Vec<AssetSpec> {
    (0..count).map(|number| make(format!("a{number:02}"))).collect()
}

#[test]
fn no_more_steps_of_a_pool_run_than_it_has_room_for() {
    let (pooled, free) = (Crowd::of(2), Crowd::of(3));
    let mut assets = many(12, |key| asset(&key).pool("db").body(pooled.body()).unwrap());
    assets.extend(many(12, |key| asset(&format!("free/{key}")).body(free.body()).unwrap()));
    run_all(&lakehouse(&log(), assets).pool("db", 2).parallelism(8).build().unwrap());
    assert_eq!(pooled.most(), 2);
    assert!(free.most() > 2, "the others do not wait: {}", free.most());
}

#[test]
fn a_pool_is_one_for_all_who_share_the_log() {
    let crowd = Crowd::default();
    let log = log();
    let build = |prefix: &str| {
        let assets = many(6, |key| asset(&format!("{prefix}/{key}")).pool("db").body(crowd.body()).unwrap());
        lakehouse(&log, assets).pool("db", 1).parallelism(8).build().unwrap()
    };
    let (one, other) = (build("one"), build("other"));
    block_on(async {
        let (one, other) = tokio::join!(one.materialize("*"), other.materialize("*"));
        assert!(one.unwrap().is_success() && other.unwrap().is_success());
    });
    assert_eq!(crowd.most(), 1);
}

#[test]
fn a_pool_without_room_is_a_mistake() {
    let spec = asset("a").body(|call| async move { call.produce_object(1) }).unwrap();
    let error = lakehouse(&log(), [spec]).pool("db", 0).build().unwrap_err();
    assert_eq!((error.errors().len(), error.errors()[0].kind()), (1, ErrorKind::Config));
}

#[test]
fn a_pool_that_no_asset_is_in_is_a_slip_of_who_names_it() {
    let spec = |pool: &str| asset("a").pool(pool).body(|call| async move { call.produce_object(1) }).unwrap();
    let error = lakehouse(&log(), [spec("api")]).pool("api", 2).pool("apii", 4).build().unwrap_err();
    let [error] = error.errors() else { panic!("one error, not {error}") };
    assert_eq!((error.kind(), error.message()), (ErrorKind::Config, "no asset is in the pool `apii`"));
    assert_eq!(error.help_text(), Some("did you mean `api`? known pools: `api`"));
}

#[test]
fn steps_that_run_at_once_stay_within_the_memory_they_say() {
    let crowd = Crowd::of(2);
    let assets = many(10, |key| asset(&key).memory(4).body(crowd.body()).unwrap());
    run_all(&lakehouse(&log(), assets).memory_budget(10).parallelism(8).build().unwrap());
    assert_eq!(crowd.most(), 2);
}

#[test]
fn a_step_that_wants_more_memory_than_there_is_runs_alone() {
    let crowd = Crowd::default();
    let assets = many(3, |key| asset(&key).memory(100).body(crowd.body()).unwrap());
    run_all(&lakehouse(&log(), assets).memory_budget(10).parallelism(8).build().unwrap());
    assert_eq!(crowd.most(), 1);
}

#[test]
fn runs_that_go_on_at_once_share_the_memory() {
    let crowd = Crowd::default();
    let assets = many(6, |key| asset(&key).memory(6).body(crowd.body()).unwrap());
    let built = lakehouse(&log(), assets).memory_budget(10).parallelism(8).build().unwrap();
    let [one, other] = ["a00 or a01 or a02", "a03 or a04 or a05"].map(|selection| built.plan(selection).unwrap());
    assert_eq!((one.steps.len(), other.steps.len()), (3, 3));
    let (one, other) = block_on(async { tokio::join!(built.run(one, Interrupt::new()), built.run(other, Interrupt::new())) });
    assert!(one.unwrap().is_success() && other.unwrap().is_success());
    assert_eq!(crowd.most(), 1);
}

#[test]
fn the_most_urgent_goes_first() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let assets = [("a", 0), ("b", 6), ("c", -5), ("d", 5)].map(|(key, priority)| {
        let order = Arc::clone(&order);
        let body = move |call: Call| {
            order.lock().unwrap().push(call.context().asset_key().to_string());
            async move { call.produce_object(1) }
        };
        asset(key).priority(priority).body(body).unwrap()
    });
    let built = lakehouse(&log(), assets).parallelism(1).build().unwrap();
    let plan = built.plan("*").unwrap();
    assert!(block_on(built.run(plan, Interrupt::new())).unwrap().is_success());
    assert_eq!(*order.lock().unwrap(), ["b", "d", "a", "c"]);
}
