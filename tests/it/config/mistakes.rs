//! Everything that can be wrong in a configuration: said at once, each with its place and what to do, and nothing is touched.

use lakewright::ErrorKind;
use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;

use super::{file, mistakes};
use crate::support::{abc, frame_builder};

/// One mistake: all of these are in what is said of it.
#[track_caller]
fn one(text: &str, wanted: &[&str]) {
    let mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    for wanted in wanted {
        assert!(mistakes[0].contains(wanted), "{wanted:?} is not in {:?}", mistakes[0]);
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("elsewhere.toml");
    let error = Lakehouse::builder().config_file(&missing).config_variables([("A", "a")]).build().unwrap_err();
    let said = format!("{:?}", error.errors()[0]);
    assert_eq!(error.errors()[0].kind(), ErrorKind::Config);
    assert!(said.contains("elsewhere.toml` cannot be read") && said.contains("`--config`"), "{said}");
    let error = Lakehouse::builder().configured().config_variables([("LAKEWRIGHT_CONFIG", missing.to_str().unwrap())]).build();
    assert!(format!("{:?}", error.unwrap_err()).contains("elsewhere.toml` cannot be read"));
    let error = Lakehouse::builder().config_file(folder.path()).config_variables([("A", "a")]).build();
    assert!(format!("{:?}", error.unwrap_err()).contains("cannot be read"), "a folder is no file");
}

#[test]
fn a_profile_must_be_there() {
    let configured = file("[stores.delta]\n\n[profiles.local]\n[profiles.production]\n");
    let said = configured.mistakes(configured.builder(&[]).profile("produktion"));
    assert_eq!(said.len(), 1, "{said:#?}");
    for wanted in
        ["there is no profile `produktion`", "lakewright.toml:3:2", "did you mean `production`?", "`local`", "--profile"]
    {
        assert!(said[0].contains(wanted), "{wanted} is not in {said:#?}");
    }
    let said = configured.mistakes(configured.builder(&[("LAKEWRIGHT_PROFILE", "dev")]));
    assert!(said[0].contains("chosen by $LAKEWRIGHT_PROFILE"), "{said:#?}");
    one("profile = \"dev\"\n", &["there is no profile `dev`", "there are no profiles", "chosen by lakewright.toml:1:1"]);
}

#[test]
fn a_profile_without_a_file_is_not_silently_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pipeline"))
        .args(["check"])
        .env("LAKEWRIGHT_PROFILE", "prod")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no `lakewright.toml` to have a profile `prod`"), "{said}");
}

#[test]
fn unknown_fields_are_named_with_what_was_meant() {
    one("paralelism = 3\n", &["has no field `paralelism`", "lakewright.toml:1:1", "did you mean `parallelism`?"]);
    one("[store.delta]\n", &["has no field `store`", "lakewright.toml:1:2", "did you mean `stores`?"]);
    one(
        "[stores.delta]\n  shema = \"shop\"\n",
        &["`stores.delta` has no field `shema`", "lakewright.toml:2:3", "did you mean `schema`?", "`root`", "`options`"],
    );
    one(
        "[stores.fs]\nformat = \"yaml\"\n",
        &["`stores.fs.format` does not take `yaml`", "lakewright.toml:2:1", "`json`, `msgpack`"],
    );
    // Profiles that are not chosen too.
    one("[profiles.dev]\nstors = 3\n", &["`profiles.dev` has no field `stors`", "lakewright.toml:2:1", "did you mean `stores`?"]);
}

#[test]
fn unknown_kinds_and_kinds_that_were_left_out_are_told_apart() {
    one(
        "[stores.a]\nkind = \"detla\"\n",
        &[
            "there is no kind `detla` of stores, as `stores.a` asks for",
            "lakewright.toml:2:1",
            "did you mean `delta`?",
            "`parquet`",
        ],
    );
    one("[stores.a]\n", &["`stores.a` does not say its `kind`", "lakewright.toml:1:9", "`memory`"]);
    one("[stores.a]\nkind = 3\n", &["`stores.a.kind` takes text, not a whole number", "lakewright.toml:2:1"]);
    one("[resources.a]\nkind = \"redis\"\n", &["there is no kind `redis` of resources", "lakewright.toml:2:1"]);
}

#[test]
fn options_are_those_that_the_store_publishes() {
    one(
        "[stores.parquet]\noptions = { compresion = \"zstd\" }\n",
        &["has no option `compresion`", "did you mean `compression`?", "lakewright.toml:2:13"],
    );
    one(
        "[stores.delta.options]\nrow_group_size = 0\n",
        &["the option `row_group_size` of the Delta store takes a whole number from 1", "lakewright.toml:2:1"],
    );
}

