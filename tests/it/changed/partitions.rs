//! Partitions are compared one by one where they were stored one by one.

use lakewright::partition::{Every, Mapping, PartitionsDef, TimeDef};

use super::*;
use crate::support::key;

fn days() -> PartitionsDef {
    PartitionsDef::time("Day", TimeDef::new(Every::Day, "2023-01-01").unwrap().end("2023-03-01").unwrap())
}

fn months() -> PartitionsDef {
    PartitionsDef::time("Month", TimeDef::new(Every::Month(1), "2023-01-01").unwrap().end("2023-03-01").unwrap())
}

fn assets(world: &World, codes: [&str; 3], value: &Arc<AtomicI64>) -> [AssetSpec; 3] {
    [
        world.giving("day", codes[0], value, |asset| asset.partitions(days())),
        world.asset("clean", codes[1], |asset| asset.partitions(days()).input(Input::of("day"))),
        world.asset("month", codes[2], |asset| asset.partitions(months()).input(Input::of("clean").per_partition())),
    ]
}

#[test]
fn only_the_partitions_with_a_reason_are_made() {
    let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
    let lakehouse = world.lakehouse(assets(&world, ["1", "1", "1"], &value));
    let all = PartitionChoice::all();
    assert!(run_changed(&lakehouse, &all).is_success());
    assert_eq!(world.made().len(), 59 + 59 + 2);
    assert_eq!(why(&lakehouse, &all), [vec![], vec![], vec![]]);
    let one = PartitionChoice::none().key("2023-01-05");
    assert_eq!(why(&lakehouse, &one), [vec![], vec![], vec![]], "nor of a part of what was stored as one");
    // One day is made again, and comes to something else. What was stored as one is compared as one.
    value.store(2, Ordering::SeqCst);
    assert!(lakehouse.materialize_for_blocking("day", &PartitionChoice::none().key("2023-02-03")).unwrap().is_success());
    world.made();
    let plan = block_on(lakehouse.plan_changed("*", &all)).unwrap();
    let slices: Vec<String> = plan.steps.iter().map(|step| step.assets[0].slice.to_string()).collect();
    assert_eq!(slices, ["v1:[2023-01-01..2023-02-28]", "v1:[2023-01-01..2023-02-28]", "v1:[2023-01-01..2023-02-01]"]);
}

#[test]
fn a_partition_that_was_stored_alone_is_compared_alone() {
    let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
    let lakehouse = world.lakehouse(assets(&world, ["1", "1", "1"], &value));
    let one = |day: &str| PartitionChoice::none().key(format!("2023-01-{day}"));
    for day in ["01", "02", "03", "04"] {
        assert!(lakehouse.materialize_for_blocking("day or clean", &one(day)).unwrap().is_success());
    }
    value.store(2, Ordering::SeqCst);
    assert!(lakehouse.materialize_for_blocking("day", &one("02")).unwrap().is_success());
    world.made();
    let four = PartitionChoice::none().range("2023-01-01", "2023-01-04");
    let changed = |lakehouse: &Lakehouse| {
        block_on(async {
            let plan = lakehouse.plan_changed("day or clean", &four).await.unwrap();
            let decisions = lakehouse.explain(&plan).await.unwrap();
            (plan.clone(), decisions, lakehouse.run(plan, Interrupt::new()).await.unwrap())
        })
    };
    let (plan, decisions, report) = changed(&lakehouse);
    assert!(report.is_success());
    assert_eq!(decisions[0].1, StepDecision::Unchanged);
    assert_eq!(plan.steps[1].assets[0].slice.to_string(), "v1:[2023-01-02]");
    let StepDecision::WillRun { reasons } = &decisions[1].1 else { panic!("{decisions:?}") };
    assert!(matches!(&reasons[..], [StepReason::InputChanged { asset, .. }] if *asset == key("day")), "{reasons:?}");
    assert_eq!(world.made(), ["clean 2023-01-02"]);
    let (_, _, report) = changed(&lakehouse);
    assert_eq!((report.materializations().count(), world.made().len()), (0, 0));
    // Other code is a reason for all of them, and a day that is missing for itself.
    let lakehouse = world.lakehouse(assets(&world, ["1", "2", "1"], &value));
    let (plan, ..) = changed(&lakehouse);
    assert_eq!(plan.steps[1].assets[0].slice.to_string(), "v1:[2023-01-01..2023-01-04]");
    assert_eq!(world.made().len(), 4);
}

