//! Where BigQuery is, and who asks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use google_cloud_auth::credentials::{self, AccessTokenCredentials};
use google_cloud_auth::credentials::{external_account, impersonated, service_account, user_account};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// Where Google's own BigQuery is.
pub(super) const ENDPOINT: &str = "https://bigquery.googleapis.com";

/// Who asks.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// What Google's own tools use: `GOOGLE_APPLICATION_CREDENTIALS`, what `gcloud auth application-default login` left, or the
    /// account of the machine.
    #[default]
    Ambient,
    /// A file with the key of a service account, or any other JSON of Google's.
    File(PathBuf),
    /// What would be in that file, in Base64.
    Base64(SecretString),
    /// Nobody: for an emulator.
    Anonymous,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ambient => f.write_str("Ambient"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Base64(_) => f.write_str("Base64([REDACTED])"),
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

/// Everything that a client needs to know.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) project: String,
    pub(super) dataset: Option<String>,
    pub(super) location: Option<String>,
    pub(super) endpoint: String,
    pub(super) credentials: Credentials,
    /// For one request.
    pub(super) request_timeout: Duration,
    /// For a job, from its beginning to its end.
    pub(super) job_timeout: Duration,
}

impl Config {
    /// Refuses what could never work.
    pub(super) fn check(&self) -> Result<()> {
        let project = self.project.rsplit(':').next().unwrap_or_default();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if project.is_empty() || !project.chars().all(fits) {
            let message = format!("`{}` cannot be a Google Cloud project", self.project);
            return Err(Error::new(ErrorKind::Config, message).help("name the project by its id: small letters, digits and `-`"));
        }
        match reqwest::Url::parse(&self.endpoint) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(()),
            _ => {
                let message = format!("`{}` cannot be where BigQuery is", self.endpoint);
                Err(Error::new(ErrorKind::Config, message).help(format!("for instance `{ENDPOINT}`, without a path")))
            }
        }
    }

    /// What gives tokens; nothing if nobody asks.
    pub(super) fn tokens(&self) -> Result<Option<AccessTokenCredentials>> {
        match &self.credentials {
            Credentials::Anonymous => Ok(None),
            Credentials::Ambient => {
                let built = credentials::Builder::default().with_scopes([SCOPE]).build_access_token_credentials();
                built.map(Some).map_err(|error| {
                    let help = "set `GOOGLE_APPLICATION_CREDENTIALS`, run `gcloud auth application-default login`, or configure \
                        `credentials`";
                    Error::new(ErrorKind::Config, "no credentials for BigQuery were found").source(error).help(help)
                })
            }
            Credentials::File(path) => from_file(path).map(Some),
            Credentials::Base64(key) => {
                let decoded = super::rows::base64(key.expose_secret().trim().as_bytes());
                // What is in there is never shown, not even the part that cannot be read.
                let decoded = decoded.ok_or_else(|| not_a_key("the credentials for BigQuery are not Base64"))?;
                from_json(&decoded, "the credentials for BigQuery").map(Some)
            }
        }
    }
}

fn from_file(path: &Path) -> Result<AccessTokenCredentials> {
    let json = std::fs::read(path).map_err(|error| {
        let message = format!("cannot read the credentials for BigQuery in `{}`", path.display());
        Error::new(ErrorKind::Config, message).source(error)
    })?;
    from_json(&json, &format!("`{}`", path.display()))
}

fn from_json(json: &[u8], place: &str) -> Result<AccessTokenCredentials> {
    let json: serde_json::Value = serde_json::from_slice(json).map_err(|_| not_a_key(&format!("{place} holds no JSON")))?;
    let built = match json.get("type").and_then(serde_json::Value::as_str) {
        Some("service_account") => service_account::Builder::new(json)
            .with_access_specifier(service_account::AccessSpecifier::from_scopes([SCOPE]))
            .build_access_token_credentials(),
        Some("authorized_user") => user_account::Builder::new(json).build_access_token_credentials(),
        Some("external_account") => external_account::Builder::new(json).with_scopes([SCOPE]).build_access_token_credentials(),
        Some("impersonated_service_account") => {
            impersonated::Builder::new(json).with_scopes([SCOPE]).build_access_token_credentials()
        }
        _ => return Err(not_a_key(&format!("{place} does not say which type of credentials it holds"))),
    };
    built.map_err(|_| not_a_key(&format!("{place} holds no usable credentials")))
}

fn not_a_key(message: &str) -> Error {
    Error::new(ErrorKind::Config, message).help("give the JSON key of a service account, as Google hands it out")
}
