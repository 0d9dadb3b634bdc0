//! Files that are replaced whole: written beside, renamed, and remembered in a manifest.
//!
//! The rename is the commit. Around it, the manifest of the asset is written first as pending and renamed last, so that a
//! commit that is tried again after a crash between the two can tell that its file is already in place.

mod manifest;
mod place;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use manifest::{FileId, Manifest};
pub use place::FilePlace;

use manifest::read_manifest;

use super::storage::Storage;
use super::{CommitState, Committed, Description, Location, Probe, RunInfo, Staged, StoreRequest};
use crate::asset::{AssetSpec, Mode};
use crate::commit::CommitId;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::key::AssetKey;
use crate::slice::Slice;

/// The folder under a base that holds manifests; no asset may be named like it.
const MANIFESTS: &str = ".lakewright";

/// A folder in which each asset is a file, or each partition of it is one.
#[derive(Debug, Clone)]
pub struct FileSpace {
    base: PathBuf,
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
}

impl FileSpace {
    /// The files under this folder, which need not exist yet.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// The folder.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The file of an asset.
    ///
    /// # Errors
    /// If the key would be in the folder of the manifests.
    pub fn path(&self, place: &FilePlace, extension: &str) -> Result<PathBuf> {
        if place.segments.first().is_some_and(|first| first == MANIFESTS) {
            let message = format!("`{MANIFESTS}` is where a file store keeps its manifests");
            return Err(Error::new(ErrorKind::InvalidKey, message).help("choose another first segment for the key"));
        }
        Ok(place.below(&self.base).join(format!("{}.{extension}", place.file_name())))
    }

    /// The file of an asset as a location: absolute, with the base resolved through links.
    ///
    /// # Errors
    /// As [`FileSpace::path`], or if there is no current folder.
    pub fn location(&self, place: &FilePlace, extension: &str) -> Result<Location> {
        let path = Self::new(resolved(&self.base)?).path(place, extension)?;
        Ok(Location::new(path.to_string_lossy()))
    }

