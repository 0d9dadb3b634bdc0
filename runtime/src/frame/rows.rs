//! Frames whose columns are declared, and the check that they have them.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

#[cfg(feature = "polars")]
use super::polars::without_rows;
use super::{EmptyTable, Frame, Table};
use crate::columns::{ColumnDef, Columns, FoundColumn};
use crate::error::{Error, ErrorKind, Result, nearest};

/// A frame that is known to have the columns of `R`, and no others, in any order.
///
/// As the type of an output it declares the columns of the asset, as the type of an input it declares what the asset needs. The
/// compiler compares the two, and every column that an attribute names with what is declared; names, types and nulls of what is
/// really there are checked when the value is made or loaded. Nulls are counted in frames in memory only, since a plan would have to
/// be computed for them.
///
/// ```
/// # #[cfg(feature = "polars")] {
/// use lakewright::jiff::civil::{Date, DateTime};
/// use lakewright::prelude::*;
///
/// #[derive(Columns)]
/// struct Hourly {
///     date: DateTime,
///     temp: Option<f64>,
/// }
///
/// #[derive(Columns)]
/// struct Daily {
///     date: Date,
///     max_temp: Option<f64>,
/// }
///
/// #[external_asset(io_manager = "csv")]
/// fn sf_temps() -> Rows<Hourly, LazyFrame>;
///
/// #[asset]
/// fn daily(sf_temps: Rows<Hourly, LazyFrame>) -> Result<Rows<Daily, DataFrame>> {
///     let day = col("date").dt().date();
///     let daily = sf_temps.into_inner().group_by([day]).agg([col("temp").max().alias("max_temp")]);
///     Rows::new(daily.collect()?)
/// }
///
/// let error = Rows::<Daily, _>::new(df!("date" => [20_100_101], "max_tmp" => [47.0]).unwrap()).unwrap_err();
/// assert_eq!(
///     error.message(),
///     "the columns are not as declared: `date` is Int32 and is declared as Date; `max_temp` is missing (there is `max_tmp`)"
/// );
/// # }
/// ```
pub struct Rows<R, F> {
    frame: F,
    rows: PhantomData<fn() -> R>,
}

impl<R: Columns, F: Frame> Rows<R, F> {
    /// Checks the columns of a frame. Reads no rows, but may read the schema of files that a plan scans.
    ///
    /// # Errors
    /// If a column is missing, not declared, of another type, or has nulls and was declared without `Option`; one error says it all.
    pub fn new(frame: F) -> Result<Self> {
        let mut table = frame.into_table();
        check::<R>(&mut table)?;
        Ok(Self { frame: F::from_table(table)?, rows: PhantomData })
    }
}

impl<R, F> Rows<R, F> {
    /// The frame.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.frame
    }
}

impl<R, F> Deref for Rows<R, F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.frame
    }
}

impl<R, F: Clone> Clone for Rows<R, F> {
    fn clone(&self) -> Self {
        Self { frame: self.frame.clone(), rows: PhantomData }
    }
}

impl<R, F> fmt::Debug for Rows<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows<{}, {}>", short_name::<R>(), short_name::<F>())
    }
}

impl<R: Columns + 'static, F: Frame> Frame for Rows<R, F> {
    const COLUMNS: Option<&'static [ColumnDef]> = if R::MISTAKEN { None } else { Some(R::COLUMNS) };

    fn into_table(self) -> Table {
        self.frame.into_table()
    }

    fn from_table(table: Table) -> Result<Self> {
        // Of what is not there yet, as the partition before the first, the columns are known anyway.
        let declared = if table.is::<EmptyTable>() { without_rows(R::COLUMNS) } else { None };
        let mut table = declared.unwrap_or(table);
        // Before the rows are read, and then again for the nulls.
        check::<R>(&mut table)?;
        Self::new(F::from_table(table)?)
    }
}

/// Without Polars nothing makes a table of declared columns.
#[cfg(not(feature = "polars"))]
fn without_rows(_columns: &[ColumnDef]) -> Option<Table> {
    None
}

fn check<R: Columns>(table: &mut Table) -> Result<()> {
    check_declared(R::COLUMNS, table, None).map_err(|error| error.with("rows", short_name::<R>()))
}

fn short_name<T>() -> &'static str {
    type_name::<T>().rsplit("::").next().unwrap_or_default()
}

/// Checks that a table has the declared columns, or `only` these of them, and no others; in any order. Reads no rows, but may read
/// the schema of files that a plan scans, which blocks.
///
/// # Errors
/// [`ErrorKind::Schema`] with every difference, or what kept the columns from being looked at.
pub fn check_declared(declared: &[ColumnDef], table: &mut Table, only: Option<&[String]>) -> Result<()> {
    let Some(found) = table.found_columns()? else {
        let message = format!("a table made of {} does not say its columns, so they cannot be checked", table.made_of());
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    let read = |column: &&ColumnDef| only.is_none_or(|only| only.iter().any(|name| name == column.name));
    let declared: Vec<&ColumnDef> = declared.iter().filter(read).collect();
    let differences = differences(&declared, &found);
    let message = match &differences[..] {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("the columns are not as declared: {}", several.join("; ")),
    };
    let names: Vec<_> = declared.iter().map(|column| format!("`{}` {}", column.name, column.data_type)).collect();
    Err(Error::new(ErrorKind::Schema, message).help(format!("declared: {}", names.join(", "))))
}

/// Each difference as a sentence of its own, first those of the declared columns.
fn differences(declared: &[&ColumnDef], found: &[FoundColumn]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut extra: Vec<&str> = found.iter().map(|found| found.name.as_str()).collect();
    extra.retain(|name| declared.iter().all(|column| column.name != *name));
    for column in declared {
        let name = column.name;
        let Some(there) = found.iter().find(|found| found.name == name) else {
            let near = nearest(name, extra.iter().copied());
            // One that is called by a wrong name is not also one too many.
            extra.retain(|name| Some(*name) != near);
            let near = near.map(|near| format!(" (there is `{near}`)")).unwrap_or_default();
            differences.push(format!("`{name}` is missing{near}"));
            continue;
        };
        if !there.data_type.is(&column.data_type) {
            differences.push(format!("`{name}` is {} and is declared as {}", there.data_type, column.data_type));
        }
        if let Some(nulls) = there.nulls.filter(|nulls| *nulls > 0 && !column.nullable) {
            let nulls = if nulls == 1 { "a null".to_owned() } else { format!("{nulls} nulls") };
            differences.push(format!("`{name}` has {nulls} and is declared without `Option`"));
        }
    }
    differences.extend(extra.iter().map(|name| format!("`{name}` is not declared")));
    differences
}
