//! `mode = "merge"`: by the columns of `on`, atomically, in the slice only.

use polars::prelude::{DataFrame, df};

use super::reading::stored;
use super::rows_of;
use super::slices::{COLORS, Sliced};
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::conformance::bench::{Bench, by_hand, keys};
use crate::conformance::breach::{Verdict, refused};
use crate::conformance::content::Content;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::io::Committed;
use crate::partition::PartitionsDef;
use crate::slice::Slice;
use crate::value::Value;

const WHOLE: &Slice = &Slice::Whole;

/// An id and a name.
type Person = (Option<i64>, &'static str);

/// Options of a merge, and what they make of the old and the new rows.
type Case = (&'static [(&'static str, &'static str)], &'static [Person]);

fn merging(options: &[(&str, &str)]) -> Verdict<AssetSpec> {
    let mut builder = AssetBuilder::new("merged", ValueKind::Table).mode(Mode::Merge).on(["id"]);
    for (name, value) in options {
        builder = builder.store_option(*name, *value);
    }
    by_hand(builder)
}

fn people(rows: &[Person]) -> Verdict<DataFrame> {
    let ids: Vec<Option<i64>> = rows.iter().map(|(id, _)| *id).collect();
    let names: Vec<&str> = rows.iter().map(|(_, name)| *name).collect();
    Ok(df!("id" => ids, "name" => names).map_err(Error::from)?)
}

async fn merge(bench: &Bench, asset: &AssetSpec, rows: &[Person], number: i64) -> Verdict<Result<Committed>> {
    Ok(bench.put(asset, WHOLE, Value::Table(people(rows)?.into_table()), number).await)
}

async fn expect(bench: &Bench, asset: &AssetSpec, rows: &[Person], when: &str) -> Verdict {
    let found = stored(bench, asset, None).await?.select(["id", "name"]).map_err(Error::from)?;
    let (found, wanted) = (Content::Rows(rows_of(&found)?).sorted(), Content::Rows(rows_of(&people(rows)?)?).sorted());
    ensure!(found == wanted, "{when}, the rows have to be {wanted}, and are {found}");
    Ok(())
}

const ANN: Person = (Some(1), "ann");
const BOB: Person = (Some(2), "bob");
const NEW_BOB: Person = (Some(2), "BOB");
const CID: Person = (Some(3), "cid");
const OLD: &[Person] = &[ANN, BOB];
const NEW: &[Person] = &[NEW_BOB, CID];

const CASES: &[Case] = &[
    (&[("when_matched", "ignore")], &[ANN, BOB, CID]),
    (&[("when_matched", "delete")], &[ANN, CID]),
    (&[("when_not_matched", "ignore")], &[ANN, NEW_BOB]),
    (&[("when_not_matched_by_source", "delete")], &[NEW_BOB, CID]),
    (&[("when_matched", "delete"), ("when_not_matched", "ignore")], &[ANN]),
    (&[("when_matched", "ignore"), ("when_not_matched_by_source", "delete")], &[BOB, CID]),
];

pub(super) async fn merging_updates_and_inserts(bench: &Bench) -> Verdict {
    let asset = merging(&[])?;
    merge(bench, &asset, OLD, 1).await??;
    expect(bench, &asset, OLD, "after a merge into nothing").await?;
    merge(bench, &asset, NEW, 2).await??;
    let wanted = [ANN, NEW_BOB, CID];
    expect(bench, &asset, &wanted, "after a merge of one row that matches and one that does not").await?;
    let again = merge(bench, &asset, NEW, 2).await??;
    ensure!(again.already, "another attempt at a merge that landed does not say so (`Committed::already`)");
    expect(bench, &asset, &wanted, "after another attempt at a merge that had landed").await?;
    let outcome = merge(bench, &asset, OLD, 1).await?;
    refused(outcome, &[ErrorKind::Superseded], "merge 1 after merge 2")?;
    expect(bench, &asset, &wanted, "after an older merge was refused").await
}

pub(super) async fn merging_chooses_what_becomes_of_rows(bench: &Bench) -> Verdict {
    for (at, (options, wanted)) in CASES.iter().enumerate() {
        let mut asset = merging(options)?;
        asset.key = format!("merged{at}").parse()?;
        merge(bench, &asset, OLD, 1).await??;
        expect(bench, &asset, OLD, &format!("after a merge into nothing with {options:?}")).await?;
        merge(bench, &asset, NEW, 2).await??;
        expect(bench, &asset, wanted, &format!("after a merge with {options:?}")).await?;
    }
    Ok(())
}

pub(super) async fn merging_needs_one_row_for_a_key(bench: &Bench) -> Verdict {
    let asset = merging(&[])?;
    merge(bench, &asset, OLD, 1).await??;
    for (rows, what) in [
        (&[(Some(2), "x"), (Some(3), "y"), (Some(2), "z")][..], "two new rows with one key"),
        (&[(Some(7), "x"), (Some(7), "y")], "two new rows with one key that is not stored"),
        (&[(Some(2), "x"), (None, "y")], "a new row whose key is null"),
    ] {
        let outcome = merge(bench, &asset, rows, 2).await?;
        let error = refused(outcome, &[ErrorKind::Value], what)?;
        ensure!(
            ["`id`", "id = "].iter().any(|name| error.message().contains(name)),
            "the error of {what} does not name the column `id`: {error:?}"
        );
        expect(bench, &asset, OLD, &format!("after {what} were refused")).await?;
    }
    let fresh = {
        let mut fresh = merging(&[])?;
        fresh.key = "fresh".parse()?;
        fresh
    };
    let outcome = merge(bench, &fresh, &[(Some(1), "x"), (Some(1), "y")], 1).await?;
    refused(outcome, &[ErrorKind::Value], "two new rows with one key in a first write")?;
    ensure!(!bench.describe(&fresh, WHOLE).await?.exists, "two new rows with one key were refused, and something is stored");
    Ok(())
}

pub(super) async fn merging_stays_in_the_slice(bench: &Bench) -> Verdict {
    let def = PartitionsDef::fixed("Color", COLORS)?;
    let space = bench.space(&def)?;
    let builder = AssetBuilder::new("colors", ValueKind::Table).mode(Mode::Merge).on(["id"]);
    let builder = builder.store_option("when_not_matched_by_source", "delete");
    let asset = by_hand(builder.partitions(def).partition_expr("kind"))?;
    let rows = |kind: &str, ids: &[i64], text: &str| -> Verdict<DataFrame> {
        Ok(df!("kind" => vec![kind; ids.len()], "id" => ids, "text" => vec![text; ids.len()]).map_err(Error::from)?)
    };
    let (red, blue) = (keys(&space, &["red"])?.slice(), keys(&space, &["blue"])?.slice());
    let put = |slice: &Slice, rows: DataFrame, number: i64| {
        let (asset, slice) = (asset.clone(), slice.clone());
        async move { bench.put(&asset, &slice, Value::Table(rows.into_table()), number).await }
    };
    put(&red, rows("red", &[1, 2], "old")?, 1).await?;
    put(&blue, rows("blue", &[1, 2], "old")?, 1).await?;
    put(&red, rows("red", &[2, 3], "new")?, 2).await?;
    let wanted = Content::Rows(rows_of(&rows("red", &[2, 3], "new")?)?);
    bench.expect(&asset, &red, Some(wanted), "after a merge into one slice that deletes what does not match").await?;
    let wanted = Content::Rows(rows_of(&rows("blue", &[1, 2], "old")?)?);
    bench.expect(&asset, &blue, Some(wanted), "after a merge into another slice").await?;
    let outcome = put(&red, rows("blue", &[1], "stray")?, 3).await;
    refused(outcome, &[ErrorKind::StrayRows], "merging a row of another slice")?;
    let wanted = Content::Rows(rows_of(&rows("blue", &[1, 2], "old")?)?);
    bench.expect(&asset, &blue, Some(wanted), "after a merge of a stray row was refused").await
}

pub(super) async fn merging_creates_absent_slices(bench: &Bench) -> Verdict {
    // The number of a row is its id and its version.
    let rows = |kind: &str, n: i64| -> Verdict<DataFrame> {
        Ok(df!("kind" => [kind], "id" => [n / 10], "version" => [n % 10]).map_err(Error::from)?)
    };
    let builder = AssetBuilder::new("colors", ValueKind::Table).mode(Mode::Merge).on(["id"]).partition_expr("kind");
    let builder = builder.store_option("when_not_matched", "ignore");
    let def = PartitionsDef::fixed("Color", ["red", "green", "blue", "grey", "pink"])?;
    let colors = Sliced::new(bench, builder, def, Box::new(rows))?;
    colors.put(bench, &[("red", 11)], 1).await??;
    colors.put(bench, &[("green", 21)], 1).await??;
    let both: &[(&str, &[i64])] = &[("red", &[11]), ("green", &[21])];
    colors.expect(bench, both, "after a merge into a table, and one into a slice, that was not there").await?;
    let again = colors.put(bench, &[("green", 21)], 1).await??;
    ensure!(again.already, "another attempt at a merge that created a slice does not say that it had landed");
    colors.put(bench, &[("green", 31)], 2).await??;
    colors.expect(bench, both, "after a merge of a row that matches none into a slice that is there").await?;

    let (blue, nothing) = (colors.slice(&["blue"])?, rows("blue", 41)?.clear());
    bench.put(&colors.asset, &blue, Value::Table(nothing.into_table()), 1).await?;
    colors.put(bench, &[("blue", 41)], 2).await??;
    let with_blue: &[(&str, &[i64])] = &[("red", &[11]), ("green", &[21]), ("blue", &[])];
    colors.expect(bench, with_blue, "after a merge into a slice that was stored without a row").await?;

    // Of several slices, each is there or not by itself: in a piece of its own, and in one frame.
    colors.put(bench, &[("red", 12), ("grey", 51)], 1).await??;
    let wanted: &[(&str, &[i64])] = &[("red", &[12]), ("green", &[21]), ("blue", &[]), ("grey", &[51])];
    colors.expect(bench, wanted, "after a merge into a slice that is there and one that is not").await?;
    let several = df!("kind" => ["pink", "green", "green"], "id" => [1_i64, 2, 6], "version" => [3_i64, 3, 3]);
    let several = Value::Table(several.map_err(Error::from)?.into_table());
    bench.put(&colors.asset, &colors.slice(&["green", "pink"])?, several, 1).await?;
    let wanted: &[(&str, &[i64])] = &[("red", &[12]), ("green", &[23]), ("blue", &[]), ("grey", &[51]), ("pink", &[13])];
    colors.expect(bench, wanted, "after one frame was merged into a slice that is there and one that is not").await
}
