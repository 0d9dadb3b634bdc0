//! A secret is never shown, wherever it stands and whatever goes wrong.

use std::collections::BTreeMap;

use lakewright::config::Secret;
use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

use super::file;

const SECRET: &str = "hunter2-hunter2";

#[derive(Deserialize)]
struct Vault {
    /// Nothing in its name says that it is a secret.
    phrase: Option<Secret>,
    #[serde(rename = "url")]
    _url: Option<String>,
    #[serde(rename = "password")]
    _password: Option<String>,
    #[serde(default, rename = "headers")]
    _headers: BTreeMap<String, String>,
    #[serde(rename = "level")]
    _level: Option<u8>,
    #[serde(rename = "choice")]
    _choice: Option<Choice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Left,
    Right,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Login {
    password: String,
    number: i64,
}

#[asset(io_manager = "vault")]
fn login(login: Config<Login>) -> i64 {
    login.number
}

/// Everything that can be seen of a configuration, or of what is wrong with it.
fn seen(text: &str, variables: &[(&str, &str)]) -> String {
    let configured = file(text);
    std::fs::write(configured.folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let builder = || {
        let builder = configured.builder(variables).registry(Registry::of(assets![login]));
        builder.store_kind("vault", |table| {
            let vault: Vault = table.read()?;
            match vault.phrase {
                Some(phrase) if phrase.expose() == "refuse" => Err(Error::new(lakewright::ErrorKind::Config, "refused")),
                _ => Ok(MemoryIoManager::new()),
            }
        })
    };
    let shown = match builder().configuration() {
        Ok(shown) => {
            let shown = shown.unwrap();
            format!("{shown}\n{shown:?}\n{}\n", shown.to_json())
        }
        Err(error) => format!("{error}\n{error:?}\n"),
    };
    let built = match builder().build() {
        Ok(lakehouse) => format!("{lakehouse:?}"),
        Err(error) => {
            let failures: Vec<_> = error.errors().iter().map(lakewright::event::Failure::from).collect();
            let rendered: String = error.errors().iter().map(|error| lakewright::report::render_error(error, false)).collect();
            format!("{error}\n{error:?}\n{}\n{rendered}", serde_json::json!(failures))
        }
    };
    format!("{shown}\n{built}")
}

#[track_caller]
fn hidden(text: &str, variables: &[(&str, &str)]) -> String {
    let seen = seen(text, variables);
    assert!(!seen.contains(SECRET), "the secret is in {seen}");
    seen
}

#[test]
fn in_every_place_that_a_secret_can_have() {
    let store = "[stores.vault]\n";
    for line in [
        format!("password = \"{SECRET}\""),
        format!("phrase = \"{SECRET}\""),
        "phrase = \"${PHRASE}\"".to_owned(),
        "phrase = \"${file:secret}\"".to_owned(),
        "url = \"${PHRASE}\"".to_owned(),
        "url = \"${file:secret}\"".to_owned(),
        format!("url = \"${{UNSET:-{SECRET}}}\""),
        format!("url = \"https://user:{SECRET}@host/path\""),
        format!("url = \"https://host/path?sig={SECRET}\""),
        format!("headers = {{ Authorization = \"Bearer {SECRET}\" }}"),
        "headers = { X = \"before ${PHRASE} after\" }".to_owned(),
        // The token of a proxy is a user without a password.
        format!("headers = {{ proxy_url = \"http://{SECRET}:@proxy:3128\" }}"),
    ] {
        let seen = hidden(&format!("{store}{line}\n"), &[("PHRASE", SECRET)]);
        assert!(seen.contains("redacted") || seen.contains("${"), "{line} is not shown at all: {seen}");
        assert!(seen.contains("Lakehouse"), "it is a configuration that works: {line}: {seen}");
    }
    let environment = [("LAKEWRIGHT__STORES__VAULT__PASSWORD", SECRET), ("LAKEWRIGHT__STORES__VAULT__PHRASE", SECRET)];
    assert!(hidden(store, &environment).contains("[redacted]"));
    let asset = format!("{store}[assets.login]\npassword = \"{SECRET}\"\n");
    assert!(hidden(&asset, &[]).contains("[redacted]"));
    assert!(hidden(&format!("{store}[assets.login]\npassword = \"${{PHRASE}}\"\n"), &[("PHRASE", SECRET)]).contains("${PHRASE}"));
    // A profile that is not chosen is not shown.
    hidden(&format!("{store}[profiles.prod.stores.vault]\npassword = \"{SECRET}\"\n"), &[]);
}

#[test]
fn as_a_number_which_it_should_not_be() {
    for line in ["password = 9071835264", "phrase = 9071835264", "phrase = [9071835264]"] {
        let seen = seen(&format!("[stores.vault]\n{line}\n"), &[]);
        assert!(!seen.contains("9071835264"), "the secret is in {seen}");
        assert!(seen.contains("mistake"), "nothing is wrong with {line}: {seen}");
    }
}

#[test]
fn in_what_goes_wrong_with_it() {
    let store = "[stores.vault]\n";
    for line in [
        // As a number, as one of several, as a table, in a field that there is not, and where the store refuses it.
        "level = \"${PHRASE}\"".to_owned(),
        "choice = \"${PHRASE}\"".to_owned(),
        "headers = \"${PHRASE}\"".to_owned(),
        "pasword = \"${PHRASE}\"".to_owned(),
        format!("pasword = \"{SECRET}\""),
        format!("password = [\"{SECRET}\"]"),
        format!("password = \"{SECRET}"),
        format!("password = {SECRET}"),
        format!("password = \"${{{SECRET}}}\""),
        format!("password = \"{SECRET}\"\nphrase = \"refuse\""),
        format!("password = \"{SECRET}\"\n[stores.other]\nkind = \"{SECRET}\""),
        format!("phrase = \"{SECRET}\"\n[stores.other]\nkind = \"{SECRET}\""),
        format!("password = \"{SECRET}\"\n[assets.login]\nnumber = \"{SECRET}\""),
        format!("[stores.csv]\nroot = \"data\"\nstorage = {{ s3 = {{ secret_access_key = \"{SECRET}\" }} }}"),
        "[stores.csv]\nroot = \"data\"\nstorage.azure.sas_token = \"${PHRASE}\"".to_owned(),
        "[stores.csv.storage.client]\ntimeout = \"${PHRASE}\"".to_owned(),
        "[assets.login]\nnumber = \"${PHRASE}\"".to_owned(),
        "[assets.login]\nnumber = \"${file:secret}\"".to_owned(),
    ] {
        let seen = hidden(&format!("{store}{line}\n"), &[("PHRASE", SECRET)]);
        assert!(seen.contains("mistake"), "nothing is wrong with {line}: {seen}");
    }
    hidden(store, &[("LAKEWRIGHT__STORES__VAULT__LEVEL", SECRET)]);
    hidden(store, &[("LAKEWRIGHT__STORES__VAULT__PASSWORD__X", SECRET)]);
}
