//! How the types in a function's signature become values: the compile-time side of loading and storing.
//!
//! A type is a frame, bytes, nothing, an object that serde writes, or none of these, and an `Option` of the first ones. Blanket
//! impls over `Serialize` would collide with the frames, and an inferred kind would break as soon as some crate in the build
//! turns on `polars/serde`. So generated code asks `(&&&&Probe::<T>::NEW).kind()`: method lookup takes the first level that
//! applies, frames before objects, whatever else a frame implements. The kind it returns has inherent methods whose bounds carry
//! our messages.

mod columns;
mod each;
mod kinds;
mod load;

use std::marker::PhantomData;

use serde::Serialize;

use crate::frame::Frame;
use crate::value::Bytes;

pub use columns::{ColumnsOf, UnknownColumns};
use kinds::{BytesKind, FrameKind, NoKind, NothingKind, ObjectKind, OptionalBytesKind, OptionalFrameKind, OptionalObjectKind};

/// Asks what kind of type `T` is.
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

/// Frames, bytes and nothing, and options of the first two.
pub trait Native {
    /// The answer.
    type Kind: Default;

    /// Answers.
    fn kind(&self) -> Self::Kind {
        Self::Kind::default()
    }
}

/// An option of an object.
pub trait OptionalSerde {
    /// Answers.
    fn kind(&self) -> OptionalObjectKind {
        OptionalObjectKind
    }
}

/// An object.
pub trait Serde {
    /// Answers.
    fn kind(&self) -> ObjectKind {
        ObjectKind
    }
}

/// Anything else.
pub trait Unknown {
    /// Answers.
    fn kind(&self) -> NoKind {
        NoKind
    }
}

impl<T: Frame> Native for &&&Probe<T> {
    type Kind = FrameKind;
}
impl<T: Frame> Native for &&&Probe<Option<T>> {
    type Kind = OptionalFrameKind;
}
impl Native for &&&Probe<Bytes> {
    type Kind = BytesKind;
}
impl Native for &&&Probe<Option<Bytes>> {
    type Kind = OptionalBytesKind;
}
impl Native for &&&Probe<()> {
    type Kind = NothingKind;
}
impl Native for &&&Probe<Poisoned> {
    type Kind = NoKind;
}
impl<T: Serialize> OptionalSerde for &&Probe<Option<T>> {}
impl<T: Serialize> Serde for &Probe<T> {}
impl<T> Unknown for Probe<T> {}

/// Stands for an output type that could not be written down because the asset has an error of its own.
pub struct Poisoned;
