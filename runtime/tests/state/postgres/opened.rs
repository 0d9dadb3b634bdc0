//! How a log is found and made.

use std::collections::BTreeSet;

use lakewright::Slice;
use lakewright::state::{PostgresState, RunQuery, State};

use super::Schema;
use crate::support::Rules;
use crate::support::{at, holder, key, materialized, new_run, texts};

#[test]
fn nothing_is_made_before_something_is_written() {
    let Some(schema) = Schema::new() else { return };
    let schemas = || schema.sql(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{}'", schema.name));
    let log = schema.log();
    assert_eq!(log.events(0, 10).unwrap(), []);
    assert_eq!(log.keys("s").unwrap(), texts(&[]));
    assert_eq!(log.slice_status(&key("a"), 0).unwrap(), []);
    assert_eq!(log.run("r").unwrap(), None);
    assert_eq!(log.runs(&RunQuery::newest(3)).unwrap(), []);
    log.add_keys("s", &texts(&[""])).unwrap_err();
    assert_eq!(schemas(), ["0"]);
    log.add_keys("s", &texts(&["k"])).unwrap();
    assert_eq!(log.keys("s").unwrap(), texts(&["k"]));
    assert_eq!(schemas(), ["1"]);
}

#[test]
fn everything_is_there_after_the_last_handle_is_closed() {
    let Some(schema) = Schema::new() else { return };
    let id = schema.log().log_id().unwrap();
    let begun = schema.log().begin(&new_run("r", &holder(1), &[&["a"]]), &Rules::default()).unwrap();
    let last = schema.log().append("r", at(1), materialized(0, "a")).unwrap();
    assert_eq!(schema.log().log_id().unwrap(), id);
    assert_eq!(schema.log().events(0, 10).unwrap(), [begun, last]);
    assert_eq!(schema.log().number(&key("a"), &Slice::Whole, "r2", 0).unwrap(), 2);
}

#[test]
fn handles_that_make_one_log_at_once_agree_on_its_identity() {
    for _ in 0..3 {
        let Some(schema) = Schema::new() else { return };
        let ids: BTreeSet<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| schema.log().log_id().unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
        assert_eq!(schema.sql("SELECT log_id FROM @.lakewright_log"), ids.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_schema_that_was_made_for_the_log_is_used() {
    let Some(schema) = Schema::new() else { return };
    schema.sql("CREATE SCHEMA @");
    assert_eq!(schema.log().number(&key("a"), &Slice::Whole, "r", 0).unwrap(), 1);
}

#[test]
fn a_log_that_is_made_anew_has_another_identity_and_is_no_more_what_a_handle_used() {
    let Some(schema) = Schema::new() else { return };
    let old = schema.log();
    let first = old.log_id().unwrap();
    old.number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    schema.sql("SET client_min_messages = error; DROP SCHEMA @ CASCADE");
    assert_ne!(schema.log().log_id().unwrap(), first);
    old.number(&key("a"), &Slice::Whole, "r", 0).unwrap_err();
    let error = old.number(&key("a"), &Slice::Whole, "r", 1).unwrap_err();
    assert!(error.message().contains("was replaced by another") || error.message().contains("is damaged"), "{error:?}");
}

#[test]
fn a_log_is_used_from_within_runtimes() {
    let Some(schema) = Schema::new() else { return };
    for runtime in [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()] {
        let runtime = { runtime }.enable_all().build().unwrap();
        // It outlives the runtime that it was first used in.
        let log: PostgresState = runtime.block_on(async {
            let log = schema.log();
            log.append("r", at(1), materialized(0, "a")).unwrap();
            log
        });
        drop(runtime);
        assert!(!log.events(0, 10).unwrap().is_empty());
    }
}

/// Whatever a server, a database or a user have as their own.
#[test]
fn the_defaults_of_the_server_change_nothing() {
    let Some(schema) = Schema::new() else { return };
    let own = "options=-c%20default_transaction_isolation%3Dserializable%20-c%20\
               synchronous_commit%3Doff%20-c%20search_path%3Dnowhere%20-c%20DateStyle%3DSQL";
    let take = |thread: usize| {
        let log = schema.log_at(&schema.with(own));
        move || {
            for step in 0..20 {
                log.number(&key("a"), &Slice::Whole, &format!("r{thread}"), step).unwrap();
                log.append(&format!("r{thread}"), at(1), materialized(step, "a")).unwrap();
            }
        }
    };
    let threads: Vec<_> = (0..4).map(|thread| std::thread::spawn(take(thread))).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(schema.log().number(&key("a"), &Slice::Whole, "last", 0).unwrap(), 81);
    assert_eq!(schema.log().events(0, 100).unwrap().len(), 80);
}

/// The form of the tables is the same for ever; a change needs a version and a way from the old one.
#[test]
fn the_tables_are_what_version_1_has() {
    let Some(schema) = Schema::new() else { return };
    schema.log().log_id().unwrap();
    assert_eq!(schema.sql("SELECT version FROM @.lakewright_log"), ["1"]);
    let tables = schema.sql(&format!(
        "SELECT table_name || '(' || string_agg(column_name || ' ' || udt_name || \
         CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END, ', ' ORDER BY ordinal_position) || ')' \
         FROM information_schema.columns WHERE table_schema = '{}' GROUP BY table_name ORDER BY table_name COLLATE \"C\"",
        schema.name
    ));
    let wanted = [
        "backfills(id text, at text, json text)",
        "dynamic_keys(set text, digest text, key text, place int8)",
        "events(cursor int8, v int8, run text, at text, kind text, told text?)",
        "issued(asset text, slice text, run text, step int8, number int8)",
        "lakewright_log(one bool, version int8, log_id text, cursor int8)",
        "lines(run text, place int8, line text)",
        "numbers(asset text, slice text, number int8)",
        "runs(run text, first int8, recorded text, started text, finished text?, holder text?, beat text, cancel bool, steps int8, \
         succeeded int8, failed int8, skipped int8, about text, backfill text?)",
        "slots(pool text, run text, step int8)",
        "snapshots(asset text, cursor int8, space text, bytes bytea)",
        "statuses(asset text, digest text, slice text, status text, cursor int8)",
        "writers(writer text, request int8, at timestamptz)",
    ];
    assert_eq!(tables, wanted);
}

/// The forms in the columns, too.
#[test]
fn the_rows_are_what_version_1_has() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    log.begin(&new_run("r", &holder(1), &[&["a/b"]]), &Rules::default()).unwrap();
    log.append("r", at(0), materialized(0, "a/b")).unwrap();
    let digest = Slice::Whole.digest();
    let begun = "{\"kind\":\"run_started\",\"steps\":[{\"assets\":[\"a/b\"],\"slices\":[\"v1:all\"],\"after\":[]}],\
                 \"fingerprint\":\"f\",\"plan_at\":\"2023-11-14T22:13:19.123456789Z\",\"numbers\":[[1]]}";
    assert_eq!(
        schema.sql("SELECT concat_ws(' ', cursor, v, run, at, kind, told) FROM @.events WHERE cursor = 1"),
        [format!("1 1 r 2023-11-14T22:13:20.123456789Z {begun}")]
    );
    assert_eq!(schema.sql("SELECT told FROM @.events WHERE cursor = 2"), ["a/b"]);
    assert_eq!(schema.sql("SELECT concat_ws(' ', asset, slice, number) FROM @.numbers"), [format!("a/b {digest} 1")]);
    assert_eq!(
        schema.sql("SELECT concat_ws(' ', asset, digest, slice, status, cursor) FROM @.statuses"),
        [format!("a/b {digest} v1:all materialized 2")]
    );
    assert_eq!(
        schema.sql(
            "SELECT concat_ws(' ', run, first, recorded, started, finished, holder, beat, cancel, steps, about) FROM @.runs"
        ),
        [
            "r 1 running 2023-11-14T22:13:20.123456789Z {\"host\":\"here\",\"boot\":\"b\",\"pid\":1,\"started\":5,\"nonce\":\"n\"} \
             2023-11-14T22:13:20.123456789Z f 1 {}"
        ]
    );
}

#[test]
fn long_keys_slices_and_texts_with_zeros_are_kept() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    // Random, since an index would pack what repeats itself.
    let endless: String = (0..4000u64).map(letter).collect();
    assert_eq!(log.add_keys("s", std::slice::from_ref(&endless)).unwrap(), std::slice::from_ref(&endless));
    assert_eq!(log.keys("s").unwrap(), std::slice::from_ref(&endless));
    let part = format!("a[{endless}]");
    log.append("r", at(0), materialized(0, &part)).unwrap();
    assert_eq!(log.slice_status(&key("a"), 0).unwrap()[0].slice.to_string(), format!("v1:[{endless}]"));
    let text = "a\0b\u{1F600}".to_owned();
    let line = lakewright::state::LogLine { step: Some(1), at: at(0), level: "OUT".into(), target: "\0".into(), text };
    log.append_lines("r", std::slice::from_ref(&line)).unwrap();
    assert_eq!(log.lines("r", 0, 9).unwrap(), [(1, line)]);
}

/// A letter that nobody foresees.
fn letter(at: u64) -> char {
    let mixed = (at.wrapping_add(7)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    char::from(b'a' + u8::try_from((mixed >> 33) % 26).unwrap())
}
