//! Every kind of definition, edge and mapping, under lints as strict as they get.
#![allow(clippy::pedantic, reason = "users need not keep to our taste")]
#![deny(missing_docs, unreachable_pub, unused_qualifications, warnings)]

use lakewright::jiff::Zoned;
use lakewright::jiff::civil::Date;
use lakewright::partition::{PartitionDefinition, PartitionKey};
use lakewright::prelude::*;

/// A fixed list.
#[partitions(keys = ["north", "south|west", "it's, \"quoted\""])]
pub struct Station;

/// Numbers.
#[partitions(keys = [1, 2, -3])]
struct Size;

/// An enum, which derives some of what it needs.
#[partitions]
#[derive(Clone, Debug, PartialOrd, PartialEq)]
pub enum Species {
    /// The first.
    #[key = "Iris-setosa"]
    Setosa,
    /// The second.
    Versicolor,
}

/// Hours.
#[partitions(hourly, start = "2010-01-01-05:00", end = "2011-01-01", zone = "America/Los_Angeles", minute_offset = 15)]
struct Hour;

/// Days.
#[partitions(daily, start = "2023-01-01", zone = "Europe/Berlin", hour_offset = 6, end_offset = 1)]
pub struct Day;

/// Weeks.
#[partitions(weekly, start = "2023-01-01", weekday = "monday", format = "%G-W%V")]
struct Week;

/// Months.
#[partitions(monthly, start = "2024-02-29", day = 28)]
struct Month;

/// By cron.
#[partitions(cron = "0 3 * * mon-fri", start = "2023-01-01", end_offset = -1)]
struct Nightly;

/// In the run state.
#[partitions(dynamic)]
struct Region;

/// In the run state, under another name.
#[partitions(dynamic = "regions")]
struct OtherRegion;

/// Every combination.
#[partitions]
pub struct DaySpecies {
    date: Day,
    species: Species,
}

/// One dimension, but with a name.
#[partitions]
struct Named {
    r#type: Region,
}

mod other_names {
    pub(crate) use super::Species as Kind;
}

#[asset(partitions = Species, partition_expr = "species")]
fn flowers(species: Partition<Species>) -> DataFrame {
    let name = match *species {
        Species::Setosa => "setosa",
        Species::Versicolor => species.key(),
    };
    df!("species" => [name]).expect("one column")
}

#[asset(partitions = Species)]
fn cleaned(flowers: LazyFrame, species: &Partition<Species>, context: &Context) -> LazyFrame {
    context.add_metadata("species", species.to_string());
    flowers
}

/// One definition through another path, and asynchronous.
#[asset(partitions = other_names::Kind, partition_expr = "species", partition_by = ["species"])]
async fn renamed(cleaned: DataFrame, species: Partition<Species>) -> Result<DataFrame> {
    assert!(matches!(species.value(), Species::Setosa));
    Ok(cleaned)
}

/// Of all partitions at once.
#[asset]
fn everything(flowers: LazyFrame) -> PolarsResult<DataFrame> {
    flowers.collect()
}

/// Of some, of the last, and as a map.
#[asset]
fn picked(
    #[input(mapping = keys("Iris-setosa"))] flowers: DataFrame,
    #[input(from = flowers, mapping = last)] last: &DataFrame,
    #[input(from = flowers, allow_missing)] each: Partitions<Species, LazyFrame>,
    #[input(from = flowers, version = 3)] old: LazyFrame,
) -> i64 {
    let _ = (flowers.height() + last.height(), old);
    each.into_iter().map(|(species, _)| species.key().len() as i64).sum()
}

#[asset(partitions = DaySpecies, partition_expr(date = "day", species = "kind"), partition_by = ["date"])]
fn measured(partition: Partition<DaySpecies>) -> Option<f64> {
    let day: &Date = &partition.date;
    (partition.species.key() == "Versicolor").then(|| f64::from(day.day()))
}

