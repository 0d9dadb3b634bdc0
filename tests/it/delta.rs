//! The Delta store: where tables are, what a run replaces, and what it refuses without touching what is there.

use std::path::PathBuf;
use std::sync::Arc;

use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::delta::DeltaIoManager;
use lakewright::io::{LoadRequest, RunInfo, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetSpec, CommitId, ErrorKind, IoManager, Slice, Value};
use tempfile::{TempDir, tempdir};

use crate::support::{
    abc, block_on, files_below, frame_asset, frame_builder, integers, key, lakehouse, open_delta, read_delta, run_all,
    run_to_failure, texts, version,
};

fn table(root: &TempDir, schema: &str, name: &str) -> PathBuf {
    root.path().join("delta").join(schema).join(name)
}

#[test]
fn a01_tables_are_where_schema_and_key_say_and_a_second_run_replaces() {
    let root = tempdir().unwrap();
    let plus_one = |upstream: &'static str, key: &str| {
        lakewright::AssetBuilder::new(key, ValueKind::Table)
            .input(upstream)
            .body(move |call| {
                call.blocking(move |mut call| {
                    let frame: LazyFrame = call.frame(upstream)?;
                    call.produce_frame(frame.select([col("a") + lit(1)]))
                })
            })
            .unwrap()
    };
    let explicit = frame_builder("my_schema/c_df", abc(), |asset| asset.schema("other"));
    let assets = [frame_asset("my_schema/b_df", abc()), plus_one("my_schema/b_df", "b_plus_one"), explicit];
    let lakehouse = lakehouse(&root, assets).build().unwrap();
    for _ in 0..2 {
        run_all(&lakehouse);
        assert_eq!(integers(&read_delta(&table(&root, "my_schema", "b_df")), "a"), [1, 2, 3]);
        assert_eq!(integers(&read_delta(&table(&root, "public", "b_plus_one")), "a"), [2, 3, 4]);
        assert_eq!(integers(&read_delta(&table(&root, "other", "c_df")), "a"), [1, 2, 3]);
    }
    assert_eq!(open_delta(&table(&root, "public", "b_plus_one")).version(), Some(1), "one commit a run");
}

#[test]
fn the_schema_of_the_store_is_the_default_and_clashes_with_a_prefix() {
    let root = tempdir().unwrap();
    let store = || DeltaIoManager::new(root.path().join("delta")).schema("configured");
    let ours = lakehouse(&root, [frame_asset("t", abc())]).io_manager("delta", store()).build().unwrap();
    run_all(&ours);
    assert!(table(&root, "configured", "t").join("_delta_log").is_dir());

    let clash = lakehouse(&root, [frame_asset("prefix/t", abc())]).io_manager("delta", store()).build().unwrap_err();
    let [error] = clash.errors() else { panic!("one error, not {clash}") };
    assert_eq!(error.kind(), ErrorKind::SchemaName);
    assert!(error.help_text().unwrap().contains("`configured`") && error.help_text().unwrap().contains("`prefix`"));
}

#[test]
fn a_partition_expr_without_partitions_is_one_table_partitioned_by_the_column() {
    let root = tempdir().unwrap();
    let frame = df!("species" => ["b", "a", "b", "ö/ =%"], "n" => [1i64, 2, 3, 4]).unwrap();
    let asset = frame_builder("t", frame, |asset| asset.partition_expr("species"));
    let lakehouse = lakehouse(&root, [asset]).build().unwrap();
    let report = run_all(&lakehouse);

    let stored = report.materializations().next().unwrap();
    assert_eq!((stored.rows, stored.table_rows, stored.version), (Some(4), Some(4), Some(0)));
    let path = table(&root, "public", "t");
    assert_eq!(open_delta(&path).snapshot().unwrap().metadata().partition_columns(), ["species"]);
    let seen = read_delta(&path).lazy().sort(["n"], SortMultipleOptions::default()).collect().unwrap();
    assert_eq!(texts(&seen, "species"), ["b", "a", "b", "ö/ =%"]);

    let ours: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    let ours = ours.lazy().sort(["n"], SortMultipleOptions::default()).collect().unwrap();
    assert_eq!(names(&ours), ["species", "n"], "in the order of the table");
    assert_eq!(texts(&ours, "species"), ["b", "a", "b", "ö/ =%"]);
}

