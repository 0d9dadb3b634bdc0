//! `mode = "merge"`: by the columns of `on`, atomically, in the slice only.

use polars::prelude::{DataFrame, df};

use super::reading::stored;
use super::rows_of;
use super::slices::COLORS;
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

fn merging(options: &[(&str, &str)]) -> Verdict<AssetSpec> {
    let mut builder = AssetBuilder::new("merged", ValueKind::Table).mode(Mode::Merge).on(["id"]);
    for (name, value) in options {
        builder = builder.store_option(*name, *value);
    }
    by_hand(builder)
}

fn people(rows: &[(Option<i64>, &str)]) -> Verdict<DataFrame> {
    let ids: Vec<Option<i64>> = rows.iter().map(|(id, _)| *id).collect();
    let names: Vec<&str> = rows.iter().map(|(_, name)| *name).collect();
    Ok(df!("id" => ids, "name" => names).map_err(Error::from)?)
}

async fn merge(bench: &Bench, asset: &AssetSpec, rows: &[(Option<i64>, &str)], number: i64) -> Verdict<Result<Committed>> {
    Ok(bench.put(asset, WHOLE, Value::Table(people(rows)?.into_table()), number).await)
}

async fn expect(bench: &Bench, asset: &AssetSpec, rows: &[(Option<i64>, &str)], when: &str) -> Verdict {
    let found = stored(bench, asset, None).await?.select(["id", "name"]).map_err(Error::from)?;
    let (found, wanted) = (Content::Rows(rows_of(&found)?).sorted(), Content::Rows(rows_of(&people(rows)?)?).sorted());
    ensure!(found == wanted, "{when}, the rows have to be {wanted}, and are {found}");
    Ok(())
}

const OLD: &[(Option<i64>, &str)] = &[(Some(1), "ann"), (Some(2), "bob")];
const NEW: &[(Option<i64>, &str)] = &[(Some(2), "BOB"), (Some(3), "cid")];

pub(super) async fn merging_updates_and_inserts(bench: &Bench) -> Verdict {
    let asset = merging(&[])?;
    merge(bench, &asset, OLD, 1).await??;
    expect(bench, &asset, OLD, "after a merge into nothing").await?;
    merge(bench, &asset, NEW, 2).await??;
    let wanted = [(Some(1), "ann"), (Some(2), "BOB"), (Some(3), "cid")];
    expect(bench, &asset, &wanted, "after a merge of one row that matches and one that does not").await?;
    let again = merge(bench, &asset, NEW, 2).await??;
    ensure!(again.already, "another attempt at a merge that landed does not say so (`Committed::already`)");
    expect(bench, &asset, &wanted, "after another attempt at a merge that had landed").await?;
    let outcome = merge(bench, &asset, OLD, 1).await?;
    refused(outcome, &[ErrorKind::Superseded], "merge 1 after merge 2")?;
    expect(bench, &asset, &wanted, "after an older merge was refused").await
}

pub(super) async fn merging_chooses_what_becomes_of_rows(bench: &Bench) -> Verdict {
    let (ann, bob, new_bob, cid) = ((Some(1), "ann"), (Some(2), "bob"), (Some(2), "BOB"), (Some(3), "cid"));
    let cases: [(&[(&str, &str)], &[(Option<i64>, &str)]); 6] = [
        (&[("when_matched", "ignore")], &[ann, bob, cid]),
        (&[("when_matched", "delete")], &[ann, cid]),
        (&[("when_not_matched", "ignore")], &[ann, new_bob]),
        (&[("when_not_matched_by_source", "delete")], &[new_bob, cid]),
        (&[("when_matched", "delete"), ("when_not_matched", "ignore")], &[ann]),
        (&[("when_matched", "ignore"), ("when_not_matched_by_source", "delete")], &[bob, cid]),
    ];
    for (at, (options, wanted)) in cases.into_iter().enumerate() {
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
