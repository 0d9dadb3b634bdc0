//! Slots of pools, which steps of runs take.

use lakewright::state::State;

use super::{Handles, append};
use crate::support::{Rules, at, finished, holder, new_run};

fn begin(log: &dyn State, run: &str, pid: u32) {
    log.begin(&new_run(run, &holder(pid), &[&[run], &[&*format!("{run}2")]]), &Rules::default()).unwrap();
}

pub(crate) fn slots_are_taken_and_given_back(log: Handles<'_>) {
    begin(&*log(), "r1", 1);
    begin(&*log(), "r2", 2);
    let take = |pool, limit, run, step| log().take_slot(pool, limit, run, step, &Rules::default()).unwrap();
    assert!(take("p", 2, "r1", 0));
    assert!(take("p", 2, "r2", 0));
    assert!(!take("p", 2, "r2", 1), "both are taken");
    assert!(take("p", 2, "r2", 0), "it has one already");
    assert!(take("another", 1, "r2", 1));
    assert!(!take("none", 0, "r2", 1));
    log().free_slot("p", "r1", 1).unwrap();
    assert!(!take("p", 2, "r2", 1), "that step had none");
    log().free_slot("p", "r1", 0).unwrap();
    assert!(take("p", 2, "r2", 1));
    assert!(!take("p", 2, "r1", 0));
    assert!(take("p", 3, "r1", 0), "the pool has grown");
    assert!(!take("p", 1, "r1", 1) && take("p", 1, "r1", 0), "and shrinks, and takes nothing away");
    log().free_slot("never seen", "r1", 0).unwrap();
}

pub(crate) fn slots_of_runs_that_do_not_go_on_are_free(log: Handles<'_>) {
    begin(&*log(), "r1", 1);
    begin(&*log(), "r2", 2);
    begin(&*log(), "r3", 3);
    let take = |run, dead: &[u32]| log().take_slot("p", 2, run, 0, &Rules { dead: dead.to_vec() }).unwrap();
    assert!(take("r1", &[]) && take("r2", &[]) && !take("r3", &[]));
    append(&*log(), "r1", finished());
    assert!(take("r3", &[]), "the first has ended");
    begin(&*log(), "r4", 4);
    assert!(!take("r4", &[]));
    assert!(take("r4", &[2]), "the process of the second is gone");
}

pub(crate) fn a_run_that_goes_on_has_no_slots_of_before(log: Handles<'_>) {
    begin(&*log(), "r1", 1);
    begin(&*log(), "r2", 2);
    let take = |run, step| log().take_slot("p", 1, run, step, &Rules::default()).unwrap();
    assert!(take("r1", 0) && !take("r2", 0));
    log().reopen("r1", at(1), &holder(3), &[1], &Rules { dead: vec![1] }).unwrap();
    assert!(take("r2", 0));
    assert!(!take("r1", 0));
}
