//! The emulator, and what a program that is not the store sees of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use lakewright::io::bigquery::{BigQueryIoManager, Credentials};
use lakewright::{AssetSpec, LakehouseBuilder};
use serde_json::{Value as Json, json};
use tempfile::{TempDir, tempdir};

/// Where the emulator is; nothing if there is none and none is required.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
pub(super) fn endpoint() -> Option<String> {
    let found = std::env::var("LAKEWRIGHT_BIGQUERY_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
    let required = std::env::var("LAKEWRIGHT_EMULATORS").is_ok_and(|value| value == "required");
    assert!(found.is_some() || !required, "no emulator: run `tests/emulators/bigquery.sh start`, and source the file it writes");
    if found.is_none() {
        eprintln!("skipped: no emulator of BigQuery; `tests/emulators/bigquery.sh start` starts one");
    }
    found
}

/// A project in the emulator that no other test uses, and a folder for the log.
pub(super) struct Project {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) root: TempDir,
}

impl Project {
    /// Nothing if there is no emulator.
    pub(super) fn new() -> Option<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let endpoint = endpoint()?;
        let name = format!("p{}n{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Some(Self { name, endpoint, root: tempdir().unwrap() })
    }

    pub(super) fn store(&self) -> BigQueryIoManager {
        self.store_at(&self.endpoint)
    }

    pub(super) fn store_at(&self, endpoint: &str) -> BigQueryIoManager {
        BigQueryIoManager::new(&self.name).endpoint(endpoint).credentials(Credentials::Anonymous)
    }

    /// A lakehouse whose store is this one.
    pub(super) fn lakehouse(&self, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
        crate::support::lakehouse(&self.root, assets).io_manager("io_manager", self.store())
    }

    /// The rows of a query as an independent reader sees them, each cell as the text that the interface gives.
    pub(super) fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let answer = self.ask("POST", "/queries", Some(&json!({ "query": sql, "useLegacySql": false })));
        assert!(answer["errors"].is_null(), "{sql}: {}", answer["errors"]);
        let cell = |cell: &Json| match &cell["v"] {
            Json::Null => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let row = |row: &Json| row["f"].as_array().unwrap().iter().map(cell).collect();
        answer["rows"].as_array().unwrap().iter().map(row).collect()
    }

    /// The whole numbers of the first column of a query, sorted.
    pub(super) fn numbers(&self, sql: &str) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.query(sql).iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The names of the tables of a dataset, sorted, with those that the store keeps for itself.
    pub(super) fn tables(&self, dataset: &str) -> Vec<String> {
        let answer = self.ask("GET", &format!("/datasets/{dataset}/tables"), None);
        let tables = answer["tables"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut names: Vec<String> =
            tables.iter().map(|table| table["tableReference"]["tableId"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Json>) -> Json {
        let host = self.endpoint.strip_prefix("http://").unwrap();
        let body = body.map(Json::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} /bigquery/v2/projects/{}{path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\n\
            Content-Length: {}\r\n\r\n{body}",
            self.name,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_default()
    }
}

/// A text cell.
pub(super) fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}
