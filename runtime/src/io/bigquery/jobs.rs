//! Jobs: queries, scripts and loads, each with an identifier that finds it again.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION};
use serde_json::{Value as Json, json};

use super::client::{Answer, Client, Refusal, internal, pause, read};
use super::schema::Def;
use super::sql::Sql;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::io_error;

/// What of a file is sent at once: a multiple of 256 KiB, as the protocol wants it.
const CHUNK: usize = 8 << 20;

/// A job that has ended well.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    location: Option<String>,
    pub(super) json: Json,
}

impl Job {
    fn of(json: Json, id: &str) -> Self {
        let text = |name: &str| json["jobReference"][name].as_str().map(str::to_owned);
        Self { id: text("jobId").unwrap_or_else(|| id.to_owned()), location: text("location"), json }
    }
}

/// The rows of an answer, as the API writes them.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Json>,
    pub(super) next: Option<String>,
}

impl Client {
    /// The identifier of a job that nobody makes again.
    pub(super) fn new_job(env: &dyn Env) -> String {
        format!("lakewright_query_{}{}", unique_id(env), unique_id(env))
    }

    fn reference(&self, id: &str) -> Json {
        let mut reference = json!({ "projectId": self.config.project, "jobId": id });
        if let Some(location) = &self.config.location {
            reference["location"] = json!(location);
        }
        reference
    }

    /// Runs a query with its values bound, and waits for it.
    pub(super) async fn query(&self, env: &dyn Env, sql: &Sql) -> Answer<Job> {
        let (text, parameters) = sql.bound();
        let mut query = json!({ "query": text, "useLegacySql": false });
        if !parameters.is_empty() {
            query["parameterMode"] = json!("NAMED");
            query["queryParameters"] = json!(parameters);
        }
        self.run(env, &Self::new_job(env), json!({ "query": query })).await
    }

    /// Runs statements under an identifier: if there is such a job, it is waited for instead.
    pub(super) async fn script(&self, env: &dyn Env, id: &str, text: &str) -> Answer<Job> {
        let limit = self.config.job_timeout.as_millis().to_string();
        self.run(env, id, json!({ "query": { "query": text, "useLegacySql": false }, "jobTimeoutMs": limit })).await
    }

