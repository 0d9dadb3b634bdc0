//! What the log has of the data that is stored: which part of an asset was last stored by what, and what it was made from.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::asset::AssetSpec;
use crate::commit::CommitId;
use crate::error::Result;
use crate::event::{Event, EventKind, InputVersion, Materialization};
use crate::key::AssetKey;
use crate::partition::{KeySet, PartitionKey};
use crate::slice::Slice;
use crate::state::State;

/// How many events are read at first, and at most, when there is more to know.
const PAGES: (usize, usize) = (64, 4096);

/// The histories of assets, as far back as somebody asked. Events do not change, so what is known is never read again.
#[derive(Default)]
pub(crate) struct Chronicles {
    assets: Mutex<HashMap<AssetKey, Chronicle>>,
}

/// What one run has stored so far. Nobody else stores it while the run goes on, so the log is not asked for it; and what is made from it
/// may begin before the log has it.
#[derive(Default)]
pub(crate) struct Made(Mutex<Makings>);

#[derive(Default)]
struct Makings {
    assets: HashMap<AssetKey, Parts>,
    /// Counts the parts.
    order: u64,
}

/// A part of an asset that was stored as one.
#[derive(Debug)]
pub(crate) struct Part {
    cursor: u64,
    slice: Slice,
    what: What,
}

#[derive(Debug)]
enum What {
    /// As the log tells it: of long histories, only what is asked for is kept.
    Stored(Stored),
    /// As this run has just made it, shared with its report.
    Made(Arc<Materialization>),
    /// By other means than a run, somebody says.
    Reported,
    Wiped,
}

#[derive(Debug)]
struct Stored {
    code: Option<String>,
    config: Option<String>,
    inputs: Vec<InputVersion>,
    version: Option<i64>,
    data_version: Option<String>,
    location: String,
    commit: CommitId,
}

/// What was recorded when a part was stored.
pub(crate) struct Record<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) config: Option<&'a str>,
    pub(crate) inputs: &'a [InputVersion],
    version: Option<i64>,
    data_version: Option<&'a str>,
    pub(crate) location: &'a str,
    commit: &'a CommitId,
}

impl Part {
    pub(crate) fn slice(&self) -> &Slice {
        &self.slice
    }

    /// What was recorded, if a run stored it and told all of it.
    pub(crate) fn told(&self) -> Option<Record<'_>> {
        self.record().filter(|record| record.data_version.is_some())
    }

    /// The version of the table that it was stored as.
    pub(crate) fn version(&self) -> Option<i64> {
        self.record().and_then(|record| record.version)
    }

    /// Identifies the data.
    pub(crate) fn data_version(&self) -> String {
        match self.record() {
            Some(Record { data_version: Some(version), .. }) => version.to_owned(),
            Some(record) => of_commit(record.commit),
            None => format!("event {}", self.cursor),
        }
    }

    fn record(&self) -> Option<Record<'_>> {
        // The two have fields of the same names.
        macro_rules! record {
            ($of:expr) => {
                Record {
                    code: $of.code.as_deref(),
                    config: $of.config.as_deref(),
                    inputs: &$of.inputs,
                    version: $of.version,
                    data_version: $of.data_version.as_deref(),
                    location: &$of.location,
                    commit: &$of.commit,
                }
            };
        }
        match &self.what {
            What::Stored(stored) => Some(record!(stored)),
            What::Made(made) => Some(record!(made)),
            What::Reported | What::Wiped => None,
        }
    }
}

/// Identifies data of which only the commit is known.
pub(crate) fn of_commit(commit: &CommitId) -> String {
    blake3::hash(commit.to_string().as_bytes()).to_hex()[..32].to_owned()
}

/// The history of an asset.
#[derive(Default)]
struct Chronicle {
    parts: Parts,
    /// The cursors of the newest and the oldest event that is known.
    newest: u64,
    oldest: u64,
    /// Whether there is nothing older.
    complete: bool,
}

/// The parts of an asset.
#[derive(Default)]
struct Parts {
    /// Those of several partitions, or of an asset without, the newest first.
    wide: VecDeque<(Arc<Part>, Option<KeySet>)>,
    /// The newest of those of one partition each.
    single: HashMap<PartitionKey, Arc<Part>>,
}

/// Which parts some partitions come from.
pub(crate) struct Covered {
    /// The partitions that are stored.
    pub(crate) keys: KeySet,
    parts: Vec<Arc<Part>>,
    part_of: HashMap<u64, usize>,
}

impl Covered {
    /// Whether a partition comes from this part.
    pub(crate) fn is_of(&self, index: u64, part: &Part) -> bool {
        self.part_of.get(&index).is_some_and(|place| self.parts[*place].cursor == part.cursor)
    }

