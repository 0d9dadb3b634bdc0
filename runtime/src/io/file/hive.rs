//! Folders of Parquet files that somebody else divided by the values of columns, as Spark does: `species=a/part-0.parquet`.

use std::path::{Path, PathBuf};

use polars::prelude::{
    DslBuilder, ExtraColumnsPolicy, HiveOptions, LazyFrame, MissingColumnsPolicy, ParquetOptions, ParquetReader, PlSmallStr,
    ScanSources, SerReader, UnifiedScanArgs, all,
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
    let above = names_above(folder, &files)?;
    let hive_options = HiveOptions { enabled: Some(true), hive_start_idx: 0, schema: None, try_parse_dates: true };
    let args = UnifiedScanArgs {
        glob: false,
        hive_options,
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        ..Default::default()
    };
    let sources = ScanSources::Paths(paths.into_iter().collect());
    let plan: LazyFrame = DslBuilder::scan_parquet(sources, ParquetOptions::default(), args)?.build().into();
    if above.is_empty() { Ok(plan) } else { Ok(plan.select([all().exclude_cols(above).as_expr()])) }
}

/// The columns that Polars sees in the names of the folders that the data set is in, which are none of its own.
///
/// Polars takes the whole path of a file apart if it is handed files; were it handed the folder, it would read the marks of writers.
fn names_above(folder: &Path, files: &[PathBuf]) -> Result<Vec<PlSmallStr>> {
    let names = |path: &Path| -> Vec<String> {
        let parts = path.iter().filter_map(|part| part.to_str()?.split_once('=').map(|(name, _)| name.to_owned()));
        parts.collect()
    };
    let above = names(folder);
    if above.is_empty() {
        return Ok(Vec::new());
    }
    let mut own: Vec<String> = files.iter().filter_map(|file| file.strip_prefix(folder).ok()).flat_map(names).collect();
    if let Some(file) = files.first() {
        let opened = std::fs::File::open(file).map_err(|error| io_error(&error, "open", file))?;
        own.extend(ParquetReader::new(opened).schema()?.iter_names().map(ToString::to_string));
    }
    if let Some(twice) = above.iter().find(|name| own.contains(name)) {
        let message =
            format!("`{twice}` is a column of the data set in `{}` and in the name of a folder above it", folder.display());
        return Err(Error::new(ErrorKind::Unsupported, message).help("rename the folder above"));
    }
    Ok(above.into_iter().map(Into::into).collect())
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
