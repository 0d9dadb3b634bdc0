//! Files that are replaced whole, in a folder or a part of a bucket: written aside, put in place, and remembered in a manifest.
//!
//! How a file is put in place differs: a folder renames, under a lock (`local`); a bucket copies, under a claim (`remote`). What
//! a commit means is the same for both, and here.

mod local;
mod manifest;
mod place;
mod remote;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use manifest::{FileId, Manifest};
pub use place::FilePlace;

use super::storage::{Storage, Upload};
use super::{CommitState, Committed, Description, Location, Probe, RunInfo, Staged, StoreRequest};
use crate::asset::{AssetSpec, Mode};
use crate::commit::CommitId;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::slice::Slice;

/// The folder under a base that holds manifests; no asset may be named like it.
const MANIFESTS: &str = ".lakewright";

/// A folder or a part of a bucket in which each asset is a file, or each partition of it is one. Its methods block.
#[derive(Debug, Clone)]
pub struct FileSpace {
    storage: Storage,
}

/// The payload of something staged in a [`FileSpace`].
#[derive(Debug, Serialize, Deserialize)]
struct StagedFile {
    /// Relative to the base, so that a base that moves takes its staged files along.
    path: PathBuf,
    extension: String,
    /// Whether reading the file gives back the rows as they were.
    #[serde(default)]
    exact: bool,
    /// The columns, as the format knows them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<serde_json::Value>,
    /// The options of the store that the file is written with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<Vec<(String, MetadataValue)>>,
}

impl StagedFile {
    fn of(staged: &Staged) -> Result<Self> {
        staged.payload("a file store")
    }

    fn key(&self) -> String {
        self.path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
    }
}

/// A file that is to be put in place, and as what.
struct Commit<'a> {
    place: &'a FilePlace,
    staged: &'a Staged,
    payload: &'a StagedFile,
    mode: Mode,
    run: &'a RunInfo,
    id: &'a CommitId,
    now: Timestamp,
}

impl Commit<'_> {
    fn manifest(&self, file: FileId) -> Manifest {
        let StagedFile { extension, schema, options, .. } = self.payload;
        Manifest::new(self.id, self.run, extension, self.staged, file).schema(schema.clone()).options(options.clone())
    }

    fn done(&self) -> Committed {
        Committed::new().table_rows(self.staged.rows).exact(self.payload.exact)
    }
}

/// A file that is being written where nobody looks.
#[derive(Debug)]
pub struct StagingFile {
    key: String,
    target: String,
    extension: String,
    options: Option<Vec<(String, MetadataValue)>>,
}

impl StagingFile {
    /// Written with these options of its store, by which it has to be read for as long as it is there.
    #[must_use]
    pub fn options(mut self, options: Option<Vec<(String, MetadataValue)>>) -> Self {
        self.options = options;
        self
    }
}

