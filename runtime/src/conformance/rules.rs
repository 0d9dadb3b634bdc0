//! The rules, in one list: what the tests are made of, and what the page says.

use std::time::Duration;

use futures::future::BoxFuture;

use super::ability::Ability;
use super::bench::Bench;
use super::breach::Verdict;
use super::place::{Open, Place};
use super::{commits, modes, places, runs, snapshots, tables, values};
use crate::asset::ValueKind;

/// A rule.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rule {
    /// Its name, which is that of its test.
    pub name: &'static str,
    /// What a store has to be able to do for the rule to apply, by the names of [`Ability`].
    pub needs: &'static [&'static str],
    /// The sections of the specification that it comes from.
    pub section: &'static str,
    /// What it says.
    pub says: &'static str,
    pub(super) run: Run,
}

/// How a rule is looked at.
pub(super) type Run = for<'b> fn(&'b Bench) -> BoxFuture<'b, Verdict>;

/// How long a rule may take, so that a store that waits for itself is found.
const LONGEST: Duration = Duration::from_secs(300);

impl Rule {
    /// Every rule there is.
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        RULES.iter().chain(tables::RULES)
    }

    /// Whether it applies to a store that is able to do this.
    #[must_use]
    pub fn applies(&self, able: &[Ability]) -> bool {
        self.needs.iter().all(|need| able.iter().any(|ability| ability.name() == *need))
    }
}

/// A list of rules as constant data.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    (($name:ident $about:literal) $($module:ident::$rule:ident [$($need:ident)*] $section:literal $says:literal;)*) => {
        #[doc = $about]
        pub(super) const $name: &[$crate::conformance::Rule] = &[$($crate::conformance::Rule {
            name: stringify!($rule),
            needs: &[$(stringify!($need)),*],
            section: $section,
            says: $says,
            run: |bench| Box::pin($module::$rule(bench)),
        },)*];
    };
}

/// The rules for every kind of value: handed to a macro, after what it is to be handed first.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_rules {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            values::capabilities_are_sound [] "1" "The capabilities are the same each time, the default mode is among the modes, and no option has the name of another.";
            values::nothing_stored_is_nothing [] "4" "Of an asset that was never stored, `load` gives `None`, `describe` says that it does not exist, and `committed` says `Absent`.";
            values::a_value_comes_back [] "4" "What was stored is read back.";
            values::overwriting_replaces [] "5" "`overwrite` replaces the whole of the asset, and nothing of any other.";
            values::another_instance_finds_it [lasting] "5" "What one instance of the store committed, every other finds at the same place, whenever it was opened.";
            values::a_description_is_true [] "6" "`describe` says rows, bytes, columns, version and run as they are, or leaves them out.";
            values::deleting_removes_or_refuses [] "5" "`delete` removes the asset and nothing else, or is refused as `Unsupported`.";
            values::probing_changes_nothing [] "7" "`probe` changes nothing.";
            places::locating_touches_nothing [] "2" "`locate` says one place for one asset, another for another, and makes nothing.";
            places::hostile_keys_are_kept_apart [] "2" "Assets with hostile names (`..`, quotes, `%2E`, 240 bytes) are kept apart or refused, and nothing is written outside of the store.";
            places::schemas_tell_tables_apart [schemas] "2" "The schema is the asset's own, or the last segment of the prefix, or `public`; two schemas are two tables.";
            places::assets_and_partitions_are_kept_apart [snapshots] "2" "A partition is neither another partition nor another asset.";
            places::hostile_partition_keys_are_kept_apart [snapshots] "2, 3" "Partitions with hostile keys (quotes, `|`, slashes, `..`, unicode, 240 bytes) are kept apart, and nothing is written outside of the store.";
            commits::what_is_staged_is_not_visible [] "5" "What is staged is seen by nobody before it is committed: not by `load`, `describe` or `committed`.";
            commits::what_is_staged_travels_as_text [] "5" "`Staged` goes through JSON, and another instance of the store commits or discards it.";
            commits::staging_again_and_again_shows_nothing [] "5" "Several things may be staged at once, and any of them committed.";
            commits::discarding_leaves_what_readers_see [] "5" "`discard` never removes what readers see, even if it was staged here, and is no error where nothing is left.";
            commits::a_commit_is_made_once [] "5" "The same commit again changes nothing, and says `already`.";
            commits::a_retry_commits_once [] "5" "Another attempt that staged anew under the same identity changes nothing, and says `already`.";
            commits::an_older_commit_is_refused [] "5" "A commit with a smaller number than the last of its kind is refused as `Superseded`, and `committed` says so.";
            commits::logs_count_for_themselves [] "5" "Commits are numbered for each log; those of another log are neither committed nor superseded.";
            commits::of_two_first_commits_the_later_stays [] "5" "Of two first commits at once the later one stays, or is refused as `Conflict`.";
            modes::error_refuses_what_is_there [error] "5" "`mode = \"error\"` refuses what is there as `Present`, changes nothing, and takes its own retry for what it is.";
            modes::ignore_leaves_what_is_there [ignore] "5" "`mode = \"ignore\"` leaves what is there and says so.";
            runs::a_run_stores_what_the_next_reads [] "4, 6" "A chain of assets is made twice, and its last asset alone; what the run says of rows and locations is true.";
            runs::a_failing_body_changes_nothing [] "1, 5" "A body that fails or panics leaves what was stored.";
            runs::a_failing_check_changes_nothing [] "1, 5" "A check that refuses what was staged leaves what was stored.";
            runs::nothing_produced_keeps_what_is_there [] "4, 5" "`None` from an optional output keeps what is stored; an optional input of which nothing is stored is `None`.";
            runs::a_missing_input_is_an_error [] "4" "An input of which nothing is stored is an error that names the asset; an external asset is read once it is there.";
            runs::what_it_cannot_do_is_refused [] "1" "Options that are not published, modes and values that are not in the capabilities are refused before anything runs.";
            snapshots::each_partition_is_its_own [snapshots] "5" "A partition is stored and replaced by itself, and `present` and `describe` tell what is there.";
            snapshots::partitions_are_read_each [snapshots] "4" "`load_each` gives each partition by itself, in the order of the definition, and `None` for one that is missing.";
            snapshots::several_partitions_are_one_commit [snapshots] "3, 5" "Several partitions, with gaps, are one commit, which is made once.";
            snapshots::partitions_refuse_together [snapshots error] "5" "`mode = \"error\"` refuses all partitions if one of them is there.";
            snapshots::only_absent_partitions_are_written [snapshots ignore] "5" "`mode = \"ignore\"` writes the partitions that are not there, and says which ones it left.";
            snapshots::old_partitions_are_refused [snapshots] "5" "Commits are numbered for each slice: an older one of a partition is refused, whatever happened to others.";
            snapshots::partitions_are_first_written_at_once [snapshots] "5" "Partitions that are first written at once are all there afterwards.";
            snapshots::dimensions_nest [snapshots] "2, 3" "Every combination of several dimensions is a partition of its own.";
            snapshots::hours_of_a_long_day_are_kept_apart [snapshots] "3" "The two hours of one name, when the clock goes back, are two partitions.";
            snapshots::a_run_makes_partitions [snapshots] "3, 4" "A run makes the keys of a dynamic set, another reads them as a map, and a key that is not in the set is refused.";
            snapshots::a_step_over_partitions_fails_as_one [snapshots] "1, 5" "If one call of a step over several partitions fails, none of them is stored.";
        }
    };
}

