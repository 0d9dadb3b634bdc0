//! The data files of one version of a table, and lazy scans of them: under the names of the table, without the rows that were deleted.

mod times;

use std::sync::Arc;

use polars::io::RowIndex;
use polars::prelude::{
    CastColumnsPolicy, DataFrame, DataType, DslBuilder, Expr, ExtraColumnsPolicy, HiveOptions, IntoColumn, IntoLazy, LazyFrame,
    MissingColumnsPolicy, NamedFrom, ParquetOptions, PlRefPath, PlSmallStr, Scalar, ScanSources, Schema, Series, UnifiedScanArgs,
    UnionArgs, col, concat, lit,
};
use roaring::RoaringTreemap;
use serde_json::Value as Json;

use super::deletion::{Deleted, deleted};
use super::live::LiveFile;
use super::mapping::Mapping;
use super::opened::Opened;
use super::schema;
use super::stage::{StagedFile, StagedTable};
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;

/// The values of a file's partition columns, in the order of the columns.
pub(super) type PartitionValues = Vec<Option<String>>;

/// The column that numbers the rows of a file, while those that were deleted are left out.
const ROW: &str = "__lakewright_row";

/// What it takes to read the data files of one version of a table.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: Storage,
    pub(super) schema: Schema,
    pub(super) partition_columns: Vec<String>,
    mapping: Mapping,
    deleted: Deleted,
    /// The first column that has maps.
    map: Option<String>,
}

/// A data file, with the rows that are no longer in the table.
#[derive(Debug, Clone)]
pub(super) struct DataFile {
    /// Relative to the table.
    name: String,
    path: PlRefPath,
    deleted: Option<Arc<RoaringTreemap>>,
    /// The columns whose times may come out as others.
    doubtful: Vec<PlSmallStr>,
}

impl DataFile {
    /// Whether one scan reads both. Deleted rows are numbered in each file by itself, and a look at times is in the way of
    /// predicates, which a file that needs none should not pay for.
    fn goes_with(&self, other: &Self) -> bool {
        self.deleted.is_none() && other.deleted.is_none() && self.doubtful == other.doubtful
    }
}

