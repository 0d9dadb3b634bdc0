//! What can stand in the place of an asset's value: whatever an asset may return.

use crate::frame::Frame;
use crate::value::{Bytes, Object, Value};

/// A value that a test puts in the place of what an asset stores: a frame, [`Bytes`], an [`Object`] of any type that serde writes, or
/// an option of one.
///
/// An object is wrapped, because frames may be types that serde writes as well, and nothing but the wrapper tells what is meant.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in the place of an asset's value",
    label = "neither a frame nor bytes",
    note = "a value that serde writes is handed over as `Object::new(value)`"
)]
pub trait Inject {
    /// The value; nothing for an asset of which nothing is stored.
    fn into_value(self) -> Option<Value>;
}

#[diagnostic::do_not_recommend]
impl<F: Frame> Inject for F {
    fn into_value(self) -> Option<Value> {
        Some(Value::Table(self.into_table()))
    }
}

impl Inject for Object {
    fn into_value(self) -> Option<Value> {
        Some(Value::Object(self))
    }
}

impl Inject for Bytes {
    fn into_value(self) -> Option<Value> {
        Some(Value::Bytes(self))
    }
}

impl<T: Inject> Inject for Option<T> {
    fn into_value(self) -> Option<Value> {
        self.and_then(Inject::into_value)
    }
}
