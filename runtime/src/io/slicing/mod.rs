//! Which rows belong to which partitions, by the values of columns: for stores that keep partitions in the columns of one table.
//!
//! A key becomes a literal of the type that the column has; one that cannot is an error before anything is written. The set of
//! partitions is always meant exactly: as a disjunction of boxes where those are few, and else row by row, but never as the box
//! around it.

mod axis;
mod strays;
#[cfg(any(feature = "bigquery", feature = "duckdb"))]
mod terms;

use polars::prelude::{DataFrame, DataType, Expr, IntoLazy, LazyFrame, PlSmallStr, Schema, as_struct, col, lit};

pub(crate) use axis::{AxisColumn, TimeLimits, days};
pub(crate) use strays::Strays;
#[cfg(any(feature = "bigquery", feature = "duckdb"))]
pub(crate) use terms::Terms;

use crate::asset::PartitionExpr;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::polars::check_columns;
use crate::frame::{Frame, Table};
use crate::partition::KeySet;

/// How many boxes a predicate is written out for.
const MOST_BOXES: usize = 64;

/// The rows, brought into memory, if all of them belong to the partitions: what a store asks for in
/// [`stage`](super::IoManager::stage) that keeps each partition on its own. Blocks while a plan is computed.
///
/// # Errors
/// [`ErrorKind::StrayRows`] with the column, the first value and the count of rows that do not belong; [`ErrorKind::Schema`] if a column
/// that the expression names is not there; [`ErrorKind::PartitionKey`] if a key cannot be a value of its column.
pub fn refuse_strays(table: Table, keys: &KeySet, expr: &PartitionExpr) -> Result<Table> {
    let frame = table.into_polars()?.into_eager()?;
    let strays = Strays::default();
    let slicer = Slicer::new(keys, expr, frame.schema())?;
    let kept = slicer.guard(frame.clone().lazy(), &strays).collect()?;
    strays.check(&slicer, frame.lazy())?;
    Ok(kept.into_table())
}

/// The rows that belong to the partitions, brought into memory: what a store gives that keeps all of them in one table, and is asked
/// for some. Blocks while a plan is computed.
///
/// # Errors
/// [`ErrorKind::Schema`] if a column that the expression names is not there; [`ErrorKind::PartitionKey`] if a key cannot be a value of
/// its column.
pub fn rows_of(table: Table, keys: &KeySet, expr: &PartitionExpr) -> Result<Table> {
    let frame = table.into_polars()?.into_eager()?;
    let slicer = Slicer::new(keys, expr, frame.schema())?;
    Ok(frame.lazy().filter(slicer.predicate()).collect()?.into_table())
}

/// Tells the rows of some partitions from others.
#[derive(Clone)]
pub(crate) struct Slicer {
    keys: KeySet,
    axes: Vec<AxisColumn>,
}

impl Slicer {
    /// For these partitions, told apart by these columns of a table with this schema.
    pub(crate) fn new(keys: &KeySet, expr: &PartitionExpr, schema: &Schema) -> Result<Self> {
        let def = keys.space().def();
        let mut axes = Vec::with_capacity(keys.space().axes().len());
        for (index, axis) in keys.space().axes().iter().enumerate() {
            let Some(column) = expr.of(axis.name()) else {
                let message = format!("`partition_expr` says nothing of the dimension `{}` of `{}`", axis.name(), def.name());
                return Err(Error::new(ErrorKind::Partitions, message));
            };
            check_columns(&[column.to_owned()], schema.iter_names().map(PlSmallStr::as_str)).map_err(|error| {
                let message = format!("`partition_expr` names the column `{column}`, which is not there");
                Error::new(ErrorKind::Schema, message).help(error.help_text().unwrap_or_default())
            })?;
            let data_type = schema.get(column).cloned().unwrap_or(DataType::Null);
            axes.push(AxisColumn::new(axis, &keys.places(index), column, &data_type)?);
        }
        Ok(Self { keys: keys.clone(), axes })
    }

    /// For just one of the partitions.
    pub(crate) fn only(&self, index: u64) -> Self {
        Self { keys: self.keys.only(index), axes: self.axes.clone() }
    }

    pub(crate) fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// The columns, in the order of the axes.
    pub(crate) fn axes(&self) -> &[AxisColumn] {
        &self.axes
    }

