//! A table function of DuckDB that reads batches of ours: `lakewright_frame(token)`.
//!
//! DuckDB's own scan of Arrow streams expects the stream to leave out columns and rows, and would show wrong ones if it did not. A
//! table function is asked for nothing but rows.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ::duckdb::ffi as c;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::{Converted, Converter};
use crate::error::{Error, ErrorKind, Result};

/// The name of the function in SQL.
const NAME: &str = "lakewright_frame";

/// Batches as they come.
pub(crate) type Scan = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What a table can be scanned from.
pub(crate) trait BatchSource: Send + Sync + 'static {
    /// The columns of every batch.
    fn schema(&self) -> &Schema;

    /// Starts to read the rows.
    fn scan(&self) -> Result<Scan>;

    /// Takes note of why a scan failed, since DuckDB only keeps the text of it.
    fn failed(&self, error: Error);
}

/// A source that statements of a database can read, until this is dropped.
pub(crate) struct Registered {
    token: u64,
}

struct Source {
    source: Arc<dyn BatchSource>,
    converter: Converter,
}

static SOURCES: LazyLock<Mutex<HashMap<u64, Arc<Source>>>> = LazyLock::new(Mutex::default);

impl Registered {
    pub(crate) fn new(source: Arc<dyn BatchSource>, converter: Converter) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let token = NEXT.fetch_add(1, Ordering::Relaxed);
        SOURCES.lock().unwrap_or_else(PoisonError::into_inner).insert(token, Arc::new(Source { source, converter }));
        Self { token }
    }

    /// What stands for the rows in a `FROM`.
    pub(crate) fn sql(&self) -> String {
        format!("{NAME}({}::UBIGINT)", self.token)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let removed = SOURCES.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.token);
        // Whatever it holds is freed after the lock.
        drop(removed);
    }
}

/// Makes the function known to a database. It is not stored in it.
pub(crate) fn register_function(converter: &Converter) -> Result<()> {
    let name = CString::new(NAME).map_err(|_| failure())?;
    // SAFETY: the function and the type are DuckDB's, alive until they are destroyed below and destroyed once, which does not take
    // them from the database that they are registered with; the name is copied. The callbacks have the signatures of the API, and
    // never unwind.
    let state = unsafe {
        let mut function = c::duckdb_create_table_function();
        let mut parameter = c::duckdb_create_logical_type(c::DUCKDB_TYPE_DUCKDB_TYPE_UBIGINT);
        c::duckdb_table_function_set_name(function, name.as_ptr());
        c::duckdb_table_function_add_parameter(function, parameter);
        c::duckdb_table_function_set_bind(function, Some(bind));
        c::duckdb_table_function_set_init(function, Some(init));
        c::duckdb_table_function_set_function(function, Some(read));
        let state = c::duckdb_register_table_function(converter.raw, function);
        c::duckdb_destroy_logical_type(&raw mut parameter);
        c::duckdb_destroy_table_function(&raw mut function);
        state
    };
    if state == c::DuckDBSuccess { Ok(()) } else { Err(failure()) }
}

fn failure() -> Error {
    Error::new(ErrorKind::Internal, format!("DuckDB did not take the function `{NAME}`"))
}

/// What a statement knows of a source once it is bound.
struct Bound {
    source: Arc<Source>,
    schema: Converted,
}

/// How far a statement has read.
struct Progress {
    scan: Scan,
    batch: Option<RecordBatch>,
    offset: usize,
}

unsafe extern "C" fn bind(info: c::duckdb_bind_info) {
    let bound = contain(|| {
        // SAFETY: DuckDB gives a valid `info`, and the function has a parameter, which is ours to destroy.
        let token = unsafe {
            let mut value = c::duckdb_bind_get_parameter(info, 0);
            let token = c::duckdb_get_uint64(value);
            c::duckdb_destroy_value(&raw mut value);
            token
        };
        let found = SOURCES.lock().unwrap_or_else(PoisonError::into_inner).get(&token).cloned();
        let gone = || Error::new(ErrorKind::Missing, format!("the frame {token} is registered with no open connection"));
        let source = found.ok_or_else(gone)?;
        let schema = source.converter.schema(source.source.schema())?;
        let row = source.converter.null_row(&schema)?;
        for (index, field) in schema.fields.iter().enumerate() {
            let name = CString::new(field.name().as_str());
            let name = name.map_err(|_| Error::new(ErrorKind::Schema, "the name of a column has a NUL in it"))?;
            // SAFETY: the chunk has a vector for each field; its type is ours to destroy, and copied as the name is.
            unsafe {
                let mut data_type = c::duckdb_vector_get_column_type(c::duckdb_data_chunk_get_vector(row.raw, index as u64));
                c::duckdb_bind_add_result_column(info, name.as_ptr(), data_type);
                c::duckdb_destroy_logical_type(&raw mut data_type);
            }
        }
        Ok(Bound { source, schema })
    });
    match bound {
        // SAFETY: what is handed over is a box of the type that the destructor frees, and freed by nobody else.
        Ok(bound) => unsafe { c::duckdb_bind_set_bind_data(info, Box::into_raw(Box::new(bound)).cast(), Some(free::<Bound>)) },
        // SAFETY: the text is copied.
        Err(error) => unsafe { c::duckdb_bind_set_error(info, text(&error).as_ptr()) },
    }
}

