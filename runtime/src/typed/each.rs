//! What a stored value can be loaded as if there is one for each of several partitions, or perhaps none before the first.

use serde::de::DeserializeOwned;

use super::kinds::{BytesKind, FrameKind, ObjectKind, OptionalBytesKind, OptionalFrameKind, OptionalObjectKind};
use crate::call::Call;
use crate::error::Result;
use crate::frame::{Frame, Table};
use crate::partition::PartitionKey;
use crate::value::Bytes;

/// The values of a map that a stored value can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}` for each partition",
    label = "cannot be loaded from `{Up}`",
    note = "a map has a frame for each partition of a stored frame, and of an object the type that was stored, which must implement `serde::Deserialize`; neither is an `Option`, since a map leaves out what is missing"
)]
pub trait LoadEach<Up, Out, Kind>: Sized {
    /// Loads them, in the order of keys.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    fn load_each(call: &mut Call, parameter: &str) -> Result<Vec<(PartitionKey, Self)>>;
}

macro_rules! load_each {
    ($($method:ident: [$($generics:tt)*] $ty:ty, $out:ty, $kind:ty;)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<$($generics)*> LoadEach<Up, $out, $kind> for $ty {
                fn load_each(call: &mut Call, parameter: &str) -> Result<Vec<(PartitionKey, Self)>> {
                    call.$method(parameter)
                }
            }
        )*
    };
}

load_each! {
    frames: [P: Frame, Up, Out] P, Out, FrameKind;
    frames: [P: Frame, Up, Out] P, Option<Out>, OptionalFrameKind;
    bytes_each: [Up, Out] Bytes, Out, BytesKind;
    bytes_each: [Up, Out] Bytes, Option<Out>, OptionalBytesKind;
    objects: [T: DeserializeOwned, Up] T, T, ObjectKind;
    objects: [T: DeserializeOwned, Up] T, Option<T>, OptionalObjectKind;
}

/// A parameter that an earlier partition of the asset itself can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, so its previous partition cannot be loaded as `{Self}`",
    label = "the first partition has none before it",
    note = "take an `Option` of what the asset stores, or a frame, which is empty for the first partition"
)]
pub trait LoadPrevious<Up, Out, Kind>: Sized {
    /// Loads it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn load_previous(call: &mut Call, parameter: &str) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<P: Frame, Up, Out> LoadPrevious<Up, Out, FrameKind> for P {
    fn load_previous(call: &mut Call, parameter: &str) -> Result<Self> {
        if !call.has(parameter) {
            return P::from_table(Table::empty());
        }
        call.frame(parameter)
    }
}

macro_rules! load_previous {
    ($($method:ident: [$($generics:tt)*] $ty:ty, $out:ty, $kind:ty;)*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<$($generics)*> LoadPrevious<Up, $out, $kind> for Option<$ty> {
                fn load_previous(call: &mut Call, parameter: &str) -> Result<Self> {
                    if call.has(parameter) { call.$method(parameter).map(Some) } else { Ok(None) }
                }
            }
        )*
    };
}

load_previous! {
    frame: [P: Frame, Up, Out] P, Out, FrameKind;
    frame: [P: Frame, Up, Out] P, Option<Out>, OptionalFrameKind;
    bytes: [Up, Out] Bytes, Out, BytesKind;
    bytes: [Up, Out] Bytes, Option<Out>, OptionalBytesKind;
    object: [T: DeserializeOwned, Up] T, T, ObjectKind;
    object: [T: DeserializeOwned, Up] T, Option<T>, OptionalObjectKind;
}
