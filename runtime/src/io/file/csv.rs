//! CSV.
//!
//! CSV has no types, so what we wrote is read back by the types that the manifest remembers, and what somebody else wrote by those
//! that the asset declares, or else by inference. A type that text would not give back is refused on the way in.

use std::sync::Arc;

use polars::prelude::{
    Column, CsvWriterOptions, DataFrame, DataType, Engine, FileWriteFormat, IntoLazy, LazyCsvReader, LazyFileListReader,
    LazyFrame, NullValues, Schema, SchemaRef, SerializeOptions, TimeUnit, col,
};

use super::format::write_as_plan;
use super::inferred::{INFERENCE_ROWS, Rules, with_declared, without_rows};
use super::text::{Refusals, columns_that, decoded, encoded, has_text};
use super::{FileFormat, FileSink, FileSource, Written};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::sink::sink_args;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;

const OPTIONS: &[OptionDef] = &[
    OptionDef { name: "separator", kind: OptionKind::OneOf(&[",", ";", "\t", "|"]), about: "what is between two values (,)" },
    OptionDef { name: "header", kind: OptionKind::Bool, about: "whether the first line names the columns (true)" },
    OptionDef {
        name: "quote",
        kind: OptionKind::OneOf(&["\"", "'"]),
        about: "what is around a text with a separator in it (\")",
    },
    OptionDef { name: "null", kind: OptionKind::Text, about: "what a null is written as (nothing at all)" },
];

const RULES: Rules = Rules { reads_as, leaves_nulls_out: false };

/// CSV, with a header unless the option `header` says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

/// The types that Polars writes and reads back as they went in.
const NATIVE: &[DataType] = &[
    DataType::Boolean,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::UInt8,
    DataType::UInt16,
    DataType::UInt32,
    DataType::UInt64,
    DataType::Float32,
    DataType::Float64,
    DataType::String,
    DataType::Date,
    DataType::Datetime(TimeUnit::Milliseconds, None),
    DataType::Datetime(TimeUnit::Microseconds, None),
    DataType::Datetime(TimeUnit::Nanoseconds, None),
];

/// Whether a type is written as text of ours.
fn is_encoded(data_type: &DataType) -> bool {
    has_text(data_type) && !NATIVE.contains(data_type)
}

/// Whether a type is read as text where somebody else wrote it: Polars' own reader cuts seconds without a word.
fn is_text_of_others(data_type: &DataType) -> bool {
    is_encoded(data_type) || matches!(data_type, DataType::Datetime(..))
}

/// How a file is written, or was.
struct Options<'a> {
    separator: u8,
    header: bool,
    quote: u8,
    null: &'a str,
}

impl<'a> Options<'a> {
    fn of(asset: &'a AssetSpec) -> Self {
        let text = |name: &str| match asset.store_option(name) {
            Some(MetadataValue::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let byte = |name: &str, without: u8| text(name).and_then(|text| text.bytes().next()).unwrap_or(without);
        Self {
            separator: byte("separator", b','),
            header: asset.store_option("header") != Some(&MetadataValue::Bool(false)),
            quote: byte("quote", b'"'),
            null: text("null").unwrap_or_default(),
        }
    }
}

impl FileFormat for Csv {
    const EXTENSION: &'static str = "csv";

    fn store_name(&self) -> &'static str {
        "the CSV store"
    }

    fn options(&self) -> &'static [OptionDef] {
        OPTIONS
    }

    fn check_options(&self, asset: &AssetSpec) -> Result<()> {
        let options = Options::of(asset);
        let null = options.null;
        let special = |c: char| c == char::from(options.separator) || c == char::from(options.quote) || c == '\n' || c == '\r';
        let is_value =
            null.parse::<f64>().is_ok() || matches!(null, "true" | "false") || null.starts_with(|c: char| c.is_ascii_digit());
        if null.contains(special) || is_value || null.trim() != null {
            let message = format!("the option `null` of the CSV store cannot be {null:?}, which would be read as something else");
            return Err(Error::new(ErrorKind::StoreOption, message).help("use a word that is no value, such as \"NA\""));
        }
        Ok(())
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        match schema.iter().find(|(_, data_type)| !NATIVE.contains(data_type) && !is_encoded(data_type)) {
            None => Ok(()),
            Some((name, data_type)) => {
                let message = format!("CSV cannot give back the column `{name}` of type `{data_type}`");
                Err(Error::new(ErrorKind::Value, message).help("cast the column to text or a number, or use another store"))
            }
        }
    }

    fn write(&self, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        write_as_plan(self, frame, to, written)
    }

