//! In place of the options of Polars, where the program was built without it.

#[cfg(feature = "s3")]
use object_store::aws::{AmazonS3ConfigKey, AwsCredentialProvider};
#[cfg(feature = "azure")]
use object_store::azure::{AzureConfigKey, AzureCredentialProvider};
#[cfg(feature = "gcs")]
use object_store::gcp::{GcpCredentialProvider, GoogleConfigKey};

use super::config::ClientConfig;

pub(super) type Options = ();

#[cfg(feature = "s3")]
pub(super) fn s3(_: Vec<(AmazonS3ConfigKey, String)>, _: AwsCredentialProvider, _: &ClientConfig) {}

#[cfg(feature = "azure")]
pub(super) fn azure(_: Vec<(AzureConfigKey, String)>, _: AzureCredentialProvider, _: &ClientConfig) {}

#[cfg(feature = "gcs")]
pub(super) fn gcs(_: Vec<(GoogleConfigKey, String)>, _: GcpCredentialProvider, _: &ClientConfig) {}
