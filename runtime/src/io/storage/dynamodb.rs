//! Commits that are agreed on in a `DynamoDB` table, as Delta's `S3DynamoDBLogStore` does it, so that writers of both kinds may share a
//! table.
//!
//! A commit is written beside under a name of its own, and entered in the table with that name if no other entry has its number: that
//! decides it. Then it is copied to its place and the entry marked complete. Whoever finds an entry that is not complete finishes it, so
//! that a writer that died between the two has committed all the same.
//!
//! The table has the keys `tablePath` and `fileName`, both texts; see
//! <https://docs.delta.io/latest/delta-storage.html#multi-cluster-setup>.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Config, Credentials, Region};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::AttributeValue;
use object_store::aws::AwsCredentialProvider;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutPayload, PutResult, Result};

use super::client::wrong;
use super::config::{ClientConfig, DynamoDbConfig};
use super::create::there_already;
use super::threads::threads;

/// How long an entry is kept once it is complete: until then, a list of objects may not show what it says.
const KEPT: Duration = Duration::from_hours(24);

/// The table that commits are agreed on in.
pub(super) struct Table {
    client: Client,
    /// Those of the bucket.
    keys: AwsCredentialProvider,
    name: String,
    /// `s3://bucket`.
    url: String,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.name)
    }
}

/// The table with this configuration. Sends nothing.
pub(super) fn open(
    config: Option<&DynamoDbConfig>,
    url: &str,
    region: &str,
    keys: AwsCredentialProvider,
    client: &ClientConfig,
) -> crate::error::Result<Table> {
    let config = config.cloned().unwrap_or_default();
    let Some(name) = config.table else {
        return Err(wrong(format!("`dynamodb` of `{url}` names no table"), "set `table`"));
    };
    let mut timeouts = TimeoutConfig::builder().connect_timeout(client.connect_timeout.unwrap_or(Duration::from_secs(5)));
    timeouts = timeouts.operation_attempt_timeout(client.timeout.unwrap_or(Duration::from_secs(30)));
    let attempts = client.max_retries.and_then(|retries| u32::try_from(retries).ok()).map_or(4, |retries| retries + 1);
    let mut built = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.unwrap_or_else(|| region.to_owned())))
        .retry_config(RetryConfig::standard().with_max_attempts(attempts))
        .timeout_config(timeouts.build());
    if let Some(endpoint) = config.endpoint.or_else(|| std::env::var("AWS_ENDPOINT_URL_DYNAMODB").ok()) {
        built = built.endpoint_url(endpoint);
    }
    Ok(Table { client: Client::from_conf(built.build()), keys, name, url: url.to_owned() })
}

/// What the table says of a commit.
#[derive(Debug, Clone)]
struct Entered {
    table: String,
    file: String,
    beside: String,
    complete: bool,
}

impl Entered {
    fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let complete = text("complete")? == "true";
        Some(Self { table: text("tablePath")?, file: text("fileName")?, beside: text("tempPath")?, complete })
    }
}

/// The folder of a Delta table and the name of a commit, if this is one.
fn commit(location: &Path) -> Option<(&str, &str)> {
    let (folder, file) = location.as_ref().rsplit_once('/')?;
    let table = if folder == "_delta_log" { "" } else { folder.strip_suffix("/_delta_log")? };
    let number = file.strip_suffix(".json")?;
    (number.len() == 20 && number.bytes().all(|digit| digit.is_ascii_digit())).then_some((table, file))
}

fn in_log(table: &str, rest: &str) -> Result<Path> {
    let log = if table.is_empty() { "_delta_log".to_owned() } else { format!("{table}/_delta_log") };
    Ok(Path::parse(format!("{log}/{rest}"))?)
}

impl Table {
    /// Keys change, so each request has those of its moment.
    async fn signed(&self) -> Result<Builder> {
        let keys = self.keys.get_credential().await?;
        let keys = Credentials::new(&keys.key_id, &keys.secret_key, keys.token.clone(), None, "lakewright");
        Ok(Config::builder().credentials_provider(keys))
    }

    /// `s3://bucket/prefix/table`.
    fn key(&self, table: &str) -> String {
        if table.is_empty() { self.url.clone() } else { format!("{}/{table}", self.url) }
    }

