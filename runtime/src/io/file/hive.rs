//! Folders of Parquet files that somebody else divided by the values of columns, as Spark does: `species=a/part-0.parquet`.

use std::path::{Path, PathBuf};

use polars::prelude::{
    DslBuilder, ExtraColumnsPolicy, HiveOptions, LazyFrame, MissingColumnsPolicy, ParquetOptions, ScanSources, UnifiedScanArgs,
};

use super::polars_path;
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::io_error;

/// A lazy scan of all files below the folder, with the values in the names of folders as columns.
pub(super) fn scan(folder: &Path) -> Result<LazyFrame> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    if files.is_empty() {
        let message = format!("there is no Parquet file below `{}`", folder.display());
        return Err(Error::new(ErrorKind::Missing, message));
    }
    files.sort();
    let paths = files.iter().map(|file| polars_path(file)).collect::<Result<Vec<_>>>()?;
    let hive_options =
        HiveOptions { enabled: Some(true), hive_start_idx: folder.to_string_lossy().len(), schema: None, try_parse_dates: true };
    let args = UnifiedScanArgs {
        glob: false,
        hive_options,
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        ..Default::default()
    };
    let sources = ScanSources::Paths(paths.into_iter().collect());
    Ok(DslBuilder::scan_parquet(sources, ParquetOptions::default(), args)?.build().into())
}

/// The data files below a folder. What begins with `_` or `.` is a mark or a checksum of the writer.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(|error| io_error(&error, "list", folder))? {
        let path = entry.map_err(|error| io_error(&error, "list", folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(())
}
