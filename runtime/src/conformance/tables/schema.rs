//! Section 5: columns match by name, and a table's columns change only as `schema_mode` says.

use polars::prelude::{DataFrame, df};

use super::reading::{in_mode, stored};
use super::rows_of;
use crate::asset::{AssetBuilder, AssetSpec, Mode, ValueKind};
use crate::conformance::bench::{Bench, by_hand};
use crate::conformance::breach::{Verdict, refused};
use crate::conformance::content::Content;
use crate::error::{Error, ErrorKind};
use crate::frame::Frame;
use crate::slice::Slice;
use crate::value::Value;

const WHOLE: &Slice = &Slice::Whole;

fn ab(n: i64) -> Verdict<DataFrame> {
    Ok(df!("a" => [n, n + 1], "b" => ["x", "y"]).map_err(Error::from)?)
}

fn value(frame: DataFrame) -> Value {
    Value::Table(frame.into_table())
}

fn with_schema_mode(mode: Mode, schema_mode: &str) -> Verdict<AssetSpec> {
    by_hand(AssetBuilder::new("ab", ValueKind::Table).mode(mode).store_option("schema_mode", schema_mode))
}

/// What is stored, as a multiset, by the names of the columns.
async fn expect_rows(bench: &Bench, asset: &AssetSpec, wanted: &DataFrame, when: &str) -> Verdict {
    let found = stored(bench, asset, None).await?;
    let (mut names, mut known) = (found.get_column_names_owned(), wanted.get_column_names_owned());
    names.sort();
    known.sort();
    ensure!(names == known, "{when}, the columns have to be {known:?}, and are {names:?}");
    let found = found.select(wanted.get_column_names_owned()).map_err(Error::from)?;
    let (found, wanted) = (Content::Rows(rows_of(&found)?).sorted(), Content::Rows(rows_of(wanted)?).sorted());
    ensure!(found == wanted, "{when}, the rows have to be {wanted}, and are {found}");
    Ok(())
}

pub(super) async fn columns_match_by_name(bench: &Bench) -> Verdict {
    let asset = in_mode("ab", Mode::Append)?;
    bench.put(&asset, WHOLE, value(ab(1)?), 1).await?;
    // By place this would be an error, or the wrong column.
    let turned = ab(3)?.select(["b", "a"]).map_err(Error::from)?;
    bench.put(&asset, WHOLE, value(turned), 2).await?;
    let wanted = ab(1)?.vstack(&ab(3)?).map_err(Error::from)?;
    expect_rows(bench, &asset, &wanted, "after rows with the columns in another order were appended").await
}

pub(super) async fn strict_columns_do_not_change(bench: &Bench) -> Verdict {
    let changes = [
        ("an added column `c`", "c", df!("a" => [1_i64], "b" => ["x"], "c" => [1_i64])),
        ("a missing column `b`", "b", df!("a" => [1_i64])),
        ("a column `a` of another type", "a", df!("a" => ["1"], "b" => ["x"])),
        ("a column `b` by another name", "B2", df!("a" => [1_i64], "B2" => ["x"])),
    ];
    for mode in [Mode::Overwrite, Mode::Append].into_iter().filter(|mode| bench.can.modes.contains(mode)) {
        let asset = in_mode(&format!("ab_{}", mode.name()), mode)?;
        bench.put(&asset, WHOLE, value(ab(1)?), 1).await?;
        for (number, (what, column, frame)) in (2..).zip(&changes) {
            let frame = frame.as_ref().map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
            let what = format!("{what} in `mode = \"{}\"` with `schema_mode = \"strict\"`, which is the default,", mode.name());
            let outcome = bench.put(&asset, WHOLE, value(frame.clone()), number).await;
            let error = refused(outcome, &[ErrorKind::Schema], &what)?;
            ensure!(
                format!("{error:?}").contains(&format!("`{column}`")),
                "{what} is refused without naming the column: {error:?}"
            );
            expect_rows(bench, &asset, &ab(1)?, &format!("after {what} was refused")).await?;
        }
        bench.put(&asset, WHOLE, value(ab(5)?), 9).await?;
    }
    Ok(())
}

pub(super) async fn merged_columns_are_added(bench: &Bench) -> Verdict {
    for mode in [Mode::Append, Mode::Overwrite].into_iter().filter(|mode| bench.can.modes.contains(mode)) {
        let mut asset = with_schema_mode(mode, "merge")?;
        asset.key = format!("ab_{}", mode.name()).parse()?;
        bench.put(&asset, WHOLE, value(ab(1)?), 1).await?;
        let more = df!("c" => [0.5, 1.5], "b" => ["p", "q"], "a" => [7_i64, 8]).map_err(Error::from)?;
        bench.put(&asset, WHOLE, value(more), 2).await?;
        let fewer = df!("a" => [9_i64]).map_err(Error::from)?;
        if mode == Mode::Append {
            bench.put(&asset, WHOLE, value(fewer), 3).await?;
        }
        let wanted = if mode == Mode::Append {
            df!("a" => [1_i64, 2, 7, 8, 9], "b" => [Some("x"), Some("y"), Some("p"), Some("q"), None], "c" => [None, None, Some(0.5), Some(1.5), None])
        } else {
            df!("a" => [7_i64, 8], "b" => ["p", "q"], "c" => [0.5, 1.5])
        };
        let when = format!("after `mode = \"{}\"` with `schema_mode = \"merge\"` added a column", mode.name());
        expect_rows(bench, &asset, &wanted.map_err(Error::from)?, &when).await?;
        let retyped = df!("a" => ["1"], "b" => ["x"]).map_err(Error::from)?;
        let outcome = bench.put(&asset, WHOLE, value(retyped), 4).await;
        refused(outcome, &[ErrorKind::Schema], "a text where the table has a whole number, with `schema_mode = \"merge\"`,")?;
    }
    Ok(())
}

pub(super) async fn overwritten_columns_are_those_of_the_output(bench: &Bench) -> Verdict {
    let asset = with_schema_mode(Mode::Overwrite, "overwrite")?;
    bench.put(&asset, WHOLE, value(ab(1)?), 1).await?;
    let other = df!("z" => [1_i64, 2], "a" => ["now", "text"]).map_err(Error::from)?;
    bench.put(&asset, WHOLE, value(other.clone()), 2).await?;
    expect_rows(bench, &asset, &other, "after `schema_mode = \"overwrite\"` replaced the columns").await
}
