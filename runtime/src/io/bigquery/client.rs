//! Requests to BigQuery's REST interface, and what its answers mean.

use std::sync::Arc;
use std::time::Duration;

use object_store::gcp::GcpCredentialProvider;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use super::config::Config;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};

/// How often a request that may be made again is tried.
const TRIES: u32 = 4;

/// Speaks to BigQuery; clones share connections and tokens.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) config: Arc<Config>,
    connection: Arc<OnceCell<Connection>>,
}

#[derive(Debug)]
struct Connection {
    http: reqwest::Client,
    tokens: Option<GcpCredentialProvider>,
}

/// Why a request was not answered as it should be.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The status of HTTP; nothing if there was no answer.
    pub(super) status: Option<u16>,
    /// BigQuery's word for it: `notFound`, `duplicate`, `rateLimitExceeded`.
    pub(super) reason: String,
    pub(super) message: String,
    /// Whether it is what a job ended with: then the same job comes to nothing else.
    pub(super) ended: bool,
}

/// What came back: the answer, or why there is none that can be used.
pub(super) type Answer<T = Json> = Result<Result<T, Refusal>>;

impl Refusal {
    fn of(status: StatusCode, body: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let reason = json["error"]["errors"][0]["reason"].as_str().unwrap_or_default();
        let message = json["error"]["message"].as_str().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
        Self { status: Some(status.as_u16()), reason: reason.to_owned(), message, ended: false }
    }

    /// What a job that failed says.
    pub(super) fn of_job(error: &Json) -> Self {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        Self { status: None, reason: text("reason"), message: text("message"), ended: true }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.reason == "notFound" || self.status == Some(404)
    }

    pub(super) fn is_duplicate(&self) -> bool {
        self.reason == "duplicate" || self.status == Some(409)
    }

    /// Whether somebody else changed the table in the meantime.
    pub(super) fn is_conflict(&self) -> bool {
        let message = self.message.to_lowercase();
        ["concurrent update", "concurrent transaction", "transaction is aborted", "could not serialize"]
            .iter()
            .any(|sign| message.contains(sign))
    }

    /// Whether the same may work in a while.
    pub(super) fn is_passing(&self) -> bool {
        const PASSING: [&str; 8] = [
            "backendError",
            "internalError",
            "jobBackendError",
            "jobInternalError",
            "jobRateLimitExceeded",
            "rateLimitExceeded",
            "tableUnavailable",
            "timeout",
        ];
        PASSING.contains(&self.reason.as_str())
            || matches!(self.status, Some(408 | 429 | 500 | 502..=504))
            || self.is_unanswered()
    }

    /// Whether it is unknown what became of the request.
    pub(super) fn is_unanswered(&self) -> bool {
        self.reason == "noAnswer"
    }

    /// The error for people.
    pub(super) fn error(&self, tried: &str, place: &str) -> Error {
        let kind = match self.reason.as_str() {
            _ if self.is_conflict() => ErrorKind::Conflict,
            "notFound" => ErrorKind::Missing,
            "invalidQuery" | "invalid" => ErrorKind::Value,
            _ if self.status == Some(401) => ErrorKind::Config,
            _ => ErrorKind::Io,
        };
        let error = Error::new(kind, format!("cannot {tried} in BigQuery: {}", self.message)).with("location", place);
        let error = if self.reason.is_empty() { error } else { error.with("reason", &self.reason) };
        let error = match (self.reason.as_str(), self.status) {
            ("accessDenied", _) | (_, Some(403)) if !self.is_passing() => {
                error.help("grant the account `BigQuery Data Editor` on the dataset and `BigQuery Job User` on the project")
            }
            (_, Some(401)) => error.help("the credentials were not accepted; look at `credentials` of the store"),
            ("quotaExceeded", _) => error.help("a quota of the project is used up; ask for more, or wait until it is renewed"),
            ("notFound", _) => error.help("look at the project, the dataset and its `location`"),
            _ => error,
        };
        if self.is_passing() || self.is_conflict() { error.retryable() } else { error }
    }
}

impl Client {
    pub(super) fn new(config: Config) -> Self {
        Self { config: Arc::new(config), connection: Arc::new(OnceCell::new()) }
    }

