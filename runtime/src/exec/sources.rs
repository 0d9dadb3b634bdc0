//! What an asset is made from, as far as it is known before it is read: its code, its configuration, and the data of its inputs.

use std::sync::Arc;

use super::chronicle::{Covered, Part, of_commit};
use super::plan::mapping_of;
use super::workshop::{Moment, Workshop};
use crate::asset::{AssetSpec, InputSpec, Mode};
use crate::commit::CommitId;
use crate::error::Result;
use crate::event::InputVersion;
use crate::io::{LoadRequest, Staged};
use crate::key::AssetKey;
use crate::partition::{KeySet, KeySpace, Mapping};
use crate::slice::Slice;

/// What an asset would be made from now.
pub(crate) struct Sources<'a> {
    /// Identifies its code, as far as it has an identity.
    pub(crate) code: Option<String>,
    /// Identifies its configuration, if it has one.
    pub(crate) config: Option<String>,
    inputs: Vec<Source<'a>>,
}

struct Source<'a> {
    input: &'a InputSpec,
    found: Found,
}

/// What is known of an upstream.
enum Found {
    /// Nothing: it has no value, and nobody can tell what it did.
    Unknown,
    /// The version of a table that somebody else writes, or that was asked for.
    Version(Option<i64>),
    /// An asset without partitions.
    Whole(Option<Arc<Part>>),
    /// Some partitions.
    Keys {
        mapping: Mapping,
        space: KeySpace,
        covered: Covered,
        /// Whether a partition that is gone can only have been read for one of the asset that is gone as well.
        alone: bool,
    },
}

/// The inputs of some partitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    pub(crate) versions: Vec<InputVersion>,
    /// How each of them is compared with what it was.
    pub(crate) compared: Vec<Compared>,
    /// The upstream assets of whose data nothing, or not all, is known.
    pub(crate) unknown: Vec<AssetKey>,
}

/// How an input is compared with what it was.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// Whether the body loads it, and does not only wait for it.
    pub(crate) loaded: bool,
    /// The partitions that there are now, if those that are gone make no difference to what is made from the others.
    pub(crate) left: Option<KeySpace>,
}

/// What is recorded of a step beside what it stores.
#[derive(Debug, Clone)]
pub(crate) struct MadeFrom {
    pub(crate) code: Option<String>,
    pub(crate) config: Option<String>,
    pub(crate) inputs: Vec<InputVersion>,
    /// Whether code, configuration and inputs tell all that the data depends on.
    settled: bool,
}

impl Workshop {
    /// What an asset would be made from now, for these partitions.
    pub(crate) async fn sources<'a>(&self, asset: &'a AssetSpec, keys: Option<&KeySet>, moment: &Moment) -> Result<Sources<'a>> {
        let mut inputs = Vec::with_capacity(asset.inputs.len());
        for input in &asset.inputs {
            inputs.push(Source { input, found: self.found(asset, input, keys, moment).await? });
        }
        let config = match &asset.config {
            Some(def) => Some(digest([asset.key.to_string(), self.settings.resolve(&asset.key, def)?.to_string()])),
            None => None,
        };
        Ok(Sources { code: code_of(asset), config, inputs })
    }

    /// What is known of an input.
    async fn found(&self, asset: &AssetSpec, input: &InputSpec, keys: Option<&KeySet>, moment: &Moment) -> Result<Found> {
        let (upstream, store) = self.asset(&input.upstream)?;
        let Some(store) = store else { return Ok(Found::Unknown) };
        if input.version.is_some() {
            return Ok(Found::Version(input.version));
        }
        if upstream.is_external() {
            let request = LoadRequest::new(upstream, &Slice::Whole, Arc::clone(&self.env));
            let there = store.io.describe(request).await.map_err(|error| store.blame(error, upstream, &Slice::Whole))?;
            return Ok(Found::Version(there.version));
        }
        let Some(def) = &upstream.partitions else {
            return Ok(Found::Whole(self.chronicles.whole(self.state.as_ref(), upstream, &moment.made)?));
        };
        let mapping = match mapping_of(input, upstream, asset) {
            // What is only to be made before may be partitioned by anything.
            Err(_) if input.order_only => Mapping::All,
            mapping => mapping?,
        };
        let space = self.space_at(def, moment)?;
        let wanted = mapping.upstream(keys, &space)?;
        let covered = self.chronicles.covered(self.state.as_ref(), upstream, &wanted, &moment.made)?;
        // Of an upstream with more dimensions, a key that is gone was a part of what keys that are left are made from.
        let alone = mapping == Mapping::Identity && (asset.partitions.as_ref() == Some(def) || !def.is_multi());
        Ok(Found::Keys { mapping, space, covered, alone })
    }
}

