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

impl<T: Frame> ColumnsOf<T> {
    /// The columns, if the frame declares them.
    pub const COLUMNS: Option<&'static [ColumnDef]> = T::COLUMNS;
}

impl<T: Frame> ColumnsOf<Option<T>> {
    /// The columns, if the frame declares them.
    pub const COLUMNS: Option<&'static [ColumnDef]> = T::COLUMNS;
}

impl<P, T: Frame> ColumnsOf<Partitions<P, T>> {
    /// The columns, if the frames declare them.
    pub const COLUMNS: Option<&'static [ColumnDef]> = T::COLUMNS;
}

/// The answer for anything else.
pub trait UnknownColumns {
    /// Nothing.
    const COLUMNS: Option<&'static [ColumnDef]> = None;
}

impl<T> UnknownColumns for ColumnsOf<T> {}
