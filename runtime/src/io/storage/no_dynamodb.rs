//! In place of DynamoDB, where the program was built without it.

use std::sync::Arc;

use object_store::aws::AwsCredentialProvider;
use object_store::path::Path;
use object_store::{ObjectStore, PutPayload, PutResult};

use super::config::{ClientConfig, DynamoDbConfig};
use crate::error::{Error, ErrorKind, Result};

#[derive(Debug)]
pub(super) enum Table {}

pub(super) fn open(_: Option<&DynamoDbConfig>, url: &str, _: &str, _: AwsCredentialProvider, _: &ClientConfig) -> Result<Table> {
    let message = format!("commits in `{url}` are to be agreed on in DynamoDB, which this program was built without");
    Err(Error::new(ErrorKind::Config, message).help("build with the feature `dynamodb`"))
}

impl Table {
    #[expect(clippy::unused_async, reason = "as the one that is there")]
    pub(super) async fn create(&self, _: &Arc<dyn ObjectStore>, _: &Path, _: PutPayload) -> object_store::Result<PutResult> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "as the one that is there")]
    pub(super) async fn finish_before_listing(&self, _: &Arc<dyn ObjectStore>, _: Option<&Path>) -> object_store::Result<()> {
        match *self {}
    }
}
