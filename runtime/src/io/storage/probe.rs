//! What can be done with a place, by doing it.

use super::{Place, Storage};
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::Probe;

/// What is tried to be created once has this after its name.
const ONCE: &str = "-once";

impl Storage {
    /// Looks whether it can be reached, listed and written to, whether something can be created that must not be there, and whether it
    /// can be removed. Nothing of what is stored is touched.
    #[must_use]
    pub fn probe(&self, env: &dyn Env) -> Probe {
        let place = match &self.place {
            // A folder is made when something is stored; a file in its place is found to be none.
            Place::Local(path) => {
                let there = path.ancestors().find(|folder| folder.exists()).map(std::path::Path::to_owned);
                Self::local(there.unwrap_or_else(|| ".".into()))
            }
            Place::Remote { .. } => self.clone(),
        };
        let name = format!(".lakewright-probe-{}", unique_id(env));
        let mut probe = Probe::new();
        if !probe.check("reach", place.entry(&name).map(|_| format!("`{place}` answers"))) {
            return probe;
        }
        probe.check("list", place.list(&name).map(|_| format!("`{place}` can be listed")));
        let written = probe.check("write", place.written(&name));
        if written {
            probe.check("put-if-absent", place.created_once(&name));
            let removed = place.delete(&name).and_then(|()| place.remove_once(&name));
            let gone = removed.and_then(|()| {
                if place.exists(&name)? {
                    Err(Error::new(ErrorKind::Io, format!("`{place}/{name}` is still there after it was removed")))
                } else {
                    Ok("what was written could be removed".to_owned())
                }
            });
            probe.check("delete", gone);
        }
        probe
    }

    fn written(&self, name: &str) -> Result<String> {
        self.put(name, b"probe".to_vec())?;
        match self.get(name)? {
            Some(bytes) if bytes == b"probe" => Ok("what was written could be read".to_owned()),
            _ => Err(Error::new(ErrorKind::Io, format!("`{self}/{name}` is not what was written to it"))),
        }
    }

    /// What is created once. In a bucket it is called as a commit is, which is all that stores create that agree on it in a table.
    fn once(&self, name: &str) -> String {
        match &self.place {
            Place::Local(_) => format!("{name}{ONCE}"),
            Place::Remote { .. } => format!("{name}{ONCE}/_delta_log/00000000000000000000.json"),
        }
    }

    /// Removes it, with what was written beside.
    fn remove_once(&self, name: &str) -> Result<()> {
        match &self.place {
            Place::Local(_) => self.delete(&self.once(name)),
            Place::Remote { .. } => self.list(&format!("{name}{ONCE}"))?.iter().try_for_each(|entry| self.delete(&entry.path)),
        }
    }

    /// Twice, since an object store that ignores the condition is found by the second.
    fn created_once(&self, name: &str) -> Result<String> {
        let name = self.once(name);
        let (first, second) = (self.put_if_absent(&name, b"one".to_vec())?, self.put_if_absent(&name, b"other".to_vec())?);
        if first && !second {
            return Ok(format!("of two who create something, one wins ({})", self.how_created()));
        }
        let message = format!("`{self}` lets two writers create the same object, so that one would undo what the other did");
        let help = "of S3-compatible stores without conditional writes, set `copy_if_not_exists` or `dynamodb`";
        Err(Error::new(ErrorKind::Unsupported, message).help(help))
    }

    fn how_created(&self) -> &'static str {
        match &self.place {
            Place::Local(_) => "a link",
            Place::Remote { bucket, .. } => bucket.creates_by(),
        }
    }
}
