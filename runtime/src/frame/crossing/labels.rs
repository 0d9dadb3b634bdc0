//! Labels of enums: what Polars would make null is found, because Polars itself says nothing of it.

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use polars::prelude::DataType as PolarsType;

/// A text in an array that is none of the labels of the enum that Polars reads it as, also inside of lists and structs.
///
/// `around` has the nulls of the structs that the array is a part of: nobody sees what is below them.
pub(super) fn unknown_label(array: &dyn Array, read_as: &PolarsType, around: Option<&NullBuffer>) -> Option<String> {
    match read_as {
        PolarsType::Enum(_, labels) => {
            let dictionary = array.as_any_dictionary_opt()?;
            // What is no text is an error of Polars' own.
            let texts = cast(dictionary.values(), &DataType::Utf8View).ok()?;
            let texts = texts.as_string_view();
            let unknown: Vec<bool> = texts.iter().map(|text| text.is_some_and(|text| labels.get_cat(text).is_none())).collect();
            if !unknown.contains(&true) {
                return None;
            }
            // A dictionary may have texts that no row has.
            let nulls = NullBuffer::union(around, dictionary.keys().nulls());
            let is_seen = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            let mut keys = dictionary.normalized_keys().into_iter().enumerate();
            keys.find(|(row, key)| is_seen(*row) && unknown[*key]).map(|(_, key)| texts.value(key).to_owned())
        }
        PolarsType::List(element) => {
            let small = array.as_list_opt::<i32>().map(elements);
            let all = small.or_else(|| array.as_list_opt::<i64>().map(elements))?;
            unknown_label(all.as_ref(), element, None)
        }
        PolarsType::Array(element, _) => unknown_label(array.as_fixed_size_list_opt()?.values().as_ref(), element, None),
        PolarsType::Struct(fields) => {
            let parts = array.as_struct_opt()?;
            let around = NullBuffer::union(around, parts.nulls());
            let mut both = parts.columns().iter().zip(fields);
            both.find_map(|(part, field)| unknown_label(part.as_ref(), field.dtype(), around.as_ref()))
        }
        _ => None,
    }
}

/// What is in the lists, without what a slice of lists has before and behind them.
fn elements<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> ArrayRef {
    let offsets = lists.value_offsets();
    let (first, end) = (offsets[0].as_usize(), offsets[lists.len()].as_usize());
    lists.values().slice(first, end - first)
}