/// A dimension of the upstream's, the other way round, and each dimension by a mapping of its own.
#[asset(partitions = Day)]
fn by_day(
    measured: Option<f64>,
    #[input(from = measured, mapping = dimensions(date = offset(-6, 0), species = all), allow_missing = true)] week: Partitions<
        DaySpecies,
        f64,
    >,
) -> f64 {
    week.values().copied().sum::<f64>() + measured.unwrap_or_default()
}

#[asset(partitions = DaySpecies)]
fn spread(
    by_day: f64,
    cleaned: DataFrame,
    #[input(from = by_day, mapping = offset(-1), allow_missing)] before: Option<f64>,
) -> f64 {
    by_day + cleaned.height() as f64 + before.unwrap_or_default()
}

#[asset(partitions = Hour)]
fn hourly(hour: Partition<Hour>) -> Result<String> {
    let at: &Zoned = &hour;
    let (start, end) = hour.window()?;
    assert!(start < end && *at == start);
    Ok(at.to_string())
}

/// Every window that overlaps.
#[asset(partitions = Day)]
fn daily(
    hourly: Partitions<Hour, String>,
    #[input(from = hourly, mapping = overlap)] _again: &Partitions<Hour, String>,
) -> String {
    hourly.into_values().collect()
}

/// An earlier partition of itself: of an object, as an option.
#[asset(partitions = Day)]
fn running(#[input(previous)] before: Option<f64>, by_day: f64) -> f64 {
    before.unwrap_or_default() + by_day
}

/// Of a frame, which is empty at first; and one of a week ago.
#[asset(partitions = Day)]
fn history(
    #[input(previous)] history: DataFrame,
    #[input(previous, mapping = offset(-7))] week_ago: Option<LazyFrame>,
    #[input(previous, mapping = offset(-7, -1), allow_missing)] week: &Partitions<Day, DataFrame>,
) -> DataFrame {
    assert!(week.len() <= 7 || week_ago.is_none());
    history
}

/// Of two dimensions of one definition, the input follows one.
#[partitions]
struct Span {
    first: Day,
    last: Day,
}

#[asset(partitions = Span)]
fn span(
    #[input(mapping = dimensions(first = identity))] by_day: f64,
    #[input(from = by_day, mapping = dimensions(last = offset(-1)), allow_missing)] before: Option<f64>,
) -> f64 {
    by_day - before.unwrap_or_default()
}

/// By a mapping that would fit by itself.
#[asset(partitions = Day)]
fn spelt_out(
    #[input(mapping = identity)] measured: Option<f64>,
    #[input(from = hourly, mapping = all)] _all: Partitions<Hour, String>,
    #[input(from = measured, mapping = overlap)] again: Option<f64>,
) -> f64 {
    measured.or(again).unwrap_or_default()
}

/// Called once for a set.
#[asset(partitions = Day)]
fn fetched(days: &PartitionSet<Day>) -> Result<Output<Partitions<Day, DataFrame>>> {
    let each = days.iter().map(|day| Ok((day?, DataFrame::empty())));
    Ok(Output::new(each.collect::<Result<_>>()?).metadata("days", days.len() as i64))
}

/// A map without a set, of what may be left out.
#[asset(partitions = Station)]
fn readings(
    #[input(mapping = map("north" = "Iris-setosa", "south|west" = ["Iris-setosa", "Versicolor"]))] flowers: DataFrame,
) -> Partitions<Station, Option<f64>> {
    let _ = flowers;
    Partitions::new()
}

/// The consumer of a map sees one value at a time.
#[asset(partitions = Day)]
fn after_fetched(fetched: DataFrame) -> Vec<String> {
    fetched.get_column_names_owned().into_iter().map(|name| name.to_string()).collect()
}

#[asset(partitions = Week, deps = [hourly])]
fn weekly(by_day: Partitions<Day, f64>) -> () {
    drop(by_day);
}

