//! What each mistake says: one sentence for each, and only one.

use crate::args::{Args, On};
use crate::ast::Item;
use crate::diagnose::Errors;

use super::parse;

const PLAIN: &str = "fn a() -> i64 { 1 }";

/// Everything that is reported.
fn messages(on: On, args: &str, item: &str) -> Vec<String> {
    let mut errors = Errors::default();
    let args = Args::parse(on, parse(args), &mut errors);
    match Item::parse(on, &parse(item)) {
        Ok(item) => _ = crate::valid::validate(on, args, item, &mut errors),
        Err(error) => errors.add(error),
    }
    errors.messages()
}

#[track_caller]
fn option_says(args: &str, message: &str) {
    assert_eq!(messages(On::Asset, args, PLAIN), [message], "#[asset({args})]");
}

#[track_caller]
fn asset_says(item: &str, message: &str) {
    assert_eq!(messages(On::Asset, "", item), [message], "#[asset] {item}");
}

#[track_caller]
fn parameter_says(parameter: &str, message: &str) {
    asset_says(&format!("fn a({parameter}) -> i64 {{ 1 }}"), message);
}

#[track_caller]
fn external_says(args: &str, item: &str, message: &str) {
    assert_eq!(messages(On::External, args, item), [message], "#[external_asset({args})] {item}");
}

#[test]
fn nothing_is_said_of_what_is_right() {
    let right = [
        "",
        "group = \"x\",",
        "key_prefix = [\"a\", \"a\"], name = \"b\"",
        "key_prefix = \"a/a\"",
        "tags(team = \"bio\", type = \"x\"), owners = [\"a@b.c\"], kinds = [\"python\"]",
        "metadata(a = 1, b = -1, c = 0.5, d = \"x\", e = true), store(level = -9223372036854775808)",
        "deps = [a, b::c, super::d, crate::e], retries = 0",
        "retry_delay = \"1m 30s\", retry_on = \"any\", timeout = \"PT2H\", pool = \"db\", priority = -2147483648, memory = \"1.5 GiB\"",
        "retry_delay = \"0s\", retry_on = \"retryable\", timeout = \"1ns\", priority = 2147483647, memory = \"0B\", alias = \"lab/a\"",
        "alias = [\"b\", \"lab/a\",], key_prefix = \"new\"",
    ];
    for args in right {
        assert!(messages(On::Asset, args, PLAIN).is_empty(), "{args}: {:?}", messages(On::Asset, args, PLAIN));
    }
    let right = [
        "fn a() -> () {}",
        "fn a() -> Vec<&'static str> { vec![] }",
        "fn a(mut b: T, r#type: &U) -> Result<T> { b }",
        "fn a(#[input(from = b::c)] u8: T, #[input(columns = [\"x\"])] d: T) -> Option<T> { u8 }",
        "async fn a(context: &Context, r: &Resource<R>, c: Config<C>) -> fmt::Result { todo!() }",
    ];
    for item in right {
        assert!(messages(On::Asset, "", item).is_empty(), "{item}: {:?}", messages(On::Asset, "", item));
    }
}

