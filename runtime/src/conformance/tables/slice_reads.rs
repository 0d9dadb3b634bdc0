//! Section 4, for slices: empty and missing, one by one, by columns, in order.

use polars::prelude::df;

use super::slices::{COLORS, colors, lists};
use super::{frame, rows_of};
use crate::asset::{AssetBuilder, Mode, ValueKind};
use crate::conformance::bench::{Bench, by_hand, keys};
use crate::conformance::breach::{Breach, Verdict};
use crate::conformance::content::Content;
use crate::error::Error;
use crate::frame::Frame;
use crate::partition::PartitionsDef;
use crate::slice::Slice;
use crate::value::Value;

pub(super) async fn an_empty_slice_is_there(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("red", 1)], 1).await??;
    for number in 1..=2 {
        for name in ["green", "red"] {
            let empty = Value::Table(colors.rows(name, 0)?.head(Some(0)).into_table());
            bench.put(&colors.asset, &colors.slice(&[name])?, empty, number + 1).await?;
        }
        let when = "after `green` and `red` were stored without a row";
        colors.expect(bench, &[("red", &[]), ("green", &[])], when).await?;
    }
    colors.put(bench, &[("green", 2), ("blue", 3)], 4).await??;
    colors.expect(bench, &[("red", &[]), ("green", &[2]), ("blue", &[3])], "after one that was without a row got some").await
}

pub(super) async fn slices_are_read_each(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("blue", 1), ("red", 2)], 1).await??;
    let slice = colors.slice(&["red", "blue"])?;
    for columns in [None, Some(["n".to_owned()])] {
        let request = bench.read(&colors.asset, &slice).columns(columns.as_ref().map(|columns| &columns[..]));
        let each = bench.store.load_each(request).await?;
        let names: Vec<String> = each.iter().map(|(key, _)| key.to_string()).collect();
        ensure!(
            names == ["red", "blue"],
            "`load_each` has to give `red` and `blue` in the order of the definition, and gave {names:?}"
        );
        for ((key, value), n) in each.into_iter().zip([2, 1]) {
            let Some(Value::Table(table)) = value else {
                return Err(Breach::new(format!("`load_each` gave nothing for `{key}`")));
            };
            let found = rows_of(&frame(table, &bench.env).await?)?;
            let mut wanted = colors.rows(&key.to_string(), n)?;
            if columns.is_some() {
                wanted = wanted.select(["n"]).map_err(Error::from)?;
            }
            let wanted = rows_of(&wanted)?;
            ensure!(found == wanted, "`load_each` has to give only the rows of `{key}`, {wanted:?}, and gave {found:?}");
        }
    }
    Ok(())
}

pub(super) async fn columns_of_a_slice_are_read_without_its_own(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    colors.put(bench, &[("blue", 1), ("red", 2)], 1).await??;
    let (slice, columns) = (colors.slice(&["blue"])?, ["text".to_owned(), "n".to_owned()]);
    let Some(Value::Table(table)) = bench.store.load(bench.read(&colors.asset, &slice).columns(Some(&columns))).await? else {
        return Err(Breach::new("a slice was stored, and `load` gave nothing"));
    };
    let found = frame(table, &bench.env).await?;
    ensure!(found.get_column_names() == ["text", "n"], "asked for `text` and `n`, `load` gave {:?}", found.get_column_names());
    let wanted = rows_of(&colors.rows("blue", 1)?.select(["text", "n"]).map_err(Error::from)?)?;
    let found = rows_of(&found)?;
    ensure!(found == wanted, "without the partition column, the rows of `blue` have to be {wanted:?}, and are {found:?}");
    Ok(())
}

pub(super) async fn rows_of_a_slice_keep_their_order(bench: &Bench) -> Verdict {
    let colors = colors(bench, Mode::Overwrite)?;
    let numbers: Vec<i64> = (0..5_000_i64).map(|n| n * 7_919 % 5_003).collect();
    let rows =
        df!("kind" => vec!["blue"; numbers.len()], "n" => &numbers, "text" => vec!["t"; numbers.len()]).map_err(Error::from)?;
    let slice = colors.slice(&["blue"])?;
    colors.put(bench, &[("red", 1)], 1).await??;
    bench.put(&colors.asset, &slice, Value::Table(rows.into_table()), 1).await?;
    let Some(Value::Table(table)) = bench.store.load(bench.read(&colors.asset, &slice)).await? else {
        return Err(Breach::new("a slice was stored, and `load` gave nothing"));
    };
    let found = frame(table, &bench.env).await?;
    let found: Vec<Option<i64>> = found.column("n").map_err(Error::from)?.i64().map_err(Error::from)?.iter().collect();
    let wanted: Vec<Option<i64>> = numbers.into_iter().map(Some).collect();
    ensure!(found == wanted, "the rows of a slice came back in another order");
    Ok(())
}

pub(super) async fn a_column_parts_a_table_that_is_written_whole(bench: &Bench) -> Verdict {
    let asset = by_hand(AssetBuilder::new("whole", ValueKind::Table).partition_expr("kind"))?;
    for (number, rows) in (1..).zip([lists("row", &["red", "blue", "red"], 1)?, lists("row", &["grey", "blue"], 2)?]) {
        bench.put(&asset, &Slice::Whole, Value::Table(rows.clone().into_table()), number).await?;
        let when = "after a table that a column parts was written whole";
        bench.expect(&asset, &Slice::Whole, Some(Content::Rows(rows_of(&rows)?)), when).await?;
    }
    // Somebody reads it by a definition over that column.
    let def = PartitionsDef::fixed("Color", COLORS)?;
    let blue = keys(&bench.space(&def)?, &["blue"])?.slice();
    let request = bench.read(&asset, &blue).partitions(Some(&def));
    let Some(Value::Table(table)) = bench.store.load(request).await? else {
        return Err(Breach::new("the rows of `blue` are there, and a reader with a definition over the column got nothing"));
    };
    let (found, wanted) = (rows_of(&frame(table, &bench.env).await?)?, rows_of(&lists("row", &["blue"], 2)?)?);
    ensure!(found == wanted, "a reader with a definition over the column has to get {wanted:?}, and got {found:?}");
    Ok(())
}
