//! Files that are replaced whole: written beside, renamed, and remembered in a manifest.
//!
//! The rename is the commit. Around it, the manifest of the asset is written first as pending and renamed last, so that a
//! commit that is tried again after a crash between the two can tell that its file is already in place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CommitState, Committed, Description, Location, RunInfo, Staged};
use crate::commit::CommitId;
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{AssetKey, path_segment};
use crate::schema::Column;

/// The folder under a base that holds manifests; no asset may be named like it.
const MANIFESTS: &str = ".lakewright";

/// The version of [`Manifest`].
const MANIFEST_VERSION: u32 = 1;

/// A folder in which each asset is a file.
#[derive(Debug, Clone)]
pub struct FileSpace {
    base: PathBuf,
}

/// What is remembered of the file of an asset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub v: u32,
    /// What wrote it.
    pub commit: CommitId,
    /// The run that wrote it.
    pub run: RunInfo,
    /// The extension of the file.
    pub extension: String,
    /// The rows, for tables.
    pub rows: Option<u64>,
    /// The bytes.
    pub bytes: Option<u64>,
    /// The columns, for tables.
    pub columns: Vec<Column>,
    /// The file itself, so that one that somebody else put in its place is not taken for it.
    pub file: FileId,
}

/// What tells a file from another that was put in its place: its inode and its times, which a rename does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    inode: u64,
    bytes: u64,
    modified: i64,
}

impl FileId {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        let modified = found.modified()?.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Ok(Self { inode: inode(&found), bytes: found.len(), modified: i64::try_from(modified).unwrap_or_default() })
    }
}

#[cfg(unix)]
fn inode(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_found: &fs::Metadata) -> u64 {
    0
}

impl Manifest {
    fn new(id: &CommitId, run: &RunInfo, payload: &StagedFile, staged: &Staged, file: FileId) -> Self {
        Self {
            v: MANIFEST_VERSION,
            commit: id.clone(),
            run: run.clone(),
            extension: payload.extension.clone(),
            rows: staged.rows,
            bytes: staged.bytes,
            columns: staged.columns.clone(),
            file,
        }
    }
}

/// The payload of something staged in a [`FileSpace`].
#[derive(Debug, Serialize, Deserialize)]
struct StagedFile {
    /// Relative to the base, so that a base that moves takes its staged files along.
    path: PathBuf,
    extension: String,
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
    pub fn path(&self, key: &AssetKey, extension: &str) -> Result<PathBuf> {
        if &*key.segments()[0] == MANIFESTS {
            let message = format!("`{MANIFESTS}` is where a file store keeps its manifests");
            return Err(Error::new(ErrorKind::InvalidKey, message).help("choose another first segment for the key"));
        }
        let folder = key.prefix().iter().fold(self.base.clone(), |folder, segment| folder.join(path_segment(segment)));
        Ok(folder.join(format!("{}.{extension}", path_segment(key.name()))))
    }

    /// The file of an asset as a location: absolute, with the base resolved through links.
    ///
    /// # Errors
    /// As [`FileSpace::path`], or if there is no current folder.
    pub fn location(&self, key: &AssetKey, extension: &str) -> Result<Location> {
        let path = Self::new(resolved(&self.base)?).path(key, extension)?;
        Ok(Location::new(path.to_string_lossy()))
    }

