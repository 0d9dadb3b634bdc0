//! C02: what goes in comes out, or does not go in.

use polars::prelude::{
    AnyValue, Categories, DataFrame, DataType, Field, FrozenCategories, IntoSeries, ListChunked, NamedFrom, Series,
    StructChunked, TimeUnit, TimeZone,
};

use super::{frame, one, rows_of};
use crate::asset::ValueKind;
use crate::conformance::bench::Bench;
use crate::conformance::breach::{Breach, Verdict};
use crate::error::{Error, ErrorKind};
use crate::frame::Frame;
use crate::slice::Slice;
use crate::value::Value;

const WHOLE: &Slice = &Slice::Whole;

/// What a store may say of a type or a value that it cannot hold.
const REFUSED: &[ErrorKind] = &[ErrorKind::Value, ErrorKind::Schema, ErrorKind::Unsupported, ErrorKind::StoreCannotHold];

/// Whether a store has to hold it.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// As it is.
    Always,
    /// Or says that it does not.
    Perhaps,
}

/// Stores a column, and refuses if something else comes back. It may come back in another type if that is of the same sort and each
/// value is the same.
async fn comes_back(bench: &Bench, name: &str, column: Series, held: Held) -> Verdict {
    let data_type = column.dtype().clone();
    let told = |breach: Breach| Breach::new(format!("{name} (`{data_type}`): {breach}"));
    let stored = one(column)?;
    let asset = bench.asset(name, ValueKind::Table)?;
    match bench.put(&asset, WHOLE, Value::Table(stored.clone().into_table()), 1).await {
        Err(error) if held == Held::Perhaps && REFUSED.contains(&error.kind()) => {
            let said = format!("{error:?}");
            ensure!(
                ["`x`", "'x'", "\"x\""].iter().any(|name| said.contains(name)),
                "{name} (`{data_type}`) was refused, and the error does not name the column `x`: {said}"
            );
            return bench.expect(&asset, WHOLE, None, "after it was refused").await.map_err(told);
        }
        Err(error) => return Err(told(error.into())),
        Ok(_) => {}
    }
    let Some(Value::Table(table)) = bench.store.load(bench.read(&asset, WHOLE)).await? else {
        return Err(told(Breach::new("nothing was read back")));
    };
    let back = frame(table, &bench.env).await?;
    same_values(&stored, &back).map_err(told)
}

fn same_values(stored: &DataFrame, back: &DataFrame) -> Verdict {
    ensure!(back.width() == stored.width(), "{} columns came back, and {} were stored", back.width(), stored.width());
    for (column, found) in stored.columns().iter().zip(back.columns()) {
        ensure!(column.name() == found.name(), "the column `{}` came back as `{}`", column.name(), found.name());
        let (wanted, got) = (column.dtype(), found.dtype());
        ensure!(same_sort(wanted, got), "it came back as `{got}`, which is another sort of value");
        let cast = found.strict_cast(wanted).map_err(|error| Breach::new(format!("it came back as `{got}`, and {error}")))?;
        // What does not come back by casting was cut on the way.
        let again = cast.strict_cast(got).map_err(Error::from)?;
        let got_rows = rows_of(&one(found.as_materialized_series().clone())?)?;
        let again_rows = rows_of(&one(again.as_materialized_series().clone())?)?;
        ensure!(got_rows == again_rows, "it came back as `{got}` with values that `{wanted}` does not have: {got_rows:?}");
        let stored_rows = rows_of(&one(column.as_materialized_series().clone())?)?;
        let back_rows = rows_of(&one(cast.as_materialized_series().clone())?)?;
        ensure!(stored_rows == back_rows, "{stored_rows:?} came back as {back_rows:?}");
    }
    Ok(())
}

