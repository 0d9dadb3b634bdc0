//! Files that are replaced whole: CSV, Parquet, objects, bytes, and what happens between the stage and the rename.

use std::path::Path;
use std::sync::Arc;

use lakewright::exec::SystemEnv;
use lakewright::io::file::{CsvIoManager, IpcIoManager, JsonIoManager, ParquetIoManager};
use lakewright::io::fs::FsIoManager;
use lakewright::io::memory::MemoryIoManager;
use lakewright::io::{LoadRequest, RunInfo, Staged, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, CommitId, ErrorKind, IoManager, ObjectFormat, Slice, Value};
use tempfile::tempdir;

use crate::support::{abc, block_on, files_below, frame_asset, frame_builder, key, lakehouse, run_all, run_to_failure, texts};

fn bytes_asset(data: &'static str, extension: &'static str) -> AssetSpec {
    let builder = AssetBuilder::new("plots/petals", ValueKind::Bytes).io_manager("fs");
    builder.body(move |_| async move { Ok(lakewright::Produced::value(Value::Bytes(Bytes::new(data, extension)))) }).unwrap()
}

fn object_asset<T: serde::Serialize + Clone + Send + Sync + 'static>(value: T, format: &'static str) -> AssetSpec {
    let builder = AssetBuilder::new("o", ValueKind::Object).io_manager("fs").store_option("format", format);
    let body = move |call: lakewright::Call| {
        let value = value.clone();
        async move { call.produce_object(value) }
    };
    builder.body(body).unwrap()
}

#[test]
fn files_are_named_by_the_whole_key_and_ignore_the_schema() {
    let root = tempdir().unwrap();
    let csv = frame_builder("a/b/0.0-to-1.0", abc(), |asset| asset.io_manager("csv").schema("ignored"));
    let parquet = frame_builder("a/b", abc(), |asset| asset.io_manager("parquet"));
    run_all(&lakehouse(&root, [csv, parquet, object_asset(1, "json"), bytes_asset("<svg/>", "svg")]).build().unwrap());
    let visible: Vec<_> =
        files_below(root.path()).into_iter().filter(|path| !path.to_string_lossy().contains(".lakewright")).collect();
    let wanted = ["csv/a/b/0.0-to-1.0.csv", "fs/o.json", "fs/plots/petals.svg", "parquet/a/b.parquet"];
    assert_eq!(visible, wanted.map(|path| Path::new(path).to_owned()));
}

#[test]
fn csv_gives_back_the_types_it_was_given() {
    let root = tempdir().unwrap();
    let frame = df!(
        "code" => [Some("007"), Some(""), None, Some("a,\"b\"\nc")],
        "n" => [Some(1i64), None, Some(-3), Some(i64::MAX)],
        "f" => [Some(0.1f64), Some(f64::MIN_POSITIVE), None, Some(1e300)],
        "yes" => [Some(true), None, Some(false), Some(true)],
    )
    .unwrap();
    let days = Column::new("day".into(), [Some(14610i32), None, Some(0), Some(-1)]).cast(&DataType::Date).unwrap();
    let times = DataType::Datetime(TimeUnit::Microseconds, None);
    let times = Column::new("time".into(), [Some(1i64), None, Some(0), Some(-1)]).cast(&times).unwrap();
    let frame = frame.hstack(&[days, times]).unwrap();
    let lakehouse = lakehouse(&root, [frame_builder("t", frame.clone(), |asset| asset.io_manager("csv"))]).build().unwrap();
    let report = run_all(&lakehouse);
    assert_eq!(report.materializations().next().unwrap().rows, Some(4));
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(back.schema(), frame.schema());
    assert!(back.equals_missing(&frame), "{frame} became {back}");
}

#[test]
fn csv_refuses_what_text_would_not_give_back() {
    let root = tempdir().unwrap();
    let csv = |frame| lakehouse(&root, [frame_builder("t", frame, |asset| asset.io_manager("csv"))]).build().unwrap();
    run_all(&csv(abc()));
    let files = files_below(root.path());
    let list = Series::new("l".into(), [Series::new("x".into(), [1i64])]);
    let failure = run_to_failure(&csv(DataFrame::new(1, vec![list.into()]).unwrap()));
    assert_eq!(failure.code, ErrorKind::Value.code());
    assert!(failure.message.contains("CSV cannot give back the column `l`"));
    assert_eq!(files_below(root.path()), files);
    let kept: DataFrame = block_on(csv(abc()).load_frame(&key("t"))).unwrap();
    assert!(kept.equals_missing(&abc()));
}

