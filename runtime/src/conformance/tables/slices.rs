//! Sections 3 to 5, for partitions that `partition_expr` tells apart by the values of columns.

use polars::prelude::{DataFrame, DataType, NamedFrom, Series, df};

use super::rows_of;
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::conformance::bench::{Bench, by_hand, id, keys};
use crate::conformance::breach::{Breach, Verdict, refused};
use crate::conformance::commits::joined_or_breach;
use crate::conformance::content::Content;
use crate::conformance::places::HOSTILE;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::io::{CommitState, Committed};
use crate::partition::{KeySet, PartitionsDef};
use crate::slice::Slice;
use crate::value::Value;

/// An asset whose partitions are told apart by columns, and what makes rows of them.
pub(super) struct Sliced {
    pub(super) asset: AssetSpec,
    pub(super) all: KeySet,
    rows: Rows,
}

/// Makes the rows of a partition with this text, all of them with this number.
type Rows = Box<dyn Fn(&str, i64) -> Verdict<DataFrame> + Send + Sync>;

impl Sliced {
    pub(super) fn new(bench: &Bench, builder: AssetBuilder, def: PartitionsDef, rows: Rows) -> Verdict<Self> {
        let all = bench.space(&def)?.all();
        Ok(Self { asset: by_hand(builder.partitions(def))?, all, rows })
    }

    pub(super) fn slice(&self, names: &[&str]) -> Verdict<Slice> {
        Ok(keys(self.all.space(), names)?.slice())
    }

    pub(super) fn rows(&self, name: &str, n: i64) -> Verdict<DataFrame> {
        (self.rows)(name, n)
    }

    /// Stores each of these partitions with its number, as one commit.
    pub(super) async fn put(&self, bench: &Bench, parts: &[(&str, i64)], number: i64) -> Verdict<Result<Committed>> {
        let mut staged = Vec::new();
        for (name, n) in parts {
            let value = Value::Table(self.rows(name, *n)?.into_table());
            staged.push(bench.stage(&self.asset, &self.slice(&[name])?, value).await?);
        }
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let slice = self.slice(&names)?;
        let committed = bench.commit(&self.asset, &slice, &staged, number).await;
        if committed.is_err() {
            bench.store.discard(bench.request(&self.asset, &slice), staged).await?;
        }
        Ok(committed)
    }

    /// Refuses unless exactly these partitions are there, each with the rows of these numbers.
    pub(super) async fn expect(&self, bench: &Bench, wanted: &[(&str, &[i64])], when: &str) -> Verdict {
        let mut everything = Vec::new();
        let mut there = Vec::new();
        for key in self.all.keys() {
            let name = key.to_string();
            let mut rows = Vec::new();
            let numbers = wanted.iter().find(|(wanted, _)| *wanted == name).map(|(_, numbers)| *numbers);
            for n in numbers.unwrap_or_default() {
                rows.extend(rows_of(&self.rows(&name, *n)?)?);
            }
            everything.extend(rows.clone());
            let slice = self.slice(&[&name])?;
            if numbers.is_some() {
                there.push(name.clone());
                bench.expect(&self.asset, &slice, Some(Content::Rows(rows)), when).await?;
            } else if let Some(Content::Rows(rows)) = bench.get(&self.asset, &slice).await? {
                // One table cannot but say that there are no rows.
                ensure!(rows.is_empty(), "{when}, `{name}` was never stored, and has {rows:?}");
            }
        }
        let present = bench.present(&self.asset, &self.all).await?;
        ensure!(present == there, "{when}, `present` has to name {there:?}, and names {present:?}");
        let names: Vec<&str> = there.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        let all = self.slice(&names)?;
        bench.expect(&self.asset, &all, Some(Content::Rows(everything)), when).await?;
        let described = bench.describe(&self.asset, &all).await?;
        ensure!(described.exists, "{when}, `describe` says that the partitions {names:?} do not exist");
        Ok(())
    }
}