    /// The folder for rows that are on their way into files here.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.base.join(MANIFESTS).join("spool")
    }

    /// The folder that holds the files of the partitions of an asset.
    ///
    /// # Errors
    /// As [`FileSpace::location`].
    pub fn folder(&self, asset: &AssetKey) -> Result<PathBuf> {
        let place = FilePlace::of(asset);
        let base = Self::new(resolved(&self.base)?);
        base.path(&place, "")?;
        Ok(place.below(&base.base).join(place.file_name()))
    }

    /// The file of a slice, or the folder of all partitions, as a location.
    ///
    /// # Errors
    /// As [`FileSpace::location`].
    pub fn locate(&self, asset: &AssetSpec, slice: &Slice, extension: &str) -> Result<Location> {
        let Some(def) = &asset.partitions else { return self.location(&FilePlace::of(&asset.key), extension) };
        let one = match slice {
            Slice::Whole => None,
            slice => Some(def.resolve(slice)?).filter(|keys| keys.len() == 1),
        };
        match one {
            Some(keys) => self.location(&FilePlace::of_keys(&asset.key, Some(&keys))?, extension),
            None => Ok(Location::new(self.folder(&asset.key)?.to_string_lossy())),
        }
    }

    /// A new place beside the file of an asset; the folder exists when this returns.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn staging_path(&self, place: &FilePlace, extension: &str, env: &dyn Env) -> Result<PathBuf> {
        let target = self.path(place, extension)?;
        let folder = parent(&target);
        fs::create_dir_all(folder).map_err(|error| io_error(&error, "create the folder", folder))?;
        Ok(folder.join(format!(".{}.{}.staged", place.file_name(), unique_id(env))))
    }

    /// Describes a file at a [staging path](FileSpace::staging_path) once it is complete, and makes it durable. `exact` says whether
    /// reading it gives back what was written.
    ///
    /// # Errors
    /// If it cannot be flushed to the disk.
    pub fn staged(&self, path: &Path, extension: &str, exact: bool) -> Result<Staged> {
        let file = File::open(path).map_err(|error| io_error(&error, "open", path))?;
        file.sync_all().map_err(|error| io_error(&error, "flush", path))?;
        let bytes = file.metadata().map_err(|error| io_error(&error, "look at", path))?.len();
        let relative = path.strip_prefix(&self.base).unwrap_or(path).to_owned();
        let payload = serde_json::to_value(StagedFile { path: relative, extension: extension.to_owned(), exact });
        Ok(Staged::new(payload.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?).bytes(bytes))
    }

    /// Puts each staged file in its place, one after the other: all of them if nothing fails, and those that were put in place before
    /// a failure are found there when the same commit is made again.
    ///
    /// # Errors
    /// As [`FileSpace::commit`].
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
            let one = self.commit(&place, piece, request.mode, request.run, id)?;
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
    ///
    /// # Errors
    /// If a newer commit is there already, the mode refuses to replace what is there, or the file system refuses; the old file is then
    /// still in its place.
    pub fn commit(&self, place: &FilePlace, staged: &Staged, mode: Mode, run: &RunInfo, id: &CommitId) -> Result<Committed> {
        let payload: StagedFile = staged.payload("a file store")?;
        let (source, target) = (self.base.join(&payload.path), self.path(place, &payload.extension)?);
        let _lock = self.lock(place)?;
        if let Some(settled) = self.settled(place, staged, mode, id)? {
            if settled.ignored.is_some() {
                remove_if_there(&source)?;
            }
            return Ok(settled);
        }

        let pending = self.manifest_path(place, "json.pending");
        match FileId::of(&source) {
            Ok(file) => {
                let record = Manifest::new(id, run, &payload.extension, staged, file);
                write_durably(&pending, &serde_json::to_vec_pretty(&record).map_err(io::Error::from)?)?;
                if let Err(error) = fs::rename(&source, &target) {
                    // Otherwise it would say of the old file that it is the new one.
                    remove_if_there(&pending)?;
                    return Err(io_error(&error, "replace", &target));
                }
            }
            // A try of the same commit may have come as far as the rename: then the file in place is the one that was staged.
            Err(error) => {
                let begun = read_manifest(&pending)?.filter(|known| known.commit == *id);
                if begun.is_none_or(|known| FileId::of(&target).ok() != Some(known.file)) {
                    return Err(io_error(&error, "find the staged file", &source));
                }
            }
        }
        // From here readers see the new file, so nothing below may say that the commit failed.
        if let Err(error) = self.finish(place, &target, &payload.extension) {
            tracing::warn!(%error, asset = %place, "the file is in place, and its manifest is not");
        }
        Ok(Committed::new().table_rows(staged.rows).exact(payload.exact))
    }

    /// What the commit of a staged file comes to where nothing is left to do; nothing if it is to be put in its place.
    ///
    /// # Errors
    /// If a newer commit is there already, or the mode refuses to replace what is there.
    fn settled(&self, place: &FilePlace, staged: &Staged, mode: Mode, id: &CommitId) -> Result<Option<Committed>> {
        let payload: StagedFile = staged.payload("a file store")?;
        let target = self.path(place, &payload.extension)?;
        let known = self.manifest(place)?;
        if let Some(known) = known.as_ref().filter(|known| known.commit.application() == id.application()) {
            match CommitState::of(id.number, Some(known.commit.number)) {
                CommitState::Committed => return Ok(Some(Committed::new().table_rows(known.rows).already())),
                CommitState::Superseded => {
                    let message =
                        format!("commit {} of {place} comes after {}, which replaced it", id.number, known.commit.number);
                    return Err(Error::new(ErrorKind::Superseded, message).with("location", target.display()));
                }
                CommitState::Absent => {}
            }
        }
        if mode == Mode::Overwrite || (known.is_none() && !target.exists()) {
            return Ok(None);
        }
        if mode == Mode::Ignore {
            return Ok(Some(Committed::new().ignored(Some(staged.slice.clone()))));
        }
        let message =
            format!("{place} was stored by somebody else in the meantime, and `mode = \"error\"` refuses to replace it");
        let error = Error::new(ErrorKind::Present, message).with("location", target.display());
        Err(error.help("remove what is stored, or choose another `mode`"))
    }

    /// Makes the rename durable and the pending manifest the present one. Until then, [`FileSpace::manifest`] looks at both.
    fn finish(&self, place: &FilePlace, target: &Path, extension: &str) -> Result<()> {
        sync(parent(target))?;
        let manifest = self.manifest_path(place, "json");
        let previous = read_manifest(&manifest)?.map(|known| known.extension).filter(|known| known != extension);
        let pending = self.manifest_path(place, "json.pending");
        fs::rename(&pending, &manifest).map_err(|error| io_error(&error, "replace", &manifest))?;
        sync(parent(&manifest))?;
        if let Some(previous) = previous {
            remove_if_there(&self.path(place, &previous)?)?;
        }
        Ok(())
    }

    /// Held while the file of an asset is replaced or removed, by whichever process.
    fn lock(&self, place: &FilePlace) -> Result<File> {
        let path = self.manifest_path(place, "lock");
        let folder = parent(&path);
        fs::create_dir_all(folder).map_err(|error| io_error(&error, "create the folder", folder))?;
        let lock = File::create(&path).map_err(|error| io_error(&error, "create", &path))?;
        lock.lock().map_err(|error| io_error(&error, "lock", &path))?;
        Ok(lock)
    }

    /// Removes staged files.
    ///
    /// # Errors
    /// If one is there and cannot be removed.
    pub fn discard(&self, staged: &[Staged]) -> Result<()> {
        for staged in staged {
            let payload: StagedFile = staged.payload("a file store")?;
            remove_if_there(&self.base.join(payload.path))?;
        }
        Ok(())
    }

    /// Removes the file of an asset and its manifest.
    ///
    /// # Errors
    /// If they are there and cannot be removed.
    pub fn delete(&self, place: &FilePlace, extension: &str) -> Result<()> {
        let path = self.path(place, extension)?;
        let _lock = self.lock(place)?;
        remove_if_there(&path)?;
        remove_if_there(&self.manifest_path(place, "json.pending"))?;
        remove_if_there(&self.manifest_path(place, "json"))
    }

    /// What is remembered of the file of an asset; nothing for a file that somebody else put there.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read.
    pub fn manifest(&self, place: &FilePlace) -> Result<Option<Manifest>> {
        for suffix in ["json.pending", "json"] {
            if let Some(known) = read_manifest(&self.manifest_path(place, suffix))?
                && FileId::of(&self.path(place, &known.extension)?).ok() == Some(known.file)
            {
                return Ok(Some(known));
            }
        }
        Ok(None)
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
        let path = self.path(place, extension)?;
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Description::default()),
            Err(error) => return Err(io_error(&error, "look at", &path)),
        };
        let mut description = Description { exists: true, bytes: Some(found.len()), ..Description::default() };
        description.modified = found.modified().ok().and_then(|modified| modified.try_into().ok());
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
        Storage::local(&self.base).probe(env)
    }

    fn manifest_path(&self, place: &FilePlace, extension: &str) -> PathBuf {
        place.below(&self.base.join(MANIFESTS)).join(format!("{}.{extension}", place.file_name()))
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
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => told.help("a file is where a folder has to be"),
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut | io::ErrorKind::ResourceBusy => told.retryable(),
        _ => told,
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| io_error(&error, "write", path))
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
            return Ok(real.join(rest));
        }
    }
    Ok(absolute)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&error, "remove", path)),
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}