    fn sink(&self, mut plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        let options = Options::of(written.asset);
        let schema = plan.collect_schema()?;
        let refusals = Refusals::default();
        plan = encoded(plan, &columns_that(&schema, is_encoded), "CSV", &refusals);
        plan = without_null_text(plan, &schema, options.null, &refusals);
        let serialize_options = SerializeOptions {
            separator: options.separator,
            quote_char: options.quote,
            null: options.null.into(),
            ..Default::default()
        };
        let format = FileWriteFormat::Csv(CsvWriterOptions {
            check_extension: false,
            include_header: options.header,
            serialize_options: Arc::new(serialize_options),
            ..Default::default()
        });
        let done = plan.sink(to.destination()?, format, sink_args())?.collect_with_engine(Engine::Streaming);
        refusals.outcome(done.map(drop).map_err(Error::from))
    }

    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
        let empty = is_empty(from)?;
        if let Some(known) = from.schema() {
            return if empty { Ok(DataFrame::empty_with_schema(known).lazy()) } else { read(from, known, is_encoded) };
        }
        if empty && let Some(plan) = from.asset().output.columns.and_then(without_rows) {
            return Ok(plan);
        }
        let inferred = named(reader(from).with_try_parse_dates(true).finish()?, from)?;
        if from.asset().output.columns.is_none() {
            return Ok(inferred);
        }
        read(from, &with_declared(&inferred, from.asset(), &RULES)?, is_text_of_others)
    }
}

/// Whether there is nothing in a file that has no header, which is how a frame without rows is written, and an error to Polars.
fn is_empty(from: &FileSource<'_>) -> Result<bool> {
    Ok(!Options::of(from.asset()).header && from.tail(1)?.is_empty())
}

/// A scan with these columns, those of some types read as text and converted.
fn read(from: &FileSource<'_>, schema: &SchemaRef, is_text: fn(&DataType) -> bool) -> Result<LazyFrame> {
    let written: Schema = schema
        .iter()
        .map(|(name, data_type)| (name.clone(), if is_text(data_type) { DataType::String } else { data_type.clone() }))
        .collect();
    // The names, too: Polars does not take the quotes out of a quoted header.
    let plan = reader(from).with_schema(Some(Arc::new(written))).finish()?;
    let decode: Vec<_> = columns_that(schema, is_text).into_iter().map(|(name, data_type)| decoded(name, data_type)).collect();
    Ok(if decode.is_empty() { plan } else { plan.with_columns(decode) })
}

fn reader(from: &FileSource<'_>) -> LazyCsvReader {
    let options = Options::of(from.asset());
    let null = (!options.null.is_empty()).then(|| NullValues::AllColumnsSingle(options.null.into()));
    LazyCsvReader::new(from.path())
        .with_cloud_options(from.cloud_options())
        .with_has_header(options.header)
        .with_separator(options.separator)
        .with_quote_char(Some(options.quote))
        .with_null_values(null)
        .with_glob(false)
        .with_infer_schema_length(Some(INFERENCE_ROWS))
}

/// The columns of a file without a header under the names that are declared, if there are as many.
fn named(mut plan: LazyFrame, from: &FileSource<'_>) -> Result<LazyFrame> {
    let Some(declared) = from.asset().output.columns else { return Ok(plan) };
    if Options::of(from.asset()).header {
        return Ok(plan);
    }
    let found = plan.collect_schema()?;
    if found.len() != declared.len() {
        return Ok(plan);
    }
    let columns = found.iter_names().zip(declared).map(|(found, declared)| col(found.clone()).alias(declared.name));
    Ok(plan.select(columns.collect::<Vec<_>>()))
}

/// Refuses texts that are what nulls are written as.
fn without_null_text(plan: LazyFrame, schema: &Schema, null: &str, refusals: &Refusals) -> LazyFrame {
    if null.is_empty() {
        return plan;
    }
    let one = |(name, _): (&str, &DataType)| {
        let (null, refusals) = (null.to_owned(), refusals.clone());
        let check = move |column: Column| {
            if column.str()?.iter().flatten().all(|text| text != null) {
                return Ok(column);
            }
            let message = format!("the column `{}` has the text {null:?}, which is what nulls are written as", column.name());
            Err(refusals.refuse(Error::new(ErrorKind::Value, message).help("choose another text for the option `null`")))
        };
        col(name).map(check, |_, field| Ok(field.clone()))
    };
    let checked: Vec<_> = columns_that(schema, |data_type| *data_type == DataType::String).into_iter().map(one).collect();
    if checked.is_empty() { plan } else { plan.with_columns(checked) }
}

/// Whether what looks like one type can be read as another.
fn reads_as(found: &DataType, declared: &DataType) -> bool {
    match declared {
        // Numbers with zeros before them, among others.
        DataType::String => true,
        DataType::Float32 | DataType::Float64 => found.is_primitive_numeric(),
        declared if declared.is_integer() => found.is_integer(),
        DataType::Datetime(_, None) => matches!(found, DataType::Datetime(_, None)),
        DataType::Decimal(..) => found.is_primitive_numeric(),
        DataType::Datetime(_, Some(_)) => matches!(found, DataType::Datetime(..) | DataType::String),
        DataType::Time => matches!(found, DataType::Time | DataType::String),
        declared => found == declared,
    }
}