    /// A new place beside the file of an asset; the folder exists when this returns.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn staging_path(&self, key: &AssetKey, extension: &str, env: &dyn Env) -> Result<PathBuf> {
        let target = self.path(key, extension)?;
        let folder = parent(&target);
        fs::create_dir_all(folder).map_err(|error| io_error(&error, "create the folder", folder))?;
        Ok(folder.join(format!(".{}.{}.staged", path_segment(key.name()), unique_id(env))))
    }

    /// Describes a file at a [staging path](FileSpace::staging_path) once it is complete, and makes it durable.
    ///
    /// # Errors
    /// If it cannot be flushed to the disk.
    pub fn staged(&self, path: &Path, extension: &str) -> Result<Staged> {
        let file = File::open(path).map_err(|error| io_error(&error, "open", path))?;
        file.sync_all().map_err(|error| io_error(&error, "flush", path))?;
        let bytes = file.metadata().map_err(|error| io_error(&error, "look at", path))?.len();
        let relative = path.strip_prefix(&self.base).unwrap_or(path).to_owned();
        let payload = serde_json::to_value(StagedFile { path: relative, extension: extension.to_owned() });
        Ok(Staged::new(payload.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?).bytes(bytes))
    }

    /// Puts a staged file in its place.
    ///
    /// # Errors
    /// If a newer commit is there already, or the file system refuses; the old file is then still in its place.
    pub fn commit(&self, key: &AssetKey, staged: &[Staged], run: &RunInfo, id: &CommitId) -> Result<Committed> {
        let [staged] = staged else {
            return Err(Error::new(ErrorKind::Unsupported, "a file store commits one file at a time"));
        };
        let payload: StagedFile = staged.payload("a file store")?;
        let (source, target) = (self.base.join(&payload.path), self.path(key, &payload.extension)?);
        let _lock = self.lock(key)?;
        if let Some(known) = self.manifest(key)?.filter(|known| known.commit.application() == id.application()) {
            match CommitState::of(id.number, Some(known.commit.number)) {
                CommitState::Committed => return Ok(Committed::new().table_rows(known.rows).already()),
                CommitState::Superseded => {
                    let message =
                        format!("commit {} of `{key}` comes after {}, which replaced it", id.number, known.commit.number);
                    return Err(Error::new(ErrorKind::Superseded, message).with("location", target.display()));
                }
                CommitState::Absent => {}
            }
        }

        let pending = self.manifest_path(key, "json.pending");
        match FileId::of(&source) {
            Ok(file) => {
                let record = Manifest::new(id, run, &payload, staged, file);
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
        if let Err(error) = self.finish(key, &target, &payload.extension) {
            tracing::warn!(%error, asset = %key, "the file is in place, and its manifest is not");
        }
        Ok(Committed::new().table_rows(staged.rows))
    }

    /// Makes the rename durable and the pending manifest the present one. Until then, [`FileSpace::manifest`] looks at both.
    fn finish(&self, key: &AssetKey, target: &Path, extension: &str) -> Result<()> {
        sync(parent(target))?;
        let manifest = self.manifest_path(key, "json");
        let previous = read_manifest(&manifest)?.map(|known| known.extension).filter(|known| known != extension);
        let pending = self.manifest_path(key, "json.pending");
        fs::rename(&pending, &manifest).map_err(|error| io_error(&error, "replace", &manifest))?;
        sync(parent(&manifest))?;
        if let Some(previous) = previous {
            remove_if_there(&self.path(key, &previous)?)?;
        }
        Ok(())
    }

    /// Held while the file of an asset is replaced or removed, by whichever process.
    fn lock(&self, key: &AssetKey) -> Result<File> {
        let path = self.manifest_path(key, "lock");
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
    pub fn delete(&self, key: &AssetKey, extension: &str) -> Result<()> {
        let path = self.path(key, extension)?;
        let _lock = self.lock(key)?;
        remove_if_there(&path)?;
        remove_if_there(&self.manifest_path(key, "json.pending"))?;
        remove_if_there(&self.manifest_path(key, "json"))
    }

    /// What is remembered of the file of an asset; nothing for a file that somebody else put there.
    ///
    /// # Errors
    /// If there is a manifest that cannot be read.
    pub fn manifest(&self, key: &AssetKey) -> Result<Option<Manifest>> {
        for suffix in ["json.pending", "json"] {
            if let Some(known) = read_manifest(&self.manifest_path(key, suffix))?
                && FileId::of(&self.path(key, &known.extension)?).ok() == Some(known.file)
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
    pub fn committed(&self, key: &AssetKey, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let known = self.manifest(key)?.map(|manifest| manifest.commit);
        let last =
            |id: &CommitId| known.as_ref().filter(|known| known.application() == id.application()).map(|known| known.number);
        Ok(ids.iter().map(|id| CommitState::of(id.number, last(id))).collect())
    }

    /// What is stored for an asset.
    ///
    /// # Errors
    /// If its file or its manifest is there and cannot be read.
    pub fn describe(&self, key: &AssetKey, extension: &str) -> Result<Description> {
        let path = self.path(key, extension)?;
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Description::default()),
            Err(error) => return Err(io_error(&error, "look at", &path)),
        };
        let mut description = Description { exists: true, bytes: Some(found.len()), ..Description::default() };
        description.modified = found.modified().ok().and_then(|modified| modified.try_into().ok());
        if let Some(manifest) = self.manifest(key)? {
            description.rows = manifest.rows;
            description.columns = manifest.columns;
            description.run = Some(manifest.run.run);
        }
        Ok(description)
    }

    /// Whether files can be made under the base.
    ///
    /// # Errors
    /// If not.
    pub fn probe(&self, env: &dyn Env) -> Result<()> {
        let existing = self.base.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let path = existing.join(format!(".lakewright-probe-{}", unique_id(env)));
        File::create_new(&path).map_err(|error| io_error(&error, "write to", existing))?;
        remove_if_there(&path)
    }

    fn manifest_path(&self, key: &AssetKey, extension: &str) -> PathBuf {
        let folder = self.base.join(MANIFESTS);
        let folder = key.prefix().iter().fold(folder, |folder, segment| folder.join(path_segment(segment)));
        folder.join(format!("{}.{extension}", path_segment(key.name())))
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

fn read_manifest(path: &Path) -> Result<Option<Manifest>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&error, "read", path)),
    };
    let parsed: Manifest = serde_json::from_slice(&text).map_err(|error| {
        let message = format!("the manifest `{}` is damaged", path.display());
        Error::new(ErrorKind::Corrupt, message).source(error).help("remove it; the file it describes is not touched")
    })?;
    if parsed.v > MANIFEST_VERSION {
        let message =
            format!("the manifest `{}` has version {}, and this program knows {MANIFEST_VERSION}", path.display(), parsed.v);
        return Err(Error::new(ErrorKind::Unsupported, message).help("use the program that wrote it"));
    }
    Ok(Some(parsed))
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
        return Err(Error::new(ErrorKind::Config, message).help("object stores are not built yet; name a folder"));
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
