//! How object stores are reached: one configuration for reading and writing, every field of which arrives.

use std::fmt::Display;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind, Result, nearest};

/// How the bucket of a [`Storage`](super::Storage) is reached. What is left out comes from the environment: the variables that the
/// tools of each provider know, and then what the machine itself is allowed to do.
///
/// ```
/// use lakewright::io::storage::{S3Config, StorageConfig};
///
/// let config = StorageConfig::new()
///     .s3(S3Config::new().endpoint("http://127.0.0.1:9000").region("us-east-1").access_key("key", "secret"))
///     .allow_http(true)
///     .timeout(std::time::Duration::from_secs(30));
/// assert!(!format!("{config:?}").contains("secret\""), "secrets are never printed");
///
/// let same: StorageConfig = toml::from_str(
///     r#"
///     s3 = { endpoint = "http://127.0.0.1:9000", region = "us-east-1", access_key_id = "key", secret_access_key = "secret" }
///     client = { allow_http = true, timeout = "30s" }
///     "#,
/// )?;
/// # let _ = same;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct StorageConfig {
    pub(super) s3: Option<S3Config>,
    pub(super) azure: Option<AzureConfig>,
    pub(super) gcs: Option<GcsConfig>,
    pub(super) client: ClientConfig,
}

/// Amazon S3, and what speaks like it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct S3Config {
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) access_key_id: Option<SecretString>,
    pub(super) secret_access_key: Option<SecretString>,
    pub(super) session_token: Option<SecretString>,
    pub(super) anonymous: bool,
    pub(super) virtual_hosted_style: bool,
    pub(super) copy_if_not_exists: Option<String>,
    pub(super) allow_unsafe_rename: bool,
    pub(super) dynamodb: Option<DynamoDbConfig>,
}

/// A `DynamoDB` table in which commits are agreed on, as Delta's `S3DynamoDBLogStore` does it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct DynamoDbConfig {
    pub(super) table: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
}

/// Azure Blob Storage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct AzureConfig {
    pub(super) account: Option<String>,
    pub(super) access_key: Option<SecretString>,
    pub(super) sas_token: Option<SecretString>,
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<SecretString>,
    pub(super) authority_host: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) emulator: bool,
}

/// Google Cloud Storage.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct GcsConfig {
    pub(super) service_account: Option<String>,
    pub(super) service_account_key: Option<SecretString>,
    pub(super) endpoint: Option<String>,
    pub(super) anonymous: bool,
}

/// The HTTP client of any of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct ClientConfig {
    pub(super) allow_http: Option<bool>,
    #[serde(deserialize_with = "duration")]
    pub(super) timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) connect_timeout: Option<Duration>,
    pub(super) proxy_url: Option<SecretString>,
    pub(super) proxy_excludes: Option<String>,
    pub(super) max_retries: Option<usize>,
    #[serde(deserialize_with = "duration")]
    pub(super) retry_timeout: Option<Duration>,
}

/// Errors of unknown fields say which one was meant.
macro_rules! with_near_misses {
    ($($config:ident)*) => {$(
        impl<'de> Deserialize<'de> for $config {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                $config::deserialize(deserializer).map_err(|error| D::Error::custom(near_miss(&error)))
            }
        }
    )*};
}
with_near_misses!(StorageConfig S3Config DynamoDbConfig AzureConfig GcsConfig ClientConfig);

/// The message of an error, with the nearest of the fields that are known if it is about one that is not.
fn near_miss(error: &impl Display) -> String {
    let text = error.to_string();
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let (true, false, [unknown, known @ ..]) = (text.contains("unknown field"), text.contains("did you mean"), &quoted[..])
    else {
        return text;
    };
    match nearest(unknown, known.iter().copied()) {
        Some(near) => format!("{}; did you mean `{near}`?", text.trim_end()),
        None => text,
    }
}

/// A time with its unit: `30s`, `500ms`, `1m 30s`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    match parsed {
        Some(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(D::Error::custom(format!("`{text}` is not a time with a unit, as `30s`, `500ms` or `1m 30s` are"))),
    }
}

impl StorageConfig {
    /// Everything from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For `s3://…`.
    #[must_use]
    pub fn s3(mut self, s3: S3Config) -> Self {
        self.s3 = Some(s3);
        self
    }

    /// For `az://…` and `abfss://…`.
    #[must_use]
    pub fn azure(mut self, azure: AzureConfig) -> Self {
        self.azure = Some(azure);
        self
    }

    /// For `gs://…`.
    #[must_use]
    pub fn gcs(mut self, gcs: GcsConfig) -> Self {
        self.gcs = Some(gcs);
        self
    }