#[test]
fn unknown_repeated_and_misplaced_options() {
    option_says("io_manger = \"delta\"", "unknown option `io_manger`; did you mean `io_manager`?");
    let known = "`name`, `key_prefix`, `io_manager`, `schema`, `partitions`, `partition_expr`, `partition_by`, `mode`, `on`, `store`, `group`, \
                 `tags`, `owners`, `kinds`, `description`, `metadata`, `code_version`, `retries`, \
                 `retry_delay`, `retry_on`, `timeout`, `pool`, `priority`, `memory`, `alias`, `deps`";
    option_says("xyzzy = 1", &format!("unknown option `xyzzy`; known options: {known}"));
    option_says("group = \"a\" retries = 3", "expected `,` before `retries`");
    option_says("group = \"a\", group = \"b\"", "option `group` is given twice");
    option_says("columns = [\"a\"]", "not expected here; `columns` belongs on a parameter: `#[input(columns = …)]`");
    option_says("mapping = m", "not expected here; `mapping` belongs on a parameter: `#[input(mapping = …)]`");
    let home = "belongs on the type of a partition definition: `#[partitions(daily)]`";
    option_says("daily", &format!("not expected here; `daily` {home}"));
    external_says("mode = \"append\"", "fn a() -> T;", "not expected here; an external asset is only read");
    external_says("columns = [\"a\"]", "fn a() -> T;", "not expected here; an external asset is only read");
    let about_runs = [
        "retries = 3",
        "retry_delay = \"1s\"",
        "retry_on = \"any\"",
        "timeout = \"1s\"",
        "pool = \"db\"",
        "priority = 1",
        "memory = \"1B\"",
    ];
    for option in about_runs {
        external_says(option, "fn a() -> T;", "not expected here; an external asset is only read");
    }
    assert!(messages(On::External, "alias = \"b\"", "fn a() -> T;").is_empty());
    parameter_says(
        "#[input(timeout = \"1s\")] a: T",
        "not expected here; `timeout` belongs on the function: `#[asset(timeout = …)]`",
    );
    parameter_says("#[input(form = b)] a: T", "unknown option `form`; did you mean `from`?");
    parameter_says("#[input(from = b, from = c)] a: T", "option `from` is given twice");
    parameter_says(
        "#[input(io_manager = \"x\")] a: T",
        "not expected here; `io_manager` belongs on the function: `#[asset(io_manager = …)]`",
    );
    parameter_says("#[input(store(a = 1))] a: T", "not expected here; `store` belongs on the function: `#[asset(store(…))]`");
    parameter_says("#[input(offset(-1))] a: T", "`offset` is a mapping; write `mapping = offset(-1)`");
    parameter_says("#[input(keys(\"a\"))] a: T", "`keys` is a mapping; write `mapping = keys(\"a\", \"b\")`");
    let home = "belongs on the type of a partition definition: `#[partitions(start = …)]`";
    parameter_says("#[input(start = \"x\")] a: T", &format!("not expected here; `start` {home}"));
}

#[test]
fn missing_and_mistyped_values() {
    option_says("group", "`group` needs a value: `group = \"…\"`");
    option_says("group =", "`group` needs a value: `group = \"…\"`");
    option_says("store", "`store` needs a value: `store(key = \"…\")`");
    option_says("group(\"x\")", "`group` takes a text, for example `group = \"…\"`");
    option_says("group = x", "`group` takes a text, for example `group = \"…\"`");
    option_says("group \"x\"", "expected `,` or `= …` after `group`");
    option_says("group = \" \"", "this text is empty");
    option_says("retries = \"3\"", "`retries` takes a number, for example `retries = 3`");
    option_says("retries = -1", "`retries` takes a number, for example `retries = 3`");
    option_says("mode = \"apend\"", "unknown mode `apend`; did you mean `append`?");
    option_says("mode = \"upsert\"", "unknown mode `upsert`; known modes: `overwrite`, `append`, `error`, `ignore`, `merge`");
    option_says("mode = append", "`mode` takes the name of a mode, for example `mode = \"overwrite\"`");
    option_says("owners = \"a\"", "`owners` takes a list of texts, for example `owners = [\"…\"]`");
    option_says("owners = []", "this list is empty");
    option_says("kinds = [\"a\", \"a\"]", "`a` is given twice");
    option_says("tags = [\"a=1\", \"a=2\"]", "tag `a` is given twice");
    option_says("tags(a = 1)", "a tag takes a text, for example `team = \"bio\"`");
    option_says("deps = a", "`deps` takes a list of assets, for example `deps = [path::to::asset]`");
    option_says("metadata = 1", "`metadata` takes keys with literals, for example `metadata(key = \"…\")`");
    option_says("metadata(a = 1, a = 2)", "`a` is given twice");
    option_says("metadata(a = b)", "expected a literal: a text, a number, `true` or `false`");
    option_says("metadata(a = -\"b\")", "expected a text, a number, `true` or `false`");
    option_says("metadata(a)", "expected `=` and a literal, as in `a = \"…\"`");
    option_says("metadata(\"a\" = 1)", "expected a key, as in `key = \"…\"`");
    option_says("store(a = 9223372036854775808)", "this number does not fit into 64 bits");
    option_says("name = \"a/b\"", "\"a/b\" cannot be a segment of an asset key; leave out `/` and control characters");
    option_says("key_prefix = \"a//b\"", "a segment of an asset key is empty");
    option_says("\"group\"", "expected the name of an option");
    option_says("group = \"x\",, pool = \"y\"", "expected an option before this comma");
}