impl FileSpace {
    /// The files under this folder, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self::at(Storage::local(base))
    }

    /// The files in this folder or part of a bucket.
    #[must_use]
    pub fn at(storage: Storage) -> Self {
        Self { storage }
    }

    /// Where the files are.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The name of the file of an asset below the base, with `/` between its parts.
    ///
    /// # Errors
    /// If the key would be in the folder of the manifests.
    pub fn key(&self, place: &FilePlace, extension: &str) -> Result<String> {
        place.check()?;
        Ok(format!("{}.{extension}", place.key()))
    }

    /// The name of the folder of an asset below the base.
    ///
    /// # Errors
    /// As [`FileSpace::key`].
    pub fn folder_key(&self, asset: &AssetKey) -> Result<String> {
        let place = FilePlace::of(asset);
        place.check()?;
        Ok(place.key())
    }

    /// Where a file is, for people.
    #[must_use]
    pub fn location_of(&self, key: &str) -> String {
        format!("{}/{key}", self.storage)
    }

    /// Something below the base as a location: absolute, with the base resolved through links.
    ///
    /// # Errors
    /// If there is no current folder.
    pub fn location(&self, key: &str) -> Result<Location> {
        Ok(Location::new(format!("{}/{key}", self.storage.resolved()?)))
    }

    /// The folder for rows that are on their way into files here.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        match self.storage.local_path() {
            Some(base) => base.join(MANIFESTS).join("spool"),
            None => std::env::temp_dir().join("lakewright-spool"),
        }
    }

    /// The file of a slice, or the folder of all partitions, as a location.
    ///
    /// # Errors
    /// As [`FileSpace::key`] and [`FileSpace::location`].
    pub fn locate(&self, asset: &AssetSpec, slice: &Slice, extension: &str) -> Result<Location> {
        let Some(def) = &asset.partitions else { return self.location(&self.key(&FilePlace::of(&asset.key), extension)?) };
        let one = match slice {
            Slice::Whole => None,
            slice => Some(def.resolve(slice)?).filter(|keys| keys.len() == 1),
        };
        match one {
            Some(keys) => self.location(&self.key(&FilePlace::of_keys(&asset.key, Some(&keys))?, extension)?),
            None => self.location(&self.folder_key(&asset.key)?),
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn exists(&self, key: &str) -> Result<bool> {
        self.storage.exists(key)
    }

    /// Whether a folder is there; in a bucket, whether anything is below it.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn folder_exists(&self, folder: &str) -> Result<bool> {
        match self.storage.local_path() {
            Some(base) => Ok(base.join(folder).is_dir()),
            None => Ok(!self.storage.list(folder)?.is_empty()),
        }
    }

    /// Which of the files of an asset are there.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn present(&self, folder: &str, keys: &[String]) -> Result<Vec<bool>> {
        // One request for all of them, rather than one for each.
        if !self.storage.is_local() && keys.len() > 2 {
            let there = self.storage.list(folder)?;
            return Ok(keys.iter().map(|key| there.binary_search_by(|entry| entry.path.cmp(key)).is_ok()).collect());
        }
        keys.iter().map(|key| self.exists(key)).collect()
    }

    /// All bytes of a file; nothing if it is not there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.storage.get(key)
    }

    /// The files with this extension below a folder, sorted; nothing if it is not there. What begins with `_` or `.` is a mark or a
    /// checksum of its writer.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn data_files(&self, folder: &str, extension: &str) -> Result<Option<Vec<String>>> {
        if !self.folder_exists(folder)? {
            return Ok(None);
        }
        let extension = format!(".{extension}");
        let below = |key: &str| key.get(folder.len() + 1..).unwrap_or_default().to_owned();
        let is_data = |key: &String| key.ends_with(&extension) && !below(key).split('/').any(|part| part.starts_with(['_', '.']));
        let mut files: Vec<String> = self.storage.list(folder)?.into_iter().map(|entry| entry.path).filter(is_data).collect();
        files.sort();
        Ok(Some(files))
    }

    /// A new file where nobody looks, to be the one of an asset, and what is written into it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(&self, place: &FilePlace, extension: &str, env: &dyn Env) -> Result<(StagingFile, Upload)> {
        let target = self.key(place, extension)?;
        let key = if self.storage.is_local() {
            // Beside its place, so that it is on the same disk.
            let folders = place.segments.split_last().map_or(&[][..], |(_, folders)| folders);
            let name = format!(".{}.{}.staged", place.file_name(), unique_id(env));
            folders.iter().cloned().chain([name]).collect::<Vec<_>>().join("/")
        } else {
            format!("{MANIFESTS}/staged/{}.{extension}", unique_id(env))
        };
        let upload = self.storage.upload(&key)?;
        Ok((StagingFile { key, target, extension: extension.to_owned(), options: None }, upload))
    }

    /// Describes a file whose upload is finished. `exact` says whether reading it gives back what was written, and `schema` what its
    /// format has to know for that.
    ///
    /// # Errors
    /// If it is not there.
    pub fn staged(&self, file: StagingFile, exact: bool, schema: Option<serde_json::Value>) -> Result<Staged> {
        let Some(entry) = self.storage.entry(&file.key)? else {
            return Err(Error::new(ErrorKind::Io, format!("`{}` is gone", self.location_of(&file.key))));
        };
        let payload = StagedFile { path: file.key.into(), extension: file.extension, exact, schema, options: file.options };
        let payload = serde_json::to_value(payload).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Staged::new(payload).bytes(entry.bytes))
    }

    /// Removes a file that will not be finished, and is the error that kept it from that: a full disk is told as such, whoever noticed
    /// it.
    #[must_use]
    pub fn abandoned(&self, file: &StagingFile, error: Error, asset: &AssetKey) -> Error {
        // If it cannot be removed, the first error still tells more.
        drop(self.storage.delete(&file.key));
        // What frame libraries keep of an error of the system is its text, and not always its kind.
        let all = format!("{error:?}");
        let full =
            ["No space left on device", "Disk quota exceeded", "File too large"].into_iter().any(|text| all.contains(text));
        let error = if full {
            let message = format!("there is no room left for `{}`", self.location_of(&file.target));
            Error::new(ErrorKind::Io, message).source(error).help("make room, or store it elsewhere").retryable()
        } else {
            error
        };
        error.with("asset", asset).with("location", self.location_of(&file.target))
    }

    /// Puts each staged file in its place, one after the other: all of them if nothing fails, and those that were put in place before
    /// a failure are found there when the same commit is made again.
    ///
    /// # Errors
    /// If a newer commit is there already, the mode refuses to replace what is there, or the store refuses; the old file is then still
    /// in its place.
    pub fn commit_all(&self, request: &StoreRequest<'_>, staged: &[Staged], id: &CommitId) -> Result<Committed> {
        let mut pieces = Vec::with_capacity(staged.len());
        for piece in staged {
            let keys = StoreRequest { slice: &piece.slice, ..request.clone() }.keys()?;
            pieces.push((FilePlace::of_keys(&request.asset.key, keys.as_ref())?, piece, keys));
        }
        // Each file is looked at again under its lock; this keeps most of what would fail there from failing half way.
        for (place, piece, _) in &pieces {
            self.settled(place, piece, request.mode, id)?;
        }
        let mut sum = Committed::new().table_rows(Some(0)).already();
        let mut ignored = Vec::new();
        for (place, piece, keys) in pieces {
            let one = self.commit(request, &place, piece, id).map_err(|error| error.with("asset", &request.asset.key))?;
            sum.already &= one.already;
            sum.exact = staged.len() == 1 && one.exact;
            sum.table_rows = one.table_rows.filter(|_| keys.is_none());
            ignored.extend(one.ignored.map(|_| piece.slice.clone()));
        }
        sum.ignored = match (&ignored[..], &request.asset.partitions) {
            ([], _) => None,
            (_, Some(def)) => Some(def.combine(&ignored)?.slice()),
            (_, None) => Some(Slice::Whole),
        };
        Ok(sum)
    }

    /// Puts a staged file in its place.
    fn commit(&self, request: &StoreRequest<'_>, place: &FilePlace, staged: &Staged, id: &CommitId) -> Result<Committed> {
        let payload = StagedFile::of(staged)?;
        let (mode, run, now) = (request.mode, request.run, request.env.now());
        let commit = Commit { place, staged, payload: &payload, mode, run, id, now };
        match self.storage.local_path() {
            Some(_) => self.rename_in_place(&commit),
            None => self.copy_in_place(&commit),
        }
    }

    /// What the commit of a staged file comes to where nothing is left to do; nothing if it is to be put in its place.
    ///
    /// # Errors
    /// If a newer commit is there already, or the mode refuses to replace what is there.
    fn settled(&self, place: &FilePlace, staged: &Staged, mode: Mode, id: &CommitId) -> Result<Option<Committed>> {
        let key = self.key(place, &StagedFile::of(staged)?.extension)?;
        let known = self.manifest(place)?;
        if let Some(known) = known.as_ref().filter(|known| known.commit.application() == id.application()) {
            match CommitState::of(id.number, Some(known.commit.number)) {
                CommitState::Committed => return Ok(Some(Committed::new().table_rows(known.rows).already())),
                CommitState::Superseded => {
                    let message =
                        format!("commit {} of {place} comes after {}, which replaced it", id.number, known.commit.number);
                    return Err(Error::new(ErrorKind::Superseded, message).with("location", self.location_of(&key)));
                }
                CommitState::Absent | CommitState::Forgotten => {}
            }
        }
        if mode == Mode::Overwrite || (known.is_none() && !self.exists(&key)?) {
            return Ok(None);
        }
        if mode == Mode::Ignore {
            return Ok(Some(Committed::new().ignored(Some(staged.slice.clone()))));
        }
        let message =
            format!("{place} was stored by somebody else in the meantime, and `mode = \"error\"` refuses to replace it");
        let error = Error::new(ErrorKind::Present, message).with("location", self.location_of(&key));
        Err(error.help("remove what is stored, or choose another `mode`"))
    }

    /// Removes staged files.
    ///
    /// # Errors
    /// If one is there and cannot be removed.
    pub fn discard(&self, staged: &[Staged]) -> Result<()> {
        staged.iter().try_for_each(|staged| self.storage.delete(&StagedFile::of(staged)?.key()))
    }

    /// Removes the file of an asset and its manifest.
    ///
    /// # Errors
    /// If they are there and cannot be removed.
    pub fn delete(&self, place: &FilePlace, extension: &str, env: &dyn Env) -> Result<()> {
        let key = self.key(place, extension)?;
        match self.storage.local_path() {
            Some(_) => self.delete_locked(place, &key),
            None => self.delete_unclaimed(place, &key, env.now()),
        }
    }

    /// What is remembered of the file of an asset; nothing for a file that somebody else put there.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read.
    pub fn manifest(&self, place: &FilePlace) -> Result<Option<Manifest>> {
        match self.storage.local_path() {
            Some(_) => self.local_manifest(place),
            None => self.remote_manifest(place),
        }
    }

    /// What tells the file that is there from others; nothing if there is none.
    fn file_id(&self, key: &str) -> Result<Option<FileId>> {
        Ok(self.storage.entry(key)?.as_ref().map(FileId::of))
    }

    /// What became of commits of several files, in the same order: each has landed once it has in all of them.
    ///
    /// # Errors
    /// If a manifest cannot be read.
    pub fn committed_in_all(&self, places: &[FilePlace], ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let mut states: Option<Vec<CommitState>> = None;
        for place in places {
            let found = self.committed(place, ids)?;
            states = Some(match states {
                None => found,
                Some(known) => known.into_iter().zip(found).map(|(one, other)| one.and(other)).collect(),
            });
        }
        Ok(states.unwrap_or_else(|| vec![CommitState::Absent; ids.len()]))
    }

    /// What became of commits.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read.
    pub fn committed(&self, place: &FilePlace, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let known = self.manifest(place)?.map(|manifest| manifest.commit);
        let last =
            |id: &CommitId| known.as_ref().filter(|known| known.application() == id.application()).map(|known| known.number);
        Ok(ids.iter().map(|id| CommitState::of(id.number, last(id))).collect())
    }

    /// What is stored for an asset.
    ///
    /// # Errors
    /// If its file or its manifest is there and cannot be read.
    pub fn describe(&self, place: &FilePlace, extension: &str) -> Result<Description> {
        let Some(found) = self.storage.entry(&self.key(place, extension)?)? else { return Ok(Description::default()) };
        let mut description =
            Description { exists: true, bytes: Some(found.bytes), modified: Some(found.modified), ..Description::default() };
        if let Some(manifest) = self.manifest(place)? {
            description.rows = manifest.rows;
            description.columns = manifest.columns;
            description.run = Some(manifest.run.run);
        }
        Ok(description)
    }

    /// Whether files can be made under the base.
    #[must_use]
    pub fn probe(&self, env: &dyn Env) -> Probe {
        self.storage.probe(env)
    }
}

