//! Arrow IPC, in the form of files, which nearly every type goes into and comes back from as it was.

use polars::prelude::{
    CompatLevel, DataFrame, DataType, Engine, FileWriteFormat, HiveOptions, IpcCompression, IpcScanOptions, IpcWriterOptions,
    LazyFrame, Schema, UnifiedScanArgs,
};

use super::format::write_as_plan;
use super::{FileFormat, FileSink, FileSource, Written};
use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::io::sink::sink_args;
use crate::io::{OptionDef, OptionKind};
use crate::metadata::MetadataValue;

const COMPRESSION: OptionDef = OptionDef {
    name: "compression",
    kind: OptionKind::OneOf(&["zstd", "lz4", "uncompressed"]),
    about: "how record batches are compressed (zstd)",
};

const BATCH_SIZE: OptionDef =
    OptionDef { name: "record_batch_size", kind: OptionKind::Int, about: "rows in a record batch (about 122,880)" };

/// Arrow IPC files, with zstd.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ipc;

impl FileFormat for Ipc {
    const EXTENSION: &'static str = "arrow";

    fn store_name(&self) -> &'static str {
        "the IPC store"
    }

    fn options(&self) -> &'static [OptionDef] {
        const OPTIONS: &[OptionDef] = &[COMPRESSION, BATCH_SIZE];
        OPTIONS
    }

    fn check(&self, schema: &Schema) -> Result<()> {
        if schema.is_empty() {
            let message = "an Arrow IPC file of no columns does not say how many rows it has";
            return Err(Error::new(ErrorKind::Value, message).help("use another store"));
        }
        match schema.iter().find(|(_, data_type)| matches!(data_type, DataType::Unknown(_))) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("the type of the column `{name}` is not known before the frame is computed");
                Err(Error::new(ErrorKind::Schema, message).help("cast the column, or return a `DataFrame`"))
            }
        }
    }

    fn gives_back(&self, schema: &Schema) -> bool {
        schema.iter_values().all(is_exact)
    }

    fn write(&self, frame: DataFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        write_as_plan(self, frame, to, written)
    }

    fn sink(&self, plan: LazyFrame, to: &mut FileSink, written: &Written<'_>) -> Result<()> {
        let format = FileWriteFormat::Ipc(options(written.asset));
        plan.sink(to.destination()?, format, sink_args())?.collect_with_engine(Engine::Streaming)?;
        Ok(())
    }

    fn scan(&self, from: &FileSource<'_>) -> Result<LazyFrame> {
        let args = UnifiedScanArgs {
            cloud_options: from.cloud_options(),
            glob: false,
            hive_options: HiveOptions::new_disabled(),
            ..Default::default()
        };
        Ok(LazyFrame::scan_ipc(from.path(), IpcScanOptions::default(), args)?)
    }
}

fn options(asset: &AssetSpec) -> IpcWriterOptions {
    let compression = match asset.store_option(COMPRESSION.name) {
        Some(MetadataValue::Text(name)) if name == "lz4" => Some(IpcCompression::LZ4),
        Some(MetadataValue::Text(name)) if name == "uncompressed" => None,
        _ => Some(IpcCompression::default()),
    };
    let record_batch_size = match asset.store_option(BATCH_SIZE.name) {
        Some(MetadataValue::Int(rows)) => usize::try_from(*rows).ok(),
        _ => None,
    };
    // Many readers cannot compute with the views of texts that Polars would write.
    IpcWriterOptions { compression, record_batch_size, compat_level: CompatLevel::oldest(), ..Default::default() }
}

fn is_exact(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) | DataType::Array(element, _) => is_exact(element),
        DataType::Struct(fields) => fields.iter().all(|field| is_exact(field.dtype())),
        DataType::Boolean
        | DataType::String
        | DataType::Binary
        | DataType::Decimal(..)
        | DataType::Date
        | DataType::Time
        | DataType::Datetime(..)
        | DataType::Duration(_) => true,
        other => other.is_primitive_numeric(),
    }
}
