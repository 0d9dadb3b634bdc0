//! Folders of Parquet files that somebody else divided by the values of columns, as Spark does: `species=a/part-0.parquet`.

use polars::prelude::{
    DslBuilder, ExtraColumnsPolicy, HiveOptions, LazyFrame, MissingColumnsPolicy, ParquetOptions, PlSmallStr, ScanArgsParquet,
    ScanSources, UnifiedScanArgs, all,
};

use super::FileSource;
use crate::error::{Error, ErrorKind, Result};

/// A lazy scan of all files below the folder, with the values in the names of folders as columns.
pub(super) fn scan(folder: &FileSource<'_>, files: &[FileSource<'_>]) -> Result<LazyFrame> {
    if files.is_empty() {
        let message = format!("there is no Parquet file below `{folder}`");
        return Err(Error::new(ErrorKind::Missing, message));
    }
    let above = names_above(folder, files)?;
    let hive_options = HiveOptions { enabled: Some(true), hive_start_idx: 0, schema: None, try_parse_dates: true };
    let args = UnifiedScanArgs {
        glob: false,
        hive_options,
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        cloud_options: folder.cloud_options(),
        ..Default::default()
    };
    let sources = ScanSources::Paths(files.iter().map(FileSource::path).collect());
    let plan: LazyFrame = DslBuilder::scan_parquet(sources, ParquetOptions::default(), args)?.build().into();
    if above.is_empty() { Ok(plan) } else { Ok(plan.select([all().exclude_cols(above).as_expr()])) }
}

/// The columns that Polars sees in the names of the folders that the data set is in, which are none of its own.
///
/// Polars takes the whole path of a file apart if it is handed files; were it handed the folder, it would read the marks of writers.
fn names_above(folder: &FileSource<'_>, files: &[FileSource<'_>]) -> Result<Vec<PlSmallStr>> {
    let names = |path: &str| -> Vec<String> {
        path.split('/').filter_map(|part| part.split_once('=').map(|(name, _)| name.to_owned())).collect()
    };
    let (folder, first) = (folder.path(), files.first());
    let above = names(folder.as_str());
    if above.is_empty() {
        return Ok(Vec::new());
    }
    let below = |file: &FileSource<'_>| file.path().as_str().strip_prefix(folder.as_str()).map(names).unwrap_or_default();
    let mut own: Vec<String> = files.iter().flat_map(below).collect();
    if let Some(first) = first {
        let args = ScanArgsParquet {
            glob: false,
            hive_options: HiveOptions::new_disabled(),
            cloud_options: first.cloud_options(),
            ..Default::default()
        };
        let schema = LazyFrame::scan_parquet(first.path(), args)?.collect_schema()?;
        own.extend(schema.iter_names().map(ToString::to_string));
    }
    if let Some(twice) = above.iter().find(|name| own.contains(name)) {
        let message = format!("`{twice}` is a column of the data set in `{folder}` and in the name of a folder above it");
        return Err(Error::new(ErrorKind::Unsupported, message).help("rename the folder above"));
    }
    Ok(above.into_iter().map(Into::into).collect())
}