pub(super) fn lists(name: &str, kind: &[&str], number: i64) -> Verdict<DataFrame> {
    let rows = kind.len();
    Ok(df!("kind" => kind, "n" => vec![number; rows], "text" => vec![format!("{name} {number}"); rows]).map_err(Error::from)?)
}

pub(super) const COLORS: [&str; 4] = ["red", "green", "blue", "grey"];

/// Colors in a column of text.
pub(super) fn colors(bench: &Bench, mode: Mode) -> Verdict<Sliced> {
    let builder = AssetBuilder::new("colors", ValueKind::Table).partition_expr("kind").mode(mode);
    Sliced::new(bench, builder, PartitionsDef::fixed("Color", COLORS)?, Box::new(|name, n| lists(name, &[name, name], n)))
}

pub(super) async fn static_slices_are_replaced_alone(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.expect(bench, &[], "before anything was stored").await?;
    colors.put(bench, &[("red", 1)], 1).await??;
    colors.expect(bench, &[("red", &[1])], "after `red` was stored").await?;
    colors.put(bench, &[("blue", 2)], 1).await??;
    colors.put(bench, &[("red", 3)], 2).await??;
    colors.expect(bench, &[("red", &[3]), ("blue", &[2])], "after `red`, `blue` and `red` again were stored").await?;
    let again = colors.put(bench, &[("red", 3)], 2).await??;
    ensure!(again.already, "another attempt at a commit of a slice does not say that it had landed");
    let outcome = colors.put(bench, &[("red", 9)], 1).await?;
    refused(outcome, &[ErrorKind::Superseded], "commit 1 of the slice `red` after commit 2")?;
    colors.expect(bench, &[("red", &[3]), ("blue", &[2])], "after an older commit of a slice was refused").await
}

pub(super) async fn hostile_keys_are_values(bench: &Bench) -> Verdict {
    let names: Vec<&str> = HOSTILE.iter().copied().chain(["a/b", "/", "../a"]).collect();
    let builder = AssetBuilder::new("hostile", ValueKind::Table).partition_expr("kind");
    let def = PartitionsDef::fixed("Hostile", &names)?;
    let hostile = Sliced::new(bench, builder, def, Box::new(|name, n| lists("row", &[name], n)))?;
    let parts: Vec<(&str, i64)> = names.iter().copied().zip(1..).collect();
    hostile.put(bench, &parts, 1).await??;
    hostile.put(bench, &[("..", 77), ("a\"b", 78)], 1).await??;
    let numbers: Vec<[i64; 1]> = parts
        .iter()
        .map(|(name, n)| {
            [match *name {
                ".." => 77,
                "a\"b" => 78,
                _ => *n,
            }]
        })
        .collect();
    let wanted: Vec<(&str, &[i64])> = names.iter().copied().zip(numbers.iter().map(|n| &n[..])).collect();
    hostile.expect(bench, &wanted, "after partitions with hostile keys were stored").await
}

pub(super) async fn keys_have_the_type_of_the_column(bench: &Bench) -> Verdict {
    let def = PartitionsDef::fixed("Year", ["2021", "-7", "0"])?;
    let builder = AssetBuilder::new("years", ValueKind::Table).partition_expr("kind");
    let rows = |name: &str, n: i64| -> Verdict<DataFrame> {
        let year: i64 = name.parse().map_err(|_| Breach::new(format!("`{name}` is no year")))?;
        Ok(df!("kind" => [year, year], "n" => [n, n]).map_err(Error::from)?)
    };
    let years = Sliced::new(bench, builder, def, Box::new(rows))?;
    years.put(bench, &[("2021", 1), ("-7", 2)], 1).await??;
    years.put(bench, &[("2021", 3)], 1).await??;
    years.expect(bench, &[("2021", &[3]), ("-7", &[2])], "with a column of whole numbers").await?;
    let def = PartitionsDef::fixed("Year", ["2021", "next year"])?;
    let builder = AssetBuilder::new("wrong", ValueKind::Table).partition_expr("kind");
    let wrong = Sliced::new(bench, builder, def, Box::new(rows))?;
    let slice = wrong.slice(&["next year"])?;
    let outcome = bench.put(&wrong.asset, &slice, Value::Table(rows("2021", 1)?.into_table()), 1).await;
    let kinds = &[ErrorKind::PartitionKey, ErrorKind::StrayRows, ErrorKind::Schema];
    refused(outcome, kinds, "a key that cannot be a value of the column")?;
    wrong.expect(bench, &[], "after a key that cannot be a value of the column").await
}

