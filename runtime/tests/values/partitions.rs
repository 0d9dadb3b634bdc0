//! Sets of partitions against a naive model, mappings both ways, texts that never change, and what errors say.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has failed where it says")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lakewright::partition::{Every, KeySet, KeySpace, Mapping, PartitionKey, PartitionsDef, TimeDef};
use lakewright::{ErrorKind, Result, Slice};
use proptest::prelude::*;

fn now() -> Timestamp {
    "2023-03-01T00:00:00Z".parse().unwrap()
}

fn day() -> PartitionsDef {
    PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap())
}

fn month() -> PartitionsDef {
    PartitionsDef::time("Month", TimeDef::new(Every::Month(1), "2022-11-01").unwrap())
}

fn berlin() -> PartitionsDef {
    PartitionsDef::time("Berlin", TimeDef::new(Every::Hour, "2023-02-20").unwrap().zone("Europe/Berlin").unwrap())
}

fn species() -> PartitionsDef {
    PartitionsDef::fixed("Species", ["Iris-setosa", "Iris-virginica", "Iris-versicolor"]).unwrap()
}

fn day_species() -> PartitionsDef {
    PartitionsDef::multi("DaySpecies", [("species", species()), ("date", day())]).unwrap()
}

fn month_species() -> PartitionsDef {
    PartitionsDef::multi("MonthSpecies", [("date", month()), ("species", species())]).unwrap()
}

fn three() -> PartitionsDef {
    let region = PartitionsDef::dynamic("Region");
    PartitionsDef::multi("Three", [("species", species()), ("date", month()), ("a region", region)]).unwrap()
}

fn regions() -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([(
        "Region".to_owned(),
        ["eu|west", "us", "a..b,c", "äö%", "2023-01-31", "2023-02-01", "Iris-virginica"].map(String::from).to_vec(),
    )])
}

fn space(def: &PartitionsDef) -> KeySpace {
    def.space(now(), &regions()).unwrap()
}

fn defs() -> Vec<PartitionsDef> {
    vec![species(), day(), month(), berlin(), PartitionsDef::dynamic("Region"), day_species(), month_species(), three()]
}

fn texts(set: &KeySet) -> BTreeSet<String> {
    set.keys().map(|key| key.to_string()).collect()
}

/// A set from bits: dense and sparse stretches, whole rows and single keys.
fn pick(space: &KeySpace, seed: &[(u16, u16)]) -> KeySet {
    let mut set = space.none();
    for (from, length) in seed {
        let from = u64::from(*from) % space.len().max(1);
        for index in from..(from + u64::from(*length) % 70).min(space.len()) {
            set.insert(index);
        }
    }
    set
}

