//! Each output type by each input type, driven through [`Frame`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lakewright::arrow::array::RecordBatch;
use lakewright::datafusion::dataframe::DataFrame as FusionFrame;
use lakewright::event::EventKind;
use lakewright::exec::PartitionChoice;
use lakewright::frame::Frame;
use lakewright::frame::arrow::RecordBatchStream;
use lakewright::partition::PartitionDefinition;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, Produced, Value};
use tempfile::tempdir;

use super::{STORES, Sample, bind, independently, make, rows_of, sample};
use crate::support::{Heard, lakehouse};

#[partitions(keys = ["red", "blue"])]
struct Color;

/// What an input saw: rows by partition, and whether they were in memory.
type Seen = Arc<Mutex<BTreeMap<String, Vec<(String, DataFrame, bool)>>>>;

/// How a type is wrapped in what assets take and return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    Plain,
    Optional,
    Map,
}

/// A frame type in the table.
pub(super) struct Kind {
    pub(super) name: &'static str,
    output: fn(Wrap) -> AssetSpec,
    input: fn(Wrap, usize, Seen) -> AssetSpec,
    eager: fn() -> bool,
}

impl Kind {
    const fn of<F: Frame>(name: &'static str) -> Self {
        Self { name, output: output::<F>, input: input::<F>, eager: || make::<F>(sample(1)).unwrap().into_table().is_eager() }
    }

    /// Whether its rows are in memory when a body returns it.
    pub(super) fn is_eager(&self) -> bool {
        (self.eager)()
    }
}

pub(super) const KINDS: [Kind; 8] = [
    Kind::of::<DataFrame>("`DataFrame`"),
    Kind::of::<LazyFrame>("`LazyFrame`"),
    Kind::of::<RecordBatch>("`RecordBatch`"),
    Kind::of::<Vec<RecordBatch>>("`Vec<RecordBatch>`"),
    Kind::of::<RecordBatchStream>("`RecordBatchStream`"),
    Kind::of::<FusionFrame>("DataFusion `DataFrame`"),
    Kind::of::<Rows<Sample, DataFrame>>("`Rows<R, DataFrame>`"),
    Kind::of::<Rows<Sample, LazyFrame>>("`Rows<R, LazyFrame>`"),
];

fn output<F: Frame>(wrap: Wrap) -> AssetSpec {
    let mut builder = AssetBuilder::new("out", ValueKind::Table);
    if let Some(columns) = F::COLUMNS {
        builder = builder.columns(columns);
    }
    if wrap == Wrap::Optional {
        builder = builder.optional();
    }
    if wrap == Wrap::Map {
        builder = builder.partitions(Color::def().unwrap()).call_once();
    }
    let body = move |call: Call| async move {
        call.blocking(move |call| {
            if wrap != Wrap::Map {
                return call.produce_frame(make::<F>(sample(1))?);
            }
            let colors = call.partition_set::<Color>()?;
            let one = |color: Partition<Color>| -> Result<_> {
                let first = if color.key() == "red" { 1 } else { 10 };
                Ok((color.partition_key().clone(), Value::Table(make::<F>(sample(first))?.into_table())))
            };
            Ok(Produced::partitions(colors.iter().map(|color| one(color?)).collect::<Result<_>>()?))
        })
        .await
    };
    builder.body(body).unwrap()
}

fn input<F: Frame>(wrap: Wrap, number: usize, seen: Seen) -> AssetSpec {
    use lakewright::asset::Input;
    let name = format!("in{number}");
    let taken = Input::of("out");
    let taken = match wrap {
        Wrap::Plain => taken,
        Wrap::Optional => taken.optional(),
        Wrap::Map => taken.per_partition(),
    };
    let body = move |call: Call| {
        let seen = Arc::clone(&seen);
        async move {
            call.blocking(move |mut call| {
                let name = call.context().asset_key().to_string();
                let frames = match wrap {
                    Wrap::Plain => vec![(String::new(), call.frame::<F>("out")?)],
                    Wrap::Optional if call.has("out") => vec![(String::new(), call.frame::<F>("out")?)],
                    Wrap::Optional => Vec::new(),
                    Wrap::Map => call.frames::<F>("out")?.into_iter().map(|(key, frame)| (key.to_string(), frame)).collect(),
                };
                for (partition, frame) in frames {
                    let (rows, eager) = rows_of(frame)?;
                    seen.lock().unwrap().entry(name.clone()).or_default().push((partition, rows, eager));
                }
                Ok(Produced::nothing())
            })
            .await
        }
    };
    AssetBuilder::new(name, ValueKind::Nothing).input(taken).body(body).unwrap()
}

