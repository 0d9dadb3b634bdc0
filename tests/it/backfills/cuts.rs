//! What the runs of a backfill are.

use std::collections::{BTreeMap, BTreeSet};

use lakewright::exec::Plan;
use lakewright::partition::Mapping;
use lakewright::state::RunQuery;
use lakewright::{ErrorKind, Slice};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::support::key;

#[test]
fn there_is_a_run_for_each_partition_and_what_it_is_for_is_kept() {
    let (log, calls) = (log(), Calls::default());
    let day = |asset: AssetBuilder| asset.partitions(windows(Every::Day));
    let assets = [calls.asset("raw", day), calls.asset("clean", |asset| day(asset).input(Input::of("raw")))];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let options = BackfillOptions::new().parallel(2).tag("ticket", "OPS-17");
    let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-01-03"), &options).unwrap();
    assert_eq!((backfill.run_count(), backfill.partition_count()), (3, 6));
    assert!(lakehouse.backfills(10).unwrap().is_empty(), "it is only a plan");
    assert!(calls.made().is_empty());
    assert_eq!(backfill.run_id(3), format!("{}-0003", backfill.id));

    let status = start(&lakehouse, &backfill);
    assert!(status.is_success());
    assert_eq!((status.counts().done, status.partition_counts().done, status.partition_counts().total), (3, 6, 6));
    let all = ["clean 2023-01-01", "clean 2023-01-02", "clean 2023-01-03", "raw 2023-01-01", "raw 2023-01-02", "raw 2023-01-03"];
    assert_eq!(calls.sorted(), all);
    let query = RunQuery { backfill: Some(backfill.id.clone()), ..RunQuery::newest(10) };
    let runs = lakehouse.runs(&query).unwrap();
    assert_eq!(runs.len(), 3);
    for (record, _) in &runs {
        assert_eq!(record.about.tags["ticket"], "OPS-17");
        assert_eq!((record.steps, record.about.selection.as_deref()), (2, Some("*")));
    }
    // It is done, and nothing of it is made again.
    let again = block_on(lakehouse.resume_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(again.is_success() && again.backfill.done.is_some());
    assert!(!lakehouse.cancel_backfill(&backfill.id).unwrap());
    assert_eq!(calls.made().len(), 6);
    let error = block_on(lakehouse.start_backfill(&backfill, Interrupt::new())).unwrap_err();
    assert!(error.message().contains("already"), "{error:?}");
    assert_eq!(lakehouse.backfills(10).unwrap(), [again.backfill]);
}

#[test]
fn one_run_for_all_and_one_for_each_key_of_a_dimension() {
    let (log, calls) = (log(), Calls::default());
    let lakehouse = lakehouse(&log, [calls.asset("flowers", |asset| asset.partitions(days_of_species()))]).build().unwrap();
    let choice = PartitionChoice::none().range("date=2023-01-01", "2023-01-02").key("2023-02-01|setosa");
    let slices = |cut: RunCut| -> Vec<String> {
        let backfill = lakehouse.plan_backfill("*", &choice, &options(cut)).unwrap();
        backfill.runs().map(|(_, _, run)| run.slice.to_string()).collect()
    };
    assert_eq!(slices(RunCut::One), ["v1:all"]);
    assert_eq!(
        slices(RunCut::Per("species".into())),
        [
            "v1:[date=2023-01-01..2023-01-02,2023-02-01&species=setosa]",
            "v1:[date=2023-01-01..2023-01-02&species=versicolor]",
            "v1:[date=2023-01-01..2023-01-02&species=virginica]",
        ]
    );
    assert_eq!(slices(RunCut::Per("Species".into())).len(), 3, "by the name of the definition as well");
    assert_eq!(slices(RunCut::Per("date".into())).len(), 3);
    assert_eq!(slices(RunCut::PerPartition).len(), 7);
    let error = lakehouse.plan_backfill("*", &choice, &options(RunCut::Per("specie".into()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.help_text().unwrap().contains("species"), "{error:?}");

    let backfill = lakehouse.plan_backfill("*", &choice, &options(RunCut::One)).unwrap();
    assert_eq!(backfill.partition_count(), 7);
    assert!(start(&lakehouse, &backfill).is_success());
    assert_eq!(calls.made().len(), 7);
    let query = RunQuery { backfill: Some(backfill.id.clone()), ..RunQuery::newest(10) };
    assert_eq!(lakehouse.runs(&query).unwrap().len(), 1);
}

#[test]
fn months_are_made_when_their_days_are_and_what_has_no_partitions_is_made_once() {
    let (log, calls) = (log(), Calls::default());
    let assets = [
        calls.asset("stations", |asset| asset),
        calls.asset("day", |asset| asset.partitions(windows(Every::Day)).input(Input::of("stations"))),
        calls.asset("clean", |asset| asset.partitions(windows(Every::Day)).input(Input::of("day"))),
        calls.asset("month", |asset| asset.partitions(windows(Every::Month(1))).input(all_of("clean"))),
        calls.asset("report", |asset| asset.input(all_of("month").mapping(Mapping::All).allow_missing())),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-02-28"), &BackfillOptions::new().parallel(3)).unwrap();
    assert_eq!(backfill.run_count(), 1 + 59 + 2 + 1);
    let status = start(&lakehouse, &backfill);
    assert!(status.is_success(), "{:?}", outcomes(&status));
    let made = calls.made();
    assert_eq!(made.len(), 1 + 59 + 59 + 2 + 1);
    assert_eq!(made.first().map(String::as_str), Some("stations"));
    assert_eq!(made.last().map(String::as_str), Some("report"));
    let months: Vec<usize> = (0..made.len()).filter(|at| made[*at].starts_with("month")).collect();
    assert_eq!(months, [119, 120]);
    let months = lakehouse.backfill_partitions(&status, &key("month")).unwrap();
    let months: Vec<_> = months.iter().map(|(key, outcome)| (key.to_string(), *outcome)).collect();
    assert_eq!(months, [("2023-01-01".to_owned(), BackfillOutcome::Done), ("2023-02-01".to_owned(), BackfillOutcome::Done)]);
}

#[test]
fn a_partition_that_is_made_from_the_one_before_waits_for_it() {
    let (log, calls) = (log(), Calls::default());
    let previous = Input::previous("balance");
    let asset = calls.asset("balance", |asset| asset.partitions(windows(Every::Day)).input(previous.optional()));
    let lakehouse = lakehouse(&log, [asset]).build().unwrap();
    let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-01-06"), &BackfillOptions::new().parallel(4)).unwrap();
    calls.fail("balance 2023-01-04", 1);
    let status = start(&lakehouse, &backfill);
    use BackfillOutcome::{Done, Failed, Waiting};
    assert_eq!(outcomes(&status), [Done, Done, Done, Failed, Waiting, Waiting]);
    assert_eq!(status.outcome(), Failed);
    // Resumed, what failed is left alone, and so is what needs it.
    let status = block_on(lakehouse.resume_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert_eq!(outcomes(&status), [Done, Done, Done, Failed, Waiting, Waiting]);
    let status = block_on(lakehouse.retry_backfill(&backfill.id, Interrupt::new())).unwrap();
    assert!(status.is_success());
    let expected = ["01", "02", "03", "04", "04", "05", "06"].map(|day| format!("balance 2023-01-{day}"));
    assert_eq!(calls.made(), expected);
}

/// Two days from which to two days up to which.
fn spans() -> PartitionsDef {
    let day = || PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-01-03").unwrap());
    PartitionsDef::multi("Span", [("from", day()), ("to", day())]).unwrap()
}

/// An earlier partition of the asset, by the dimension that goes back and one that is mapped in this way.
fn earlier(asset: &str, back: &str, (other, mapping): (&str, Mapping)) -> Input {
    let back = (back.to_owned(), Mapping::Offset { start: -1, end: -1 });
    Input::previous(asset).per_partition().mapping(Mapping::Dimensions(vec![(other.to_owned(), mapping), back]))
}

#[test]
fn runs_are_in_the_order_of_the_dimension_that_a_partition_is_earlier_in() {
    let (log, calls) = (log(), Calls::default());
    let input = earlier("rise", "to", ("from", Mapping::All));
    let lakehouse = lakehouse(&log, [calls.asset("rise", |asset| asset.partitions(spans()).input(input))]).build().unwrap();
    let plan = |cut: RunCut| lakehouse.plan_backfill("*", &PartitionChoice::all(), &options(cut).parallel(4));
    let backfill = plan(RunCut::PerPartition).unwrap();
    let status = start(&lakehouse, &backfill);
    assert!(status.is_success(), "{:?}", outcomes(&status));
    let expected = ["01|2023-01-01", "02|2023-01-01", "01|2023-01-02", "02|2023-01-02"];
    assert_eq!(calls.made(), expected.map(|rest| format!("rise 2023-01-{rest}")));

    let error = plan(RunCut::Per("from".into())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.message().contains("earlier partitions with other keys of `from`"), "{error:?}");
    assert!(error.help_text().unwrap().contains("`--per-run to`"), "{error:?}");
    for (cut, runs) in [(RunCut::Per("to".into()), 2), (RunCut::One, 1)] {
        let backfill = plan(cut).unwrap();
        assert_eq!(backfill.run_count(), runs);
        assert!(start(&lakehouse, &backfill).is_success());
    }
    assert_eq!(calls.made().len(), 3 * 4);
}

#[test]
fn runs_of_another_dimension_whose_keys_stay_the_same_need_nothing_of_each_other() {
    let (log, calls) = (log(), Calls::default());
    let same = earlier("rise", "to", ("from", Mapping::Identity));
    let assets = [
        calls.asset("rise", |asset| asset.partitions(spans()).input(same)),
        calls.asset("balance", |asset| asset.partitions(days_of_species()).input(Input::previous("balance"))),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let two = PartitionChoice::none().range("date=2023-01-01", "2023-01-02");
    for (asset, cut, choice, runs) in [("rise", "from", PartitionChoice::all(), 2), ("balance", "species", two, 3)] {
        let backfill = lakehouse.plan_backfill(asset, &choice, &options(RunCut::Per(cut.into()))).unwrap();
        assert_eq!(backfill.run_count(), runs);
        assert!(start(&lakehouse, &backfill).is_success());
    }
}

#[test]
fn assets_that_are_made_in_different_orders_have_no_runs_of_single_partitions_together() {
    let (log, calls) = (log(), Calls::default());
    let falls = earlier("fall", "from", ("to", Mapping::All));
    let rises = earlier("rise", "to", ("from", Mapping::All));
    let assets = [
        calls.asset("fall", |asset| asset.partitions(spans()).input(falls)),
        calls.asset("rise", |asset| asset.partitions(spans()).input("fall").input(rises)),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    let error = lakehouse.plan_backfill("*", &PartitionChoice::all(), &BackfillOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PartitionKey);
    assert!(error.message().contains("`fall` is made in the order of `from` and `rise` in that of `to`"), "{error:?}");
    let backfill = lakehouse.plan_backfill("*", &PartitionChoice::all(), &options(RunCut::One)).unwrap();
    assert!(start(&lakehouse, &backfill).is_success());
    assert_eq!(calls.made().len(), 4 + 4);
}

#[test]
fn keys_that_come_later_do_not_sneak_in() {
    let (log, calls) = (log(), Calls::default());
    let regions = || PartitionsDef::dynamic("regions");
    let both = PartitionsDef::multi("Both", [("date", windows(Every::Day)), ("region", regions())]).unwrap();
    let assets = [
        calls.asset("day", |asset| asset.partitions(windows(Every::Day))),
        calls.asset("shop", |asset| asset.partitions(both).input(Input::of("day"))),
    ];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    lakehouse.add_partitions("regions", &["north".into(), "south".into()]).unwrap();
    let backfill = lakehouse.plan_backfill("*", &PartitionChoice::none().key("2023-01-01"), &options(RunCut::One)).unwrap();
    let per_partition =
        lakehouse.plan_backfill("*", &PartitionChoice::none().key("2023-01-01"), &BackfillOptions::new()).unwrap();
    lakehouse.add_partitions("regions", &["east".into()]).unwrap();
    for backfill in [&backfill, &per_partition] {
        assert_eq!(backfill.partition_count(), 3);
        assert!(start(&lakehouse, backfill).is_success());
    }
    let once = ["day 2023-01-01", "shop 2023-01-01|north", "shop 2023-01-01|south"];
    assert_eq!(calls.sorted(), once.iter().flat_map(|call| [call, call]).map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn the_failed_ones_are_those_that_were_last_recorded_so_and_what_follows() {
    let (log, calls) = (log(), Calls::default());
    let day = |asset: AssetBuilder| asset.partitions(windows(Every::Day));
    let assets = [calls.asset("raw", day), calls.asset("clean", |asset| day(asset).input(Input::of("raw")))];
    let lakehouse = lakehouse(&log, assets).build().unwrap();
    calls.fail("raw 2023-01-02", 1);
    calls.fail("clean 2023-01-04", 1);
    let backfill = lakehouse.plan_backfill("*", &days("2023-01-01", "2023-01-05"), &BackfillOptions::new()).unwrap();
    assert_eq!(start(&lakehouse, &backfill).counts().failed, 2);
    let failed = lakehouse.plan_backfill("*", &PartitionChoice::failed(), &BackfillOptions::new()).unwrap();
    assert_eq!(failed.choice, "failed");
    let before = calls.made().len();
    assert!(start(&lakehouse, &failed).is_success());
    assert_eq!(calls.made()[before..], ["raw 2023-01-02", "clean 2023-01-02", "clean 2023-01-04"]);
    let failed = lakehouse.plan_backfill("*", &PartitionChoice::failed(), &BackfillOptions::new()).unwrap();
    assert_eq!(failed.run_count(), 0);
    assert!(start(&lakehouse, &failed).is_success(), "there is nothing to do");
}

/// The partitions of each asset in the steps of a plan.
fn partitions_of(plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let defs = [
        ("flowers", days_of_species()),
        ("petals", days_of_species()),
        ("month", windows(Every::Month(1))),
        ("day", windows(Every::Day)),
    ];
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for asset in plan.steps.iter().flat_map(|step| &step.assets) {
        let name = asset.key.to_string();
        let keys: Vec<String> = match (&asset.slice, defs.iter().find(|(known, _)| *known == name)) {
            (Slice::Whole, _) | (_, None) => vec![String::new()],
            (slice, Some((_, def))) => def.resolve(slice).unwrap().keys().map(|key| key.to_string()).collect(),
        };
        let known = found.entry(name).or_default();
        for key in keys {
            assert!(known.insert(key), "a partition is made twice by {plan:?}");
        }
    }
    found
}

fn choices() -> impl Strategy<Value = PartitionChoice> {
    let day = |number: u32| format!("2023-0{}-{:02}", 1 + number / 28, 1 + number % 28);
    let corner = (0u32..80, 0usize..3).prop_map(move |(number, species)| {
        PartitionChoice::none().key(format!("{}|{}", day(number), ["setosa", "versicolor", "virginica"][species]))
    });
    let range = (0u32..80, 0u32..20).prop_map(move |(first, more)| {
        PartitionChoice::none().range(format!("date={}", day(first)), day((first + more).min(83)))
    });
    let both = (0u32..80, 0u32..20, any::<bool>()).prop_map(move |(first, more, named)| {
        let range = PartitionChoice::none().range(format!("date={}", day(first)), day((first + more).min(83)));
        let range = range.key(format!("{}|setosa", day(81)));
        if named { range.key("species=virginica") } else { range }
    });
    prop::sample::select(vec![0, 1, 2, 3, 4]).prop_flat_map(move |which| match which {
        0 => corner.clone().boxed(),
        1 => range.clone().boxed(),
        2 => both.clone().boxed(),
        3 => proptest::prelude::Just(PartitionChoice::all()).boxed(),
        _ => proptest::prelude::Just(PartitionChoice::missing()).boxed(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_runs_together_are_what_was_chosen_and_no_two_make_the_same(choice in choices(), cut in 0usize..4, stored in 0u32..20) {
        let (log, calls) = (log(), Calls::default());
        let end = TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-04-01").unwrap();
        let def = PartitionsDef::multi("DaysOfSpecies", [("date", PartitionsDef::time("Day", end)), ("species", species())]).unwrap();
        let months = PartitionsDef::time("Month", TimeDef::new(Every::Month(1), "2023-01-01").unwrap().end("2023-04-01").unwrap());
        let overlap = all_of("petals").mapping(Mapping::Dimensions(vec![("date".into(), Mapping::Overlap)])).allow_missing();
        let assets = [
            calls.asset("stations", |asset| asset),
            calls.asset("flowers", |asset| asset.partitions(def.clone()).input(Input::of("stations"))),
            calls.asset("petals", |asset| asset.partitions(def.clone()).input(Input::of("flowers"))),
            calls.asset("month", |asset| asset.partitions(months).input(overlap)),
            calls.asset("report", |asset| asset.input(all_of("month").mapping(Mapping::All).allow_missing())),
        ];
        let lakehouse = lakehouse(&log, assets).build().unwrap();
        if stored > 0 {
            let some = PartitionChoice::none().range("date=2023-01-05", format!("2023-01-{:02}", 5 + stored)).key("species=setosa");
            lakehouse.materialize_for_blocking("flowers or stations", &some).unwrap();
        }
        let cut = [RunCut::PerPartition, RunCut::One, RunCut::Per("species".into()), RunCut::Per("date".into())][cut].clone();
        let chosen = partitions_of(&lakehouse.plan_for("*", &choice).unwrap());
        let backfill = lakehouse.plan_backfill("*", &choice, &options(cut)).unwrap();
        let mut together: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut counted = 0;
        for (number, _, planned) in backfill.runs() {
            let run = partitions_of(&lakehouse.plan_of_backfill(&backfill, number).unwrap());
            prop_assert_eq!(run.values().map(BTreeSet::len).sum::<usize>() as u64, planned.partitions);
            counted += planned.partitions;
            for (asset, keys) in run {
                let known = together.entry(asset).or_default();
                for key in keys {
                    prop_assert!(known.insert(key), "two runs make the same");
                }
            }
        }
        prop_assert_eq!(together, chosen);
        prop_assert_eq!(counted, backfill.partition_count());
    }
}
