//! The options of the HTTP client, as all providers take them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use object_store::client::{HttpClient, HttpConnector, SpawnedReqwestConnector};
use object_store::{ClientConfigKey, ClientOptions, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use super::config::ClientConfig;
use super::threads::threads;
use crate::error::{Error, ErrorKind, Result};

/// What clients are given, and so what two of them can differ in.
const GIVEN: [ClientConfigKey; 5] = [
    ClientConfigKey::AllowHttp,
    ClientConfigKey::Timeout,
    ClientConfigKey::ConnectTimeout,
    ClientConfigKey::ProxyUrl,
    ClientConfigKey::ProxyExcludes,
];

/// What is given, by key: the same for our own requests and for the scans of Polars.
pub(super) fn options(client: &ClientConfig) -> Vec<(ClientConfigKey, String)> {
    let time = |time: &Duration| format!("{}ms", time.as_millis());
    let values: [_; GIVEN.len()] = [
        Some(client.allow_http.unwrap_or(false).to_string()),
        client.timeout.as_ref().map(time),
        client.connect_timeout.as_ref().map(time),
        client.proxy_url.as_ref().map(|url| url.expose_secret().to_owned()),
        client.proxy_excludes.clone(),
    ];
    GIVEN.into_iter().zip(values).filter_map(|(key, value)| Some((key, value?))).collect()
}

/// How often requests are sent again.
pub(super) fn retries(client: &ClientConfig) -> RetryConfig {
    let defaults = RetryConfig::default();
    RetryConfig {
        max_retries: client.max_retries.unwrap_or(defaults.max_retries),
        retry_timeout: client.retry_timeout.unwrap_or(defaults.retry_timeout),
        backoff: defaults.backoff,
    }
}

/// What sends requests: for all stores whose clients are configured alike it is the same.
///
/// One of its own would read the certificates of the system once more, and make connections to where others are open.
pub(super) fn connector() -> Result<impl HttpConnector> {
    Ok(Shared(SpawnedReqwestConnector::new(threads()?.clone())))
}

#[derive(Debug)]
struct Shared(SpawnedReqwestConnector);

/// The clients by the values of [`GIVEN`], of which providers change some to ask for credentials.
static CLIENTS: Mutex<Option<HashMap<[Option<String>; GIVEN.len()], HttpClient>>> = Mutex::new(None);

impl HttpConnector for Shared {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let values = GIVEN.map(|key| options.get_config_value(&key));
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = clients.get_or_insert_default();
        if let Some(client) = clients.get(&values) {
            return Ok(client.clone());
        }
        let client = self.0.connect(options)?;
        clients.insert(values, client.clone());
        Ok(client)
    }
}

/// What must never be told.
pub(super) fn secrets(given: &[&Option<SecretString>]) -> Vec<SecretString> {
    given.iter().filter_map(|secret| (*secret).clone()).collect()
}

/// A configuration that a provider does not take.
pub(super) fn refused(error: &object_store::Error, url: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{url}` cannot be opened as it is configured")).source(error.to_string())
}

/// A configuration that makes no sense.
pub(super) fn wrong(message: impl Into<String>, help: &str) -> Error {
    Error::new(ErrorKind::Config, message).help(help)
}
