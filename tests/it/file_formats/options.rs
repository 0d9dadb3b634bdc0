//! The options of CSV and Arrow IPC.

use lakewright::exec::PartitionChoice;
use lakewright::io::file::{CsvIoManager, IpcIoManager};
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, ErrorKind};
use tempfile::{TempDir, tempdir};

use super::load;
use crate::support::{frame_builder, integers, lakehouse, read_file, run_all, run_to_failure};

fn frame() -> DataFrame {
    df!("text" => [Some("a;b"), Some(""), None, Some("it's")], "n" => [Some(1i64), None, Some(3), Some(4)]).unwrap()
}

#[test]
fn csv_is_written_and_read_as_its_options_say() {
    let root = tempdir().unwrap();
    let base = root.path().join("csv");
    let store = CsvIoManager::new(&base).option("separator", ";").option("quote", "'").option("null", "NA");
    let asset = frame_builder("t", frame(), |asset| asset.io_manager("csv").store_option("header", false));
    let lakehouse = lakehouse(&root, [asset]).io_manager("csv", store).build().unwrap();
    run_all(&lakehouse);
    assert_eq!(std::fs::read_to_string(base.join("t.csv")).unwrap(), "'a;b';1\n'';NA\nNA;3\n'it''s';4\n");
    let back = load(&lakehouse, "t");
    assert!(back.equals_missing(&frame()), "{back}");
}

#[partitions(keys = ["a", "b"])]
struct Half;

