//! Every rule that applies, in the emulator. The rules take their time there, so a few of them go on at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lakewright::conformance::{Ability, Opening, Place, Rule, check, check_abilities};
use lakewright::io::bigquery::{BigQueryIoManager, Credentials};
use lakewright::{IoManager, Mode};

use super::emulator::endpoint;

const ABLE: [&str; 9] = ["append", "error", "ignore", "lasting", "merge", "one_table", "schema_mode", "schemas", "tables"];

fn open(place: Place) -> Opening {
    Box::pin(async move {
        // Nobody is at the discard port, and nothing is asked of it either.
        let endpoint = endpoint().unwrap_or_else(|| "http://127.0.0.1:9".to_owned());
        let store = BigQueryIoManager::new(place.name()).endpoint(endpoint).credentials(Credentials::Anonymous);
        let store: Arc<dyn IoManager> = Arc::new(store.mode(Mode::Overwrite));
        store
    })
}

/// The rules of one group of four, all of which are looked at before any fails.
fn rules(group: usize) {
    if endpoint().is_none() {
        return;
    }
    let able: Vec<Ability> = Ability::ALL.iter().copied().filter(|ability| ABLE.contains(&ability.name())).collect();
    let applicable = Rule::all().filter(|rule| rule.applies(&able));
    let mine = applicable.enumerate().filter(|(index, _)| index % 4 == group).map(|(_, rule)| rule);
    let broken: Vec<&str> =
        mine.filter(|rule| catch_unwind(AssertUnwindSafe(|| check(rule.name, open))).is_err()).map(|rule| rule.name).collect();
    assert!(broken.is_empty(), "the BigQuery store does not keep {broken:?}");
}

#[test]
fn abilities() {
    check_abilities(&ABLE, open);
}

#[test]
fn rules_one() {
    rules(0);
}

#[test]
fn rules_two() {
    rules(1);
}

#[test]
fn rules_three() {
    rules(2);
}

#[test]
fn rules_four() {
    rules(3);
}
