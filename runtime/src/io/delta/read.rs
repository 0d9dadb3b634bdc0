//! Reading tables: one lazy scan of their files, nothing of which is read before somebody asks for rows.

use std::collections::BTreeMap;
use std::path::Path;

use deltalake_core::DeltaTable;
use polars::prelude::{
    CastColumnsPolicy, DataFrame, DataType, DslBuilder, Expr, ExtraColumnsPolicy, HiveOptions, IntoLazy, LazyFrame,
    MissingColumnsPolicy, NamedFrom, ParquetOptions, PlRefPath, Scalar, ScanSources, Schema, Series, UnifiedScanArgs, UnionArgs,
    col, concat, lit,
};

use super::{schema, table};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::frame::polars::check_columns;
use crate::value::Value;

/// The values of a file's partition columns, in the order of the columns.
type PartitionValues = Vec<Option<String>>;

/// The table as a lazy scan, or only these columns of it.
pub(super) fn scan(path: &Path, opened: &DeltaTable, columns: Option<&[String]>) -> Result<Value> {
    let state = table::state(opened, path)?;
    table::check_readable(state, path)?;
    let table_schema = state.schema();
    if let Some(columns) = columns {
        check_columns(columns, table_schema.fields().map(|field| field.name().as_str()))?;
    }
    let mut frame_schema = Schema::default();
    for field in table_schema.fields() {
        let Some(data_type) = schema::to_polars(field.data_type()) else {
            let message = format!("the column `{}` is {}, which Polars does not read", field.name(), field.data_type());
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        frame_schema.insert(field.name().as_str().into(), data_type);
    }

    let partition_columns = state.metadata().partition_columns();
    let mut files: BTreeMap<PartitionValues, Vec<PlRefPath>> = BTreeMap::new();
    for file in state.log_data().iter() {
        let relative = file.path();
        if relative.starts_with('/') || relative.contains(":/") {
            let message = format!("the table in `{}` refers to files outside its folder", path.display());
            return Err(Error::new(ErrorKind::Unsupported, message).help("it is a shallow clone; copy it in full"));
        }
        let mut values = file.partition_values_map();
        let values = partition_columns.iter().map(|column| values.remove(column).flatten()).collect();
        files.entry(values).or_default().push(PlRefPath::try_from_path(&path.join(relative.as_ref()))?);
    }

    let file_schema: Schema = frame_schema
        .iter()
        .filter(|(name, _)| !partition_columns.iter().any(|column| column == name.as_str()))
        .map(|(name, data_type)| (name.clone(), data_type.clone()))
        .collect();
    let mut scans = Vec::with_capacity(files.len());
    for (values, paths) in files {
        let mut plan = scan_files(paths, &file_schema)?;
        if !values.is_empty() {
            let constants: Result<Vec<_>> = partition_columns
                .iter()
                .zip(values)
                .map(|(name, value)| constant(name, frame_schema.get(name).unwrap_or(&DataType::String), value.as_deref()))
                .collect();
            let order: Vec<_> = frame_schema.iter_names().map(|name| col(name.clone())).collect();
            plan = plan.with_columns(constants?).select(order);
        }
        scans.push(plan);
    }
    let plan = match scans.len() {
        0 => DataFrame::empty_with_schema(&frame_schema).lazy(),
        1 => scans.remove(0),
        _ => concat(scans, UnionArgs::default())?,
    };
    let plan = match columns {
        Some(columns) => plan.select(columns.iter().map(col).collect::<Vec<_>>()),
        None => plan,
    };
    Ok(Value::Table(plan.into_table()))
}

/// A lazy scan of data files. Other writers leave out columns that were added later and use wider or narrower types.
fn scan_files(paths: Vec<PlRefPath>, schema: &Schema) -> Result<LazyFrame> {
    let options = ParquetOptions { schema: Some(schema.clone().into()), ..Default::default() };
    let casts = CastColumnsPolicy {
        integer_upcast: true,
        float_upcast: true,
        datetime_nanoseconds_downcast: true,
        datetime_microseconds_downcast: true,
        ..CastColumnsPolicy::ERROR_ON_MISMATCH
    };
    let args = UnifiedScanArgs {
        glob: false,
        hive_options: HiveOptions::new_disabled(),
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        cast_columns_policy: casts,
        ..Default::default()
    };
    Ok(DslBuilder::scan_parquet(ScanSources::Paths(paths.into_iter().collect()), options, args)?.build().into())
}

/// A partition value as a constant column of the column's type.
fn constant(name: &str, data_type: &DataType, value: Option<&str>) -> Result<Expr> {
    // The protocol has one text for null and for the empty text.
    let Some(text) = value.filter(|text| !text.is_empty()) else { return Ok(lit(Scalar::null(data_type.clone())).alias(name)) };
    let text = Series::new(name.into(), [text]);
    let typed = match data_type {
        DataType::Boolean => Series::new(name.into(), [text.get(0)?.get_str() == Some("true")]),
        _ => text.strict_cast(data_type)?,
    };
    Ok(lit(Scalar::new(data_type.clone(), typed.get(0)?.into_static())).alias(name))
}