/// An option of the CSV store, and what it is set to.
type Set = (&'static str, MetadataValue);

/// The rows of a partition.
fn half(name: &str) -> DataFrame {
    df!("half" => [name; 3], "text" => [Some("a;b"), None, Some("it's")], "n" => [Some(1i64), None, Some(3)]).unwrap()
}

/// A lakehouse with an asset `t` of two partitions, which are stored as CSV with these options.
fn halves(root: &TempDir, options: &[Set], rows: fn(&str) -> DataFrame) -> Lakehouse {
    let builder = AssetBuilder::new("t", ValueKind::Table).io_manager("csv").partitions(Half::def().unwrap());
    let builder = options.iter().fold(builder, |builder, (name, value)| builder.store_option(*name, value.clone()));
    let body = move |call: lakewright::Call| async move { call.produce_frame(rows(&call.partition_key()?.to_string())) };
    lakehouse(root, [builder.body(body).unwrap()]).build().unwrap()
}

#[track_caller]
fn store(lakehouse: &Lakehouse, half: &str) {
    let report = lakehouse.materialize_for_blocking("t", &PartitionChoice::none().key(half)).unwrap();
    assert!(report.is_success(), "{:#?}", report.failures().collect::<Vec<_>>());
}

#[test]
fn a_csv_is_read_by_the_options_that_it_was_written_with() {
    let none: &[Set] = &[];
    let all: &[Set] = &[("header", false.into()), ("separator", ";".into()), ("quote", "'".into()), ("null", "NA".into())];
    for options in all.iter().map(std::slice::from_ref).chain([all]) {
        for (before, now) in [(options, none), (none, options)] {
            let root = tempdir().unwrap();
            store(&halves(&root, before, half), "a");
            let lakehouse = halves(&root, now, half);
            store(&lakehouse, "b");
            let (back, wanted) = (load(&lakehouse, "t"), half("a").vstack(&half("b")).unwrap());
            assert!(back.equals_missing(&wanted), "{before:?} and then {now:?}: {back}");
        }
    }
}

/// A lakehouse with an asset `t` without options in a CSV store that has a header or not.
fn with_header(root: &TempDir, header: bool) -> Lakehouse {
    let store = CsvIoManager::new(root.path().join("csv")).option("header", header);
    let asset = frame_builder("t", frame(), |asset| asset.io_manager("csv"));
    lakehouse(root, [asset]).io_manager("csv", store).build().unwrap()
}

#[test]
fn what_the_store_sets_is_remembered_of_a_csv_as_well() {
    for header in [true, false] {
        let root = tempdir().unwrap();
        run_all(&with_header(&root, header));
        let back = load(&with_header(&root, !header), "t");
        assert!(back.equals_missing(&frame()), "{header}: {back}");
    }
}

#[test]
fn a_csv_of_which_no_options_are_remembered_is_read_by_the_present_ones() {
    let root = tempdir().unwrap();
    let bare = with_header(&root, false);
    run_all(&bare);
    // As manifests were before they had options.
    let path = root.path().join("csv/.lakewright/t.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(manifest.as_object_mut().unwrap().remove("options").is_some());
    std::fs::write(&path, manifest.to_string()).unwrap();
    let back = load(&bare, "t");
    assert!(back.equals_missing(&frame()), "{back}");
    // What somebody else puts in the place of ours is none of ours.
    run_all(&bare);
    std::fs::write(root.path().join("csv/t.csv"), "text,n\nx,1\ny,2\n").unwrap();
    assert_eq!(integers(&load(&with_header(&root, true), "t"), "n"), [1, 2]);
}

#[test]
fn a_csv_of_no_rows_and_no_header_keeps_its_columns_alone_and_among_others() {
    let root = tempdir().unwrap();
    let rows = |name: &str| if name == "b" { half(name).head(Some(0)) } else { half(name) };
    let bare = halves(&root, &[("header", false.into())], rows);
    store(&bare, "b");
    assert_eq!(std::fs::metadata(root.path().join("csv/t/b.csv")).unwrap().len(), 0);
    let back = load(&bare, "t");
    assert_eq!((back.height(), back.schema()), (0, half("b").schema()));
    store(&bare, "a");
    for lakehouse in [&bare, &halves(&root, &[], rows)] {
        let back = load(lakehouse, "t");
        assert!(back.equals_missing(&half("a")), "{back}");
        assert_eq!(back.schema(), half("a").schema());
    }
}

#[test]
fn a_text_that_is_what_nulls_are_written_as_is_refused() {
    let root = tempdir().unwrap();
    let asset = |text: &str| {
        let frame = df!("text" => [text]).unwrap();
        frame_builder("t", frame, |asset| asset.io_manager("csv").store_option("null", "NA"))
    };
    run_all(&lakehouse(&root, [asset("a")]).build().unwrap());
    let failure = run_to_failure(&lakehouse(&root, [asset("NA")]).build().unwrap());
    assert_eq!(failure.message, "the column `text` has the text \"NA\", which is what nulls are written as");
    assert_eq!(failure.code, ErrorKind::Value.code());
    assert_eq!(load(&lakehouse(&root, [asset("a")]).build().unwrap(), "t").height(), 1, "what was there still is");
}

#[test]
fn nulls_cannot_be_written_as_what_is_a_value_or_cannot_be_told_apart() {
    for null in ["0", "nan", "inf", "true", "1970-01-01", "a,b", "\"", "a\nb", " "] {
        let root = tempdir().unwrap();
        let asset = frame_builder("t", frame(), |asset| asset.io_manager("csv").store_option("null", null));
        let error = lakehouse(&root, [asset]).build().unwrap_err();
        assert_eq!(error.errors()[0].kind(), ErrorKind::StoreOption, "{null:?}");
    }
    let root = tempdir().unwrap();
    let asset = frame_builder("t", frame(), |asset| asset.io_manager("csv").store_option("separator", "ab"));
    let error = lakehouse(&root, [asset]).build().unwrap_err();
    assert_eq!(error.errors()[0].kind(), ErrorKind::StoreOption);
}

#[test]
fn ipc_is_compressed_as_its_option_says_and_is_read_by_others() {
    let many = df!("text" => vec!["the same text, again and again"; 10_000], "n" => (0..10_000).collect::<Vec<i64>>()).unwrap();
    let mut sizes = Vec::new();
    for compression in [None, Some("zstd"), Some("lz4"), Some("uncompressed")] {
        let root = tempdir().unwrap();
        let base = root.path().join("ipc");
        let store = compression.iter().fold(IpcIoManager::new(&base), |store, name| store.option("compression", *name));
        let asset = frame_builder("t", many.clone(), |asset| asset.io_manager("ipc").store_option("record_batch_size", 1_000));
        let lakehouse = lakehouse(&root, [asset]).io_manager("ipc", store).build().unwrap();
        run_all(&lakehouse);
        assert!(read_file(&base.join("t.arrow")).equals_missing(&many));
        let file = std::fs::File::open(base.join("t.arrow")).unwrap();
        let batches = lakewright::arrow::ipc::reader::FileReader::try_new(file, None);
        match (compression, batches) {
            (Some("uncompressed"), batches) => assert_eq!(batches.unwrap().count(), 10, "as many as the option says"),
            // Arrow is built without the compressions here, which it says when it comes to a batch.
            (_, batches) => assert_eq!(batches.unwrap().schema().fields().len(), 2),
        }
        sizes.push(std::fs::metadata(base.join("t.arrow")).unwrap().len());
    }
    let [default, zstd, lz4, uncompressed] = sizes[..] else { panic!("{sizes:?}") };
    assert_eq!(default, zstd);
    assert!(zstd < uncompressed && lz4 < uncompressed, "{sizes:?}");
}
