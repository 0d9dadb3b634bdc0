//! Which types come back as they went, and which are refused.

use lakewright::ErrorKind;
use lakewright::prelude::*;

use super::emulator::Project;
use crate::support::{block_on, frame_asset, key, run_all, run_to_failure};

fn one(name: &str, series: &Series, data_type: &DataType) -> Column {
    series.strict_cast(data_type).unwrap().with_name(name.into()).into()
}

#[test]
fn c02_types_that_bigquery_has_come_back_as_they_went_with_their_nulls() {
    let Some(project) = Project::new() else { return };
    let numbers = Series::new("x".into(), [Some(1i64), None, Some(120)]);
    let texts = Series::new("x".into(), [Some("a"), None, Some("ö'\\`\n")]);
    let micros = |zone| DataType::Datetime(TimeUnit::Microseconds, zone);
    let fractions = Series::new("x".into(), [Some(0.1), None, Some(f64::MIN_POSITIVE)]);
    let ends = Series::new("x".into(), [Some(i64::MIN), None, Some(i64::MAX)]);
    let lists = Series::new(
        "lists".into(),
        [Series::new("".into(), [1i64, 2]), Series::new_empty("".into(), &DataType::Int64), numbers.drop_nulls()],
    );
    let columns = vec![
        one("texts", &texts, &DataType::String),
        one("bytes", &texts, &DataType::Binary),
        one("dates", &numbers, &DataType::Date),
        one("naive", &numbers, &micros(None)),
        one("instants", &numbers, &micros(Some(TimeZone::UTC))),
        one("decimals", &numbers, &DataType::Decimal(38, 9)),
        one("fractions", &fractions, &DataType::Float64),
        one("ends", &ends, &DataType::Int64),
        Series::new("bools".into(), [Some(true), None, Some(false)]).into(),
        lists.into(),
    ];
    let frame = DataFrame::new(3, columns).unwrap();
    let frame = frame.lazy().with_columns([as_struct(vec![col("ends"), col("texts")]).alias("structs")]).collect().unwrap();
    let lakehouse = project.lakehouse([frame_asset("t", frame.clone())]).build().unwrap();
    run_all(&lakehouse);
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(back.schema(), frame.schema());
    assert!(back.equals_missing(&frame), "{frame} became {back}");
}

#[test]
fn what_is_behind_a_part_of_a_frame_is_in_nobodys_way() {
    let Some(project) = Project::new() else { return };
    let lists = Series::new("x".into(), [Series::new("".into(), [Some(1i64), Some(2)]), Series::new("".into(), [None::<i64>])]);
    let first = DataFrame::new(2, vec![lists.into()]).unwrap().head(Some(1));
    let lakehouse = project.lakehouse([frame_asset("t", first.clone())]).build().unwrap();
    run_all(&lakehouse);
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert!(back.equals(&first), "{back}");
}

#[test]
fn types_and_values_that_bigquery_lacks_are_refused_and_nothing_is_stored() {
    let Some(project) = Project::new() else { return };
    let numbers = Series::new("x".into(), [Some(1i64), None]);
    let frame = |column: Column| DataFrame::new(column.len(), vec![column]).unwrap();
    let nested = Series::new("x".into(), [Series::new("".into(), [Some(1i64), None])]);
    let nothing = Series::new("x".into(), [Some(Series::new("".into(), [1i64])), None]);
    for (frame, says) in [
        (frame(one("x", &numbers, &DataType::Duration(TimeUnit::Microseconds))), "no type"),
        (frame(one("x", &numbers, &DataType::Datetime(TimeUnit::Nanoseconds, None))), "nanoseconds"),
        (frame(nested.into()), "null in an array"),
        (frame(nothing.into()), "null array"),
        (df!("x" => [u64::MAX]).unwrap(), "INT64 does not hold"),
        (df!("x" => [1i64], "X" => [2i64]).unwrap(), "capitals"),
        (df!("x.y" => [1i64]).unwrap(), "cannot be the name"),
    ] {
        let failure = run_to_failure(&project.lakehouse([frame_asset("t", frame)]).build().unwrap());
        assert!([ErrorKind::Value.code(), ErrorKind::Schema.code()].contains(&failure.code.as_str()), "{failure:?}");
        assert!(failure.message.contains(says), "{says}: {failure:?}");
    }
    assert!(project.tables("public").is_empty());
}
