//! `lakewright.toml`: profiles, the environment, secrets, and every mistake at once.

mod assets;
mod bindings;
mod cli;
mod example;
mod guide;
mod mistakes;
mod secrets;

use std::path::PathBuf;

use lakewright::LakehouseBuilder;
use lakewright::prelude::*;
use tempfile::TempDir;

use crate::support::{abc, frame_asset};

/// A configuration in a folder of its own.
struct Configured {
    folder: TempDir,
    file: PathBuf,
}

/// Writes `lakewright.toml`.
fn file(text: &str) -> Configured {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lakewright.toml");
    std::fs::write(&file, text).unwrap();
    Configured { folder, file }
}

impl Configured {
    /// A builder of one asset that uses the file, in an environment of its own.
    fn builder(&self, variables: &[(&str, &str)]) -> LakehouseBuilder {
        let variables = variables.iter().map(|(name, value)| (*name, *value));
        Lakehouse::builder()
            .registry(Registry::from_specs([frame_asset("letters", abc())]))
            .config_file(&self.file)
            .config_variables(variables)
    }

    /// Everything that is wrong, without the name of the folder.
    #[track_caller]
    fn mistakes(&self, builder: LakehouseBuilder) -> Vec<String> {
        let error = builder.build().expect_err("something is wrong");
        assert_eq!(std::fs::read_dir(self.folder.path()).unwrap().count(), 1, "nothing was touched");
        let folder = format!("{}/", self.folder.path().display());
        error.errors().iter().map(|error| format!("{error:?}").replace(&folder, "")).collect()
    }
}

/// The mistakes of a configuration of which nothing else is asked.
#[track_caller]
fn mistakes(text: &str) -> Vec<String> {
    let configured = file(text);
    configured.mistakes(configured.builder(&[]))
}