pub(super) async fn slices_refuse_together(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Error)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let outcome = colors.put(bench, &[("red", 2), ("green", 3)], 1).await?;
    refused(outcome, &[ErrorKind::Present], "storing two slices with `mode = \"error\"`, one of which is there")?;
    colors.expect(bench, &[("green", &[1])], "after `mode = \"error\"` refused both").await?;
    colors.put(bench, &[("red", 2)], 2).await??;
    colors.expect(bench, &[("red", &[2]), ("green", &[1])], "after `mode = \"error\"` met nothing of this slice").await
}

pub(super) async fn only_absent_slices_are_written(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Ignore)?;
    colors.put(bench, &[("green", 1)], 1).await??;
    let committed = colors.put(bench, &[("red", 2), ("green", 3)], 1).await??;
    let green = colors.slice(&["green"])?;
    ensure!(
        committed.ignored.as_ref() == Some(&green),
        "`green` was left as it was, and `Committed::ignored` is {:?}",
        committed.ignored
    );
    colors.expect(bench, &[("red", &[2]), ("green", &[1])], "after `mode = \"ignore\"` met one of two slices").await
}

pub(super) async fn slices_are_appended_to(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Append)?;
    colors.put(bench, &[("red", 1)], 1).await??;
    colors.put(bench, &[("blue", 2)], 1).await??;
    let committed = colors.put(bench, &[("red", 3)], 2).await??;
    if let Some(rows) = committed.slice_rows {
        ensure!(rows == 4, "after two appends of 2 rows to a slice, `Committed::slice_rows` is {rows}");
    }
    colors.expect(bench, &[("red", &[1, 3]), ("blue", &[2])], "after rows were appended to slices").await?;
    let again = colors.put(bench, &[("red", 3)], 2).await??;
    ensure!(again.already, "another attempt at an append to a slice does not say that it had landed");
    colors.expect(bench, &[("red", &[1, 3]), ("blue", &[2])], "after another attempt at an append that had landed").await
}

pub(super) async fn slices_are_first_written_at_once(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    let mut tasks = Vec::new();
    for (n, color) in (1_i64..).zip(COLORS) {
        let (on, asset, slice) = (bench.again().await, colors.asset.clone(), colors.slice(&[color])?);
        let value = Value::Table(colors.rows(color, n)?.into_table());
        tasks.push(tokio::spawn(async move { on.put(&asset, &slice, value, 1).await }));
    }
    for task in tasks {
        joined_or_breach(task.await)??;
    }
    let wanted: &[(&str, &[i64])] = &[("red", &[1]), ("green", &[2]), ("blue", &[3]), ("grey", &[4])];
    colors.expect(bench, wanted, "after four slices of a table that was not there were written at once").await?;
    for color in COLORS {
        let state = bench.state(&colors.asset, &colors.slice(&[color])?, 1).await?;
        ensure!(state == CommitState::Committed, "the commit of `{color}` landed and is {state:?}");
    }
    Ok(())
}