    /// Creates a commit, or says that another one is there.
    pub(super) async fn create(&self, objects: &Arc<dyn ObjectStore>, location: &Path, payload: PutPayload) -> Result<PutResult> {
        let Some((table, file)) = commit(location) else {
            let source = "DynamoDB agrees on commits of Delta tables only";
            return Err(Error::NotSupported { source: source.into() });
        };
        self.finish_last(objects, table).await?;
        match objects.head(location).await {
            Ok(_) => return Err(there_already(location)),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        // Relative to the log, as the other writers have it.
        let beside = format!(".tmp/{file}.{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
        let put = objects.put(&in_log(table, &beside)?, payload).await?;
        let entered = Entered { table: self.key(table), file: file.to_owned(), beside, complete: false };
        if !self.enter(&entered).await? {
            // Somebody else's: finished, so that whoever looks again sees it.
            if let Err(error) = objects.delete(&in_log(table, &entered.beside)?).await {
                tracing::warn!(%error, "what was written for a commit that lost is left over");
            }
            self.finish_last(objects, table).await?;
            return Err(there_already(location));
        }
        self.finish(objects, table, entered).await?;
        Ok(put)
    }

    /// Finishes the newest commit of a table if its writer did not.
    pub(super) async fn finish_last(&self, objects: &Arc<dyn ObjectStore>, table: &str) -> Result<()> {
        let asked = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(1)
            .key_condition_expression("tablePath = :table")
            .expression_attribute_values(":table", AttributeValue::S(self.key(table)));
        let found = self.answer(asked.customize().config_override(self.signed().await?).send()).await?;
        let last = found.items().first().and_then(Entered::of).filter(|last| !last.complete);
        match last {
            Some(last) => self.finish(objects, table, last).await,
            None => Ok(()),
        }
    }

    /// As [`Table::finish_last`], if this is what is listed to find the newest commit.
    pub(super) async fn finish_before_listing(&self, objects: &Arc<dyn ObjectStore>, prefix: Option<&Path>) -> Result<()> {
        let Some(prefix) = prefix.map(Path::as_ref) else { return Ok(()) };
        match prefix.strip_suffix("_delta_log").map(|table| table.trim_end_matches('/')) {
            Some(table) => self.finish_last(objects, table).await,
            None => Ok(()),
        }
    }

    async fn finish(&self, objects: &Arc<dyn ObjectStore>, table: &str, entered: Entered) -> Result<()> {
        let location = in_log(table, &entered.file)?;
        match objects.head(&location).await {
            Ok(_) => {}
            // Two who finish it copy the same.
            Err(Error::NotFound { .. }) => objects.copy(&in_log(table, &entered.beside)?, &location).await?,
            Err(error) => return Err(error),
        }
        let until = (SystemTime::now() + KEPT).duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let put = self.client.put_item().table_name(&self.name).set_item(Some(HashMap::from([
            ("tablePath".to_owned(), AttributeValue::S(entered.table)),
            ("fileName".to_owned(), AttributeValue::S(entered.file)),
            ("tempPath".to_owned(), AttributeValue::S(entered.beside)),
            ("complete".to_owned(), AttributeValue::S("true".to_owned())),
            ("expireTime".to_owned(), AttributeValue::N(until.to_string())),
        ])));
        // It is in its place, so it has landed, and the next writer will find out the same.
        if let Err(error) = self.answer(put.customize().config_override(self.signed().await?).send()).await {
            tracing::warn!(%error, object = %location, "a commit landed, and its entry in DynamoDB is not complete");
        }
        Ok(())
    }

    /// Enters a commit if no other has its number, and says whether it did.
    async fn enter(&self, entered: &Entered) -> Result<bool> {
        let put = self.client.put_item().table_name(&self.name).condition_expression("attribute_not_exists(fileName)").set_item(
            Some(HashMap::from([
                ("tablePath".to_owned(), AttributeValue::S(entered.table.clone())),
                ("fileName".to_owned(), AttributeValue::S(entered.file.clone())),
                ("tempPath".to_owned(), AttributeValue::S(entered.beside.clone())),
                ("complete".to_owned(), AttributeValue::S("false".to_owned())),
            ])),
        );
        let sent = on_threads(put.customize().config_override(self.signed().await?).send()).await?;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                // The first of two requests may have been the one that was answered too late: then it is this commit that is there.
                let item = self
                    .client
                    .get_item()
                    .table_name(&self.name)
                    .consistent_read(true)
                    .key("tablePath", AttributeValue::S(entered.table.clone()))
                    .key("fileName", AttributeValue::S(entered.file.clone()));
                let found = self.answer(item.customize().config_override(self.signed().await?).send()).await?;
                Ok(found.item().and_then(Entered::of).is_some_and(|found| found.beside == entered.beside))
            }
            Err(error) => Err(failed(&self.name, &error)),
        }
    }

    async fn answer<T, E>(&self, request: impl Future<Output = std::result::Result<T, E>> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        on_threads(request).await?.map_err(|error| failed(&self.name, &error))
    }
}

async fn on_threads<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let threads = threads().map_err(|error| Error::Generic { store: "DynamoDB", source: error.into() })?;
    threads.spawn(request).await.map_err(Error::from)
}

fn failed(table: &str, error: &(impl std::error::Error + 'static)) -> Error {
    let text = format!("the table `{table}`: {}", DisplayErrorContext(error));
    Error::Generic { store: "DynamoDB", source: text.into() }
}
