//! Everything wrong with the definitions is said at once, before anything runs.

use std::time::Duration;

use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, ErrorKind, Mode};
use tempfile::tempdir;

use crate::support::{abc, files_below, frame_asset, frame_builder, lakehouse, run_all};

fn object(key: &str, store: &str) -> AssetSpec {
    AssetBuilder::new(key, ValueKind::Object).io_manager(store).body(|call| async move { call.produce_object(1) }).unwrap()
}

#[test]
fn d01_every_mistake_is_reported_in_one_go_and_nothing_is_touched() {
    let root = tempdir().unwrap();
    let assets = [
        frame_builder("misspelt_store", abc(), |asset| asset.io_manager("detla")),
        frame_asset("twice", abc()),
        frame_asset("twice", abc()),
        frame_asset("one/place", abc()),
        frame_builder("other/place", abc(), |asset| asset.schema("one")),
        object("number", "delta"),
        frame_builder("appending", abc(), |asset| asset.mode(Mode::Merge)),
        frame_builder("csv_by_column", abc(), |asset| asset.io_manager("csv").partition_expr("a")),
        frame_builder("by_expression", abc(), |asset| asset.partition_expr("CAST(time AS TIMESTAMP)")),
        frame_builder("misspelt_option", abc(), |asset| asset.store_option("compresion", "zstd")),
        frame_builder("wrong_value", abc(), |asset| asset.store_option("compression", "zsdt")),
        AssetBuilder::new("lost", ValueKind::Object).input("twoce").body(|call| async move { call.produce_object(1) }).unwrap(),
        AssetBuilder::new("x", ValueKind::Object).input("y").body(|call| async move { call.produce_object(1) }).unwrap(),
        AssetBuilder::new("y", ValueKind::Object).input("z").body(|call| async move { call.produce_object(1) }).unwrap(),
        AssetBuilder::new("z", ValueKind::Object).input("x").body(|call| async move { call.produce_object(1) }).unwrap(),
    ];
    let error = lakehouse(&root, assets).config("nobody", serde_json::json!({})).set("no-equals-sign").build().unwrap_err();
    let said: Vec<String> = error.errors().iter().map(|error| format!("{error:?}")).collect();
    for wanted in [
        "[LW0105] there is no store `detla`",
        "help: did you mean `delta`? known stores: `csv`, `delta`, ",
        "[LW0102] 2 assets have the key `twice`",
        "[LW0107] `one/place` and `other/place` are stored in one place",
        "[LW0106] the Delta store cannot hold an object",
        "[LW0109] `mode = \"merge\"` needs the columns that tell rows apart",
        "[LW0109] the CSV store does not honour `partition_expr`",
        "[LW0109] `partition_expr = \"CAST(time AS TIMESTAMP)\"` is not a column",
        "[LW0108] the Delta store has no option `compresion`",
        "did you mean `compression`?",
        "takes one of \"zstd\", \"snappy\", \"lz4\", \"gzip\", \"uncompressed\", not `zsdt`",
        "[LW0103] `lost` is made from `twoce`, which is not registered",
        "did you mean `twice`?",
        "[LW0104] assets are made from each other: `x` needs `y` needs `z` needs `x`",
        "[LW0112] there is no asset `nobody` to configure",
        "[LW0112] `no-equals-sign` does not set a field",
    ] {
        assert!(said.iter().any(|error| error.contains(wanted)), "{wanted}\nis not in\n{error}");
    }
    assert_eq!(error.errors().len(), 13, "{error}");
    assert!(error.errors().iter().all(|error| error.kind().is_definition()));
    let duplicate = said.iter().find(|error| error.contains("[LW0102]")).unwrap();
    assert_eq!(duplicate.matches("definitions.rs:").count(), 2, "both places are named: {duplicate}");
    assert!(files_below(root.path()).is_empty());
}

#[test]
fn an_empty_registry_says_how_to_link_a_library() {
    let root = tempdir().unwrap();
    let error = lakehouse(&root, []).build().unwrap_err();
    let [error] = error.errors() else { panic!("one error, not {error}") };
    assert_eq!(error.kind(), ErrorKind::EmptyRegistry);
    assert!(error.help_text().unwrap().contains("use my_assets as _;"));
}

#[asset(
    retries = 3,
    retry_delay = "1.5s",
    retry_on = "any",
    timeout = "1h 10m",
    pool = "small",
    priority = -5,
    memory = "2.5GiB",
    alias = ["patient", "lab/patient"]
)]
fn impatient() -> i64 {
    1
}