/// An error of the file system: what was tried, where, and whether trying again can help.
#[must_use]
pub fn io_error(error: &io::Error, tried: &str, path: &Path) -> Error {
    let told = Error::new(ErrorKind::Io, format!("cannot {tried} `{}`", path.display())).source(error.to_string());
    match error.kind() {
        io::ErrorKind::PermissionDenied => told.help("check the permissions of the folder"),
        io::ErrorKind::ReadOnlyFilesystem => told.help("the file system is read-only"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => told.help("the disk is full").retryable(),
        io::ErrorKind::FileTooLarge => told.help("the file is larger than the system allows").retryable(),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => told.help("a file is where a folder has to be"),
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::ResourceBusy => told.retryable(),
        _ => told,
    }
}

/// Flushes a file or a folder to the disk.
pub(crate) fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| io_error(&error, "flush", path))
}

/// A folder, resolved through links as far as it exists: one folder has one name, and `..` means what the file system says.
pub(crate) fn resolved(folder: &Path) -> Result<PathBuf> {
    let text = folder.to_string_lossy();
    if text.contains("://") {
        let message = format!("the store keeps its data in a local folder, and its root is `{text}`");
        return Err(Error::new(ErrorKind::Config, message)
            .help("give the store a `Storage::open(…)` instead of a path, or name a folder"));
    }
    let absolute = std::path::absolute(folder).map_err(|error| io_error(&error, "resolve", folder))?;
    for existing in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (existing.canonicalize(), absolute.strip_prefix(existing)) {
            // By components: joined to nothing, a path would end in a separator once its folder is there.
            return Ok(real.components().chain(rest.components()).collect());
        }
    }
    Ok(absolute)
}
