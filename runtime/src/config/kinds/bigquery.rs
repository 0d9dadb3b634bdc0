//! `kind = "bigquery"`.

use serde::Deserialize;

use super::super::units::Time;
use super::options::Options;
use crate::asset::Mode;
use crate::config::{ConfigPath, ConfigTable, Secret};
use crate::error::{Error, ErrorKind, Result};
use crate::io::IoManager;
use crate::io::bigquery::{BigQueryIoManager, Credentials};

#[derive(Deserialize)]
struct BigQuery {
    project: String,
    dataset: Option<String>,
    location: Option<String>,
    credentials_file: Option<ConfigPath>,
    credentials_base64: Option<Secret>,
    #[serde(default)]
    anonymous: bool,
    endpoint: Option<String>,
    request_timeout: Option<Time>,
    job_timeout: Option<Time>,
    mode: Option<Mode>,
    #[serde(default)]
    options: Options,
}

pub(super) fn store(table: &ConfigTable<'_>) -> Result<BigQueryIoManager> {
    let query: BigQuery = table.read()?;
    let mut store = BigQueryIoManager::new(query.project);
    let credentials = match (query.credentials_file, query.credentials_base64, query.anonymous) {
        (None, None, false) => None,
        (Some(file), None, false) => Some(Credentials::File(file.into())),
        (None, Some(key), false) => Some(Credentials::Base64(key.expose().to_owned().into())),
        (None, None, true) => Some(Credentials::Anonymous),
        _ => {
            let message = "there are several of `credentials_file`, `credentials_base64` and `anonymous`";
            return Err(Error::new(ErrorKind::Config, message).help("give one of them, or none for what Google's own tools use"));
        }
    };
    if let Some(credentials) = credentials {
        store = store.credentials(credentials);
    }
    if let Some(dataset) = query.dataset {
        store = store.dataset(dataset);
    }
    if let Some(location) = query.location {
        store = store.location(location);
    }
    if let Some(endpoint) = query.endpoint {
        store = store.endpoint(endpoint);
    }
    if let Some(timeout) = query.request_timeout {
        store = store.request_timeout(timeout.duration());
    }
    if let Some(timeout) = query.job_timeout {
        store = store.job_timeout(timeout.duration());
    }
    if let Some(mode) = query.mode {
        store = store.mode(mode);
    }
    let options = query.options.pairs();
    table.check_options(&store.capabilities(), &options);
    Ok(options.into_iter().fold(store, |store, (name, value)| store.option(name, value)))
}
