//! Every frame type where the attributes take and return it, by itself, in an option and in a map.

use lakewright::exec::PartitionChoice;
use lakewright::prelude::*;
use tempfile::tempdir;

use super::{STORES, bind, independently, sample};

#[partitions(keys = ["red", "blue"])]
struct Color;

#[partitions(daily, start = "2023-01-01", end = "2023-01-03")]
struct Day;

/// Assets that take and return a type in every way, and a test of them in every store.
macro_rules! typed {
    ($($name:ident: $ty:ty;)*) => {
        $(
            mod $name {
                use lakewright::prelude::*;

                use super::super::{make, sample};
                use super::{Color, Day};

                #[asset]
                fn whole() -> Result<$ty> {
                    make(sample(1))
                }

                #[asset]
                async fn same(whole: $ty) -> $ty {
                    whole
                }

                #[asset]
                fn maybe(same: Option<$ty>) -> Result<Option<$ty>> {
                    Ok(same)
                }

                #[asset]
                fn never(whole: $ty) -> Option<$ty> {
                    drop(whole);
                    None
                }

                #[asset]
                fn without(never: Option<$ty>) -> Result<$ty> {
                    assert!(never.is_none());
                    make(sample(2))
                }

                #[asset(partitions = Color)]
                fn each(colors: PartitionSet<Color>) -> Result<Partitions<Color, $ty>> {
                    colors.iter().map(|color| Ok((color?, make(sample(1))?))).collect()
                }

                #[asset(partitions = Color)]
                fn again(each: Partitions<Color, $ty>) -> Partitions<Color, $ty> {
                    each
                }

                #[asset(partitions = Color)]
                fn one(again: $ty, _color: Partition<Color>) -> $ty {
                    again
                }

                /// Columns of partitions that are read as one.
                #[asset]
                fn all(one: $ty) -> $ty {
                    one
                }

                /// The first has none before it.
                #[asset(partitions = Day)]
                fn following(#[input(previous)] before: $ty, _day: Partition<Day>) -> Result<$ty> {
                    drop(before);
                    make(sample(1))
                }

                #[test]
                fn in_every_store() {
                    let registry = || Registry::of(assets![whole, same, maybe, never, without, each, again, one, all, following]);
                    super::in_every_store(registry);
                }
            }
        )*
    };
}

typed! {
    data_frame: DataFrame;
    lazy_frame: LazyFrame;
    batch: lakewright::arrow::array::RecordBatch;
    batches: Vec<lakewright::arrow::array::RecordBatch>;
    stream: lakewright::frame::arrow::RecordBatchStream;
    fusion: lakewright::datafusion::dataframe::DataFrame;
    rows: Rows<crate::frames::Sample, DataFrame>;
    lazy_rows: Rows<crate::frames::Sample, LazyFrame>;
}

fn in_every_store(registry: impl Fn() -> Registry) {
    for store in STORES {
        let root = tempdir().unwrap();
        let builder = bind(Lakehouse::builder().root(root.path()).registry(registry()), store, root.path());
        let lakehouse = builder.build().unwrap();
        let report = lakehouse.materialize_for_blocking("*", &PartitionChoice::all()).unwrap();
        assert!(report.is_success(), "{store}: {:#?}", report.failures().collect::<Vec<_>>());
        let twice = || concat([sample(1).lazy(), sample(1).lazy()], UnionArgs::default()).unwrap().collect().unwrap();
        let wanted = [
            ("whole", None, sample(1)),
            ("same", None, sample(1)),
            ("maybe", None, sample(1)),
            ("without", None, sample(2)),
            ("again", Some("red"), sample(1)),
            ("one", Some("blue"), sample(1)),
            ("all", None, twice()),
            ("following", Some("2023-01-02"), sample(1)),
        ];
        for (asset, partition, rows) in wanted {
            let Some(stored) = independently(store, root.path(), asset, partition) else {
                let key = crate::support::key(asset);
                let stored: DataFrame = crate::support::block_on(lakehouse.load_frame(&key)).unwrap();
                let wanted = if partition.is_some() { twice() } else { rows };
                assert!(stored.equals_missing(&wanted), "{store} {asset}: {stored}");
                continue;
            };
            assert!(stored.equals_missing(&rows), "{store} {asset}: {stored}");
        }
        let stored = crate::support::block_on(lakehouse.load(&crate::support::key("never"))).unwrap();
        assert!(stored.is_none(), "{store}");
    }
}