impl Sources<'_> {
    /// What these partitions of the asset are made from, to be recorded with them. The sources are looked up before anything is read: what
    /// changes in the meantime is then taken for newer than what was read, and never the other way round.
    pub(super) fn made_from(&self, asset: &AssetSpec, keys: Option<&KeySet>) -> Result<MadeFrom> {
        let Inputs { versions, unknown, .. } = self.inputs(keys)?;
        // A body that only waits for others reads something that nobody knows of, and so does one without any input.
        let reads = !asset.inputs.is_empty() && asset.inputs.iter().all(|input| !input.order_only);
        let settled = reads && unknown.is_empty() && self.code.is_some();
        Ok(MadeFrom { code: self.code.clone(), config: self.config.clone(), inputs: versions, settled })
    }

    /// The inputs of these partitions, which are some of those that were asked for.
    pub(crate) fn inputs(&self, keys: Option<&KeySet>) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        for Source { input, found } in &self.inputs {
            let (version, known) = of_source(input, found, keys)?;
            if !known {
                inputs.unknown.push(input.upstream.clone());
            }
            let Some(version) = version else { continue };
            let left = match found {
                Found::Keys { space, alone: true, .. } => Some(space.clone()),
                _ => None,
            };
            inputs.compared.push(Compared { loaded: !input.order_only, left });
            inputs.versions.push(version);
        }
        Ok(inputs)
    }
}

/// What an input comes to, if anything is known of it, and whether that is all.
fn of_source(input: &InputSpec, found: &Found, keys: Option<&KeySet>) -> Result<(Option<InputVersion>, bool)> {
    let of = |slice, data, version| Some(InputVersion { asset: input.upstream.clone(), slice, data, version });
    let may_be_missing = input.optional || input.allow_missing || input.order_only;
    Ok(match found {
        Found::Unknown => (None, false),
        Found::Version(version) => (of(Slice::Whole, Vec::new(), *version), version.is_some()),
        Found::Whole(None) => (of(Slice::Whole, Vec::new(), None), may_be_missing),
        Found::Whole(Some(part)) => (of(Slice::Whole, vec![part.data_version()], part.version()), true),
        Found::Keys { mapping, space, covered, .. } => {
            let wanted = mapping.upstream(keys, space)?;
            let stored = wanted.intersection(&covered.keys);
            let parts = covered.parts(&stored);
            let data = parts.iter().map(|part| part.data_version()).collect();
            let version = parts.iter().filter_map(|part| part.version()).max();
            let all = stored.len() == wanted.len() || may_be_missing || *mapping == Mapping::All;
            (of(stored.slice(), data, version), all)
        }
    })
}

impl MadeFrom {
    /// Identifies the data of a commit: what the body says, else the content, else what it was made from, and else the commit itself.
    pub(super) fn data_version(
        &self,
        declared: &[(Slice, Option<String>)],
        staged: &[Staged],
        mode: Mode,
        commit: &CommitId,
    ) -> String {
        let replaces = matches!(mode, Mode::Overwrite | Mode::Error | Mode::Ignore);
        let declared: Option<Vec<_>> = declared.iter().map(|(slice, version)| Some((slice, version.as_ref()?))).collect();
        if let Some(version) = declared.and_then(joined) {
            return version;
        }
        let content: Option<Vec<_>> = staged.iter().map(|staged| Some((&staged.slice, staged.digest.as_ref()?))).collect();
        if let Some(version) = content.filter(|_| replaces).and_then(joined) {
            return version;
        }
        if !self.settled || !replaces {
            return of_commit(commit);
        }
        let parts = [&self.code, &self.config].map(|part| part.clone().unwrap_or_default());
        let inputs = self.inputs.iter().flat_map(|input| {
            let version = if input.data.is_empty() { input.version } else { None };
            let head = [input.asset.to_string(), input.slice.to_string(), format!("{version:?}")];
            head.into_iter().chain(input.data.iter().cloned())
        });
        digest(parts.into_iter().chain(inputs))
    }
}

/// One version for several parts.
fn joined(mut parts: Vec<(&Slice, &String)>) -> Option<String> {
    match &parts[..] {
        [] => None,
        [(_, version)] => Some((*version).clone()),
        _ => {
            let mut all: Vec<_> = parts.drain(..).map(|(slice, version)| (slice.to_string(), version)).collect();
            all.sort_unstable();
            Some(digest(all.into_iter().flat_map(|(slice, version)| [slice, version.clone()])))
        }
    }
}

/// The code of an asset: the version that it declares, the text of its function, and the columns that its attributes say it reads.
fn code_of(asset: &AssetSpec) -> Option<String> {
    if asset.code_version.is_none() && asset.code_hash.is_none() {
        return None;
    }
    let own = [&asset.code_version, &asset.code_hash].map(|part| part.clone().unwrap_or_default());
    let read = asset.inputs.iter().filter_map(|input| Some((&input.parameter, input.columns.as_ref()?)));
    let read = read.flat_map(|(parameter, columns)| [parameter.clone(), digest(columns.iter().cloned())]);
    Some(digest(own.into_iter().chain(read)))
}

/// Each part with its length before it, so that no two lists have one text.
fn digest(parts: impl IntoIterator<Item = String>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}