fn impatient_builder() -> AssetBuilder {
    AssetBuilder::new("impatient", ValueKind::Object)
        .retries(3)
        .retry_delay(Duration::from_millis(1500))
        .retry_any()
        .timeout(Duration::from_mins(70))
        .pool("small")
        .priority(-5)
        .memory(5 << 29)
        .alias("patient")
        .alias("lab/patient")
}

fn impatient_specs() -> [AssetSpec; 2] {
    let [attribute] = assets![impatient].map(|def| def.spec().unwrap());
    [attribute, impatient_builder().body(|call| async move { call.produce_object(1) }).unwrap()]
}

#[test]
fn the_attribute_and_the_builder_say_the_same_of_how_an_asset_is_run() {
    let said = |asset: &AssetSpec| {
        let AssetSpec { retries, retry_delay, retry_any, timeout, pool, priority, memory, aliases, .. } = asset.clone();
        let aliases: Vec<String> = aliases.iter().map(ToString::to_string).collect();
        (retries, retry_delay, retry_any, timeout, pool, priority, memory, aliases)
    };
    let [attribute, built] = impatient_specs();
    assert_eq!(said(&attribute), said(&built));
    let plain = AssetBuilder::new("plain", ValueKind::Object).alias("lab//old").external().unwrap_err();
    assert_eq!(plain.kind(), ErrorKind::InvalidKey);
    assert_eq!(object("plain", "memory").code_hash, None);
    assert_eq!(AssetBuilder::new("a", ValueKind::Object).code_hash("1").external().unwrap().code_hash.as_deref(), Some("1"));
}

#[test]
fn how_an_asset_is_run_means_nothing_for_one_that_somebody_else_writes() {
    let options = ["retries", "retry_delay", "retry_on", "timeout", "pool", "priority", "memory"];
    let said = |asset: AssetSpec| -> Vec<String> {
        let error = Lakehouse::builder().registry(Registry::from_specs([asset])).build().unwrap_err();
        assert!(error.errors().iter().all(|error| error.kind() == ErrorKind::NotHonoured), "{error}");
        error.errors().iter().map(|error| error.message().to_owned()).collect()
    };
    for asset in impatient_specs() {
        Lakehouse::builder().registry(Registry::from_specs([asset])).build().unwrap();
    }
    let external = said(impatient_builder().external().unwrap());
    assert_eq!(
        external,
        options.map(|option| format!("`{option}` says how an asset is run, and nothing runs for an external one"))
    );
}

#[track_caller]
fn with_aliases(key: &str, aliases: &[&str]) -> AssetSpec {
    let builder = AssetBuilder::new(key, ValueKind::Object).io_manager("memory");
    let builder = aliases.iter().fold(builder, |builder, alias| builder.alias(*alias));
    builder.body(|call| async move { call.produce_object(1) }).unwrap()
}

#[test]
fn an_alias_is_an_earlier_key_of_one_asset() {
    let root = tempdir().unwrap();
    let right = [with_aliases("a", &["lab/a", "old"]), with_aliases("b", &["older"]), with_aliases("lab/b", &[])];
    lakehouse(&root, right).build().unwrap();

    let a = with_aliases("a", &["b", "shared"]);
    let b = with_aliases("b", &["b", "shared"]);
    let c = with_aliases("c", &["shared"]);
    let [at_a, at_b, at_c] = [&a, &b, &c].map(|asset| asset.source.to_string());
    let error = lakehouse(&root, [a, b, c]).build().unwrap_err();
    let said: Vec<_> = error.errors().iter().map(|error| (error.kind(), error.to_string())).collect();
    let expected = [
        format!("`b` is an alias of `a`, and the key of an asset of its own (at {at_a} and {at_b})"),
        format!("`b` is an alias of itself (at {at_b})"),
        format!("`shared` is an alias of `a` and `b` and `c` (at {at_a} and {at_b} and {at_c})"),
    ];
    assert_eq!(said, expected.map(|message| (ErrorKind::DuplicateKey, message)));
    assert_ne!(at_a, at_b);
}

