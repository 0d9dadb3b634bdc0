//! Sections 3 to 5, for partitions of which each is kept on its own, whatever its value.

use super::bench::{Bench, by_hand, id, keys, producing, succeeded};
use super::breach::{Verdict, refused};
use super::commits::joined_or_breach;
use super::content::{Content, sample};
use super::tables;
use crate::asset::{AssetBuilder, AssetSpec, Input, Mode, ValueKind};
use crate::call::{Call, Produced};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::PartitionChoice;
use crate::io::{CommitState, Committed, Staged};
use crate::partition::{Every, KeySet, PartitionKey, PartitionsDef, TimeDef};
use crate::slice::Slice;
use crate::value::{Object, Value};

/// An asset of colors with what is needed to speak of them.
struct Colors {
    asset: AssetSpec,
    all: KeySet,
}

const COLORS: [&str; 4] = ["red", "green", "blue", "grey"];

impl Colors {
    fn new(bench: &Bench, kind: ValueKind, mode: Mode) -> Verdict<Self> {
        let def = PartitionsDef::fixed("Color", COLORS)?;
        let all = bench.space(&def)?.all();
        Ok(Self { asset: by_hand(AssetBuilder::new("colors", kind).partitions(def).mode(mode))?, all })
    }

    fn set(&self, colors: &[&str]) -> Verdict<KeySet> {
        keys(self.all.space(), colors)
    }

    fn slice(&self, colors: &[&str]) -> Verdict<Slice> {
        Ok(self.set(colors)?.slice())
    }

    /// Stages one sample for each color and commits them as one.
    async fn put(&self, bench: &Bench, colors: &[(&str, i64)], number: i64) -> Verdict<Result<Committed>> {
        let mut staged = Vec::new();
        for (color, n) in colors {
            staged.push(bench.stage_sample(&self.asset, &self.slice(&[color])?, *n).await?);
        }
        let names: Vec<&str> = colors.iter().map(|(color, _)| *color).collect();
        let slice = self.slice(&names)?;
        let committed = bench.commit(&self.asset, &slice, &staged, number).await;
        if committed.is_err() {
            bench.store.discard(bench.request(&self.asset, &slice), staged).await?;
        }
        Ok(committed)
    }

    /// Refuses unless exactly these are there, each with its sample.
    async fn expect(&self, bench: &Bench, wanted: &[(&str, i64)], when: &str) -> Verdict {
        for color in COLORS {
            let slice = self.slice(&[color])?;
            let n = wanted.iter().find(|(name, _)| *name == color).map(|(_, n)| *n);
            let sample = n.map(|n| Content::sample(self.asset.output.kind, n)).transpose()?;
            bench.expect(&self.asset, &slice, sample, when).await?;
            let exists = bench.describe(&self.asset, &slice).await?.exists;
            ensure!(exists == n.is_some(), "{when}, `describe` says of `{color}` that `exists` is {exists}");
        }
        let present = bench.present(&self.asset, &self.all).await?;
        let names: Vec<&str> = COLORS.into_iter().filter(|color| wanted.iter().any(|(name, _)| name == color)).collect();
        ensure!(present == names, "{when}, `present` has to name {names:?} and names {present:?}");
        Ok(())
    }
}

pub(super) async fn each_partition_is_its_own(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Overwrite)?;
    colors.expect(bench, &[], "before anything was stored").await?;
    colors.put(bench, &[("red", 1)], 1).await??;
    colors.expect(bench, &[("red", 1)], "after `red` was stored").await?;
    colors.put(bench, &[("blue", 2)], 1).await??;
    colors.put(bench, &[("red", 3)], 2).await??;
    colors.expect(bench, &[("red", 3), ("blue", 2)], "after `red`, `blue` and `red` again were stored").await?;
    let wanted = colors.set(&["grey", "blue"])?;
    let present = bench.present(&colors.asset, &wanted).await?;
    ensure!(present == ["blue"], "of `blue` and `grey`, `present` has to name `blue` and names {present:?}");
    Ok(())
}

