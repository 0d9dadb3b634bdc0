//! Definitions, and what the attributes say about them.

use super::parse;
use crate::args::On;
use crate::ast::Item;
use crate::diagnose::Errors;

fn expansion(args: &str, item: &str) -> String {
    let tokens = crate::partitions::attribute(parse(args), &parse(item));
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

#[track_caller]
fn definition_says(args: &str, item: &str, wanted: &[&str]) {
    assert_eq!(crate::partitions::messages(parse(args), &parse(item)), wanted, "#[partitions({args})] {item}");
}

#[track_caller]
fn time_says(args: &str, message: &str) {
    definition_says(args, "struct Day;", &[message]);
}

#[track_caller]
fn asset_says(args: &str, item: &str, wanted: &[&str]) {
    let mut errors = Errors::default();
    let args = crate::args::Args::parse(On::Asset, parse(args), &mut errors);
    let item = Item::parse(On::Asset, &parse(item)).unwrap();
    let _ = crate::valid::validate(On::Asset, args, item, &mut errors);
    assert_eq!(errors.messages(), wanted);
}

#[track_caller]
fn mapping_says(mapping: &str, message: &str) {
    asset_says("partitions = Day", &format!("fn a(#[input(mapping = {mapping})] b: T) -> i64 {{ 1 }}"), &[message]);
}

#[test]
fn keys_as_an_enum() {
    insta::assert_snapshot!(expansion("", "#[derive(Clone)] pub enum Species { #[key = \"Iris-setosa\"] Setosa, Versicolor }"));
}

#[test]
fn windows_of_time() {
    let args = "weekly, start = \"2023-01-01\", zone = \"Europe/Berlin\", weekday = \"monday\", hour_offset = 6, end_offset = -1";
    insta::assert_snapshot!(expansion(args, "struct Week;"));
}

#[test]
fn dimensions() {
    insta::assert_snapshot!(expansion("", "pub(crate) struct DaySpecies { date: time::Day, species: Species }"));
}

#[test]
fn mistaken() {
    insta::assert_snapshot!(expansion("daily, start = \"2023-02-30\"", "struct Day;"));
}

#[test]
fn nothing_is_said_of_what_is_right() {
    let right = [
        ("keys = [\"a\", \"b|c\", \"d/e\", \"ü'\\\"\"]", "struct S;"),
        ("keys = [-1, 0, 1],", "pub struct S {}"),
        ("", "enum S { A, #[key = \"b\"] r#B, C = 7 }"),
        ("hourly, start = \"2023-01-01-05:00\", minute_offset = 59, format = \"%Y%m%d%H\"", "struct S;"),
        ("daily = true, start = \"2024-02-29\", end = \"2024-03-01\", zone = \"Asia/Kathmandu\"", "struct S;"),
        ("weekly, start = \"2023-01-01\", weekday = 6", "struct S;"),
        ("weekly, start = \"2023-01-01\", weekday = \"Wed\", format = \"%G-%V\"", "struct S;"),
        ("monthly, start = \"2023-01-01\", day = 28, format = \"%Y-%m\"", "struct S;"),
        ("cron = \"*/15 8-18,22 1,15,L jan-jun mon-fri\", start = \"2023-01-01\"", "struct S;"),
        ("cron = \"0 0 * * 5#2\", start = \"2023-01-01\"", "struct S;"),
        ("cron = \"8-59/15 */6 l * fri-sun,5l\", start = \"2023-01-01\"", "struct S;"),
        ("dynamic", "struct S;"),
        ("dynamic = \"regions\"", "struct S;"),
        ("", "struct S { a: A, r#type: B }"),
    ];
    for (args, item) in right {
        definition_says(args, item, &[]);
    }
    let right = [
        "fn a(k: Partition<Day>, #[input(mapping = offset(-6, 0), allow_missing = false, version = 0)] b: T) -> i64 { 1 }",
        "fn a(k: &PartitionSet<Day>, #[input(mapping = keys(\"a\", 1))] b: Partitions<Q, T>) -> Output<Partitions<Day, T>> { 1 }",
        "fn a(#[input(mapping = map(\"a\" = \"b\", 2 = [1, 2],))] b: T, #[input(previous, mapping = offset(-7))] c: T) -> i64 { 1 }",
        "fn a(#[input(mapping = dimensions(date = offset(-1), r#type = all))] b: T, #[input(previous = false)] c: T) -> i64 { 1 }",
    ];
    for item in right {
        asset_says("partitions = time::Day, partition_expr(day = \"d\"), partition_by = [\"day\"]", item, &[]);
    }
}

#[test]
fn keys() {
    definition_says("keys = [\"a\", \"b\", \"a\"]", "struct S;", &["key `a` is given twice"]);
    definition_says("keys = [1, 1]", "struct S;", &["key `1` is given twice"]);
    definition_says(
        "keys = [\"\", \"a\\u{7}\"]",
        "struct S;",
        &["a key is not empty", "\"a\\u{7}\" cannot be a key; leave out control characters"],
    );
    definition_says("keys = []", "struct S;", &["`S` has no keys; list at least one"]);
    definition_says(
        "keys = [\"a\", 1]",
        "struct S;",
        &["`keys` takes a list of texts or of whole numbers, for example `keys = [\"a\", \"b\"]`"],
    );
    definition_says("", "enum S {}", &["`S` has no variants, so no keys"]);
    definition_says("", "enum S { A(i64) }", &["a key has no data, so `A` is a variant without fields"]);
    definition_says("", "enum S { #[key = \"B\"] A, B }", &["`A` and `B` have the same key `B`"]);
    definition_says("", "enum S { #[key = 1] A }", &["a key is a text, as in `#[key = \"a\"]`"]);
    definition_says("", "enum S { #[key(\"a\")] A }", &["a key is given as `#[key = \"a\"]`"]);
    definition_says("", "enum S { #[key = \"a\"] #[key = \"b\"] A }", &["`#[key]` is given twice"]);
    definition_says("daily", "enum S { A }", &["not expected here; the variants of an enum are its keys"]);
}

#[test]
fn kinds() {
    let known = "`keys = […]`, `hourly`, `daily`, `weekly`, `monthly`, `cron = \"…\"` or `dynamic`";
    let message = format!("`S` does not say what its keys are; add {known}, or give it dimensions as fields");
    definition_says("", "struct S;", &[&message]);
    definition_says("dialy, start = \"2023-01-01\"", "struct S;", &["unknown option `dialy`; did you mean `daily`?"]);
    definition_says(
        "daily, hourly, start = \"2023-01-01\"",
        "struct S;",
        &["a definition is of one kind, and this one is `daily` already"],
    );
    definition_says(
        "dynamic, start = \"2023-01-01\"",
        "struct S;",
        &["`dynamic` has no `start`; it belongs to `hourly`, `daily`, `weekly`, `monthly`, `cron`"],
    );
    definition_says("daily = false", "struct S;", &["`daily = false` leaves `S` without keys"]);
    definition_says(
        "group = \"x\", dynamic",
        "struct S;",
        &["not expected here; `group` belongs on the function: `#[asset(group = …)]`"],
    );
    definition_says(
        "columns = [\"x\"], dynamic",
        "struct S;",
        &["not expected here; `columns` belongs on a parameter: `#[input(columns = …)]`"],
    );
    definition_says("", "struct S(A, B);", &["a dimension has a name; write `struct S { date: Day, species: Species }`"]);
    definition_says(
        "dynamic",
        "struct S { a: A }",
        &["not expected here; the fields of a struct are its dimensions, each with keys of its own"],
    );
    definition_says("dynamic", "struct S<T>;", &["a partition definition has no type parameters, so `S` has none either"]);
    definition_says("dynamic", "union S { a: A }", &["a partition definition is a struct or an enum"]);
    definition_says(
        "Day",
        "fn s() {}",
        &["`#[partitions]` belongs on a struct or an enum; an asset names that type, in `#[asset(partitions = …)]`"],
    );
    definition_says("dynamic", "#[lakewright::partitions(dynamic)] struct S;", &["`#[partitions]` is on this type already"]);
}

#[test]
fn times() {
    time_says("daily", "`daily` needs a start: `start = \"2023-01-01\"`");
    time_says("daily, start = \"2023-02-29\"", "`2023-02-29` is not in the calendar");
    time_says("hourly, start = \"2023-01-01-24:00\"", "`2023-01-01-24:00` is not in the calendar");
    time_says("daily, start = \"2023-1-1\"", "`2023-1-1` is no date; write it like `2023-01-31`");
    time_says("cron = \"0 0 * * *\", start = \"now\"", "`now` is no date; write it like `2023-01-31` or `2023-01-31-05:00`");
    let with_time = "has a time of day, which these windows take from `hour_offset` and `minute_offset`";
    time_says("daily, start = \"2023-01-01-05:00\"", &format!("`2023-01-01-05:00` {with_time}"));
    time_says("daily, start = 2023", "`start` takes a text, for example `start = \"…\"`");
    let backwards = "the end is not after the start, so there would be no partitions";
    time_says("daily, start = \"2023-01-01\", end = \"2023-01-01\"", backwards);
    let zone = |zone: &str| format!("daily, start = \"2023-01-01\", zone = \"{zone}\"");
    time_says(&zone("europe/berlin"), "there is no time zone `europe/berlin`; did you mean `Europe/Berlin`?");
    time_says(&zone("New York"), "there is no time zone `New York`; did you mean `America/New_York`?");
    let example = "write the name of an IANA zone, for example `Europe/Berlin`";
    time_says(&zone("Middle-earth"), &format!("there is no time zone `Middle-earth`; {example}"));
    time_says("hourly, start = \"2023-01-01\", minute_offset = 60", "`minute_offset` is 0 to 59, not 60");
    time_says("daily, start = \"2023-01-01\", hour_offset = -1", "`hour_offset` is 0 to 23, not -1");
    time_says("monthly, start = \"2023-01-01\", day = 31", "`day` is 1 to 28, so that every month has it, not 31");
    time_says("weekly, start = \"2023-01-01\", weekday = 7", "`weekday` is 0 to 6, not 7");
    time_says("weekly, start = \"2023-01-01\", weekday = \"firday\"", "`firday` is no day of the week; did you mean `friday`?");
    time_says("daily, start = \"2023-01-01\", day = 1", "`daily` has no `day`; it belongs to `monthly`");
    time_says(
        "hourly, start = \"2023-01-01\", hour_offset = 1",
        "`hourly` has no `hour_offset`; it belongs to `daily`, `weekly`, `monthly`",
    );
}

#[test]
fn cron_expressions() {
    let cron = |cron: &str| format!("cron = \"{cron}\", start = \"2023-01-01\"");
    let parts = "minute, hour, day of the month, month, day of the week";
    time_says(&cron("0 0 0 * * *"), &format!("a cron expression has five fields ({parts}), as in `0 3 * * *`; this one has 6"));
    time_says(&cron("60 0 * * *"), "`60` is no minute: it is 0 to 59");
    time_says(&cron("0 0 * * abc"), "`abc` is no day of the week: it is 0 to 7, or a name like `sun`");
    time_says(&cron("0 5-3 * * *"), "`5-3` is no hour: the range ends before it begins");
    time_says(&cron("*/0 * * * *"), "`*/0` is no minute: a step is 1 to 59");
    time_says(&cron("*,5 * * * *"), "`*` is no minute: it stands alone, not in a list");
    time_says(&cron("+5 * * * *"), "`+5` is no minute: it is 0 to 59");
    let step = |step: &str, field: &str, range: &str| {
        let (_, width) = step.split_once('/').unwrap();
        format!("`{step}` is no {field}: a step follows `*` or a range, as in `*/{width}` or `{range}/{width}`")
    };
    time_says(&cron("0/15 * * * *"), &step("0/15", "minute", "0-59"));
    time_says(&cron("/15 * * * *"), &step("/15", "minute", "0-59"));
    time_says(&cron("0 8/2 * * *"), &step("8/2", "hour", "8-23"));
    time_says(&cron("0 0 L/2 * *"), &step("L/2", "day of the month", "1-31"));
    time_says(&cron("0 0 * mar/3 *"), &step("mar/3", "month", "3-12"));
    time_says(&cron("0 0 * * 5L/2"), &step("5L/2", "day of the week", "0-7"));
}

#[test]
fn cron_expressions_that_never_come() {
    let cron = |cron: &str| format!("cron = \"{cron}\", start = \"2023-01-01\"");
    let never = ["0 0 30 2 *", "0 0 30-31 feb *", "0 0 31 2-12/7,4,6,11 *", "0 0 30 2 +mon", "0 0 29 2 +1#1"];
    for never in never {
        time_says(&cron(never), &format!("`{never}` never comes: none of its months has such a day"));
    }
    // Another day or weekday comes, or one of the months has the day, if only in some years.
    let comes = ["0 0 1,30 2 *", "0 0 30 2 mon", "0 0 31 2-4 *", "0 0 29 2 *", "0 0 29 2 +1#5", "0 0 L 2 *", "0 0 * 2 5#5"];
    for comes in comes {
        definition_says(&cron(comes), "struct S;", &[]);
    }
}

#[test]
fn formats_that_are_too_coarse() {
    let says = |windows: &str, format: &str, key: &str| {
        let message = format!("`{format}` is too coarse: two windows would have the key `{key}`");
        time_says(&format!("{windows}, start = \"2023-01-01\", format = \"{format}\""), &message);
    };
    says("hourly", "%Y-%m-%d", "2023-01-01");
    says("hourly", "%Y-%m-%d-%I", "2023-01-01-12");
    says("hourly, zone = \"Europe/Berlin\"", "%Y-%m-%d-%M", "2023-01-01-00");
    says("daily", "%m-%d", "01-01");
    says("daily", "%Y-%m", "2023-01");
    // A century later.
    says("daily", "%y-%m-%d", "23-01-02");
    // The last days of 2024 are of the first week of 2025, and the first day of 2023 is of the last of 2022.
    says("weekly, weekday = \"monday\"", "%Y-W%V", "2024-W01");
    says("weekly", "%Y-W%V", "2023-W52");
    says("weekly", "%Y-%m", "2023-01");
    says("monthly", "%Y", "2023");
    says("monthly", "%b", "Jan");
    says("cron = \"*/15 * * * *\"", "%Y-%m-%d-%H", "2023-01-01-00");
    says("cron = \"0 6,18 * * *\"", "%Y-%m-%d", "2023-01-01");
    says("cron = \"0 6 * * *\"", "%Y-%m", "2023-01");
    says("cron = \"0 0 * * sat-sun\"", "%G-W%V", "2023-W01");
    says("cron = \"0 0 13 * fri\"", "%Y-%m", "2023-01");
    says("cron = \"0 0 13 * +fri\"", "%Y", "2023");
    says("cron = \"0 0 29 2 *\"", "%m-%d", "02-29");
    let no_format = |format: &str| format!("`{format}` is no `strftime` format; write one like `%Y-%m-%d`");
    time_says("daily, start = \"2023-01-01\", format = \"%!\"", &no_format("%!"));
    // A key says the offset, and no name of it.
    time_says("daily, start = \"2023-01-01\", format = \"%Y-%m-%d-%Z\"", &no_format("%Y-%m-%d-%Z"));
    // A mistaken expression names no windows, of which something could be said.
    time_says("cron = \"0 24 * * *\", start = \"2023-01-01\", format = \"%Y\"", "`24` is no hour: it is 0 to 23");
}

#[test]
fn formats_that_are_fine_enough() {
    let right = [
        ("hourly", "%Y-%m-%d-%H"),
        // An hour that clocks show twice has its offset in the key, and one that they jump over has none.
        ("hourly, zone = \"America/New_York\"", "%Y-%m-%d-%H"),
        ("hourly", "%Y-%m-%d-%I-%p"),
        ("daily, hour_offset = 6", "%Y%j"),
        ("daily, zone = \"Pacific/Apia\"", "%d/%m/%Y"),
        ("weekly, weekday = \"monday\"", "%G-W%V"),
        ("weekly", "%Y-%U"),
        ("monthly, day = 28", "%Y-%m"),
        ("cron = \"0 6 * * *\"", "%Y-%m-%d"),
        ("cron = \"30 */6 * * *\"", "%Y-%m-%d-%H"),
        ("cron = \"0 6 * * mon-fri\", zone = \"Europe/Berlin\"", "%Y-%m-%d"),
        ("cron = \"0 0 * * 7\"", "%G-W%V"),
        ("cron = \"0 0 * * 5#2\"", "%Y-%m"),
        ("cron = \"0 0 * * friL\"", "%Y-%m"),
        ("cron = \"0 0 L * *\"", "%Y-%m"),
        ("cron = \"0 0 13 * +fri\"", "%Y-%m"),
        ("cron = \"30 4 1 jan *\"", "%Y"),
    ];
    for (windows, format) in right {
        definition_says(&format!("{windows}, start = \"2023-01-01\", format = \"{format}\""), "struct S;", &[]);
    }
}

#[test]
fn mappings() {
    mapping_says("ofset(-1)", "unknown mapping `ofset`; did you mean `offset`?");
    let known = "`identity`, `all`, `last`, `overlap`, `offset`, `keys`, `map`, `dimensions`";
    mapping_says("yesterday", &format!("unknown mapping `yesterday`; known mappings: {known}"));
    mapping_says("-1", "expected a mapping, for example `offset(-1)`");
    mapping_says("offset", "`offset` needs parentheses, for example `offset(-1)`");
    mapping_says("offset()", "`offset` is empty; write for example `offset(-1)`");
    mapping_says("all()", "`all` stands alone, without parentheses");
    mapping_says("offset(0, -6)", "this range ends before it begins; write `offset(-6, 0)`");
    mapping_says("offset(x)", "expected how many windows, as in `offset(-1)` or, from and to, `offset(-6, 0)`");
    mapping_says("keys(a)", "expected a key, for example `\"a\"`");
    mapping_says("keys(\"a\", \"a\")", "`a` is given twice");
    mapping_says("map(\"a\")", "expected `\"key of this asset\" = \"key of the input\"`");
    mapping_says("map(\"a\" = \"b\", \"a\" = \"c\")", "`a` is given twice");
    mapping_says("dimensions(date)", "expected a dimension and its mapping, as in `date = offset(-1)`");
    mapping_says("dimensions(a = all, a = last)", "`a` is given twice");
    mapping_says("dimensions(a = dimensions(b = all))", "a dimension has no dimensions itself");
}

#[test]
fn assets() {
    let add = "add `partitions = …` to its attribute";
    let none = |what: &str| format!("asset `a` has no `partitions`, {what}; {add}");
    asset_says("", "fn a(k: Partition<Day>, s: i64) -> i64 { 1 }", &[&none("so there is no `Partition` to hand over")]);
    asset_says("", "fn a(k: &PartitionSet<Day>) -> i64 { 1 }", &[&none("so there is no `PartitionSet` to hand over")]);
    asset_says("", "fn a(#[input(previous)] b: T) -> i64 { 1 }", &[&none("so there is no previous one")]);
    asset_says("", "fn a() -> Output<Partitions<Day, T>> { 1 }", &[&none("so it cannot return a value for each")]);
    asset_says("partition_by = [\"a\"]", "fn a() -> T { 1 }", &[&none("so no dimensions to make folders of")]);
    asset_says(
        "partition_expr(date = \"d\")",
        "fn a() -> T { 1 }",
        &["asset `a` has no `partitions`, so no dimension `date`; add `partitions = …`, or write `partition_expr = \"d\"`"],
    );
    asset_says(
        "partition_expr(date = day, date = \"x\")",
        "fn a() -> T { 1 }",
        &["an expression is a text, for example `date = \"day\"`"],
    );
    asset_says("partition_expr(date = \"x\", date = \"x\")", "fn a() -> T { 1 }", &["`date` is given twice"]);
    asset_says("partition_expr()", "fn a() -> T { 1 }", &["expected a dimension and its expression, as in `date = \"day\"`"]);
    asset_says("partition_expr(date = 1)", "fn a() -> T { 1 }", &["an expression is a text, for example `date = \"day\"`"]);
    let day = "partitions = Day";
    asset_says(
        "partitions = \"Day\"",
        "fn a(k: Partition<Day>) -> i64 { 1 }",
        &["`partitions` takes the path of a partition definition, for example `partitions = Species`"],
    );
    let once = "so it is called once for all partitions and has no single `Partition`; take a `PartitionSet`, or neither";
    asset_says(
        day,
        "fn a(k: Partition<Day>, s: PartitionSet<Day>) -> i64 { 1 }",
        &[&format!("this body takes a `PartitionSet`, {once}")],
    );
    asset_says(day, "fn a(k: Partition<Day>) -> Partitions<Day, T> { 1 }", &[&format!("this body returns `Partitions`, {once}")]);
    asset_says(
        day,
        "fn a() -> Option<Partitions<Day, T>> { 1 }",
        &["an empty map stores nothing, so return `Partitions` without `Option`"],
    );
    asset_says(day, "fn a(k: &mut Partition<Day>) -> i64 { 1 }", &["take the `Partition` by value or by `&`"]);
    asset_says(
        day,
        "fn a(b: Partitions<Day, Option<T>>) -> i64 { 1 }",
        &["a map leaves out what is missing, with `#[input(allow_missing)]`; take the type without `Option`"],
    );
    asset_says(day, "fn a(#[input(version = -1)] b: T) -> i64 { 1 }", &["a version of a table is 0 or more"]);
    asset_says(
        day,
        "fn a(#[input(previous, from = c)] b: T) -> i64 { 1 }",
        &["`previous` loads the asset itself; leave out `from`"],
    );
    asset_says(
        day,
        "fn a(#[input(previous, mapping = all)] b: T) -> i64 { 1 }",
        &["`previous` is an earlier partition, so its mapping is an `offset(…)` of numbers below 0, as in `offset(-7)`"],
    );
    asset_says(
        day,
        "fn a(#[input(previous)] b: T) -> Partitions<Day, T> { 1 }",
        &[
            "this body is called once for all partitions, some of which may be the previous ones; take a `Partition` and return one value \
         to be called for each",
        ],
    );
}