unsafe extern "C" fn init(info: c::duckdb_init_info) {
    // SAFETY: DuckDB calls this after `bind` had set its data, and keeps them as long as the statement.
    let bound = unsafe { &*c::duckdb_init_get_bind_data(info).cast::<Bound>() };
    match contain(|| bound.source.source.scan()) {
        Ok(scan) => {
            let progress = Mutex::new(Progress { scan, batch: None, offset: 0 });
            // SAFETY: as in `bind`. One thread reads, so that the rows keep their order.
            unsafe {
                c::duckdb_init_set_max_threads(info, 1);
                c::duckdb_init_set_init_data(info, Box::into_raw(Box::new(progress)).cast(), Some(free::<Mutex<Progress>>));
            }
        }
        // SAFETY: the text is copied.
        Err(error) => unsafe {
            c::duckdb_init_set_error(info, text(&error).as_ptr());
            bound.source.source.failed(error);
        },
    }
}

unsafe extern "C" fn read(info: c::duckdb_function_info, output: c::duckdb_data_chunk) {
    // SAFETY: DuckDB calls this after `bind` and `init` had set their data, and keeps them as long as the statement; what `init`
    // had set is behind a lock.
    let (bound, progress) = unsafe {
        let bound = &*c::duckdb_function_get_bind_data(info).cast::<Bound>();
        (bound, &*c::duckdb_function_get_init_data(info).cast::<Mutex<Progress>>())
    };
    let rows = contain(|| {
        // SAFETY: it has no parameters and only reads a constant.
        let most = unsafe { c::duckdb_vector_size() };
        let Some(batch) = progress.lock().unwrap_or_else(PoisonError::into_inner).next(usize::try_from(most).unwrap_or(1))?
        else {
            return Ok(0);
        };
        let chunk = bound.source.converter.chunk(&bound.schema, &batch)?;
        for index in 0..bound.schema.fields.len() as u64 {
            // SAFETY: both chunks have a vector for each field, of the same types, since those of `output` were made of the same
            // schema in `bind`. A reference keeps what it points to alive.
            unsafe {
                let target = c::duckdb_data_chunk_get_vector(output, index);
                c::duckdb_vector_reference_vector(target, c::duckdb_data_chunk_get_vector(chunk.raw, index));
            }
        }
        Ok(batch.num_rows())
    });
    match rows {
        // SAFETY: `output` is valid, and every vector of it has this many rows.
        Ok(rows) => unsafe { c::duckdb_data_chunk_set_size(output, rows as u64) },
        // SAFETY: as above; the text is copied.
        Err(error) => unsafe {
            c::duckdb_data_chunk_set_size(output, 0);
            c::duckdb_function_set_error(info, text(&error).as_ptr());
            bound.source.source.failed(error);
        },
    }
}

impl Progress {
    /// The next rows, no more than these.
    fn next(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = &self.batch
                && self.offset < batch.num_rows()
            {
                let rows = most.min(batch.num_rows() - self.offset);
                let next = batch.slice(self.offset, rows);
                self.offset += rows;
                return Ok(Some(next));
            }
            self.offset = 0;
            self.batch = self.scan.next().transpose()?;
            if self.batch.is_none() {
                return Ok(None);
            }
        }
    }
}

/// Calls something that may panic, which must not unwind into DuckDB.
fn contain<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned());
        Err(Error::new(ErrorKind::Panic, format!("panicked while DuckDB read a frame: {said}")))
    })
}

unsafe extern "C" fn free<T: Any>(data: *mut c_void) {
    // SAFETY: it is a box of this type that was handed to DuckDB, which calls this once.
    let data = unsafe { Box::from_raw(data.cast::<T>()) };
    // A destructor that panics must not unwind into DuckDB; there is nobody to tell.
    drop(catch_unwind(AssertUnwindSafe(|| drop(data))));
}

fn text(error: &Error) -> CString {
    CString::new(error.to_string().replace('\0', "\\0")).unwrap_or_default()
}
