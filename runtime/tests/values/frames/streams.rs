//! Streams between a body and a store: how much of them is in memory, and how they end.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use lakewright::arrow::array::Array;
use lakewright::arrow::buffer::Buffer;

use super::*;

/// Remembers the buffers of what was streamed, to see how many of them somebody still has.
#[derive(Clone, Default)]
struct Watch {
    made: Arc<Mutex<Vec<Buffer>>>,
    most: Arc<AtomicUsize>,
}

impl Watch {
    fn add(&self, batch: &RecordBatch) {
        let mut made = self.made.lock().unwrap();
        // One of the counted hands is this list's own.
        made.push(batch.column(0).to_data().buffers()[0].clone());
        let alive = made.iter().filter(|buffer| buffer.strong_count() > 1).count();
        self.most.fetch_max(alive, Ordering::SeqCst);
    }

    fn made(&self) -> usize {
        self.made.lock().unwrap().len()
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn alive(&self) -> usize {
        self.made.lock().unwrap().iter().filter(|buffer| buffer.strong_count() > 1).count()
    }

    /// So many batches of so many rows, made when they are read.
    fn stream(&self, batches: i64, rows: i64) -> RecordBatchStream {
        let watch = self.clone();
        let make = move |index| {
            let batch = batch(index * rows..(index + 1) * rows);
            watch.add(&batch);
            Ok(batch)
        };
        RecordBatchStream::from_batches(schema(), (0..batches).map(make))
    }
}

fn files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Waits until something that another thread does has happened.
fn until(what: &str, happened: impl Fn() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} never happened");
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_that_polars_reads_is_never_whole_in_memory() {
    blocking(|| {
        let folder = tempfile::tempdir().unwrap();
        let spool_folder = folder.path().join("made when needed/year=2024/[any]*");
        let watch = Watch::default();
        let table = watch.stream(64, 50_000).into_table();
        assert_eq!(watch.made(), 0, "nothing is read before it is asked for");
        let (table, spool) = table.into_polars_in(&spool_folder).unwrap();
        assert_eq!(watch.made(), 64);
        // A group of rows is written at once: six of these batches.
        assert!(watch.most() <= 8, "{} of 64 batches were in memory at once", watch.most());
        assert_eq!(watch.alive(), 0);
        let spool = spool.unwrap();
        assert_eq!(files(&spool_folder), 1);
        assert!(spool.bytes().unwrap() > 0);
        let plan = table.into_lazy();
        let rows = plan.clone().select([col("n")]).collect().unwrap();
        assert_eq!(rows.height(), 64 * 50_000);
        let numbers: Vec<i64> = rows.column("n").unwrap().i64().unwrap().into_no_null_iter().collect();
        assert!(numbers.is_sorted(), "in order");
        drop(spool);
        assert_eq!(files(&spool_folder), 0, "the file is gone with the guard");
        assert!(plan.collect().is_err());
    });
}

#[test]
fn without_a_folder_the_file_has_no_name_and_lives_as_long_as_the_frame() {
    blocking(|| {
        let ours = || {
            let prefix = format!("lakewright-{}-", std::process::id());
            let entries = std::fs::read_dir(std::env::temp_dir()).unwrap();
            entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(&prefix)).count()
        };
        let plan = LazyFrame::from_table(Watch::default().stream(3, 10).into_table()).unwrap();
        until("the file without a name", || ours() == 0);
        assert_eq!(plan.clone().collect().unwrap().height(), 30);
        assert_eq!(plan.filter(col("n").gt(lit(27))).collect().unwrap().height(), 2);
    });
}

#[test]
fn a_stream_that_fails_leaves_no_file() {
    blocking(|| {
        let folder = tempfile::tempdir().unwrap();
        let batches = [Ok(batch(0..3)), Err(failure()), Ok(batch(3..6))];
        let stream = RecordBatchStream::from_batches(schema(), batches);
        let error = stream.into_table().into_polars_in(folder.path()).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Body, "the well is dry"));
        assert_eq!(files(folder.path()), 0);
    });
}

#[test]
fn a_stream_without_batches_is_a_table_without_rows() {
    blocking(|| {
        let folder = tempfile::tempdir().unwrap();
        let (table, _spool) = stream_of(Vec::new()).into_table().into_polars_in(folder.path()).unwrap();
        assert_eq!(table.into_eager().unwrap().shape(), (0, 2));
        assert_eq!(RecordBatch::from_table(stream_of(Vec::new()).into_table()).unwrap().num_columns(), 2);
    });
}

#[test]
fn a_stream_ends_with_its_first_error() {
    blocking(|| {
        let stream = RecordBatchStream::from_batches(schema(), [Ok(batch(0..1)), Err(failure()), Ok(batch(1..2))]);
        let seen: Vec<bool> = stream.blocking_iter().unwrap().map(|batch| batch.is_ok()).collect();
        assert_eq!(seen, [true, false]);
    });
}

#[test]
fn a_batch_of_other_columns_is_an_error() {
    blocking(|| {
        let other = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
        for table in [stream_of(vec![batch(0..1), other.clone()]).into_table(), vec![batch(0..1), other].into_table()] {
            let error = table.materialize().err().unwrap();
            assert_eq!(error.message(), "one table has 2 columns and another has 1");
        }
    });
}