#[test]
fn a_day_that_came_later_changes_what_is_made_from_all_days() {
    let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
    let total =
        |world: &World| world.asset("total", "1", |asset| asset.input(Input::of("day").per_partition().mapping(Mapping::All)));
    let [day, ..] = assets(&world, ["1", "1", "1"], &value);
    let lakehouse = world.lakehouse([day, total(&world)]);
    let days = |last: &str| PartitionChoice::none().range("2023-01-01", format!("2023-01-{last}"));
    assert!(run_changed(&lakehouse, &days("03")).is_success());
    assert!(run_changed(&lakehouse, &days("03")).is_success());
    assert_eq!(world.made().len(), 4);
    assert!(run_changed(&lakehouse, &days("04")).is_success());
    assert_eq!(world.made(), ["day 2023-01-04", "total"]);
    assert_eq!(world.last("total").inputs[0].slice.to_string(), "v1:[2023-01-01..2023-01-04]");
    assert_eq!(world.last("total").inputs[0].data.len(), 2, "the days that were stored as one are one part");
}

#[test]
fn an_earlier_partition_that_changes_changes_the_later_ones() {
    let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
    let day = world.giving("day", "1", &value, |asset| asset.partitions(days()));
    let balance =
        |asset: AssetBuilder| asset.partitions(days()).input(Input::of("day")).input(Input::previous("balance").named("before"));
    let made = Arc::clone(&world.made);
    let balance = balance(AssetBuilder::new("balance", ValueKind::Object).io_manager("memory").code_version("1"));
    let balance = balance.body(move |mut call: lakewright::Call| {
        made.lock().unwrap().push(format!("balance {}", call.partition_key().unwrap()));
        async move {
            let today: i64 = call.object("day")?;
            let before: i64 = if call.has("before") { call.object("before")? } else { 0 };
            call.produce_object(today + before)
        }
    });
    let lakehouse = world.lakehouse([day, balance.unwrap()]);
    let four = PartitionChoice::none().range("2023-01-01", "2023-01-04");
    for day in ["01", "02", "03", "04"] {
        let one = PartitionChoice::none().key(format!("2023-01-{day}"));
        assert!(lakehouse.materialize_for_blocking("*", &one).unwrap().is_success());
    }
    world.made();
    assert_eq!(run_changed(&lakehouse, &four).materializations().count(), 0);
    value.store(5, Ordering::SeqCst);
    assert!(lakehouse.materialize_for_blocking("day", &PartitionChoice::none().key("2023-01-03")).unwrap().is_success());
    world.made();
    assert!(run_changed(&lakehouse, &four).is_success());
    assert_eq!(world.made(), ["balance 2023-01-03", "balance 2023-01-04"]);
}

#[test]
fn a_partition_of_which_nothing_is_made_is_no_reason_to_make_those_beside_it() {
    let (world, value) = (World::new(), Arc::new(AtomicI64::new(1)));
    let day = world.giving("day", "1", &value, |asset| asset.partitions(days()));
    let made = Arc::clone(&world.made);
    let sunny = AssetBuilder::new("sunny", ValueKind::Object).io_manager("memory").code_version("1").optional();
    let sunny = sunny.partitions(days()).input(Input::of("day")).body(move |call: lakewright::Call| {
        let key = call.partition_key().unwrap().to_string();
        made.lock().unwrap().push(format!("sunny {key}"));
        async move { if key == "2023-01-03" { Ok(lakewright::Produced::nothing()) } else { call.produce_object(1) } }
    });
    let lakehouse = world.lakehouse([day, sunny.unwrap()]);
    let three = PartitionChoice::none().range("2023-01-01", "2023-01-03");
    assert!(run_changed(&lakehouse, &three).is_success());
    let stored = world.last("sunny");
    let two = "v1:[2023-01-01..2023-01-02]";
    assert_eq!((stored.slice.to_string(), stored.inputs[0].slice.to_string()), (two.to_owned(), two.to_owned()));
    world.made();
    assert!(run_changed(&lakehouse, &three).is_success());
    assert_eq!(world.made(), ["sunny 2023-01-03"]);
}

