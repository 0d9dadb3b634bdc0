//! Frames whose columns are declared, and the check that they have them.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::{Frame, Table};
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
/// use lakewright::prelude::*;
///
/// #[derive(Columns)]
/// struct Hourly {
///     date: String,
///     temp: Option<f64>,
/// }
///
/// #[derive(Columns)]
/// struct Daily {
///     date: String,
///     max_temp: Option<f64>,
/// }
///
/// #[external_asset(io_manager = "csv")]
/// fn sf_temps() -> Rows<Hourly, LazyFrame>;
///
/// #[asset]
/// fn daily(sf_temps: Rows<Hourly, LazyFrame>) -> Result<Rows<Daily, DataFrame>> {
///     let day = col("date").str().head(lit(10));
///     let daily = sf_temps.into_inner().group_by([day]).agg([col("temp").max().alias("max_temp")]);
///     Rows::new(daily.collect()?)
/// }
///
/// let error = Rows::<Daily, _>::new(df!("date" => ["2010/01/01"], "max_tmp" => [47i64]).unwrap()).unwrap_err();
/// assert_eq!(
///     error.message(),
///     "the columns are not as declared: `max_temp` is missing (there is `max_tmp`); `max_tmp` is not declared"
/// );
/// # }
/// ```
pub struct Rows<R: Columns, F> {
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

impl<R: Columns, F> Rows<R, F> {
    /// The frame.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.frame
    }
}

impl<R: Columns, F> Deref for Rows<R, F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.frame
    }
}

impl<R: Columns, F: Clone> Clone for Rows<R, F> {
    fn clone(&self) -> Self {
        Self { frame: self.frame.clone(), rows: PhantomData }
    }
}

impl<R: Columns, F: fmt::Debug> fmt::Debug for Rows<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rows").field(&self.frame).finish()
    }
}

impl<R: Columns + 'static, F: Frame> Frame for Rows<R, F> {
    const COLUMNS: Option<&'static [ColumnDef]> = if R::MISTAKEN { None } else { Some(R::COLUMNS) };

    fn into_table(self) -> Table {
        self.frame.into_table()
    }

    fn from_table(mut table: Table) -> Result<Self> {
        // Before the rows are read, and then again for the nulls.
        check::<R>(&mut table)?;
        Self::new(F::from_table(table)?)
    }
}

fn check<R: Columns>(table: &mut Table) -> Result<()> {
    let rows = type_name::<R>().rsplit("::").next().unwrap_or_default();
    check_columns(R::COLUMNS, table, None).map_err(|error| error.with("rows", rows))
}

/// Checks that a table has the declared columns, or `only` these of them, and no others; in any order. Reads no rows, but may read
/// the schema of files that a plan scans, which blocks.
///
/// # Errors
/// [`ErrorKind::Schema`] with every difference, or what kept the columns from being looked at.
pub fn check_columns(declared: &[ColumnDef], table: &mut Table, only: Option<&[String]>) -> Result<()> {
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
    let undeclared = || found.iter().filter(|found| declared.iter().all(|column| column.name != found.name));
    let difference = |column: &&ColumnDef| {
        let name = column.name;
        let Some(there) = found.iter().find(|found| found.name == name) else {
            let near = nearest(name, undeclared().map(|found| found.name.as_str()));
            let near = near.map(|near| format!(" (there is `{near}`)")).unwrap_or_default();
            return Some(format!("`{name}` is missing{near}"));
        };
        if !there.data_type.is(&column.data_type) {
            return Some(format!("`{name}` is {} and is declared as {}", there.data_type, column.data_type));
        }
        let nulls = there.nulls.filter(|nulls| *nulls > 0 && !column.nullable)?;
        let nulls = if nulls == 1 { "a null".to_owned() } else { format!("{nulls} nulls") };
        Some(format!("`{name}` has {nulls} and is declared without `Option`"))
    };
    let missing_or_other = declared.iter().filter_map(difference);
    let extra = undeclared().map(|found| format!("`{}` is not declared", found.name));
    missing_or_other.chain(extra).collect()
}