#[test]
fn columns_reads_only_those_in_that_order_eager_and_lazy() {
    let root = tempdir().unwrap();
    let wide = df!("a" => [1i64, 2], "b" => [3i64, 4], "c" => ["x", "y"]).unwrap();
    let take = |name: &str, lazy: bool| {
        lakewright::AssetBuilder::new(name, ValueKind::Table)
            .input(lakewright::asset::Input::of("wide").columns(["c", "a"]))
            .body(move |call| {
                call.blocking(move |mut call| {
                    if lazy {
                        let frame: LazyFrame = call.frame("wide")?;
                        let plan = frame.describe_optimized_plan()?;
                        assert!(plan.contains("PROJECT 2/3 COLUMNS"), "the scan reads two of three columns: {plan}");
                        call.produce_frame(frame)
                    } else {
                        let frame: DataFrame = call.frame("wide")?;
                        call.produce_frame(frame)
                    }
                })
            })
            .unwrap()
    };
    let lakehouse = lakehouse(&root, [frame_asset("wide", wide), take("eager", false), take("lazy", true)]);
    let lakehouse = lakehouse.hand_over_bytes(0).build().unwrap();
    run_all(&lakehouse);
    for name in ["eager", "lazy"] {
        let seen = read_delta(&table(&root, "public", name));
        assert_eq!(names(&seen), ["c", "a"], "{name}");
        assert_eq!(integers(&seen, "a"), [1, 2]);
    }
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let root = tempdir().unwrap();
    let reader = lakewright::AssetBuilder::new("reader", ValueKind::Table)
        .input(lakewright::asset::Input::of("t").columns(["bb"]))
        .body(|_| async { unreachable!("the body does not run") })
        .unwrap();
    let lakehouse = lakehouse(&root, [frame_asset("t", abc()), reader]).build().unwrap();
    let failure = run_to_failure(&lakehouse);
    assert_eq!(failure.code, ErrorKind::Schema.code());
    assert!(failure.message.contains("`bb`") && failure.help.unwrap().contains("did you mean `b`?"));
}

/// Runs `first`, then `second` which must fail, and shows that the rows and the version of the table did not change.
#[track_caller]
fn refused(first: AssetSpec, second: AssetSpec, kind: ErrorKind, says: &str) {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [first]).build().unwrap());
    let path = table(&root, "public", "t");
    let (before, files) = (read_delta(&path), files_below(&path));
    let failure = run_to_failure(&lakehouse(&root, [second]).build().unwrap());
    let said = format!("{} {:?}", failure.message, failure.causes);
    assert!(said.contains(says), "{failure:?}");
    assert_eq!(failure.code, kind.code(), "{failure:?}");
    assert!(failure.context.iter().any(|(name, value)| name == "asset" && value == "`t`"), "{failure:?}");
    assert!(failure.context.iter().any(|(name, value)| name == "location" && value.ends_with("public/t")), "{failure:?}");
    assert!(read_delta(&path).equals_missing(&before));
    assert_eq!(open_delta(&path).version(), Some(0));
    assert_eq!(files_below(&path), files, "nothing is left behind");
}

#[test]
fn a_column_more_less_or_of_another_type_is_refused() {
    let first = || frame_asset("t", abc());
    let more = df!("a" => [1i64], "b" => [1i64], "c" => [1i64]).unwrap();
    refused(first(), frame_asset("t", more), ErrorKind::Schema, "the column `c` is not in the table");
    refused(first(), frame_asset("t", df!("a" => [1i64]).unwrap()), ErrorKind::Schema, "`b` of the table is missing");
    let retyped = df!("a" => [1i64], "b" => ["x"]).unwrap();
    refused(first(), frame_asset("t", retyped), ErrorKind::Schema, "`b` is long in the table and string in the output");
}

#[test]
fn other_partition_columns_are_refused() {
    let partitioned = frame_builder("t", abc(), |asset| asset.partition_expr("a"));
    refused(frame_asset("t", abc()), partitioned, ErrorKind::Schema, "partitioned by `` and the asset by `a`");
}

#[test]
fn a_row_without_a_partition_value_is_refused() {
    let frame =
        |a: [Option<&str>; 2]| frame_builder("t", df!("a" => a, "n" => [1i64, 2]).unwrap(), |asset| asset.partition_expr("a"));
    refused(frame([Some("x"), Some("y")]), frame([Some("x"), None]), ErrorKind::Value, "has a row without a value");
    refused(frame([Some("x"), Some("y")]), frame([Some("x"), Some("")]), ErrorKind::Value, "empty text");
}

