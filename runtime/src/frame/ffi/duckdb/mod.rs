//! DuckDB's side of the Arrow C Data Interface, by its C API: batches that it scans without copying them, and those that it makes.
//!
//! The `duckdb` crate hands its connections to nobody and converts Arrow arrays itself, silently where a type does not fit. So the
//! database is opened here, and batches are converted by DuckDB; statements are the crate's.

mod scan;

use std::ffi::{CStr, CString};
use std::mem::{align_of, size_of, transmute};
use std::ptr;

use ::duckdb::arrow as arrow60;
use ::duckdb::ffi as c;
use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StructArray, make_array, new_null_array};
use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};

pub(crate) use self::scan::{BatchSource, Registered, Scan, register_function};
use crate::error::{Error, ErrorKind, Result};

// All of them are `#[repr(C)]` with the fields that the specification lists, in its order.
const _: () = assert!(size_of::<c::ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(align_of::<c::ArrowArray>() == align_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<c::ArrowSchema>() == size_of::<FFI_ArrowSchema>());
const _: () = assert!(align_of::<c::ArrowSchema>() == align_of::<FFI_ArrowSchema>());
const _: () = assert!(size_of::<arrow60::ffi::FFI_ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(align_of::<arrow60::ffi::FFI_ArrowArray>() == align_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<arrow60::ffi::FFI_ArrowSchema>() == size_of::<FFI_ArrowSchema>());
const _: () = assert!(align_of::<arrow60::ffi::FFI_ArrowSchema>() == align_of::<FFI_ArrowSchema>());

/// A database that is open. Dropping it closes it once its connections are closed.
pub(crate) struct Database {
    raw: c::duckdb_database,
}

// SAFETY: DuckDB's database objects may be used by any number of threads at once.
unsafe impl Send for Database {}
// SAFETY: as above.
unsafe impl Sync for Database {}

impl Database {
    /// Opens a database; what DuckDB says if it cannot.
    pub(crate) fn open<'a>(path: &CStr, settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let config = DbConfig::new(settings)?;
        let mut raw = ptr::null_mut();
        let mut message = ptr::null_mut();
        // SAFETY: the path and the configuration are alive for the call, and both results are written to variables of ours.
        let state = unsafe { c::duckdb_open_ext(path.as_ptr(), &raw mut raw, config.raw, &raw mut message) };
        if state == c::DuckDBSuccess {
            return Ok(Self { raw });
        }
        // SAFETY: the message is DuckDB's or null, and nobody else frees it.
        let message = unsafe { c::DuckDbString::from_nullable_ptr(message) };
        Err(message.map_or_else(|| "it says no more".to_owned(), |text| text.to_string_lossy().into_owned()))
    }

    /// A connection, for statements.
    pub(crate) fn connect(&self) -> Result<::duckdb::Connection, ::duckdb::Error> {
        // SAFETY: the database is open. The connection holds DuckDB's instance by a reference count of DuckDB's own, so it may
        // outlive this.
        unsafe { ::duckdb::Connection::open_from_raw(self.raw) }
    }

    /// What converts batches for this database.
    pub(crate) fn converter(&self) -> Result<Converter> {
        let mut raw = ptr::null_mut();
        // SAFETY: the database is open, and the result is written to a variable of ours.
        if unsafe { c::duckdb_connect(self.raw, &raw mut raw) } == c::DuckDBSuccess {
            Ok(Converter { raw })
        } else {
            Err(Error::new(ErrorKind::Internal, "DuckDB gave no connection to a database that is open"))
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: it is open, and closed only here.
        unsafe { c::duckdb_close(&raw mut self.raw) };
    }
}

struct DbConfig {
    raw: c::duckdb_config,
}

impl DbConfig {
    fn new<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut raw = ptr::null_mut();
        // SAFETY: the result is written to a variable of ours.
        if unsafe { c::duckdb_create_config(&raw mut raw) } != c::DuckDBSuccess {
            return Err("no memory for its settings".to_owned());
        }
        let config = Self { raw };
        for (name, value) in settings {
            let refused = || format!("it does not take this value for the setting `{name}`");
            let (c_name, c_value) = (CString::new(name).map_err(|_| refused())?, CString::new(value).map_err(|_| refused())?);
            // SAFETY: the texts are alive for the call, which copies them.
            if unsafe { c::duckdb_set_config(config.raw, c_name.as_ptr(), c_value.as_ptr()) } != c::DuckDBSuccess {
                return Err(refused());
            }
        }
        Ok(config)
    }
}

impl Drop for DbConfig {
    fn drop(&mut self) {
        // SAFETY: it is alive, and destroyed only here.
        unsafe { c::duckdb_destroy_config(&raw mut self.raw) };
    }
}

/// Converts batches into what DuckDB reads; a connection that runs no statement.
pub(crate) struct Converter {
    raw: c::duckdb_connection,
}

// SAFETY: a connection of DuckDB may be used from any thread.
unsafe impl Send for Converter {}
// SAFETY: converting only reads the settings of the connection, and no statement is run on it that could change them.
unsafe impl Sync for Converter {}

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: it is open, and closed only here.
        unsafe { c::duckdb_disconnect(&raw mut self.raw) };
    }
}

/// The columns of batches as DuckDB knows them.
pub(super) struct Converted {
    raw: c::duckdb_arrow_converted_schema,
    fields: Fields,
}

// SAFETY: DuckDB only reads it after it was made.
unsafe impl Send for Converted {}
// SAFETY: as above.
unsafe impl Sync for Converted {}

