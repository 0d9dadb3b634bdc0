//! Columns as a table has them, in the words that declarations use.

use std::fmt;

use super::{ColumnDef, ColumnType};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: FoundType,
    /// How many nulls it holds, where counting them costs nothing.
    pub nulls: Option<u64>,
}

/// The type of a column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundType {
    /// A type without parts.
    Plain(ColumnType),
    /// Any number of values of one type.
    List(Box<FoundType>),
    /// Several values, each with a name.
    Struct(Vec<(String, FoundType)>),
    /// A type that cannot be declared, in the words of the frame library.
    Other(String),
}

impl FoundType {
    /// Whether it is the declared type.
    #[must_use]
    pub fn is(&self, declared: &ColumnType) -> bool {
        match (self, declared) {
            (Self::Plain(found), declared) => found == declared,
            (Self::List(found), ColumnType::List(declared)) => found.is(declared),
            (Self::Struct(found), ColumnType::Struct(declared)) => {
                let fits = |((name, found), declared): (&(String, FoundType), &ColumnDef)| {
                    name == declared.name && found.is(&declared.data_type)
                };
                found.len() == declared.len() && found.iter().zip(*declared).all(fits)
            }
            _ => false,
        }
    }
}

impl fmt::Display for FoundType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(data_type) => data_type.fmt(f),
            Self::List(element) => write!(f, "List({element})"),
            Self::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, data_type)| format!("{name}: {data_type}")).collect();
                write!(f, "Struct({})", fields.join(", "))
            }
            Self::Other(words) => write!(f, "`{words}`"),
        }
    }
}
