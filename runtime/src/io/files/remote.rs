//! Files in buckets.
//!
//! Nothing is renamed in a bucket, and nothing is locked: the staged object is copied to its place by the object store itself. What is
//! remembered of a place is a chain of numbered manifests, the next of which exactly one writer creates (put-if-absent): that is its
//! claim. A claim says what was in place before, so that whoever comes after a crash can tell whether the copy was made. Once it was,
//! the manifest says which object is in place, and those before it are removed. Whoever takes a place over whose claim has not come to an
//! end removes the staged object of that claim first, so that a writer who was slow and is not gone copies nothing any more.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::manifest::{checked, parse_json};
use super::{Commit, FileId, FilePlace, FileSpace, MANIFESTS, Manifest};
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Committed;
use crate::io::storage::Entry;

/// How long a claim keeps others from a place whose writer does not come to an end. A copy takes seconds, but it may be tried again for
/// three minutes by default.
const CLAIM: SignedDuration = SignedDuration::from_mins(15);

/// A manifest in the chain of a place.
#[derive(Debug, Serialize, Deserialize)]
struct Link {
    /// Its number.
    #[serde(skip)]
    number: u64,
    manifest: Manifest,
    /// Present until the file is in place, and then `manifest.file` is the staged object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Claim>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    /// What was in place when the claim was made.
    before: Option<FileId>,
    /// The staged object, without which there is nothing to copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Link {
    /// What is in place, if it is what this says.
    fn describes(&self, there: Option<&FileId>) -> Option<Manifest> {
        let there = there?;
        let described = match &self.claim {
            None => self.manifest.file == *there,
            Some(claim) => claim.before.as_ref() != Some(there) && self.manifest.file.is_copied_to(there),
        };
        described.then(|| Manifest { file: there.clone(), ..self.manifest.clone() })
    }
}

impl FileSpace {
    pub(super) fn remote_manifest(&self, place: &FilePlace) -> Result<Option<Manifest>> {
        let mut chain = self.chain(place)?;
        while !chain.is_empty() {
            for entry in chain.iter().rev() {
                let Some(link) = self.link(&entry.path)? else { continue };
                let there = self.file_id(&self.key(place, &link.manifest.extension)?)?;
                if let Some(manifest) = link.describes(there.as_ref()) {
                    return Ok(Some(manifest));
                }
            }
            // What is in place may have been put there after its manifests were listed, and is somebody else's only if not.
            let now = self.chain(place)?;
            if now == chain {
                break;
            }
            chain = now;
        }
        Ok(None)
    }

    /// Replaces the file of an asset by a copy, under a claim.
    pub(super) fn copy_in_place(&self, commit: &Commit<'_>) -> Result<Committed> {
        let Commit { place, staged, payload, mode, id, .. } = *commit;
        let (source, target) = (payload.key(), self.key(place, &payload.extension)?);
        // Read first, so that whoever comes between what is looked at next and the claim has the number of it, or a later one.
        let last = self.unclaimed(place, Some((id, source.as_str())), commit.now)?;
        if let Some(settled) = self.settled(place, staged, mode, id)? {
            if settled.ignored.is_some() || settled.already {
                self.storage().delete(&source)?;
            }
            return Ok(settled);
        }
        let Some(file) = self.file_id(&source)? else {
            let message = format!("cannot find the staged object `{}`", self.location_of(&source));
            return Err(Error::new(ErrorKind::Io, message));
        };
        let before = self.file_id(&target)?;
        let claim = Self::link_key(place, last + 1);
        let claims = Claim { before, source: Some(source.clone()) };
        let link = Link { number: last + 1, manifest: commit.manifest(file), claim: Some(claims) };
        let made = self.storage().put_if_absent(&claim, written(&link)?);
        // The first of two requests may have been the one that was answered too late: then it is this very claim that is there.
        if !matches!(made, Ok(true)) && !self.is_claim_of(&claim, &source)? {
            return Err(made.err().unwrap_or_else(|| claimed(place, &self.location_of(&target))));
        }
        // The number may be one that two others have passed: the second removes the manifest of the first, and not its own.
        if self.chain(place)?.last().is_none_or(|last| last.path != claim) {
            self.storage().delete(&claim)?;
            return Err(claimed(place, &self.location_of(&target)));
        }
        if let Err(error) = self.storage().copy(&source, &target) {
            // Whoever has taken the place over has removed what was to be copied, and what is there is theirs.
            if self.chain(place)?.last().is_none_or(|last| last.path != claim) {
                return Err(claimed(place, &self.location_of(&target)).source(error));
            }
            // The answer may have been lost, and not the request.
            let there = self.file_id(&target)?;
            if link.describes(there.as_ref()).is_none() {
                // What may still be carried out keeps its claim, and so does what somebody is about to take over.
                if !error.is_retryable() && self.file_id(&source)?.is_some() {
                    self.storage().delete(&claim)?;
                }
                return Err(error.with("asset", place));
            }
        }
        // From here readers see the new file, so nothing below may say that the commit failed.
        if let Err(error) = self.concluded(commit, link, &target) {
            tracing::warn!(%error, asset = %place, "the file is in place, and its manifest is not");
        }
        if let Err(error) = self.storage().delete(&source) {
            tracing::warn!(%error, asset = %place, "the file is in place, and what it was copied from is still there");
        }
        Ok(commit.done())
    }