#[test]
fn a_plan_that_fails_half_way_leaves_the_old_rows() {
    let failing = lakewright::AssetBuilder::new("t", ValueKind::Table)
        .body(|call| async move {
            let plan = df!("a" => ["1", "2", "x"], "b" => [1i64, 2, 3])?.lazy();
            call.produce_frame(plan.with_column(col("a").strict_cast(DataType::Int64)))
        })
        .unwrap();
    refused(frame_asset("t", abc()), failing, ErrorKind::Value, "conversion from `str` to `i64` failed");
}

#[test]
fn a_partition_expr_that_names_no_column_is_refused_with_the_nearest() {
    let root = tempdir().unwrap();
    let asset = frame_builder("t", abc(), |asset| asset.partition_expr("aa"));
    let failure = run_to_failure(&lakehouse(&root, [asset]).build().unwrap());
    assert!(failure.message.contains("`partition_expr` names the column `aa`"), "{failure:?}");
    assert!(failure.help.unwrap().contains("did you mean `a`?"));
    assert_eq!(files_below(&table(&root, "public", "t")), Vec::<PathBuf>::new(), "nothing is stored");
}

#[test]
fn schema_mode_overwrite_replaces_columns_and_partitioning() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let id = open_delta(&table(&root, "public", "t")).snapshot().unwrap().metadata().id().to_owned();
    let other = df!("when" => [1i64], "x" => ["y"]).unwrap();
    let other = frame_builder("t", other, |asset| asset.store_option("schema_mode", "overwrite").partition_expr("x"));
    run_all(&lakehouse(&root, [other]).build().unwrap());
    let opened = open_delta(&table(&root, "public", "t"));
    assert_eq!(opened.snapshot().unwrap().metadata().partition_columns(), ["x"]);
    assert_eq!(opened.snapshot().unwrap().metadata().id(), id, "it is still the same table");
    let seen = read_delta(&table(&root, "public", "t"));
    assert_eq!((integers(&seen, "when"), texts(&seen, "x")), (vec![1], vec!["y".to_owned()]));
}

#[test]
fn an_empty_frame_is_an_empty_table_with_its_columns() {
    let root = tempdir().unwrap();
    run_all(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    let partitioned = frame_builder("p", abc().head(Some(0)), |asset| asset.partition_expr("a"));
    let empty = lakehouse(&root, [frame_asset("t", abc().head(Some(0))), partitioned]).build().unwrap();
    run_all(&empty);
    for name in ["t", "p"] {
        let frame: DataFrame = block_on(empty.load_frame(&key(name))).unwrap();
        assert_eq!((frame.height(), names(&frame)), (0, vec!["a", "b"]), "{name}");
    }
}

#[test]
fn a_folder_that_is_no_table_and_a_damaged_log_are_left_alone() {
    let root = tempdir().unwrap();
    let path = table(&root, "public", "t");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    let ours = lakehouse(&root, [frame_asset("t", abc())]).build().unwrap();
    let failure = run_to_failure(&ours);
    assert_eq!(failure.code, ErrorKind::NotATable.code());
    assert!(failure.message.contains("holds `notes.txt` and no `_delta_log`"), "{failure:?}");
    assert_eq!(files_below(&path), [PathBuf::from("notes.txt")]);

    std::fs::remove_file(path.join("notes.txt")).unwrap();
    run_all(&ours);
    run_all(&ours);
    let commit = path.join("_delta_log/00000000000000000001.json");
    let whole = std::fs::read(&commit).unwrap();
    std::fs::write(&commit, &whole[..whole.len() / 2]).unwrap();
    let files = files_below(&path);
    let failure = run_to_failure(&ours);
    assert_eq!(failure.code, ErrorKind::Corrupt.code(), "{failure:?}");
    assert_eq!(files_below(&path), files);
    std::fs::write(&commit, whole).unwrap();
    assert_eq!(integers(&read_delta(&path), "a"), [1, 2, 3]);
}

#[test]
fn a_log_that_cannot_be_understood_from_its_first_commit_is_damaged_not_absent() {
    let root = tempdir().unwrap();
    let log = table(&root, "public", "t").join("_delta_log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("00000000000000000000.json"), "").unwrap();
    let failure = run_to_failure(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Corrupt.code(), "{failure:?}");
    assert_eq!(std::fs::read(log.join("00000000000000000000.json")).unwrap(), b"");
}

#[test]
fn data_files_of_somebody_else_are_no_table_and_stay() {
    let root = tempdir().unwrap();
    let path = table(&root, "public", "t");
    std::fs::create_dir_all(path.join("day=1")).unwrap();
    std::fs::write(path.join("day=1/part-00000-6f1c-c000.snappy.parquet"), "theirs").unwrap();
    let failure = run_to_failure(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::NotATable.code(), "{failure:?}");
    assert_eq!(files_below(&path).len(), 1);
}

#[test]
fn a_root_with_links_and_dots_is_one_place() {
    let root = tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("far/away")).unwrap();
    std::os::unix::fs::symlink(root.path().join("far/away"), root.path().join("link")).unwrap();
    let lakehouse = lakehouse(&root, [frame_asset("t", abc())]);
    let lakehouse = lakehouse.io_manager("delta", DeltaIoManager::new(root.path().join("link/../lake"))).build().unwrap();
    run_all(&lakehouse);
    let stored: DataFrame = block_on(lakehouse.load_frame(&key("t"))).unwrap();
    assert_eq!(integers(&stored, "a"), [1, 2, 3]);
    assert!(root.path().join("far/lake/public/t/_delta_log").is_dir(), "as the file system resolves it");
}

#[test]
fn a_root_that_cannot_be_a_folder_is_named() {
    let root = tempdir().unwrap();
    std::fs::write(root.path().join("delta"), "a file").unwrap();
    let failure = run_to_failure(&lakehouse(&root, [frame_asset("t", abc())]).build().unwrap());
    assert_eq!(failure.code, ErrorKind::Io.code(), "{failure:?}");
    assert!(failure.context.iter().any(|(name, value)| name == "location" && value.ends_with("delta/public/t")), "{failure:?}");
    assert_eq!(std::fs::read(root.path().join("delta")).unwrap(), b"a file");
}

#[test]
fn the_commit_says_which_run_and_asset_made_it() {
    let root = tempdir().unwrap();
    let asset = frame_builder("t", abc(), |asset| asset.code_version("7"));
    let lakehouse = lakehouse(&root, [asset]).build().unwrap();
    let report = run_all(&lakehouse);
    let commit = std::fs::read_to_string(table(&root, "public", "t").join("_delta_log/00000000000000000000.json")).unwrap();
    let info = commit
        .lines()
        .find_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap().get("commitInfo").cloned())
        .unwrap();
    assert_eq!(info["lakewright.run"], report.run);
    assert_eq!(info["lakewright.asset"], "t");
    assert_eq!(info["lakewright.codeVersion"], "7");
    let described = block_on(lakehouse.describe(&key("t"))).unwrap();
    assert_eq!((described.run, described.rows, described.version), (Some(report.run), Some(3), Some(0)));
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect()
}

