//! Frames to test with, and the rules for stores that hold them.

mod maps;
mod merge;
mod reading;
mod rows;
mod schema;
mod slice_reads;
mod slices;
mod strays;
mod times;
mod types;

use std::sync::Arc;

use polars::prelude::{DataFrame, df};

pub(super) use rows::{one, rows_of};

use super::breach::Verdict;
use super::modes;
use crate::call::Call;
use crate::env::{Env, blocking};
use crate::error::Result;
use crate::frame::{Frame, Table};
use crate::partition::PartitionKey;
use crate::value::Value;

/// Whether there are frames to test with.
pub(super) const ARE_TESTED: bool = true;

/// The rules for stores that hold frames: handed to a macro, after what it is to be handed first.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_table_rules {
    ($then:ident $with:tt) => {
        $crate::$then! { $with
            types::bools_come_back [tables] "C02" "Bools come back as they were, nulls included.";
            types::whole_numbers_come_back [tables] "C02" "Whole numbers of all widths come back as they were, their bounds and nulls included, or are refused by an error that names the column.";
            types::fractions_come_back [tables] "C02" "Floats come back as they were, with NaN, infinities and the least ones, or are refused.";
            types::texts_come_back [tables] "C02" "Texts come back as they were: empty, null, quotes, line ends, unicode, long.";
            types::bytes_in_columns_come_back [tables] "C02" "Binary columns come back as they were, or are refused.";
            types::dates_come_back [tables] "C02" "Dates come back as dates, from the year 1 to 9999.";
            types::moments_come_back [tables] "C02" "Timestamps with and without a zone come back as the same moments, or are refused; digits are never lost silently.";
            types::times_of_day_come_back [tables] "C02" "Times of day and durations come back as they were, or are refused.";
            types::decimals_come_back [tables] "C02" "Decimals come back as they were, or are refused.";
            types::labels_come_back [tables] "C02" "Categories and enums come back as the same labels, or are refused.";
            types::nested_values_come_back [tables] "C02" "Lists and structs come back as they were, with nulls at every level, or are refused.";
            types::columns_without_a_value_come_back [tables] "C02" "Columns of which every value is null keep their type.";
            types::names_of_columns_come_back [tables] "C02" "Columns with hostile names come back, or are refused by an error that names one.";
            reading::only_the_columns_asked_for_are_read [tables] "4" "`columns` reads those columns, in that order; one that is not there is an error that names it.";
            reading::rows_keep_their_order [tables] "4" "The rows of a whole table keep their order.";
            reading::plans_are_stored_and_read [tables] "4" "A plan is stored, what is read is a plan, and a plan over an asset may be stored in that asset.";
            reading::a_plan_that_fails_changes_nothing [tables] "1" "A plan that fails while it is written leaves what was stored.";
            reading::a_table_without_rows_is_there [tables] "5" "A table without rows is stored with its columns, and is there.";
            reading::a_run_reads_columns_and_plans [tables] "4" "A run hands a body the columns it asks for, as a plan.";
            reading::old_versions_are_read [tables versions] "4" "Each commit makes a version, which is read as it was.";
            reading::a_missing_version_is_an_error [tables versions] "4" "A version that there is not is `Missing`, by an error that names it.";
            modes::append_adds [tables append] "5" "`append` adds rows.";
            modes::a_retried_append_adds_once [tables append] "5" "Another attempt at an append that landed adds nothing, from this instance or another.";
            schema::columns_match_by_name [tables append] "5" "Columns match by name, whatever their order.";
            schema::strict_columns_do_not_change [tables schema_mode] "5" "`schema_mode = \"strict\"`, the default: an added, missing or retyped column is a `Schema` error that names it, and the old rows stay.";
            schema::merged_columns_are_added [tables schema_mode] "5" "`schema_mode = \"merge\"`: new columns are null in old rows, missing ones in new rows; types do not change.";
            schema::overwritten_columns_are_those_of_the_output [tables schema_mode] "5" "`schema_mode = \"overwrite\"`: the columns become those of the output.";
            slices::static_slices_are_replaced_alone [tables] "5" "A slice of a static definition is created and replaced alone, once, and never by an older commit.";
            slices::hostile_keys_are_values [tables] "3" "Keys with quotes, `|`, slashes, `..`, unicode are values of a column like others.";
            slices::keys_have_the_type_of_the_column [tables] "3" "A key becomes a value of the type that the column has; one that cannot is an error, and nothing is stored.";
            times::days_of_a_date_column [tables] "4" "Days of a date column are read and replaced alone, and with gaps.";
            times::windows_are_half_open [tables] "4" "Windows of a timestamp column hold their first microsecond and not the first of the next.";
            times::a_day_in_a_zone_is_as_long_as_it_is [tables] "3" "Days of 25 hours, and two hours of one name, are told apart by moments.";
            times::combinations_are_exact [tables] "3" "Combinations of dimensions are read and replaced exactly, also where they are no rectangle.";
            slice_reads::an_empty_slice_is_there [tables] "4, 5" "A slice without rows is there, and is not missing.";
            slice_reads::slices_are_read_each [tables] "4" "`load_each` gives each slice its own rows, with or without the column that tells them apart.";
            slice_reads::columns_of_a_slice_are_read_without_its_own [tables] "4" "`columns` may leave out the column that tells slices apart.";
            slice_reads::rows_of_a_slice_keep_their_order [tables] "4" "The rows of a slice keep their order.";
            slices::slices_refuse_together [tables error] "5" "`mode = \"error\"` refuses all slices if one of them is there.";
            slices::only_absent_slices_are_written [tables ignore] "5" "`mode = \"ignore\"` writes the slices that are not there, and says which ones it left.";
            slices::slices_are_appended_to [tables append] "5" "`append` adds to a slice, once.";
            slices::slices_are_first_written_at_once [tables] "5" "Slices of a table that is not there yet may be written at once, and all are there afterwards.";
            slices::one_value_holds_several_slices [tables one_table] "3, 5" "One frame may hold the rows of several slices; those without a row are there and empty.";
            slices::deleting_a_slice_removes_only_it [tables] "5" "`delete` of a slice removes only that slice, or is refused as `Unsupported`.";
            slice_reads::a_column_parts_a_table_that_is_written_whole [tables one_table] "2" "A table with a `partition_expr` and no partitions is written whole, and read by a definition over that column.";
            slices::slices_keep_the_columns_of_their_table [tables schema_mode] "5" "A slice with an added, missing or retyped column is a `Schema` error that names it; `schema_mode = \"merge\"` adds one to all slices.";
            maps::hours_feed_days [tables] "3, 4" "A day is handed its hours as a map, in order, each with its own rows; a missing one is `Missing`, or left out with `allow_missing`.";
            maps::a_run_of_several_slices_is_one_commit [tables] "3, 4" "A run over the keys of a dynamic set is one materialization; without partitions a reader is handed all of them.";
            maps::windows_are_made_one_after_the_other [tables] "3" "A window reads the one before of its own asset, and the first reads nothing.";
            strays::stray_rows_are_refused [tables] "5" "Rows that do not belong to the slice are refused as `StrayRows`, with the column, the first value and the count, on the first write too; the old rows stay.";
            strays::nulls_belong_to_no_slice [tables] "4" "A null belongs to no slice.";
            strays::a_slice_needs_its_column [tables] "5" "Rows without the column of `partition_expr` are a `Schema` error that names it, and the old rows stay.";
            merge::merging_updates_and_inserts [tables merge] "5" "`mode = \"merge\"` creates, updates the rows that match by `on`, adds the others, and does it once.";
            merge::merging_chooses_what_becomes_of_rows [tables merge] "5" "`when_matched`, `when_not_matched` and `when_not_matched_by_source` are honoured.";
            merge::merging_needs_one_row_for_a_key [tables merge] "5" "Two new rows with one key, or a null in it, are a `Value` error that names the column; the old rows stay.";
            merge::merging_stays_in_the_slice [tables merge] "5" "A merge into a slice neither updates nor deletes rows of another.";
            merge::merging_creates_absent_slices [tables merge one_table] "5" "A slice that is not there is created with every row, whatever becomes of rows that match none; one that was stored without a row is there.";
        }
    };
}

