//! What a log keeps for others, as it was given.

use std::sync::Arc;

use lakewright::event::EventKind;
use lakewright::partition::PartitionsDef;
use lakewright::state::{BackfillRecord, LogLine, PartitionStatus, Snapshot, State};
use lakewright::{AssetBuilder, Lakehouse, Registry, Slice, ValueKind};

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

/// A lakehouse of one asset, which is partitioned by the keys of a dynamic set.
pub(super) fn of_regions(log: Arc<dyn State>) -> Lakehouse {
    let asset = AssetBuilder::new("a", ValueKind::Object).io_manager("memory").partitions(PartitionsDef::dynamic("regions"));
    let asset = asset.body(|call| async move { call.produce_object(1) }).unwrap();
    Lakehouse::builder().registry(Registry::from_specs([asset])).state(log).build().unwrap()
}

pub(crate) fn what_became_of_many_partitions_is_kept_and_what_comes_later_is_added(log: Handles<'_>) {
    let keys: Vec<String> = (0..1_200).map(|number| format!("r{number:04}")).collect();
    let of = |key: &str| format!("v1:[{key}]").parse::<Slice>().unwrap();
    let reported = |name: &str| (at(0), EventKind::Reported { asset: key("a"), slice: of(name), metadata: vec![] });
    log().add_keys("regions", &keys).unwrap();
    log().append_all("r", keys[..1_100].iter().map(|key| reported(key)).collect()).unwrap();
    let materialized = || {
        let recorded = of_regions(log()).recorded_partitions(&key("a"), PartitionStatus::Materialized).unwrap();
        recorded.keys().map(|key| key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(materialized(), keys[..1_100]);
    let kept = log().snapshot(&key("a")).unwrap().expect("so many are kept");
    assert_eq!(kept.cursor, 1_100);
    assert_eq!(materialized(), keys[..1_100]);

    // Later events, keys that are added, and one that goes and comes back.
    let wiped = EventKind::Wiped { asset: key("a"), slice: of(&keys[0]) };
    log().append_all("r", vec![(at(1), wiped), reported(&keys[1_150])]).unwrap();
    log().add_keys("regions", &["new".to_owned()]).unwrap();
    log().append_all("r", vec![reported("new")]).unwrap();
    let mut expected: Vec<String> = keys[1..1_100].to_vec();
    expected.extend([keys[1_150].clone(), "new".to_owned()]);
    assert_eq!(materialized(), expected);
    log().remove_keys("regions", &keys[5..6]).unwrap();
    let without: Vec<String> = expected.iter().filter(|key| **key != keys[5]).cloned().collect();
    assert_eq!(materialized(), without);
    assert_eq!(log().snapshot(&key("a")).unwrap(), Some(kept), "what names keys that are gone is not kept");
    log().add_keys("regions", &keys[5..6]).unwrap();
    assert_eq!(materialized(), [&without[..], &keys[5..6]].concat());
}