#[test]
fn a_stream_outside_of_a_runtime_is_an_error_that_says_where_to_read_it() {
    let error = stream_of(vec![batch(0..1)]).into_table().into_polars().unwrap_err();
    assert_eq!(error.message(), "a stream of batches was to be read outside of a tokio runtime");
    // What Polars computes whole needs none.
    let (plan, _) = counted(3);
    assert_eq!(numbers(&Vec::from_table(plan.into_table()).unwrap()), [0, 1, 2]);
}

const MANY: i64 = 5_000_000;

#[test]
fn a_lazy_plan_is_streamed_while_it_is_computed() {
    blocking(|| {
        let (plan, computed) = counted(MANY);
        let mut stream = RecordBatchStream::from_table(plan.into_table()).unwrap();
        assert_eq!(computed.load(Ordering::SeqCst), 0, "nothing is computed before it is asked for");
        let first = futures::executor::block_on(stream.next()).unwrap().unwrap();
        assert!(first.num_rows() < 1_000_000, "{} rows in one batch", first.num_rows());
        let ahead = computed.load(Ordering::SeqCst);
        assert!(ahead < 4_000_000, "{ahead} of {MANY} rows were computed for the first batch");
        let mut rows = numbers(&[first]);
        for batch in stream.blocking_iter().unwrap() {
            rows.extend(numbers(&[batch.unwrap()]));
        }
        assert_eq!(rows.len(), usize::try_from(MANY).unwrap());
        assert!(rows.is_sorted(), "in order");
    });
}

#[test]
fn a_plan_stops_when_its_stream_is_dropped() {
    blocking(|| {
        let (plan, computed) = counted(MANY);
        let mut stream = RecordBatchStream::from_table(plan.into_table()).unwrap();
        futures::executor::block_on(stream.next()).unwrap().unwrap();
        drop(stream);
        // The plan, and with it the closure that counts, is dropped by the thread that has computed it.
        until("the end of the plan", || Arc::strong_count(&computed) == 1);
        assert!(computed.load(Ordering::SeqCst) < usize::try_from(MANY).unwrap(), "the plan was computed to its end");
    });
}

#[test]
fn a_stream_that_is_never_read_starts_no_plan() {
    let (plan, computed) = counted(10);
    drop(RecordBatchStream::from_table(plan.into_table()).unwrap());
    assert_eq!((computed.load(Ordering::SeqCst), Arc::strong_count(&computed)), (0, 1));
}

#[test]
fn a_plan_that_fails_or_panics_fails_its_stream() {
    blocking(|| {
        let frame = || df!("n" => [1_i64, 2]).unwrap().lazy();
        let fails = frame().with_column(col("n").map(
            |_| Err(lakewright::polars::prelude::PolarsError::ComputeError("the well is dry".into())),
            |_, field| Ok(field.clone()),
        ));
        let panics = frame().with_column(col("n").map(|_| panic!("the well is deep"), |_, field| Ok(field.clone())));
        for (plan, message) in [(fails, "the well is dry"), (panics, "the well is deep")] {
            let stream = RecordBatchStream::from_table(plan.into_table()).unwrap();
            let batches: Vec<Result<RecordBatch>> = stream.blocking_iter().unwrap().collect();
            let error = batches.into_iter().find_map(Result::err).expect("the stream does not just end");
            assert!(error.to_string().contains(message), "{error}");
        }
        let missing = frame().select([col("m")]);
        assert_eq!(RecordBatchStream::from_table(missing.into_table()).unwrap_err().kind(), ErrorKind::Schema);
    });
}

#[test]
fn streams_in_one_are_read_one_after_the_other() {
    blocking(|| {
        let (first, second) = (Watch::default(), Watch::default());
        let both = Table::concat(vec![first.stream(2, 3).into_table(), second.stream(2, 3).into_table()]).unwrap();
        let mut stream = RecordBatchStream::from_table(both).unwrap();
        assert_eq!((first.made(), second.made()), (0, 0));
        futures::executor::block_on(stream.next()).unwrap().unwrap();
        assert_eq!((first.made(), second.made()), (1, 0));
        assert_eq!(stream.blocking_iter().unwrap().count(), 3);
    });
}

#[test]
fn a_preview_reads_no_more_of_a_stream_than_it_shows() {
    blocking(|| {
        let watch = Watch::default();
        assert_eq!(watch.stream(100, 3).into_table().preview(4).unwrap().rows.len(), 4);
        assert_eq!(watch.made(), 2);
    });
}

#[test]
fn an_asynchronous_stream_is_driven_by_the_runtime() {
    blocking(|| {
        let batches = stream::iter(0..3).then(|index| async move {
            tokio::task::spawn(async move { batch(index..index + 1) }).await.map_err(|error| failure().source(error))
        });
        let frame = DataFrame::from_table(RecordBatchStream::new(schema(), batches).into_table()).unwrap();
        assert_eq!(frame.height(), 3);
    });
}