    /// The parts that these partitions come from, each once, in the order of keys.
    pub(crate) fn parts(&self, keys: &KeySet) -> Vec<&Arc<Part>> {
        let mut found = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for index in keys.indices() {
            if let Some(part) = self.part_of.get(&index)
                && seen.insert(*part)
            {
                found.push(&self.parts[*part]);
            }
        }
        found
    }
}

impl Made {
    fn makings(&self) -> MutexGuard<'_, Makings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run has stored something.
    pub(crate) fn add(&self, asset: &AssetSpec, materialization: &Arc<Materialization>) {
        let mut makings = self.makings();
        makings.order += 1;
        // Newer than all that is in the log.
        let cursor = (1 << 63) + makings.order;
        let part = Part { cursor, slice: materialization.slice.clone(), what: What::Made(Arc::clone(materialization)) };
        makings.assets.entry(asset.key.clone()).or_default().add(asset, part, true);
    }

    fn whole(&self, asset: &AssetKey) -> Option<Arc<Part>> {
        self.makings().assets.get(asset)?.whole()
    }

    fn find(&self, asset: &AssetKey, wanted: &KeySet) -> BTreeMap<u64, Arc<Part>> {
        self.makings().assets.get(asset).map(|parts| parts.find(wanted)).unwrap_or_default()
    }
}

impl Chronicles {
    /// What is stored of an asset without partitions.
    pub(crate) fn whole(&self, state: &dyn State, asset: &AssetSpec, made: &Made) -> Result<Option<Arc<Part>>> {
        if let Some(part) = made.whole(&asset.key) {
            return Ok(Some(part));
        }
        let mut assets = self.assets.lock().unwrap_or_else(PoisonError::into_inner);
        let chronicle = assets.entry(asset.key.clone()).or_default();
        chronicle.refresh(state, asset)?;
        loop {
            if let Some(part) = chronicle.parts.whole() {
                return Ok(Some(part).filter(|part| !matches!(part.what, What::Wiped)));
            }
            if !chronicle.read_older(state, asset)? {
                return Ok(None);
            }
        }
    }

    /// What is stored of these partitions.
    pub(crate) fn covered(&self, state: &dyn State, asset: &AssetSpec, wanted: &KeySet, made: &Made) -> Result<Covered> {
        let made = made.find(&asset.key, wanted);
        if made.len() as u64 == wanted.len() {
            return Ok(Covered::of(wanted, made));
        }
        let mut assets = self.assets.lock().unwrap_or_else(PoisonError::into_inner);
        let chronicle = assets.entry(asset.key.clone()).or_default();
        chronicle.refresh(state, asset)?;
        loop {
            let mut found = chronicle.parts.find(wanted);
            found.extend(made.iter().map(|(index, part)| (*index, Arc::clone(part))));
            if found.len() as u64 == wanted.len() || !chronicle.read_older(state, asset)? {
                return Ok(Covered::of(wanted, found));
            }
        }
    }
}

impl Covered {
    fn of(wanted: &KeySet, found: BTreeMap<u64, Arc<Part>>) -> Self {
        let mut covered = Self { keys: wanted.space().none(), parts: Vec::new(), part_of: HashMap::new() };
        let mut places: HashMap<u64, usize> = HashMap::new();
        for (index, part) in found.into_iter().filter(|(_, part)| !matches!(part.what, What::Wiped)) {
            let place = *places.entry(part.cursor).or_insert_with(|| {
                covered.parts.push(Arc::clone(&part));
                covered.parts.len() - 1
            });
            covered.part_of.insert(index, place);
            covered.keys.insert(index);
        }
        covered
    }
}

impl Parts {
    fn len(&self) -> u64 {
        (self.wide.len() + self.single.len()) as u64
    }

    /// What is stored of an asset without partitions.
    fn whole(&self) -> Option<Arc<Part>> {
        self.wide.iter().find(|(part, _)| part.slice == Slice::Whole).map(|(part, _)| Arc::clone(part))
    }

    /// The newest of each of these partitions.
    fn find(&self, wanted: &KeySet) -> BTreeMap<u64, Arc<Part>> {
        let mut found: BTreeMap<u64, Arc<Part>> = BTreeMap::new();
        if !self.single.is_empty() {
            for (index, key) in wanted.indices().zip(wanted.keys()) {
                if let Some(part) = self.single.get(&key) {
                    found.insert(index, Arc::clone(part));
                }
            }
        }
        let mut left = wanted.clone();
        for (part, keys) in &self.wide {
            if left.is_empty() {
                break;
            }
            // Of a part that was stored before the asset had partitions only the removal says anything of them.
            let hit = match keys {
                Some(keys) => left.intersection(keys),
                None if matches!(part.what, What::Wiped) => left.clone(),
                None => continue,
            };
            for index in hit.indices() {
                let newer = found.get(&index).is_none_or(|known| known.cursor < part.cursor);
                if newer {
                    found.insert(index, Arc::clone(part));
                }
            }
            left = left.difference(&hit);
        }
        found
    }