#[asset(partitions = Month)]
fn monthly(#[input(from = weekly_view)] _weeks: LazyFrame) -> Bytes {
    Bytes::new("", "txt")
}

/// Somebody else's.
#[external_asset(partitions = Week, partition_expr = "week")]
pub fn weekly_view() -> LazyFrame;

/// One table cut by a column, read by a definition.
#[external_asset(partition_expr = "species")]
fn table() -> LazyFrame;

#[asset(partitions = Species)]
fn from_table(
    #[input(mapping = identity)] table: DataFrame,
    #[input(from = table, mapping = identity)] each: Partitions<Species, DataFrame>,
) -> i64 {
    (table.height() + each.len()) as i64
}

#[asset(partitions = Nightly)]
fn nightly(by_day: Partitions<Day, f64>, set: PartitionSet<Nightly>) -> f64 {
    let _ = set;
    by_day.into_values().sum()
}

#[asset(partitions = Region)]
fn regional(region: Partition<Region>) -> String {
    region.into_value()
}

/// Other definitions, with mappings that relate them.
#[asset(partitions = Named)]
fn named(
    regional: String,
    #[input(from = flowers, mapping = all)] _flowers: DataFrame,
    #[input(from = other, mapping = keys("x"))] _other: i64,
    partition: Partition<Named>,
) -> String {
    regional + partition.r#type.key()
}

#[asset(partitions = OtherRegion)]
fn other(#[input(mapping = all)] regional: Partitions<Region, String>) -> i64 {
    regional.len() as i64
}

#[asset(partitions = Size)]
fn sized(size: Partition<Size>, #[input(from = other, mapping = all)] others: Partitions<OtherRegion, i64>) -> i64 {
    *size + others.len() as i64
}

/// What the records say; the definitions are made elsewhere.
#[test]
fn records_hold_what_was_written() {
    use lakewright::asset::{Asset, Calls, InputDef};
    use lakewright::partition::MappingDef;

    let inputs = |def: &'static lakewright::AssetDef, parameter: &str| -> &'static InputDef {
        def.inputs.iter().find(|input| input.parameter == parameter).expect("there is such a parameter")
    };
    assert_eq!(inputs(picked::def(), "flowers").mapping, Some(MappingDef::Keys(&["Iris-setosa"])));
    assert!(inputs(picked::def(), "each").per_partition && inputs(picked::def(), "each").allow_missing);
    assert_eq!(inputs(picked::def(), "old").version, Some(3));
    assert_eq!(inputs(history::def(), "week_ago").mapping, Some(MappingDef::Offset(-7, -7)));
    assert_eq!((inputs(history::def(), "week").upstream)().key, ["history"]);
    assert_eq!(inputs(running::def(), "before").mapping, Some(MappingDef::Offset(-1, -1)));
    assert!(inputs(running::def(), "before").previous && inputs(running::def(), "before").optional);
    assert_eq!(measured::def().partition_expr, [("date", "day"), ("species", "kind")]);
    assert_eq!(measured::def().partition_by, Some(&["date"][..]));
    assert_eq!(renamed::def().partition_by, Some(&[""][..]));
    assert_eq!([fetched::def().calls, readings::def().calls, nightly::def().calls], [Calls::Once; 3]);
    assert_eq!(flowers::def().calls, Calls::PerPartition);
    assert!(flowers::def().partitions.is_some() && everything::def().partitions.is_none());
}