    /// Whether these places on the axes are a partition of the set.
    pub(crate) fn contains(&self, places: &[u64]) -> bool {
        self.keys.contains(self.keys.space().at(places))
    }

    /// Whether a row belongs to the set; never null.
    pub(crate) fn predicate(&self) -> Expr {
        let boxes = self.keys.boxes();
        let written = (boxes.len() <= MOST_BOXES).then(|| {
            let one = |places: &Vec<roaring::RoaringTreemap>| {
                let columns: Option<Vec<Expr>> =
                    self.axes.iter().zip(places).map(|(axis, places)| axis.predicate(places)).collect();
                columns.and_then(|columns| columns.into_iter().reduce(Expr::and))
            };
            boxes.iter().map(one).collect::<Option<Vec<Expr>>>()
        });
        match written.flatten() {
            Some(boxes) => boxes.into_iter().reduce(Expr::or).unwrap_or_else(|| lit(false)).fill_null(lit(false)),
            None => self.by_row(),
        }
    }

    /// As [`Slicer::predicate`], by looking each row up.
    fn by_row(&self) -> Expr {
        let keys = self.keys.clone();
        let count = self.axes.len();
        let places: Vec<Expr> =
            self.axes.iter().enumerate().map(|(index, axis)| axis.place().alias(format!("{index}"))).collect();
        as_struct(places).map(
            move |column| {
                let places = column.struct_()?.fields_as_series();
                let places: Vec<_> = places.iter().map(|series| series.i64()).collect::<Result<_, _>>()?;
                let mut row = vec![0; count];
                let belongs = (0..column.len()).map(|index| {
                    for (place, values) in row.iter_mut().zip(&places) {
                        let Some(found) = values.get(index) else { return false };
                        *place = found.cast_unsigned();
                    }
                    keys.contains(keys.space().at(&row))
                });
                let belongs: polars::prelude::BooleanChunked = belongs.collect();
                Ok(polars::prelude::IntoColumn::into_column(polars::prelude::IntoSeries::into_series(
                    belongs.with_name(column.name().clone()),
                )))
            },
            |_, field| Ok(polars::prelude::Field::new(field.name().clone(), DataType::Boolean)),
        )
    }

    /// Keeps the rows that belong, and remembers those that do not.
    pub(crate) fn guard(&self, plan: LazyFrame, strays: &Strays) -> LazyFrame {
        const MASK: &str = "__lakewright_belongs";
        let strays = strays.clone();
        let watched = self.predicate().map(
            move |column| strays.watch(column),
            |_, field| Ok(polars::prelude::Field::new(field.name().clone(), DataType::Boolean)),
        );
        // A column of its own, so that the optimizer does not move the count before a filter of the user's.
        plan.with_columns([watched.alias(MASK)]).filter(col(MASK)).drop(polars::prelude::cols([MASK]))
    }

    /// The columns of the first row that does not belong.
    fn first_stray(&self, plan: LazyFrame) -> Result<Option<DataFrame>> {
        let columns: Vec<Expr> = self.axes.iter().map(|axis| col(axis.column().clone())).collect();
        let first = plan.filter(self.predicate().not()).select(columns).limit(1);
        let first = first.collect_with_engine(polars::prelude::Engine::Streaming)?.unwrap_single();
        Ok(Some(first).filter(|first| first.height() > 0))
    }

    /// The indices of the partitions that occur among rows, read from a plan. Blocks.
    pub(crate) fn occurring(&self, plan: LazyFrame) -> Result<KeySet> {
        let places: Vec<Expr> =
            self.axes.iter().enumerate().map(|(index, axis)| axis.place().alias(format!("{index}"))).collect();
        let found = plan.select(places).unique(None, polars::prelude::UniqueKeepStrategy::Any);
        let found = found.collect_with_engine(polars::prelude::Engine::Streaming)?.unwrap_single();
        let columns: Vec<_> = found.columns().iter().map(polars::prelude::Column::i64).collect::<Result<_, _>>()?;
        let mut occurring = self.keys.space().none();
        for row in 0..found.height() {
            let places: Option<Vec<u64>> = columns.iter().map(|column| column.get(row).map(i64::cast_unsigned)).collect();
            if let Some(places) = places.filter(|places| self.contains(places)) {
                occurring.insert(self.keys.space().at(&places));
            }
        }
        Ok(occurring)
    }
}
