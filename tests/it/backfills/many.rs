//! Several that carry out one backfill at once.

use super::*;
use crate::support::Heard;
use lakewright::event::EventKind;

#[test]
fn two_that_carry_out_one_backfill_make_nothing_twice() {
    let (log, calls) = (log(), Calls::default());
    let store = lakewright::io::memory::MemoryIoManager::new();
    let assets = || {
        [
            calls.asset("day", |asset| asset.partitions(windows(Every::Day))),
            calls.asset("month", |asset| asset.partitions(windows(Every::Month(1))).input(all_of("day"))),
        ]
    };
    let heard = Heard::default();
    let built = || heard.listen(lakehouse(&log, assets()).io_manager("memory", store.clone())).build().unwrap();
    let (one, other) = (built(), built());
    let backfill = one.plan_backfill("*", &days("2023-01-01", "2023-01-31"), &BackfillOptions::new().parallel(3)).unwrap();
    let (first, second) = block_on(async {
        let other = tokio::spawn({
            let id = backfill.id.clone();
            async move {
                while other.backfill(&id).unwrap().is_none() {
                    tokio::task::yield_now().await;
                }
                other.resume_backfill(&id, Interrupt::new()).await.unwrap()
            }
        });
        let first = one.start_backfill(&backfill, Interrupt::new()).await.unwrap();
        (first, other.await.unwrap())
    });
    assert!(first.is_success() && second.is_success());
    assert_eq!(calls.made().len(), 32);
    let mut all = calls.sorted();
    all.dedup();
    assert_eq!(all.len(), 32, "each of them once");
    let begun = heard.kinds().iter().filter(|kind| matches!(kind, EventKind::RunStarted { .. })).count();
    assert_eq!(begun, 32);
}