#[test]
fn durations_and_sizes() {
    for value in ["10", "\"10\"", "\"10 parsecs\"", "\"-10s\"", "\"10s ago\"", "\"1d\"", "\"\"", "ten", "[\"10s\"]", "10s"] {
        for option in ["timeout", "retry_delay"] {
            let message = format!("`{option}` takes a duration such as `\"30s\"`, `\"10m\"` or `\"2h\"`");
            option_says(&format!("{option} = {value}"), &message);
        }
    }
    option_says("timeout", "`timeout` needs a value: `timeout = \"30s\"`");
    option_says("timeout(\"1s\")", "`timeout` takes a duration such as `\"30s\"`, `\"10m\"` or `\"2h\"`");
    option_says("timeout = \"1s\" retries = 3", "expected `,` before `retries`");
    for zero in ["0s", "0h 0m", "PT0S", "-0s"] {
        let message = "a timeout of nothing stops every step as it begins; leave `timeout` out to have none";
        option_says(&format!("timeout = \"{zero}\""), message);
    }
    for value in ["2", "\"2\"", "\"2 gigabytes\"", "\"2gb\"", "\"-2GB\"", "\"99999999TiB\"", "2GB"] {
        let units = "`B`, `KB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB` or `TiB`";
        let message = format!("`memory` takes a size such as `\"512MB\"` or `\"1.5GiB\"`, in {units}");
        option_says(&format!("memory = {value}"), &message);
    }
}

#[test]
fn how_an_asset_is_run() {
    for value in ["\"all\"", "any", "true"] {
        option_says(&format!("retry_on = {value}"), "`retry_on` takes `\"retryable\"` or `\"any\"`");
    }
    option_says("priority = \"high\"", "`priority` takes a whole number, for example `priority = 1`");
    for value in ["2147483648", "-2147483649"] {
        option_says(&format!("priority = {value}"), "a priority is from -2147483648 to 2147483647");
    }
}

#[test]
fn aliases() {
    let takes = "`alias` takes an earlier key of the asset, or a list of them, for example `alias = \"old_name\"`";
    option_says("alias = old", takes);
    option_says("alias = [old]", takes);
    option_says("alias = 1", takes);
    option_says("alias = []", "this list is empty");
    option_says("alias = \"\"", "this text is empty");
    option_says("alias = \"lab//old\"", "a segment of an asset key is empty");
    option_says("alias = [\"b\", \"b\"]", "`b` is given twice");
    option_says("alias = \"a\"", "`a` is the key of this asset; an alias is one that it had before");
    option_says(
        "key_prefix = \"lab\", name = \"b\", alias = [\"a\", \"lab/b\"]",
        "`lab/b` is the key of this asset; an alias is one that it had before",
    );
    external_says("alias = \"a\"", "fn a() -> T;", "`a` is the key of this asset; an alias is one that it had before");
}

#[test]
fn parameters() {
    let primitive = "`u8` is a primitive type, so no asset has that name; rename the asset, or use `#[input(from = …)]`";
    parameter_says("u8: T", primitive);
    parameter_says("#[input(from = u8)] a: T", primitive);
    parameter_says("_: T", "name the parameter after the asset it loads");
    parameter_says("(a, b): T", "a parameter is one name, the asset it loads; take it apart in the body");
    parameter_says("ref a: T", "a parameter is one name, the asset it loads; take it apart in the body");
    parameter_says("a: &mut T", "an input is loaded for this call alone; take it by value or by `&`");
    parameter_says("a: &'static T", "an input lives as long as the call; take it by `&` without a lifetime");
    parameter_says("a: &str", "an input is loaded as an owned value; take `&String` or `String`");
    parameter_says("a: &[u8]", "an input is loaded as an owned value; take `&Vec<u8>` or `Vec<u8>`");
    parameter_says("a: &dyn T", "an input is loaded as an owned value; name its type instead of `dyn …`");
    parameter_says("a: &&T", "an input is loaded as an owned value; take it by one `&`");
    parameter_says("a: impl T", "an input has one type; name it instead of `impl …`");
    parameter_says("a: Context", "take `&Context`");
    parameter_says("a: &mut lakewright::Context", "take `&Context`");
    parameter_says("a: &mut Resource<R>", "take the `Resource` by value or by `&`");
    parameter_says("a: Config<A>, b: Config<B>", "an asset has one configuration; put the fields of both into one struct");
    parameter_says(
        "#[input(columns = [\"a\"])] a: &Context",
        "not expected here; `#[input]` belongs on a parameter that loads an asset",
    );
    parameter_says("#[input] a: T", "`#[input]` needs an option: `from = path::to::asset` or `columns = [\"…\"]`");
    parameter_says("#[input(from = b)] #[input(columns = [\"a\"])] a: T", "`#[input]` is given twice");
    parameter_says("#[input(columns = [\"a\", \"a\"])] a: T", "`a` is given twice");
    parameter_says("#[cfg(unix)] a: T", "a parameter cannot be conditional; put the condition on the asset");
}

