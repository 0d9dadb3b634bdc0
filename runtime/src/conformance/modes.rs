//! Section 5: how a value meets what is stored.

use super::bench::{Bench, by_hand};
use super::breach::{Verdict, refused};
use super::content::{Content, sample};
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::error::ErrorKind;
use crate::slice::Slice;

const WHOLE: &Slice = &Slice::Whole;

fn in_mode(kind: ValueKind, mode: Mode) -> Verdict<AssetSpec> {
    by_hand(AssetBuilder::new("value", kind).mode(mode))
}

pub(super) async fn error_refuses_what_is_there(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = in_mode(kind, Mode::Error)?;
    bench.put_sample(&asset, WHOLE, 1, 1).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after `mode = \"error\"` met nothing").await?;
    let outcome = bench.put(&asset, WHOLE, sample(kind, 2)?, 2).await;
    refused(outcome, &[ErrorKind::Present], "storing with `mode = \"error\"` what is there already")?;
    bench.expect_sample(&asset, WHOLE, 1, "after `mode = \"error\"` refused").await?;
    let again = bench.put_sample(&asset, WHOLE, 1, 1).await?;
    ensure!(again.already, "with `mode = \"error\"`, another attempt at the commit that landed is no error and says `already`");
    Ok(())
}

pub(super) async fn ignore_leaves_what_is_there(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = in_mode(kind, Mode::Ignore)?;
    let first = bench.put_sample(&asset, WHOLE, 1, 1).await?;
    ensure!(first.ignored.is_none(), "`mode = \"ignore\"` met nothing and says that it ignored {:?}", first.ignored);
    bench.expect_sample(&asset, WHOLE, 1, "after `mode = \"ignore\"` met nothing").await?;
    let second = bench.put_sample(&asset, WHOLE, 2, 2).await?;
    ensure!(
        second.ignored == Some(Slice::Whole),
        "`mode = \"ignore\"` left what is there and does not say so: `Committed::ignored` is {:?}",
        second.ignored
    );
    bench.expect_sample(&asset, WHOLE, 1, "after `mode = \"ignore\"` met something").await?;
    Ok(())
}

pub(super) async fn append_adds(bench: &Bench) -> Verdict {
    let kind = ValueKind::Table;
    let asset = in_mode(kind, Mode::Append)?;
    for n in 1..=3 {
        let committed = bench.put_sample(&asset, WHOLE, n, n).await?;
        if let Some(rows) = committed.table_rows {
            ensure!(rows == 3 * n.unsigned_abs(), "after {n} appends of 3 rows, `Committed::table_rows` is {rows}");
        }
        bench.expect(&asset, WHOLE, Some(several(n)?), "after rows were appended").await?;
    }
    Ok(())
}

pub(super) async fn a_retried_append_adds_once(bench: &Bench) -> Verdict {
    let kind = ValueKind::Table;
    let asset = in_mode(kind, Mode::Append)?;
    bench.put_sample(&asset, WHOLE, 1, 1).await?;
    let staged = [bench.stage_sample(&asset, WHOLE, 2).await?];
    bench.commit(&asset, WHOLE, &staged, 2).await?;
    let again = bench.commit(&asset, WHOLE, &staged, 2).await?;
    ensure!(again.already, "an append that is committed again does not say that it had landed (`Committed::already`)");
    bench.expect(&asset, WHOLE, Some(several(2)?), "after an append was committed twice").await?;
    let retried = bench.put_sample(&asset, WHOLE, 2, 2).await?;
    ensure!(retried.already, "another attempt at an append does not say that it had landed (`Committed::already`)");
    bench.expect(&asset, WHOLE, Some(several(2)?), "after another attempt at an append that had landed").await?;
    let other = bench.again().await;
    other.put_sample(&asset, WHOLE, 2, 2).await?;
    bench.expect(&asset, WHOLE, Some(several(2)?), "after another instance tried an append that had landed").await
}

/// The first `n` samples, one after the other.
fn several(n: i64) -> Verdict<Content> {
    let mut all = Vec::new();
    for n in 1..=n {
        if let Content::Rows(rows) = Content::sample(ValueKind::Table, n)? {
            all.extend(rows);
        }
    }
    Ok(Content::Rows(all))
}
