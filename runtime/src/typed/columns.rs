//! What the compiler knows of the columns of an output or a parameter.
//!
//! Constants cannot call the methods of [`Probe`](super::Probe). But `ColumnsOf::<T>::COLUMNS` is a constant too: rustc takes the
//! inherent one if its bounds hold, and that of the trait for anything that is no frame.

use std::marker::PhantomData;

use crate::columns::ColumnDef;
use crate::frame::Frame;
use crate::partition::Partitions;

/// Asks which columns `T` declares.
pub struct ColumnsOf<T>(PhantomData<fn() -> T>);

impl<T: Declares> ColumnsOf<T> {
    /// The columns, if the frame declares them.
    pub const COLUMNS: Option<&'static [ColumnDef]> = T::COLUMNS;
}

/// A frame, and what can be around one. One trait, so that of a type that is not known, since rustc has reported it, nothing more is
/// said than that.
pub trait Declares {
    /// The columns, if the frame declares them.
    const COLUMNS: Option<&'static [ColumnDef]>;
}

impl<T: Frame> Declares for T {
    const COLUMNS: Option<&'static [ColumnDef]> = <T as Frame>::COLUMNS;
}
impl<T: Frame> Declares for Option<T> {
    const COLUMNS: Option<&'static [ColumnDef]> = <T as Frame>::COLUMNS;
}
impl<P: crate::partition::PartitionDefinition, T: Frame> Declares for Partitions<P, T> {
    const COLUMNS: Option<&'static [ColumnDef]> = <T as Frame>::COLUMNS;
}

/// The answer for anything else.
pub trait UnknownColumns {
    /// Nothing.
    const COLUMNS: Option<&'static [ColumnDef]> = None;
}

impl<T> UnknownColumns for ColumnsOf<T> {}
