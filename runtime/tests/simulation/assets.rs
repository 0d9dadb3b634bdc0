//! Small random graphs, and bodies that look at what they are given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lakewright::asset::Input;
use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::{AssetBuilder, AssetSpec, Call, Error, ErrorKind, Mode, Produced, Result, ValueKind};

use crate::rows::Lines;
use crate::world::{Process, World};

const DAYS: [&str; 4] = ["2023-01-01", "2023-01-02", "2023-01-03", "2023-01-04"];

/// The pool, and how many steps of it run at once.
pub(crate) const POOL: &str = "pool";

/// What the assets of a simulation are.
pub(crate) struct Shape {
    pub(crate) assets: Vec<Asset>,
    pub(crate) slots: usize,
    /// How many bodies in ten thousand fail.
    pub(crate) fails: u64,
}

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own in the attribute")]
pub(crate) struct Asset {
    pub(crate) key: String,
    inputs: Vec<usize>,
    days: bool,
    previous: bool,
    append: bool,
    pooled: bool,
    retries: u32,
    timeout: Option<Duration>,
}

impl Asset {
    pub(crate) fn appends(&self) -> bool {
        self.append
    }

    pub(crate) fn is_pooled(&self) -> bool {
        self.pooled
    }
}

impl Shape {
    pub(crate) fn random(world: &World) -> Self {
        let count = if world.happens(2_000) { world.below(10) + 3 } else { world.below(4) + 3 };
        let fails = if world.happens(5_000) { 0 } else { world.below(1_500) };
        let mut assets = Vec::new();
        for number in 0..usize::try_from(count).unwrap() {
            let days = world.happens(4_500);
            let upstream = world.below(3).min(number as u64);
            let inputs: BTreeSet<usize> = (0..upstream).map(|_| usize::try_from(world.below(number as u64)).unwrap()).collect();
            assets.push(Asset {
                key: format!("a{number}"),
                inputs: inputs.into_iter().collect(),
                days,
                previous: days && world.happens(4_000),
                append: world.happens(4_500),
                pooled: world.happens(3_000),
                retries: u32::try_from(world.below(4)).unwrap(),
                timeout: world.happens(1_000).then(|| Duration::from_secs(world.below(30) + 1)),
            });
        }
        Self { assets, slots: usize::try_from(world.below(2) + 1).unwrap(), fails }
    }

    /// Something to make, with all that it is made from, and for which days: always from the first on, so that the day before is there.
    pub(crate) fn wanted(&self, world: &World) -> (String, PartitionChoice) {
        let last = usize::try_from(world.below(self.assets.len() as u64 + 2)).unwrap();
        let (selection, chosen) = match self.assets.get(last) {
            Some(asset) => (format!("*{}", asset.key), self.upstream(last)),
            None => ("*".to_owned(), (0..self.assets.len()).collect()),
        };
        let choice = if chosen.iter().any(|place| self.assets[*place].days) {
            let until = usize::try_from(world.below(DAYS.len() as u64)).unwrap();
            PartitionChoice::none().range(DAYS[0], DAYS[until])
        } else {
            PartitionChoice::none()
        };
        (selection, choice)
    }

    fn upstream(&self, place: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([place]);
        let mut next = vec![place];
        while let Some(place) = next.pop() {
            next.extend(self.assets[place].inputs.iter().copied().filter(|input| all.insert(*input)));
        }
        all
    }

    /// The assets as a process has them.
    pub(crate) fn specs(self: &Arc<Self>, process: &Process) -> Vec<AssetSpec> {
        (0..self.assets.len()).map(|place| self.spec(place, process)).collect()
    }

