//! How Polars reaches buckets.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use object_store::CredentialProvider;
#[cfg(feature = "s3")]
use object_store::aws::{AmazonS3ConfigKey, AwsCredentialProvider};
#[cfg(feature = "azure")]
use object_store::azure::{AzureConfigKey, AzureCredentialProvider};
#[cfg(feature = "gcs")]
use object_store::gcp::{GcpCredentialProvider, GoogleConfigKey};
use polars::io::cloud::credential_provider::{ObjectStoreCredential, PlCredentialProvider};
use polars::io::cloud::{CloudOptions, CloudRetryConfig};
use polars::prelude::{PolarsResult, polars_err};

use super::client::retries;
use super::config::ClientConfig;
use super::threads::threads;

/// How Polars reaches a bucket.
pub(super) type Options = CloudOptions;

#[cfg(feature = "s3")]
pub(super) fn s3(given: Vec<(AmazonS3ConfigKey, String)>, keys: AwsCredentialProvider, client: &ClientConfig) -> Options {
    with(CloudOptions::default().with_aws(given), keys, ObjectStoreCredential::Aws, client)
}

#[cfg(feature = "azure")]
pub(super) fn azure(given: Vec<(AzureConfigKey, String)>, keys: AzureCredentialProvider, client: &ClientConfig) -> Options {
    with(CloudOptions::default().with_azure(given), keys, ObjectStoreCredential::Azure, client)
}

#[cfg(feature = "gcs")]
pub(super) fn gcs(given: Vec<(GoogleConfigKey, String)>, keys: GcpCredentialProvider, client: &ClientConfig) -> Options {
    with(CloudOptions::default().with_gcp(given), keys, ObjectStoreCredential::Gcp, client)
}

fn with<C: Send + Sync + 'static>(
    options: CloudOptions,
    keys: Arc<dyn CredentialProvider<Credential = C>>,
    as_theirs: fn(Arc<C>) -> ObjectStoreCredential,
    client: &ClientConfig,
) -> Options {
    let retries = retries(client);
    let retries = CloudRetryConfig {
        max_retries: Some(retries.max_retries),
        retry_timeout: Some(retries.retry_timeout),
        ..CloudRetryConfig::default()
    };
    let provider = PlCredentialProvider::from_func(move || {
        let keys = Arc::clone(&keys);
        fetched(async move { keys.get_credential().await.map(as_theirs) })
    });
    options.with_retry_config(retries).with_credential_provider(Some(provider))
}

type Fetched = Pin<Box<dyn Future<Output = PolarsResult<(ObjectStoreCredential, u64)>> + Send + Sync>>;

/// Keys as our own provider gives them, which knows when they end; Polars asks again after a minute.
fn fetched(keys: impl Future<Output = object_store::Result<ObjectStoreCredential>> + Send + 'static) -> Fetched {
    // Polars wants to share the waiting between threads, which a handle can and a request cannot.
    let fetching = threads().map(|threads| threads.spawn(keys));
    Box::pin(async move {
        let fetching = fetching.map_err(|error| polars_err!(ComputeError: "{error}"))?;
        let keys = fetching.await.map_err(|error| polars_err!(ComputeError: "{error}"))?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        match keys {
            Ok(keys) => Ok((keys, now + 60)),
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    })
}