/// A store with one staged frame, driven by hand.
struct ByHand {
    store: DeltaIoManager,
    asset: AssetSpec,
    run: RunInfo,
    env: Arc<SystemEnv>,
}

impl ByHand {
    fn new(root: &TempDir) -> Self {
        let store = DeltaIoManager::new(root.path().join("delta"));
        Self { store, asset: frame_asset("t", abc()), run: RunInfo::new("by-hand", 1), env: Arc::new(SystemEnv::new()) }
    }

    fn request(&self) -> StoreRequest<'_> {
        let env: Arc<dyn lakewright::env::Env> = self.env.clone();
        StoreRequest::new(&self.asset, &Slice::Whole, &self.run, env)
    }

    async fn stage(&self, frame: DataFrame) -> lakewright::io::Staged {
        self.store.stage(self.request(), Value::Table(frame.into_table())).await.unwrap()
    }

    async fn rows(&self) -> Option<DataFrame> {
        let env: Arc<dyn lakewright::env::Env> = self.env.clone();
        let value = self.store.load(LoadRequest::new(&self.asset, &Slice::Whole, env.clone())).await.unwrap()?;
        let Value::Table(table) = value else { panic!("a table") };
        Some(lakewright::env::blocking(&env, move || DataFrame::from_table(table)).await.unwrap())
    }

    fn id(&self, log: &str, number: i64) -> CommitId {
        CommitId::new(log, &self.asset.key, &Slice::Whole, number)
    }
}

#[test]
fn what_is_staged_is_invisible_until_it_is_committed_and_gone_when_discarded() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(&root);
        let staged = by_hand.stage(version("one")).await;
        assert!(by_hand.rows().await.is_none());
        by_hand.store.discard(by_hand.request(), vec![staged]).await.unwrap();
        assert_eq!(files_below(root.path()), Vec::<PathBuf>::new());
        let staged = by_hand.stage(version("two")).await;
        // What is staged survives being sent to another process.
        let staged = serde_json::from_str(&serde_json::to_string(&staged).unwrap()).unwrap();
        by_hand.store.commit(by_hand.request(), vec![staged], &by_hand.id("log", 1)).await.unwrap();
        assert_eq!(texts(&by_hand.rows().await.unwrap(), "a"), ["two"; 3]);
    });
}

