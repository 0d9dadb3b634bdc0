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
    /// The version of a table that somebody else writes, or that was asked for.
    Version(Option<i64>),
    /// An asset without partitions.
    Whole(Option<Arc<Part>>),
    /// Some partitions.
    Keys { mapping: Mapping, space: KeySpace, covered: Covered },
}

/// The inputs of some partitions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    pub(crate) versions: Vec<InputVersion>,
    /// The upstream assets of whose data nothing, or not all, is known.
    pub(crate) unknown: Vec<AssetKey>,
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
            if let Some(found) = self.found(asset, input, keys, moment).await? {
                inputs.push(Source { input, found });
            }
        }
        let config = match &asset.config {
            Some(def) => Some(digest([asset.key.to_string(), self.settings.resolve(&asset.key, def)?.to_string()])),
            None => None,
        };
        Ok(Sources { code: code_of(asset), config, inputs })
    }

    /// What is known of an input; nothing if there is nothing to know, because the upstream is not stored.
    async fn found(&self, asset: &AssetSpec, input: &InputSpec, keys: Option<&KeySet>, moment: &Moment) -> Result<Option<Found>> {
        let (upstream, store) = self.asset(&input.upstream)?;
        let Some(store) = store else { return Ok(None) };
        if input.version.is_some() {
            return Ok(Some(Found::Version(input.version)));
        }
        if upstream.is_external() {
            let request = LoadRequest::new(upstream, &Slice::Whole, Arc::clone(&self.env));
            let there = store.io.describe(request).await.map_err(|error| store.blame(error, upstream, &Slice::Whole))?;
            return Ok(Some(Found::Version(there.version)));
        }
        let Some(def) = &upstream.partitions else {
            return Ok(Some(Found::Whole(self.chronicles.whole(self.state.as_ref(), upstream, &moment.made)?)));
        };
        let mapping = match mapping_of(input, upstream, asset) {
            // What is only to be made before may be partitioned by anything.
            Err(_) if input.order_only => Mapping::All,
            mapping => mapping?,
        };
        let space = self.space_at(def, moment)?;
        let wanted = mapping.upstream(keys, &space)?;
        let covered = self.chronicles.covered(self.state.as_ref(), upstream, &wanted, &moment.made)?;
        Ok(Some(Found::Keys { mapping, space, covered }))
    }

    /// What a step is made from, to be recorded with what it stores. Known before anything is read: what changes in the meantime is then
    /// taken for newer than what was read, and never the other way round.
    pub(super) async fn made_from(&self, asset: &AssetSpec, keys: Option<&KeySet>, moment: &Moment) -> Result<MadeFrom> {
        let sources = self.sources(asset, keys, moment).await?;
        let Inputs { versions, unknown } = sources.inputs(keys)?;
        // A body that only waits for others reads something that nobody knows of, and so does one without any input.
        let reads = !asset.inputs.is_empty() && asset.inputs.iter().all(|input| !input.order_only);
        let settled = reads && unknown.is_empty() && sources.code.is_some();
        Ok(MadeFrom { code: sources.code, config: sources.config, inputs: versions, settled })
    }
}

impl Sources<'_> {
    /// The inputs of these partitions, which are some of those that were asked for.
    pub(crate) fn inputs(&self, keys: Option<&KeySet>) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        for Source { input, found } in &self.inputs {
            let (version, known) = of_source(input, found, keys)?;
            if !known {
                inputs.unknown.push(input.upstream.clone());
            }
            inputs.versions.push(version);
        }
        Ok(inputs)
    }
}

/// What an input comes to, and whether that is all.
fn of_source(input: &InputSpec, found: &Found, keys: Option<&KeySet>) -> Result<(InputVersion, bool)> {
    let of = |slice, data, version| InputVersion { asset: input.upstream.clone(), slice, data, version };
    let may_be_missing = input.optional || input.allow_missing || input.order_only;
    Ok(match found {
        Found::Version(version) => (of(Slice::Whole, Vec::new(), *version), version.is_some()),
        Found::Whole(None) => (of(Slice::Whole, Vec::new(), None), may_be_missing),
        Found::Whole(Some(part)) => (of(Slice::Whole, vec![part.data_version()], part.version()), true),
        Found::Keys { mapping, space, covered } => {
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