/// Whether a value of one type may come back as one of the other.
fn same_sort(wanted: &DataType, got: &DataType) -> bool {
    use DataType as T;
    let label = |one: &T| matches!(one, T::Categorical(..) | T::Enum(..));
    match (wanted, got) {
        (one, other) if one == other => true,
        (one, other) if one.is_integer() && other.is_integer() => true,
        (T::Float32, T::Float64) => true,
        (one, T::String) => label(one),
        (one, other) if label(one) && label(other) => true,
        // The moment is the same in every zone; a wall clock is not a moment.
        (T::Datetime(_, one), T::Datetime(_, other)) => one.is_some() == other.is_some(),
        (T::Duration(_), T::Duration(_)) => true,
        (T::Decimal(..), T::Decimal(..)) => true,
        (T::List(one), T::List(other)) => same_sort(one, other),
        (T::Array(one, _), T::List(other)) => same_sort(one, other),
        (T::Struct(one), T::Struct(other)) => {
            let same = |(one, other): (&Field, &Field)| one.name() == other.name() && same_sort(one.dtype(), other.dtype());
            one.len() == other.len() && one.iter().zip(other).all(same)
        }
        _ => false,
    }
}

fn x<T, Phantom: ?Sized>(values: T) -> Series
where
    Series: NamedFrom<T, Phantom>,
{
    Series::new("x".into(), values)
}

fn cast(series: &Series, data_type: &DataType) -> Verdict<Series> {
    Ok(series.strict_cast(data_type).map_err(Error::from)?)
}

pub(super) async fn bools_come_back(bench: &Bench) -> Verdict {
    comes_back(bench, "bools", x([Some(true), None, Some(false)]), Held::Always).await
}

pub(super) async fn whole_numbers_come_back(bench: &Bench) -> Verdict {
    comes_back(bench, "i64", x([Some(i64::MIN), Some(i64::MAX), Some(0), None, Some(-1)]), Held::Always).await?;
    comes_back(bench, "i32", x([Some(i32::MIN), Some(i32::MAX), Some(0), None]), Held::Always).await?;
    let (least, greatest) = (x([i64::from(i16::MIN), i64::from(i16::MAX)]), x([i64::from(i8::MIN), i64::from(i8::MAX)]));
    comes_back(bench, "i16", cast(&least, &DataType::Int16)?, Held::Perhaps).await?;
    comes_back(bench, "i8", cast(&greatest, &DataType::Int8)?, Held::Perhaps).await?;
    comes_back(bench, "u8", cast(&x([Some(0), Some(255), None]), &DataType::UInt8)?, Held::Perhaps).await?;
    comes_back(bench, "u16", cast(&x([Some(0), Some(65535), None]), &DataType::UInt16)?, Held::Perhaps).await?;
    comes_back(bench, "u32", x([Some(0), Some(u32::MAX), None]), Held::Perhaps).await?;
    comes_back(bench, "u32_small", x([Some(0_u32), Some(7), None]), Held::Perhaps).await?;
    comes_back(bench, "u64_small", x([Some(0_u64), Some(1 << 40), None]), Held::Perhaps).await?;
    comes_back(bench, "u64", x([Some(0), Some(u64::MAX), None]), Held::Perhaps).await?;
    let huge =
        Series::from_any_values_and_dtype("x".into(), &[AnyValue::Int128(i128::MAX), AnyValue::Null], &DataType::Int128, true);
    comes_back(bench, "i128", huge.map_err(Error::from)?, Held::Perhaps).await
}

pub(super) async fn fractions_come_back(bench: &Bench) -> Verdict {
    let floats = [Some(0.1), None, Some(-0.0), Some(f64::MAX), Some(f64::MIN_POSITIVE), Some(1.0 / 3.0)];
    comes_back(bench, "f64", x(floats), Held::Always).await?;
    comes_back(bench, "not_finite", x([Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY), None]), Held::Perhaps)
        .await?;
    comes_back(bench, "f32", x([Some(0.1_f32), None, Some(f32::MAX), Some(f32::MIN_POSITIVE)]), Held::Perhaps).await
}