    async fn connection(&self) -> Result<&Connection> {
        let connect = async || {
            self.config.check()?;
            let built = reqwest::Client::builder()
                .connect_timeout(self.config.request_timeout.min(Duration::from_secs(30)))
                .timeout(self.config.request_timeout)
                .user_agent(concat!("lakewright/", env!("CARGO_PKG_VERSION")))
                .build();
            let http = built.map_err(|error| Error::new(ErrorKind::Config, "cannot make an HTTP client").source(error))?;
            Ok(Connection { http, tokens: self.config.tokens()? })
        };
        self.connection.get_or_try_init(connect).await
    }

    /// `/bigquery/v2/projects/<project>/<path>`.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        self.url_below(&["bigquery", "v2", "projects", &self.config.project], path, query)
    }

    /// `/upload/bigquery/v2/projects/<project>/<path>`.
    pub(super) fn upload_url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        self.url_below(&["upload", "bigquery", "v2", "projects", &self.config.project], path, query)
    }

    fn url_below(&self, base: &[&str], path: &[&str], query: &[(&str, &str)]) -> Result<Url> {
        let wrong = || Error::new(ErrorKind::Config, format!("`{}` cannot be where BigQuery is", self.config.endpoint));
        let mut url = Url::parse(&self.config.endpoint).map_err(|_| wrong())?;
        url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(base).extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// One request, without another try. Its outer error is one of configuration, or of getting a token.
    pub(super) async fn send(&self, method: Method, url: Url, headers: HeaderMap, body: Vec<u8>) -> Answer<Response> {
        let connection = self.connection().await?;
        let mut request = connection.http.request(method, url).headers(headers).body(body);
        if let Some(tokens) = &connection.tokens {
            let token = match tokens.get_credential().await {
                Ok(token) => token,
                Err(error) => {
                    let help = "look at `credentials` of the store, and whether Google can be reached";
                    let error = Error::new(ErrorKind::Config, "no access token for BigQuery could be had").source(error);
                    return Err(error.help(help).retryable());
                }
            };
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.bearer));
        }
        match request.send().await {
            Ok(response) => Ok(Ok(response)),
            Err(error) => {
                let message = if error.is_timeout() { "the request took too long" } else { "the connection failed" };
                // The address is told by whoever asks, and may not be repeated with what is in it.
                let message = format!("{message}: {}", root(&error.without_url()));
                Ok(Err(Refusal { status: None, reason: "noAnswer".to_owned(), message, ended: false }))
            }
        }
    }

    /// A request with an answer in JSON, made again if it may be and the reason passes.
    pub(super) async fn ask(&self, env: &dyn Env, method: Method, url: Url, body: Option<&Json>, again: bool) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json".parse().map_err(internal)?);
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        for attempt in 1.. {
            let answer = match self.send(method.clone(), url.clone(), headers.clone(), bytes.clone()).await? {
                Ok(response) => read(response).await,
                Err(refusal) => Err(refusal),
            };
            match answer {
                Err(refusal) if again && refusal.is_passing() && attempt < TRIES => env.sleep(pause(attempt, env.random())).await,
                answer => return Ok(answer),
            }
        }
        Err(Error::new(ErrorKind::Internal, "a request to BigQuery ended without an answer"))
    }

    /// Reads something, which may always be done again.
    pub(super) async fn get(&self, env: &dyn Env, path: &[&str], query: &[(&str, &str)]) -> Answer {
        self.ask(env, Method::GET, self.url(path, query)?, None, true).await
    }
}

/// The answer of a request as JSON; nothing if it is empty.
pub(super) async fn read(response: Response) -> Result<Json, Refusal> {
    let status = response.status();
    let body = response.bytes().await.map_err(|error| Refusal {
        status: None,
        reason: "noAnswer".to_owned(),
        message: format!("the answer was cut off: {}", root(&error.without_url())),
        ended: false,
    })?;
    if !status.is_success() {
        return Err(Refusal::of(status, &body));
    }
    if body.is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&body).map_err(|error| Refusal {
        status: Some(status.as_u16()),
        reason: "noAnswer".to_owned(),
        message: format!("the answer is no JSON: {error}"),
        ended: false,
    })
}

/// From 200 ms, doubled each time up to 12.8 s, with as much again of jitter.
pub(super) fn pause(attempt: u32, random: u64) -> Duration {
    let base = 100 << attempt.min(7);
    Duration::from_millis(base + random % base)
}

pub(super) fn internal(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, error.to_string())
}

fn root(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
