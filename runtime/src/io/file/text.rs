//! Types that a format writes as text: how each is written, and made from that text again.

use std::sync::{Arc, Mutex};

use polars::prelude::{
    AnyValue, Column, DataType, Expr, Field, IntoColumn, IntoSeries, LazyFrame, NamedFrom, PolarsError, PolarsResult, Schema,
    Series, StringChunked, StringMethods, TimeUnit, col,
};

use crate::error::{Error, ErrorKind, Result};

const DATE: &str = "%Y-%m-%d";
const TIME: &str = "%H:%M:%S%.f";
const LOCAL: &str = "%Y-%m-%dT%H:%M:%S%.f";
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// Whether values of the type can be written as text that says exactly them.
pub(super) fn has_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Time | DataType::Datetime(..) | DataType::Decimal(..))
}

/// What a value that a file would not give back is reported through, since an error of a plan is one of Polars.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    first: Arc<Mutex<Option<Error>>>,
}

impl Refusals {
    /// Stops the plan.
    pub(super) fn refuse(&self, error: Error) -> PolarsError {
        let told = PolarsError::ComputeError(error.message().to_owned().into());
        if let Ok(mut first) = self.first.lock() {
            first.get_or_insert(error);
        }
        told
    }

    /// The outcome of the plan, in our words if it was stopped by a refusal.
    pub(super) fn outcome<T>(&self, outcome: Result<T>) -> Result<T> {
        match self.first.lock().ok().and_then(|mut first| first.take()) {
            Some(refusal) if outcome.is_err() => Err(refusal),
            _ => outcome,
        }
    }
}

/// The plan with these columns as text. A value that its text would not give back stops it.
pub(super) fn encoded(plan: LazyFrame, columns: &[(&str, &DataType)], format: &'static str, refusals: &Refusals) -> LazyFrame {
    let one = |(name, data_type): &(&str, &DataType)| {
        let (data_type, refusals) = ((*data_type).clone(), refusals.clone());
        let encode = move |column: Column| {
            let series = column.as_materialized_series();
            let text = encode(series, &data_type)?;
            let back = decode(&text, &data_type).ok();
            if back.is_some_and(|back| back.equals_missing(series)) {
                return Ok(text.into_column());
            }
            let message = format!("{format} cannot give back a value of the column `{}` of type `{data_type}`", column.name());
            Err(refusals
                .refuse(Error::new(ErrorKind::Value, message).help("cast the column to a type whose values can be written")))
        };
        col(*name).map(encode, |_, field| Ok(Field::new(field.name().clone(), DataType::String)))
    };
    let columns: Vec<Expr> = columns.iter().map(one).collect();
    if columns.is_empty() { plan } else { plan.with_columns(columns) }
}

/// A column of text as its type.
pub(super) fn decoded(name: &str, data_type: &DataType) -> Expr {
    let (of, to) = (data_type.clone(), data_type.clone());
    col(name).map(
        move |column| Ok(decode(column.as_materialized_series(), &of)?.into_column()),
        move |_, field| Ok(Field::new(field.name().clone(), to.clone())),
    )
}

fn encode(series: &Series, data_type: &DataType) -> PolarsResult<Series> {
    let text = match data_type {
        DataType::Date => series.date()?.to_string(DATE)?,
        DataType::Time => series.time()?.to_string(TIME),
        DataType::Datetime(_, None) => series.datetime()?.to_string(LOCAL)?,
        DataType::Datetime(unit, Some(_)) => {
            let utc = series.to_physical_repr().cast(&DataType::Datetime(*unit, None))?;
            utc.datetime()?.to_string(MOMENT)?
        }
        _ => return series.strict_cast(&DataType::String),
    };
    Ok(text.into_series().with_name(series.name().clone()))
}

/// What a text says: as we write it, or else as Polars understands it, to the last digit.
fn decode(text: &Series, data_type: &DataType) -> PolarsResult<Series> {
    let made = exactly(text, data_type).or_else(|error| liberally(text, data_type).map_err(|_| error))?;
    // Polars rounds numbers and cuts seconds without a word.
    match text.str()?.iter().flatten().find(|text| says_more(text, data_type)) {
        None => Ok(made.with_name(text.name().clone())),
        Some(finer) => Err(PolarsError::ComputeError(
            format!("{finer:?} in the column `{}` has more digits than a `{data_type}`", text.name()).into(),
        )),
    }
}