#[test]
fn a_csv_of_somebody_else_is_read_by_inference_and_dates_are_dates() {
    let root = tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("csv")).unwrap();
    std::fs::write(root.path().join("csv/theirs.csv"), "day,n\n2010-01-01,1\n2010-01-02,2\n").unwrap();
    let external = AssetBuilder::new("theirs", ValueKind::Table).io_manager("csv").external().unwrap();
    let lakehouse = lakehouse(&root, [external, frame_asset("ours", abc())]).build().unwrap();
    let frame: DataFrame = block_on(lakehouse.load_frame(&key("theirs"))).unwrap();
    assert_eq!(frame.dtypes(), [DataType::Date, DataType::Int64]);
}

#[test]
fn parquet_gives_back_every_type_and_is_zstd() {
    let root = tempdir().unwrap();
    let frame = df!("n" => [Some(1u32), None], "d" => [Some(1i64), None]).unwrap();
    let frame = frame.lazy().with_column(col("d").cast(DataType::Duration(TimeUnit::Microseconds))).collect().unwrap();
    let asset = frame_builder("t", frame.clone(), |asset| asset.io_manager("parquet"));
    let lakehouse = lakehouse(&root, [asset]).build().unwrap();
    run_all(&lakehouse);
    let back: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(back.schema(), frame.schema());
    assert!(back.equals_missing(&frame));
    let mut reader = ParquetReader::new(std::fs::File::open(root.path().join("parquet/t.parquet")).unwrap());
    let column = &reader.get_metadata().unwrap().row_groups[0].parquet_columns()[0];
    assert_eq!(format!("{:?}", column.compression()).to_lowercase(), "zstd");
}

