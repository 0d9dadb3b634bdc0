//! How steps follow one another: whoever has carried out one begins the next.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lakewright::event::{EventKind, RunStatus};
use lakewright::exec::{Interrupt, RunReport};
use lakewright::prelude::*;
use lakewright::state::MemoryState;
use lakewright::{AssetBuilder, AssetSpec, Call, ErrorKind};
use tokio::sync::Barrier;

fn asset<F, R>(name: &str, after: &[&str], body: F) -> AssetSpec
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let body = Arc::new(body);
    let asset = AssetBuilder::new(name, ValueKind::Object).io_manager("memory");
    let asset = after.iter().fold(asset, |asset, upstream| asset.input(*upstream));
    let body = move |call: Call| {
        let body = Arc::clone(&body);
        async move {
            body().await;
            call.produce_object(0_u8)
        }
    };
    asset.body(body).unwrap()
}

fn lakehouse(assets: Vec<AssetSpec>, parallelism: usize) -> Lakehouse {
    let lakehouse = Lakehouse::builder().registry(Registry::from_specs(assets)).state(Arc::new(MemoryState::new("log")));
    lakehouse.parallelism(parallelism).build().unwrap()
}

/// As many assets as that, each made from the one before, which know their numbers.
fn chain<F: Fn(usize) + Clone + Send + Sync + 'static>(length: usize, body: F) -> Vec<AssetSpec> {
    let one = |number: usize| {
        let before = number.checked_sub(1).map(|before| format!("a{before:03}"));
        let after: Vec<&str> = before.iter().map(String::as_str).collect();
        let body = body.clone();
        let body = move || {
            body(number);
            std::future::ready(())
        };
        asset(&format!("a{number:03}"), &after, body)
    };
    (0..length).map(one).collect()
}

#[tokio::test]
async fn all_that_a_step_lets_begin_begins_at_once() {
    let barrier = Arc::new(Barrier::new(4));
    let meet = |name: &str| {
        let barrier = Arc::clone(&barrier);
        let meet = move || {
            let barrier = Arc::clone(&barrier);
            async move {
                tokio::time::timeout(Duration::from_mins(1), barrier.wait()).await.expect("the others do not begin");
            }
        };
        asset(name, &["root"], meet)
    };
    let mut assets: Vec<_> = ["a", "b", "c", "d"].map(meet).into();
    assets.push(asset("root", &[], || std::future::ready(())));
    let report = lakehouse(assets, 4).materialize("*").await.unwrap();
    assert!(report.is_success(), "{report:?}");
}

/// Where threads meet, without leaving the thread to others.
#[derive(Default)]
struct Meeting {
    there: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn come(&self) {
        *self.there.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn wait_for(&self, all: usize) {
        let there = self.there.lock().unwrap();
        let (there, _) = self.changed.wait_timeout_while(there, Duration::from_mins(1), |there| *there < all).unwrap();
        assert!(*there >= all, "the others do not come");
    }
}

/// Long enough for all that has happened to be in the log. Then the next event wakes whoever writes it, on the thread of the step.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_that_a_step_lets_begin_begins_beside_one_that_computes() {
    let meeting = Arc::new(Meeting::default());
    let meet = |name: &str| {
        let meeting = Arc::clone(&meeting);
        let body = move || {
            meeting.come();
            meeting.wait_for(2);
            std::future::ready(())
        };
        asset(name, &["root"], body)
    };
    let assets = vec![asset("root", &[], a_while), meet("a"), meet("b")];
    let report = lakehouse(assets, 2).materialize("*").await.unwrap();
    assert!(report.is_success(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_has_happened_is_told_beside_a_step_that_computes() {
    let meeting = Arc::new(Meeting::default());
    let (heard, waits) = (Arc::clone(&meeting), Arc::clone(&meeting));
    let second = move || {
        waits.wait_for(1);
        std::future::ready(())
    };
    let assets = vec![asset("first", &[], a_while), asset("second", &["first"], second)];
    let lakehouse = Lakehouse::builder().registry(Registry::from_specs(assets)).state(Arc::new(MemoryState::new("log")));
    let lakehouse = lakehouse.parallelism(1).subscribe(move |event| {
        if matches!(event.kind, EventKind::StepSucceeded { .. }) {
            heard.come();
        }
    });
    let report = lakehouse.build().unwrap().materialize("*").await.unwrap();
    assert!(report.is_success(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_more_run_at_once_than_may() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let body = {
        let most = Arc::clone(&most);
        move || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
            }
        }
    };
    let wide = (0..100).map(|number| asset(&format!("a{number}"), &[], body.clone())).collect();
    let report = lakehouse(wide, 3).materialize("*").await.unwrap();
    assert!(report.is_success(), "{report:?}");
    assert!(most.load(Ordering::SeqCst) <= 3, "{most:?}");
}

#[tokio::test]
async fn steps_that_never_wait_let_others_have_their_turn() {
    let turns = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let body = {
        let (turns, seen) = (Arc::clone(&turns), Arc::clone(&seen));
        move |_| seen.lock().unwrap().push(turns.load(Ordering::SeqCst))
    };
    let counts = Arc::clone(&turns);
    // It is woken as it waits, and whoever is woken has a turn.
    let beside = tokio::spawn(std::future::poll_fn::<(), _>(move |context| {
        counts.fetch_add(1, Ordering::SeqCst);
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }));
    let report = lakehouse(chain(100, body), 1).materialize("*").await.unwrap();
    beside.abort();
    assert!(report.is_success(), "{report:?}");
    let seen = seen.lock().unwrap();
    let mut without = 0;
    for pair in seen.windows(2) {
        without = if pair[0] == pair[1] { without + 1 } else { 0 };
        assert!(without < 16, "{seen:?}");
    }
}

#[tokio::test]
async fn nothing_begins_once_the_run_is_to_end() {
    let interrupt = Interrupt::new();
    let raised = interrupt.clone();
    let lakehouse = lakehouse(
        chain(100, move |number| {
            if number == 10 {
                raised.raise();
            }
        }),
        1,
    );
    let report = lakehouse.run(lakehouse.plan("*").unwrap(), interrupt).await.unwrap();
    assert_eq!(report.status, RunStatus::Interrupted);
    assert_eq!(report.materializations().count(), 11, "what had begun is finished");
}

#[tokio::test]
async fn a_step_that_panics_fails_alone() {
    let mut assets = chain(20, |number| assert!(number != 10, "ten is too many"));
    assets.push(asset("other", &[], || std::future::ready(())));
    let report: RunReport = lakehouse(assets, 1).materialize("*").await.unwrap();
    assert_eq!(report.status, RunStatus::Failed);
    assert_eq!(report.materializations().count(), 11, "ten before it, and the other");
    let (_, failure) = report.failures().next().unwrap();
    assert_eq!(failure.code, ErrorKind::Panic.code());
    assert!(failure.message.contains("ten is too many"), "{failure:?}");
}