fn exactly(text: &Series, data_type: &DataType) -> PolarsResult<Series> {
    let texts = text.str()?;
    let raise = StringChunked::new("".into(), ["raise"]);
    let datetime = |format: &str, unit: TimeUnit| texts.as_datetime(Some(format), unit, false, false, None, &raise);
    let made = match data_type {
        DataType::Date => texts.as_date(Some(DATE), false)?.into_series(),
        DataType::Time => texts.as_time(Some(TIME), false)?.into_series(),
        DataType::Datetime(unit, None) => datetime(LOCAL, *unit)?.into_series(),
        DataType::Datetime(unit, Some(_)) => datetime(MOMENT, *unit)?.into_series().to_physical_repr().cast(data_type)?,
        _ => text.strict_cast(data_type)?,
    };
    all_understood(text, made, data_type)
}

fn liberally(text: &Series, data_type: &DataType) -> PolarsResult<Series> {
    let texts = text.str()?;
    let raise = StringChunked::new("".into(), ["raise"]);
    let made = match data_type {
        DataType::Date => texts.as_date(None, false)?.into_series(),
        DataType::Time => texts.as_time(None, false)?.into_series(),
        DataType::Datetime(unit, None) => texts.as_datetime(None, *unit, false, false, None, &raise)?.into_series(),
        DataType::Datetime(unit, Some(_)) => {
            let made = texts.as_datetime(Some("%+"), *unit, false, true, None, &raise)?;
            made.into_series().to_physical_repr().cast(data_type)?
        }
        _ => text.strict_cast(data_type)?,
    };
    all_understood(text, made, data_type)
}

fn all_understood(text: &Series, made: Series, data_type: &DataType) -> PolarsResult<Series> {
    if made.null_count() == text.null_count() {
        return Ok(made);
    }
    let strange = text.str()?.iter().zip(made.iter()).find(|(text, made)| text.is_some() && *made == AnyValue::Null);
    let strange = strange.and_then(|(text, _)| text).unwrap_or_default();
    Err(PolarsError::ComputeError(format!("{strange:?} in the column `{}` is not a `{data_type}`", text.name()).into()))
}

/// Whether a text of a type has digits that the type does not hold. Zeros behind the others say nothing.
fn says_more(text: &str, data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal(_, scale) => has_decimals_behind(text, *scale),
        DataType::Datetime(TimeUnit::Milliseconds, _) => has_seconds_behind(text, 3),
        DataType::Datetime(TimeUnit::Microseconds, _) => has_seconds_behind(text, 6),
        DataType::Datetime(TimeUnit::Nanoseconds, _) | DataType::Time => has_seconds_behind(text, 9),
        _ => false,
    }
}

/// Whether a number such as `-1.5` or `15e-1` has more than so many decimals.
fn has_decimals_behind(text: &str, scale: usize) -> bool {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let Ok(exponent) = exponent.parse::<isize>() else { return true };
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
    let held = (digits(whole) + scale).saturating_add_signed(exponent);
    number.bytes().filter(u8::is_ascii_digit).skip(held).any(|digit| digit != b'0')
}

/// Whether the second of a time has more than so many decimals.
fn has_seconds_behind(text: &str, held: usize) -> bool {
    match text.trim().rsplit_once('.') {
        // A point without a time before it is one of a date, as in 31.12.2021.
        Some((time, fraction)) if time.contains([':', 'T', ' ']) => {
            fraction.bytes().take_while(u8::is_ascii_digit).skip(held).any(|digit| digit != b'0')
        }
        _ => false,
    }
}

/// The columns of a schema that satisfy something, by name.
pub(super) fn columns_that(schema: &Schema, is: impl Fn(&DataType) -> bool) -> Vec<(&str, &DataType)> {
    schema.iter().filter(|(_, data_type)| is(data_type)).map(|(name, data_type)| (name.as_str(), data_type)).collect()
}