    /// Adds one that is newer, or older, than all that are known.
    fn add(&mut self, asset: &AssetSpec, part: Part, newer: bool) {
        let part = Arc::new(part);
        let Some(keys) = keys_of(asset, &part.slice) else { return };
        match keys {
            Some(keys) if keys.len() == 1 => {
                let Some(key) = keys.keys().next() else { return };
                let known = self.single.entry(key).or_insert_with(|| Arc::clone(&part));
                if newer {
                    *known = part;
                }
            }
            keys if newer => self.wide.push_front((part, keys)),
            keys => self.wide.push_back((part, keys)),
        }
    }
}

impl Chronicle {
    /// Reads what has come since.
    fn refresh(&mut self, state: &dyn State, asset: &AssetSpec) -> Result<()> {
        let known = self.newest;
        let mut new: Vec<Event> = Vec::new();
        let (mut before, mut limit) = (u64::MAX, 1);
        loop {
            let events = history(state, asset, before, limit)?;
            let all = events.len();
            let unknown: Vec<Event> = events.into_iter().take_while(|event| event.cursor > known).collect();
            let more = unknown.len() == all && all == limit;
            before = unknown.last().map_or(before, |event| event.cursor);
            new.extend(unknown);
            // The first time that there is something, the newest is enough: what is older is read when it is asked for.
            if known == 0 {
                self.complete = !more;
                break;
            }
            if !more {
                break;
            }
            limit = PAGES.0;
        }
        if let Some(first) = new.first() {
            self.newest = first.cursor;
        }
        if self.oldest == 0 {
            self.oldest = new.last().map_or(0, |event| event.cursor);
        }
        for event in new.into_iter().rev() {
            if let Some(part) = part_of(event) {
                self.parts.add(asset, part, true);
            }
        }
        Ok(())
    }

    /// Reads further back; false if there is nothing.
    fn read_older(&mut self, state: &dyn State, asset: &AssetSpec) -> Result<bool> {
        if self.complete {
            return Ok(false);
        }
        let limit = usize::try_from(self.parts.len()).unwrap_or(PAGES.1).clamp(PAGES.0, PAGES.1);
        let events = history(state, asset, self.oldest, limit)?;
        self.complete = events.len() < limit;
        if let Some(last) = events.last() {
            self.oldest = last.cursor;
        }
        let any = !events.is_empty();
        for event in events {
            if let Some(part) = part_of(event) {
                self.parts.add(asset, part, false);
            }
        }
        Ok(any)
    }
}

/// Up to `limit` events before a cursor that changed what is stored of an asset, newest first, also under keys that it had before.
pub(crate) fn history(state: &dyn State, asset: &AssetSpec, before: u64, limit: usize) -> Result<Vec<Event>> {
    let mut events = state.history(&asset.key, before, limit)?;
    if !asset.aliases.is_empty() {
        for alias in &asset.aliases {
            events.extend(state.history(alias, before, limit)?);
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.cursor));
        events.truncate(limit);
    }
    Ok(events)
}

/// The partitions of a slice, if it has some: those that the definition still has. Nothing for what a definition of before knew by other
/// dimensions, or of which no partition is left: it is no part of what is asked for now.
#[expect(clippy::option_option, reason = "a slice without partitions is a part as well")]
fn keys_of(asset: &AssetSpec, slice: &Slice) -> Option<Option<KeySet>> {
    match (slice, &asset.partitions) {
        (Slice::Whole, _) => Some(None),
        (slice, Some(def)) => def.left_of(slice).ok().filter(|left| !left.is_empty()).map(Some),
        (_, None) => None,
    }
}

fn part_of(event: Event) -> Option<Part> {
    let cursor = event.cursor;
    let (slice, what) = match event.kind {
        EventKind::Materialized { materialization, .. } | EventKind::Reconciled { materialization, .. } => {
            let Materialization { slice, code, config, inputs, version, data_version, location, commit, .. } =
                Arc::unwrap_or_clone(materialization);
            (slice, What::Stored(Stored { code, config, inputs, version, data_version, location, commit }))
        }
        EventKind::Reported { slice, .. } => (slice, What::Reported),
        EventKind::Wiped { slice, .. } => (slice, What::Wiped),
        _ => return None,
    };
    Some(Part { cursor, slice, what })
}
