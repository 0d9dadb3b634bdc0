//! Everything that the steps of a run share.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::chronicle::{Chronicles, Made};
use super::policy::Policy;
use super::profile::Profiling;
use super::ready::Memory;
use crate::asset::{AssetSpec, Mode};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::graph::Graph;
use crate::io::{IoManager, Staged};
use crate::key::AssetKey;
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, KeySpace, Marks, PartitionsDef};
use crate::resource::Resources;
use crate::select::unknown_asset;
use crate::settings::Settings;
use crate::slice::Slice;
use crate::state::{PartitionStatus, SliceStatus, Snapshot, State};

/// From how many on what became of slices is summed up and kept, so that the next one who asks need not read it again.
const KEPT: usize = 1_000;

/// Whether what became of an asset is to be summed up after an event of it. By its cursor alone, since a process may make but one; and
/// mixed, since what runs every night has its events at even distances.
pub(super) fn is_due(cursor: u64) -> bool {
    let mut mixed = DefaultHasher::new();
    mixed.write_u64(cursor);
    mixed.finish().is_multiple_of(1024)
}

/// An output that is staged and not yet visible: what a check looks at.
#[derive(Debug)]
#[non_exhaustive]
pub struct PendingOutput<'a> {
    /// The asset.
    pub asset: &'a AssetSpec,
    /// The part of it.
    pub slice: &'a Slice,
    /// What was staged: a piece for each call of the body.
    pub staged: &'a [Staged],
    /// What the body attached.
    pub metadata: &'a [(String, MetadataValue)],
}

impl PendingOutput<'_> {
    /// The rows that were staged, for tables.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.staged.iter().map(|staged| staged.rows).sum()
    }
}

/// Looks at an output between stage and commit; an error keeps it from becoming visible.
pub(crate) type OutputHook = Arc<dyn Fn(&PendingOutput<'_>) -> Result<()> + Send + Sync>;

/// Hears every event, in order.
pub(crate) type Subscriber = Arc<dyn Fn(&Event) + Send + Sync>;

/// Everything steps share.
pub(crate) struct Workshop {
    pub(crate) graph: Graph,
    /// The folder of the local stores.
    pub(crate) root: PathBuf,
    pub(crate) stores: BTreeMap<String, Arc<dyn IoManager>>,
    /// The key of the store of each asset, by place in the graph; none for assets that are not stored.
    pub(crate) store_keys: Vec<Option<String>>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) settings: Settings,
    pub(crate) state: Arc<dyn State>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) hooks: Vec<OutputHook>,
    pub(crate) subscribers: Vec<Subscriber>,
    /// Held while an event is appended and told, so that everybody hears the same order.
    pub(crate) telling: Mutex<()>,
    /// How many bytes may be handed from step to step in memory.
    pub(crate) hand_over: u64,
    /// How steps are run unless their assets say otherwise.
    pub(crate) policy: Policy,
    /// What the steps of all runs take of the memory that there is for them.
    pub(crate) memory: Arc<Memory>,
    /// What is recorded of the rows that are stored.
    pub(crate) profiling: Profiling,
    /// What the log has of the data that is stored.
    pub(crate) chronicles: Chronicles,
}

impl Workshop {
    /// An asset with its store, if it has one.
    pub(crate) fn asset(&self, key: &AssetKey) -> Result<(&Arc<AssetSpec>, Option<Store<'_>>)> {
        let place = self.graph.place(key).ok_or_else(|| unknown_asset(key.as_str(), &self.graph))?;
        let store = self.store_keys[place].as_deref().and_then(|key| Some(Store { key, io: self.stores.get(key)? }));
        Ok((self.graph.asset(place), store))
    }

    /// The keys that a definition has now.
    pub(crate) fn space(&self, def: &PartitionsDef) -> Result<KeySpace> {
        self.space_at(def, &Moment::new(self.env.now()))
    }

    /// The keys that a definition has at the moment of a run.
    pub(crate) fn space_at(&self, def: &PartitionsDef, moment: &Moment) -> Result<KeySpace> {
        let mut dynamic = moment.dynamic.lock().unwrap_or_else(PoisonError::into_inner);
        for set in def.dynamic_sets() {
            if !dynamic.contains_key(set) {
                dynamic.insert(set.to_owned(), self.state.keys(set)?);
            }
        }
        def.space(moment.now, &dynamic)
    }

