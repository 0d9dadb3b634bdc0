//! Compaction: small files that lie side by side become one.
//!
//! Only files of one partition, next to each other in the order of the table, so that slices keep files of their own and rows their
//! order. Files of which it is not sure what partitions they hold, and those that mark a partition without rows, stay as they are.

use std::collections::{BTreeMap, HashSet};

use deltalake_core::kernel::{Action, Add};
use deltalake_core::protocol::DeltaOperation;

use super::super::commit::Patience;
use super::super::layout::EMPTY;
use super::super::live::LiveFile;
use super::super::options::target_file_size;
use super::super::read::in_order;
use super::super::rewrite::written_again;
use super::super::slices::{Holds, Partitioned, expr_of};
use super::super::source::{PartitionValues, Source};
use super::super::stage::{StagedFile, remove};
use super::super::table;
use super::{commit_once, too_busy};
use crate::env::blocking;
use crate::error::{Error, ErrorKind, Result};
use crate::io::StoreRequest;
use crate::io::maintenance::{Maintained, StoredFile};
use crate::io::storage::Storage;
use crate::partition::KeySet;

/// About how many bytes a file has if nobody says.
const TARGET: u64 = 128 * 1024 * 1024;

/// Files that become one.
struct Pack {
    files: Vec<LiveFile>,
    /// The one that they became.
    one: Option<StagedFile>,
}

pub(super) async fn optimize(
    path: &Storage,
    request: &StoreRequest<'_>,
    keys: Option<&KeySet>,
    target: Option<u64>,
) -> Result<Maintained> {
    let Some(opened) = table::open(path, request.env.as_ref()).await? else { return Ok(Maintained::new()) };
    table::check_writable(&opened, path)?;
    let source = Source::new(path, &opened).await?;
    let said = opened.metadata().configuration().get("delta.targetFileSize").and_then(|text| text.parse().ok());
    let target = target.or(target_file_size(request.asset)).or(said).unwrap_or(TARGET);
    let mut packs = packs(request, &source, in_order(&opened), keys, target)?;
    if !packs.is_empty() {
        source.refuse_maps()?;
    }
    let written = write(request, &source, &mut packs).await;
    let done = match written {
        Ok(()) => commit(path, request, &mut packs, target).await,
        Err(error) => Err(error),
    };
    // What did not come into the table goes; what cannot be told stays, for a later vacuum.
    if !done.as_ref().is_err_and(Error::is_unsettled)
        && let Ok(Some(now)) = table::open(path, request.env.as_ref()).await
    {
        let live: HashSet<String> = now.files().iter().map(|file| file.path().into_owned()).collect();
        let left: Vec<String> =
            packs.into_iter().filter_map(|pack| pack.one).map(|one| one.path).filter(|one| !live.contains(one)).collect();
        let table = path.to_owned();
        drop(blocking(&request.env, move || remove(&table, left.iter().map(String::as_str))).await);
    }
    done
}

/// Which files become one.
fn packs(
    request: &StoreRequest<'_>,
    source: &Source,
    files: Vec<LiveFile>,
    keys: Option<&KeySet>,
    target: u64,
) -> Result<Vec<Pack>> {
    let partitioned = match (keys, expr_of(request.asset)) {
        (Some(keys), Some(expr)) => Some(Partitioned::new(keys, expr, source)?),
        _ => None,
    };
    // By partition values, and by the partition where those do not tell.
    let mut sorted: BTreeMap<(PartitionValues, Option<u64>), Vec<LiveFile>> = BTreeMap::new();
    for file in files {
        if file.path().rsplit('/').next().is_some_and(|name| name.starts_with(EMPTY)) {
            continue;
        }
        let partition = match partitioned.as_ref().map(|partitioned| partitioned.holds(&file)) {
            None => None,
            Some(Holds::Only(found)) if found.len() == 1 => Some(found[0]),
            Some(_) => continue,
        };
        sorted.entry((source.values_of(&file), partition)).or_default().push(file);
    }
    let mut packs = Vec::new();
    for files in sorted.into_values() {
        let (mut pack, mut bytes) = (Vec::new(), 0);
        for file in files {
            let size = u64::try_from(file.size()).unwrap_or_default();
            let is_small = size < target / 4 * 3 || file.deletion_vector_descriptor().is_some();
            if !is_small || (bytes + size > target && !pack.is_empty()) {
                packs.push(std::mem::take(&mut pack));
                bytes = 0;
            }
            if is_small {
                bytes += size;
                pack.push(file);
            }
        }
        packs.push(pack);
    }
    let worth = |pack: &Vec<LiveFile>| pack.len() > 1 || pack.iter().any(|file| file.deletion_vector_descriptor().is_some());
    Ok(packs.into_iter().filter(worth).map(|files| Pack { files, one: None }).collect())
}

