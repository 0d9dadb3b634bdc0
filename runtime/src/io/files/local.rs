//! Files in folders.
//!
//! The rename is the commit. Around it, the manifest of the asset is written first as pending and renamed last, so that a
//! commit that is tried again after a crash between the two can tell that its file is already in place.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::parse;
use super::{Commit, FilePlace, FileSpace, MANIFESTS, Manifest, io_error, sync};
use crate::error::Result;
use crate::io::Committed;

impl FileSpace {
    fn below(&self, key: &str) -> PathBuf {
        self.storage().local_path().unwrap_or(Path::new(".")).join(key)
    }

    /// Replaces the file of an asset by a rename, under its lock.
    pub(super) fn rename_in_place(&self, commit: &Commit<'_>) -> Result<Committed> {
        let Commit { place, staged, payload, mode, id, .. } = *commit;
        let (source, target_key) = (self.below(&payload.key()), self.key(place, &payload.extension)?);
        let target = self.below(&target_key);
        let _lock = self.lock(place)?;
        self.finish_earlier(place)?;
        if let Some(settled) = self.settled(place, staged, mode, id)? {
            if settled.ignored.is_some() || settled.already {
                remove_if_there(&source)?;
            }
            return Ok(settled);
        }

        let pending = self.manifest_path(place, "json.pending");
        if let Some(file) = self.file_id(&payload.key())? {
            let record = serde_json::to_vec_pretty(&commit.manifest(file)).map_err(io::Error::from)?;
            // All of it or nothing: one that a full disk or a crash cut off would keep everybody from the file.
            self.storage().put(&manifest_key(place, "json.pending"), record)?;
            sync(parent(&pending))?;
            if let Err(error) = fs::rename(&source, &target) {
                // Otherwise it would say of the old file that it is the new one.
                remove_if_there(&pending)?;
                return Err(io_error(&error, "replace", &target));
            }
        } else {
            // A try of the same commit may have come as far as the rename: then the file in place is the one that was staged.
            let begun = self.read_manifest(place, "json.pending")?.filter(|known| known.commit == *id);
            let there = self.file_id(&target_key)?;
            if begun.is_none_or(|known| there != Some(known.file)) {
                return Err(io_error(&io::ErrorKind::NotFound.into(), "find the staged file", &source));
            }
        }
        // From here readers see the new file, so nothing below may say that the commit failed.
        if let Err(error) = self.finish(place, &target, &payload.extension) {
            tracing::warn!(%error, asset = %place, "the file is in place, and its manifest is not");
        }
        Ok(commit.done())
    }

    /// Finishes what a crash left between its rename and its manifest, which is about to be written over.
    fn finish_earlier(&self, place: &FilePlace) -> Result<()> {
        let Some(known) = self.read_manifest(place, "json.pending")? else { return Ok(()) };
        let key = self.key(place, &known.extension)?;
        if self.file_id(&key)?.as_ref() == Some(&known.file) {
            self.finish(place, &self.below(&key), &known.extension)?;
        }
        Ok(())
    }

    /// Makes the rename durable and the pending manifest the present one. Until then, [`FileSpace::manifest`] looks at both.
    fn finish(&self, place: &FilePlace, target: &Path, extension: &str) -> Result<()> {
        sync(parent(target))?;
        let manifest = self.manifest_path(place, "json");
        let previous = self.read_manifest(place, "json")?.map(|known| known.extension).filter(|known| known != extension);
        let pending = self.manifest_path(place, "json.pending");
        fs::rename(&pending, &manifest).map_err(|error| io_error(&error, "replace", &manifest))?;
        sync(parent(&manifest))?;
        if let Some(previous) = previous {
            let old = self.key(place, &previous)?;
            // Where small letters and capitals are the same to the disk, `png` may be the `PNG` that has just come.
            if !previous.eq_ignore_ascii_case(extension) || self.file_id(&old)? != self.file_id(&self.key(place, extension)?)? {
                remove_if_there(&self.below(&old))?;
            }
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

    pub(super) fn delete_locked(&self, place: &FilePlace, key: &str) -> Result<()> {
        let _lock = self.lock(place)?;
        let (file, manifest) = (self.below(key), self.manifest_path(place, "json"));
        remove_if_there(&file)?;
        remove_if_there(&self.manifest_path(place, "json.pending"))?;
        remove_if_there(&manifest)?;
        // Whoever asked records that it is gone, so a power cut must not bring it back. Where nothing was ever stored, there is no folder.
        let folders = [parent(&file), parent(&manifest)];
        folders.into_iter().filter(|folder| folder.exists()).try_for_each(sync)
    }

    pub(super) fn local_manifest(&self, place: &FilePlace) -> Result<Option<Manifest>> {
        let mut seen = Vec::new();
        loop {
            let mut read = Vec::new();
            for suffix in ["json.pending", "json"] {
                let Some(known) = self.read_manifest(place, suffix)? else { continue };
                if self.file_id(&self.key(place, &known.extension)?)?.as_ref() == Some(&known.file) {
                    return Ok(Some(known));
                }
                read.push(known.commit);
            }
            // The file may have been put in place after its manifests were read, and is somebody else's only if not.
            if read == seen {
                return Ok(None);
            }
            seen = read;
        }
    }

    /// The manifest with this suffix; nothing if there is none.
    fn read_manifest(&self, place: &FilePlace, suffix: &str) -> Result<Option<Manifest>> {
        let path = self.manifest_path(place, suffix);
        match fs::read(&path) {
            Ok(text) => parse(&text, &path.to_string_lossy()).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&error, "read", &path)),
        }
    }

    fn manifest_path(&self, place: &FilePlace, suffix: &str) -> PathBuf {
        self.below(&manifest_key(place, suffix))
    }
}

fn manifest_key(place: &FilePlace, suffix: &str) -> String {
    format!("{MANIFESTS}/{}.{suffix}", place.key())
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
