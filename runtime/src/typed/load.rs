//! What each kind of stored value can be loaded as, with the sentence for what it cannot.

use serde::de::DeserializeOwned;

use super::kinds::{OptionalBytesKind, OptionalFrameKind, OptionalObjectKind};
use crate::call::Call;
use crate::error::Result;
use crate::frame::Frame;
use crate::value::Bytes;

/// A parameter that a stored frame can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}`",
    label = "cannot be loaded from `{Up}`",
    note = "a frame is loaded as a frame: `DataFrame`, `LazyFrame`, `Rows` of a struct that derives `Columns`, or an `Option` of one"
)]
pub trait LoadFrame<Up, Out>: Sized {
    /// Loads it.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    fn load(call: &mut Call, parameter: &str) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<P: Frame, Up, Out> LoadFrame<Up, Out> for P {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        call.frame(parameter)
    }
}

#[diagnostic::do_not_recommend]
impl<P: Frame, Up, Out> LoadFrame<Up, Out> for Option<P> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::frame)
    }
}

/// A parameter that a stored object can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}`",
    label = "cannot be loaded from `{Up}`",
    note = "an object is loaded as the type that was stored, here `{Out}`, which must implement `serde::Deserialize`, or as an `Option` of it"
)]
pub trait LoadObject<Up, Out>: Sized {
    /// Loads it.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    fn load(call: &mut Call, parameter: &str) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<Up, T: DeserializeOwned> LoadObject<Up, T> for T {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        call.object(parameter)
    }
}

#[diagnostic::do_not_recommend]
impl<Up, T: DeserializeOwned> LoadObject<Up, T> for Option<T> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::object)
    }
}

/// A parameter that stored bytes can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}`",
    label = "cannot be loaded from `{Up}`",
    note = "bytes are loaded as `Bytes` or `Option<Bytes>`"
)]
pub trait LoadBytes<Up, Out>: Sized {
    /// Loads it.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    fn load(call: &mut Call, parameter: &str) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<Up, Out> LoadBytes<Up, Out> for Bytes {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        call.bytes(parameter)
    }
}

#[diagnostic::do_not_recommend]
impl<Up, Out> LoadBytes<Up, Out> for Option<Bytes> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::bytes)
    }
}

/// A parameter that an output can be loaded as which a run may have left out.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}`",
    label = "cannot be loaded from `{Up}`",
    note = "a run of `{Up}` may produce nothing, so the parameter has to be an `Option` too, of something that `{Out}` can be loaded as"
)]
pub trait LoadOptional<Up, Out, Kind>: Sized {
    /// Loads it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn load(call: &mut Call, parameter: &str) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<P: Frame, Up, Out> LoadOptional<Up, Option<Out>, OptionalFrameKind> for Option<P> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::frame)
    }
}

#[diagnostic::do_not_recommend]
impl<Up> LoadOptional<Up, Option<Bytes>, OptionalBytesKind> for Option<Bytes> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::bytes)
    }
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned, Up> LoadOptional<Up, Option<T>, OptionalObjectKind> for Option<T> {
    fn load(call: &mut Call, parameter: &str) -> Result<Self> {
        optional(call, parameter, Call::object)
    }
}

/// A parameter that nothing can be loaded as: no type is one.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces nothing, so it cannot be loaded as `{Self}`",
    label = "nothing to load",
    note = "to run after `{Up}` without loading it, write `#[asset(deps = [{Up}])]` instead of a parameter"
)]
pub trait LoadNothing<Up>: Sized {}

fn optional<T>(call: &mut Call, parameter: &str, load: fn(&mut Call, &str) -> Result<T>) -> Result<Option<T>> {
    if call.has(parameter) { load(call, parameter).map(Some) } else { Ok(None) }
}