fn seeds() -> impl Strategy<Value = Vec<(u16, u16)>> {
    proptest::collection::vec((any::<u16>(), any::<u16>()), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_are_as_a_naive_model(which in 0..8_usize, one in seeds(), other in seeds()) {
        let def = &defs()[which];
        let space = space(def);
        let (a, b) = (pick(&space, &one), pick(&space, &other));
        let (x, y) = (texts(&a), texts(&b));
        prop_assert_eq!(a.len(), x.len() as u64);
        prop_assert_eq!(texts(&a.union(&b)), &x | &y);
        prop_assert_eq!(texts(&a.intersection(&b)), &x & &y);
        prop_assert_eq!(texts(&a.difference(&b)), &x - &y);

        // The text of the set says exactly the set, in any space that has the keys.
        let text = a.slice().to_string();
        let slice: Slice = text.parse().unwrap();
        prop_assert_eq!(&slice, &a.slice());
        prop_assert_eq!(&space.known(&slice), &a);
        let resolved = def.resolve(&slice).unwrap();
        prop_assert_eq!(texts(&resolved), x.clone());
        prop_assert_eq!(resolved.slice().to_string(), text);
        // Across spaces sets meet by their keys.
        prop_assert_eq!(texts(&b.intersection(&resolved)), &x & &y);
        prop_assert_eq!(texts(&b.union(&resolved)), &x | &y);

        // Boxes are disjoint, and all of them are the set.
        let mut boxed = BTreeSet::new();
        for places in a.boxes() {
            let mut indices = vec![Vec::new()];
            for places in &places {
                indices = indices.iter().flat_map(|known| places.iter().map(|place| { let mut all = known.clone(); all.push(place); all })).collect();
            }
            for index in indices {
                prop_assert!(boxed.insert(space.at(&index)));
            }
        }
        prop_assert_eq!(boxed, a.indices().collect::<BTreeSet<_>>());

        for axis in 0..space.axes().len() {
            let places: BTreeSet<u64> = a.indices().map(|index| space.places(index)[axis]).collect();
            prop_assert_eq!(a.places(axis).iter().collect::<BTreeSet<_>>(), places.clone());
            let split = a.split(axis);
            prop_assert_eq!(split.iter().map(|(place, _)| *place).collect::<BTreeSet<_>>(), places);
            let mut whole = space.none();
            for (place, part) in &split {
                prop_assert!(part.indices().all(|index| space.places(index)[axis] == *place));
                whole = whole.union(part);
            }
            prop_assert_eq!(&whole, &a);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mappings_lead_back(picked in seeds(), fed in seeds(), step in 1..40_u64) {
        let mut fitting = 0;
        for up in &defs() {
            for down in &defs() {
                for mapping in &mappings() {
                    if let Err(error) = mapping.check(Some(up), Some(down)) {
                        prop_assert!(error.help_text().is_some());
                        continue;
                    }
                    fitting += 1;
                    let (ups, downs) = (space(up), space(down));
                    leads_back(mapping, &pick(&downs, &picked), &pick(&ups, &fed), step)?;
                }
            }
        }
        prop_assert!(fitting > 170, "only {} were tested", fitting);
    }
}

fn one(space: &KeySpace, index: u64) -> KeySet {
    let mut one = space.none();
    one.insert(index);
    one
}

fn leads_back(mapping: &Mapping, made: &KeySet, fed: &KeySet, step: u64) -> Result<(), TestCaseError> {
    let (ups, downs) = (fed.space(), made.space());
    // Every downstream partition that is made from something is fed by what it is made from.
    let needed = mapping.upstream(Some(made), ups).unwrap();
    let back = if needed.is_empty() { downs.none() } else { mapping.downstream(Some(&needed), downs).unwrap() };
    let mut each = ups.none();
    for index in made.indices() {
        let from = mapping.upstream(Some(&one(downs, index)), ups).unwrap();
        prop_assert!(from.is_empty() || back.contains(index), "{:?} {:?}", mapping, downs.key(index));
        each = each.union(&from);
    }
    prop_assert_eq!(&each, &needed, "{:?}: what all need is what each needs", mapping);
    // Every upstream partition that anything is made from is among what is needed for all that it feeds.
    let reachable = mapping.upstream(Some(&downs.all()), ups).unwrap();
    let fed = fed.intersection(&reachable);
    let feeds = mapping.downstream(Some(&fed), downs).unwrap();
    let again = mapping.upstream(Some(&feeds), ups).unwrap();
    prop_assert!(fed.difference(&again).is_empty(), "{:?}", mapping);
    // And what is fed is exactly what is made from any of it.
    for index in (0..downs.len()).step_by(usize::try_from(step).unwrap()) {
        let made_from = !mapping.upstream(Some(&one(downs, index)), ups).unwrap().intersection(&fed).is_empty();
        prop_assert_eq!(feeds.contains(index), made_from, "{:?} {:?}", mapping, downs.key(index));
    }
    Ok(())
}

fn mappings() -> Vec<Mapping> {
    let offset = |start, end| Mapping::Offset { start, end };
    vec![
        Mapping::Identity,
        Mapping::All,
        Mapping::Last,
        offset(-1, -1),
        offset(-3, 1),
        Mapping::Overlap,
        Mapping::Keys(vec!["2023-01-31".into(), "2023-02-01".into()]),
        Mapping::Dimensions(vec![("date".into(), Mapping::Overlap)]),
        Mapping::Dimensions(vec![("species".into(), Mapping::Map(vec![("Iris-setosa".into(), vec!["Iris-virginica".into()])]))]),
    ]
}

fn set(space: &KeySpace, keys: &[&str]) -> KeySet {
    let keys: Vec<PartitionKey> = keys.iter().map(|key| space.def().parse_key(key).unwrap()).collect();
    space.set(&keys).unwrap()
}

fn up(mapping: &Mapping, down: (&PartitionsDef, &[&str]), up: &PartitionsDef) -> Vec<String> {
    mapping.check(Some(up), Some(down.0)).unwrap();
    let down = set(&space(down.0), down.1);
    mapping.upstream(Some(&down), &space(up)).unwrap().keys().map(|key| key.to_string()).collect()
}

#[test]
fn defaults_follow_the_definitions() {
    let default = |up: Option<&PartitionsDef>, down: Option<&PartitionsDef>| Mapping::default_for(up, down).unwrap();
    assert_eq!(default(Some(&day()), Some(&day())), Mapping::Identity);
    assert_eq!(default(Some(&day_species()), Some(&day_species())), Mapping::Identity);
    assert_eq!(default(Some(&day()), Some(&month())), Mapping::Overlap);
    assert_eq!(default(None, Some(&month())), Mapping::All);
    assert_eq!(default(Some(&month()), None), Mapping::All);
    let projected = default(Some(&day_species()), Some(&species()));
    assert_eq!(up(&projected, (&species(), &["Iris-setosa"]), &day_species()).len(), 59);
    let projected = default(Some(&day()), Some(&day_species()));
    assert_eq!(up(&projected, (&day_species(), &["2023-01-02|Iris-setosa"]), &day()), ["2023-01-02"]);
}

#[test]
fn windows_overlap_across_granularities_and_zones() {
    let january = up(&Mapping::Overlap, (&month(), &["2023-01-01"]), &day());
    assert_eq!((january.len(), january[0].as_str(), january[30].as_str()), (31, "2023-01-01", "2023-01-31"));
    assert_eq!(up(&Mapping::Overlap, (&day(), &["2023-01-15", "2023-01-20"]), &month()), ["2023-01-01"]);
    // A day of UTC begins at one o'clock in Berlin.
    let hours = up(&Mapping::Overlap, (&day(), &["2023-02-21"]), &berlin());
    assert_eq!((hours.len(), hours[0].as_str(), hours[23].as_str()), (24, "2023-02-21-01:00", "2023-02-22-00:00"));
    // What lies before the first window or is not over yet is left out.
    assert!(up(&Mapping::Overlap, (&day(), &["2023-01-15"]), &berlin()).is_empty());
    let named = Mapping::Dimensions(vec![("date".into(), Mapping::Overlap)]);
    let days = up(&named, (&month_species(), &["2023-02-01|Iris-setosa"]), &day_species());
    assert_eq!((days.len(), days[27].as_str()), (28, "2023-02-28|Iris-setosa"));
    assert_eq!(up(&named, (&month(), &["2023-02-01"]), &day_species()).len(), 28 * 3);
    assert_eq!(up(&named, (&day_species(), &["2023-02-01|Iris-setosa"]), &month()), ["2023-02-01"]);
}

#[test]
fn offsets_reach_back_and_stop_at_the_first() {
    let previous = Mapping::Offset { start: -1, end: -1 };
    assert!(up(&previous, (&day(), &["2023-01-01"]), &day()).is_empty());
    assert_eq!(up(&previous, (&day(), &["2023-01-02"]), &day()), ["2023-01-01"]);
    let week = Mapping::Offset { start: -6, end: 0 };
    assert_eq!(up(&week, (&day(), &["2023-01-03"]), &day()), ["2023-01-01", "2023-01-02", "2023-01-03"]);
    let both = up(&previous, (&day_species(), &["2023-01-02|Iris-setosa", "2023-01-01|Iris-setosa"]), &day_species());
    assert_eq!(both, ["2023-01-01|Iris-setosa"]);
}

#[test]
fn keys_last_and_maps() {
    let map = Mapping::Map(vec![("Iris-setosa".into(), vec!["2023-01-02".into(), "2023-01-01".into()])]);
    assert_eq!(up(&map, (&species(), &["Iris-setosa", "Iris-virginica"]), &day()), ["2023-01-01", "2023-01-02"]);
    assert!(up(&map, (&species(), &["Iris-virginica"]), &day()).is_empty());
    assert_eq!(up(&Mapping::Last, (&species(), &["Iris-virginica"]), &day()), ["2023-02-28"]);
    let days = space(&day());
    assert_eq!(texts(&Mapping::Last.upstream(None, &days).unwrap()), BTreeSet::from(["2023-02-28".to_owned()]));
    assert_eq!(Mapping::All.upstream(None, &days).unwrap(), days.all());
    assert_eq!(Mapping::All.downstream(None, &days).unwrap(), days.all());
    assert!(Mapping::All.upstream(Some(&space(&species()).none()), &days).unwrap().is_empty());
}

#[test]
fn mappings_that_do_not_fit_say_what_would() {
    let error = Mapping::default_for(Some(&day()), Some(&species())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Partitions);
    assert_eq!(error.message(), "`Day` and `Species` do not line up: `Day` is daily windows, `Species` is 3 static keys");
    assert_eq!(error.help_text(), Some("mappings that would do: `all`, `last`, `keys`, `map`"));
    let error = Mapping::default_for(Some(&day_species()), Some(&month())).unwrap_err();
    assert_eq!(error.help_text(), Some("mappings that would do: `overlap`, `dimensions`, `all`, `last`, `keys`, `map`"));
    let error = Mapping::Identity.check(Some(&day()), Some(&month())).unwrap_err();
    assert_eq!(
        error.message(),
        "`Day` and `Month` do not go together by `identity`: `Day` is daily windows, `Month` is monthly windows"
    );
    assert_eq!(error.help_text(), Some("mappings that would do: `overlap`, `all`, `last`, `keys`, `map`"));
    let refused = |mapping: Mapping, up: Option<&PartitionsDef>, down: Option<&PartitionsDef>| {
        assert!(mapping.check(up, down).unwrap_err().help_text().is_some(), "{mapping:?}");
    };
    refused(Mapping::Keys(vec!["Iris-setoso".into()]), Some(&species()), Some(&day()));
    refused(Mapping::Keys(vec!["2023-1-1".into()]), Some(&day()), None);
    refused(Mapping::Map(vec![("Iris".into(), vec![])]), Some(&day()), Some(&species()));
    refused(Mapping::Identity, Some(&day()), None);
    refused(Mapping::Offset { start: 0, end: 0 }, Some(&day()), Some(&month()));
    refused(Mapping::Last, None, Some(&day()));
    refused(Mapping::Dimensions(vec![("dat".into(), Mapping::All)]), Some(&day_species()), Some(&day()));
    refused(Mapping::Dimensions(vec![("date".into(), Mapping::Identity)]), Some(&day_species()), Some(&month_species()));
}

#[test]
fn keys_that_do_not_exist_say_why() {
    let error = |def: &PartitionsDef, key: &str| {
        let error = def.parse_key(key).and_then(|key| space(def).index(&key)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PartitionKey);
        format!("{} | {}", error.message(), error.help_text().unwrap_or_default())
    };
    assert_eq!(
        error(&species(), "Iris-setos"),
        "`Iris-setos` is not a key of `Species` | did you mean `Iris-setosa`? known keys: `Iris-setosa`, `Iris-virginica`, \
         `Iris-versicolor`"
    );
    assert_eq!(
        error(&PartitionsDef::dynamic("Region"), "asia"),
        "`asia` is not registered in the dynamic partitions `Region` | add it: `partitions add Region asia`"
    );
    let command = error(&PartitionsDef::dynamic("Region"), "king's lynn & co");
    assert!(command.ends_with("add it: `partitions add Region 'king'\\''s lynn & co'`"), "{command}");
    let bounds = "the first key is `2023-01-01`, the last is `2023-02-28`";
    assert_eq!(
        error(&day(), "1 March"),
        format!("`1 March` is not written as the keys of `Day` are | write it like `2023-02-28`; {bounds}")
    );
    assert_eq!(error(&day(), "2022-12-31"), format!("`2022-12-31` comes before the first window of `Day` | {bounds}"));
    assert_eq!(error(&day(), "2023-03-01"), format!("the window `2023-03-01` of `Day` is not over yet | {bounds}"));
    assert_eq!(
        error(&month(), "2023-01-02"),
        "no window of `Month` begins at `2023-01-02` | the nearest begin at `2023-01-01` and `2023-02-01`; the first key is \
         `2022-11-01`, the last is `2023-02-01`"
    );
    let ended = PartitionsDef::time("Ended", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-01-03").unwrap());
    assert_eq!(
        error(&ended, "2023-01-03"),
        "`2023-01-03` comes after the last window of `Ended`, at or after its end | the first key is `2023-01-01`, the last is \
         `2023-01-02`"
    );
    assert_eq!(
        error(&day_species(), "2023-01-01"),
        "`2023-01-01` has 1 values, and `DaySpecies` has 2 dimensions | write it as `date|species`, and a `|` inside of a value as `\\|`"
    );
    assert!(space(&day()).index(&PartitionKey::of([("date", "2023-01-01")]).unwrap()).is_err());
}

#[test]
fn definitions_that_cannot_be_are_refused() {
    let refused = |def: Result<PartitionsDef>| assert_eq!(def.unwrap_err().kind(), ErrorKind::Partitions);
    refused(PartitionsDef::fixed("Empty", Vec::<&str>::new()));
    refused(PartitionsDef::fixed("Twice", ["a", "b", "a"]));
    refused(PartitionsDef::fixed("Blank", [""]));
    refused(PartitionsDef::fixed("Control", ["a\nb"]));
    refused(PartitionsDef::multi("None", Vec::<(&str, PartitionsDef)>::new()));
    refused(PartitionsDef::multi("Twice", [("a", day()), ("a", species())]));
    refused(PartitionsDef::multi("Nested", [("a", day_species())]));
    let names: Vec<String> = day_species().dimensions().iter().map(|dimension| dimension.name.clone()).collect();
    assert_eq!(names, ["species", "date"]);
}

/// Never change these: they are in tables, logs and paths.
#[test]
fn texts_of_slices_are_the_same_for_ever() {
    let text = |def: &PartitionsDef, keys: &[&str]| {
        let slice = set(&space(def), keys).slice();
        (slice.to_string(), slice.digest())
    };
    let golden = [
        (text(&species(), &[]), "v1:[]", "7a9d8675c56636d89e230d9dc1e7e03a"),
        (
            text(&species(), &["Iris-virginica", "Iris-setosa"]),
            "v1:[Iris-setosa,Iris-virginica]",
            "597461f15f59ac9bc48f7f3260716aea",
        ),
        (
            text(&day(), &["2023-01-31", "2023-02-01", "2023-02-03", "2023-01-01"]),
            "v1:[2023-01-01,2023-01-31..2023-02-01,2023-02-03]",
            "6b2c3c6fc8baa340eed18929aa0dfcb5",
        ),
        (
            text(&PartitionsDef::dynamic("Region"), &["us", "eu|west", "a..b,c", "äö%"]),
            "v1:[a%2E%2Eb%2Cc,eu|west,us,äö%25]",
            "a022a1317695787a633d3d560c9c8fe2",
        ),
        (
            text(&day_species(), &["2023-01-02|Iris-setosa", "2023-01-01|Iris-setosa", "2023-01-03|Iris-virginica"]),
            "v1:[date=2023-01-01..2023-01-02&species=Iris-setosa;date=2023-01-03&species=Iris-virginica]",
            "7bba77d05961c11b55294e9d118eb7d8",
        ),
        (
            text(&three(), &["eu\\|west|2023-01-01|Iris-setosa", "us|2023-01-01|Iris-setosa"]),
            "v1:[a region=eu|west,us&date=2023-01-01&species=Iris-setosa]",
            "26ff732ef4515fc6c4bed5fd7ca1b244",
        ),
    ];
    for ((text, digest), expected, expected_digest) in golden {
        assert_eq!(text, expected);
        assert_eq!(digest, expected_digest, "{text}");
    }
}

#[test]
fn the_text_does_not_depend_on_what_else_there_is() {
    let keys = ["2023-01-01|Iris-setosa", "2023-01-02|Iris-virginica"];
    let now = set(&space(&day_species()), &keys).slice();
    let reordered = PartitionsDef::fixed("Species", ["new", "Iris-virginica", "Iris-setosa"]).unwrap();
    let def = PartitionsDef::multi("Other", [("date", day()), ("species", reordered)]).unwrap();
    let later = def.space("2030-01-01T00:00:00Z".parse().unwrap(), &BTreeMap::new()).unwrap();
    assert_eq!(set(&later, &keys).slice(), now);
}

#[test]
fn slices_of_other_definitions_are_refused_or_left_out() {
    let slice = |text: &str| text.parse::<Slice>().unwrap();
    for text in ["v1:all", "v1:[x]", "v1:[a=x]", "v1:[Iris-setosa..Iris-virginica]"] {
        assert!(species().resolve(&slice(text)).is_err(), "{text}");
    }
    for text in ["v1:[2022-12-31]", "v1:[2022-12-30..2023-01-02]", "v1:[2023-01-02..2023-01-01]", "v1:[2023-01-01..x]", "v1:[x]"]
    {
        assert!(day().resolve(&slice(text)).is_err(), "{text}");
    }
    assert_eq!(day().resolve(&slice("v1:[2030-01-01..2030-01-05]")).unwrap().len(), 5);
    let days = space(&day());
    assert_eq!(days.known(&Slice::Whole), days.all());
    assert_eq!(texts(&days.known(&slice("v1:[2022-12-30..2023-01-02]"))).len(), 2);
    assert_eq!(texts(&days.known(&slice("v1:[2022-12-30..2023-01-01]"))), BTreeSet::from(["2023-01-01".to_owned()]));
    assert!(days.known(&slice("v1:[2022-12-30..2022-12-31]")).is_empty());
    assert!(days.known(&slice("v1:[2023-01-02..2023-01-01]")).is_empty());
    assert_eq!(texts(&days.known(&slice("v1:[2023-02-27..2023-03-05]"))).len(), 2);
    assert!(days.known(&slice("v1:[2023-03-03..2023-03-05,nothing]")).is_empty());
    assert!(days.known(&slice("v1:[date=2023-01-01]")).is_empty());
}

#[test]
fn products_and_ranges() {
    let both = space(&day_species());
    let dates = both.range(0, "2023-01-30", "2023-02-02").unwrap();
    assert_eq!(dates, ["2023-01-30", "2023-01-31", "2023-02-01", "2023-02-02"]);
    assert_eq!(both.product(&[dates, vec!["Iris-setosa".into(), "Iris-versicolor".into()]]).unwrap().len(), 8);
    assert!(both.range(0, "2023-02-02", "2023-01-30").unwrap_err().help_text().is_some());
    assert!(both.range(2, "a", "b").is_err());
    assert!(both.product(&[vec![]]).is_err());
    assert!(both.product(&[vec!["2023-01-01".into()], vec!["x".into()]]).is_err());
    // A set without keys, and not on the first axis.
    let empty = PartitionsDef::multi("DayRegion", [("date", day()), ("region", PartitionsDef::dynamic("Region"))]).unwrap();
    let empty = empty.space(now(), &BTreeMap::from([("Region".to_owned(), Vec::new())])).unwrap();
    assert!(empty.product(&[vec!["2023-01-01".into()], Vec::new()]).unwrap().is_empty());
    assert!(empty.known(&"v1:[date=2023-01-01&region=eu]".parse().unwrap()).is_empty());
    assert!(Mapping::Identity.upstream(Some(&space(&day()).all()), &empty).unwrap().is_empty());
}

/// A million keys: the bounds hold without optimisation too, so that they say something about what is done and not how fast.
#[test]
fn a_million_keys_are_a_few_ranges() {
    let keys: Vec<String> = (0..274).map(|number| format!("k{number}")).collect();
    let days = PartitionsDef::time("Day", TimeDef::new(Every::Day, "2013-01-01").unwrap());
    let def = PartitionsDef::multi("Big", [("date", days.clone()), ("key", PartitionsDef::fixed("Key", keys).unwrap())]).unwrap();
    let big = def.space("2022-12-30T00:00:00Z".parse().unwrap(), &BTreeMap::new()).unwrap();
    assert_eq!(big.len(), 3650 * 274);
    let all = big.all();
    let part = big.known(&"v1:[date=2014-01-01..2018-12-31&key=k1,k2]".parse().unwrap());
    assert_eq!(part.len(), 1826 * 2);
    assert_eq!(all.difference(&part).len(), 3650 * 274 - 3652);
    assert_eq!(all.slice().to_string().matches("..").count(), 1);
    assert_eq!(all.places(1).len(), 274);
    assert_eq!(Mapping::Identity.upstream(Some(&all), &big).unwrap(), all);
    assert_eq!(Mapping::Identity.downstream(Some(&part), &days.space(now(), &BTreeMap::new()).unwrap()).unwrap().len(), 1826);
}
