//! The pipeline as one would write it with Polars and delta-rs alone, with the same settings: zstd, statistics in the files, files on
//! the disk before they are committed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use deltalake_core::arrow::array::RecordBatch;
use deltalake_core::arrow::compute::cast;
use deltalake_core::kernel::transaction::CommitBuilder;
use deltalake_core::kernel::{Action, Add, DataType, Protocol, StructField, StructType, new_metadata};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use deltalake_core::{DeltaTable, DeltaTableBuilder};
use futures::StreamExt;
use lakewright::frame::Frame;
use lakewright::frame::arrow::RecordBatchStream;
use polars::io::utils::sync_on_close::SyncOnCloseType;
use polars::polars_utils::compression::ZstdLevel;
use polars::prelude::{
    Engine, FileWriteFormat, ParquetCompression, ParquetReader, ParquetWriteOptions, PartitionStrategy, PlRefPath, SerReader,
    SinkDestination, UnifiedSinkArgs, col,
};
use url::Url;

use crate::{Outcome, input};

/// Polars' partitioned sink, and a commit of the files that it wrote.
pub(crate) fn polars(input: &Path, output: &Path) -> Outcome<u64> {
    std::fs::create_dir_all(output)?;
    let options =
        ParquetWriteOptions { compression: ParquetCompression::Zstd(Some(ZstdLevel::try_new(3)?)), ..Default::default() };
    let target = SinkDestination::Partitioned {
        base_path: PlRefPath::try_from_path(output)?,
        file_path_provider: None,
        partition_strategy: PartitionStrategy::Keyed { keys: vec![col("group")], include_keys: false, keys_pre_grouped: false },
        max_rows_per_file: 0,
        approximate_bytes_per_file: 0,
    };
    let arguments = UnifiedSinkArgs { sync_on_close: SyncOnCloseType::All, mkdir: true, ..Default::default() };
    let plan = input::work(input::scan(input)?);
    plan.sink(target, FileWriteFormat::Parquet(Arc::new(options)), arguments)?.collect_with_engine(Engine::Streaming)?;

    let mut rows = 0;
    let mut actions = Vec::new();
    for folder in std::fs::read_dir(output)? {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        let Some(group) = name.strip_prefix("group=") else { continue };
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            let in_file = ParquetReader::new(std::fs::File::open(file.path())?).num_rows()? as u64;
            rows += in_file;
            actions.push(Action::Add(Add {
                path: format!("{name}/{}", file.file_name().to_string_lossy()),
                partition_values: HashMap::from([("group".to_owned(), Some(group.to_owned()))]),
                size: i64::try_from(file.metadata()?.len())?,
                data_change: true,
                stats: Some(serde_json::json!({ "numRecords": in_file }).to_string()),
                ..Default::default()
            }));
        }
    }
    runtime()?.block_on(commit(output, actions))?;
    Ok(rows)
}

/// delta-rs's own writer, fed with batches from Polars.
pub(crate) fn delta_rs(input: &Path, output: &Path) -> Outcome<u64> {
    std::fs::create_dir_all(output)?;
    runtime()?.block_on(async {
        let mut table = commit(output, Vec::new()).await?;
        let mut writer = RecordBatchWriter::for_table(&table)?;
        let schema = writer.arrow_schema();
        let mut batches = RecordBatchStream::from_table(input::work(input::scan(input)?).into_table())?;
        let mut rows = 0;
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            let columns = schema.fields().iter().map(|field| {
                let column = batch.column_by_name(field.name()).ok_or("a column is missing")?;
                Ok(cast(column, field.data_type())?)
            });
            writer.write(RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Outcome<Vec<_>>>()?)?).await?;
        }
        writer.flush_and_commit(&mut table).await?;
        Ok(rows)
    })
}

/// Creates the table with these files.
async fn commit(output: &Path, files: Vec<Action>) -> Outcome<DeltaTable> {
    let field = |name: &str, data_type: DataType| StructField::nullable(name, data_type);
    let schema = StructType::try_new([
        field("id", DataType::LONG),
        field("group", DataType::STRING),
        field("value", DataType::DOUBLE),
        field("weight", DataType::DOUBLE),
        field("at", DataType::TIMESTAMP_NTZ),
        field("weighted", DataType::DOUBLE),
    ])?;
    let protocol: Protocol = serde_json::from_value(serde_json::json!({
        "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"],
    }))?;
    let no_configuration: [(&str, &str); 0] = [];
    let metadata = new_metadata(&schema, ["group"], no_configuration)?;
    let mut actions = vec![Action::Protocol(protocol), Action::Metadata(metadata)];
    actions.extend(files);
    let url = Url::from_directory_path(std::path::absolute(output)?).map_err(|()| "no folder")?;
    let log_store = DeltaTableBuilder::from_url(url.clone())?.build()?.log_store();
    let operation =
        DeltaOperation::Write { mode: SaveMode::ErrorIfExists, partition_by: Some(vec!["group".to_owned()]), predicate: None };
    CommitBuilder::default().with_actions(actions).build(None, log_store, operation).await?;
    Ok(DeltaTableBuilder::from_url(url)?.load().await?)
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
