//! What is a frame stays one, whatever else it implements.
#![allow(clippy::pedantic, reason = "users need not keep to our taste")]
#![deny(missing_docs, warnings)]

use lakewright::frame::{Frame, Table};
use lakewright::prelude::*;
use serde::{Deserialize, Serialize};

/// A frame of the user's own, which serde could write as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lengths(Vec<f64>);

impl Frame for Lengths {
    fn into_table(self) -> Table {
        DataFrame::new_infer_height(vec![Column::new("length".into(), self.0)]).expect("one column").into_table()
    }

    fn from_table(table: Table) -> Result<Self> {
        let frame = DataFrame::from_table(table)?;
        Ok(Self(frame.column("length")?.f64()?.into_no_null_iter().collect()))
    }
}

/// A frame.
#[asset]
pub fn lengths() -> Lengths {
    Lengths(vec![5.1, 4.9])
}

/// A frame that may be missing.
#[asset]
pub fn new_lengths(lengths: Option<Lengths>) -> Option<Lengths> {
    lengths
}

/// Frames load as each other.
#[asset]
pub fn as_polars(lengths: &DataFrame, new_lengths: Option<LazyFrame>) -> LazyFrame {
    new_lengths.unwrap_or_else(|| lengths.clone().lazy())
}

/// And back.
#[asset]
pub fn back(as_polars: Lengths) -> Lengths {
    as_polars
}

/// One of an object's fields being a frame makes no frame of it.
#[asset]
pub fn object(back: Lengths) -> Vec<Lengths> {
    vec![back]
}

/// By the type that was stored.
#[asset]
pub fn object_read(object: Vec<Lengths>) -> Option<Vec<Lengths>> {
    Some(object)
}

fn assert_serde<T: Serialize + for<'de> Deserialize<'de>>() {}

#[test]
fn frames_stay_frames() {
    // The harder case: if Polars' frames did not implement serde's traits, nothing could take them for objects.
    assert_serde::<DataFrame>();
    let registry = Registry::of(assets![lengths, new_lengths, as_polars, back, object, object_read]);
    let kinds: Vec<_> =
        registry.assets().map(|asset| (asset.key.to_string(), asset.output.kind, asset.output.optional)).collect();
    let kind = |name: &str| kinds.iter().find(|(key, ..)| key == name).map(|(_, kind, optional)| (*kind, *optional));
    assert_eq!(kind("lengths"), Some((ValueKind::Table, false)));
    assert_eq!(kind("new_lengths"), Some((ValueKind::Table, true)));
    assert_eq!(kind("as_polars"), Some((ValueKind::Table, false)));
    assert_eq!(kind("object"), Some((ValueKind::Object, false)));
    assert_eq!(kind("object_read"), Some((ValueKind::Object, true)));
    assert_eq!(lengths().0.len(), 2);

    let lakehouse = Lakehouse::builder()
        .registry(registry)
        .io_manager("io_manager", lakewright::io::memory::MemoryIoManager::new())
        .build()
        .expect("nothing is missing");
    let report = lakehouse.materialize_blocking("*").expect("the selection is valid");
    let failures: Vec<_> = report.failures().collect();
    assert!(report.is_success(), "{failures:?}");
}