pub(super) async fn partitions_are_read_each(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Overwrite)?;
    for (number, color) in (1_i64..).zip(["blue", "red", "green"]) {
        colors.put(bench, &[(color, number)], 1).await??;
    }
    let slice = colors.slice(&["red", "blue", "grey"])?;
    let each = bench.store.load_each(bench.read(&colors.asset, &slice)).await?;
    let mut found = Vec::new();
    for (key, value) in each {
        let content = match value {
            Some(value) => Some(Content::of(value, &bench.env).await?.sorted()),
            None => None,
        };
        found.push((key.to_string(), content));
    }
    let at = |n| Content::sample(kind, n).map(Some);
    let wanted = [("red".to_owned(), at(2)?), ("blue".to_owned(), at(1)?), ("grey".to_owned(), None)];
    ensure!(
        found == wanted,
        "`load_each` of `red`, `blue` and `grey`, which is missing, has to give each by itself in the order of the definition: \
        {wanted:?}, and gave {found:?}"
    );
    Ok(())
}

pub(super) async fn several_partitions_are_one_commit(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Overwrite)?;
    colors.put(bench, &[("green", 7)], 1).await??;
    // A gap: grey and red with nothing in between.
    let wanted = [("red", 1), ("grey", 2)];
    let first = colors.put(bench, &wanted, 1).await??;
    ensure!(!first.already, "the first commit says that it had landed before");
    colors.expect(bench, &[("red", 1), ("green", 7), ("grey", 2)], "after two partitions were stored as one").await?;
    let again = colors.put(bench, &wanted, 1).await??;
    ensure!(again.already, "another attempt at a commit of two partitions does not say that it had landed");
    let (both, three) = (colors.slice(&["red", "grey"])?, colors.slice(&["red", "green", "grey"])?);
    let state = bench.state(&colors.asset, &both, 1).await?;
    ensure!(state == CommitState::Committed, "the commit of two partitions landed and is {state:?}");
    let strange = bench.store.committed(bench.request(&colors.asset, &three), &[id(&colors.asset, &three, 1)]).await?;
    ensure!(strange == [CommitState::Absent], "a commit of three partitions that was never made is {strange:?}");
    colors.put(bench, &[("grey", 4)], 1).await??;
    colors.expect(bench, &[("red", 1), ("green", 7), ("grey", 4)], "after one of two partitions was replaced").await?;
    Ok(())
}

pub(super) async fn partitions_refuse_together(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Error)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let outcome = colors.put(bench, &[("red", 2), ("green", 3), ("blue", 4)], 1).await?;
    let error =
        refused(outcome, &[ErrorKind::Present], "storing three partitions with `mode = \"error\"`, one of which is there")?;
    ensure!(!error.message().is_empty(), "an error without a message");
    colors.expect(bench, &[("green", 1)], "after `mode = \"error\"` refused all").await?;
    colors.put(bench, &[("red", 2), ("blue", 4)], 1).await??;
    colors.expect(bench, &[("red", 2), ("green", 1), ("blue", 4)], "after two that were not there").await?;
    Ok(())
}

pub(super) async fn only_absent_partitions_are_written(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Ignore)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let committed = colors.put(bench, &[("red", 2), ("green", 3)], 1).await??;
    let green = colors.slice(&["green"])?;
    ensure!(
        committed.ignored.as_ref() == Some(&green),
        "`mode = \"ignore\"` left `green` as it was, and `Committed::ignored` is {:?}",
        committed.ignored
    );
    colors.expect(bench, &[("red", 2), ("green", 1)], "after `mode = \"ignore\"` met one of two").await?;
    Ok(())
}

