//! What a configuration binds, and what wins over what.

use lakewright::config::{ConfigPath, Secret};
use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;
use serde::Deserialize;

use super::file;
use crate::support::{abc, files_below, frame_asset, frame_builder, key, read_delta, read_file, run_all, visible_files};

const PROFILES: &str = r#"
root = "data"

[stores.tables]
kind = "delta"
schema = "shop"

[profiles.local]

[profiles.dev.stores.tables]
kind = "parquet"
"#;

fn orders() -> Registry {
    Registry::from_specs([frame_builder("orders", abc(), |asset| asset.io_manager("tables"))])
}

#[test]
fn a_profile_binds_the_same_key_to_another_store() {
    let configured = file(PROFILES);
    for profile in ["local", "dev"] {
        run_all(&configured.builder(&[]).registry(orders()).profile(profile).build().unwrap());
    }
    let data = configured.folder.path().join("data/tables");
    assert!(read_delta(&data.join("shop/orders")).equals(&abc()));
    assert!(read_file(&data.join("orders.parquet")).equals(&abc()));
}

#[test]
fn a_kind_that_the_key_says_already_takes_nothing_away() {
    let configured = file("[stores.delta]\nroot = \"here\"\n[profiles.dev.stores.delta]\nkind = \"delta\"\nschema = \"shop\"\n");
    let orders = Registry::from_specs([frame_builder("orders", abc(), |asset| asset.io_manager("delta"))]);
    run_all(&configured.builder(&[]).registry(orders).profile("dev").build().unwrap());
    assert!(read_delta(&configured.folder.path().join("here/shop/orders")).equals(&abc()));
}

#[test]
fn the_profile_comes_from_the_builder_then_the_environment_then_the_file() {
    let configured = file(&format!("profile = \"local\"\n{PROFILES}"));
    let chosen =
        |builder: lakewright::LakehouseBuilder| builder.configuration().unwrap().unwrap().profile().map(str::to_owned).unwrap();
    assert_eq!(chosen(configured.builder(&[])), "local");
    assert_eq!(chosen(configured.builder(&[("LAKEWRIGHT_PROFILE", "dev")])), "dev");
    assert_eq!(chosen(configured.builder(&[("LAKEWRIGHT_PROFILE", "dev")]).profile("local")), "local");
    let plain = file(PROFILES);
    let configuration = plain.builder(&[]).configuration().unwrap().unwrap();
    assert_eq!((configuration.profile(), configuration.profiles()), (None, &["dev".to_owned(), "local".to_owned()][..]));
}

#[test]
fn the_builder_wins_over_the_environment_over_the_profile_over_the_base_over_the_default() {
    let located = |text: &str, variables: &[(&str, &str)], root: Option<&str>| {
        let configured = file(text);
        let mut builder = configured.builder(variables).registry(orders());
        if text.contains("profiles.dev") {
            builder = builder.profile("dev");
        }
        if let Some(root) = root {
            builder = builder.root(root);
        }
        let location = builder.build().unwrap().locate(&key("orders")).unwrap().unwrap().to_string();
        location.replace(&configured.folder.path().display().to_string(), "…")
    };
    let base = "[stores.tables]\nkind = \"parquet\"\n";
    assert_eq!(located(base, &[], None), "…/lakehouse/tables/orders.parquet", "beside the file");
    let with_root = format!("root = \"base\"\n{base}");
    assert_eq!(located(&with_root, &[], None), "…/base/tables/orders.parquet");
    let with_profile = format!("{with_root}[profiles.dev]\nroot = \"/of/the/profile\"\n");
    assert_eq!(located(&with_profile, &[], None), "/of/the/profile/tables/orders.parquet");
    let environment = [("LAKEWRIGHT_ROOT", "/of/the/environment")];
    assert_eq!(located(&with_profile, &environment, None), "/of/the/environment/tables/orders.parquet");
    let long = [("LAKEWRIGHT__ROOT", "/long"), environment[0]];
    assert_eq!(located(&with_profile, &long, None), "/long/tables/orders.parquet");
    assert_eq!(located(&with_profile, &long, Some("/of/the/builder")), "/of/the/builder/tables/orders.parquet");
    let of_store = [("LAKEWRIGHT__STORES__TABLES__ROOT", "/only/this/store")];
    assert_eq!(located(&with_profile, &of_store, None), "/only/this/store/orders.parquet");
}

