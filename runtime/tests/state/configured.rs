//! `[state]` of `lakewright.toml`: which log a lakehouse has.

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::sync::Arc;

use lakewright::prelude::*;
use lakewright::state::MemoryState;
use lakewright::{AssetBuilder, LakehouseBuilder};
use tempfile::{TempDir, tempdir};

/// A lakehouse of one asset that is configured by this text.
fn builder(folder: &TempDir, toml: &str, variables: &[(&str, &str)]) -> LakehouseBuilder {
    let file = folder.path().join("lakewright.toml");
    std::fs::write(&file, toml).unwrap();
    let asset = AssetBuilder::new("a", ValueKind::Object).io_manager("memory");
    let asset = asset.body(|call| async move { call.produce_object(1) }).unwrap();
    let registry = Registry::from_specs([asset]);
    Lakehouse::builder().registry(registry).config_file(file).config_variables(variables.iter().copied())
}

/// Everything that is wrong with a configuration.
fn mistakes(toml: &str) -> String {
    let folder = tempdir().unwrap();
    let Err(wrong) = builder(&folder, toml, &[("DATABASE_URL", "postgres://me:hunter2@db/shop")]).build() else {
        panic!("nothing is wrong with {toml}")
    };
    let said = format!("{wrong:?} {wrong}");
    let each: Vec<String> = wrong.errors().iter().map(|error| format!("{error:?}")).collect();
    assert!(!said.contains("hunter2") && !each.concat().contains("hunter2"), "{said}");
    each.join("\n")
}

fn run(builder: LakehouseBuilder) {
    assert!(builder.build().unwrap().materialize_blocking("*").unwrap().is_success());
}

#[cfg(feature = "sqlite")]
fn exists(folder: &TempDir, path: &str) -> bool {
    Path::new(&folder.path().join(path)).exists()
}

#[test]
fn what_is_wrong_is_said() {
    let said = mistakes("[state]\nkind = \"postgre\"\n");
    assert!(said.contains("there is no kind `postgre` of the log, as `state` asks for"), "{said}");
    assert!(said.contains("lakewright.toml:2:1"), "{said}");
    assert!(mistakes("[state]\npath = \"x\"\n").contains("`state` does not say its `kind`"), "it has no default");
    assert!(mistakes("state = 1\n").contains("`state` takes a table, not the number 1"));
    assert!(mistakes("[profiles.dev]\nstat = 1\n").contains("did you mean `state`?"), "a profile has one too");
    assert!(mistakes("[state]\nkind = \"memory\"\npath = \"x\"\n").contains("`state` has no field `path`"));
}

#[test]
fn a_log_in_code_and_in_the_configuration_is_one_too_many() {
    let folder = tempdir().unwrap();
    let builder = builder(&folder, "[state]\nkind = \"memory\"\n", &[]);
    let wrong = builder.state(Arc::new(MemoryState::new("0123456789abcdef"))).build().err().unwrap();
    assert!(wrong.to_string().contains("the log is bound in the code and in the configuration"), "{wrong}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_log_in_a_file_is_where_the_configuration_says() {
    let folder = tempdir().unwrap();
    run(builder(&folder, "[state]\nkind = \"sqlite\"\npath = \"logs/own.db\"\npatience = \"2s\"\n", &[]));
    assert!(exists(&folder, "logs/own.db"), "relative to the file, also if no store would need it");
    let folder = tempdir().unwrap();
    run(builder(&folder, "[state]\nkind = \"sqlite\"\n", &[]));
    assert!(exists(&folder, "lakehouse/.lakewright/state.db"), "where it is without a word");
    let folder = tempdir().unwrap();
    let toml = "[state]\nkind = \"sqlite\"\npath = \"x.db\"\n[profiles.test.state]\nkind = \"memory\"\n";
    run(builder(&folder, toml, &[]).profile("test"));
    assert!(!exists(&folder, "x.db"), "the profile has another");
    let said = mistakes("[state]\nkind = \"sqlite\"\npth = \"x\"\npatience = 3\n");
    assert!(said.contains("did you mean `path`?") && said.contains("`state.patience` takes"), "{said}");
}

#[cfg(not(feature = "sqlite"))]
#[test]
fn a_log_that_needs_a_feature_names_it() {
    let said = mistakes("[state]\nkind = \"sqlite\"\n");
    assert!(said.contains("this program is built without `sqlite`, which `state` asks for"), "{said}");
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{builder, mistakes, run};
    use lakewright::state::State;
    use tempfile::tempdir;

    #[test]
    fn its_address_is_not_shown() {
        let folder = tempdir().unwrap();
        for (url, wanted) in [
            ("${DATABASE_URL}", "${DATABASE_URL}"),
            ("postgres://me:hunter2@db/shop", "[redacted]"),
            ("postgres://me:${PASSWORD}@db/shop", "[redacted]"),
        ] {
            let toml = format!("[state]\nkind = \"postgres\"\nurl = \"{url}\"\nschema = \"mine\"\n");
            let variables = [("DATABASE_URL", "postgres://me:hunter2@db/shop"), ("PASSWORD", "hunter2")];
            let shown = builder(&folder, &toml, &variables).configuration().unwrap().unwrap();
            let shown = format!("{shown}{shown:?}{}", shown.to_json());
            assert!(shown.contains(wanted) && !shown.contains("hunter2") && shown.contains("mine"), "{shown}");
            builder(&folder, &toml, &variables).build().unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(mistakes("[state]\nkind = \"postgres\"\n").contains("`state` needs `url`"));
        let said = mistakes("[state]\nkind = \"postgres\"\nurl = \"${DATABASE_URL}\"\nshema = \"x\"\n");
        assert!(said.contains("`state` has no field `shema`") && said.contains("did you mean `schema`?"), "{said}");
        let said = mistakes("[state]\nkind = \"postgres\"\nurl = \"me:hunter2@db/shop\"\n");
        assert!(
            said.contains("the URL of the log does not begin with `postgres://`") && said.contains("lakewright.toml:1:"),
            "{said}"
        );
        let said = mistakes("[state]\nkind = \"postgres\"\nurl = \"${DATABASE_URL}\"\nschema = \"\"\n");
        assert!(said.contains("cannot be the schema of the log"), "{said}");
    }

    #[test]
    fn runs_are_in_it() {
        let Some(schema) = crate::postgres::Schema::new() else { return };
        let folder = tempdir().unwrap();
        let name = schema.name.replace('"', "\\\"");
        let toml = format!("[state]\nkind = \"postgres\"\nurl = \"${{DATABASE_URL}}\"\nschema = \"{name}\"\npatience = \"5s\"\n");
        run(builder(&folder, &toml, &[("DATABASE_URL", &schema.url)]));
        let runs = schema.log().runs(&lakewright::state::RunQuery::newest(3)).unwrap();
        assert_eq!((runs.len(), runs[0].succeeded), (1, 1));
    }
}