pub(super) async fn one_value_holds_several_slices(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("green", 2), ("blue", 3)], 1).await??;
    // One frame for all that a step makes, in no order.
    let slice = colors.slice(&["red", "blue", "grey"])?;
    let rows = lists("row", &["blue", "red", "blue"], 9)?;
    let committed = bench.put(&colors.asset, &slice, Value::Table(rows.clone().into_table()), 1).await?;
    ensure!(!committed.already, "the first commit of three slices says that it had landed before");
    bench.expect(&colors.asset, &slice, Some(Content::Rows(rows_of(&rows)?)), "after one frame replaced three slices").await?;
    let green = colors.slice(&["green"])?;
    let kept = Content::Rows(rows_of(&colors.rows("green", 2)?)?);
    bench.expect(&colors.asset, &green, Some(kept), "after other slices were replaced").await?;
    let present = bench.present(&colors.asset, &colors.all).await?;
    ensure!(present == COLORS, "`grey` was stored without a row and is there, and `present` names {present:?}");
    let states = bench.store.committed(bench.request(&colors.asset, &slice), &[id(&colors.asset, &slice, 1)]).await?;
    ensure!(states == [CommitState::Committed], "the commit of three slices landed and is {states:?}");
    Ok(())
}

pub(super) async fn deleting_a_slice_removes_only_it(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("green", 2)], 1).await??;
    let red = colors.slice(&["red"])?;
    match bench.store.delete(bench.request(&colors.asset, &red)).await {
        Ok(()) => colors.expect(bench, &[("green", &[2])], "after `red` was deleted").await,
        Err(error) => {
            ensure!(error.kind() == ErrorKind::Unsupported, "a store that does not delete says `Unsupported`, and not {error:?}");
            colors.expect(bench, &[("red", &[1]), ("green", &[2])], "after `red` was not deleted").await
        }
    }
}

pub(super) async fn slices_keep_the_columns_of_their_table(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("blue", 2)], 1).await??;
    let red = colors.slice(&["red"])?;
    let rows = |added: Option<Series>, without: Option<&str>| -> Verdict<DataFrame> {
        let mut rows = colors.rows("red", 3)?;
        if let Some(added) = added {
            rows.with_column(added.into()).map_err(Error::from)?;
        }
        Ok(without.map_or(Ok(rows.clone()), |name| rows.drop(name)).map_err(Error::from)?)
    };
    let more = || Series::new("more".into(), [1.5, 2.5]);
    // Where each partition is a table of its own, the columns of one say nothing of those of another.
    for (number, (what, column, frame)) in (2..).zip([
        ("an added column", "more", rows(Some(more()), None)?),
        ("a missing column", "text", rows(None, Some("text"))?),
        ("a column of another type", "n", rows(Some(Series::new("n".into(), ["1", "2"])), None)?),
    ]) {
        let outcome = bench.put(&colors.asset, &red, Value::Table(frame.into_table()), number).await;
        let error = refused(outcome, &[ErrorKind::Schema], &format!("a slice with {what}"))?;
        ensure!(format!("{error:?}").contains(&format!("`{column}`")), "{what} of a slice is refused without a name: {error:?}");
        colors.expect(bench, &[("red", &[1]), ("blue", &[2])], &format!("after a slice with {what} was refused")).await?;
    }
    let builder = AssetBuilder::new("colors", ValueKind::Table).partition_expr("kind").store_option("schema_mode", "merge");
    let merging = by_hand(builder.partitions(colors.all.space().def().clone()))?;
    let wider = rows(Some(more()), None)?;
    bench.put(&merging, &red, Value::Table(wider.clone().into_table()), 9).await?;
    bench.expect(&merging, &red, Some(Content::Rows(rows_of(&wider)?)), "after a slice added a column").await?;
    if bench.can.partitions_tables() {
        let mut blue = colors.rows("blue", 2)?;
        blue.with_column(Series::full_null("more".into(), 2, &DataType::Float64).into()).map_err(Error::from)?;
        let slice = colors.slice(&["blue"])?;
        bench.expect(&merging, &slice, Some(Content::Rows(rows_of(&blue)?)), "after another slice added a column").await?;
    }
    Ok(())
}