#[test]
fn a_path_of_the_environment_is_relative_to_the_current_folder() {
    let configured = file("[stores.tables]\nkind = \"parquet\"\nroot = \"of/the/file\"\n");
    let locate = |variables: &[(&str, &str)]| {
        let lakehouse = configured.builder(variables).registry(orders()).build().unwrap();
        lakehouse.locate(&key("orders")).unwrap().unwrap().to_string()
    };
    let of_file = configured.folder.path().join("of/the/file/orders.parquet");
    assert_eq!(locate(&[]), of_file.display().to_string());
    let here = std::env::current_dir().unwrap().join("elsewhere/orders.parquet");
    assert_eq!(locate(&[("LAKEWRIGHT__STORES__TABLES__ROOT", "elsewhere")]), here.display().to_string());
}

#[test]
fn what_an_asset_says_wins_over_what_its_store_is_configured_with() {
    let configured = file("[stores.tables]\nkind = \"delta\"\nmode = \"append\"\noptions = { compression = \"snappy\" }\n");
    let append = frame_builder("grows", abc(), |asset| asset.io_manager("tables"));
    let replace = frame_builder("stays", abc(), |asset| {
        asset.io_manager("tables").mode(lakewright::Mode::Overwrite).store_option("compression", "zstd")
    });
    let lakehouse = configured.builder(&[]).registry(Registry::from_specs([append, replace])).build().unwrap();
    run_all(&lakehouse);
    run_all(&lakehouse);
    let tables = configured.folder.path().join("lakehouse/tables/public");
    assert_eq!((read_delta(&tables.join("grows")).height(), read_delta(&tables.join("stays")).height()), (6, 3));
    let compression = |table: &str| {
        let folder = tables.join(table);
        let file = files_below(&folder).into_iter().find(|file| file.extension().is_some_and(|end| end == "parquet"));
        let file = std::fs::File::open(folder.join(file.unwrap())).unwrap();
        let metadata = ParquetReader::new(file).get_metadata().unwrap().clone();
        format!("{:?}", metadata.row_groups[0].parquet_columns()[0].compression())
    };
    assert_eq!((compression("grows").as_str(), compression("stays").as_str()), ("Snappy", "Zstd"));
}

#[test]
fn without_a_kind_the_key_is_the_kind_and_io_manager_names_the_store_of_the_rest() {
    let configured =
        file("io_manager = \"csv\"\n[stores.csv]\n[stores.delta]\n[stores.memory]\n[stores.fs]\nformat = \"msgpack\"\n");
    let lakehouse = configured.builder(&[]).registry(Registry::from_specs([frame_asset("letters", abc())])).build().unwrap();
    run_all(&lakehouse);
    assert_eq!(visible_files(&configured.folder.path().join("lakehouse")), ["csv/letters.csv"]);
}

#[test]
fn default_stores_are_there_if_nothing_is_bound_or_they_are_asked_for() {
    let registry = || Registry::from_specs([frame_builder("letters", abc(), |asset| asset.io_manager("csv"))]);
    let nothing = file("root = \"data\"\n");
    run_all(&nothing.builder(&[]).registry(registry()).build().unwrap());
    assert_eq!(visible_files(&nothing.folder.path().join("data")), ["csv/letters.csv"]);
    let asked = file("default_stores = true\n[stores.delta]\n");
    assert!(asked.builder(&[]).registry(registry()).build().is_ok());
    let other = file("[stores.delta]\n");
    let error = other.mistakes(other.builder(&[]).registry(registry()));
    assert_eq!(error.len(), 1, "{error:?}");
    assert!(error[0].contains("there is no store `csv`") && error[0].contains("known stores: `delta`"), "{error:?}");
}

#[test]
fn a_program_that_asks_for_no_configuration_sees_none() {
    let lakehouse = Lakehouse::builder().registry(Registry::from_specs([frame_asset("letters", abc())]));
    assert!(lakehouse.configuration().unwrap().is_none());
}

