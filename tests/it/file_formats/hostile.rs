//! Disks that are full, folders that cannot be written to, files that somebody replaces: what was stored still is.

use std::process::Command;

use lakewright::ErrorKind;
use lakewright::prelude::*;
use tempfile::tempdir;

use super::{extension, holding, load};
use crate::support::{files_below, integers, run_all, run_to_failure};

const STORES: [&str; 4] = ["csv", "json", "ipc", "parquet"];

fn small() -> DataFrame {
    df!("n" => [1i64, 2, 3]).unwrap()
}

/// Rows that no compression makes small.
fn large() -> DataFrame {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::from_ne_bytes((state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb).to_ne_bytes())
    };
    df!("n" => (0..200_000).map(|_| next()).collect::<Vec<i64>>()).unwrap()
}

/// Set in the process that may not write large files: the root that it stores below.
const LIMITED: &str = "LAKEWRIGHT_TEST_LIMITED";

/// What the limited process does.
#[test]
fn a_process_that_may_only_write_small_files_says_so() {
    let Some(root) = std::env::var_os(LIMITED) else { return limited() };
    for store in STORES {
        let asset = crate::support::frame_builder("t", large(), |asset| asset.io_manager(store));
        let lakehouse = Lakehouse::builder().root(&root).registry(Registry::from_specs([asset])).build().unwrap();
        let failure = run_to_failure(&lakehouse);
        assert_eq!(failure.code, ErrorKind::Io.code(), "{store}: {failure:?}");
        assert!(failure.retryable, "{store}: {failure:?}");
        let context = format!("{failure:?}");
        assert!(context.contains(store) && context.contains("`t`") | context.contains("\"t\""), "{store}: {context}");
    }
}

/// Starts this test again as a process with a limit on the size of its files, which a full disk is to whoever writes to it.
fn limited() {
    let root = tempdir().unwrap();
    for store in STORES {
        run_all(&holding(&root, store, small()));
    }
    let before = files_below(root.path());
    let name = "file_formats::hostile::a_process_that_may_only_write_small_files_says_so";
    // A shell sets the limit for itself and what it becomes, and without the signal a write is an error.
    let script = "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"";
    let this = std::env::current_exe().unwrap();
    let mut limited = Command::new("bash");
    limited.arg("-c").arg(script).arg(this).args(["--exact", name, "--nocapture"]);
    let output = limited.env(LIMITED, root.path()).output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test ran");
    let data = |files: Vec<std::path::PathBuf>| -> Vec<_> {
        files.into_iter().filter(|file| STORES.iter().any(|store| file.starts_with(store))).collect()
    };
    assert_eq!(data(files_below(root.path())), data(before), "no file is left half written");
    for store in STORES {
        assert_eq!(integers(&load(&holding(&root, store, small()), "t"), "n"), [1, 2, 3], "{store}: what was there still is");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    use std::os::unix::fs::PermissionsExt;
    for store in STORES {
        let root = tempdir().unwrap();
        run_all(&holding(&root, store, small()));
        let folder = root.path().join(store);
        let permit = |mode: u32| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
        permit(0o555);
        if std::fs::write(folder.join("probe"), "").is_ok() {
            std::fs::remove_file(folder.join("probe")).unwrap();
            permit(0o755);
            // Whoever is `root` may write anyway, so a file takes the place of the folder of another asset instead.
            std::fs::write(folder.join("d"), "").unwrap();
            let asset = crate::support::frame_builder("d/t", small(), |asset| asset.io_manager(store));
            let failure = run_to_failure(&crate::support::lakehouse(&root, [asset]).build().unwrap());
            assert_eq!(failure.code, ErrorKind::Io.code());
            assert!(failure.message.contains(&folder.join("d").display().to_string()), "{failure:?}");
        } else {
            let failure = run_to_failure(&holding(&root, store, small()));
            permit(0o755);
            assert_eq!(failure.code, ErrorKind::Io.code());
            assert!(failure.message.contains(&folder.display().to_string()), "{failure:?}");
        }
        assert_eq!(integers(&load(&holding(&root, store, small()), "t"), "n"), [1, 2, 3], "{store}");
    }
}

#[test]
fn a_file_that_is_replaced_between_load_and_store_is_read_as_it_was_when_it_was_opened_or_as_it_is() {
    for store in STORES {
        let root = tempdir().unwrap();
        let lakehouse = holding(&root, store, small());
        run_all(&lakehouse);
        let plan: LazyFrame = crate::support::block_on(lakehouse.load_frame(&crate::support::key("t"))).unwrap();
        run_all(&holding(&root, store, df!("n" => [4i64, 5, 6, 7]).unwrap()));
        let read = plan.collect().unwrap();
        assert_eq!(integers(&read, "n"), [4, 5, 6, 7], "{store}: never half of one and half of the other");
        let file = root.path().join(store).join(format!("t.{}", extension(store)));
        // Somebody else's file is replaced by ours, not mixed with it.
        std::fs::copy(&file, file.with_extension("theirs")).unwrap();
        std::fs::rename(file.with_extension("theirs"), &file).unwrap();
        run_all(&lakehouse);
        assert_eq!(integers(&load(&lakehouse, "t"), "n"), [1, 2, 3], "{store}");
    }
}