async fn write(request: &StoreRequest<'_>, source: &Source, packs: &mut [Pack]) -> Result<()> {
    for pack in packs {
        let Some(first) = pack.files.first() else { continue };
        let files = pack.files.iter().map(|file| source.file(file)).collect::<Result<_>>()?;
        let rows = source.scan(files, source.values_of(first))?;
        let values = first.partition_values_map().into_iter().collect();
        let one = written_again(request, &source.path, source, &first.path(), values, rows).await?;
        let expected: Option<u64> = pack.files.iter().map(LiveFile::rows).sum();
        let found = one.as_ref().map_or(0, |one| one.rows);
        // Where the first of them is, so that it stays before whatever follows the last.
        let modified = pack.files.iter().map(LiveFile::modification_time).min().unwrap_or_default();
        pack.one = one.map(|one| StagedFile { modified, ..one });
        if expected.is_some_and(|expected| expected != found) {
            let message = format!("files of {} rows have {found} when they are read", expected.unwrap_or_default());
            return Err(
                Error::new(ErrorKind::Corrupt, message).help("nothing was changed; the statistics of the table are wrong")
            );
        }
    }
    Ok(())
}

async fn commit(path: &Storage, request: &StoreRequest<'_>, packs: &mut [Pack], target: u64) -> Result<Maintained> {
    let mut patience = Patience::new(request.env.as_ref());
    let mut lost = None;
    while patience.wait(request.env.as_ref()).await {
        let Some(opened) = table::open(path, request.env.as_ref()).await? else { return Ok(Maintained::new()) };
        let known = |file: &LiveFile| (file.path().into_owned(), format!("{:?}", file.deletion_vector_descriptor()));
        let live: HashSet<(String, String)> = opened.files().iter().map(known).collect();
        // Somebody may have replaced some of them since.
        let good: Vec<&Pack> = packs.iter().filter(|pack| pack.files.iter().all(|file| live.contains(&known(file)))).collect();
        let version = i64::try_from(opened.version()).ok();
        let mut maintained = Maintained { version, ..Maintained::new() };
        if good.is_empty() {
            return Ok(maintained);
        }
        let mut actions: Vec<Action> = Vec::new();
        let added: Vec<StagedFile> = good.iter().filter_map(|pack| pack.one.clone()).collect();
        // The log is read from its end.
        for pack in good.into_iter().rev() {
            actions.extend(pack.files.iter().map(|file| Action::from(file.remove_action(false))));
            if let Some(one) = &pack.one {
                actions.push(Action::Add(Add { data_change: false, ..one.add_action() }));
            }
            let stored = |file: &LiveFile| StoredFile::new(file.path(), u64::try_from(file.size()).unwrap_or_default());
            maintained.removed.extend(pack.files.iter().map(stored));
            maintained
                .added
                .extend(pack.one.iter().map(|one| StoredFile::new(&one.path, u64::try_from(one.size).unwrap_or_default())));
        }
        super::super::actions::check_removes(&opened, &actions, path)?;
        let operation = DeltaOperation::Optimize { predicate: None, target_size: i64::try_from(target).unwrap_or(i64::MAX) };
        match commit_once(path, request, &opened, actions, &added, operation).await? {
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
