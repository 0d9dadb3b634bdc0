//! The log in memory. Each handle is the one that there is.

use std::sync::Arc;

use lakewright::exec::PartitionChoice;
use lakewright::partition::{Every, PartitionsDef, TimeDef};
use lakewright::state::{MemoryState, State};
use lakewright::{AssetBuilder, Lakehouse, Registry, ValueKind};

use crate::suite::{Handles, every_test, suite};
use crate::support::key;

fn with(test: impl Fn(Handles<'_>)) {
    let log: Arc<dyn State> = Arc::new(MemoryState::new("0123456789abcdef"));
    test(&|| Arc::clone(&log));
}

every_test!(with);

/// However few events a process adds, somebody sums up what many have added: so nobody has to read a million.
#[tokio::test]
async fn what_becomes_of_partitions_is_summed_up_though_nobody_asks() {
    let log: Arc<dyn State> = Arc::new(MemoryState::new("0123456789abcdef"));
    let hours = TimeDef::new(Every::Hour, "2020-01-01").unwrap();
    let lakehouse = || {
        let asset = AssetBuilder::new("a", ValueKind::Object).io_manager("memory");
        let asset = asset.partitions(PartitionsDef::time("Hour", hours.clone()));
        let asset = asset.body(|call| async move { call.produce_object(1) }).unwrap();
        Lakehouse::builder().registry(Registry::from_specs([asset])).state(Arc::clone(&log)).build().unwrap()
    };
    for hour in 0..20_000 {
        let choice = PartitionChoice::none().key(hours.key(hour).unwrap());
        lakehouse().report(&key("a"), &choice, Vec::new(), true).await.unwrap();
        if log.snapshot(&key("a")).unwrap().is_some() {
            assert!(hour >= 999, "few are read as fast as they are");
            return;
        }
    }
    panic!("nothing is summed up");
}
