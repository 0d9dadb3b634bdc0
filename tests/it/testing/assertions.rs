//! What is asserted of an outcome, and what a failing assertion says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread::ThreadId;

use lakewright::event::EventKind;
use lakewright::prelude::*;
use lakewright::testing::{TestOutcome, TestRun};
use lakewright::{ErrorKind, MetadataValue};

use crate::support::abc;

#[asset]
fn table(context: &Context) -> DataFrame {
    context.add_metadata("source", "by hand");
    abc()
}

#[asset]
fn broken(table: DataFrame) -> Result<i64, String> {
    Err(format!("{} rows are too few", table.height()))
}

#[asset]
fn after(broken: i64) -> i64 {
    broken
}

#[asset(deps = [table])]
fn nothing() -> Option<i64> {
    None
}

#[asset(deps = [table])]
fn effect() -> () {}

fn outcome() -> TestOutcome {
    TestRun::new().assets(assets![after, nothing, effect]).materialize("table*").unwrap()
}

/// What an assertion says that does not hold.
fn fails(assertion: impl FnOnce(&TestOutcome) -> &TestOutcome) -> String {
    panics(|outcome| {
        assertion(outcome);
    })
}

/// What is said where something is read that is not there.
fn panics<T>(read: impl FnOnce(&TestOutcome) -> T) -> String {
    let outcome = outcome();
    let panic = catch_unwind(AssertUnwindSafe(|| read(&outcome))).err().expect("it panics");
    *panic.downcast::<String>().unwrap()
}

#[test]
fn what_holds_is_asserted_in_a_chain() {
    outcome()
        .assert_materialized("table")
        .assert_rows("table", 3)
        .assert_metadata("table", "source", "by hand")
        .assert_failed("broken", ErrorKind::Body)
        .assert_skipped("after")
        .assert_skipped("nothing");
    let ok = TestRun::new().assets(assets![nothing]).materialize("table*").unwrap();
    ok.assert_success();
    let kinds: Vec<&EventKind> = ok.events().iter().map(|event| &event.kind).collect();
    assert!(matches!(kinds[..], [EventKind::RunStarted { .. }, .., EventKind::RunFinished { .. }]), "{kinds:?}");
}

#[test]
fn the_failure_of_a_step_is_there() {
    let outcome = outcome();
    let failure = outcome.failure("broken").unwrap();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("LW0301", "3 rows are too few"));
    assert_eq!(outcome.failure("table"), None);
    assert_eq!(outcome.failure("after"), None, "it did not run");
}

#[test]
fn a_failing_assertion_says_what_became_of_the_asset() {
    let said = fails(|outcome| outcome.assert_success());
    assert!(
        said.starts_with("the run did not succeed:\n`broken` failed: [LW0301] 3 rows are too few (asset `broken`, at "),
        "{said}"
    );
    let said = fails(|outcome| outcome.assert_materialized("after"));
    let wanted = "`after` should have been materialized, and was skipped, because `broken` failed: [LW0301] 3 rows are too few (";
    assert!(said.starts_with(wanted), "{said}");
    assert_eq!(
        fails(|outcome| outcome.assert_failed("table", ErrorKind::Body)),
        "`table` should have failed with Body (LW0301), and was materialized"
    );
    let said = fails(|outcome| outcome.assert_failed("broken", ErrorKind::Panic));
    assert!(said.starts_with("`broken` should have failed with Panic (LW0302), and failed: [LW0301] 3 rows"), "{said}");
    assert_eq!(
        fails(|outcome| outcome.assert_materialized("nothing")),
        "`nothing` should have been materialized, and gave nothing to store"
    );
    assert_eq!(
        fails(|outcome| outcome.assert_materialized("effect")),
        "`effect` should have been materialized, and ran and stores nothing"
    );
    assert_eq!(fails(|outcome| outcome.assert_skipped("table")), "`table` should have been skipped, and was materialized");
    assert_eq!(fails(|outcome| outcome.assert_rows("table", 4)), "`table` should have 4 rows, and has 3");
    assert_eq!(
        fails(|outcome| outcome.assert_metadata("table", "sauce", 1)),
        "`table` should have the metadata `sauce`, and has [`source`]"
    );
    assert_eq!(
        fails(|outcome| outcome.assert_metadata("table", "source", MetadataValue::Int(1))),
        "the metadata `source` of `table` should be Int(1), and is [Text(\"by hand\")]"
    );
}

#[test]
fn what_is_not_there_is_not_read_in_silence() {
    assert_eq!(
        panics(|outcome| outcome.object::<i64>("nothing")),
        "nothing is stored for `nothing`, which gave nothing to store"
    );
    let said = panics(|outcome| outcome.object::<i64>("table"));
    assert!(said.contains("`table` cannot be read as the test wants it: [LW0207] it is a frame, not an object"), "{said}");
    let said = panics(|outcome| outcome.frame::<DataFrame>("tabel"));
    assert!(said.contains("there is no asset `tabel`") && said.contains("did you mean `table`?"), "{said}");
    let said = panics(|outcome| outcome.partition_frame::<DataFrame>("table", "x"));
    assert!(said.contains("`table` has no partitions"), "{said}");
    let part = TestRun::new().assets(assets![after]).materialize("table").unwrap();
    let said = catch_unwind(AssertUnwindSafe(|| part.assert_rows("after", 1))).err().unwrap();
    let said = said.downcast::<String>().unwrap();
    assert_eq!(*said, "`after` should have been materialized, and was not part of the run, which was of `table`");
}

#[test]
fn a_failing_assertion_points_at_the_line_of_the_test() {
    static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());
    let before = std::panic::take_hook();
    // Other tests may panic meanwhile; theirs are on other threads.
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
        LINES.lock().unwrap().push((std::thread::current().id(), place.unwrap_or_default()));
        before(panic);
    }));
    let outcome = outcome();
    let assertions: [(u32, &dyn Fn()); 6] = [
        (line!(), &|| _ = outcome.object::<i64>("nothing")),
        (line!(), &|| _ = outcome.failure("tabel")),
        (line!(), &|| _ = outcome.assert_success()),
        (line!(), &|| _ = outcome.assert_failed("table", ErrorKind::Body)),
        (line!(), &|| _ = outcome.assert_rows("after", 1)),
        (line!(), &|| _ = outcome.assert_metadata("table", "sauce", 1)),
    ];
    for (line, assertion) in assertions {
        assert!(catch_unwind(AssertUnwindSafe(assertion)).is_err());
        let own = std::thread::current().id();
        let last = LINES.lock().unwrap().iter().rfind(|(thread, _)| *thread == own).map(|(_, place)| place.clone());
        assert_eq!(last, Some(format!("{}:{line}", file!())));
    }
}
