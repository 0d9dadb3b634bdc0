//! Section 4: columns, order, plans, and tables without rows.

use polars::prelude::{DataFrame, IntoLazy, LazyFrame, col, df, lit};

use super::{frame, rows_of};
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::call::Call;
use crate::conformance::bench::{Bench, by_hand, succeeded};
use crate::conformance::breach::{Breach, Verdict, refused};
use crate::conformance::content::Content;
use crate::error::{Error, ErrorKind};
use crate::frame::Frame;
use crate::slice::Slice;
use crate::value::Value;

const WHOLE: &Slice = &Slice::Whole;

fn abc() -> Verdict<DataFrame> {
    Ok(df!("a" => [1_i64, 2, 3], "b" => ["x", "y", "z"], "c" => [0.5, 1.5, 2.5]).map_err(Error::from)?)
}

/// What is stored as a frame; nothing is an error.
pub(super) async fn stored(bench: &Bench, asset: &AssetSpec, columns: Option<&[String]>) -> Verdict<DataFrame> {
    match bench.store.load(bench.read(asset, WHOLE).columns(columns)).await? {
        Some(Value::Table(table)) => Ok(frame(table, &bench.env).await?),
        other => Err(Breach::new(format!("a table was stored, and `load` gave {other:?}"))),
    }
}

pub(super) async fn only_the_columns_asked_for_are_read(bench: &Bench) -> Verdict {
    let asset = bench.asset("abc", ValueKind::Table)?;
    bench.put(&asset, WHOLE, Value::Table(abc()?.into_table()), 1).await?;
    for names in [&["b"][..], &["c", "a"], &["a", "b", "c"]] {
        let columns: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = stored(bench, &asset, Some(&columns)).await?;
        let wanted = abc()?.select(names.iter().copied()).map_err(Error::from)?;
        ensure!(
            found.get_column_names() == wanted.get_column_names(),
            "asked for {names:?}, `load` gave {:?}",
            found.get_column_names()
        );
        let (found, wanted) = (rows_of(&found)?, rows_of(&wanted)?);
        ensure!(found == wanted, "the columns {names:?} have to be {wanted:?}, and are {found:?}");
    }
    let strange = ["nope".to_owned()];
    let outcome = async {
        match bench.store.load(bench.read(&asset, WHOLE).columns(Some(&strange))).await? {
            Some(Value::Table(table)) => frame(table, &bench.env).await,
            _ => Ok(DataFrame::default()),
        }
    };
    let error = refused(outcome.await, &[ErrorKind::Schema], "reading a column that is not there")?;
    ensure!(format!("{error:?}").contains("nope"), "the error does not name the column that is not there: {error:?}");
    Ok(())
}

pub(super) async fn rows_keep_their_order(bench: &Bench) -> Verdict {
    // More than one row group, chunk or page of most formats, in no order that a store would choose itself.
    let numbers: Vec<i64> = (0..20_000_i64).map(|n| n * 7_919 % 20_011).collect();
    let texts: Vec<String> = numbers.iter().map(|n| format!("row {n}")).collect();
    let rows = df!("n" => &numbers, "text" => texts).map_err(Error::from)?;
    let asset = bench.asset("ordered", ValueKind::Table)?;
    bench.put(&asset, WHOLE, Value::Table(rows.clone().into_table()), 1).await?;
    let found = stored(bench, &asset, None).await?;
    ensure!(found.height() == rows.height(), "{} of {} rows came back", found.height(), rows.height());
    let at = found.column("n").map_err(Error::from)?.i64().map_err(Error::from)?;
    let moved = at.iter().zip(&numbers).position(|(found, wanted)| found != Some(*wanted));
    ensure!(moved.is_none(), "the rows came back in another order, first at row {}", moved.unwrap_or_default());
    Ok(())
}

pub(super) async fn plans_are_stored_and_read(bench: &Bench) -> Verdict {
    let plan =
        || -> Verdict<LazyFrame> { Ok(abc()?.lazy().with_column((col("a") * lit(2)).alias("a")).filter(col("c").gt(lit(1.0)))) };
    let (eager, lazy) = (bench.asset("eager", ValueKind::Table)?, bench.asset("lazy", ValueKind::Table)?);
    let wanted = rows_of(&plan()?.collect().map_err(Error::from)?)?;
    bench.put(&lazy, WHOLE, Value::Table(plan()?.into_table()), 1).await?;
    bench.expect(&lazy, WHOLE, Some(Content::Rows(wanted.clone())), "after a plan was stored").await?;
    bench.put(&eager, WHOLE, Value::Table(abc()?.into_table()), 1).await?;
    // A plan that scans what the store gave, and is stored in the same asset that it reads.
    for number in 2..=3 {
        let Some(Value::Table(table)) = bench.store.load(bench.read(&eager, WHOLE)).await? else {
            return Err(Breach::new("a table was stored, and `load` gave none"));
        };
        let more = crate::env::blocking(&bench.env, move || LazyFrame::from_table(table)).await?;
        let more = more.with_column((col("a") + lit(10)).alias("a"));
        bench.put(&eager, WHOLE, Value::Table(more.into_table()), number).await?;
    }
    let wanted = abc()?.lazy().with_column((col("a") + lit(20)).alias("a")).collect().map_err(Error::from)?;
    bench.expect(&eager, WHOLE, Some(Content::Rows(rows_of(&wanted)?)), "after its own plan was stored twice").await
}

