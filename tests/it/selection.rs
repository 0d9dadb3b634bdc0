//! D03: selections are exact sets.

use std::collections::BTreeSet;

use lakewright::exec::PartitionChoice;
use lakewright::io::Maintenance;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Error, ErrorKind};
use tempfile::tempdir;

use crate::support::{block_on, key, lakehouse};

fn asset(name: &str, upstream: &[&str], with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
    let builder = upstream.iter().fold(AssetBuilder::new(name, ValueKind::Object), |asset, upstream| asset.input(*upstream));
    with(builder).body(|call| async move { call.produce_object(1) }).unwrap()
}

/// A chain a → b → c → d → e, and f → c beside it.
fn chain() -> Lakehouse {
    let root = tempdir().unwrap();
    let assets = [
        asset("a", &[], |asset| asset.group("raw").tag("pii", "").kind("csv")),
        asset("b", &["a"], |asset| asset.tag("team", "bio")),
        asset("c", &["b", "f"], |asset| asset.tag("team", "geo")),
        asset("d", &["c"], |asset| asset.group("final")),
        asset("e", &["d"], |asset| asset),
        asset("f", &[], |asset| asset.group("raw")),
        asset("deep/er", &[], |asset| asset),
        asset("deep/d", &[], |asset| asset),
    ];
    lakehouse(&root, assets).build().unwrap()
}

#[test]
fn d03_signs_and_operators_select_exact_sets() {
    let lakehouse = chain();
    let selected =
        |text: &str| -> BTreeSet<String> { lakehouse.select(text).unwrap().iter().map(|asset| asset.key.to_string()).collect() };
    for (text, wanted) in [
        ("a", "a"),
        ("a+", "a b"),
        ("a++", "a b c"),
        ("a*", "a b c d e"),
        ("*d", "a b c d f"),
        ("+c", "b c f"),
        ("++c", "a b c f"),
        ("+c+", "b c d f"),
        ("*c*", "a b c d e f"),
        ("key:b", "b"),
        ("er", "deep/er"),
        ("deep/er", "deep/er"),
        ("d", "d"),
        ("tag:pii", "a"),
        ("tag:team", "b c"),
        ("tag:team=bio", "b"),
        ("group:raw", "a f"),
        ("group:raw+", "a b c f"),
        ("kind:csv", "a"),
        ("a or b and c", "a"),
        ("(a or b) and not b", "a"),
        ("* and not *c*", "deep/d deep/er"),
        ("not not a", "a"),
        ("\"a\" or \"b\"+", "a b c"),
    ] {
        let wanted: BTreeSet<String> = wanted.split(' ').map(str::to_owned).collect();
        assert_eq!(selected(text), wanted, "{text}");
    }
    assert_eq!(selected("*").len(), 8);
}

#[test]
fn d03_unknown_names_come_with_near_misses() {
    let lakehouse = chain();
    for (text, says, helps) in [
        ("deep/re", "there is no asset `deep/re`", "did you mean `deep/er`?"),
        ("group:rwa", "no asset has the group `rwa`", "did you mean `raw`?"),
        ("tag:tema", "no asset has the tag `tema`", "did you mean `team`?"),
        ("kind:cvs", "no asset has the kind `cvs`", "did you mean `csv`?"),
        ("grup:raw", "assets are not selected by `grup:`", "did you mean `group:`?"),
        ("a b", "without `and` or `or`", "for example"),
    ] {
        let error = lakehouse.select(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Selection, "{text}");
        assert!(error.message().contains(says), "{text}: {error:?}");
        assert!(error.help_text().unwrap().contains(helps), "{text}: {error:?}");
    }
}

#[test]
fn a_run_of_nothing_is_an_error_and_not_a_success() {
    assert_eq!(chain().plan("a and b").unwrap_err().kind(), ErrorKind::Selection);
}

#[test]
fn a_name_that_several_assets_have_asks_for_the_whole_key() {
    let root = tempdir().unwrap();
    let lakehouse = lakehouse(&root, [asset("x/n", &[], |a| a), asset("y/n", &[], |a| a)]).build().unwrap();
    let error = lakehouse.select("n").unwrap_err();
    assert_eq!(error.help_text(), Some("write the whole key: `x/n` or `y/n`"));
}

#[test]
fn a_key_that_no_asset_has_is_told_by_every_call_as_selections_tell_it() {
    let lakehouse = chain();
    let refused = |name: &str| -> Vec<Error> {
        let (key, choice) = (key(name), PartitionChoice::none());
        let errors = block_on(async {
            [
                lakehouse.load(&key).await.err(),
                lakehouse.preview(&key, 3).await.err(),
                lakehouse.describe(&key).await.err(),
                lakehouse.history(&key, u64::MAX, 1).err(),
                lakehouse.wipe(&key, &choice).await.err(),
                lakehouse.partitions(&key).err(),
                lakehouse.locate(&key).err(),
                lakehouse.maintain(&key, None, Maintenance::Checkpoint).await.err(),
            ]
        });
        errors.map(Option::unwrap).into()
    };
    let selected = lakehouse.select("dep/er").unwrap_err();
    for error in refused("dep/er") {
        assert_eq!((error.kind(), error.message()), (ErrorKind::Selection, "there is no asset `dep/er`"));
        assert_eq!((error.help_text(), selected.help_text()), (Some("did you mean `deep/er`?"), Some("did you mean `deep/er`?")));
    }
    for error in refused("er") {
        assert_eq!(error.help_text(), Some("did you mean `deep/er`?"), "a name is not a key: {error:?}");
    }
}
