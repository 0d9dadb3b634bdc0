//! Runs of what has changed: what is recorded of that, why a step runs, and that nothing runs without a reason.

mod cli;
mod cut_off;
mod partitions;
mod reasons;
mod tables;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use lakewright::asset::Input;
use lakewright::event::{EventKind, Materialization};
use lakewright::exec::{Interrupt, PartitionChoice, RunReport, StepDecision, StepOutcome, StepReason};
use lakewright::io::memory::MemoryIoManager;
use lakewright::prelude::*;
use lakewright::state::{MemoryState, State};
use lakewright::{AssetBuilder, AssetSpec, LakehouseBuilder};

use crate::support::{Heard, block_on};

/// A store and a log that outlive the lakehouse, as a program that is changed and started again has them.
struct World {
    log: Arc<MemoryState>,
    store: MemoryIoManager,
    heard: Heard,
    made: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        Self {
            log: Arc::new(MemoryState::new("0123456789abcdef")),
            store: MemoryIoManager::new(),
            heard: Heard::default(),
            made: Arc::default(),
        }
    }

    fn builder(&self, assets: impl IntoIterator<Item = AssetSpec>) -> LakehouseBuilder {
        let state: Arc<dyn State> = Arc::clone(&self.log) as _;
        let builder = Lakehouse::builder().registry(Registry::from_specs(assets)).state(state);
        self.heard.listen(builder.io_manager("memory", self.store.clone()))
    }

    fn lakehouse(&self, assets: impl IntoIterator<Item = AssetSpec>) -> Lakehouse {
        self.builder(assets).build().unwrap()
    }

    /// What was made since this was last asked.
    fn made(&self) -> Vec<String> {
        std::mem::take(&mut self.made.lock().unwrap())
    }

    /// An asset whose value is its inputs and this text, at this version of its code.
    fn asset(&self, name: &str, code: &str, with: impl FnOnce(AssetBuilder) -> AssetBuilder) -> AssetSpec {
        let value = Arc::new(AtomicI64::new(0));
        self.giving(name, code, &value, with)
    }

    /// An asset with this value.
    fn giving(
        &self,
        name: &str,
        code: &str,
        value: &Arc<AtomicI64>,
        with: impl FnOnce(AssetBuilder) -> AssetBuilder,
    ) -> AssetSpec {
        let (made, value, asset) = (Arc::clone(&self.made), Arc::clone(value), name.to_owned());
        let body = move |call: lakewright::Call| {
            let key = call.partition_key().map(|key| format!(" {key}")).unwrap_or_default();
            made.lock().unwrap().push(format!("{asset}{key}"));
            let value = value.load(Ordering::SeqCst);
            async move { call.produce_object(value) }
        };
        let builder = AssetBuilder::new(name, ValueKind::Object).io_manager("memory").code_version(code);
        with(builder).body(body).unwrap()
    }

    /// What is recorded of the last commit of an asset.
    fn last(&self, asset: &str) -> Arc<Materialization> {
        let of = |kind: &EventKind| match kind {
            EventKind::Materialized { materialization, .. } if materialization.asset.to_string() == asset => {
                Some(materialization.clone())
            }
            _ => None,
        };
        self.heard.kinds().iter().rev().find_map(of).expect("it was made")
    }
}

fn run_changed(lakehouse: &Lakehouse, choice: &PartitionChoice) -> RunReport {
    block_on(async {
        let plan = lakehouse.plan_changed("*", choice).await.unwrap();
        lakehouse.run(plan, Interrupt::new()).await.unwrap()
    })
}

/// Why each step of a run of what has changed would run; nothing for one that would not.
fn why(lakehouse: &Lakehouse, choice: &PartitionChoice) -> Vec<Vec<StepReason>> {
    let decisions = block_on(async {
        let plan = lakehouse.plan_changed("*", choice).await.unwrap();
        lakehouse.explain(&plan).await.unwrap()
    });
    let reasons = decisions.into_iter().map(|(_, decision)| match decision {
        StepDecision::WillRun { reasons } => reasons,
        _ => Vec::new(),
    });
    reasons.collect()
}

fn outcomes(report: &RunReport) -> Vec<&StepOutcome> {
    report.steps.iter().map(|step| &step.outcome).collect()
}