impl Source {
    /// The files of this version of the table in this folder.
    pub(super) async fn new(path: &Storage, opened: &Opened) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            schema: schema::frame_schema(&opened.schema())?,
            partition_columns: opened.metadata().partition_columns().to_vec(),
            mapping: Mapping::of(opened)?,
            deleted: deleted(opened, path).await?,
            map: opened.schema().fields().find(|field| schema::has_maps(field.data_type())).map(|field| field.name().clone()),
        })
    }

    /// The files of rows that are about to come in.
    pub(super) fn staged(path: &Storage, staged: &StagedTable) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            schema: schema::frame_schema(&staged.schema)?,
            partition_columns: staged.partition_columns.clone(),
            mapping: Mapping::None,
            deleted: Deleted::new(),
            map: None,
        })
    }

    /// A file of rows that are about to come in.
    pub(super) fn scan_staged(&self, file: &StagedFile) -> Result<LazyFrame> {
        let path = self.path.scan_path(&file.path)?;
        let values = self.partition_columns.iter().map(|column| file.partition_values.get(column).cloned().flatten());
        let file = DataFile { name: file.path.clone(), path, deleted: None, doubtful: Vec::new() };
        self.scan(vec![file], values.collect())
    }

    /// Refuses to write rows again that have maps, which would come out as lists.
    pub(super) fn refuse_maps(&self) -> Result<()> {
        match &self.map {
            None => Ok(()),
            Some(column) => {
                let message = format!(
                    "the column `{column}` has maps, and a file of the table with rows that stay cannot be written again"
                );
                let help = "replace whole files or the whole table, or change these rows with the tool that wrote the table";
                Err(Error::new(ErrorKind::Unsupported, message).help(help))
            }
        }
    }

    /// The value of a partition column in a file.
    pub(super) fn value_of(&self, file: &LiveFile, column: &str) -> Option<String> {
        file.partition_values_map().remove(self.mapping.physical(column)).flatten()
    }

    /// The values of a file's partition columns.
    pub(super) fn values_of(&self, file: &LiveFile) -> PartitionValues {
        let mut values = file.partition_values_map();
        self.partition_columns.iter().map(|column| values.remove(self.mapping.physical(column)).flatten()).collect()
    }

    /// The name by which statistics know a column.
    pub(super) fn physical<'a>(&'a self, column: &'a str) -> &'a str {
        self.mapping.physical(column)
    }

    /// Whether the table is partitioned by the column.
    pub(super) fn is_partition_column(&self, column: &str) -> bool {
        self.partition_columns.iter().any(|known| known == column)
    }

    /// Where a file is.
    pub(super) fn file(&self, file: &LiveFile) -> Result<DataFile> {
        let relative = file.path();
        if relative.starts_with('/') || relative.contains(":/") {
            let message = format!("the table in `{}` refers to files outside its folder", self.path.display());
            return Err(Error::new(ErrorKind::Unsupported, message).help("it is a shallow clone; copy it in full"));
        }
        let path = self.path.scan_path(relative.as_ref())?;
        let deleted = self.deleted.get(relative.as_ref()).cloned();
        if deleted.is_none() && file.deletion_vector_descriptor().is_some() {
            let message = format!("the deletion vector of `{relative}` was not read");
            return Err(Error::new(ErrorKind::Internal, message));
        }
        Ok(DataFile { name: relative.into_owned(), path, deleted, doubtful: self.doubtful_times(file) })
    }

    /// The columns of a file whose times may come out as others, as far as statistics do not rule it out.
    fn doubtful_times(&self, file: &LiveFile) -> Vec<PlSmallStr> {
        // What we have written ourselves comes out as it went in.
        if matches!(file, LiveFile::Ours(_)) || !self.schema.iter_values().any(times::has_times) {
            return Vec::new();
        }
        let stats: Json = file.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Json::Null);
        let in_files = self.schema.iter().filter(|(name, _)| !self.is_partition_column(name));
        let doubtful = in_files.filter(|(name, data_type)| times::are_doubtful(data_type, self.physical(name), &stats));
        doubtful.map(|(name, _)| name.clone()).collect()
    }

    /// The columns that data files have: all that are not partition columns.
    pub(super) fn file_schema(&self) -> Schema {
        let in_files = self.schema.iter().filter(|(name, _)| !self.is_partition_column(name));
        in_files.map(|(name, data_type)| (name.clone(), data_type.clone())).collect()
    }

    /// Files with the same partition values, with those as columns.
    pub(super) fn scan(&self, files: Vec<DataFile>, values: PartitionValues) -> Result<LazyFrame> {
        let plan = self.scan_files(files)?;
        if values.is_empty() {
            return Ok(plan);
        }
        let constants: Result<Vec<_>> = self
            .partition_columns
            .iter()
            .zip(values)
            .map(|(name, value)| constant(name, self.schema.get(name).unwrap_or(&DataType::String), value.as_deref()))
            .collect();
        let order: Vec<_> = self.schema.iter_names().map(|name| col(name.clone())).collect();
        Ok(plan.with_columns(constants?).select(order))
    }

    /// Files one after the other: those that go together side by side in one scan.
    fn scan_files(&self, files: Vec<DataFile>) -> Result<LazyFrame> {
        let schema = self.file_schema();
        let mut groups: Vec<Vec<DataFile>> = Vec::new();
        for file in files {
            match groups.last_mut() {
                Some(group) if group[0].goes_with(&file) => group.push(file),
                _ => groups.push(vec![file]),
            }
        }
        let scans = groups.iter().map(|group| self.scan_together(group, &schema));
        union(scans.collect::<Result<_>>()?, &schema)
    }

    /// A lazy scan of files that go together. Other writers leave out columns and fields that were added later and use wider or
    /// narrower types.
    fn scan_together(&self, files: &[DataFile], schema: &Schema) -> Result<LazyFrame> {
        let Some(first) = files.first() else { return union(Vec::new(), schema) };
        let deleted = first.deleted.clone();
        let options = ParquetOptions { schema: Some(self.mapping.in_files(schema).into()), ..Default::default() };
        let casts = CastColumnsPolicy {
            integer_upcast: true,
            float_upcast: true,
            // Of Spark: INT96 and TIMESTAMP_MILLIS.
            datetime_nanoseconds_downcast: true,
            datetime_milliseconds_upcast: true,
            missing_struct_fields: MissingColumnsPolicy::Insert,
            extra_struct_fields: self.extra_fields(),
            ..CastColumnsPolicy::ERROR_ON_MISMATCH
        };
        let args = UnifiedScanArgs {
            glob: false,
            cloud_options: self.path.cloud_options(),
            hive_options: HiveOptions::new_disabled(),
            missing_columns_policy: MissingColumnsPolicy::Insert,
            extra_columns_policy: ExtraColumnsPolicy::Ignore,
            cast_columns_policy: casts,
            column_mapping: self.mapping.by_number(schema),
            row_index: deleted.as_ref().map(|_| RowIndex { name: ROW.into(), offset: 0 }),
            ..Default::default()
        };
        let paths = ScanSources::Paths(files.iter().map(|file| file.path.clone()).collect());
        let mut plan: LazyFrame = DslBuilder::scan_parquet(paths, options, args)?.build().into();
        if let Some(deleted) = deleted {
            plan = plan.filter(col(ROW).map(
                move |rows| {
                    let rows = rows.as_materialized_series().idx()?;
                    let kept = rows.iter().map(|row| row.map(|row| !deleted.contains(row.into())));
                    Ok(kept.collect::<Series>().with_name(ROW.into()).into_column())
                },
                |_, field| Ok(polars::prelude::Field::new(field.name().clone(), DataType::Boolean)),
            ));
            if self.mapping.renamed(schema).is_none() {
                plan = plan.select(schema.iter_names().map(|name| col(name.clone())).collect::<Vec<_>>());
            }
        }
        let plan = match self.mapping.renamed(schema) {
            Some(columns) => plan.select(columns),
            None => plan,
        };
        Ok(times::checked(plan, &first.doubtful, &self.path, files))
    }

    /// What becomes of fields that files have and the table does not. Where columns are mapped, one that is dropped stays in
    /// files. Anywhere else the struct is another one, whose fields would be taken for missing ones and read as null; and so
    /// would be the entries of maps, which some writers name in other ways.
    fn extra_fields(&self) -> ExtraColumnsPolicy {
        let mapped = !matches!(self.mapping, Mapping::None);
        if mapped && self.map.is_none() { ExtraColumnsPolicy::Ignore } else { ExtraColumnsPolicy::Raise }
    }
}