pub(super) async fn old_partitions_are_refused(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1)], 5).await??;
    colors.put(bench, &[("blue", 2)], 1).await??;
    let outcome = colors.put(bench, &[("red", 3)], 4).await?;
    refused(outcome, &[ErrorKind::Superseded], "commit 4 of `red` after commit 5")?;
    colors.expect(bench, &[("red", 1), ("blue", 2)], "after an older commit was refused").await?;
    let (red, blue) = (colors.slice(&["red"])?, colors.slice(&["blue"])?);
    let states = [bench.state(&colors.asset, &red, 4).await?, bench.state(&colors.asset, &blue, 2).await?];
    let wanted = [CommitState::Superseded, CommitState::Absent];
    ensure!(states == wanted, "commits are counted for each slice: those of `red` 4 and `blue` 2 are {states:?}, not {wanted:?}");
    Ok(())
}

pub(super) async fn partitions_are_first_written_at_once(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let colors = Colors::new(bench, kind, Mode::Overwrite)?;
    let mut tasks = Vec::new();
    for (n, color) in (1_i64..).zip(COLORS) {
        let (on, asset, slice) = (bench.again().await, colors.asset.clone(), colors.slice(&[color])?);
        let staged: Staged = on.stage_sample(&asset, &slice, n).await?;
        tasks.push(tokio::spawn(async move { on.commit(&asset, &slice, &[staged], 1).await }));
    }
    for task in tasks {
        joined_or_breach(task.await)??;
    }
    let wanted: Vec<_> = COLORS.into_iter().zip(1..).collect();
    colors.expect(bench, &wanted, "after four partitions were first stored at once").await?;
    Ok(())
}

pub(super) async fn dimensions_nest(bench: &Bench) -> Verdict {
    let days = TimeDef::new(Every::Day, "2023-01-01")?.end("2023-01-04")?;
    let dimensions = [
        ("place", PartitionsDef::fixed("Place", ["a|b", "a"])?),
        ("date", PartitionsDef::time("Day", days)),
        ("kind", PartitionsDef::fixed("Kind", ["b|a", "b"])?),
    ];
    let def = PartitionsDef::multi("PlaceDayKind", dimensions)?;
    let space = bench.space(&def)?;
    let kind = bench.kind();
    let asset = by_hand(AssetBuilder::new("nested", kind).partitions(def.clone()))?;
    for index in space.all().indices() {
        bench.put_sample(&asset, &space.all().only(index).slice(), index.cast_signed(), 1).await?;
    }
    for index in space.all().indices() {
        let when = format!("after {} combinations of three dimensions were stored", space.len());
        bench.expect_sample(&asset, &space.all().only(index).slice(), index.cast_signed(), &when).await?;
    }
    let present = bench.present(&asset, &space.all()).await?;
    let wanted: Vec<String> = space.all().keys().map(|key| key.to_string()).collect();
    ensure!(present == wanted, "`present` has to name {wanted:?} and names {present:?}");
    Ok(())
}

pub(super) async fn hours_of_a_long_day_are_kept_apart(bench: &Bench) -> Verdict {
    // The clock went back, so that 01:00 came twice.
    let hours = TimeDef::new(Every::Hour, "2010-11-07-00:00")?.zone("America/Los_Angeles")?.end("2010-11-07-04:00")?;
    let def = PartitionsDef::time("Hour", hours);
    let space = bench.space(&def)?;
    ensure!(space.len() == 5, "that night had 5 hours before 04:00, and the definition has {}", space.len());
    let kind = bench.kind();
    let asset = by_hand(AssetBuilder::new("hours", kind).partitions(def.clone()))?;
    for index in space.all().indices() {
        bench.put_sample(&asset, &space.all().only(index).slice(), index.cast_signed(), 1).await?;
    }
    for index in space.all().indices() {
        let when = "after the hours of a night were stored in which the clock went back";
        bench.expect_sample(&asset, &space.all().only(index).slice(), index.cast_signed(), when).await?;
    }
    Ok(())
}

