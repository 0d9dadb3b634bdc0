//! Column mapping: tables whose data files name columns in another way than the table does, or number them.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake_core::kernel::{ArrayType, DataType as DeltaType, MapType, MetadataValue, StructField, StructType};
use polars::prelude::iceberg::{IcebergColumn, IcebergColumnType, IcebergSchema, LIST_ELEMENT_DEFAULT_ID};
use polars::prelude::{
    ChunkedArray, ColumnMapping, DataType, Expr, Field, IntoColumn, IntoSeries, ListType, PolarsResult, Schema, Series,
    StructChunked, col,
};

use super::opened::Opened;
use super::schema::{frame_schema, to_polars};
use crate::error::{Error, ErrorKind, Result};

/// How the columns of a table are found in its data files.
#[derive(Debug, Clone)]
pub(super) enum Mapping {
    /// By their names.
    None,
    /// By other names.
    Names {
        /// The name in files, by the name in the table.
        names: HashMap<String, String>,
        /// The columns as files have them, in the order of the table.
        files: Schema,
    },
    /// By numbers.
    Ids {
        /// The name in the log, by the name in the table.
        names: HashMap<String, String>,
        /// The number of each column, by its name in the table.
        columns: HashMap<String, IcebergColumn>,
    },
}

impl Mapping {
    /// That of a table.
    pub(super) fn of(opened: &Opened) -> Result<Self> {
        let schema = opened.schema();
        let names = || schema.fields().map(|field| Ok((field.name().clone(), physical_name(field)?))).collect::<Result<_>>();
        match opened.metadata().configuration().get("delta.columnMapping.mode").map(String::as_str) {
            None | Some("none") => Ok(Self::None),
            Some("name") => Ok(Self::Names { names: names()?, files: frame_schema(&physical_struct(&schema)?)? }),
            Some("id") => {
                let columns = schema.fields().map(|field| Ok((field.name().clone(), numbered(field)?)));
                Ok(Self::Ids { names: names()?, columns: columns.collect::<Result<_>>()? })
            }
            Some(other) => {
                let message = format!("the table maps its columns by `{other}`, which this version does not read");
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    /// The name by which partition values and statistics know a column.
    pub(super) fn physical<'a>(&'a self, column: &'a str) -> &'a str {
        match self {
            Self::None => column,
            Self::Names { names, .. } | Self::Ids { names, .. } => names.get(column).map_or(column, String::as_str),
        }
    }

    /// The columns as files have them, of these that the table has.
    pub(super) fn in_files(&self, columns: &Schema) -> Schema {
        let Self::Names { files, .. } = self else { return columns.clone() };
        let physical = |name: &str| self.physical(name).to_owned();
        let typed = |name: &str| files.get(&physical(name)).cloned().unwrap_or(DataType::Null);
        columns.iter_names().map(|name| (physical(name).into(), typed(name))).collect()
    }

    /// What a scan has to know to find these columns by their numbers.
    pub(super) fn by_number(&self, columns: &Schema) -> Option<ColumnMapping> {
        let Self::Ids { columns: numbered, .. } = self else { return None };
        let found = columns.iter_names().filter_map(|name| numbered.get(name.as_str()));
        Some(ColumnMapping::Iceberg(Arc::new(found.map(|column| (column.physical_id, column.clone())).collect())))
    }

    /// The columns of the table from those of files, if they have other names.
    pub(super) fn renamed(&self, columns: &Schema) -> Option<Vec<Expr>> {
        let Self::Names { files, .. } = self else { return None };
        let one = |(name, to): (&polars::prelude::PlSmallStr, &DataType)| {
            let physical = self.physical(name);
            let column = col(physical);
            let nested = files.get(physical).is_some_and(|from| from != to);
            let column = if nested {
                let (to, target) = (to.clone(), to.clone());
                column.map(
                    move |column| relabelled(column.take_materialized_series(), &to).map(Series::into_column),
                    move |_, field| Ok(Field::new(field.name().clone(), target.clone())),
                )
            } else {
                column
            };
            column.alias(name.clone())
        };
        Some(columns.iter().map(one).collect())
    }
}

fn text_of(field: &StructField, key: &str) -> Option<String> {
    match field.metadata().get(key)? {
        MetadataValue::String(text) => Some(text.clone()),
        MetadataValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn physical_name(field: &StructField) -> Result<String> {
    text_of(field, "delta.columnMapping.physicalName").ok_or_else(|| without(field, "name"))
}

fn number_of(field: &StructField) -> Result<u32> {
    let number = text_of(field, "delta.columnMapping.id").and_then(|number| number.parse().ok());
    number.ok_or_else(|| without(field, "number"))
}

fn without(field: &StructField, what: &str) -> Error {
    let message = format!("the table maps its columns, and the log gives no {what} for `{}`", field.name());
    Error::new(ErrorKind::Corrupt, message)
}

/// The columns by the names in files, inside of structs too.
fn physical_struct(schema: &StructType) -> Result<StructType> {
    let fields: Result<Vec<_>> = schema
        .fields()
        .map(|field| Ok(StructField::new(physical_name(field)?, physical_type(field.data_type())?, field.is_nullable())))
        .collect();
    StructType::try_new(fields?)
        .map_err(|error| Error::new(ErrorKind::Corrupt, "the table maps two columns to one name").source(error))
}

fn physical_type(data_type: &DeltaType) -> Result<DeltaType> {
    Ok(match data_type {
        DeltaType::Struct(fields) => DeltaType::Struct(Box::new(physical_struct(fields)?)),
        DeltaType::Array(array) => ArrayType::new(physical_type(array.element_type())?, array.contains_null()).into(),
        DeltaType::Map(map) => {
            MapType::new(physical_type(map.key_type())?, physical_type(map.value_type())?, map.value_contains_null()).into()
        }
        other => other.clone(),
    })
}

/// A column by its number, and those inside of it by theirs.
fn numbered(field: &StructField) -> Result<IcebergColumn> {
    let type_ = numbered_type(field.data_type(), field)?;
    Ok(IcebergColumn { name: field.name().as_str().into(), physical_id: number_of(field)?, type_ })
}

fn numbered_type(data_type: &DeltaType, field: &StructField) -> Result<IcebergColumnType> {
    let unsupported = || {
        let message = format!("the column `{}` is {}, which is not read by number", field.name(), field.data_type());
        Error::new(ErrorKind::Unsupported, message).help("map the columns of the table by name")
    };
    Ok(match data_type {
        DeltaType::Struct(fields) => {
            let fields = fields.fields().map(|field| numbered(field).map(|column| (column.physical_id, column)));
            IcebergColumnType::Struct(fields.collect::<Result<IcebergSchema>>()?)
        }
        DeltaType::Array(array) => IcebergColumnType::List(Box::new(IcebergColumn {
            name: "item".into(),
            physical_id: LIST_ELEMENT_DEFAULT_ID,
            type_: numbered_type(array.element_type(), field)?,
        })),
        // The keys and values of maps have no numbers in files.
        DeltaType::Map(_) => return Err(unsupported()),
        other => IcebergColumnType::Primitive { dtype: to_polars(other).ok_or_else(unsupported)? },
    })
}

/// The same values under the names of this type, which has its fields in the same order.
fn relabelled(series: Series, to: &DataType) -> PolarsResult<Series> {
    match to {
        DataType::Struct(fields) => {
            let structs = series.struct_()?;
            let values = structs.fields_as_series().into_iter().zip(fields);
            let values: Vec<Series> = values
                .map(|(value, field)| Ok(relabelled(value, field.dtype())?.with_name(field.name().clone())))
                .collect::<PolarsResult<_>>()?;
            let mut renamed = StructChunked::from_series(series.name().clone(), series.len(), values.iter())?;
            renamed.zip_outer_validity(structs);
            Ok(renamed.into_series())
        }
        DataType::List(inner) => {
            let lists: &ChunkedArray<ListType> = series.list()?;
            Ok(lists.apply_to_inner(&|values| relabelled(values, inner))?.into_series())
        }
        _ => Ok(series),
    }
}