#[test]
fn values_of_other_types_are_refused() {
    one("root = 3\n", &["`root` takes text, not the number 3", "lakewright.toml:1:1"]);
    one("parallelism = \"many\"\n", &["`parallelism` takes a whole number from 0, not text", "lakewright.toml:1:1"]);
    one("[run]\nretry = 3\n", &["has no field `retry`", "lakewright.toml:2:1"]);
    one("[run]\ntimeout = \"soon\"\n", &["`run.timeout`", "not a time with a unit", "lakewright.toml:2:1"]);
    one("[run]\nmemory = \"4 apples\"\n", &["`run.memory`", "not a size", "lakewright.toml:2:1"]);
    one("[pools]\napi = 0\n", &["`pools.api`", "no step could ever run in a pool of 0", "lakewright.toml:2:1"]);
    one("hand_over_bytes = -1\n", &["`hand_over_bytes` takes a whole number from 0, not the number -1"]);
    one("stores = 3\n", &["`stores` takes a table, not the number 3", "lakewright.toml:1:1"]);
    one("[stores]\ndelta = \"delta\"\n", &["`stores.delta` takes a table, not text", "lakewright.toml:2:1"]);
    one("[stores.delta]\nmode = [\"append\"]\n", &["`stores.delta.mode`", "lakewright.toml:2:1"]);
    one("profiles = 3\n", &["`profiles` takes a table, not a whole number", "lakewright.toml:1:1"]);
    one("[profiles]\ndev = 3\n", &["`profiles.dev` takes a table, not a whole number", "lakewright.toml:2:1"]);
}

#[test]
fn broken_toml_is_told_with_each_place() {
    one("root = \"data\n[stores]\n", &["this is not TOML", "lakewright.toml:1:"]);
    one("root = \"a\"\nroot = \"b\"\n", &["this is not TOML: duplicate key", "lakewright.toml:2:1"]);
    let both = mistakes("root = \n[stores.delta\n");
    assert!(both.len() > 1 && both[0].contains("lakewright.toml:1:") && both[1].contains("lakewright.toml:2:"), "{both:#?}");
}

#[test]
fn what_is_not_set_is_named_with_its_place() {
    one(
        "[stores.delta]\nroot = \"/data/${NOWHERE}\"\n",
        &[
            "`stores.delta.root` has no value",
            "the environment variable `NOWHERE` is not set",
            "lakewright.toml:2:1",
            "${NOWHERE:-…}",
        ],
    );
    one(
        "[stores.delta]\nschema = \"${file:secrets/name}\"\n",
        &["the file `secrets/name` cannot be read", "lakewright.toml:2:1", "put the value into the file"],
    );
    one("root = \"${not a name}\"\n", &["is no name of a variable", "lakewright.toml:1:1"]);
    one("root = \"${OPEN\"\n", &["is not closed", "`$${`"]);
    // Other profiles may want what is not set here.
    let other = file("[stores.memory]\n[profiles.prod]\nroot = \"${NOWHERE}\"\n");
    assert!(other.builder(&[]).configuration().is_ok());
    // What is replaced need not be set.
    let replaced = file("root = \"${NOWHERE}\"\n[profiles.dev]\nroot = \"data\"\n");
    assert!(replaced.builder(&[]).profile("dev").configuration().is_ok());
}

#[test]
fn defaults_and_the_two_characters_themselves() {
    let configured = file("root = \"${A:-${B:-data}}\"\n[stores.delta]\nschema = \"$${A}\"\n");
    let located = |variables: &[(&str, &str)]| {
        let registry = Registry::from_specs([frame_builder("a", abc(), |asset| asset.io_manager("delta"))]);
        let lakehouse = configured.builder(variables).registry(registry).build().unwrap();
        let location = lakehouse.locate(&"a".parse().unwrap()).unwrap().unwrap().to_string();
        location.replace(&format!("{}/", configured.folder.path().display()), "")
    };
    assert_eq!(located(&[]), "data/delta/${A}/a");
    assert_eq!(located(&[("B", "b")]), "b/delta/${A}/a");
    assert_eq!(located(&[("A", ""), ("B", "b")]), "b/delta/${A}/a", "as in a shell, empty is as good as unset");
    assert_eq!(located(&[("A", "a"), ("B", "b")]), "a/delta/${A}/a");
}

#[test]
fn variables_that_mean_nothing_are_refused() {
    let configured = file("[stores.a-b]\nkind = \"memory\"\n[stores.a_b]\nkind = \"memory\"\n");
    let said = configured.mistakes(configured.builder(&[
        ("LAKEWRIGHT__", "1"),
        ("LAKEWRIGHT__PARALELISM", "1"),
        ("LAKEWRIGHT__PROFILE", "dev"),
        ("LAKEWRIGHT__STORES__A_B__KIND", "csv"),
        ("LAKEWRIGHT__STORES____ROOT", "1"),
    ]));
    assert_eq!(said.len(), 5, "{said:#?}");
    for (wanted, variable) in [
        ("`LAKEWRIGHT__` names no field", "$LAKEWRIGHT__"),
        ("does not choose a profile", "$LAKEWRIGHT__PROFILE"),
        ("may be any of `a-b`, `a_b`", "$LAKEWRIGHT__STORES__A_B__KIND"),
        ("names no field", "$LAKEWRIGHT__STORES____ROOT"),
        ("did you mean `parallelism`?", "$LAKEWRIGHT__PARALELISM"),
    ] {
        assert!(said.iter().any(|said| said.contains(wanted) && said.contains(variable)), "{wanted}: {said:#?}");
    }
}

