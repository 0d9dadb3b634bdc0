//! Amazon S3, and what speaks like it.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential};
use object_store::{ObjectStore, StaticCredentialProvider};
use secrecy::ExposeSecret;

use super::client::{self, refused, wrong};
use super::config::{S3Config, StorageConfig};
use super::create::{Creating, Way};
use super::remote::Bucket;
use super::{clouds, dynamodb};
use crate::error::Result;

/// The bucket with this name.
pub(super) fn open(bucket: &str, config: &StorageConfig) -> Result<Bucket> {
    let s3 = config.s3.clone().unwrap_or_default();
    let url = format!("s3://{bucket}");
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    let given = [
        (Key::Endpoint, s3.endpoint.clone()),
        (Key::Region, s3.region.clone()),
        (Key::CopyIfNotExists, s3.copy_if_not_exists.clone()),
        (Key::VirtualHostedStyleRequest, s3.virtual_hosted_style.then(|| "true".to_owned())),
        (Key::SkipSignature, s3.anonymous.then(|| "true".to_owned())),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            builder = builder.with_config(key, value);
        }
    }
    let options = client::options(&config.client);
    for (key, value) in &options {
        builder = builder.with_config(Key::Client(*key), value);
    }
    if let Some(credential) = credential(&s3)? {
        // Above everything in the environment, of which a token would not fit these keys.
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
    }
    let region = builder.get_config_value(&Key::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let mut for_scans: Vec<(Key, String)> = options.into_iter().map(|(key, value)| (Key::Client(key), value)).collect();
    for_scans.push((Key::Region, region.clone()));
    let same = [Key::Endpoint, Key::VirtualHostedStyleRequest, Key::SkipSignature];
    for_scans.extend(same.into_iter().filter_map(|key| Some((key, builder.get_config_value(&key)?))));
    let store = builder
        .with_retry(client::retries(&config.client))
        .with_http_connector(client::connector()?)
        .build()
        .map_err(|error| refused(&error, &url))?;
    let credentials = Arc::clone(store.credentials());
    let scans = clouds::s3(for_scans, Arc::clone(&credentials), &config.client);
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let creating = |way| Arc::new(Creating::new(Arc::clone(&store), way));
    let (store, how): (Arc<dyn ObjectStore>, _) = match way(&s3)? {
        None => (store, "a conditional put"),
        Some(Chosen::Copy) => (creating(Way::Copy), "a conditional copy"),
        Some(Chosen::Unsafe) => (creating(Way::LookFirst), "looked for first, which is not safe with several writers"),
        Some(Chosen::Locked) => {
            let table = dynamodb::open(s3.dynamodb.as_ref(), &url, &region, credentials, &config.client)?;
            (creating(Way::Locked(Arc::new(table))), "agreed on in DynamoDB")
        }
    };
    let secrets = client::secrets(&[&s3.access_key_id, &s3.secret_access_key, &s3.session_token, &config.client.proxy_url]);
    Ok(Bucket::new(url, store, scans, secrets).creating_by(how))
}

enum Chosen {
    Copy,
    Unsafe,
    Locked,
}

/// How objects are created that must not be there, if not by a conditional put.
fn way(s3: &S3Config) -> Result<Option<Chosen>> {
    let mut chosen = Vec::new();
    if s3.copy_if_not_exists.is_some() {
        chosen.push(("copy_if_not_exists", Chosen::Copy));
    }
    if s3.allow_unsafe_rename {
        chosen.push(("allow_unsafe_rename", Chosen::Unsafe));
    }
    if s3.dynamodb.is_some() {
        chosen.push(("dynamodb", Chosen::Locked));
    }
    if let [(one, _), (other, _), ..] = &chosen[..] {
        return Err(wrong(format!("`{one}` and `{other}` are two ways of the same thing"), "choose one of them"));
    }
    Ok(chosen.pop().map(|(_, chosen)| chosen))
}

fn credential(s3: &S3Config) -> Result<Option<AwsCredential>> {
    match (&s3.access_key_id, &s3.secret_access_key) {
        (None, None) if s3.session_token.is_some() => Err(wrong(
            "`session_token` is given without the keys it belongs to",
            "give `access_key_id` and `secret_access_key` too",
        )),
        (None, None) => Ok(None),
        (Some(id), Some(key)) => Ok(Some(AwsCredential {
            key_id: id.expose_secret().to_owned(),
            secret_key: key.expose_secret().to_owned(),
            token: s3.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
        })),
        _ => Err(wrong(
            "of `access_key_id` and `secret_access_key` only one is given",
            "give both, or neither to take the environment's",
        )),
    }
}
