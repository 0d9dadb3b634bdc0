//! Folders.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Entry;
use crate::error::Result;
use crate::io::files::io_error;

fn found(path: &Path, name: String) -> Result<Option<Entry>> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(None),
        Ok(found) => {
            let modified = found.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
            Ok(Some(Entry { path: name, bytes: found.len(), modified, tag: None }))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error(&error, "look at", path)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn entry(folder: &Path, name: &str) -> Result<Option<Entry>> {
    found(&folder.join(name), name.to_owned())
}

pub(super) fn list(root: &Path, folder: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let path = if folder.is_empty() { root.to_owned() } else { root.join(&folder) };
        let inside = match fs::read_dir(&path) {
            Ok(inside) => inside,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(io_error(&error, "list", &path)),
        };
        for one in inside {
            let one = one.map_err(|error| io_error(&error, "list", &path))?;
            let name = one.file_name().to_string_lossy().into_owned();
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if one.path().is_dir() {
                folders.push(name);
            } else {
                // What is removed meanwhile is not there.
                entries.extend(found(&one.path(), name)?);
            }
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

pub(super) fn get(folder: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(io_error(&error, "read", &path)),
    }
}

pub(super) fn tail(folder: &Path, name: &str, bytes: u64) -> Result<Vec<u8>> {
    let path = folder.join(name);
    let read = || {
        let mut file = File::open(&path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    read().map_err(|error: io::Error| io_error(&error, "read", &path))
}

/// Bytes in a file of their own beside the one of this name, on the disk.
fn beside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    make_parent(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{:016x}", rand::random::<u64>()));
    let written = File::create_new(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        drop(fs::remove_file(&beside));
        io_error(&error, "write", path)
    })?;
    Ok(beside)
}

fn make_parent(path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(|error| io_error(&error, "create the folder", parent))
}

pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let beside = beside(&path, bytes)?;
    fs::rename(&beside, &path).map_err(|error| {
        drop(fs::remove_file(&beside));
        io_error(&error, "replace", &path)
    })
}

pub(super) fn put_if_absent(folder: &Path, name: &str, bytes: &[u8]) -> Result<bool> {
    let path = folder.join(name);
    let beside = beside(&path, bytes)?;
    let linked = fs::hard_link(&beside, &path);
    drop(fs::remove_file(&beside));
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error(&error, "create", &path)),
    }
}

pub(super) fn copy(folder: &Path, from: &str, to: &str) -> Result<()> {
    let path = folder.join(from);
    let bytes = fs::read(&path).map_err(|error| io_error(&error, "read", &path))?;
    put(folder, to, &bytes)
}

pub(super) fn delete(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    match fs::remove_file(&path) {
        Err(error) if !is_missing(&error) => Err(io_error(&error, "remove", &path)),
        _ => Ok(()),
    }
}

pub(super) fn create(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    make_parent(&path)?;
    File::create_new(&path).map_err(|error| io_error(&error, "create", &path))
}