crate::__conformance_rules!(__conformance_list (RULES "The rules for values of every kind."));

/// Looks at one rule. What [`conformance!`](crate::conformance!) makes of each.
///
/// # Panics
/// If the store does not keep the rule: with what it is, its section, and what happened instead.
pub fn check(name: &str, open: Open) {
    let rule = Rule::all().find(|rule| rule.name == name).unwrap_or_else(|| panic!("there is no rule `{name}`"));
    for kind in kinds(rule, open) {
        check_kind(rule, kind, open);
    }
}

/// The kinds of values that a rule is looked at with.
fn kinds(rule: &Rule, open: Open) -> Vec<ValueKind> {
    let place = Place::new(rule.name);
    let can = runtime().block_on(async { open(place.clone()).await.capabilities() });
    let able = Ability::of(&can);
    assert!(rule.applies(&able), "the rule `{}` needs {:?}, and {} is not able to do that", rule.name, rule.needs, can.name);
    if rule.needs.contains(&"tables") {
        return vec![ValueKind::Table];
    }
    can.values.iter().copied().filter(|kind| *kind != ValueKind::Table || tables::ARE_TESTED).collect()
}

fn check_kind(rule: &Rule, kind: ValueKind, open: Open) {
    let (name, section, place) = (rule.name, rule.section, Place::new(rule.name));
    let runtime = runtime();
    let (store, outcome) = runtime.block_on(async {
        let bench = Bench::new(place.clone(), kind, open).await;
        let outcome = tokio::time::timeout(LONGEST, (rule.run)(&bench)).await;
        (bench.can.name, outcome)
    });
    // Jobs of the store that are still going on must not outlive the place.
    drop(runtime);
    let breach = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(breach)) => breach.to_string(),
        Err(_) => format!("it takes longer than {} seconds", LONGEST.as_secs()),
    };
    panic!("{store} does not keep the rule `{name}` (behaviours, section {section}), with {kind}:\n  {}\n{breach}", rule.says)
}

/// Compares what a store is said to be able to do with its capabilities, and prints the rules that apply.
///
/// # Panics
/// If they differ: with the list as it has to be.
#[expect(clippy::print_stdout, reason = "it is called by tests, and `--nocapture` shows it")]
pub fn check_abilities(declared: &[&str], open: Open) {
    let place = Place::new("abilities");
    let runtime = runtime();
    let can = runtime.block_on(async { open(place.clone()).await.capabilities() });
    let able = Ability::of(&can);
    let names: Vec<&str> = able.iter().map(|ability| ability.name()).collect();
    for name in declared {
        let known = Ability::ALL.iter().any(|ability| ability.name() == *name);
        assert!(
            known,
            "there is no ability `{name}`; there are {:?}",
            Ability::ALL.iter().map(|one| one.name()).collect::<Vec<_>>()
        );
    }
    let mut sorted = declared.to_vec();
    sorted.sort_unstable();
    assert!(
        sorted == names,
        "what {} is able to do is not what its test says, so rules would be left out; write `[{}]`",
        can.name,
        names.join(", ")
    );
    assert!(
        tables::ARE_TESTED || !names.contains(&"tables"),
        "{} holds frames, and without the feature `polars` of lakewright there are none to test it with",
        can.name
    );
    let (apply, rest): (Vec<&Rule>, Vec<&Rule>) = Rule::all().partition(|rule| rule.applies(&able));
    println!("{} rules apply to {}: {:?}", apply.len(), can.name, apply.iter().map(|rule| rule.name).collect::<Vec<_>>());
    for rule in rest {
        let lacking: Vec<_> = rule.needs.iter().filter(|need| !names.contains(need)).collect();
        println!("not applicable: `{}`, for want of {lacking:?}", rule.name);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("an async runtime")
}
