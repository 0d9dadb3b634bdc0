//! A server that crashes, and takes with it what it had acknowledged last: who had written that writes nothing behind the gap.

use std::time::Duration;

use lakewright::event::RunStatus;
use lakewright::state::{Beat, LogLine, State};
use lakewright::{Error, ErrorKind, Slice};

use super::Schema;
use super::proxy::{Cut, Proxy};
use crate::support::{Rules, at, ended, holder, key, materialized, new_run, succeeded};

/// The tables that change with an event.
const TABLES: [&str; 5] = ["lakewright_log", "writers", "events", "runs", "statuses"];

/// Has something written, and takes it back as a crash would. The server of the tests is everybody's, and cannot crash for one.
fn lose(schema: &Schema, write: impl FnOnce()) {
    let each = |statements: &str| TABLES.map(|table| statements.replace('?', table)).concat();
    schema.sql(&each("CREATE TABLE @.kept_? AS TABLE @.?;"));
    write();
    schema.sql(&each("DELETE FROM @.?; INSERT INTO @.? SELECT * FROM @.kept_?; DROP TABLE @.kept_?;"));
}

fn assert_lost(error: &Error) {
    assert_eq!((error.kind(), error.message()), (ErrorKind::Corrupt, "the log has lost its newest events"));
    assert!(!error.is_retryable() && !error.is_unsettled(), "{error:?}");
    assert!(error.context().any(|(name, log)| name == "log" && log.contains("postgres://lakewright@")), "{error:?}");
    assert!(error.help_text().is_some_and(|help| help.contains("`doctor --repair`")), "{error:?}");
}

#[test]
fn nothing_is_appended_behind_what_a_crash_took() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    log.begin(&new_run("r", &holder(1), &[&["a"], &["b"]]), &Rules::default()).unwrap();
    log.append("r", at(1), materialized(0, "a")).unwrap();
    lose(&schema, || {
        log.append_all("r", vec![(at(2), succeeded(0)), (at(3), materialized(1, "b"))]).unwrap();
        log.append("r", at(4), succeeded(1)).unwrap();
    });
    let left = schema.log().events(0, 9).unwrap();
    assert_eq!(left.len(), 2);
    assert_lost(&log.append("r", at(5), ended(RunStatus::Succeeded)).unwrap_err());
    // However it is asked, and however often: what follows would stand behind the gap as well.
    let line = LogLine { step: None, at: at(6), level: "OUT".into(), target: "t".into(), text: "x".into() };
    assert_lost(&log.append_lines("r", &[line]).unwrap_err());
    assert_lost(&log.number(&key("a"), &Slice::Whole, "r", 0).unwrap_err());
    assert_lost(&log.begin(&new_run("s", &holder(1), &[&["c"]]), &Rules::default()).unwrap_err());
    assert_lost(&log.append("r", at(6), ended(RunStatus::Succeeded)).unwrap_err());
    assert_eq!(schema.log().events(0, 9).unwrap(), left);
    assert_eq!(schema.sql("SELECT count(*) FROM @.lines"), ["0"]);
    // It can still say that it has given up its run, which another then takes over as if it had been killed.
    assert_eq!(log.beat("r", &holder(1), at(-60)).unwrap(), Beat::Go);
    let next = schema.log();
    assert_eq!(next.run("r").unwrap().unwrap().finished, None);
    next.reopen("r", at(7), &holder(2), &[], &Rules { dead: vec![1] }).unwrap();
    next.append_all("r", vec![(at(8), succeeded(0)), (at(8), ended(RunStatus::Interrupted))]).unwrap();
    assert_eq!(next.events(0, 9).unwrap().len(), 5);
    assert_eq!(next.run("r").unwrap().unwrap().finished, Some(at(8)));
}

#[test]
fn what_others_lost_is_in_nobodys_way() {
    let Some(schema) = Schema::new() else { return };
    let (one, other) = (schema.log(), schema.log());
    one.append("r", at(1), succeeded(0)).unwrap();
    other.append("s", at(1), succeeded(0)).unwrap();
    lose(&schema, || drop(other.append("s", at(2), succeeded(1)).unwrap()));
    one.append("r", at(3), succeeded(1)).unwrap();
    assert_lost(&other.append("s", at(4), succeeded(2)).unwrap_err());
    one.append("r", at(5), succeeded(2)).unwrap();
    assert_eq!(schema.log().events(0, 9).unwrap().len(), 4);
}

#[test]
fn what_was_written_and_never_acknowledged_is_no_gap() {
    let Some(schema) = Schema::new() else { return };
    schema.log().log_id().unwrap();
    let proxy = Proxy::new(&schema.url, Cut::After);
    let log = schema.log_at(&proxy.url).patience(Duration::ZERO);
    log.append("r", at(1), succeeded(0)).unwrap();
    proxy.cut(1);
    assert!(log.append("r", at(2), succeeded(1)).unwrap_err().is_unsettled());
    assert!(proxy.is_done());
    log.append("r", at(3), succeeded(2)).unwrap();
    assert_eq!(schema.log().events(0, 9).unwrap().len(), 3);
}

#[test]
fn who_finds_that_it_was_written_gives_the_lock_back() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::new(&schema.url, Cut::After);
    let log = schema.log_at(&proxy.url);
    log.log_id().unwrap();
    proxy.cut(1);
    log.append("r", at(1), succeeded(0)).unwrap();
    assert!(proxy.is_done());
    // Less than the server would take to end a transaction that was left open.
    schema.log().patience(Duration::from_secs(5)).append("r", at(2), succeeded(1)).unwrap();
    log.append("r", at(3), succeeded(2)).unwrap();
}

#[test]
fn who_was_idle_until_its_count_was_removed_goes_on() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    log.append("r", at(1), succeeded(0)).unwrap();
    log.append("r", at(2), succeeded(1)).unwrap();
    schema.sql("UPDATE @.writers SET at = now() - interval '30 days'");
    schema.log().collect(at(0)).unwrap();
    assert_eq!(schema.sql("SELECT count(*) FROM @.writers"), ["0"]);
    log.append("r", at(3), succeeded(2)).unwrap();
    assert_eq!(schema.sql("SELECT request FROM @.writers"), ["3"]);
    lose(&schema, || drop(log.append("r", at(4), succeeded(3)).unwrap()));
    assert_lost(&log.append("r", at(5), succeeded(4)).unwrap_err());
}

/// If a crash could take the whole row, it would look like one that was removed.
#[test]
fn a_count_that_is_new_is_flushed() {
    let Some(schema) = Schema::new() else { return };
    let log = schema.log();
    log.log_id().unwrap();
    schema.sql(
        "CREATE TABLE @.noted (place SERIAL, what TEXT); \
         CREATE FUNCTION @.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO @.noted (what) VALUES (TG_OP || ' ' || current_setting('synchronous_commit')); RETURN NULL; END $$; \
         CREATE TRIGGER note AFTER INSERT OR UPDATE ON @.writers FOR EACH ROW EXECUTE FUNCTION @.note()",
    );
    log.append("r", at(1), succeeded(0)).unwrap();
    log.append("r", at(2), succeeded(1)).unwrap();
    log.number(&key("a"), &Slice::Whole, "r", 0).unwrap();
    schema.sql("DELETE FROM @.writers");
    log.append("r", at(3), succeeded(2)).unwrap();
    log.append("r", at(4), succeeded(3)).unwrap();
    let noted = schema.sql("SELECT what FROM @.noted ORDER BY place");
    assert_eq!(noted, ["INSERT on", "UPDATE off", "UPDATE on", "INSERT on", "UPDATE off"]);
}
