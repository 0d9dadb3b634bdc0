//! What can be done with a place, by doing it.

use super::{Place, Storage};
use crate::env::{Env, unique_id};
use crate::error::{Error, ErrorKind, Result};
use crate::io::Probe;

impl Storage {
    /// Looks whether it can be reached, listed and written to, whether something can be created that must not be there, and whether it
    /// can be removed. Nothing of what is stored is touched.
    #[must_use]
    pub fn probe(&self, env: &dyn Env) -> Probe {
        let place = match &self.place {
            // A folder is made when something is stored.
            Place::Local(path) => {
                let there = path.ancestors().find(|there| there.exists()).map(std::path::Path::to_owned);
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
            let removed = [&name, &format!("{name}-once")].into_iter().try_for_each(|name| place.delete(name));
            let gone = removed.and_then(|()| match place.exists(&name)? {
                true => Err(Error::new(ErrorKind::Io, format!("`{place}/{name}` is still there after it was removed"))),
                false => Ok("what was written could be removed".to_owned()),
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

    /// Twice, since an object store that ignores the condition is found by the second.
    fn created_once(&self, name: &str) -> Result<String> {
        let name = format!("{name}-once");
        let (first, second) = (self.put_if_absent(&name, b"one".to_vec())?, self.put_if_absent(&name, b"other".to_vec())?);
        match (first, second) {
            (true, false) => Ok(format!("of two who create something, one wins ({})", self.how_created())),
            _ => {
                let message =
                    format!("`{self}` lets two writers create the same object, so that one would undo what the other did");
                let help = "of S3-compatible stores without conditional writes, set `copy_if_not_exists` or `dynamodb`";
                Err(Error::new(ErrorKind::Unsupported, message).help(help))
            }
        }
    }

    fn how_created(&self) -> &'static str {
        match &self.place {
            Place::Local(_) => "a link",
            Place::Remote { bucket, .. } => bucket.creates_by(),
        }
    }
}
