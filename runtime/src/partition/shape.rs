//! Definitions as constants, so that the compiler can relate them.

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
