//! Keys that a path, a URL, a predicate or a log could trip over.

use lakewright::partition::{PartitionKey, PartitionsDef};
use lakewright::prelude::*;
use proptest::prelude::*;

use super::{Sliced, numbered, rows};

fn hostile() -> Vec<String> {
    let mut keys: Vec<String> = [
        "it's",
        "say \"hi\"",
        "a|b",
        "a,b",
        "a/b",
        "../../etc",
        "%2F",
        "100%",
        "a=b",
        "color=red",
        ".",
        "..",
        "ö ß 漢字 🦀",
        " lead",
        "trail ",
        "a b",
        "a\\b",
        "a:b",
        "*?",
        "#frag",
        "a&b;c",
        "[x]",
        "null",
        "NULL",
        "__HIVE_DEFAULT_PARTITION__",
        "_delta_log",
        "-",
        "'; DROP TABLE t; --",
        "a+b",
        "2023-01-01",
        "true",
        "a%20b",
        "{}",
        "~",
        "e\u{301}",
        "\u{e9}",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("long/".repeat(80));
    keys.push("漢".repeat(300));
    keys
}

#[test]
fn in_one_dimension() {
    let keys = hostile();
    let def = PartitionsDef::fixed("Hostile", &keys).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_expr("color"));
    let slice = |key: &str, n: i64| numbered("color", key, &[n, n + 1]);
    let mut all: Vec<DataFrame> = keys.iter().zip(0..).map(|(key, n)| slice(key, 10 * n)).collect();
    table.write_all(keys.iter().map(String::as_str).zip(all.iter().cloned()));
    assert_eq!(table.live(), rows(&all));
    for (place, key) in keys.iter().enumerate().step_by(6) {
        all[place] = slice(key, 10_000 + i64::try_from(place).unwrap() * 10);
        table.write(key, all[place].clone());
        assert_eq!(table.live(), rows(&all), "{key:?} alone is replaced");
        assert_eq!(rows([&table.read(key).unwrap()]), rows([&all[place]]), "{key:?}");
    }
    assert_eq!(table.stored(), keys);
    for (place, key) in keys.iter().enumerate().skip(1).step_by(12) {
        table.write(key, all[place].clear());
        all[place] = all[place].clear();
    }
    assert_eq!((table.live(), table.stored()), (rows(&all), keys), "those without rows are marked");
}

#[test]
fn in_two_dimensions() {
    let keys = ["a|b", "a", "b|a", "b", "\\", "|", "a/b", "%", "é"];
    let def = PartitionsDef::fixed("Hostile", keys).unwrap();
    let def = PartitionsDef::multi("Both", [("x", def.clone()), ("y", def)]).unwrap();
    let table = Sliced::new(def, |asset| asset.partition_exprs([("x", "x"), ("y", "y")]));
    let text = |x: &str, y: &str| PartitionKey::of([("x", x), ("y", y)]).unwrap().to_string();
    let slice = |x: &str, y: &str, n: i64| df!("x" => [x], "y" => [y], "n" => [n]).unwrap();
    let mut all = Vec::new();
    let mut given = Vec::new();
    for (x, n) in keys.iter().zip(0..) {
        for (y, m) in keys.iter().zip(0..) {
            given.push((text(x, y), slice(x, y, n * 100 + m)));
            all.push(slice(x, y, n * 100 + m));
        }
    }
    table.write_all(given.iter().map(|(key, frame)| (key.as_str(), frame.clone())));
    for (place, (x, y)) in [(0, 1), (1, 0), (8, 4), (5, 5)].into_iter().map(|(x, y)| (x * keys.len() + y, (keys[x], keys[y]))) {
        all[place] = slice(x, y, 100_000);
        table.write(&text(x, y), all[place].clone());
        assert_eq!(table.live(), rows(&all), "{x} and {y}");
    }
}

#[test]
fn in_a_table_for_each_partition() {
    let keys = hostile();
    let def = PartitionsDef::fixed("Hostile", &keys).unwrap();
    let table = Sliced::new(def, |asset| asset);
    let slice = |key: &str| numbered("color", key, &[1]);
    table.write_all(keys.iter().map(|key| (key.as_str(), slice(key))));
    for key in &keys {
        assert_eq!(rows([&table.read(key).unwrap()]), rows([&slice(key)]), "{key:?}");
    }
    assert_eq!(table.stored(), keys);
    let outside = crate::support::files_below(table.root());
    assert!(outside.iter().all(|file| file.starts_with("delta/public/t") || file.starts_with(".lakewright")), "{outside:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn any_two_texts(one in "[^\\p{C}]{1,30}", other in "[^\\p{C}]{1,30}") {
        prop_assume!(one != other);
        let def = PartitionsDef::fixed("Any", [&one, &other]).unwrap();
        let table = Sliced::new(def, |asset| asset.partition_expr("color"));
        table.write_all([(one.as_str(), numbered("color", &one, &[1, 2])), (&other, numbered("color", &other, &[3]))]);
        table.write(&one, numbered("color", &one, &[10]));
        prop_assert_eq!(table.live(), rows([&numbered("color", &one, &[10]), &numbered("color", &other, &[3])]));
        prop_assert_eq!(rows([&table.read(&other).unwrap()]), rows([&numbered("color", &other, &[3])]));
    }
}