impl Drop for Converted {
    fn drop(&mut self) {
        // SAFETY: it is alive, and destroyed only here.
        unsafe { c::duckdb_destroy_arrow_converted_schema(&raw mut self.raw) };
    }
}

/// Rows in DuckDB's own form, which keep the batch alive that they point into.
pub(super) struct Chunk {
    raw: c::duckdb_data_chunk,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: it is alive, and destroyed only here.
        unsafe { c::duckdb_destroy_data_chunk(&raw mut self.raw) };
    }
}

impl Converter {
    pub(super) fn schema(&self, schema: &Schema) -> Result<Converted> {
        let mut exported = FFI_ArrowSchema::try_from(schema)?;
        let mut raw = ptr::null_mut();
        let pointer = (&raw mut exported).cast::<c::ArrowSchema>();
        // SAFETY: the schema is valid and alive for the call, which copies what it reads and does not release it; the two types
        // have the same layout.
        let error = unsafe { c::duckdb_schema_from_arrow(self.raw, pointer, &raw mut raw) };
        take_error(error)?;
        Ok(Converted { raw, fields: schema.fields().clone() })
    }

    pub(super) fn chunk(&self, schema: &Converted, batch: &RecordBatch) -> Result<Chunk> {
        let same = batch.schema_ref().fields().iter().zip(&schema.fields);
        let differ = batch.num_columns() != schema.fields.len()
            || same.into_iter().any(|(own, known)| !own.data_type().equals_datatype(known.data_type()));
        if differ {
            return Err(Error::new(ErrorKind::Internal, "a batch for DuckDB has other columns than its stream"));
        }
        let rows = StructArray::new(schema.fields.clone(), batch.columns().to_vec(), None);
        let mut exported = FFI_ArrowArray::new(&rows.to_data());
        let mut raw = ptr::null_mut();
        let pointer = (&raw mut exported).cast::<c::ArrowArray>();
        // SAFETY: the array is valid and of the types that `schema` was made of, as was just seen. DuckDB takes it over and marks
        // ours as released; if it fails before that, ours is released when it is dropped. What it makes keeps the buffers, which
        // are never written to, and releases them on whatever thread is last: arrays of the `arrow` crate are `Send` and `Sync`.
        let error = unsafe { c::duckdb_data_chunk_from_arrow(self.raw, pointer, schema.raw, &raw mut raw) };
        take_error(error)?;
        Ok(Chunk { raw })
    }

    /// A row of nulls, for the types of its columns.
    pub(super) fn null_row(&self, schema: &Converted) -> Result<Chunk> {
        let nullable: Fields = schema.fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let columns = nullable.iter().map(|field| new_null_array(field.data_type(), 1)).collect();
        self.chunk(schema, &RecordBatch::try_new(std::sync::Arc::new(Schema::new(nullable)), columns)?)
    }
}

fn take_error(mut error: c::duckdb_error_data) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the error is DuckDB's, and its message is alive until it is destroyed, which is after it was copied.
    let message = unsafe { CStr::from_ptr(c::duckdb_error_data_message(error)) }.to_string_lossy().into_owned();
    // SAFETY: nobody else destroys it.
    unsafe { c::duckdb_destroy_error_data(&raw mut error) };
    Err(Error::new(ErrorKind::Value, message))
}

/// The schema of a result of the `duckdb` crate as our `arrow` crate has it.
pub(crate) fn schema_from_duckdb(schema: &arrow60::datatypes::Schema) -> Result<Schema> {
    let field = |field: &std::sync::Arc<arrow60::datatypes::Field>| {
        let exported = arrow60::ffi::FFI_ArrowSchema::try_from(field.as_ref());
        let exported = exported.map_err(|error| Error::new(ErrorKind::Schema, error.to_string()).with("column", field.name()))?;
        // SAFETY: both types are `#[repr(C)]` with the fields of the specification's `ArrowSchema`. `transmute` moves: the release
        // callback is called once, when the result is dropped, and is that of the crate that made it.
        let exported: FFI_ArrowSchema = unsafe { transmute(exported) };
        Ok(Field::try_from(&exported)?)
    };
    Ok(Schema::new(schema.fields().iter().map(field).collect::<Result<Vec<_>>>()?))
}

/// The rows of a result of the `duckdb` crate as our `arrow` crate has them, without a copy; `schema` is what
/// [`schema_from_duckdb`] made of `given`.
pub(crate) fn batch_from_duckdb(
    batch: &arrow60::array::RecordBatch,
    given: &arrow60::datatypes::Schema,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    use arrow60::array::Array as _;
    let types = given.fields().iter().zip(schema.fields());
    let columns = batch.columns().iter().zip(types).map(|(array, (given, field))| -> Result<ArrayRef> {
        if array.data_type() != given.data_type() {
            return Err(Error::new(ErrorKind::Internal, "DuckDB gave a batch with other columns than it had said"));
        }
        let exported = arrow60::ffi::FFI_ArrowArray::new(&array.to_data());
        // SAFETY: both types are `#[repr(C)]` with the fields of the specification's `ArrowArray`. `transmute` moves: the release
        // callback is called once, by whoever owns the result, and is that of the crate that made it.
        let exported: FFI_ArrowArray = unsafe { transmute(exported) };
        // SAFETY: it was exported from an array that was just seen to be of the type that `field` was made from by the same
        // interface, and so has its layout. What is imported owns the struct and with it the buffers, which nobody writes to, and
        // which may be read and released on any thread.
        let data = unsafe { from_ffi_and_data_type(exported, field.data_type().clone()) }?;
        Ok(make_array(data))
    });
    let columns = columns.collect::<Result<_>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)?)
}