    /// The partitions of an asset that were last recorded with this status.
    pub(crate) fn recorded(&self, asset: &AssetKey, space: &KeySpace, status: PartitionStatus) -> Result<KeySet> {
        let asset = self.asset(asset)?.0;
        Ok(self.marks(asset, space)?.set(status as usize))
    }

    /// What became last of the partitions of an asset. If there is more of it than [`KEPT`] since it was last summed up, it is kept.
    fn marks(&self, asset: &AssetSpec, space: &KeySpace) -> Result<Marks> {
        if !asset.aliases.is_empty() {
            // Of several keys the log is not read in one moment, so that what is kept of them could leave out what came in between.
            let mut marks = Marks::none(space.clone(), PartitionStatus::ALL.len());
            self.status_rows(asset, 0)?.iter().for_each(|row| marks.mark(&row.slice, row.status as usize));
            return Ok(marks);
        }
        let kept = self.state.snapshot(&asset.key)?;
        let known = kept.and_then(|kept| Some((Marks::kept(space.clone(), &kept.space, &kept.bytes)?, kept.cursor)));
        let (mut marks, mut cursor) = known.unwrap_or_else(|| (Marks::none(space.clone(), PartitionStatus::ALL.len()), 0));
        let mut rows = 0;
        self.state.each_slice_status(&asset.key, cursor, &mut |slice, status, at| {
            (rows, cursor) = (rows + 1, at);
            marks.mark_text(slice, status as usize)
        })?;
        if rows >= KEPT
            && let Some((space, bytes)) = marks.keep()
            && let Err(error) = self.state.keep_snapshot(&asset.key, &Snapshot { cursor, space, bytes })
        {
            // It only saves the next one who asks some time.
            tracing::debug!(asset = %asset.key, %error, "cannot keep what became of the partitions of an asset");
        }
        Ok(marks)
    }

    /// Sums up what became of partitions, now and then, so that whoever asks first after a million events finds it done. Which events it
    /// is done after is their cursors' to say: one in a thousand of each asset, however few a process makes.
    pub(super) fn sum_up(&self, assets: BTreeSet<AssetKey>) {
        for key in assets {
            let summed = self.asset(&key).and_then(|(asset, _)| match &asset.partitions {
                Some(def) => self.marks(asset, &self.space(def)?).map(drop),
                None => Ok(()),
            });
            if let Err(error) = summed {
                tracing::debug!(asset = %key, %error, "cannot sum up what became of the partitions of an asset");
            }
        }
    }

    /// What became last of each slice of an asset since a cursor, in the order of the events, also under keys that it had before.
    pub(crate) fn status_rows(&self, asset: &AssetSpec, after: u64) -> Result<Vec<SliceStatus>> {
        let mut rows = self.state.slice_status(&asset.key, after)?;
        if !asset.aliases.is_empty() {
            for alias in &asset.aliases {
                rows.extend(self.state.slice_status(alias, after)?);
            }
            rows.sort_by_key(|row| row.cursor);
        }
        Ok(rows)
    }
}

/// The moment that a run was planned for: which windows are over and which dynamic keys there are does not change while it runs. And
/// what has come since then by the run itself.
pub(crate) struct Moment {
    now: Timestamp,
    /// The keys of each dynamic set, from when they were first asked for.
    dynamic: Mutex<BTreeMap<String, Vec<String>>>,
    pub(super) made: Made,
}

impl Moment {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { now, dynamic: Mutex::default(), made: Made::default() }
    }
}

/// Whether all partitions of an asset are in one table of its store.
pub(crate) fn one_table(asset: &AssetSpec, store: Store<'_>) -> bool {
    asset.partition_expr.is_some() && store.io.capabilities().partitions_tables()
}

/// A store and the key it is bound to.
#[derive(Clone, Copy)]
pub(crate) struct Store<'a> {
    pub(crate) key: &'a str,
    pub(crate) io: &'a Arc<dyn IoManager>,
}

impl Store<'_> {
    /// How the outputs of an asset meet what is stored.
    pub(crate) fn mode(&self, asset: &AssetSpec) -> Mode {
        asset.mode.unwrap_or_else(|| self.io.capabilities().mode)
    }

    /// Says of an error which asset, store and location it is about.
    pub(crate) fn blame(&self, error: Error, asset: &AssetSpec, slice: &Slice) -> Error {
        let location = self.io.locate(asset, slice).map_or_else(|_| "unknown".to_owned(), |location| location.to_string());
        error
            .with("asset", format!("`{}`", asset.key))
            .with("store", format!("`{}`", self.key))
            .with("location", location)
            .with("at", asset.source)
    }
}
