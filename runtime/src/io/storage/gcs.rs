//! Google Cloud Storage.

use std::sync::Arc;

use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey as Key};
use secrecy::ExposeSecret;

use super::client::{self, refused, wrong};
use super::clouds;
use super::config::StorageConfig;
use super::remote::Bucket;
use crate::error::Result;

/// The bucket with this name.
pub(super) fn open(bucket: &str, config: &StorageConfig) -> Result<Bucket> {
    let gcs = config.gcs.clone().unwrap_or_default();
    let url = format!("gs://{bucket}");
    let ways = [gcs.service_account.is_some(), gcs.service_account_key.is_some(), gcs.anonymous];
    if ways.iter().filter(|given| **given).count() > 1 {
        return Err(wrong("there are several of `service_account`, `service_account_key` and `anonymous`", "give one of them"));
    }
    // Beside an account that is given, none of the environment.
    let mut builder = if ways.contains(&true) { GoogleCloudStorageBuilder::new() } else { GoogleCloudStorageBuilder::from_env() };
    let given = [
        (Key::ServiceAccount, gcs.service_account.clone()),
        (Key::ServiceAccountKey, gcs.service_account_key.as_ref().map(|key| key.expose_secret().to_owned())),
        (Key::BaseUrl, gcs.endpoint.as_ref().map(|url| url.trim_end_matches('/').to_owned())),
        (Key::SkipSignature, gcs.anonymous.then(|| "true".to_owned())),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    let options = client::options(&config.client);
    for (key, value) in &options {
        builder = builder.with_config(Key::Client(*key), value);
    }
    let mut for_scans: Vec<(Key, String)> = options.into_iter().map(|(key, value)| (Key::Client(key), value)).collect();
    for_scans
        .extend([Key::BaseUrl, Key::SkipSignature].into_iter().filter_map(|key| Some((key, builder.get_config_value(&key)?))));
    let store = builder
        .with_bucket_name(bucket)
        .with_retry(client::retries(&config.client))
        .with_http_connector(client::connector()?)
        .build()
        .map_err(|error| {
            if error.to_string().contains("decode service account") {
                // What it says of a key that it cannot read may be the key.
                let help = "give the JSON key of a service account, as Google hands it out";
                wrong(format!("`{url}` is to be opened with a key of a service account, and what is given is none"), help)
            } else {
                refused(&error, &url)
            }
        })?;
    let scans = clouds::gcs(for_scans, Arc::clone(store.credentials()), &config.client);
    let secrets = client::secrets(&[&gcs.service_account_key, &config.client.proxy_url]);
    Ok(Bucket::new(url, Arc::new(store), scans, secrets))
}