#[test]
fn what_code_binds_too_is_an_error_and_not_a_winner() {
    let configured = file("io_manager = \"delta\"\n[stores.delta]\n[resources.api]\nkind = \"api\"\n");
    let said = configured.mistakes(
        configured
            .builder(&[])
            .io_manager("delta", MemoryIoManager::new())
            .io_manager("io_manager", MemoryIoManager::new())
            .resource("api", 3_u8)
            .resource_kind("api", |_| Ok(3_u8)),
    );
    assert_eq!(said.len(), 3, "{said:#?}");
    for wanted in
        ["the store `delta`", "the store `io_manager`", "the resource `api`", ":1:1", ":2:9", ":3:12", "leave one of them out"]
    {
        assert!(said.iter().any(|said| said.contains(wanted)), "{wanted}: {said:#?}");
    }
    one(
        "io_manager = \"memory\"\n[stores.memory]\n[stores.io_manager]\nkind = \"memory\"\n",
        &["is given twice", "lakewright.toml:1:1"],
    );
}

#[test]
fn stores_that_nobody_binds_are_an_error_before_anything_runs() {
    let configured = file("io_manager = \"tabels\"\n[stores.tables]\nkind = \"delta\"\n");
    let registry = Registry::from_specs([frame_builder("a", abc(), |asset| asset.io_manager("table"))]);
    let said = configured.mistakes(configured.builder(&[]).registry(registry));
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said.iter().all(|said| said.contains("did you mean `tables`?")), "{said:#?}");
    assert!(said.iter().any(|said| said.contains("lakewright.toml:1:1")), "{said:#?}");
    assert!(said.iter().any(|said| said.contains("there is no store `table`") && said.contains("asset `a`")), "{said:#?}");
    assert!(said.iter().all(|said| said.contains("configuration lakewright.toml, without a profile")), "{said:#?}");
}

#[test]
fn all_mistakes_are_said_at_once() {
    let said = mistakes(
        "parallelism = \"x\"\nrot = \"data\"\n[stores.a]\nkind = \"delta\"\nroot = 3\nshema = \"x\"\nmode = \"apend\"\n\
         [stores.b]\nkind = \"parket\"\n[stores.c]\nkind = \"csv\"\nroot = \"${NOWHERE}\"\noptions = { a = 1, b = 2 }\n",
    );
    for wanted in [":1:1", ":2:1", ":5:1", ":6:1", ":7:1", ":9:1", ":12:1", ":13:13", ":13:20"] {
        assert!(said.iter().any(|said| said.contains(&format!("lakewright.toml{wanted}"))), "{wanted}: {said:#?}");
    }
    assert_eq!(said.len(), 9, "{said:#?}");
    assert!(said.iter().any(|said| said.contains("did you mean `append`?")), "{said:#?}");
}

#[test]
fn how_a_bucket_is_reached_is_checked_as_the_rest_is() {
    let said = mistakes(
        "[stores.parquet]\nroot = \"s3://bucket/a\"\n[stores.parquet.storage]\ns3 = { regoin = \"eu\", anonymous = 3 }\nclient = { timeout = \"30\" }\n",
    );
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said.iter().any(|said| said.contains("did you mean `region`?") && said.contains("lakewright.toml:4:8")), "{said:#?}");
    assert!(said.iter().any(|said| said.contains("`stores.parquet.storage.s3.anonymous` takes `true` or `false`")), "{said:#?}");
    assert!(said.iter().any(|said| said.contains("`stores.parquet.storage.client.timeout`")), "{said:#?}");
    one(
        "[stores.csv]\nroot = \"data\"\nstorage = { s3 = { secret_access_key = \"hunter2-hunter2\" } }\n",
        &["there are options for `s3`", "lakewright.toml:1:9", "`stores.csv`"],
    );
}

#[cfg(not(feature = "duckdb"))]
#[test]
fn a_kind_that_the_program_is_built_without_names_the_feature() {
    one(
        "[stores.warehouse]\nkind = \"duckdb\"\n",
        &["this program is built without `duckdb`", "lakewright.toml:2:1", "turn on the feature `duckdb` of `lakewright`"],
    );
    one(
        "[resources.duckdb]\n",
        &["this program is built without `duckdb`, which `resources.duckdb` asks for", "lakewright.toml:1:12"],
    );
}