#[test]
fn functions() {
    asset_says("struct A;", "`#[asset]` belongs on a function");
    asset_says("fn a(&self) -> T { t }", "an asset is a function, not a method");
    asset_says("fn u8() -> T { t }", "`u8` is a primitive type, which an asset of that name would hide; rename the asset");
    asset_says("fn a() -> T;", "an asset has a body; a table that somebody else writes is an `#[external_asset]`");
    asset_says("fn a() {}", "asset `a` has no return type; write `-> ()` if its effect is elsewhere");
    for ty in ["&str", "Option<&[u8]>", "(Cow<'_, str>,)"] {
        let message = "what asset `a` returns is stored, so it cannot borrow; return an owned value";
        asset_says(&format!("fn a(b: &T) -> {ty} {{ b }}"), message);
    }
    asset_says("fn a() -> ! { loop {} }", "asset `a` never returns, so there is nothing to store");
    asset_says("fn a() -> Vec<impl T> { t }", "an asset is stored as one type; name it instead of `impl …`");
    asset_says("fn a<T>() -> T where T: U { t }", "an asset has no type parameters; name the type that is stored");
    asset_says(
        "fn a<'b>(c: &'b T) -> T { t }",
        "an asset has no lifetime parameters; an input taken by `&` lives as long as the call",
    );
    asset_says("fn a() -> T where T: U { t }", "an asset has no `where` clause");
    asset_says("const fn a() -> T { t }", "an asset runs when it is materialized, so it cannot be `const`");
    asset_says("unsafe fn a() -> T { t }", "an asset is called by lakewright, which cannot promise what `unsafe` asks for");
    asset_says("extern \"C\" fn a() -> T { t }", "an asset is a plain Rust function, without `extern`");
    asset_says("#[lakewright::asset] fn a() -> T { t }", "`#[asset]` is on this function already");
}

#[test]
fn external_assets() {
    external_says("", "fn a() -> T { t }", "an external asset has no body; end it with `;`");
    external_says("", "fn a(b: T) -> T;", "nothing is loaded for the external asset `a`; it takes no parameters");
    external_says("", "async fn a() -> T;", "nothing runs for an external asset, so it cannot be `async`");
    external_says("", "fn a();", "external asset `a` has no return type; write the type it is read as");
    external_says("", "fn a() -> ();", "an external asset is read, so it has a type");
    external_says(
        "",
        "fn a() -> Result<T, E>;",
        "nothing runs for an external asset, so nothing can fail; write the type it is read as",
    );
    let metadata = "nothing runs for an external asset, so there is no metadata to record; write the type it is read as";
    external_says("", "fn a() -> Output<T>;", metadata);
    let optional = "whether an external asset may be missing is for its readers to say; write the type without `Option`";
    external_says("", "fn a() -> Option<T>;", optional);
}

#[test]
fn independent_mistakes_are_reported_together() {
    let found = messages(On::Asset, "grup = \"a\", retries = x", "unsafe fn a(b: &mut T, _: U) {}");
    assert_eq!(
        found,
        [
            "unknown option `grup`; did you mean `group`?",
            "`retries` takes a number, for example `retries = 3`",
            "an asset is called by lakewright, which cannot promise what `unsafe` asks for",
            "asset `a` has no return type; write `-> ()` if its effect is elsewhere",
            "an input is loaded for this call alone; take it by value or by `&`",
            "name the parameter after the asset it loads",
        ]
    );
}