    async fn run(&self, env: &dyn Env, id: &str, configuration: Json) -> Answer<Job> {
        let body = json!({ "jobReference": self.reference(id), "configuration": configuration });
        // It may be asked for again, since the identifier says that it is the same.
        match self.ask(env, Method::POST, self.url(&["jobs"], &[])?, Some(&body), true).await? {
            Ok(json) => self.wait(env, Job::of(json, id)).await,
            Err(refusal) if refusal.is_duplicate() => self.find(env, id).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// What became of a job.
    async fn find(&self, env: &dyn Env, id: &str) -> Answer<Job> {
        let job = Job { id: id.to_owned(), location: self.config.location.clone(), json: Json::Null };
        self.wait(env, job).await
    }

    async fn wait(&self, env: &dyn Env, mut job: Job) -> Answer<Job> {
        let begun = env.elapsed();
        for attempt in 1.. {
            if job.json["status"]["state"] == "DONE" {
                let error = &job.json["status"]["errorResult"];
                return Ok(if error.is_object() { Err(Refusal::of_job(error)) } else { Ok(job) });
            }
            if !job.json.is_null() {
                if env.elapsed().saturating_sub(begun) > self.config.job_timeout {
                    let message = format!("the job `{}` has not ended within {:?}", job.id, self.config.job_timeout);
                    self.ask(env, Method::POST, self.url(&["jobs", &job.id, "cancel"], &[])?, None, true).await?.ok();
                    let help = "it was asked to stop, and may have ended before: look at it, or set a longer `job_timeout`";
                    return Err(Error::new(ErrorKind::Io, message).help(help).retryable());
                }
                env.sleep(pause(attempt, env.random())).await;
            }
            let location = job.location.clone();
            let query: Vec<(&str, &str)> = location.as_deref().map(|location| ("location", location)).into_iter().collect();
            match self.get(env, &["jobs", &job.id], &query).await? {
                Ok(json) => job = Job::of(json, &job.id),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        Err(internal("a job was not waited for"))
    }

    /// The columns that a query would have, without running it.
    pub(super) async fn columns_of(&self, env: &dyn Env, text: &str) -> Answer<Vec<Def>> {
        let body = json!({ "configuration": { "dryRun": true, "query": { "query": text, "useLegacySql": false } } });
        Ok(match self.ask(env, Method::POST, self.url(&["jobs"], &[])?, Some(&body), true).await? {
            Ok(json) if json["status"]["errorResult"].is_object() => Err(Refusal::of_job(&json["status"]["errorResult"])),
            Ok(json) => Ok(defs(&json["statistics"]["query"]["schema"])?),
            Err(refusal) => Err(refusal),
        })
    }

    /// The rows of a query from here.
    pub(super) async fn page(&self, env: &dyn Env, job: &Job, token: Option<&str>, rows: usize) -> Answer<Page> {
        let rows = rows.to_string();
        let mut query = vec![("maxResults", rows.as_str()), ("formatOptions.useInt64Timestamp", "true"), ("timeoutMs", "10000")];
        query.extend(token.map(|token| ("pageToken", token)));
        query.extend(job.location.as_deref().map(|location| ("location", location)));
        let json = loop {
            match self.get(env, &["queries", &job.id], &query).await? {
                // Without rows and without a token, which would look like the end of them.
                Ok(json) if json["jobComplete"] == false => {}
                Ok(json) => break json,
                Err(refusal) => return Ok(Err(refusal)),
            }
        };
        let next = json["pageToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        let Json::Object(mut json) = json else { return Err(internal("an answer of BigQuery is no object")) };
        let rows = match json.remove("rows") {
            Some(Json::Array(rows)) => rows,
            _ => Vec::new(),
        };
        Ok(Ok(Page { rows, next }))
    }

    /// All rows of a query that has few.
    pub(super) async fn few(&self, env: &dyn Env, sql: &Sql) -> Answer<Vec<Vec<Option<String>>>> {
        let job = match self.query(env, sql).await? {
            Ok(job) => job,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (mut rows, mut token) = (Vec::new(), None);
        loop {
            let page = match self.page(env, &job, token.as_deref(), 10_000).await? {
                Ok(page) => page,
                Err(refusal) => return Ok(Err(refusal)),
            };
            for row in page.rows {
                let cells = row["f"].as_array().map(Vec::as_slice).unwrap_or_default();
                rows.push(cells.iter().map(|cell| cell["v"].as_str().map(str::to_owned)).collect());
            }
            token = page.next;
            if token.is_none() {
                return Ok(Ok(rows));
            }
        }
    }

    /// Sends a file and loads it into a table, under an identifier: if there is such a job, it is waited for instead.
    pub(super) async fn load(&self, env: &dyn Env, id: &str, load: Json, path: &Path) -> Answer<Job> {
        let body = json!({ "jobReference": self.reference(id), "configuration": { "load": load } });
        let url = self.upload_url(&["jobs"], &[("uploadType", "resumable")])?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json; charset=UTF-8".parse().map_err(internal)?);
        headers.insert("X-Upload-Content-Type", "application/octet-stream".parse().map_err(internal)?);
        let begun = match self.send(Method::POST, url.clone(), headers, body.to_string().into_bytes()).await? {
            Ok(response) => response,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let session = begun.headers().get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        let session = match (read(begun).await, session) {
            (Err(refusal), _) if refusal.is_duplicate() => return self.find(env, id).await,
            (Err(refusal), _) => return Ok(Err(refusal)),
            (Ok(_), Some(session)) => session,
            (Ok(_), None) => return Err(Error::new(ErrorKind::Io, "BigQuery did not say where to send a file to").retryable()),
        };
        // A session may be named relative to where it was begun.
        let session = url.join(&session).map_err(internal)?;
        match self.send_file(session, path).await? {
            Ok(json) => self.wait(env, Job::of(json, id)).await,
            Err(refusal) if refusal.is_duplicate() => self.find(env, id).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn send_file(&self, session: reqwest::Url, path: &Path) -> Answer {
        let mut file = File::open(path).map_err(|error| io_error(&error, "open", path))?;
        let total = file.metadata().map_err(|error| io_error(&error, "look at", path))?.len();
        let mut sent = 0;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK.min(usize::try_from(total - sent).unwrap_or(CHUNK)));
            let read_now = Read::by_ref(&mut file).take(CHUNK as u64).read_to_end(&mut chunk);
            let length = read_now.map_err(|error| io_error(&error, "read", path))? as u64;
            if length == 0 {
                return Err(internal("a file became shorter while it was sent"));
            }
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, "application/octet-stream".parse().map_err(internal)?);
            let range = format!("bytes {sent}-{}/{total}", sent + length - 1);
            headers.insert(CONTENT_RANGE, range.parse().map_err(internal)?);
            let response = match self.send(Method::PUT, session.clone(), headers, chunk).await? {
                Ok(response) => response,
                Err(refusal) => return Ok(Err(refusal)),
            };
            sent += length;
            // 308: the next one, please.
            if response.status().as_u16() != 308 || sent >= total {
                return Ok(read(response).await);
            }
        }
    }
}

/// The columns in an answer.
pub(super) fn defs(schema: &Json) -> Result<Vec<Def>> {
    match &schema["fields"] {
        Json::Null => Ok(Vec::new()),
        fields => serde_json::from_value(fields.clone()).map_err(internal),
    }
}