#[test]
fn what_was_asked_about_before_anything_was_there_is_known_afterwards() {
    let world = World::new();
    let lakehouse = world.lakehouse([world.asset("day", "1", |asset| asset.partitions(days()))]);
    let four = PartitionChoice::none().range("2023-01-01", "2023-01-04");
    assert_eq!(why(&lakehouse, &four), [[StepReason::Missing]]);
    for day in ["01", "02", "03", "04"] {
        let one = PartitionChoice::none().key(format!("2023-01-{day}"));
        assert!(lakehouse.materialize_for_blocking("*", &one).unwrap().is_success());
    }
    assert_eq!(run_changed(&lakehouse, &four).materializations().count(), 0);
}

#[test]
fn what_a_smaller_definition_still_has_is_known() {
    let world = World::new();
    let colors = |keys: &[&str]| PartitionsDef::fixed("Color", keys.iter().copied()).unwrap();
    let built = |def: PartitionsDef| world.lakehouse([world.asset("paint", "1", |asset| asset.partitions(def))]);
    assert!(run_changed(&built(colors(&["red", "blue", "green"])), &PartitionChoice::all()).is_success());
    assert_eq!(run_changed(&built(colors(&["red", "blue"])), &PartitionChoice::all()).materializations().count(), 0);

    let from = |start: &str| PartitionsDef::time("Day", TimeDef::new(Every::Day, start).unwrap().end("2023-01-10").unwrap());
    let built = |def: PartitionsDef| world.lakehouse([world.asset("day", "1", |asset| asset.partitions(def))]);
    let one = PartitionChoice::none().range("2023-01-01", "2023-01-05");
    assert!(built(from("2023-01-01")).materialize_for_blocking("*", &one).unwrap().is_success());
    let later = built(from("2023-01-05"));
    let five = PartitionChoice::none().key("2023-01-05");
    assert_eq!(run_changed(&later, &five).materializations().count(), 0);
    let recorded = later.recorded_partitions(&crate::support::key("day"), lakewright::state::PartitionStatus::Materialized);
    assert_eq!(recorded.unwrap().len(), 1);
}

#[test]
fn a_partition_that_is_gone_is_no_reason_for_those_that_were_stored_with_it() {
    let (world, all) = (World::new(), PartitionChoice::all());
    let regions = |asset: AssetBuilder| asset.partitions(PartitionsDef::dynamic("regions"));
    let lakehouse = world.lakehouse([
        world.asset("raw", "1", regions),
        world.asset("clean", "1", |asset| regions(asset).input(Input::of("raw"))),
        world.asset("total", "1", |asset| asset.input(Input::of("clean").per_partition().mapping(Mapping::All))),
    ]);
    lakehouse.add_partitions("regions", &["a".into(), "b".into(), "c".into()]).unwrap();
    assert!(run_changed(&lakehouse, &all).is_success());
    lakehouse.remove_partitions("regions", &["b".into()]).unwrap();
    let reasons = why(&lakehouse, &all);
    assert_eq!(reasons[..2], [vec![], vec![]]);
    // What takes all of them is made from less than it was.
    let [changed] = &reasons[2][..] else { panic!("{reasons:?}") };
    assert!(changed.to_string().ends_with("of other partitions"), "{changed}");
    world.made();
    assert!(run_changed(&lakehouse, &all).is_success());
    assert_eq!(world.made(), ["total"]);

    let from = |start: &str| {
        let def = PartitionsDef::time("Day", TimeDef::new(Every::Day, start).unwrap().end("2023-01-10").unwrap());
        let days = |asset: AssetBuilder| asset.partitions(def.clone());
        world.lakehouse([world.asset("sold", "1", days), world.asset("paid", "1", |asset| days(asset).input(Input::of("sold")))])
    };
    let days = |first: &str| PartitionChoice::none().range(first, "2023-01-05");
    assert!(run_changed(&from("2023-01-01"), &days("2023-01-01")).is_success());
    assert_eq!(run_changed(&from("2023-01-03"), &days("2023-01-03")).materializations().count(), 0);
}
