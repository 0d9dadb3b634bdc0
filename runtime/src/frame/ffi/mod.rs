//! Arrays between Polars, DuckDB and the `arrow` crate without copying them, by the [Arrow C Data Interface].
//!
//! Both crates have the interface's two structs, with the same memory layout, as types of their own. An array is exported by the
//! one, its struct is handed over by its bits, and the other imports it; the buffers stay where they are and are freed by whoever
//! made them when the last reader is gone. The only `unsafe` code of the project is here.
//!
//! [Arrow C Data Interface]: https://arrow.apache.org/docs/format/CDataInterface.html

#[cfg(feature = "duckdb")]
pub(crate) mod duckdb;
#[cfg(test)]
mod tests;

use std::mem::{align_of, size_of, transmute};

use arrow::array::{Array, ArrayRef, make_array};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use polars_arrow::array::Array as PolarsArray;
use polars_arrow::datatypes::Field as PolarsField;
use polars_arrow::ffi::{
    ArrowArray, ArrowSchema, export_array_to_c, export_field_to_c, import_array_from_c, import_field_from_c,
};

use crate::error::{Error, ErrorKind, Result};

// Both are `#[repr(C)]` with the fields that the specification lists, in its order.
const _: () = assert!(size_of::<ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(align_of::<ArrowArray>() == align_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<ArrowSchema>() == size_of::<FFI_ArrowSchema>());
const _: () = assert!(align_of::<ArrowSchema>() == align_of::<FFI_ArrowSchema>());

/// A field of Polars as the `arrow` crate has it.
pub(super) fn field_to_arrow(field: &PolarsField) -> Result<Field, ArrowError> {
    let exported = export_field_to_c(field);
    // SAFETY: both types are `#[repr(C)]` with the fields of the specification's `ArrowSchema`, so that one's bits are a value of
    // the other. `transmute` moves: the release callback is called once, when the result is dropped, and is Polars' own.
    let schema: FFI_ArrowSchema = unsafe { transmute(exported) };
    Field::try_from(&schema)
}

/// A field of the `arrow` crate as Polars has it.
pub(super) fn field_to_polars(field: &Field) -> Result<PolarsField> {
    let exported = FFI_ArrowSchema::try_from(field)?;
    // SAFETY: as in `field_to_arrow`, the other way round.
    let schema: ArrowSchema = unsafe { transmute(exported) };
    // SAFETY: the `arrow` crate has made it from a field, so it is valid, and it is alive for the call, which copies what it reads.
    Ok(unsafe { import_field_from_c(&schema) }?)
}

/// An array of Polars as the `arrow` crate has it, of this type, which must be the array's own up to names and metadata of
/// nested fields.
pub(super) fn array_to_arrow(array: Box<dyn PolarsArray>, data_type: &DataType) -> Result<ArrayRef> {
    let own = field_to_arrow(&PolarsField::new("".into(), array.dtype().clone(), true))?;
    if !own.data_type().equals_datatype(data_type) {
        let message = format!("an array of type {} was to be read as {data_type}", own.data_type());
        return Err(Error::new(ErrorKind::Internal, message));
    }
    let exported = export_array_to_c(array);
    // SAFETY: both types are `#[repr(C)]` with the fields of the specification's `ArrowArray`, so that one's bits are a value of
    // the other. `transmute` moves: the release callback is called once, by whoever owns the result, and is Polars' own.
    let mut exported: FFI_ArrowArray = unsafe { transmute(exported) };
    // SAFETY: it is the only owner of an array that was just seen to have the layout of `data_type`.
    unsafe { count_no_buffers_of_nulls(&mut exported, data_type) };
    // SAFETY: Polars has exported it from an array whose type was just seen to have the layout of `data_type`. What is imported
    // owns the struct and with it the buffers, which Polars keeps alive and unchanged until the release callback is called: its
    // buffers are reference-counted and only written to while nobody else holds them. They may be read and released on any
    // thread, because Polars' arrays are `Send` and `Sync`. Buffers that are aligned too weakly are copied.
    let data = unsafe { from_ffi_and_data_type(exported, data_type.clone()) }?;
    Ok(make_array(data))
}

/// An array of the `arrow` crate as Polars has it, of the type of this field, which must be the array's own up to names and
/// metadata of nested fields.
pub(super) fn array_to_polars(array: &dyn Array, field: &Field) -> Result<(PolarsField, Box<dyn PolarsArray>)> {
    if !array.data_type().equals_datatype(field.data_type()) {
        let message = format!("an array of type {} was to be read as {}", array.data_type(), field.data_type());
        return Err(Error::new(ErrorKind::Internal, message));
    }
    let field = field_to_polars(field)?;
    let exported = FFI_ArrowArray::new(&array.to_data());
    // SAFETY: as in `array_to_arrow`, the other way round; the release callback is the `arrow` crate's.
    let exported: ArrowArray = unsafe { transmute(exported) };
    // SAFETY: the `arrow` crate has exported it from an array whose type was just seen to have the layout of the field's type,
    // and Polars' field was made from that one by the same interface. What is imported owns the struct and with it the buffers,
    // which the `arrow` crate keeps alive and unchanged until the release callback is called: they are reference-counted and
    // only written to while nobody else holds them. They may be read and released on any thread, because arrays of the `arrow`
    // crate are `Send` and `Sync`.
    let array = unsafe { import_array_from_c(exported, field.dtype.clone()) }?;
    Ok((field, array))
}

/// Polars exports an array of the type `Null` with a buffer, of which the specification says that there is none, and the `arrow`
/// crate refuses it.
///
/// # Safety
/// `array` is valid, has the layout of `data_type`, and nobody else has a hold of it.
unsafe fn count_no_buffers_of_nulls(array: &mut FFI_ArrowArray, data_type: &DataType) {
    let children: Vec<&DataType> = match data_type {
        DataType::Null => {
            // What frees the array goes by its private data and not by this count.
            array.n_buffers = 0;
            return;
        }
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => vec![field.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        _ => return,
    };
    for (index, data_type) in children.into_iter().enumerate() {
        // SAFETY: an array of a nested type has a child for each of the type's fields, and the struct that points to them owns
        // them, so nobody else reads or writes them while it is borrowed here.
        unsafe { count_no_buffers_of_nulls(&mut **array.children.add(index), data_type) };
    }
}
