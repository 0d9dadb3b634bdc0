//! The options of the HTTP client, as all providers take them.

use std::time::Duration;

use object_store::client::SpawnedReqwestConnector;
use object_store::{ClientConfigKey, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use super::config::ClientConfig;
use super::threads::threads;
use crate::error::{Error, ErrorKind, Result};

/// What is given, by key: the same for our own requests and for the scans of Polars.
pub(super) fn options(client: &ClientConfig) -> Vec<(ClientConfigKey, String)> {
    let time = |time: &Duration| format!("{}ms", time.as_millis());
    let given = [
        (ClientConfigKey::AllowHttp, Some(client.allow_http.unwrap_or(false).to_string())),
        (ClientConfigKey::Timeout, client.timeout.as_ref().map(time)),
        (ClientConfigKey::ConnectTimeout, client.connect_timeout.as_ref().map(time)),
        (ClientConfigKey::ProxyUrl, client.proxy_url.as_ref().map(|url| url.expose_secret().to_owned())),
        (ClientConfigKey::ProxyExcludes, client.proxy_excludes.clone()),
    ];
    given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
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

/// What sends requests.
pub(super) fn connector() -> Result<SpawnedReqwestConnector> {
    Ok(SpawnedReqwestConnector::new(threads()?.clone()))
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