pub(super) async fn a_run_makes_partitions(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let def = PartitionsDef::dynamic("conformance-regions");
    let made = AssetBuilder::new("made", kind).partitions(def.clone()).body(move |call| async move {
        let n = if call.partition_key()?.to_string() == "north" { 1 } else { 2 };
        let value = sample(kind, n).map_err(|breach| Error::new(ErrorKind::Internal, breach.to_string()))?;
        Ok(Produced::value(value))
    })?;
    let copied = Input::of("made").per_partition();
    let copy = AssetBuilder::new("copy", kind).partitions(def).input(copied).call_once();
    let copy = copy
        .body(move |call| async move { call.blocking(move |mut call| taken(kind, &mut call).map(Produced::partitions)).await })?;
    let lakehouse = bench.lakehouse([made.clone(), copy.clone()]).build()?;
    lakehouse.add_partitions("conformance-regions", &["north".to_owned(), "söuth|'1'".to_owned()])?;
    succeeded(&lakehouse.materialize_for("made", &PartitionChoice::all()).await?)?;
    succeeded(&lakehouse.materialize_for("copy", &PartitionChoice::all()).await?)?;
    for (n, key) in [(1, "north"), (2, "söuth|'1'")] {
        for asset in [&made, &copy] {
            let value = lakehouse.load_partition(&asset.key, key).await?;
            let found = match value {
                Some(value) => Some(Content::of(value, &bench.env).await?.sorted()),
                None => None,
            };
            let wanted = Content::sample(kind, n)?;
            ensure!(
                found.as_ref() == Some(&wanted),
                "the partition `{key}` of `{}` has to be {wanted}, and is {found:?}",
                asset.key
            );
        }
    }
    let stored = lakehouse.stored_partitions(&copy.key).await?;
    ensure!(stored.len() == 2, "{} partitions of `copy` are stored, and 2 were made", stored.len());
    let unknown = lakehouse.materialize_for("made", &PartitionChoice::none().key("west")).await;
    refused(unknown, &[ErrorKind::PartitionKey], "a key that is not in the dynamic set")?;
    Ok(())
}

/// The values of the input `made`, partition by partition.
fn taken(kind: ValueKind, call: &mut Call) -> Result<Vec<(PartitionKey, Value)>> {
    match kind {
        ValueKind::Table => tables::taken_each(call, "made"),
        ValueKind::Bytes => Ok(call.bytes_each("made")?.into_iter().map(|(key, bytes)| (key, Value::Bytes(bytes))).collect()),
        _ => {
            let each = call.objects::<serde_json::Value>("made")?.into_iter();
            Ok(each.map(|(key, json)| (key, Value::Object(Object::new(json)))).collect())
        }
    }
}

pub(super) async fn a_step_over_partitions_fails_as_one(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let def = PartitionsDef::fixed("Color", COLORS)?;
    let space = bench.space(&def)?;
    let good = producing(AssetBuilder::new("colors", kind).partitions(def.clone()), kind, 1)?;
    let lakehouse = bench.lakehouse([good.clone()]).build()?;
    succeeded(&lakehouse.materialize_for("colors", &PartitionChoice::none().key("red").key("green")).await?)?;
    let bad = AssetBuilder::new("colors", kind).partitions(def).body(move |call| async move {
        if call.partition_key()?.to_string() == "blue" {
            return Err(Error::new(ErrorKind::Body, "blue does not work today"));
        }
        let value = sample(kind, 2).map_err(|breach| Error::new(ErrorKind::Internal, breach.to_string()))?;
        Ok(Produced::value(value))
    })?;
    let lakehouse = bench.lakehouse([bad.clone()]).build()?;
    let report = lakehouse.materialize_for("colors", &PartitionChoice::all()).await?;
    ensure!(!report.is_success(), "a body failed and the run succeeded");
    for (color, n) in [("red", Some(1)), ("green", Some(1)), ("blue", None), ("grey", None)] {
        let slice = keys(&space, &[color])?.slice();
        let sample = n.map(|n| Content::sample(kind, n)).transpose()?;
        bench.expect(&bad, &slice, sample, "after one call of a step over four partitions failed").await?;
    }
    Ok(())
}
