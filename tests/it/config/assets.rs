//! `[assets."key"]`: the configuration of single assets.

use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

use super::file;
use crate::support::{block_on, key, run_all};

#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
struct Limits {
    at_least: i64,
    at_most: i64,
    name: String,
    inner: Inner,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Inner {
    factor: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_least: 1, at_most: 2, name: "three".to_owned(), inner: Inner { factor: 4 } }
    }
}

#[asset(io_manager = "memory", key_prefix = "weather")]
fn limits(limits: Config<Limits>) -> (i64, i64, String, i64) {
    (limits.at_least, limits.at_most, limits.name.clone(), limits.inner.factor)
}

fn registry() -> Registry {
    Registry::of(assets![limits])
}

#[test]
fn the_command_line_wins_over_the_file_over_the_builder_over_the_default() {
    let configured = file(
        "[stores.memory]\n[assets.\"weather/limits\"]\nat_most = 30\nname = \"${NAME}\"\ninner = { factor = \"${FACTOR}\" }\n",
    );
    let variables = [("NAME", "12345"), ("FACTOR", "7"), ("LAKEWRIGHT__ASSETS__WEATHER_LIMITS__AT_LEAST", "10")];
    let lakehouse = configured
        .builder(&variables)
        .registry(registry())
        .set("weather/limits.inner.factor=9")
        .config("weather/limits", serde_json::json!({ "at_least": 5, "at_most": 5, "name": "of the builder" }))
        .build()
        .unwrap();
    run_all(&lakehouse);
    let lakewright::Value::Object(stored) = block_on(lakehouse.load(&key("weather/limits"))).unwrap().unwrap() else {
        panic!("an object was stored")
    };
    let stored: (i64, i64, String, i64) = stored.decode().unwrap();
    assert_eq!(stored, (10, 30, "12345".to_owned(), 9));
}

#[test]
fn every_mistake_has_its_place() {
    let configured = file(
        "[stores.memory]\n[assets.\"weather/limits\"]\nat_leest = 3\nat_most = \"many\"\n[assets.\"weather/limits\".inner]\nfactor = true\n\
         [assets.\"weather/limit\"]\n",
    );
    let mistakes = configured.mistakes(configured.builder(&[]).registry(registry()));
    assert_eq!(mistakes.len(), 4, "{mistakes:#?}");
    assert!(
        mistakes[0].contains("unknown field `at_leest`") && mistakes[0].contains("did you mean `at_least`?"),
        "{mistakes:#?}"
    );
    for (mistake, place) in mistakes.iter().zip(["3:1", "4:1", "6:1", "7:9"]) {
        assert!(mistake.contains(&format!("lakewright.toml:{place}")), "{place} is not in {mistake}");
    }
    assert!(mistakes[1].contains("the field `at_most`") && mistakes[2].contains("the field `inner.factor`"), "{mistakes:#?}");
    assert!(mistakes[3].contains("there is no asset `weather/limit`") && mistakes[3].contains("did you mean"), "{mistakes:#?}");
}