#[test]
fn stores_and_resources_in_code_stand_beside_those_of_the_file() {
    struct Clock(&'static str);

    #[asset(io_manager = "memory")]
    fn time(clock: Resource<Clock>, api: Resource<Api>) -> String {
        format!("{} {} {}", clock.0, api.url, api.token.expose())
    }

    let configured = file(
        "[stores.files]\nkind = \"parquet\"\n[resources.api]\nkind = \"http\"\nurl = \"http://localhost\"\ntoken = \"${TOKEN}\"\n",
    );
    let builder = configured.builder(&[("TOKEN", "12345")]).registry(Registry::of(assets![time]));
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the path of the method is not general enough to compile")]
    let lakehouse = builder
        .io_manager("memory", MemoryIoManager::new())
        .resource("clock", Clock("noon"))
        .resource_kind("http", |table| table.read::<Api>())
        .build()
        .unwrap();
    run_all(&lakehouse);
    let stored = crate::support::block_on(lakehouse.load(&key("time"))).unwrap().unwrap();
    let lakewright::Value::Object(stored) = stored else { panic!("an object was stored") };
    assert_eq!(stored.decode::<String>().unwrap(), "noon http://localhost 12345");
}

#[derive(Deserialize)]
struct Api {
    url: String,
    token: Secret,
}

#[test]
fn a_kind_of_ones_own_reads_its_table_as_a_struct() {
    #[derive(Deserialize)]
    struct Redis {
        url: String,
        certificate: ConfigPath,
        #[serde(default)]
        pool: u8,
    }

    let configured = file(
        "[stores.cache]\nkind = \"redis\"\nurl = \"redis://localhost\"\ncertificate = \"certs/ca.pem\"\npool = \"${POOL}\"\n",
    );
    let certificate = configured.folder.path().join("certs/ca.pem");
    let builder = configured.builder(&[("POOL", "8")]).store_kind("redis", move |table| {
        let redis: Redis = table.read()?;
        assert_eq!((table.key(), redis.url.as_str(), redis.pool), ("cache", "redis://localhost", 8));
        assert_eq!(&*redis.certificate, certificate.as_path());
        Ok(MemoryIoManager::new())
    });
    let lakehouse = builder.registry(Registry::from_specs([frame_builder("a", abc(), |asset| asset.io_manager("cache"))]));
    run_all(&lakehouse.build().unwrap());
    let kinds = |builder: lakewright::LakehouseBuilder| {
        builder.store_kind("redis", |table| table.read::<Redis>().map(|_| MemoryIoManager::new()))
    };
    let wrong = file("[stores.cache]\nkind = \"redis\"\nurls = \"redis://localhost\"\npool = 300\n");
    let mistakes = wrong.mistakes(kinds(wrong.builder(&[])));
    assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
    assert!(mistakes[0].contains("`stores.cache` has no field `urls` (at lakewright.toml:3:1)"), "{mistakes:#?}");
    assert!(mistakes[0].contains("did you mean `url`? known fields: `kind`, `url`, `certificate`, `pool`"), "{mistakes:#?}");
    assert!(mistakes[1].contains("`stores.cache.pool`") && mistakes[1].contains("lakewright.toml:4:1"), "{mistakes:#?}");
    assert!(mistakes[2].contains("`stores.cache` needs `url` (at lakewright.toml:1:9)"), "{mistakes:#?}");
}

#[test]
fn variables_name_keys_whatever_their_case_and_hold_tables_too() {
    let configured = file("[stores.\"My-Tables\"]\nkind = \"parquet\"\n");
    let variables = [
        ("LAKEWRIGHT__STORES__MY_TABLES__OPTIONS", "{ compression = \"zstd\", compression_level = 7 }"),
        ("LAKEWRIGHT__STORES__NEW__KIND", "memory"),
        ("LAKEWRIGHT__PARALLELISM", "3"),
        ("LAKEWRIGHT__DEFAULT_STORES", "true"),
    ];
    let shown = configured.builder(&variables).configuration().unwrap().unwrap().to_json();
    assert_eq!(shown["values"]["stores"]["My-Tables"]["options"]["compression_level"], 7);
    assert_eq!(shown["values"]["stores"]["new"]["kind"], "memory");
    assert_eq!(shown["origins"]["parallelism"], "$LAKEWRIGHT__PARALLELISM");
}

#[test]
fn how_steps_are_run_is_said_in_the_file_and_code_comes_before_it() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let tries = Arc::new(AtomicUsize::new(0));
    let counted = || {
        let tries = Arc::clone(&tries);
        let asset = lakewright::AssetBuilder::new("counted", ValueKind::Object).io_manager("memory").pool("api").retry_any();
        asset.body(move |_| {
            tries.fetch_add(1, Ordering::SeqCst);
            async { Err(lakewright::Error::new(lakewright::ErrorKind::Body, "never")) }
        })
    };
    let configured = file(
        "[stores.memory]\n[run]\nretries = 5\nretry_delay = \"1ms\"\ntimeout = \"1d 12h\"\nmemory = \"1.5TiB\"\n\
         [pools]\napi = 2\nof_another_program = 3\n[profiles.dev.run]\nretries = 2\n",
    );
    let builder = || configured.builder(&[]).registry(Registry::from_specs([counted().unwrap()]));
    let made = |builder: lakewright::LakehouseBuilder| {
        tries.store(0, Ordering::SeqCst);
        assert!(!builder.build().unwrap().materialize_blocking("*").unwrap().is_success());
        tries.load(Ordering::SeqCst)
    };
    assert_eq!(made(builder()), 6);
    assert_eq!(made(builder().profile("dev")), 3);
    assert_eq!(made(builder().config_variables([("LAKEWRIGHT__RUN__RETRIES", "1")])), 2);
    assert_eq!(made(builder().profile("dev").retries(0)), 1);
}
