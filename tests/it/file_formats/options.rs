//! The options of CSV and Arrow IPC.

use lakewright::ErrorKind;
use lakewright::io::file::{CsvIoManager, IpcIoManager};
use lakewright::prelude::*;
use tempfile::tempdir;

use super::load;
use crate::support::{frame_builder, lakehouse, read_file, run_all, run_to_failure};

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
