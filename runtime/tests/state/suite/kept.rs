//! What a log keeps for others, as it was given.

use lakewright::Slice;
use lakewright::state::{BackfillRecord, LogLine, Snapshot};

use super::Handles;
use crate::support::{at, key};

pub(crate) fn backfills_are_kept(log: Handles<'_>) {
    assert_eq!(log().backfill("b1").unwrap(), None);
    assert_eq!(log().backfills(10).unwrap(), []);
    let backfill = |id: &str, second, json: &str| BackfillRecord { id: id.into(), at: at(second), json: json.into() };
    // A moment of fewer digits.
    let whole = BackfillRecord { at: at(20).round(jiff::Unit::Second).unwrap(), ..backfill("b0", 0, "{}") };
    for each in [&backfill("b1", 1, "{}"), &backfill("b3", 2, "{}"), &backfill("b2", 2, "[1]"), &whole, &backfill("b4", 20, "{}")]
    {
        log().put_backfill(each).unwrap();
    }
    log().put_backfill(&backfill("b1", 1, r#"{"v":1,"it's":"ü"}"#)).unwrap();
    assert_eq!(log().backfill("b1").unwrap(), Some(backfill("b1", 1, r#"{"v":1,"it's":"ü"}"#)));
    let ids = |limit| log().backfills(limit).unwrap().into_iter().map(|each| each.id).collect::<Vec<_>>();
    assert_eq!(ids(10), ["b4", "b0", "b3", "b2", "b1"], "newest first, and there is one of each name");
    assert_eq!(ids(2), ["b4", "b0"]);
    assert_eq!(log().backfills(2).unwrap()[1], whole);
}

pub(crate) fn lines_are_kept_in_order(log: Handles<'_>) {
    assert_eq!(log().lines("r", 0, 10).unwrap(), []);
    let line = |step, text: &str| LogLine { step, at: at(1), level: "WARN".into(), target: "a::b".into(), text: text.into() };
    let all = [line(Some(0), "one"), line(None, "it's \"two\"\nü"), line(Some(7), ""), line(Some(0), "four")];
    log().append_lines("r", &all[..1]).unwrap();
    log().append_lines("another", &all[3..]).unwrap();
    log().append_lines("r", &[]).unwrap();
    log().append_lines("r", &all[1..]).unwrap();
    let placed: Vec<(u64, LogLine)> = (1..).zip(all.clone()).collect();
    assert_eq!(log().lines("r", 0, usize::MAX).unwrap(), placed);
    assert_eq!(log().lines("r", 1, 2).unwrap(), placed[1..3]);
    assert_eq!(log().lines("r", 4, 2).unwrap(), []);
    assert_eq!(log().lines("r", u64::MAX, 2).unwrap(), []);
    assert_eq!(log().lines("another", 0, 10).unwrap(), [(1, all[3].clone())]);
    assert_eq!(log().events(0, 10).unwrap(), [], "they are no events");
}

pub(crate) fn snapshots_are_kept(log: Handles<'_>) {
    assert_eq!(log().snapshot(&key("a")).unwrap(), None);
    let one = Snapshot { cursor: 7, space: Slice::Whole.digest(), bytes: (0..=255).collect() };
    let other = Snapshot { cursor: 9, space: "s".into(), bytes: vec![] };
    log().keep_snapshot(&key("a"), &one).unwrap();
    log().keep_snapshot(&key("b"), &other).unwrap();
    assert_eq!(log().snapshot(&key("a")).unwrap(), Some(one));
    log().keep_snapshot(&key("a"), &other).unwrap();
    assert_eq!(log().snapshot(&key("a")).unwrap(), Some(other.clone()));
    assert_eq!(log().snapshot(&key("b")).unwrap(), Some(other));
}
