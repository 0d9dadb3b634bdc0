//! One connection, and the requests over it.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::{OptionFuture, join_all};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::oneshot;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, Target, tries};
use super::failure::{Failure, failed, lost, refused, refuses_writes};
use super::thread::{runtime, wait};
use super::tls;
use crate::error::{Error, ErrorKind};

/// How long a server that is there may take for an answer, beside waiting for locks.
const SILENCE: Duration = Duration::from_mins(2);

/// How many rows are handed over at a time.
const ROWS: usize = 1024;

/// A statement with its values, which may be sent behind others without waiting for their answers.
pub(super) struct Request {
    sql: &'static str,
    values: Vec<Value>,
}

type Value = Box<dyn ToSql + Sync + Send>;

impl Request {
    /// A statement, in which `@` is the schema.
    pub(super) fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// With the next value.
    pub(super) fn with(mut self, value: impl ToSql + Sync + Send + 'static) -> Self {
        self.values.push(Box::new(value));
        self
    }
}

/// A connection.
pub(super) struct Link {
    client: Client,
    /// As it stands in SQL.
    schema: String,
    statements: HashMap<&'static str, Statement>,
    /// How long an answer may take.
    limit: Duration,
    /// Whether the server breaks off what takes longer than its user may.
    pub(super) hurried: bool,
    /// Whether what is there is a log that we know.
    pub(super) ready: bool,
}

impl Link {
    /// Connects. `patience` is how long the server may wait for locks.
    pub(super) fn open(address: &Address, patience: Duration) -> Result<Self, Failure> {
        let target = address.target()?;
        let connector = tls::connector(&target.trust)?;
        let config = target.config.clone();
        let limit = config.get_connect_timeout().map_or(SILENCE, |one| one.saturating_mul(tries(&config)).saturating_mul(2));
        let (answer, answered) = oneshot::channel();
        runtime()?.spawn(async move {
            drop(answer.send(tokio::time::timeout(limit, connect(config, connector)).await));
        });
        match wait(answered, limit.saturating_add(SILENCE)) {
            Some(Ok(Ok(Ok(client)))) => Ok(Self {
                client,
                schema: address.quoted_schema(),
                statements: HashMap::new(),
                limit: patience.saturating_add(SILENCE),
                hurried: false,
                ready: false,
            }),
            Some(Ok(Ok(Err((error, is_copy))))) => Err(refused(&error, &target, is_copy)),
            Some(Ok(Err(_)) | Err(_)) | None => Err(silent(&target)),
        }
    }

    /// Whether it is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Lets an answer take as long as it takes.
    pub(super) fn without_limit(&mut self) {
        self.limit = Duration::MAX;
    }

    /// Statements without values or rows.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Failure> {
        self.wait(self.client.batch_execute(&self.in_schema(sql)))
    }

    /// One statement.
    pub(super) fn query(&mut self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let statement = self.statement(sql)?;
        self.wait(self.client.query(&statement, values))
    }

    /// One statement, and how many rows it changed.
    pub(super) fn execute(&mut self, sql: &'static str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Failure> {
        let statement = self.statement(sql)?;
        self.wait(self.client.execute(&statement, values))
    }

    /// One statement whose rows are looked at while more arrive.
    pub(super) fn stream(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
        mut each: impl FnMut(&Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let statement = self.statement(sql)?;
        let values = values.iter().map(|value| *value as &dyn ToSql);
        let rows = self.wait(self.client.query_raw(&statement, values))?;
        let mut chunks = std::pin::pin!(rows.ready_chunks(ROWS));
        loop {
            let chunk = self.wait(async { Ok(chunks.next().await) })?;
            let Some(chunk) = chunk else { return Ok(()) };
            for row in chunk {
                each(&row.map_err(|error| failed(&error))?)?;
            }
        }
    }

    /// Several statements in one go, between two that have neither values nor rows; the first error of them.
    pub(super) fn pipeline(
        &mut self,
        before: Option<&str>,
        requests: &[Request],
        after: Option<&str>,
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let statements = requests.iter().map(|request| self.statement(request.sql)).collect::<Result<Vec<_>, _>>()?;
        let client = &self.client;
        let before: OptionFuture<_> = before.map(|sql| client.batch_execute(sql)).into();
        let asked = join_all(requests.iter().zip(&statements).map(|(request, statement)| async move {
            let values = request.values.iter().map(|value| value.as_ref() as &dyn ToSql);
            client.query_raw(statement, values).await?.try_collect::<Vec<Row>>().await
        }));
        let after: OptionFuture<_> = after.map(|sql| client.batch_execute(sql)).into();
        // They are sent in the order in which they are first polled, which is this one.
        self.wait(async {
            let (before, rows, after) = futures::join!(before, asked, after);
            before.transpose()?;
            let rows = rows.into_iter().collect::<Result<Vec<_>, _>>()?;
            after.transpose()?;
            Ok(rows)
        })
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.wait(self.client.prepare(&self.in_schema(sql)))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    fn in_schema(&self, sql: &str) -> String {
        sql.replace('@', &self.schema)
    }

    fn wait<T>(&self, request: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
        answer(wait(request, self.limit))
    }
}

/// Connects; else why not, and whether a server that refuses writes says that it is a copy.
async fn connect(config: Config, connector: MakeRustlsConnect) -> Result<Client, (tokio_postgres::Error, bool)> {
    let error = match dial(&config, connector.clone()).await {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    let is_copy = refuses_writes(&error) && is_copy(config, connector).await.unwrap_or(true);
    Err((error, is_copy))
}

async fn dial(config: &Config, connector: MakeRustlsConnect) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(connector).await?;
    // It ends when the client is dropped; why it ended before, the next request hears.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Whether a server is a copy, if it says so.
async fn is_copy(mut config: Config, connector: MakeRustlsConnect) -> Option<bool> {
    config.target_session_attrs(TargetSessionAttrs::Any);
    let client = dial(&config, connector).await.ok()?;
    let told = client.simple_query("SELECT pg_catalog.pg_is_in_recovery()").await.ok()?;
    told.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(|text| text == "t"),
        _ => None,
    })
}

fn answer<T>(answered: Option<Result<T, tokio_postgres::Error>>) -> Result<T, Failure> {
    match answered {
        Some(answered) => answered.map_err(|error| failed(&error)),
        None => Err(lost("there was no answer in time")),
    }
}

fn silent(target: &Target) -> Failure {
    let error = Error::new(ErrorKind::Io, format!("the server of the log does not answer at `{}`", target.hosts));
    let error = error.with("database", format!("`{}`", target.database)).with("user", format!("`{}`", target.user));
    Failure::Lost { error: error.help("check that it runs, and that host and port are right").retryable(), patient: false }
}
