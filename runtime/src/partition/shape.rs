//! Definitions as constants, so that the compiler can relate them.

#![expect(clippy::large_types_passed_by_value, reason = "a constant is built by value")]

use super::MappingDef;
use super::text::{Text, same};

/// What the compiler knows of a definition.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name, as errors say it: `Species`.
    pub name: &'static str,
    /// What tells it from every other definition: path, file, line and column.
    pub id: &'static str,
    /// What it is.
    pub kind: ShapeKind,
}

/// What a definition is, for the compiler.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum ShapeKind {
    /// Not partitioned.
    None,
    /// Mistaken, so that nothing about it is checked.
    Any,
    /// A fixed list of keys.
    Static(&'static [&'static str]),
    /// Windows of time.
    Time,
    /// A named set in the run state.
    Dynamic,
    /// Several dimensions, in the order of the fields.
    Multi(&'static [DimensionShape]),
}

/// A dimension, for the compiler.
#[derive(Debug, Clone, Copy)]
pub struct DimensionShape {
    /// Its name.
    pub name: &'static str,
    /// What it is of.
    pub shape: &'static Shape,
}

/// What the compiler knows of an asset.
#[derive(Debug, Clone, Copy)]
pub struct AssetShape {
    /// The name of its function.
    pub name: &'static str,
    /// Its definition.
    pub partitions: &'static Shape,
    /// Whether it has a `partition_expr`, so that a reader may cut it into partitions.
    pub expression: bool,
}

impl AssetShape {
    /// An asset without partitions.
    #[must_use]
    pub const fn of(name: &'static str) -> Self {
        Self { name, partitions: Shape::NONE, expression: false }
    }

    /// With these partitions.
    #[must_use]
    pub const fn partitioned(self, partitions: &'static Shape) -> Self {
        Self { partitions, ..self }
    }

    /// With a `partition_expr`.
    #[must_use]
    pub const fn with_expression(self) -> Self {
        Self { expression: true, ..self }
    }
}

impl Shape {
    /// Of what is not partitioned.
    pub const NONE: &'static Self = &Self { name: "", id: "", kind: ShapeKind::None };
    /// Of what is mistaken.
    pub const ANY: &'static Self = &Self { name: "", id: "", kind: ShapeKind::Any };

    /// Whether it is the same definition.
    pub(crate) const fn is(&self, other: &Self) -> bool {
        same(self.id, other.id)
    }

    pub(crate) const fn is_none(&self) -> bool {
        matches!(self.kind, ShapeKind::None)
    }

    /// Whether it, or a dimension of it, is mistaken.
    pub(crate) const fn is_any(&self) -> bool {
        let dimensions = self.dimensions();
        let mut index = 0;
        while index < dimensions.len() {
            if matches!(dimensions[index].shape.kind, ShapeKind::Any) {
                return true;
            }
            index += 1;
        }
        matches!(self.kind, ShapeKind::Any)
    }

    pub(crate) const fn is_time(&self) -> bool {
        matches!(self.kind, ShapeKind::Time)
    }

    /// The dimensions, if they have names.
    pub(crate) const fn dimensions(&self) -> &'static [DimensionShape] {
        match self.kind {
            ShapeKind::Multi(dimensions) => dimensions,
            _ => &[],
        }
    }

    /// The dimension of this name.
    pub(crate) const fn dimension(&self, name: &str) -> Option<&'static Self> {
        let dimensions = self.dimensions();
        let mut index = 0;
        while index < dimensions.len() {
            if same(dimensions[index].name, name) {
                return Some(dimensions[index].shape);
            }
            index += 1;
        }
        None
    }

    /// In how many dimensions it has this definition.
    pub(crate) const fn dimensions_of(&self, definition: &Self) -> usize {
        let dimensions = self.dimensions();
        let (mut index, mut count) = (0, 0);
        while index < dimensions.len() {
            count += dimensions[index].shape.is(definition) as usize;
            index += 1;
        }
        count
    }

    /// The name of the first dimension of this definition.
    pub(crate) const fn first_dimension_of(&self, definition: &Self) -> &'static str {
        let dimensions = self.dimensions();
        let mut index = 0;
        while index < dimensions.len() {
            if dimensions[index].shape.is(definition) {
                return dimensions[index].name;
            }
            index += 1;
        }
        ""
    }

    /// Its only windows of time: itself, or its only dimension of that kind.
    pub(crate) const fn only_time(&'static self) -> Option<&'static Self> {
        if self.is_time() {
            return Some(self);
        }
        let dimensions = self.dimensions();
        let (mut index, mut found) = (0, None);
        while index < dimensions.len() {
            if dimensions[index].shape.is_time() {
                if found.is_some() {
                    return None;
                }
                found = Some(dimensions[index].shape);
            }
            index += 1;
        }
        found
    }

    /// Its name and what it is, at the end of a sentence; by its place if another definition has the same name.
    pub(crate) const fn describe(&self, text: Text, beside: &Self) -> Text {
        let text = self.describe_name(text, beside);
        match self.kind {
            ShapeKind::Static(_) => text.with(" (static keys)"),
            ShapeKind::Time => text.with(" (windows of time)"),
            ShapeKind::Dynamic => text.with(" (dynamic keys)"),
            ShapeKind::Multi(dimensions) => self.names(text.with(" (dimensions "), dimensions.len()).with(")"),
            ShapeKind::None | ShapeKind::Any => text,
        }
    }

    /// Its name, or its place if another definition has the same name.
    pub(crate) const fn describe_name(&self, text: Text, beside: &Self) -> Text {
        let ambiguous = same(self.name, beside.name) && !self.is(beside);
        text.name(if ambiguous { self.id } else { self.name })
    }

    /// The names of its first dimensions.
    pub(crate) const fn names(&self, mut text: Text, count: usize) -> Text {
        let dimensions = self.dimensions();
        let mut index = 0;
        while index < count {
            text = text.with(if index > 0 { ", " } else { "" }).name(dimensions[index].name);
            index += 1;
        }
        text
    }

    /// "; did you mean `…`?" among its dimensions.
    pub(crate) const fn suggest_dimension(&self, text: Text, written: &str) -> Text {
        let dimensions = self.dimensions();
        let mut names = [""; 32];
        let mut index = 0;
        while index < dimensions.len() && index < names.len() {
            names[index] = dimensions[index].name;
            index += 1;
        }
        text.suggestion(written, "dimensions", names.split_at(index).0)
    }
}

impl MappingDef {
    /// How it is written.
    pub(crate) const fn spelling(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::All => "all",
            Self::Last => "last",
            Self::Overlap => "overlap",
            Self::Offset(..) => "offset(…)",
            Self::Keys(_) => "keys(…)",
            Self::Map(_) => "map(…)",
            Self::Dimensions(_) => "dimensions(…)",
        }
    }
}