#[test]
fn without_a_store_the_kind_of_value_decides_unless_one_is_bound_as_io_manager() {
    let root = tempdir().unwrap();
    let unnamed = || AssetBuilder::new("o", ValueKind::Object).body(|call| async move { call.produce_object(1) }).unwrap();
    let zero = lakehouse(&root, [frame_asset("t", abc()), unnamed()]).build().unwrap();
    assert_eq!(zero.store_key(&"t".parse().unwrap()), Some("delta"));
    assert_eq!(zero.store_key(&"o".parse().unwrap()), Some("fs"));
    let memory = lakewright::io::memory::MemoryIoManager::new();
    let bound = lakehouse(&root, [frame_asset("t", abc()), unnamed()]).io_manager("io_manager", memory.clone()).build().unwrap();
    assert_eq!(bound.store_key(&"t".parse().unwrap()), Some("io_manager"));
    let error = lakehouse(&root, [frame_asset("t", abc())]).io_manager("elsewhere", memory).build().unwrap_err();
    assert!(error.errors()[0].message().contains("`t` names no store, and there is no store `delta`"), "{error}");
}

#[test]
fn an_asset_in_memory_may_be_called_what_others_have_as_a_prefix() {
    let root = tempdir().unwrap();
    let built = lakehouse(&root, [object("shop", "memory"), object("shop/orders", "memory")]).build().unwrap();
    run_all(&built);
}

#[test]
fn resources_are_found_by_name_and_type_or_by_type_alone() {
    #[asset(io_manager = "memory")]
    fn uses(limit: Resource<u32>) -> u32 {
        *limit + 1
    }
    let builder = || Lakehouse::builder().registry(Registry::of(assets![uses]));
    let missing = builder().resource("limits", 3_i64).build().unwrap_err();
    assert_eq!(missing.errors()[0].kind(), ErrorKind::UnboundResource);
    let ambiguous = builder().resource("a", 1_u32).resource("b", 2_u32).build().unwrap_err();
    assert!(ambiguous.errors()[0].help_text().unwrap().contains("`a`, `b`"));
    for builder in [builder().resource("anything", 1_u32), builder().resource("limit", 1_u32).resource("b", 2_u32)] {
        let lakehouse = builder.build().unwrap();
        assert!(lakehouse.materialize_blocking("*").unwrap().is_success());
        let Some(lakewright::Value::Object(stored)) = crate::support::block_on(lakehouse.load(&"uses".parse().unwrap())).unwrap()
        else {
            panic!("an object is stored")
        };
        assert_eq!(stored.decode::<u32>().unwrap(), 2);
    }
}

#[test]
fn configuration_is_layered_and_misspelt_fields_are_refused() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Limits {
        low: i64,
        high: i64,
        note: String,
    }
    impl Default for Limits {
        fn default() -> Self {
            Self { low: 1, high: 10, note: "default".into() }
        }
    }
    #[asset(io_manager = "memory")]
    fn configured(limits: Config<Limits>) -> String {
        format!("{} {} {}", limits.low, limits.high, limits.note)
    }
    let builder = || Lakehouse::builder().registry(Registry::of(assets![configured]));
    let lakehouse = builder()
        .config("configured", serde_json::json!({ "low": 2, "high": 20 }))
        .set("configured.high=200")
        .set("configured.note=by hand");
    let lakehouse = lakehouse.build().unwrap();
    assert!(lakehouse.materialize_blocking("*").unwrap().is_success());
    let Some(lakewright::Value::Object(stored)) =
        crate::support::block_on(lakehouse.load(&"configured".parse().unwrap())).unwrap()
    else {
        panic!("an object is stored")
    };
    assert_eq!(stored.decode::<String>().unwrap(), "2 200 by hand");

    let error = builder().set("configured.hihg=1").build().unwrap_err();
    assert!(error.errors()[0].help_text().unwrap().contains("did you mean `high`?"), "{error}");
    assert!(builder().set("configured.low=many").build().is_err(), "a text is no number");
}

#[test]
fn a_timeout_of_nothing_is_refused_wherever_it_is_said() {
    let root = tempdir().unwrap();
    let hurried = frame_builder("hurried", abc(), |asset| asset.timeout(Duration::ZERO));
    let error = lakehouse(&root, [hurried]).build().unwrap_err();
    assert_eq!((error.errors().len(), error.errors()[0].kind()), (1, ErrorKind::NotHonoured));
    let said = error.to_string();
    assert!(said.contains("a timeout of nothing") && said.contains("hurried"), "{said}");
    let error = lakehouse(&root, [frame_asset("t", abc())]).timeout(Duration::ZERO).build().unwrap_err();
    assert_eq!((error.errors().len(), error.errors()[0].kind()), (1, ErrorKind::Config));
    assert!(lakehouse(&root, [frame_asset("t", abc())]).timeout(Duration::from_nanos(1)).build().is_ok());
}