crate::__conformance_table_rules!(__conformance_list (RULES "The rules for stores that hold frames."));

/// The frame of a table, in memory.
pub(super) async fn frame(table: Table, env: &Arc<dyn Env>) -> Result<DataFrame> {
    blocking(env, move || DataFrame::from_table(table)).await
}

/// The rows of a table, as texts in their order.
pub(super) async fn rows(table: Table, env: &Arc<dyn Env>) -> Verdict<Vec<String>> {
    rows_of(&frame(table, env).await?)
}

/// The `n`th sample.
pub(super) fn sample(n: i64) -> Verdict<Table> {
    Ok(sample_frame(n)?.into_table())
}

fn sample_frame(n: i64) -> Result<DataFrame> {
    let names = [Some(format!("{n}-a")), Some(format!("{n}-\"b\", 'c'")), None];
    Ok(df!("name" => names, "n" => [n, n, n])?)
}

/// The rows of the `n`th sample.
pub(super) fn sample_rows(n: i64) -> Vec<String> {
    sample_frame(n).ok().and_then(|frame| rows_of(&frame).ok()).unwrap_or_default()
}

/// An input as it is.
pub(super) fn taken(call: &mut Call, parameter: &str) -> Result<Value> {
    Ok(Value::Table(call.frame::<DataFrame>(parameter)?.into_table()))
}

/// An input partition by partition.
pub(super) fn taken_each(call: &mut Call, parameter: &str) -> Result<Vec<(PartitionKey, Value)>> {
    let each = call.frames::<DataFrame>(parameter)?.into_iter();
    Ok(each.map(|(key, frame)| (key, Value::Table(frame.into_table()))).collect())
}
