//! Azure Blob Storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey as Key, MicrosoftAzureBuilder};
use secrecy::ExposeSecret;

use super::client::{self, refused, wrong};
use super::clouds;
use super::config::{AzureConfig, StorageConfig};
use super::emulated::Emulated;
use super::remote::Bucket;
use crate::error::Result;

/// The account of the emulator, and its key, which everybody knows.
const EMULATOR: (&str, &str) =
    ("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");

/// The container: its name alone, or `container@account.dfs.core.windows.net`.
pub(super) fn open(authority: &str, config: &StorageConfig) -> Result<Bucket> {
    let mut azure = config.azure.clone().unwrap_or_default();
    let (container, host) = authority.split_once('@').map_or((authority, None), |(container, host)| (container, Some(host)));
    if let Some(account) = host.and_then(|host| host.split('.').next()) {
        match &azure.account {
            Some(given) if given != account => {
                return Err(wrong(format!("the URL names the account `{account}` and the configuration `{given}`"), "name one"));
            }
            _ => azure.account = Some(account.to_owned()),
        }
    }
    let url = format!("az://{container}");
    let mut client = config.client.clone();
    if azure.emulator {
        let at = azure.endpoint.clone().unwrap_or_else(|| "http://127.0.0.1:10000".to_owned());
        azure.endpoint = Some(format!("{}/{}", at.trim_end_matches('/'), EMULATOR.0));
        azure.account = Some(EMULATOR.0.to_owned());
        azure.access_key.get_or_insert_with(|| EMULATOR.1.to_owned().into());
        client.allow_http.get_or_insert(true);
    }
    let ways = [azure.access_key.is_some(), azure.sas_token.is_some(), azure.client_secret.is_some()];
    if ways.iter().filter(|given| **given).count() > 1 {
        return Err(wrong("there are several of `access_key`, `sas_token` and `client_secret`", "give one of them"));
    }
    // Beside keys that are given, none of the environment.
    let mut builder = if ways.contains(&true) { MicrosoftAzureBuilder::new() } else { MicrosoftAzureBuilder::from_env() };
    for (key, value) in given(&azure) {
        builder = builder.with_config(key, value);
    }
    let options = client::options(&client);
    for (key, value) in &options {
        builder = builder.with_config(Key::Client(*key), value);
    }
    let Some(account) = builder.get_config_value(&Key::AccountName) else {
        let help = "set `account`, write `abfss://container@account.dfs.core.windows.net/…`, or set AZURE_STORAGE_ACCOUNT_NAME";
        return Err(wrong(format!("`{url}` names no storage account"), help));
    };
    let endpoint = builder.get_config_value(&Key::Endpoint).unwrap_or_else(|| format!("https://{account}.blob.core.windows.net"));
    let mut for_scans: Vec<(Key, String)> = options.into_iter().map(|(key, value)| (Key::Client(key), value)).collect();
    for_scans.extend([(Key::AccountName, account), (Key::Endpoint, endpoint), (Key::UseEmulator, "false".to_owned())]);
    let store = builder
        .with_container_name(container)
        .with_retry(client::retries(&client))
        .with_http_connector(client::connector()?)
        .build()
        .map_err(|error| refused(&error, &url))?;
    let scans = clouds::azure(for_scans, Arc::clone(store.credentials()), &client);
    let secrets = client::secrets(&[&azure.access_key, &azure.sas_token, &azure.client_secret, &client.proxy_url]);
    let store: Arc<dyn ObjectStore> = if azure.emulator { Arc::new(Emulated(Arc::new(store))) } else { Arc::new(store) };
    Ok(Bucket::new(url, store, scans, secrets))
}

fn given(azure: &AzureConfig) -> Vec<(Key, String)> {
    let secret = |secret: &Option<secrecy::SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let given = [
        (Key::AccountName, azure.account.clone()),
        (Key::AccessKey, secret(&azure.access_key)),
        (Key::SasKey, secret(&azure.sas_token)),
        (Key::AuthorityId, azure.tenant_id.clone()),
        (Key::ClientId, azure.client_id.clone()),
        (Key::ClientSecret, secret(&azure.client_secret)),
        (Key::AuthorityHost, azure.authority_host.clone()),
        (Key::Endpoint, azure.endpoint.clone()),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}
