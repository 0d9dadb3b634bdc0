//! Where BigQuery is, and who asks.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// Where Google's own BigQuery is.
pub(super) const ENDPOINT: &str = "https://bigquery.googleapis.com";

/// Who asks.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// `GOOGLE_APPLICATION_CREDENTIALS`, what `gcloud auth application-default login` left, or the account of the machine.
    #[default]
    Ambient,
    /// A file with the key of a service account, or what `gcloud` keeps of a user.
    File(PathBuf),
    /// The key of a service account, in Base64.
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
    ///
    /// They are those that Google's storage takes: of the scope `cloud-platform`, which is all services that the account may use.
    pub(super) fn tokens(&self) -> Result<Option<GcpCredentialProvider>> {
        let (builder, place) = match &self.credentials {
            Credentials::Anonymous => return Ok(None),
            Credentials::Ambient => (GoogleCloudStorageBuilder::from_env(), "the environment".to_owned()),
            Credentials::File(path) => {
                let place = path.display().to_string();
                let readable = std::fs::File::open(path);
                readable.map_err(|error| {
                    Error::new(ErrorKind::Config, format!("cannot read the credentials for BigQuery in `{place}`")).source(error)
                })?;
                (GoogleCloudStorageBuilder::new().with_application_credentials(&place), format!("`{place}`"))
            }
            Credentials::Base64(key) => {
                let decoded = super::rows::base64(key.expose_secret().trim().as_bytes());
                let json = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                // What is in there is never shown, not even the part that cannot be read.
                let json = json.ok_or_else(|| not_a_key("the credentials for BigQuery are not Base64 of text"))?;
                (GoogleCloudStorageBuilder::new().with_service_account_key(json), "the Base64 key".to_owned())
            }
        };
        // The builder wants a bucket, which nobody asks for.
        match builder.with_bucket_name("none").build() {
            Ok(storage) => Ok(Some(storage.credentials().clone())),
            Err(_) => Err(not_a_key(&format!("{place} holds no credentials that BigQuery could be asked with"))),
        }
    }
}

fn not_a_key(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
        .help("give the JSON key of a service account, as Google hands it out, or run `gcloud auth application-default login`")
}
