//! Tables with deletion vectors, as Spark leaves them: made by hand from a table of ours, byte for byte after the protocol.

use std::path::Path;

use lakewright::ErrorKind;
use lakewright::asset::Mode;
use lakewright::exec::PartitionChoice;
use lakewright::prelude::*;
use serde_json::{Value as Json, json};
use tempfile::tempdir;

use super::{action, actions, write_version};
use crate::partitions::{Sliced, days, fixed, numbered};
use crate::support::{block_on, frame_asset, frame_builder, integers, key, lakehouse, run_all, run_to_failure};

/// Where a vector is kept.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    Inline,
    Beside,
    Absolute,
}

/// A bitmap of rows below 65,536, as files and logs have it.
fn bitmap(rows: &[u16]) -> Vec<u8> {
    let mut bytes = 1_681_511_377_u32.to_le_bytes().to_vec();
    bytes.extend(1u64.to_le_bytes());
    bytes.extend(0u32.to_le_bytes());
    bytes.extend(12_346_u32.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(0u16.to_le_bytes());
    bytes.extend(u16::try_from(rows.len() - 1).unwrap().to_le_bytes());
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
    bytes
}

fn z85(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mut text = String::new();
    for four in bytes.chunks(4) {
        let value = u32::from_be_bytes(four.try_into().unwrap());
        for power in (0..5).rev() {
            text.push(DIGITS[usize::try_from(value / 85u32.pow(power) % 85).unwrap()] as char);
        }
    }
    text
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Deletes rows of the only file of `added` by a vector, in the next version of the table.
fn delete_rows(table: &Path, version: u64, added: &Json, rows: &[u16], kept: Kept) {
    let bytes = bitmap(rows);
    let size = bytes.len();
    let vector = if kept == Kept::Inline {
        json!({ "storageType": "i", "pathOrInlineDv": z85(&bytes), "sizeInBytes": size, "cardinality": rows.len() })
    } else {
        // Behind another vector of the same file.
        let mut file = vec![1u8, 9, 9, 9];
        let offset = file.len();
        file.extend(u32::try_from(size).unwrap().to_be_bytes());
        file.extend(&bytes);
        file.extend(crc32(&bytes).to_be_bytes());
        let id: Vec<u8> = (0..16u8).map(|byte| byte + u8::try_from(version).unwrap()).collect();
        let hex = id.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let id_text = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let name = format!("ab/deletion_vector_{id_text}.bin");
        std::fs::create_dir_all(table.join("ab")).unwrap();
        std::fs::write(table.join(&name), file).unwrap();
        let (kind, path) = match kept {
            Kept::Absolute => ("p", format!("file://{}", table.canonicalize().unwrap().join(&name).display())),
            _ => ("u", format!("ab{}", z85(&id))),
        };
        json!({ "storageType": kind, "pathOrInlineDv": path, "offset": offset, "sizeInBytes": size, "cardinality": rows.len() })
    };
    let mut add = added.clone();
    let mut stats: Json = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
    stats["tightBounds"] = json!(false);
    add["stats"] = json!(stats.to_string());
    add["deletionVector"] = vector;
    let remove = json!({
        "path": added["path"], "dataChange": true, "deletionTimestamp": 1, "extendedFileMetadata": true,
        "partitionValues": added["partitionValues"], "size": added["size"],
    });
    let protocol = json!({
        "minReaderVersion": 3, "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors", "timestampNtz"], "writerFeatures": ["deletionVectors", "timestampNtz", "appendOnly"],
    });
    write_version(table, version, &[json!({ "protocol": protocol }), json!({ "remove": remove }), json!({ "add": add })]);
}

fn rows_with_deletions(kept: Kept) {
    let root = tempdir().unwrap();
    let numbers: Vec<i64> = (0..1000).collect();
    let ours = lakehouse(&root, [frame_asset("t", df!("n" => &numbers, "m" => &numbers).unwrap())]).build().unwrap();
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    delete_rows(&path, 1, &action(&actions(&path, 0), "add"), &[0, 7, 500, 999], kept);

    let stored: DataFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    let expected: Vec<i64> = numbers.iter().copied().filter(|n| ![0, 7, 500, 999].contains(n)).collect();
    assert_eq!(integers(&stored, "n"), expected);
    let lazy: LazyFrame = block_on(ours.load_frame(&key("t"))).unwrap();
    let some = lazy.filter(col("n").gt_eq(lit(498)).and(col("n").lt(lit(503)))).select([col("m")]).collect().unwrap();
    assert_eq!(integers(&some, "m"), [498, 499, 501, 502], "a predicate and a projection above the deleted rows");
    let described = block_on(ours.describe(&key("t"))).unwrap();
    assert_eq!(described.rows, Some(996));
}

#[test]
fn rows_that_a_vector_in_the_log_deletes_are_gone() {
    rows_with_deletions(Kept::Inline);
}

#[test]
fn rows_that_a_vector_in_a_file_deletes_are_gone() {
    rows_with_deletions(Kept::Beside);
}

#[test]
fn rows_that_a_vector_at_an_absolute_place_deletes_are_gone() {
    rows_with_deletions(Kept::Absolute);
}

#[test]
fn a_vector_that_was_damaged_is_an_error_and_no_rows() {
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, [frame_asset("t", df!("n" => [1i64, 2, 3]).unwrap())]).build().unwrap();
    run_all(&ours);
    let path = root.path().join("delta/public/t");
    delete_rows(&path, 1, &action(&actions(&path, 0), "add"), &[1], Kept::Beside);
    let file = std::fs::read_dir(path.join("ab")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let error = block_on(ours.load_frame::<DataFrame>(&key("t"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    assert!(error.to_string().contains("checksum"), "{error}");
    let failure = run_to_failure(&ours);
    assert_eq!(failure.code, ErrorKind::Corrupt.code(), "{failure:?}");
}

#[test]
fn appending_keeps_what_is_deleted_and_overwriting_removes_the_file_with_its_vector() {
    let root = tempdir().unwrap();
    let first = || df!("n" => [1i64, 2, 3]).unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", first())]).build().unwrap());
    let path = root.path().join("delta/public/t");
    delete_rows(&path, 1, &action(&actions(&path, 0), "add"), &[1], Kept::Inline);
    let more = frame_builder("t", df!("n" => [4i64]).unwrap(), |asset| asset.mode(Mode::Append));
    let appending = lakehouse(&root, [more]).build().unwrap();
    let report = run_all(&appending);
    assert_eq!(report.materializations().next().unwrap().table_rows, Some(3));
    let stored: DataFrame = block_on(appending.load_frame(&key("t"))).unwrap();
    let mut stored = integers(&stored, "n");
    stored.sort_unstable();
    assert_eq!(stored, [1, 3, 4]);

    run_all(&lakehouse(&root, [frame_asset("t", df!("n" => [9i64]).unwrap())]).build().unwrap());
    let removes: Vec<Json> = actions(&path, 3).iter().filter_map(|action| action.get("remove").cloned()).collect();
    assert_eq!(removes.len(), 2);
    assert!(removes.iter().any(|remove| remove["deletionVector"]["storageType"] == "i"), "{removes:?}");
    let stored: DataFrame = block_on(appending.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&stored, "n"), [9], "and a foreign replay agrees: nothing of the old file is left");
}

#[test]
fn slices_with_deleted_rows_are_read_counted_and_replaced() {
    let table = Sliced::new(fixed(["a", "b"]), |asset| asset.partition_expr("x"));
    table.write("a", numbered("x", "a", &[1, 2, 3]));
    table.write("b", numbered("x", "b", &[4, 5]));
    let added = action(&actions(&table.path(), 1), "add");
    delete_rows(&table.path(), 2, &added, &[0, 1], Kept::Inline);
    assert_eq!(table.stored(), ["a"], "a partition all of whose rows were deleted is not there");
    assert_eq!(integers(&table.read_all().unwrap(), "n"), [1, 2, 3]);
    table.write("b", numbered("x", "b", &[6]));
    assert_eq!(table.stored(), ["a", "b"]);
    assert_eq!(integers(&table.read("b").unwrap(), "n"), [6]);
}

#[test]
fn a_file_that_is_written_again_loses_its_deleted_rows() {
    let table = Sliced::new(days(), |asset| asset.partition_expr("at").call_once());
    let at = |days: &[i64]| {
        let at: Vec<i64> = days.iter().map(|day| 1_672_531_200_000_000 + day * 86_400_000_000).collect();
        let frame = df!("at" => at, "n" => days).unwrap().lazy();
        frame.with_column(col("at").cast(DataType::Datetime(TimeUnit::Microseconds, None))).collect().unwrap()
    };
    table.give("", at(&[0]));
    table.expect(&PartitionChoice::none().key("2023-01-01"));
    // As another writer has it: rows of several days in one file, of which a vector deletes one.
    let path = table.path();
    let mut add = action(&actions(&path, 0), "add");
    let mut frame = at(&[0, 1, 1, 2]);
    let file = std::fs::File::create(path.join("theirs.parquet")).unwrap();
    ParquetWriter::new(file).finish(&mut frame).unwrap();
    add["path"] = json!("theirs.parquet");
    add["size"] = json!(std::fs::metadata(path.join("theirs.parquet")).unwrap().len());
    add["stats"] = json!(json!({ "numRecords": 4 }).to_string());
    let old = action(&actions(&path, 0), "add");
    let remove = json!({ "path": old["path"], "dataChange": true, "deletionTimestamp": 1 });
    write_version(&path, 1, &[json!({ "remove": remove }), json!({ "add": add })]);
    delete_rows(&path, 2, &add, &[1], Kept::Beside);

    assert_eq!(integers(&table.read("2023-01-02").unwrap(), "n"), [1]);
    table.give("", at(&[2, 2]));
    table.expect(&PartitionChoice::none().key("2023-01-03"));
    let mut all = integers(&table.read_all().unwrap(), "n");
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 2]);
    assert!(actions(&path, 3).iter().all(|action| action["add"]["deletionVector"].is_null()));
}