pub(super) async fn a_plan_that_fails_changes_nothing(bench: &Bench) -> Verdict {
    let asset = bench.asset("abc", ValueKind::Table)?;
    bench.put(&asset, WHOLE, Value::Table(abc()?.into_table()), 1).await?;
    let before = bench.describe(&asset, WHOLE).await?;
    // Fails after the first rows.
    let numbers: Vec<String> = (0..5_000).map(|n| if n == 4_999 { "not a number".to_owned() } else { n.to_string() }).collect();
    let texts = df!("a" => numbers).map_err(Error::from)?.lazy();
    let failing = texts
        .with_column(col("a").strict_cast(polars::prelude::DataType::Int64))
        .with_columns([lit("x").alias("b"), lit(0.5).alias("c")]);
    let outcome = bench.stage(&asset, WHOLE, Value::Table(failing.into_table())).await;
    ensure!(outcome.is_err(), "a plan that fails while it is written was staged");
    bench.expect(&asset, WHOLE, Some(Content::Rows(rows_of(&abc()?)?)), "after a plan failed while it was written").await?;
    let after = bench.describe(&asset, WHOLE).await?;
    ensure!(before == after, "a plan that failed changed what is stored: {before:?} became {after:?}");
    Ok(())
}

pub(super) async fn a_table_without_rows_is_there(bench: &Bench) -> Verdict {
    let asset = bench.asset("abc", ValueKind::Table)?;
    for (number, first) in [(1, abc()?.head(Some(0))), (2, abc()?), (3, abc()?.head(Some(0)))] {
        bench.put(&asset, WHOLE, Value::Table(first.clone().into_table()), number).await?;
        let found = stored(bench, &asset, None).await?;
        ensure!(
            found.schema() == first.schema(),
            "a table of {} rows came back with the columns {:?}",
            first.height(),
            found.schema()
        );
        let (found, wanted) = (rows_of(&found)?, rows_of(&first)?);
        ensure!(found == wanted, "a table that has {wanted:?} came back with {found:?}");
        let described = bench.describe(&asset, WHOLE).await?;
        ensure!(described.exists, "`describe` says that a table of {} rows does not exist", first.height());
        ensure!(
            described.rows.is_none_or(|rows| rows == first.height() as u64),
            "`describe` says {:?} rows of {}",
            described.rows,
            first.height()
        );
    }
    Ok(())
}

pub(super) async fn a_run_reads_columns_and_plans(bench: &Bench) -> Verdict {
    let first = abc()?;
    let made = AssetBuilder::new("made", ValueKind::Table).body(move |call: Call| {
        let first = first.clone();
        async move { call.produce_frame(first.lazy()) }
    })?;
    let chosen = crate::asset::Input::of("made").columns(["c", "a"]);
    let taken = AssetBuilder::new("taken", ValueKind::Table).input(chosen).body(|call: Call| async move {
        call.blocking(|mut call| {
            let plan: LazyFrame = call.frame("made")?;
            call.produce_frame(plan.filter(col("a").gt(lit(1))))
        })
        .await
    })?;
    let lakehouse = bench.lakehouse([made, taken.clone()]).build()?;
    succeeded(&lakehouse.materialize("*").await?)?;
    succeeded(&lakehouse.materialize("taken").await?)?;
    let wanted = abc()?.select(["c", "a"]).map_err(Error::from)?.tail(Some(2));
    let found = stored(bench, &taken, None).await?;
    ensure!(found.get_column_names() == ["c", "a"], "asked for `c` and `a`, a body was handed {:?}", found.get_column_names());
    bench.expect(&taken, WHOLE, Some(Content::Rows(rows_of(&wanted)?)), "after a plan over two columns was stored").await
}

pub(super) async fn a_missing_version_is_an_error(bench: &Bench) -> Verdict {
    let asset = bench.asset("abc", ValueKind::Table)?;
    bench.put_sample(&asset, WHOLE, 1, 1).await?;
    let outcome = bench.store.load(bench.read(&asset, WHOLE).version(Some(99))).await;
    let error = refused(outcome, &[ErrorKind::Missing], "reading a version that there is not")?;
    ensure!(format!("{error:?}").contains("99"), "the error does not name the version: {error:?}");
    Ok(())
}

pub(super) async fn old_versions_are_read(bench: &Bench) -> Verdict {
    let asset = bench.asset("abc", ValueKind::Table)?;
    let mut versions = Vec::new();
    for n in 1..=3 {
        let committed = bench.put_sample(&asset, WHOLE, n, n).await?;
        let Some(version) = committed.version else {
            return Err(Breach::new("the store keeps versions, and `Committed::version` does not say which one a commit made"));
        };
        versions.push((n, version));
    }
    for (n, version) in versions {
        let Some(value) = bench.store.load(bench.read(&asset, WHOLE).version(Some(version))).await? else {
            return Err(Breach::new(format!("version {version} was made, and `load` gave nothing for it")));
        };
        let (found, wanted) = (Content::of(value, &bench.env).await?.sorted(), Content::sample(ValueKind::Table, n)?);
        ensure!(found == wanted, "version {version} has to be {wanted}, and is {found}");
    }
    let newest = bench.describe(&asset, WHOLE).await?.version;
    ensure!(newest.is_some(), "`describe` does not say which version is the newest");
    Ok(())
}

/// An asset in a mode.
pub(super) fn in_mode(key: &str, mode: Mode) -> Verdict<AssetSpec> {
    by_hand(AssetBuilder::new(key, ValueKind::Table).mode(mode))
}