#[test]
fn objects_come_back_and_numbers_json_cannot_write_are_refused() {
    let root = tempdir().unwrap();
    let load = |asset: AssetSpec| {
        let lakehouse = lakehouse(&root, [asset]).build().unwrap();
        run_all(&lakehouse);
        match block_on(lakehouse.load(&key("o"))).unwrap() {
            Some(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        }
    };
    let exact = (u64::MAX, 0.1 + 0.2, "text".to_owned(), Some(vec![1u8]));
    assert_eq!(load(object_asset(exact.clone(), "json")).decode::<(u64, f64, String, Option<Vec<u8>>)>().unwrap(), exact);
    assert!(load(object_asset(f64::NAN, "msgpack")).decode::<f64>().unwrap().is_nan());

    let before = std::fs::read(root.path().join("fs/o.json")).ok();
    let failure = run_to_failure(&lakehouse(&root, [object_asset(vec![1.0, f64::INFINITY], "json")]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Value.code());
    assert_eq!(failure.help.as_deref(), Some("set `store(format = \"msgpack\")`"));
    assert_eq!(std::fs::read(root.path().join("fs/o.json")).ok(), before);
}

#[test]
fn a_file_that_is_not_what_was_stored_names_the_type() {
    let stored = lakewright::Object::encoded(ObjectFormat::Json, b"\"text\"".to_vec());
    let error = stored.decode::<i64>().unwrap_err();
    assert_eq!(error.message(), "what is stored is not a `i64`");
}

#[test]
fn bytes_keep_their_extension_and_a_new_one_replaces_the_old_file() {
    let root = tempdir().unwrap();
    let svg = lakehouse(&root, [bytes_asset("<svg/>", "svg")]).build().unwrap();
    run_all(&svg);
    let png = lakehouse(&root, [bytes_asset("png", "png")]).build().unwrap();
    run_all(&png);
    let Some(Value::Bytes(bytes)) = block_on(png.load(&key("plots/petals"))).unwrap() else { panic!("bytes are stored") };
    assert_eq!((bytes.extension(), &*bytes), ("png", &b"png"[..]));
    assert!(!root.path().join("fs/plots/petals.svg").exists());
    let failure = run_to_failure(&lakehouse(&root, [bytes_asset("x", "../x")]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Value.code());
    let Some(Value::Bytes(bytes)) = block_on(png.load(&key("plots/petals"))).unwrap() else { panic!("bytes are stored") };
    assert_eq!(&*bytes, b"png");
}

#[test]
fn a_file_where_a_folder_has_to_be_is_found_before_anything_runs() {
    let root = tempdir().unwrap();
    let inner =
        AssetBuilder::new("o.json/x", ValueKind::Object).io_manager("fs").body(|_| async { Ok(lakewright::Produced::nothing()) });
    let error = lakehouse(&root, [object_asset(1, "json"), inner.unwrap()]).build().unwrap_err();
    assert_eq!(error.errors()[0].message(), "`o.json/x` would be stored inside of `o`");
}

#[test]
fn the_folder_of_the_manifests_is_no_asset() {
    let root = tempdir().unwrap();
    let asset = frame_builder(".lakewright/t", abc(), |asset| asset.io_manager("csv"));
    let error = lakehouse(&root, [asset]).build().unwrap_err();
    assert_eq!(error.errors()[0].kind(), ErrorKind::InvalidKey);
}

/// A store driven by hand with texts, whatever it holds.
struct ByHand<S> {
    store: S,
    asset: AssetSpec,
    run: RunInfo,
    env: Arc<dyn lakewright::env::Env>,
}

impl<S: IoManager> ByHand<S> {
    fn new(store: S, kind: ValueKind) -> Self {
        let asset = AssetBuilder::new("p/v", kind).body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
        Self { store, asset, run: RunInfo::new("by-hand", 1), env: Arc::new(SystemEnv::new()) }
    }

    fn request(&self) -> StoreRequest<'_> {
        StoreRequest::new(&self.asset, &Slice::Whole, &self.run, Arc::clone(&self.env))
    }

    async fn stage(&self, text: &str) -> Staged {
        use lakewright::frame::Frame;
        let value = match self.asset.output.kind {
            ValueKind::Table => Value::Table(df!("a" => [text]).unwrap().into_table()),
            _ => Value::Object(lakewright::Object::new(text.to_owned())),
        };
        self.store.stage(self.request(), value).await.unwrap()
    }

    async fn commit(&self, staged: &Staged, number: i64) -> Result<lakewright::io::Committed> {
        let id = CommitId::new("log", &self.asset.key, &Slice::Whole, number);
        self.store.commit(self.request(), vec![staged.clone()], &id).await
    }

    async fn text(&self) -> Option<String> {
        use lakewright::frame::Frame;
        let request = LoadRequest::new(&self.asset, &Slice::Whole, Arc::clone(&self.env));
        match self.store.load(request).await.unwrap()? {
            Value::Table(table) => {
                let frame = lakewright::env::blocking(&self.env, move || DataFrame::from_table(table)).await.unwrap();
                Some(texts(&frame, "a").remove(0))
            }
            Value::Object(object) => Some(object.decode().unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

/// What every store promises of stage and commit.
async fn keeps_its_promises<S: IoManager>(store: S, kind: ValueKind) {
    let by_hand = ByHand::new(store, kind);
    let one = by_hand.stage("one").await;
    assert_eq!(by_hand.text().await, None, "what is staged is invisible");
    by_hand.store.discard(by_hand.request(), vec![one]).await.unwrap();
    assert_eq!(by_hand.text().await, None);

    let (one, two) = (by_hand.stage("one").await, by_hand.stage("two").await);
    assert!(!by_hand.commit(&one, 1).await.unwrap().already);
    assert_eq!(by_hand.text().await.as_deref(), Some("one"));
    assert!(by_hand.commit(&one, 1).await.unwrap().already, "the same commit again does nothing");
    by_hand.commit(&two, 2).await.unwrap();
    assert_eq!(by_hand.commit(&one, 1).await.unwrap_err().kind(), ErrorKind::Superseded);
    assert_eq!(by_hand.text().await.as_deref(), Some("two"));
    use lakewright::io::CommitState::{Absent, Committed, Superseded};
    let ids = [1, 2, 3].map(|number| CommitId::new("log", &by_hand.asset.key, &Slice::Whole, number));
    assert_eq!(by_hand.store.committed(by_hand.request(), &ids).await.unwrap(), [Superseded, Committed, Absent]);
    by_hand.store.discard(by_hand.request(), vec![two]).await.unwrap();
    assert_eq!(by_hand.text().await.as_deref(), Some("two"), "what readers see is not discarded");
    by_hand.store.probe(by_hand.env.as_ref()).await.into_result().unwrap();
    by_hand.store.delete(by_hand.request()).await.unwrap();
    assert_eq!(by_hand.text().await, None);
}

#[test]
fn every_store_stages_invisibly_and_commits_once() {
    let root = tempdir().unwrap();
    block_on(async {
        keeps_its_promises(CsvIoManager::new(root.path().join("csv")), ValueKind::Table).await;
        keeps_its_promises(ParquetIoManager::new(root.path().join("parquet")), ValueKind::Table).await;
        keeps_its_promises(JsonIoManager::new(root.path().join("json")), ValueKind::Table).await;
        keeps_its_promises(IpcIoManager::new(root.path().join("ipc")), ValueKind::Table).await;
        keeps_its_promises(FsIoManager::new(root.path().join("fs")), ValueKind::Object).await;
        keeps_its_promises(MemoryIoManager::new(), ValueKind::Object).await;
        keeps_its_promises(MemoryIoManager::new(), ValueKind::Table).await;
    });
}

#[test]
fn a_place_has_one_name_before_and_after_its_folder_is_there() {
    let root = tempdir().unwrap();
    let csv = frame_builder("t", abc(), |asset| asset.io_manager("csv"));
    let lakehouse = lakehouse(&root, [csv, object_asset(1, "json")]).build().unwrap();
    let located = || ["t", "o"].map(|name| lakehouse.locate(&key(name)).unwrap().unwrap().to_string());
    let before = located();
    run_all(&lakehouse);
    assert_eq!(located(), before);
    assert!(before[0].ends_with("/csv/t.csv") && before[1].ends_with("/fs/o.json"), "{before:?}");
}

#[test]
fn a_crash_between_the_rename_and_the_manifest_is_finished_by_the_same_commit() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(FsIoManager::new(root.path()), ValueKind::Object);
        let one = by_hand.stage("one").await;
        by_hand.commit(&one, 1).await.unwrap();
        let manifests = root.path().join(".lakewright/p");
        // As if the process had died right after the file was renamed.
        std::fs::rename(manifests.join("v.json"), manifests.join("v.json.pending")).unwrap();
        let id = CommitId::new("log", &by_hand.asset.key, &Slice::Whole, 1);
        assert!(by_hand.commit(&one, 1).await.unwrap().already, "it had come as far as it matters");
        assert_eq!(by_hand.text().await.as_deref(), Some("one"));
        assert_eq!(by_hand.store.committed(by_hand.request(), &[id]).await.unwrap(), [lakewright::io::CommitState::Committed]);
    });
}

#[test]
fn a_crash_between_the_rename_and_the_manifest_is_remembered_whatever_becomes_of_the_next_commit() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(FsIoManager::new(root.path()), ValueKind::Object);
        let one = by_hand.stage("one").await;
        by_hand.commit(&one, 1).await.unwrap();
        let manifests = root.path().join(".lakewright/p");
        // As if the process had died right after the file was renamed.
        std::fs::rename(manifests.join("v.json"), manifests.join("v.json.pending")).unwrap();
        // A folder where the next file has to be, which has another extension.
        let next = ByHand::new(FsIoManager::new(root.path()).format(ObjectFormat::MessagePack), ValueKind::Object);
        let two = next.stage("two").await;
        std::fs::create_dir(root.path().join("p/v.msgpack")).unwrap();
        assert_eq!(next.commit(&two, 2).await.unwrap_err().kind(), ErrorKind::Io);
        let id = CommitId::new("log", &by_hand.asset.key, &Slice::Whole, 1);
        assert_eq!(by_hand.store.committed(by_hand.request(), &[id]).await.unwrap(), [lakewright::io::CommitState::Committed]);
    });
}