    /// Says in the chain which object is in place, and removes what it replaced.
    fn concluded(&self, commit: &Commit<'_>, mut link: Link, target: &str) -> Result<()> {
        let there = self.file_id(target)?;
        let Some(there) = there.filter(|there| link.manifest.file.is_copied_to(there)) else {
            // Somebody else was quick, who knows nothing of claims.
            return self.storage().delete(&Self::link_key(commit.place, link.number));
        };
        link.manifest.file = there;
        link.claim = None;
        self.storage().put(&Self::link_key(commit.place, link.number), written(&link)?)?;
        for entry in self.chain(commit.place)? {
            let Some(older) = self.link(&entry.path)?.filter(|older| older.number < link.number) else { continue };
            if older.manifest.extension != commit.payload.extension {
                self.storage().delete(&self.key(commit.place, &older.manifest.extension)?)?;
            }
            self.storage().delete(&entry.path)?;
        }
        Ok(())
    }

    pub(super) fn delete_unclaimed(&self, place: &FilePlace, key: &str, now: Timestamp) -> Result<()> {
        self.unclaimed(place, None, now)?;
        self.storage().delete(key)?;
        self.chain(place)?.iter().try_for_each(|entry| self.storage().delete(&entry.path))
    }

    /// The number of the last link, where nobody else is about to put a file in place, nor can any more. `own` is the commit that asks,
    /// and what it has staged.
    fn unclaimed(&self, place: &FilePlace, own: Option<(&CommitId, &str)>, now: Timestamp) -> Result<u64> {
        let Some(entry) = self.chain(place)?.pop() else { return Ok(0) };
        let Some(link) = self.link(&entry.path)? else { return Err(claimed(place, &self.location_of(&entry.path))) };
        let Some(claim) = &link.claim else { return Ok(link.number) };
        let is_own = own.is_some_and(|(id, _)| *id == link.manifest.commit);
        let over = now.duration_since(entry.modified) > CLAIM;
        let made = || -> Result<bool> {
            let there = self.file_id(&self.key(place, &link.manifest.extension)?)?;
            Ok(link.describes(there.as_ref()).is_some())
        };
        if !(is_own || over || made()?) {
            return Err(claimed(place, &self.location_of(&entry.path)));
        }
        // Its writer may be slow and not gone, or send its copy again because the answer was lost.
        if let Some(source) = claim.source.as_deref().filter(|source| own.is_none_or(|(_, staged)| staged != *source)) {
            self.storage().delete(source)?;
        }
        Ok(link.number)
    }

    /// Whether this is the claim for a copy of this staged object.
    fn is_claim_of(&self, path: &str, source: &str) -> Result<bool> {
        let claim = self.link(path)?.and_then(|link| link.claim);
        Ok(claim.is_some_and(|claim| claim.source.as_deref() == Some(source)))
    }

    /// The manifests of a place, in the order of their numbers.
    fn chain(&self, place: &FilePlace) -> Result<Vec<Entry>> {
        // In the order of names, which is that of the numbers.
        let mut entries = self.storage().list(&chain_folder(place))?;
        // Where objects are created by a copy, what is copied is beside them, and may be left there by who died.
        entries.retain(|entry| number(&entry.path).is_some());
        Ok(entries)
    }

    /// One of them; nothing if it has been removed meanwhile.
    fn link(&self, path: &str) -> Result<Option<Link>> {
        let Some(text) = self.storage().get(path)? else { return Ok(None) };
        let location = self.location_of(path);
        let link: Link = parse_json(&text, &location)?;
        checked(&link.manifest, &location)?;
        Ok(Some(Link { number: number(path).unwrap_or_default(), ..link }))
    }

    fn link_key(place: &FilePlace, number: u64) -> String {
        format!("{}/{number:020}.json", chain_folder(place))
    }
}

/// A folder that is none of another place: no part of a key has a `%` before an `m`.
fn chain_folder(place: &FilePlace) -> String {
    format!("{MANIFESTS}/{}%m", place.key())
}

/// The number in the name of a manifest.
fn number(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

fn written(link: &Link) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(link).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

fn claimed(place: &FilePlace, location: &str) -> Error {
    let error = Error::new(ErrorKind::Conflict, format!("{place} is being stored by somebody else"));
    error
        .with("location", location)
        .help("try again; what a process left that is gone, is out of the way after fifteen minutes")
        .retryable()
}
