//! The configuration: its fields arrive, its mistakes are told, its secrets are not.

use lakewright::io::storage::{AzureConfig, DynamoDbConfig, GcsConfig, S3Config, Storage, StorageConfig};
use lakewright::prelude::*;
use lakewright::{Error, ErrorKind};
use tempfile::tempdir;

use super::clouds::{Cloud, fresh_url, lakehouse};
use super::gate::{Does, Gate};
use crate::support::{abc, block_on, frame_asset, key, run_all};

fn parsed(text: &str) -> Result<StorageConfig, String> {
    serde_json::from_str::<StorageConfig>(text).map_err(|error| error.to_string())
}

#[test]
fn an_unknown_field_is_an_error_that_says_which_was_meant() {
    for (text, meant) in [
        (r#"{"s3": {"regoin": "x"}}"#, "did you mean `region`?"),
        (r#"{"s3": {"acces_key_id": "x"}}"#, "did you mean `access_key_id`?"),
        (r#"{"azure": {"acount": "x"}}"#, "did you mean `account`?"),
        (r#"{"gcs": {"service_acount": "x"}}"#, "did you mean `service_account`?"),
        (r#"{"client": {"time_out": "30s"}}"#, "did you mean `timeout`?"),
        (r#"{"s4": {}}"#, "did you mean `s3`?"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains("unknown field") && error.contains(meant), "{error}");
    }
    assert!(parsed(r#"{"client": {"timeout": "30"}}"#).unwrap_err().contains("`30s`"));
    parsed(r#"{"client": {"timeout": "1m 30s", "connect_timeout": "500ms", "allow_http": true}, "gcs": {"anonymous": true}}"#)
        .unwrap();
}

#[test]
fn what_contradicts_itself_is_refused_before_anything_is_sent() {
    let refused = |url: &str, config: StorageConfig| -> Error {
        let error = Storage::open(url, &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        assert!(error.help_text().is_some(), "{error:?}");
        error
    };
    let s3 = |s3| StorageConfig::new().s3(s3);
    refused("gs://bucket", s3(S3Config::new()));
    refused("folder", s3(S3Config::new()));
    refused("s3:///key", StorageConfig::new());
    refused("ftp://x", StorageConfig::new());
    refused("s3://b", parsed(r#"{"s3": {"access_key_id": "x"}}"#).unwrap());
    refused("s3://b", s3(S3Config::new().session_token("x")));
    refused("s3://b", s3(S3Config::new().allow_unsafe_rename().copy_if_not_exists("multipart")));
    refused("s3://b", s3(S3Config::new().dynamodb(DynamoDbConfig::default())));
    refused("az://container", parsed(r#"{"azure": {"account": "a", "access_key": "YQ==", "sas_token": "x=y"}}"#).unwrap());
}

#[test]
fn a_key_that_is_none_is_not_told() {
    // What is in quotes is JSON, and no key.
    let quoted = StorageConfig::new().gcs(GcsConfig::new().service_account_key("\"our-secret\""));
    for (url, config) in [
        ("gs://bucket", quoted),
        ("s3://our-key:our-secret@bucket/lake", StorageConfig::new()),
        ("s3://our-secret@bucket", StorageConfig::new().azure(AzureConfig::new())),
    ] {
        let error = Storage::open(url, &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.help_text().is_some() && !format!("{error:?}").contains("our-secret"), "{error:?}");
    }
}

#[test]
fn secrets_are_never_printed() {
    let config = r#"{
        "s3": {"access_key_id": "TOP-1", "secret_access_key": "TOP-2", "session_token": "TOP-3"},
        "azure": {"access_key": "TOP-4", "sas_token": "TOP-5", "client_secret": "TOP-6"},
        "gcs": {"service_account_key": "TOP-7"}, "client": {"proxy_url": "http://user:TOP-8@proxy"}
    }"#;
    assert!(!format!("{:?}", parsed(config).unwrap()).contains("TOP"));
    let s3 = S3Config::new().access_key("TOP-1", "TOP-2").session_token("TOP-3").endpoint("http://127.0.0.1:1");
    let storage = Storage::open("s3://bucket/x", &StorageConfig::new().s3(s3).allow_http(true)).unwrap();
    assert_eq!(format!("{storage} {storage:?}"), "s3://bucket/x Storage(s3://bucket/x)");
    let plan = LazyFrame::scan_parquet_files(
        vec![storage.scan_path("f").unwrap()].into(),
        ScanArgsParquet { cloud_options: storage.cloud_options(), ..Default::default() },
    );
    assert!(!format!("{:?}", storage.cloud_options()).contains("TOP"));
    assert!(plan.is_err() || !format!("{:?}", plan.unwrap().logical_plan).contains("TOP"));
}

#[test]
fn endpoint_key_region_and_token_arrive_in_writing_and_in_reading() {
    let Some(at) = Cloud::S3.at() else { return };
    let gate = Gate::new(&at, Does::Pass);
    let s3 =
        S3Config::new().endpoint(&gate.at).region("mars-north-7").access_key("our-key", "our-secret").session_token("our-token");
    let storage = Storage::open(&fresh_url(Cloud::S3), &StorageConfig::new().s3(s3).allow_http(true)).unwrap();
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, &storage, [frame_asset("t", abc())]).build().unwrap();
    run_all(&ours);
    let written = gate.heads().len();
    let frame: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    assert_eq!(frame.height(), 3);
    let heads = gate.heads();
    assert!(heads[written..].iter().any(|head| head.contains(".parquet")), "the file was read through the gate");
    for head in heads {
        let lower = head.to_ascii_lowercase();
        assert!(lower.contains("credential=our-key/") && lower.contains("/mars-north-7/s3/aws4_request"), "{head}");
        assert!(lower.contains("x-amz-security-token: our-token"), "{head}");
    }
}