/// How an input got its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    /// From memory, as they were just made.
    HandedOver,
    /// As a plan or a stream, which it computes or reads itself.
    Lazy,
    /// Read whole.
    Whole,
}

/// Stores one output type and reads it as every input type: how each got its rows, after comparing them.
pub(super) fn try_all(store: &str, wrap: Wrap, output: &Kind) -> Vec<Got> {
    let root = tempdir().unwrap();
    let seen = Seen::default();
    let heard = Heard::default();
    let inputs = KINDS.iter().enumerate().map(|(number, kind)| (kind.input)(wrap, number, Arc::clone(&seen)));
    let assets = std::iter::once((output.output)(wrap)).chain(inputs).collect::<Vec<_>>();
    let builder = heard.listen(bind(lakehouse(&root, assets), store, root.path()));
    let lakehouse = builder.build().unwrap();
    let choice = if wrap == Wrap::Map { PartitionChoice::all() } else { PartitionChoice::none() };
    let report = lakehouse.materialize_for_blocking("*", &choice).unwrap();
    assert!(report.is_success(), "{} to {store}: {:#?}", output.name, report.failures().collect::<Vec<_>>());

    let partitions: &[(&str, i64)] = if wrap == Wrap::Map { &[("red", 1), ("blue", 10)] } else { &[("", 1)] };
    for (partition, first) in partitions {
        let partition = Some(*partition).filter(|partition| !partition.is_empty());
        if let Some(stored) = independently(store, root.path(), "out", partition) {
            assert!(stored.equals_missing(&sample(*first)), "{} to {store}: {stored}", output.name);
        }
    }
    let handed: Vec<_> = handed_over(&heard);
    let seen = seen.lock().unwrap();
    let got = |(number, kind): (usize, &Kind)| {
        let name = format!("in{number}");
        let found = seen.get(&name).unwrap_or_else(|| panic!("{} saw nothing", kind.name));
        let keys: Vec<_> = found.iter().map(|(partition, ..)| partition.as_str()).collect();
        assert_eq!(keys, partitions.iter().map(|(key, _)| *key).collect::<Vec<_>>());
        for ((_, rows, _), (_, first)) in found.iter().zip(partitions) {
            let what = format!("{} from {store}, stored as {}", kind.name, output.name);
            assert_eq!(rows.schema(), sample(*first).schema(), "{what}");
            assert!(rows.equals_missing(&sample(*first)), "{what}: {rows}");
        }
        match (handed.contains(&name), found[0].2) {
            (true, _) => Got::HandedOver,
            (false, false) => Got::Lazy,
            (false, true) => Got::Whole,
        }
    };
    KINDS.iter().enumerate().map(got).collect()
}

/// The assets that were handed an input in memory.
fn handed_over(heard: &Heard) -> Vec<String> {
    let kinds = heard.kinds();
    let EventKind::RunStarted { steps, .. } = &kinds[0] else { panic!("{:?}", kinds[0]) };
    let of = |kind: &EventKind| match kind {
        EventKind::InputHandedOver { step, .. } => Some(steps[*step].assets[0].to_string()),
        _ => None,
    };
    kinds.iter().filter_map(of).collect()
}

#[test]
fn optional_outputs_are_read_as_optional_inputs() {
    // What is around a frame is gone before a store sees it; each type in an option in each store is in `typed`.
    for store in ["Parquet", "memory"] {
        for kind in &KINDS {
            try_all(store, Wrap::Optional, kind);
        }
    }
}

#[test]
fn maps_of_every_type_are_read_as_maps_of_every_other() {
    for store in STORES {
        for kind in &KINDS {
            let got = try_all(store, Wrap::Map, kind);
            assert!(!got.contains(&Got::HandedOver), "maps are read from their stores");
        }
    }
}
