//! Section 5: every row belongs to the slice, or nothing is stored.

use polars::prelude::{DataFrame, IntoLazy, df};

use super::slices::{Sliced, colors};
use crate::asset::Mode;
use crate::conformance::bench::Bench;
use crate::conformance::breach::{Verdict, refused};
use crate::error::{Error, ErrorKind};
use crate::frame::{Frame, Table};
use crate::value::Value;

fn of_kinds(kinds: &[Option<&str>]) -> Verdict<DataFrame> {
    let rows = kinds.len();
    Ok(df!("kind" => kinds, "n" => vec![1_i64; rows], "text" => vec!["t"; rows]).map_err(Error::from)?)
}

/// Refuses unless the store refuses these rows of `red`, and says this of them.
async fn stray(bench: &Bench, colors: &Sliced, rows: Table, says: &[&str], what: &str) -> Verdict {
    let outcome = bench.put(&colors.asset, &colors.slice(&["red"])?, Value::Table(rows), 7).await;
    let error = refused(outcome, &[ErrorKind::StrayRows], what)?;
    for word in says {
        ensure!(error.message().contains(word), "the error of {what} has to say {word}: {error:?}");
    }
    Ok(())
}

pub(super) async fn stray_rows_are_refused(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    // The first write of all is looked at as well.
    let two = || of_kinds(&[Some("red"), Some("blue"), Some("red"), Some("grey")]);
    let says = ["`kind`", "`blue`", "2 rows"];
    stray(bench, &colors, two()?.into_table(), &says, "two stray rows in a first write").await?;
    colors.expect(bench, &[], "after the first write had stray rows").await?;
    colors.put(bench, &[("red", 1), ("blue", 2)], 1).await??;
    for (table, what) in [(two()?.into_table(), "two stray rows"), (two()?.lazy().into_table(), "two stray rows of a plan")] {
        stray(bench, &colors, table, &says, what).await?;
        colors.expect(bench, &[("red", &[1]), ("blue", &[2])], &format!("after {what} were refused")).await?;
    }
    let strange = of_kinds(&[Some("red"), Some("mauve")])?;
    stray(bench, &colors, strange.into_table(), &["`kind`", "`mauve`", "1 row"], "a row of no partition at all").await?;
    colors.expect(bench, &[("red", &[1]), ("blue", &[2])], "after a row of no partition was refused").await
}

pub(super) async fn nulls_belong_to_no_slice(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("blue", 2)], 1).await??;
    let rows = of_kinds(&[Some("red"), None])?;
    stray(bench, &colors, rows.into_table(), &["`kind`", "null"], "a row whose partition column is null").await?;
    colors.expect(bench, &[("red", &[1]), ("blue", &[2])], "after a null was refused").await
}

pub(super) async fn a_slice_needs_its_column(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1), ("blue", 2)], 1).await??;
    let rows = of_kinds(&[Some("red")])?.drop("kind").map_err(Error::from)?;
    let outcome = bench.put(&colors.asset, &colors.slice(&["red"])?, Value::Table(rows.into_table()), 7).await;
    let error = refused(outcome, &[ErrorKind::Schema], "rows without the column that `partition_expr` names")?;
    ensure!(format!("{error:?}").contains("`kind`"), "the error does not name the column: {error:?}");
    colors.expect(bench, &[("red", &[1]), ("blue", &[2])], "after rows without the partition column were refused").await
}
