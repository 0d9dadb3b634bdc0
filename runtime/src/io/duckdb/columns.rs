//! The columns of what is written against those of the table: by name, and as `schema_mode` says.

use super::catalog::{Column, Found, Own};
use super::names::{TableName, same};
use crate::asset::AssetSpec;
use crate::duckdb::{Connection, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::io::schema_mode::{SchemaMode, schema_mode};

/// Refuses columns that the asset may not give the table.
pub(super) fn check(asset: &AssetSpec, existing: &Found, written: &[Column]) -> Result<()> {
    if existing.is_view {
        let message = format!("`{}` is a view, and the asset would be a table", existing.name);
        return Err(Error::new(ErrorKind::NotATable, message).help("drop the view, or give the asset another schema or name"));
    }
    let mode = schema_mode(asset);
    if mode == SchemaMode::Overwrite {
        return Ok(());
    }
    let refuse = |message: String| {
        let help = match asset.partitions {
            None => {
                "make the output fit the table, or let this asset replace the columns with `store(schema_mode = \"overwrite\")`"
            }
            Some(_) => "make the output fit the table, or let this asset add columns with `store(schema_mode = \"merge\")`",
        };
        Err(Error::new(ErrorKind::Schema, message).help(help))
    };
    for column in written {
        match existing.columns.iter().find(|known| same(&known.name, &column.name)) {
            None if mode == SchemaMode::Merge => {}
            None => {
                let absent = |known: &&Column| !written.iter().any(|column| same(&known.name, &column.name));
                let missing =
                    existing.columns.iter().find(absent).map(|known| format!(", whose column `{}` is missing", known.name));
                return refuse(format!("the column `{}` is not in the table{}", column.name, missing.unwrap_or_default()));
            }
            Some(known) if known.data_type == column.data_type => {}
            Some(known) if mode == SchemaMode::Merge && (widens(known, column) || widens(column, known)) => {}
            Some(known) => {
                let (name, known, new) = (&column.name, &known.data_type, &column.data_type);
                return refuse(format!("the column `{name}` is {known} in the table and {new} in the output"));
            }
        }
    }
    match existing.columns.iter().find(|known| !written.iter().any(|column| same(&known.name, &column.name))) {
        Some(_) if mode == SchemaMode::Merge => Ok(()),
        Some(missing) => refuse(format!("the column `{}` of the table is missing from the output", missing.name)),
        None => Ok(()),
    }
}

/// The first column that is not the same in both, and how it differs.
pub(super) fn first_difference<'c>(one: &'c [Column], other: &'c [Column]) -> Option<(&'c str, &'static str)> {
    for column in other {
        match one.iter().find(|known| same(&known.name, &column.name)) {
            None => return Some((&column.name, "is only")),
            Some(known) if known.data_type != column.data_type => return Some((&column.name, "has another type")),
            Some(_) => {}
        }
    }
    let missing = one.iter().find(|column| !other.iter().any(|known| same(&known.name, &column.name)));
    missing.map(|column| (column.name.as_str(), "is missing"))
}

/// Adds and widens columns of the table, so that it holds what is written.
pub(super) fn extend(connection: &Connection, own: &Own, name: &TableName, known: &[Column], written: &[Column]) -> Result<()> {
    let table = name.sql(&own.catalog);
    for column in written {
        let (quoted, data_type) = (quote(&column.name), &column.data_type);
        match known.iter().find(|known| same(&known.name, &column.name)) {
            None => connection.execute(&format!("ALTER TABLE {table} ADD COLUMN {quoted} {data_type}"))?,
            Some(known) if widens(known, column) => {
                connection.execute(&format!("ALTER TABLE {table} ALTER COLUMN {quoted} TYPE {data_type}"))?
            }
            Some(_) => 0,
        };
    }
    Ok(())
}

/// Whether the type of the second holds every value of the first's, and is another.
fn widens(from: &Column, to: &Column) -> bool {
    /// The bits of a whole number, and whether it has a sign.
    fn integer(name: &str) -> Option<(u32, bool)> {
        Some(match name {
            "TINYINT" => (8, true),
            "SMALLINT" => (16, true),
            "INTEGER" => (32, true),
            "BIGINT" => (64, true),
            "HUGEINT" => (128, true),
            "UTINYINT" => (8, false),
            "USMALLINT" => (16, false),
            "UINTEGER" => (32, false),
            "UBIGINT" => (64, false),
            _ => return None,
        })
    }
    fn decimal(name: &str) -> Option<(u32, u32)> {
        let (precision, scale) = name.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
        Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
    }
    let (from, to) = (from.data_type.as_str(), to.data_type.as_str());
    match (integer(from), integer(to)) {
        (Some((bits, signed)), Some((more, with_sign))) => more > bits && (with_sign || !signed),
        (Some((bits, _)), None) => to == "DOUBLE" && bits <= 32 || to == "FLOAT" && bits <= 16,
        _ => match (decimal(from), decimal(to)) {
            (Some((precision, scale)), Some((more, finer))) => {
                from != to && finer >= scale && more - finer.min(more) >= precision - scale.min(precision)
            }
            _ => (from, to) == ("FLOAT", "DOUBLE") || (from, to) == ("DATE", "TIMESTAMP"),
        },
    }
}

/// The columns as SQL lists them.
pub(super) fn list<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    columns.into_iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_hold_every_value_are_wider() {
        let column = |data_type: &str| Column { name: "a".to_owned(), data_type: data_type.to_owned() };
        let wider = |from: &str, to: &str| widens(&column(from), &column(to));
        for (from, to) in [
            ("INTEGER", "BIGINT"),
            ("UTINYINT", "SMALLINT"),
            ("UINTEGER", "BIGINT"),
            ("INTEGER", "DOUBLE"),
            ("FLOAT", "DOUBLE"),
            ("DECIMAL(10,2)", "DECIMAL(12,2)"),
            ("DECIMAL(10,2)", "DECIMAL(12,4)"),
        ] {
            assert!(wider(from, to), "{from} to {to}");
            assert!(!wider(to, from), "{to} to {from}");
        }
        for (from, to) in [
            ("BIGINT", "BIGINT"),
            ("BIGINT", "DOUBLE"),
            ("INTEGER", "FLOAT"),
            ("INTEGER", "UBIGINT"),
            ("UBIGINT", "BIGINT"),
            ("DECIMAL(10,2)", "DECIMAL(11,4)"),
            ("VARCHAR", "BLOB"),
        ] {
            assert!(!wider(from, to), "{from} to {to}");
        }
    }
}
