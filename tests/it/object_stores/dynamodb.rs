//! S3 without conditional writes: commits are agreed on in a `DynamoDB` table, by copies, or not at all.

use lakewright::io::storage::{DynamoDbConfig, S3Config, Storage, StorageConfig};
use lakewright::prelude::*;
use tempfile::tempdir;

use super::clouds::{Cloud, emulator, fresh_url, lakehouse, read, request};
use super::gate::{Does, Gate};
use crate::support::{block_on, frame_asset, key as key_of, run_all, texts, version};

/// The table that `start.sh` makes.
const TABLE: &str = "delta_log";

/// A bucket that forgets conditions, with the rest of its configuration.
fn storage(with: impl FnOnce(S3Config) -> S3Config) -> Option<(Storage, Gate)> {
    let gate = Gate::new(&Cloud::S3.at()?, Does::ForgetConditions);
    let s3 = S3Config::new().endpoint(&gate.at).region("us-east-1").access_key("our-key", "our-secret");
    let config = StorageConfig::new().allow_http(true).s3(with(s3));
    Some((Storage::open(&fresh_url(Cloud::S3), &config).unwrap(), gate))
}

fn locked() -> Option<(Storage, Gate, String)> {
    let at = emulator("LAKEWRIGHT_DYNAMODB")?;
    let table = DynamoDbConfig::new(TABLE).endpoint(&at);
    storage(|s3| s3.dynamodb(table)).map(|(storage, gate)| (storage, gate, at))
}

/// An entry as it is in the table.
fn dynamodb(at: &str, operation: &str, body: &serde_json::Value) -> serde_json::Value {
    let signed = "AWS4-HMAC-SHA256 Credential=our-key/20240101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.{operation}\r\nAuthorization: {signed}"
    );
    serde_json::from_str(&request(at, &head, &body.to_string())).unwrap()
}

fn write(storage: &Storage, text: &str) {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, storage, [frame_asset("t", version(text))]).build().unwrap());
}

fn entry(storage: &Storage, file: &str) -> serde_json::Value {
    serde_json::json!({ "tablePath": { "S": format!("{storage}/public/t") }, "fileName": { "S": file } })
}

#[test]
fn a_commit_is_entered_with_what_other_writers_look_for() {
    let Some((storage, _gate, at)) = locked() else { return };
    write(&storage, "one");
    let key = entry(&storage, "00000000000000000000.json");
    let found = dynamodb(&at, "GetItem", &serde_json::json!({ "TableName": TABLE, "Key": key, "ConsistentRead": true }));
    let item = &found["Item"];
    assert_eq!(item["complete"]["S"], "true", "{found}");
    assert!(item["tempPath"]["S"].as_str().unwrap().starts_with(".tmp/00000000000000000000.json."), "{found}");
    assert!(item["expireTime"]["N"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000, "{found}");
    assert_eq!(texts(&read(&storage, "public/t"), "a"), ["one"; 3]);
}

#[test]
fn a_commit_whose_writer_died_after_its_entry_is_finished_by_the_next_reader() {
    let Some((storage, _gate, at)) = locked() else { return };
    write(&storage, "one");
    write(&storage, "two");
    // As if the writer had died: entered, and not yet in its place.
    let file = "00000000000000000001.json";
    storage.delete(&format!("public/t/_delta_log/{file}")).unwrap();
    let key = entry(&storage, file);
    let found = dynamodb(&at, "GetItem", &serde_json::json!({ "TableName": TABLE, "Key": key }));
    let mut item = found["Item"].clone();
    item["complete"] = serde_json::json!({ "S": "false" });
    dynamodb(&at, "PutItem", &serde_json::json!({ "TableName": TABLE, "Item": item }));
    let root = tempdir().unwrap();
    let reader = lakehouse(&root, &storage, [frame_asset("t", version("unused"))]).build().unwrap();
    let seen: DataFrame = block_on(reader.load_frame(&key_of("t"))).unwrap();
    assert_eq!(texts(&seen, "a"), ["two"; 3], "whoever lists the log finishes it");
    assert!(storage.exists(&format!("public/t/_delta_log/{file}")).unwrap());

    write(&storage, "three");
    assert_eq!(texts(&read(&storage, "public/t"), "a"), ["three"; 3]);
    let commits = storage.list("public/t/_delta_log").unwrap();
    assert_eq!(
        commits.iter().filter(|entry| std::path::Path::new(&entry.path).extension().is_some_and(|end| end == "json")).count(),
        3
    );
}

#[test]
fn a_probe_tries_what_commits_need() {
    let Some((storage, _gate, _)) = locked() else { return };
    let probe = block_on(async { storage.probe(&lakewright::exec::SystemEnv::new()) });
    assert!(probe.passed(), "{probe:?}");
    let once = probe.checks.iter().find(|check| check.name == "put-if-absent").unwrap();
    assert!(once.outcome.as_ref().unwrap().contains("DynamoDB"), "{probe:?}");
    assert!(storage.list("").unwrap().is_empty(), "nothing is left");
}

#[test]
fn many_writers_agree() {
    let Some((storage, _gate, _)) = locked() else { return };
    let all: Vec<_> = (0..6)
        .map(|n| {
            let storage = storage.clone();
            std::thread::spawn(move || {
                let root = tempdir().unwrap();
                let asset =
                    crate::support::frame_builder("t", version(&n.to_string()), |asset| asset.mode(lakewright::Mode::Append));
                run_all(&lakehouse(&root, &storage, [asset]).build().unwrap());
            })
        })
        .collect();
    for one in all {
        one.join().unwrap();
    }
    let mut seen = texts(&read(&storage, "public/t"), "a");
    seen.sort();
    let expected: Vec<String> = (0..6).flat_map(|n| vec![n.to_string(); 3]).collect();
    assert_eq!(seen, expected);
}

#[test]
fn looking_first_is_for_those_who_ask_for_it() {
    let Some((storage, _gate)) = storage(S3Config::allow_unsafe_rename) else { return };
    write(&storage, "one");
    write(&storage, "two");
    assert_eq!(texts(&read(&storage, "public/t"), "a"), ["two"; 3]);
    assert!(!storage.put_if_absent("public/t/_delta_log/00000000000000000001.json", vec![]).unwrap());
}
