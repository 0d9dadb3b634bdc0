//! What a storage does, the same in a folder and in every bucket.

use std::io::Write;

use lakewright::io::storage::Storage;
use tempfile::tempdir;

use super::clouds::CLOUDS;

/// A folder, and a part of each bucket that there is.
fn everywhere() -> Vec<(Storage, Option<tempfile::TempDir>)> {
    let root = tempdir().unwrap();
    let folder = Storage::local(root.path());
    let buckets = CLOUDS.into_iter().filter_map(|cloud| Some((cloud.storage()?, None)));
    std::iter::once((folder, Some(root))).chain(buckets).collect()
}

#[test]
fn what_is_put_is_there_under_its_very_name() {
    for (storage, _root) in everywhere() {
        let names = ["plain", "a/b/c.txt", "x=1 2/%41 ä+&#;.bin", "x=%2F/y"];
        for name in names {
            assert_eq!(storage.get(name).unwrap(), None, "{storage} {name}");
            storage.put(name, name.as_bytes().to_vec()).unwrap();
            assert_eq!(storage.get(name).unwrap().as_deref(), Some(name.as_bytes()), "{storage} {name}");
            assert_eq!(storage.entry(name).unwrap().unwrap().bytes, name.len() as u64, "{storage} {name}");
        }
        let mut listed: Vec<String> = storage.list("").unwrap().into_iter().map(|entry| entry.path).collect();
        listed.sort();
        let mut expected = names.map(str::to_owned);
        expected.sort();
        assert_eq!(listed, expected, "{storage}");
        let below: Vec<String> = storage.list("a").unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(below, ["a/b/c.txt"], "{storage}");
        assert_eq!(storage.tail("plain", 3).unwrap(), b"ain", "{storage}");
        assert_eq!(storage.tail("plain", 300).unwrap(), b"plain", "{storage}");
        storage.copy("plain", "other").unwrap();
        assert_eq!(storage.get("other").unwrap().as_deref(), Some(&b"plain"[..]), "{storage}");
        for name in names.into_iter().chain(["other", "never there"]) {
            storage.delete(name).unwrap();
            assert!(!storage.exists(name).unwrap(), "{storage} {name}");
        }
    }
}

#[test]
fn of_many_who_create_a_name_one_does() {
    for (storage, _root) in everywhere() {
        let created: Vec<bool> = std::thread::scope(|scope| {
            let put = |n: u8| storage.put_if_absent("once", vec![n]).unwrap();
            let all: Vec<_> = (0..8).map(|n| scope.spawn(move || put(n))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(created.iter().filter(|created| **created).count(), 1, "{storage}: {created:?}");
        let winner = created.iter().position(|created| *created).unwrap();
        assert_eq!(storage.get("once").unwrap().unwrap(), [u8::try_from(winner).unwrap()], "{storage}");
    }
}

#[test]
fn an_upload_appears_at_its_end_and_not_before() {
    let megabytes: Vec<u8> = (0..20u32 << 18).flat_map(u32::to_le_bytes).collect();
    for (storage, root) in everywhere() {
        for (name, bytes) in [("small", &b"a few bytes"[..]), ("large", &megabytes)] {
            let mut upload = storage.upload(name).unwrap();
            upload.write_all(bytes).unwrap();
            assert!(root.is_some() || !storage.exists(name).unwrap(), "{storage} {name}");
            upload.finish().unwrap();
            assert!(storage.get(name).unwrap().unwrap() == bytes, "{storage} {name}");
        }
        if root.is_none() {
            let mut given_up = storage.upload("given up").unwrap();
            given_up.write_all(&megabytes).unwrap();
            drop(given_up);
            assert!(!storage.exists("given up").unwrap(), "{storage}");
        }
    }
}
