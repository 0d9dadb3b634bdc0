//! Streams and plans go to their files without being whole in memory, and leave nothing behind.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lakewright::arrow::array::{Int64Array, RecordBatch};
use lakewright::arrow::buffer::{Buffer, ScalarBuffer};
use lakewright::arrow::datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema};
use lakewright::datafusion::dataframe::DataFrame as FusionFrame;
use lakewright::datafusion::prelude::{col as fusion_col, lit as fusion_lit};
use lakewright::frame::Frame;
use lakewright::frame::arrow::RecordBatchStream;
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, Call, ErrorKind};
use tempfile::tempdir;

use super::bind;
use crate::support::{files_below, integers, key, lakehouse, read_delta, read_file, run_all, run_to_failure};

const BATCHES: usize = 40;
const ROWS: usize = 32_768;

/// Watches the buffers of batches that were handed out.
#[derive(Clone, Default)]
struct Watch {
    buffers: Arc<Mutex<Vec<Buffer>>>,
    most: Arc<AtomicUsize>,
}

impl Watch {
    /// A stream of numbers from 0, which fails at this batch.
    fn stream(&self, fails_at: Option<usize>) -> RecordBatchStream {
        let schema = Arc::new(ArrowSchema::new(vec![Field::new("n", ArrowType::Int64, false)]));
        let (of, watch) = (Arc::clone(&schema), self.clone());
        let batches = (0..BATCHES).map(move |number| {
            if fails_at == Some(number) {
                return Err(Error::new(ErrorKind::Value, "the source broke off"));
            }
            let numbers = numbers(number * ROWS..(number + 1) * ROWS).collect::<Vec<_>>();
            let buffer = Buffer::from_vec(numbers);
            let mut buffers = watch.buffers.lock().unwrap();
            // One hold of a buffer is ours.
            let alive = buffers.iter().filter(|buffer| buffer.strong_count() > 1).count();
            watch.most.fetch_max(alive, Ordering::SeqCst);
            buffers.push(buffer.clone());
            let array = Int64Array::new(ScalarBuffer::new(buffer, 0, ROWS), None);
            RecordBatch::try_new(Arc::clone(&of), vec![Arc::new(array)]).map_err(Into::into)
        });
        RecordBatchStream::from_batches(schema, batches)
    }

    fn pulled(&self) -> usize {
        self.buffers.lock().unwrap().len()
    }

    /// How many were held at once, at most.
    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn alive(&self) -> usize {
        self.buffers.lock().unwrap().iter().filter(|buffer| buffer.strong_count() > 1).count()
    }
}

fn numbers(range: std::ops::Range<usize>) -> impl Iterator<Item = i64> {
    range.map(|number| number.try_into().unwrap())
}

/// An asset that makes a frame of any type anew each time.
fn made<F: Frame>(make: impl Fn() -> Result<F> + Clone + Send + Sync + 'static) -> AssetSpec {
    let body = move |call: Call| {
        let make = make.clone();
        async move { call.produce_frame(make()?) }
    };
    AssetBuilder::new("t", ValueKind::Table).body(body).unwrap()
}

fn stored(store: &str, root: &Path) -> DataFrame {
    let root = root.join("store");
    if store == "Delta" { read_delta(&root.join("public/t")) } else { read_file(&root.join("t.parquet")) }
}

/// What is left of streams on their way.
fn spooled(root: &Path) -> usize {
    let spooled =
        |path: &std::path::PathBuf| path.to_string_lossy().contains("spool") || path.to_string_lossy().ends_with(".staged");
    files_below(root).iter().filter(|path| spooled(path)).count()
}

#[test]
fn a_stream_is_never_whole_in_memory() {
    for store in ["Delta", "Parquet"] {
        let (root, watch) = (tempdir().unwrap(), Watch::default());
        let source = watch.clone();
        let assets = [made(move || Ok(source.stream(None)))];
        run_all(&bind(lakehouse(&root, assets), store, root.path()).build().unwrap());
        assert_eq!((watch.pulled(), watch.alive()), (BATCHES, 0));
        assert!(watch.most() <= BATCHES / 3, "{store}: {} batches were held at once", watch.most());
        assert_eq!(spooled(root.path()), 0, "{store}: {:?}", files_below(root.path()));
        let wanted: Vec<i64> = numbers(0..BATCHES * ROWS).collect();
        assert!(integers(&stored(store, root.path()), "n") == wanted, "{store}: every row, in order");
    }
}