#[test]
fn keys_are_typed() -> Result<()> {
    let setosa: Partition<Species> = "Iris-setosa".parse()?;
    assert!(matches!(*setosa, Species::Setosa));
    assert_eq!(Partition::<Species>::new(Species::Versicolor)?.key(), "Versicolor");
    assert_eq!("-3".parse::<Partition<Size>>()?.into_value(), -3);
    assert_eq!(Partition::<Size>::new(4).expect_err("it is not listed").to_string(), "`4` is no key of `Size`");
    let key = PartitionKey::of([("type", "west")])?;
    let named = Partition::<Named>::of(key)?;
    assert_eq!(*named.r#type, "west");
    assert_eq!(Named::key(&NamedKey { r#type: "west".parse()? })?.dimension("type"), Some("west"));
    assert!(Partition::<Named>::of(PartitionKey::of([("kind", "west")])?).is_err());
    Ok(())
}

#[test]
fn maps_keep_their_order() -> Result<()> {
    let both: Partitions<Species, i64> =
        [("Versicolor".parse()?, 1), ("Iris-setosa".parse()?, 2), ("Versicolor".parse()?, 3)].into_iter().collect();
    assert_eq!(both.values().copied().collect::<Vec<_>>(), [3, 2]);
    assert_eq!(format!("{both:?}"), "{`Versicolor`: 3, `Iris-setosa`: 2}");
    Ok(())
}

fn round_trip<P: PartitionDefinition>(text: &str) -> Result<Partition<P>> {
    let partition: Partition<P> = text.parse()?;
    assert_eq!(P::key(partition.value())?, *partition.partition_key());
    let set = PartitionSet::of([partition.clone()])?;
    assert!(set.contains(&partition) && set.len() == 1 && set.first()? == set.last()?);
    assert_eq!(P::def()?.name(), P::def()?.name());
    Ok(partition)
}

/// Each definition can be made, and its keys are read and written.
#[test]
fn keys_go_both_ways() -> Result<()> {
    round_trip::<Station>("south|west")?;
    round_trip::<Size>("-3")?;
    round_trip::<Species>("Iris-setosa")?;
    assert_eq!(round_trip::<Hour>("2010-11-06-01:15")?.to_string(), "2010-11-06-01:15");
    round_trip::<Hour>("2010-11-07-01:15-0800")?;
    let day = round_trip::<Day>("2023-03-26")?;
    let (start, end) = day.window()?;
    assert_eq!((start.hour(), end.hour(), start.duration_until(&end).as_hours()), (6, 6, 24));
    let date: Date = "2023-01-02".parse().expect("a date");
    assert_eq!(round_trip::<Week>("2023-W01")?.into_value(), date);
    assert!(Partition::<Week>::new(date.tomorrow().expect("there is one")).is_err());
    round_trip::<Month>("2024-03-28")?;
    round_trip::<Nightly>("2023-01-02-03:00")?;
    round_trip::<Region>("anything")?;
    assert_eq!(round_trip::<DaySpecies>("2023-01-02|Versicolor")?.date.key(), "2023-01-02");
    round_trip::<Named>("x")?;
    Ok(())
}

/// What the compiler lets through, the definitions let through.
#[test]
fn every_edge_lines_up_at_run_time_too() {
    use lakewright::partition::Mapping;

    let registry = Registry::of(assets![
        renamed,
        everything,
        picked,
        by_day,
        spread,
        daily,
        running,
        history,
        fetched,
        readings,
        after_fetched,
        weekly,
        monthly,
        from_table,
        nightly,
        named,
        other,
        sized
    ]);
    assert!(registry.errors().is_empty(), "{:?}", registry.errors());
    for asset in registry.assets() {
        for input in asset.inputs.iter().filter(|input| !input.order_only) {
            let upstream = registry.get(&input.upstream).expect("it came along");
            let cut =
                upstream.partitions.is_none() && upstream.partition_expr.is_some() && input.mapping == Some(Mapping::Identity);
            let (up, down) =
                (if cut { asset.partitions.as_ref() } else { upstream.partitions.as_ref() }, asset.partitions.as_ref());
            let mapping = input.mapping.clone().map_or_else(|| Mapping::default_for(up, down), Ok);
            let checked = mapping.and_then(|mapping| mapping.check(up, down));
            assert!(checked.is_ok(), "{} of {}: {checked:?}", input.parameter, asset.key);
        }
    }
}