    fn spec(self: &Arc<Self>, place: usize, process: &Process) -> AssetSpec {
        let asset = &self.assets[place];
        let mut builder = AssetBuilder::new(&asset.key, ValueKind::Table)
            .io_manager("store")
            .mode(if asset.append { Mode::Append } else { Mode::Overwrite })
            .retries(asset.retries)
            .retry_delay(Duration::from_millis(200));
        if asset.days {
            let days = TimeDef::new(Every::Day, DAYS[0]).and_then(|days| days.end("2023-01-05")).unwrap();
            builder = builder.partitions(PartitionsDef::time("Days", days));
        }
        if asset.pooled {
            builder = builder.pool(POOL);
        }
        if let Some(timeout) = asset.timeout {
            builder = builder.timeout(timeout);
        }
        for input in &asset.inputs {
            builder = builder.input(self.assets[*input].key.as_str());
        }
        if asset.previous {
            builder = builder.input(Input::previous(&asset.key).named("previous"));
        }
        let (shape, process) = (Arc::clone(self), process.clone());
        builder
            .body(move |call| {
                let (shape, process) = (Arc::clone(&shape), process.clone());
                async move { shape.body(place, &process, call).await }
            })
            .unwrap()
    }

    /// One line for each call, which says for what and in which run it was made, and how long the chain of days before it is.
    async fn body(&self, place: usize, process: &Process, mut call: Call) -> Result<Produced> {
        let asset = &self.assets[place];
        let key = if asset.days { call.partition_key()?.to_string() } else { String::new() };
        let pool = asset.pooled.then(|| (POOL.to_owned(), self.slots));
        let _work = process.world.begin_work(process.pid, &format!("{}/{key}", asset.key), pool);
        for input in &asset.inputs {
            let upstream = &self.assets[*input];
            let lines: Lines = call.frame(&upstream.key)?;
            look(&process.world, asset, upstream, &lines, call.context().run_id());
        }
        let before =
            if call.has("previous") { call.frame::<Lines>("previous")?.0.iter().map(|line| chain(line)).max() } else { None };
        process.pause().await;
        if process.world.goes_wrong(self.fails) {
            let error = Error::new(ErrorKind::Body, "the body does not like it");
            return Err(if process.world.happens(6_000) { error.retryable() } else { error });
        }
        assert!(!process.world.goes_wrong(self.fails / 8), "the body panics");
        let line = format!("{}/{key}/{}/{}", asset.key, call.context().run_id(), before.unwrap_or_default() + 1);
        call.produce_frame(Lines(Arc::new(vec![line])))
    }
}

/// How long a chain of days a line is the end of.
fn chain(line: &str) -> usize {
    line.rsplit('/').next().and_then(|length| length.parse().ok()).unwrap_or_default()
}

/// What a line was made for, without the chain.
pub(crate) fn made_for(line: &str) -> &str {
    line.rsplit_once('/').map_or(line, |(made_for, _)| made_for)
}

/// A run always makes what it reads, so it finds its own rows, or those of a run that began later, and none twice.
fn look(world: &World, asset: &Asset, upstream: &Asset, lines: &Lines, run: &str) {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    lines.0.iter().for_each(|line| *found.entry(made_for(line)).or_default() += 1);
    if let Some((line, times)) = found.iter().find(|(_, times)| **times > 1) {
        world.violated(|| format!("`{}` found `{line}` {times} times", asset.key));
    }
    let own = found.keys().any(|line| line.split('/').nth(2) == Some(run));
    if upstream.append && !own {
        world.violated(|| format!("`{}` of run `{run}` did not find what its run had appended to `{}`", asset.key, upstream.key));
    }
    if lines.0.is_empty() {
        world.violated(|| format!("`{}` of run `{run}` found nothing in `{}`", asset.key, upstream.key));
    }
}

/// The chain of a line says how many days there are up to its own.
pub(crate) fn chain_is_whole(asset: &Asset, line: &str) -> bool {
    let day = line.split('/').nth(1).and_then(|key| DAYS.iter().position(|day| *day == key));
    !asset.previous || day.is_some_and(|day| chain(line) == day + 1)
}

/// The days of a slice of an asset, or the empty text for one without.
pub(crate) fn keys_of(spec: &AssetSpec, slice: &lakewright::Slice) -> Vec<String> {
    match &spec.partitions {
        Some(def) => def.resolve(slice).unwrap().keys().map(|key| key.to_string()).collect(),
        None => vec![String::new()],
    }
}
