//! Backfills: what their runs are, that each is carried out once, and by whom.

mod cli;
mod cuts;
mod many;
mod together;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lakewright::asset::Input;
use lakewright::exec::{Interrupt, PartitionChoice};
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::prelude::*;
use lakewright::state::{MemoryState, State};
use lakewright::{AssetBuilder, AssetSpec, Backfill, BackfillOptions, BackfillOutcome, BackfillStatus, LakehouseBuilder, RunCut};

use crate::support::block_on;

/// The calls of bodies: an asset with a partition, in the order in which they began.
#[derive(Clone, Default)]
struct Calls {
    made: Arc<Mutex<Vec<String>>>,
    /// What fails, and how often it still does.
    failing: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Calls {
    fn made(&self) -> Vec<String> {
        self.made.lock().unwrap().clone()
    }

    fn sorted(&self) -> Vec<String> {
        let mut made = self.made();
        made.sort();
        made
    }

    fn fail(&self, call: &str, times: u32) {
        self.failing.lock().unwrap().insert(call.to_owned(), times);
    }

    fn make(&self, call: &str) -> Result<()> {
        self.made.lock().unwrap().push(call.to_owned());
        match self.failing.lock().unwrap().get_mut(call) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(lakewright::Error::new(lakewright::ErrorKind::Body, "it was to fail"))
            }
            _ => Ok(()),
        }
    }

    /// An asset in memory that counts its calls.
    fn asset(&self, name: &str, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
        let (calls, asset) = (self.clone(), name.to_owned());
        let body = move |call: lakewright::Call| {
            let key = call.partition_key().map(|key| format!(" {key}")).unwrap_or_default();
            let made = calls.make(&format!("{asset}{key}"));
            async move {
                made?;
                call.produce_object(1)
            }
        };
        with(AssetBuilder::new(name, ValueKind::Object).io_manager("memory")).body(body).unwrap()
    }
}

/// A log that several lakehouses share, as processes would a file.
fn log() -> Arc<MemoryState> {
    Arc::new(MemoryState::new("0123456789abcdef"))
}

fn lakehouse(log: &Arc<MemoryState>, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
    let state: Arc<dyn State> = Arc::clone(log) as _;
    Lakehouse::builder().registry(Registry::from_specs(assets)).state(state)
}

fn windows(every: Every) -> PartitionsDef {
    PartitionsDef::time(format!("{every:?}").replace("(1)", ""), TimeDef::new(every, "2023-01-01").unwrap())
}

fn species() -> PartitionsDef {
    PartitionsDef::fixed("Species", ["setosa", "versicolor", "virginica"]).unwrap()
}

fn days_of_species() -> PartitionsDef {
    PartitionsDef::multi("DaysOfSpecies", [("date", windows(Every::Day)), ("species", species())]).unwrap()
}

/// The whole of an upstream partition map, without reading it one by one.
fn all_of(upstream: &str) -> Input {
    Input::of(upstream).per_partition()
}

fn days(first: &str, last: &str) -> PartitionChoice {
    PartitionChoice::none().range(first, last)
}

fn start(lakehouse: &Lakehouse, backfill: &Backfill) -> BackfillStatus {
    block_on(lakehouse.start_backfill(backfill, Interrupt::new())).unwrap()
}

fn outcomes(status: &BackfillStatus) -> Vec<BackfillOutcome> {
    status.runs.iter().map(|run| run.outcome).collect()
}

fn options(cut: RunCut) -> BackfillOptions {
    BackfillOptions::new().cut(cut)
}