#[test]
fn the_same_commit_again_does_nothing_and_an_older_one_is_superseded() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(&root);
        let (one, two) = (by_hand.stage(version("one")).await, by_hand.stage(version("two")).await);
        let commit = async |staged: &lakewright::io::Staged, log: &str, number| {
            by_hand.store.commit(by_hand.request(), vec![staged.clone()], &by_hand.id(log, number)).await
        };
        assert!(!commit(&one, "log", 1).await.unwrap().already);
        assert!(commit(&one, "log", 1).await.unwrap().already);
        assert_eq!(commit(&two, "log", 2).await.unwrap().version, Some(1));
        let error = commit(&one, "log", 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Superseded);
        assert_eq!(texts(&by_hand.rows().await.unwrap(), "a"), ["two"; 3]);
        let ids = [by_hand.id("log", 1), by_hand.id("log", 2), by_hand.id("log", 3), by_hand.id("another", 1)];
        use lakewright::io::CommitState::{Absent, Committed, Superseded};
        assert_eq!(by_hand.store.committed(by_hand.request(), &ids).await.unwrap(), [Superseded, Committed, Absent, Absent]);
    });
}

#[test]
fn what_is_live_is_never_discarded() {
    let root = tempdir().unwrap();
    block_on(async {
        let by_hand = ByHand::new(&root);
        let staged = by_hand.stage(version("one")).await;
        by_hand.store.commit(by_hand.request(), vec![staged.clone()], &by_hand.id("log", 1)).await.unwrap();
        // As a step does that was told of an error although its commit had landed.
        by_hand.store.discard(by_hand.request(), vec![staged]).await.unwrap();
        assert_eq!(texts(&by_hand.rows().await.unwrap(), "a"), ["one"; 3]);
    });
}

#[test]
fn two_first_writes_and_many_overwrites_at_once_leave_the_rows_of_exactly_one() {
    let root = tempdir().unwrap();
    block_on(async {
        let writers: Vec<_> = (0..8).map(|_| Arc::new(ByHand::new(&root))).collect();
        let mut staged = Vec::new();
        for (number, writer) in writers.iter().enumerate() {
            staged.push(writer.stage(version(&number.to_string())).await);
        }
        let commits = writers.iter().zip(staged).enumerate().map(|(number, (writer, staged))| {
            let writer = Arc::clone(writer);
            tokio::spawn(async move {
                let id = writer.id(&format!("log-{number}"), 1);
                writer.store.commit(writer.request(), vec![staged], &id).await
            })
        });
        let versions = futures::future::join_all(commits).await.into_iter().map(|done| done.unwrap().unwrap().version.unwrap());
        let mut versions: Vec<_> = versions.collect();
        versions.sort_unstable();
        assert_eq!(versions, (0..8).collect::<Vec<_>>(), "each commit is a version of its own");
        let rows = texts(&writers[0].rows().await.unwrap(), "a");
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|text| *text == rows[0]), "rows of one writer only: {rows:?}");
    });
}

/// Stores a table, changes its first commit as another writer might have written it, and expects the next run to be refused with
/// everything left as it is.
#[track_caller]
fn refused_after(find: &str, replace: &str, says: &str) {
    let root = tempdir().unwrap();
    let ours = lakehouse(&root, [frame_asset("t", abc())]).build().unwrap();
    run_all(&ours);
    let path = table(&root, "public", "t");
    let commit = path.join("_delta_log/00000000000000000000.json");
    let written = std::fs::read_to_string(&commit).unwrap();
    let changed = written.replacen(find, replace, 1);
    assert_ne!(changed, written, "`{find}` is in the commit");
    std::fs::write(&commit, &changed).unwrap();
    let files = files_below(&path);
    let failure = run_to_failure(&ours);
    assert_eq!(failure.code, ErrorKind::Unsupported.code(), "{failure:?}");
    assert!(failure.message.contains(says), "{failure:?}");
    assert_eq!(std::fs::read_to_string(&commit).unwrap(), changed);
    assert_eq!(files_below(&path), files);
}

#[test]
fn a_table_whose_columns_have_constraints_is_not_written() {
    refused_after("\\\"nullable\\\":true", "\\\"nullable\\\":false", "the column `a` of the table has a constraint");
}

#[test]
fn a_table_with_column_mapping_is_refused() {
    let mapped = "\"configuration\":{\"delta.columnMapping.mode\":\"name\"}";
    refused_after("\"configuration\":{}", mapped, "uses column mapping");
}
