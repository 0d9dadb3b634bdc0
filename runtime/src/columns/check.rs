//! What is checked while a crate compiles: that columns which an asset names exist, and that declared rows are what is loaded.
//!
//! Each panics with the sentence that rustc then shows where generated code calls it. Without a declaration nothing is checked.

use super::text::{Text, distance, same};
use super::{ColumnDef, ColumnType};

/// Whether the asset has this column.
///
/// # Panics
/// If it declares its columns and has no such.
#[track_caller]
pub const fn check_column(declared: Option<&[ColumnDef]>, asset: &str, name: &str) {
    let Some(columns) = declared else { return };
    let text = of(asset).with(" has no column ").with_name(name);
    assert!(find(columns, name).is_some(), "{}", text.with_instead(columns, name, "; ", "").as_str());
}

/// Whether the asset has this column to be partitioned by. What is no plain name may be an expression.
///
/// # Panics
/// If it declares its columns, has no such, and it is no expression.
#[track_caller]
pub const fn check_partition_column(declared: Option<&[ColumnDef]>, asset: &str, expression: &str) {
    if is_name(expression) {
        check_column(declared, asset, expression);
    }
}

/// Whether the rows that a parameter declares are those that it loads of the asset: all columns, or `only` these.
///
/// # Panics
/// If both declare their columns, and they differ.
#[track_caller]
pub const fn check_rows(declared: Option<&[ColumnDef]>, only: Option<&[&str]>, parameter: Option<&[ColumnDef]>, asset: &str) {
    let (Some(columns), Some(wanted)) = (declared, parameter) else { return };
    if !all_exist(columns, only) {
        // Reported where they are listed.
        return;
    }
    let mut text = of(asset);
    let mut rest = wanted;
    while let [column, others @ ..] = rest {
        text = with_difference(text, columns, only, column);
        rest = others;
    }
    let mut rest = columns;
    while let [column, others @ ..] = rest {
        if reads(only, column.name) && find(wanted, column.name).is_none() && !is_meant(column.name, columns, wanted) {
            text = text.with_part(" has a column ").with_name(column.name).with(" that the parameter does not declare");
        }
        rest = others;
    }
    assert!(text.parts() == 0, "{}", text.as_str());
}

const fn all_exist(columns: &[ColumnDef], only: Option<&[&str]>) -> bool {
    let Some(mut only) = only else { return true };
    while let [listed, rest @ ..] = only {
        if find(columns, listed).is_none() {
            return false;
        }
        only = rest;
    }
    true
}

const fn of(asset: &str) -> Text {
    Text::new().with("asset ").with_name(asset)
}

/// What keeps the asset's columns from being loaded as this one.
const fn with_difference(text: Text, columns: &[ColumnDef], only: Option<&[&str]>, wanted: &ColumnDef) -> Text {
    let Some(column) = find(columns, wanted.name) else {
        let text = text.with_part(" has no column ").with_name(wanted.name);
        return text.with_instead(columns, wanted.name, " (", ")");
    };
    if !reads(only, wanted.name) {
        return text.with_part(" has a column ").with_name(wanted.name).with(" that `columns` leaves out");
    }
    if !is_type(&column.data_type, &wanted.data_type) {
        let text = text.with_part(" has ").with_name(wanted.name).with(" as ").with_type(&column.data_type);
        return text.with(", which the parameter declares as ").with_type(&wanted.data_type);
    }
    if column.nullable && !wanted.nullable {
        let text = text.with_part(" may have nulls in ").with_name(wanted.name);
        return text.with(", which the parameter declares without `Option`");
    }
    text
}

impl Text {
    /// What there is instead of a column, between these.
    const fn with_instead(self, columns: &[ColumnDef], name: &str, open: &str, close: &str) -> Self {
        if let Some(near) = nearest(columns, name) {
            return self.with(open).with("did you mean ").with_name(near).with("?").with(close);
        }
        let mut text = self.with(open).with("there are: ");
        let mut rest = columns;
        while let [column, others @ ..] = rest {
            text = text.with_name(column.name).with(if others.is_empty() { "" } else { ", " });
            rest = others;
        }
        text.with(close)
    }
}

/// Whether a column is the one that was meant by a name that does not exist.
const fn is_meant(name: &str, columns: &[ColumnDef], mut wanted: &[ColumnDef]) -> bool {
    while let [column, rest @ ..] = wanted {
        if find(columns, column.name).is_none()
            && let Some(near) = nearest(columns, column.name)
            && same(near, name)
        {
            return true;
        }
        wanted = rest;
    }
    false
}

const fn nearest<'a>(mut columns: &'a [ColumnDef], name: &str) -> Option<&'a str> {
    let mut near: Option<(usize, &str)> = None;
    while let [column, rest @ ..] = columns {
        let distance = distance(name, column.name);
        let limit = if column.name.len() < 3 { 1 } else { column.name.len() / 3 };
        let best = match near {
            Some((least, _)) => distance < least,
            None => true,
        };
        if distance <= limit && best {
            near = Some((distance, column.name));
        }
        columns = rest;
    }
    match near {
        Some((_, name)) => Some(name),
        None => None,
    }
}

const fn find<'a>(mut columns: &'a [ColumnDef], name: &str) -> Option<&'a ColumnDef> {
    while let [column, rest @ ..] = columns {
        if same(column.name, name) {
            return Some(column);
        }
        columns = rest;
    }
    None
}

const fn reads(only: Option<&[&str]>, name: &str) -> bool {
    let Some(mut only) = only else { return true };
    while let [listed, rest @ ..] = only {
        if same(listed, name) {
            return true;
        }
        only = rest;
    }
    false
}

/// `==`, which constants cannot use.
const fn is_type(one: &ColumnType, other: &ColumnType) -> bool {
    match (one, other) {
        (ColumnType::List(one), ColumnType::List(other)) => is_type(one, other),
        (ColumnType::Struct(one), ColumnType::Struct(other)) => are_fields(one, other),
        // Everything else is told apart by its name.
        _ => same(Text::new().with_type(one).as_str(), Text::new().with_type(other).as_str()),
    }
}

const fn are_fields(mut one: &[ColumnDef], mut other: &[ColumnDef]) -> bool {
    while let ([a, rest @ ..], [b, others @ ..]) = (one, other) {
        if !same(a.name, b.name) || !is_type(&a.data_type, &b.data_type) {
            return false;
        }
        (one, other) = (rest, others);
    }
    one.is_empty() && other.is_empty()
}

/// Whether a text is nothing but a name: letters, digits and underscores.
const fn is_name(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    while let [byte, rest @ ..] = bytes {
        if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'_' {
            return false;
        }
        bytes = rest;
    }
    true
}