pub(super) async fn texts_come_back(bench: &Bench) -> Verdict {
    let long = "é".repeat(40_000);
    let texts = [
        Some(""),
        None,
        Some("plain"),
        Some("'"),
        Some("\""),
        Some("a,b;c\td"),
        Some("two\nlines"),
        Some("two\r\nlines"),
        Some("\\"),
        Some("\\n"),
        Some("null"),
        Some("NULL"),
        Some("NaN"),
        Some("true"),
        Some("007"),
        Some(" blank "),
        Some("äöü 日本語 🦆"),
        Some("{\"json\": [1]}"),
        Some(&long),
    ];
    comes_back(bench, "texts", x(texts), Held::Always).await?;
    comes_back(bench, "empty_texts", x(["", ""]), Held::Always).await?;
    comes_back(bench, "one_null", x([None::<&str>, Some("a")]), Held::Always).await
}

pub(super) async fn bytes_in_columns_come_back(bench: &Bench) -> Verdict {
    let bytes: [Option<&[u8]>; 4] = [Some(&[0, 255, 10]), None, Some(&[]), Some(b"text")];
    comes_back(bench, "binary", x(&bytes[..]), Held::Perhaps).await
}

pub(super) async fn dates_come_back(bench: &Bench) -> Verdict {
    let days = x([Some(0), None, Some(-1), Some(19_358), Some(-25_567), Some(2_932_896), Some(-719_162)]);
    comes_back(bench, "dates", cast(&days, &DataType::Date)?, Held::Always).await
}

pub(super) async fn moments_come_back(bench: &Bench) -> Verdict {
    let micros = x([Some(0_i64), None, Some(-1), Some(1_672_531_200_123_456), Some(253_402_300_799_999_999)]);
    comes_back(bench, "naive_us", cast(&micros, &DataType::Datetime(TimeUnit::Microseconds, None))?, Held::Always).await?;
    let millis = x([Some(0_i64), None, Some(-1), Some(1_672_531_200_123)]);
    comes_back(bench, "naive_ms", cast(&millis, &DataType::Datetime(TimeUnit::Milliseconds, None))?, Held::Perhaps).await?;
    let whole = x([Some(0_i64), None, Some(1_672_531_200_123_456_000)]);
    comes_back(bench, "naive_ns", cast(&whole, &DataType::Datetime(TimeUnit::Nanoseconds, None))?, Held::Perhaps).await?;
    let nanos = x([Some(1_i64), None, Some(1_672_531_200_123_456_789)]);
    comes_back(bench, "odd_ns", cast(&nanos, &DataType::Datetime(TimeUnit::Nanoseconds, None))?, Held::Perhaps).await?;
    comes_back(bench, "utc", cast(&micros, &DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)))?, Held::Perhaps)
        .await?;
    let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).map_err(Error::from)?;
    comes_back(bench, "berlin", cast(&micros, &DataType::Datetime(TimeUnit::Microseconds, berlin))?, Held::Perhaps).await
}

pub(super) async fn times_of_day_come_back(bench: &Bench) -> Verdict {
    let times = x([Some(0_i64), None, Some(86_399_999_999_000)]);
    comes_back(bench, "times", cast(&times, &DataType::Time)?, Held::Perhaps).await?;
    for (name, unit) in [("ms", TimeUnit::Milliseconds), ("us", TimeUnit::Microseconds), ("ns", TimeUnit::Nanoseconds)] {
        let spans = x([Some(0_i64), None, Some(-1), Some(90_061_001_001_001)]);
        comes_back(bench, &format!("durations_{name}"), cast(&spans, &DataType::Duration(unit))?, Held::Perhaps).await?;
    }
    Ok(())
}

pub(super) async fn decimals_come_back(bench: &Bench) -> Verdict {
    let numbers = x([Some("0.01"), None, Some("-12345678.90"), Some("99999999.99")]);
    comes_back(bench, "decimals", cast(&numbers, &DataType::Decimal(10, 2))?, Held::Perhaps).await?;
    let wide = x([Some("1234567890123456789012345678.0123456789"), None]);
    comes_back(bench, "wide_decimals", cast(&wide, &DataType::Decimal(38, 10))?, Held::Perhaps).await
}

