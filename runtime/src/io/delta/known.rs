//! Tables as a store last saw them, so that one that nobody else has changed since is not read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deltalake_core::kernel::Action;
use deltalake_core::logstore::commit_uri_from_version;
use deltalake_core::logstore::object_store::path::Path as ObjectPath;
use deltalake_core::logstore::object_store::{Error as StoreError, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use futures::TryStreamExt as _;

use super::opened::Opened;
use super::stage::StagedFile;
use super::table;
use crate::commit::CommitId;
use crate::env::Env;
use crate::error::Result;
use crate::io::storage::Storage;

/// How many tables are remembered, and of how many data files together at most.
const MOST_TABLES: usize = 64;
const MOST_FILES: usize = 100_000;

/// What a store knows of its tables. A clone knows the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    tables: Arc<Mutex<HashMap<String, Last>>>,
}

/// A table as it was last seen.
#[derive(Debug, Clone)]
enum Last {
    /// A folder that was free for a table.
    Absent,
    /// A version, and the entry of the log that made it: entries never change, so that a table with this very entry is this table.
    At(Box<(Opened, ObjectMeta)>),
}

impl Known {
    /// The newest version of the table in this folder, or nothing if there is none: as [`table::open`], which it asks unless what is
    /// known is still so.
    pub(super) async fn open(&self, path: &Storage, env: &dyn Env) -> Result<Option<Opened>> {
        if let Some(Last::At(last)) = self.last(path)
            && is_newest(path, &last.0, &last.1).await
        {
            return Ok(Some(last.0));
        }
        let opened = table::open(path, env).await?;
        match &opened {
            Some(opened) => self.remember(path, opened).await,
            None => self.put(path, Some(Last::Absent)),
        }
        Ok(opened)
    }

    /// As [`open`](Self::open), for rows that are only staged: of a folder that was free for a table it is believed that whatever came
    /// into it since is staged rows too. The commit looks at all of it.
    pub(super) async fn open_to_stage(&self, path: &Storage, env: &dyn Env) -> Result<Option<Opened>> {
        // A local folder has to be there to be looked into.
        if let Some(Last::Absent) = self.last(path)
            && let Ok(table) =
                table::builder(path).and_then(|builder| builder.build().map_err(|error| table::failed(error, path, "open")))
            && let Err(StoreError::NotFound { .. }) = table.object_store().head(&commit_uri_from_version(Some(0))).await
        {
            return Ok(None);
        }
        self.open(path, env).await
    }

    /// The table at this version, or the newest.
    pub(super) async fn open_version(&self, path: &Storage, version: Option<i64>, env: &dyn Env) -> Result<Option<Opened>> {
        let newest = self.open(path, env).await?;
        match (&newest, version) {
            (Some(newest), Some(version)) => table::at_version(path, newest, version).await.map(Some),
            _ => Ok(newest),
        }
    }

    /// Our own commit has landed on this version of the table.
    pub(super) async fn landed(&self, path: &Storage, before: &Opened, actions: &[Action], added: &[StagedFile], id: &CommitId) {
        match before.after(actions, added, id) {
            Some(after) => self.remember(path, &after).await,
            None => self.put(path, None),
        }
    }

    /// Somebody else has written to the table: it is read again, by whoever asks next.
    pub(super) fn forget(&self, path: &Storage) {
        self.put(path, None);
    }

    async fn remember(&self, path: &Storage, opened: &Opened) {
        let entry = opened.log_store().object_store(None).head(&commit_uri_from_version(Some(opened.version()))).await;
        // Of a version whose entry is gone it cannot be told whether it is the newest.
        self.put(path, entry.ok().map(|entry| Last::At(Box::new((opened.clone(), entry)))));
    }

    fn last(&self, path: &Storage) -> Option<Last> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(&path.to_string()).cloned()
    }

    fn put(&self, path: &Storage, last: Option<Last>) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let path = path.to_string();
        let Some(last) = last else {
            tables.remove(&path);
            return;
        };
        tables.insert(path, last);
        let files = |last: &Last| if let Last::At(last) = last { last.0.file_count() } else { 0 };
        if tables.len() > MOST_TABLES || tables.values().map(files).sum::<usize>() > MOST_FILES {
            tables.clear();
        }
    }
}

/// Whether nobody has written to the table since: the entry of its version is the one that was seen, and there is none after it. If it
/// cannot be told, it is not.
async fn is_newest(path: &Storage, opened: &Opened, entry: &ObjectMeta) -> bool {
    let store = opened.log_store().object_store(None);
    let of_version = |version| commit_uri_from_version(Some(version));
    let now = store.head(&of_version(opened.version())).await;
    if !now.is_ok_and(|now| now == *entry) {
        return false;
    }
    if path.is_local() {
        return matches!(store.head(&of_version(opened.version() + 1)).await, Err(StoreError::NotFound { .. }));
    }
    // In a bucket whose commits are entered in a table first, listing is what finishes those of writers that have died.
    let mut later = store.list_with_offset(Some(&ObjectPath::from("_delta_log")), &of_version(opened.version()));
    loop {
        match later.try_next().await {
            Ok(Some(file)) if file.location.extension() == Some("json") => return false,
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
