//! Section 4 and 5, for values of every kind: what was stored comes back, and nothing else does.

use super::bench::{Bench, by_hand, id};
use super::breach::Verdict;
use super::content::Content;
use crate::asset::AssetBuilder;
use crate::error::ErrorKind;
use crate::io::CommitState;
use crate::partition::PartitionsDef;
use crate::slice::Slice;

pub(super) async fn nothing_stored_is_nothing(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("never", kind)?;
    bench.expect(&asset, &Slice::Whole, None, "before anything was stored").await?;
    let described = bench.describe(&asset, &Slice::Whole).await?;
    ensure!(!described.exists, "`describe` says that `never` exists, and nothing was stored: {described:?}");
    let state = bench.state(&asset, &Slice::Whole, 1).await?;
    ensure!(state == CommitState::Absent, "a commit that was never made is {state:?}, and not `Absent`");
    Ok(())
}

pub(super) async fn a_value_comes_back(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, &Slice::Whole, 1, 1).await?;
    bench.expect_sample(&asset, &Slice::Whole, 1, "after it was stored").await?;
    bench.expect_sample(&asset, &Slice::Whole, 1, "when it is read a second time").await?;
    Ok(())
}

pub(super) async fn overwriting_replaces(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let (asset, other) = (bench.asset("value", kind)?, bench.asset("other", kind)?);
    bench.put_sample(&other, &Slice::Whole, 9, 1).await?;
    for n in 1..=3 {
        bench.put_sample(&asset, &Slice::Whole, n, n).await?;
        bench.expect_sample(&asset, &Slice::Whole, n, "after it was replaced").await?;
    }
    bench.expect_sample(&other, &Slice::Whole, 9, "after another asset was replaced").await?;
    Ok(())
}

pub(super) async fn another_instance_finds_it(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let early = bench.again().await;
    bench.put_sample(&asset, &Slice::Whole, 1, 1).await?;
    early.expect_sample(&asset, &Slice::Whole, 1, "in an instance that was opened before it was stored").await?;
    let late = bench.again().await;
    late.expect_sample(&asset, &Slice::Whole, 1, "in an instance that was opened after it was stored").await?;
    late.put_sample(&asset, &Slice::Whole, 2, 2).await?;
    bench.expect_sample(&asset, &Slice::Whole, 2, "after another instance replaced it").await?;
    let state = early.state(&asset, &Slice::Whole, 2).await?;
    ensure!(state == CommitState::Committed, "another instance says that a commit that landed is {state:?}");
    Ok(())
}

pub(super) async fn a_description_is_true(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, &Slice::Whole, 1, 1).await?;
    let described = bench.describe(&asset, &Slice::Whole).await?;
    ensure!(described.exists, "`describe` says that `value` does not exist, and it was stored");
    ensure!(described.bytes != Some(0), "`describe` says 0 bytes of something that is not empty; leave them out if unknown");
    let wanted = match Content::sample(kind, 1)? {
        Content::Rows(rows) => Some(rows.len() as u64),
        _ => None,
    };
    ensure!(
        described.rows.is_none() || described.rows == wanted,
        "`describe` says {:?} rows of {kind} that has {wanted:?}",
        described.rows
    );
    if let Some(run) = &described.run {
        ensure!(run == "run-by-hand", "`describe` says that the run `{run}` wrote it, and `run-by-hand` did");
    }
    let names: Vec<&str> = described.columns.iter().map(|column| column.name.as_str()).collect();
    let known: &[&str] = if wanted.is_some() { &["name", "n"] } else { &[] };
    ensure!(names.is_empty() || names == known, "`describe` says the columns {names:?}, and they are {known:?}");
    ensure!(
        described.version.is_some() || !bench.can.versions,
        "the store keeps versions, and `describe` does not say which one is the newest"
    );
    Ok(())
}

pub(super) async fn deleting_removes_or_refuses(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let (asset, other) = (bench.asset("value", kind)?, bench.asset("other", kind)?);
    bench.put_sample(&asset, &Slice::Whole, 1, 1).await?;
    bench.put_sample(&other, &Slice::Whole, 2, 1).await?;
    match bench.store.delete(bench.request(&asset, &Slice::Whole)).await {
        Ok(()) => {
            bench.expect(&asset, &Slice::Whole, None, "after it was deleted").await?;
            let described = bench.describe(&asset, &Slice::Whole).await?;
            ensure!(!described.exists, "`describe` says that `value` exists, and it was deleted: {described:?}");
            bench.store.delete(bench.request(&asset, &Slice::Whole)).await?;
            bench.put_sample(&asset, &Slice::Whole, 3, 3).await?;
            bench.expect_sample(&asset, &Slice::Whole, 3, "after it was deleted and stored again").await?;
        }
        Err(error) => {
            ensure!(
                error.kind() == ErrorKind::Unsupported,
                "a store that does not delete says so with `ErrorKind::Unsupported`, and not with {error:?}"
            );
            bench.expect_sample(&asset, &Slice::Whole, 1, "after it was not deleted").await?;
        }
    }
    bench.expect_sample(&other, &Slice::Whole, 2, "after another asset was deleted").await?;
    Ok(())
}

pub(super) async fn probing_changes_nothing(bench: &Bench) -> Verdict {
    bench.store.probe(bench.env.as_ref()).await.into_result()?;
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, &Slice::Whole, 1, 1).await?;
    let before = bench.describe(&asset, &Slice::Whole).await?;
    bench.store.probe(bench.env.as_ref()).await.into_result()?;
    bench.expect_sample(&asset, &Slice::Whole, 1, "after `probe`").await?;
    let after = bench.describe(&asset, &Slice::Whole).await?;
    ensure!(before == after, "`probe` changed what is stored: {before:?} became {after:?}");
    Ok(())
}

pub(super) async fn capabilities_are_sound(bench: &Bench) -> Verdict {
    let can = &bench.can;
    ensure!(!can.name.is_empty(), "a store without a name cannot be named in errors");
    ensure!(!can.values.is_empty(), "a store that holds nothing stores nothing");
    ensure!(can.modes.contains(&can.mode), "the mode of assets that name none, {:?}, is not among {:?}", can.mode, can.modes);
    let mut names: Vec<_> = can.options.iter().map(|option| option.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    ensure!(names.len() == count, "two options have one name: {names:?}");
    ensure!(can.options.iter().all(|option| !option.about.is_empty()), "each option says what it does");
    let taken = can.check_option("no_such_option", &"x".into());
    super::breach::refused(taken, &[ErrorKind::StoreOption], "an option that is not published")?;
    let again = bench.again().await.can;
    ensure!(
        format!("{again:?}") == format!("{can:?}"),
        "two instances at one place differ in what they can: {can:?} and {again:?}"
    );
    // Asking about a slice of what is not stored is no error either.
    let kind = bench.kind();
    let partitions = PartitionsDef::fixed("Color", ["red"])?;
    let asset = by_hand(AssetBuilder::new("sliced", kind).partitions(partitions.clone()).partition_expr("name"))?;
    let slice = bench.space(&partitions)?.all().slice();
    bench.expect(&asset, &slice, None, "before anything was stored").await?;
    let states = bench.store.committed(bench.request(&asset, &slice), &[id(&asset, &slice, 1), id(&asset, &slice, 2)]).await?;
    ensure!(states == [CommitState::Absent; 2], "commits that were never made are {states:?}, and not `Absent` each");
    Ok(())
}