pub(super) async fn labels_come_back(bench: &Bench) -> Verdict {
    let texts = x([Some("b"), None, Some("a"), Some("b"), Some("ä'\"")]);
    comes_back(bench, "categories", cast(&texts, &DataType::from_categories(Categories::global()))?, Held::Perhaps).await?;
    let frozen = FrozenCategories::new(["ä'\"", "b", "a"]).map_err(Error::from)?;
    comes_back(bench, "enums", cast(&texts, &DataType::from_frozen_categories(frozen))?, Held::Perhaps).await
}

pub(super) async fn nested_values_come_back(bench: &Bench) -> Verdict {
    let list = |values: &[Option<i64>]| Series::new("".into(), values);
    let lists = [Some(list(&[Some(1), None, Some(-3)])), None, Some(list(&[])), Some(list(&[None]))];
    let lists: ListChunked = lists.into_iter().collect();
    let lists = lists.into_series().with_name("x".into());
    comes_back(bench, "lists", lists.clone(), Held::Perhaps).await?;
    let (a, b) = (
        Series::new("a".into(), [Some(1_i64), None, Some(3), None]),
        Series::new("b b".into(), [Some("x"), Some("'"), None, None]),
    );
    let fields = [a, b, lists.with_name("c".into())];
    let structs = StructChunked::from_series("x".into(), 4, fields.iter()).map_err(Error::from)?;
    comes_back(bench, "structs", structs.clone().into_series(), Held::Perhaps).await?;
    let rows = structs.into_series().with_name("".into());
    let deep: ListChunked = [Some(rows.slice(0, 3)), None, Some(rows.slice(3, 1))].into_iter().collect();
    comes_back(bench, "lists_of_structs", deep.into_series().with_name("x".into()), Held::Perhaps).await
}

pub(super) async fn columns_without_a_value_come_back(bench: &Bench) -> Verdict {
    let types = [
        ("no_texts", DataType::String, Held::Always),
        ("no_numbers", DataType::Int64, Held::Always),
        ("no_floats", DataType::Float64, Held::Always),
        ("no_dates", DataType::Date, Held::Always),
        ("no_moments", DataType::Datetime(TimeUnit::Microseconds, None), Held::Always),
        ("no_bools", DataType::Boolean, Held::Always),
        ("no_type", DataType::Null, Held::Perhaps),
    ];
    for (name, data_type, held) in types {
        comes_back(bench, name, Series::full_null("x".into(), 3, &data_type), held).await?;
    }
    Ok(())
}

pub(super) async fn names_of_columns_come_back(bench: &Bench) -> Verdict {
    let names = ["a b", "select", "a.b", "\"", "'", "`", "ä", "A", "日本語", "a,b", "%", "{a}", "__x"];
    for (n, name) in names.into_iter().enumerate() {
        let columns = vec![Series::new(name.into(), [1_i64, 2]).into(), Series::new("plain".into(), ["x", "y"]).into()];
        let stored = DataFrame::new(2, columns).map_err(Error::from)?;
        let asset = bench.asset(&format!("named{n}"), ValueKind::Table)?;
        match bench.put(&asset, WHOLE, Value::Table(stored.clone().into_table()), 1).await {
            Err(error) if REFUSED.contains(&error.kind()) => {
                let said = format!("{error:?}");
                ensure!(said.contains(name), "the column `{name}` was refused, and the error does not name it: {said}");
                continue;
            }
            outcome => outcome.map(|_| ())?,
        }
        let Some(Value::Table(table)) = bench.store.load(bench.read(&asset, WHOLE)).await? else {
            return Err(Breach::new(format!("a table with the column `{name}` was stored, and nothing was read back")));
        };
        let back = frame(table, &bench.env).await?;
        same_values(&stored, &back).map_err(|breach| Breach::new(format!("with a column `{name}`: {breach}")))?;
        let only = [name.to_owned()];
        let request = bench.read(&asset, WHOLE).columns(Some(&only));
        let Some(Value::Table(table)) = bench.store.load(request).await? else {
            return Err(Breach::new(format!("asked for the column `{name}`, `load` gave nothing")));
        };
        let found = frame(table, &bench.env).await?;
        ensure!(found.get_column_names() == [name], "asked for the column `{name}`, `load` gave {:?}", found.get_column_names());
    }
    Ok(())
}