    /// Whether requests may be sent without encryption, as to an emulator.
    #[must_use]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.client.allow_http = Some(allow);
        self
    }

    /// How long one request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.client.timeout = Some(timeout);
        self
    }

    /// How long it may take to connect.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.client.connect_timeout = Some(timeout);
        self
    }

    /// Requests go through this proxy.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.client.proxy_url = Some(url.into().into());
        self
    }

    /// How often a request that may succeed later is sent again, and for how long.
    #[must_use]
    pub fn retries(mut self, most: usize, for_at_most: Duration) -> Self {
        self.client.max_retries = Some(most);
        self.client.retry_timeout = Some(for_at_most);
        self
    }

    /// Refuses options of providers other than the one of the URL: they could not arrive.
    pub(super) fn check_only(&self, provider: &str, url: &str) -> Result<()> {
        let given = [("s3", self.s3.is_some()), ("azure", self.azure.is_some()), ("gcs", self.gcs.is_some())];
        match given.into_iter().find(|(name, given)| *given && *name != provider) {
            Some((other, _)) => {
                let message = format!("there are options for `{other}`, and `{url}` is not there");
                Err(Error::new(ErrorKind::Config, message).help(format!("remove them, or give them as `{provider}`")))
            }
            None => Ok(()),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the fields are")]
fn secret(text: impl Into<String>) -> Option<SecretString> {
    Some(text.into().into())
}

impl S3Config {
    /// Everything from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it is, if not at Amazon.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The region of the bucket.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// An access key and its secret.
    #[must_use]
    pub fn access_key(mut self, id: impl Into<String>, key: impl Into<String>) -> Self {
        (self.access_key_id, self.secret_access_key) = (secret(id), secret(key));
        self
    }

    /// The token of a temporary access key.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = secret(token);
        self
    }

    /// Requests are not signed, as for public buckets.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// The bucket is part of the name of the host, which the endpoint must then have.
    #[must_use]
    pub fn virtual_hosted_style(mut self) -> Self {
        self.virtual_hosted_style = true;
        self
    }

    /// Commits are copies that fail if they are there, with this header: `header: cf-copy-destination-if-none-match: *` for R2, or
    /// `multipart`.
    #[must_use]
    pub fn copy_if_not_exists(mut self, how: impl Into<String>) -> Self {
        self.copy_if_not_exists = Some(how.into());
        self
    }

    /// Commits look whether they are there, and are then written: two writers at the same time may both believe that they won.
    #[must_use]
    pub fn allow_unsafe_rename(mut self) -> Self {
        self.allow_unsafe_rename = true;
        self
    }

    /// Commits are agreed on in a `DynamoDB` table.
    #[must_use]
    pub fn dynamodb(mut self, table: DynamoDbConfig) -> Self {
        self.dynamodb = Some(table);
        self
    }
}

impl DynamoDbConfig {
    /// The table with this name, reached with the keys of the bucket.
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: Some(table.into()), ..Self::default() }
    }

    /// Where it is, if not at Amazon.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The region of the table; that of the bucket without this.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }
}

impl AzureConfig {
    /// Everything from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The storage account.
    #[must_use]
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// A key of the account.
    #[must_use]
    pub fn access_key(mut self, key: impl Into<String>) -> Self {
        self.access_key = secret(key);
        self
    }

    /// A shared access signature.
    #[must_use]
    pub fn sas_token(mut self, token: impl Into<String>) -> Self {
        self.sas_token = secret(token);
        self
    }

    /// A service principal.
    #[must_use]
    pub fn service_principal(
        mut self,
        tenant: impl Into<String>,
        client: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Self {
        (self.tenant_id, self.client_id) = (Some(tenant.into()), Some(client.into()));
        self.client_secret = secret(client_secret);
        self
    }

    /// Who issues tokens to service principals, if not the public cloud.
    #[must_use]
    pub fn authority_host(mut self, url: impl Into<String>) -> Self {
        self.authority_host = Some(url.into());
        self
    }

    /// Where the account is, if not in the public cloud.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The account of the emulator, with the key that everybody knows: at the endpoint, or at `http://127.0.0.1:10000`.
    #[must_use]
    pub fn emulator(mut self) -> Self {
        self.emulator = true;
        self
    }
}

impl GcsConfig {
    /// Everything from the environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The file with the key of a service account.
    #[must_use]
    pub fn service_account(mut self, path: impl Into<String>) -> Self {
        self.service_account = Some(path.into());
        self
    }

    /// The key of a service account, as the JSON that the file would have.
    #[must_use]
    pub fn service_account_key(mut self, json: impl Into<String>) -> Self {
        self.service_account_key = secret(json);
        self
    }

    /// Where it is, if not at Google.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Requests are not signed, as for public buckets and emulators.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }
}