#[test]
fn a_manifest_takes_the_place_of_another_and_is_not_written_into_it() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(FsIoManager::new(root.path()), ValueKind::Object);
        let (one, two, three) = (by_hand.stage("one").await, by_hand.stage("two").await, by_hand.stage("three").await);
        let manifests = root.path().join(".lakewright/p");
        let (manifest, pending) = (manifests.join("v.json"), manifests.join("v.json.pending"));
        by_hand.commit(&one, 1).await.unwrap();
        let left = std::fs::read(&manifest).unwrap();
        by_hand.commit(&two, 2).await.unwrap();
        // What a process left that died before its rename, under another name too, by which it is seen whether somebody writes into it: were
        // that cut off by a full disk, nobody could read what is known of the file.
        std::fs::write(&pending, &left).unwrap();
        std::fs::hard_link(&pending, root.path().join("left")).unwrap();
        by_hand.commit(&three, 3).await.unwrap();
        assert_eq!(std::fs::read(root.path().join("left")).unwrap(), left);
        assert_eq!(by_hand.text().await.as_deref(), Some("three"));
        assert_eq!(files_below(&manifests), ["v.json", "v.lock"].map(|path| Path::new(path).to_owned()));
    });
}

#[test]
fn a_rename_that_fails_is_not_taken_for_a_commit_by_the_next_try() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(FsIoManager::new(root.path()), ValueKind::Object);
        let one = by_hand.stage("one").await;
        // A folder where the file has to be.
        std::fs::create_dir(root.path().join("p/v.json")).unwrap();
        assert_eq!(by_hand.commit(&one, 1).await.unwrap_err().kind(), ErrorKind::Io);
        by_hand.store.discard(by_hand.request(), vec![one.clone()]).await.unwrap();
        std::fs::remove_dir(root.path().join("p/v.json")).unwrap();
        assert_eq!(by_hand.commit(&one, 1).await.unwrap_err().kind(), ErrorKind::Io, "what was staged is gone");
        assert_eq!(by_hand.text().await, None);
    });
}

#[test]
fn a_file_that_somebody_put_in_place_is_not_read_by_our_manifest() {
    let root = tempdir().unwrap();
    let codes = df!("code" => ["007"]).unwrap();
    let lakehouse = lakehouse(&root, [frame_builder("t", codes, |asset| asset.io_manager("csv"))]).build().unwrap();
    run_all(&lakehouse);
    let file = root.path().join("csv/t.csv");
    let ours: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(texts(&ours, "code"), ["007"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "code\n1.5\n").unwrap();
    let theirs: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(theirs.dtypes(), [DataType::Float64]);
}
