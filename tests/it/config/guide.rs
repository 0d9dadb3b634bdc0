//! The guide: every piece of TOML in it is a configuration that works.

use std::path::Path;

use lakewright::config::{ConfigPath, Secret};
use serde::Deserialize;

use super::file;

#[test]
fn every_configuration_in_the_guide_is_one() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md")).unwrap();
    let mut pieces = 0;
    for piece in guide.split("```toml\n").skip(1) {
        let piece = piece.split("```").next().unwrap();
        pieces += 1;
        let configured = file(piece);
        std::fs::create_dir(configured.folder.path().join("secrets")).unwrap();
        std::fs::write(configured.folder.path().join("secrets/azure-key"), "a2V5\n").unwrap();
        let variables = [("BUCKET", "bucket"), ("AWS_KEY_ID", "id"), ("AWS_SECRET", "secret"), ("API_TOKEN", "token")];
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the path of the method is not general enough to compile")]
        let builder = || configured.builder(&variables).resource_kind("api", |table| table.read::<Api>());
        let names: Vec<String> = match builder().configuration() {
            Ok(configuration) => configuration.unwrap().profiles().to_vec(),
            Err(error) if left_out(&error) => continue,
            Err(error) => panic!("{error}\n{piece}"),
        };
        for profile in names {
            match builder().profile(&profile).configuration() {
                Ok(_) => {}
                Err(error) if left_out(&error) => {}
                Err(error) => panic!("{profile}: {error}\n{piece}"),
            }
        }
    }
    assert!(pieces >= 5, "the guide has {pieces} configurations");
}

/// The kind that the guide makes up.
#[derive(Deserialize)]
struct Api {
    #[serde(rename = "url")]
    _url: String,
    #[serde(rename = "token")]
    _token: Secret,
    #[serde(rename = "certificate")]
    _certificate: Option<ConfigPath>,
}

/// Whether all that is wrong is that this program is built without a feature.
fn left_out(error: &lakewright::BuildError) -> bool {
    error.errors().iter().all(|error| error.message().contains("built without"))
}