#[test]
fn a_plan_of_datafusion_is_never_whole_in_memory() {
    for store in ["Delta", "Parquet"] {
        let (root, watch) = (tempdir().unwrap(), Watch::default());
        let source = watch.clone();
        let assets = [made(move || {
            let plan = FusionFrame::from_table(source.stream(None).into_table())?;
            Ok(plan.filter((fusion_col("n") % fusion_lit(2i64)).eq(fusion_lit(0i64)))?)
        })];
        run_all(&bind(lakehouse(&root, assets), store, root.path()).build().unwrap());
        assert_eq!((watch.pulled(), watch.alive()), (BATCHES, 0));
        assert!(watch.most() <= BATCHES / 3, "{store}: {} batches were held at once", watch.most());
        assert_eq!(spooled(root.path()), 0, "{store}");
        let mut found = integers(&stored(store, root.path()), "n");
        found.sort_unstable();
        assert!(found == numbers(0..BATCHES * ROWS).step_by(2).collect::<Vec<_>>(), "{store}");
    }
}

#[test]
fn a_stream_that_fails_stores_nothing_and_leaves_nothing() {
    for store in ["Delta", "Parquet", "CSV"] {
        let (root, watch) = (tempdir().unwrap(), Watch::default());
        let source = watch.clone();
        let failing = move || {
            let source = source.clone();
            made(move || Ok(source.stream(Some(20))))
        };
        let with = |asset| bind(lakehouse(&root, [asset]), store, root.path()).build().unwrap();
        let failure = run_to_failure(&with(failing()));
        assert_eq!((failure.message.as_str(), failure.code.as_str()), ("the source broke off", ErrorKind::Value.code()));
        assert!(crate::support::block_on(with(failing()).load(&key("t"))).unwrap().is_none(), "{store}");
        assert_eq!(spooled(root.path()), 0, "{store}");

        run_all(&with(made(|| Ok(df!("n" => [7i64])?))));
        let before = files_below(root.path());
        run_to_failure(&with(failing()));
        let now: Vec<_> = files_below(root.path()).into_iter().filter(|path| !before.contains(path)).collect();
        assert!(now.is_empty(), "{store}: {now:?}");
        let kept: DataFrame = crate::support::block_on(with(failing()).load_frame(&key("t"))).unwrap();
        assert_eq!(integers(&kept, "n"), [7], "{store}");
        assert_eq!(watch.alive(), 0);
    }
}

#[test]
fn plans_of_plans_are_computed_in_pieces_and_give_what_frames_give() {
    #[asset]
    fn raw() -> Result<DataFrame> {
        Ok(df!("n" => (0..500_000i64).collect::<Vec<_>>())?)
    }
    #[asset]
    fn eager(raw: DataFrame) -> Result<DataFrame> {
        Ok(raw.lazy().with_column((col("n") * lit(3)).alias("m")).filter(col("m").gt(lit(9))).collect()?)
    }
    #[asset]
    fn first(raw: LazyFrame) -> LazyFrame {
        raw
    }
    #[asset]
    fn second(first: LazyFrame) -> LazyFrame {
        let watched = col("n").map(
            |column| {
                LONGEST.fetch_max(column.len(), Ordering::SeqCst);
                Ok(column * 3)
            },
            |_, field| Ok(field.clone()),
        );
        first.with_column(watched.alias("m"))
    }
    #[asset]
    fn third(second: LazyFrame) -> LazyFrame {
        second.filter(col("m").gt(lit(9)))
    }
    static LONGEST: AtomicUsize = AtomicUsize::new(0);
    for store in ["Delta", "Parquet"] {
        let root = tempdir().unwrap();
        let builder = Lakehouse::builder().root(root.path()).registry(Registry::of(assets![raw, eager, first, second, third]));
        let lakehouse = bind(builder, store, root.path()).build().unwrap();
        run_all(&lakehouse);
        let read = |name: &str| {
            let root = root.path().join("store");
            if store == "Delta" {
                read_delta(&root.join("public").join(name))
            } else {
                read_file(&root.join(format!("{name}.parquet")))
            }
        };
        assert_eq!(read("eager").height(), 499_996);
        assert!(read("third").equals_missing(&read("eager")), "{store}");
        assert!(LONGEST.load(Ordering::SeqCst) < 400_000, "the plan was computed in one piece of {LONGEST:?}");
    }
}
