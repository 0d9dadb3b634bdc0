//! Going back: the files of an earlier version become those of a new one.

use std::collections::HashSet;

use deltalake_core::kernel::Action;
use deltalake_core::logstore::object_store::path::Path as ObjectPath;
use deltalake_core::logstore::object_store::{Error as StoreError, ObjectStoreExt};
use deltalake_core::protocol::DeltaOperation;

use super::super::actions::{check_append_only, check_removes};
use super::super::commit::Patience;
use super::super::live::LiveFile;
use super::super::opened::Opened;
use super::super::read::in_order;
use super::super::source::Source;
use super::super::table;
use super::{commit_once, too_busy};
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::maintenance::{Maintained, StoredFile};
use crate::io::storage::Storage;

pub(super) async fn restore(path: &Storage, request: &StoreRequest<'_>, version: i64) -> Result<Maintained> {
    let mut patience = Patience::new(request.env.as_ref());
    let mut lost = None;
    while patience.wait(request.env.as_ref()).await {
        let gone = || Error::new(ErrorKind::Missing, format!("there is no Delta table in `{}`", path.display()));
        let now = table::open(path, request.env.as_ref()).await?.ok_or_else(gone)?;
        let then = table::at_version(path, &now, version).await?;
        table::check_writable(&now, path)?;
        table::check_writable(&then, path)?;

        let (wanted, there) = (in_order(&then), in_order(&now));
        let name = |file: &LiveFile| (file.path().into_owned(), format!("{:?}", file.deletion_vector_descriptor()));
        let names = |files: &[LiveFile]| files.iter().map(name).collect::<HashSet<_>>();
        let (of_wanted, of_there) = (names(&wanted), names(&there));
        let back: Vec<&LiveFile> = wanted.iter().filter(|file| !of_there.contains(&name(file))).collect();
        let away: Vec<&LiveFile> = there.iter().filter(|file| !of_wanted.contains(&name(file))).collect();
        check_there(path, &now, &back, version).await?;
        // Which reads the deletion vectors.
        Source::new(path, &then).await?;

        let mut actions: Vec<Action> = away.iter().map(|file| Action::from(file.remove_action(true))).collect();
        check_removes(&now, &actions, path)?;
        check_append_only(path, "`restore`", &now, &actions)?;
        // As whoever writes files has them: the log is read from its end.
        actions.extend(back.iter().rev().map(|file| Action::Add(file.add_action())));
        if then.metadata() != now.metadata() {
            actions.push(Action::Metadata(then.metadata().clone()));
        }
        let stored = |file: &&LiveFile| StoredFile::new(file.path(), u64::try_from(file.size()).unwrap_or_default());
        let mut maintained = Maintained {
            version: i64::try_from(now.version()).ok(),
            added: back.iter().map(stored).collect(),
            removed: away.iter().map(stored).collect(),
            ..Maintained::new()
        };
        // It is that already: of a restore that is made twice, the second does nothing.
        if actions.is_empty() {
            return Ok(maintained);
        }
        let operation = DeltaOperation::Restore { version: u64::try_from(version).ok(), datetime: None };
        match commit_once(path, request, &now, actions, &[], operation).await? {
            Ok(version) => {
                maintained.version = i64::try_from(version).ok();
                maintained.changed = true;
                return Ok(maintained);
            }
            Err(error) => lost = Some(error),
        }
    }
    Err(too_busy(path, lost))
}

/// Refuses to go back to files that were cleaned up.
async fn check_there(path: &Storage, table: &Opened, files: &[&LiveFile], version: i64) -> Result<()> {
    let store = table.log_store().object_store(None);
    let mut missing = Vec::new();
    for file in files {
        let name = file.path();
        let at = ObjectPath::parse(name.as_ref()).unwrap_or_else(|_| ObjectPath::from(name.as_ref()));
        match store.head(&at).await {
            Ok(_) => {}
            Err(StoreError::NotFound { .. }) => missing.push(name.into_owned()),
            Err(error) => {
                let message = format!("cannot look at the files of the Delta table in `{}`", path.display());
                return Err(Error::new(ErrorKind::Io, message).source(error));
            }
        }
    }
    let Some(first) = missing.first() else { return Ok(()) };
    let message = format!(
        "version {version} of the table in `{}` cannot come back: {} of its files are gone, `{first}` among them",
        path.display(),
        missing.len()
    );
    Err(Error::new(ErrorKind::Missing, message).help("they were removed by a vacuum; choose a newer version"))
}