/// Plans of the same columns, one after the other.
pub(super) fn union(mut scans: Vec<LazyFrame>, schema: &Schema) -> Result<LazyFrame> {
    Ok(match scans.len() {
        0 => DataFrame::empty_with_schema(schema).lazy(),
        1 => scans.remove(0),
        _ => concat(scans, UnionArgs::default())?,
    })
}

/// A partition value as a constant column of the column's type.
fn constant(name: &str, data_type: &DataType, value: Option<&str>) -> Result<Expr> {
    // The protocol has one text for null and for the empty text.
    let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(lit(Scalar::null(data_type.clone())).alias(name)) };
    let text = Series::new(name.into(), [text]);
    let typed = match data_type {
        DataType::Date => {
            let days = text.get(0)?.get_str().and_then(crate::io::slicing::days);
            let wrong = || Error::new(ErrorKind::Corrupt, format!("the partition column `{name}` has a value that is no date"));
            Series::new(name.into(), [days.ok_or_else(wrong)?]).cast(data_type)?
        }
        DataType::Boolean => {
            Series::new(name.into(), [text.get(0)?.get_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))])
        }
        DataType::Datetime(..) => {
            let microseconds = text.get(0)?.get_str().and_then(schema::partition_microseconds);
            let wrong = || Error::new(ErrorKind::Corrupt, format!("the partition column `{name}` has a value that is no time"));
            Series::new(name.into(), [microseconds.ok_or_else(wrong)?]).cast(data_type)?
        }
        _ => text.strict_cast(data_type)?,
    };
    Ok(lit(Scalar::new(data_type.clone(), typed.get(0)?.into_static())).alias(name))
}
