//! How the types in a function's signature become values: the compile-time side of loading and storing.
//!
//! A type is a frame, bytes, nothing, an object that serde writes, or none of these, and an `Option` of the first ones. Blanket
//! impls over `Serialize` would collide with the frames, and an inferred kind would break as soon as some crate in the build
//! turns on `polars/serde`. So generated code asks `(&&&&Probe::<T>::NEW).kind()`: method lookup takes the first level that
//! applies, frames before objects, whatever else a frame implements. The kind it returns has inherent methods whose bounds carry
//! our messages.

#![expect(clippy::unused_self, reason = "a kind is a value so that method lookup can choose it, and has nothing else to say")]

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::asset::{Asset, OutputSpec, ValueKind};
use crate::call::{Call, Produced};
use crate::error::Result;
use crate::frame::Frame;
use crate::value::{Bytes, Object, Value};

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

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        $($(#[$doc])* #[derive(Default, Clone, Copy)] pub struct $kind;)*
    };
}

kinds! {
    /// A frame.
    FrameKind,
    /// An option of a frame.
    OptionalFrameKind,
    /// Bytes.
    BytesKind,
    /// An option of bytes.
    OptionalBytesKind,
    /// An object.
    ObjectKind,
    /// An option of an object.
    OptionalObjectKind,
    /// Nothing.
    NothingKind,
    /// A type that cannot be stored.
    NoKind,
}

/// A parameter that a stored frame can be loaded as.
#[diagnostic::on_unimplemented(
    message = "asset `{Up}` produces `{Out}`, which cannot be loaded as `{Self}`",
    label = "cannot be loaded from `{Up}`",
    note = "a frame is loaded as a frame: `DataFrame`, `LazyFrame`, or an `Option` of one"
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

/// A type that some store can hold.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "neither a frame nor an object that serde can write",
    note = "return a frame (`DataFrame`, `LazyFrame`), `Bytes`, or a type that derives `serde::Serialize` and `serde::Deserialize`"
)]
pub trait Storable {}

#[diagnostic::do_not_recommend]
impl Storable for Poisoned {}

/// An object that a body can hand over.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "not sent between threads",
    note = "assets run in several threads, so what they return has to be `Send + 'static`"
)]
pub trait Sendable: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> Sendable for T {}

/// An option of an object that a body can hand over. A bound on what is inside would be reported at the attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "not sent between threads",
    note = "assets run in several threads, so what they return has to be `Send + 'static`"
)]
pub trait OptionalObject {
    /// The object, if there is one.
    fn into_object(self) -> Option<Object>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Send + 'static> OptionalObject for Option<T> {
    fn into_object(self) -> Option<Object> {
        self.map(Object::new)
    }
}

fn optional<T>(call: &mut Call, parameter: &str, load: fn(&mut Call, &str) -> Result<T>) -> Result<Option<T>> {
    if call.has(parameter) { load(call, parameter).map(Some) } else { Ok(None) }
}

fn describe<T>(kind: ValueKind, optional: bool) -> OutputSpec {
    OutputSpec { kind, optional, type_name: std::any::type_name::<T>() }
}

impl FrameKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Table, false)
    }

    /// Takes the value of a body.
    pub fn produce<T: Frame>(self, value: T) -> Produced {
        Produced::value(Value::Table(value.into_table()))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    pub fn load<P: LoadFrame<Up, Up::Output>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl OptionalFrameKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Table, true)
    }

    /// Takes the value of a body.
    pub fn produce<T: IntoOption>(self, value: T) -> Produced
    where
        T::Inner: Frame,
    {
        value.into_option().map_or_else(Produced::nothing, |value| FrameKind.produce(value))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load<P: LoadOptional<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl BytesKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Bytes, false)
    }

    /// Takes the value of a body.
    pub fn produce<T: Into<Bytes>>(self, value: T) -> Produced {
        Produced::value(Value::Bytes(value.into()))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    pub fn load<P: LoadBytes<Up, Up::Output>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl OptionalBytesKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Bytes, true)
    }

    /// Takes the value of a body.
    pub fn produce<T: IntoOption<Inner = Bytes>>(self, value: T) -> Produced {
        value.into_option().map_or_else(Produced::nothing, |value| BytesKind.produce(value))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load<P: LoadOptional<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl ObjectKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Object, false)
    }

    /// Takes the value of a body.
    pub fn produce<T: Serialize + Sendable>(self, value: T) -> Produced {
        Produced::value(Value::Object(Object::new(value)))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If nothing is stored, or it cannot be read.
    pub fn load<P: LoadObject<Up, Up::Output>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl OptionalObjectKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Object, true)
    }

    /// Takes the value of a body.
    pub fn produce<T: OptionalObject>(self, value: T) -> Produced {
        value.into_object().map_or_else(Produced::nothing, |object| Produced::value(Value::Object(object)))
    }

    /// Loads an input.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load<P: LoadOptional<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load(call, parameter)
    }
}

impl NothingKind {
    /// What an output of this type is.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Nothing, false)
    }

    /// Takes the value of a body.
    pub fn produce<T>(self, _value: T) -> Produced {
        Produced::nothing()
    }

    /// Always a compile error.
    ///
    /// # Errors
    /// Never returns.
    pub fn load<P: LoadNothing<Up>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        NoKind.load::<P, Up>(call, parameter)
    }
}

impl NoKind {
    /// What an output of this type would be.
    pub fn describe<T>(self) -> OutputSpec {
        describe::<T>(ValueKind::Nothing, false)
    }

    /// Always a compile error, the one that says what can be stored.
    pub fn produce<T: Storable>(self, _value: T) -> Produced {
        Produced::nothing()
    }

    /// Compiles, so that an output nobody can store is one error and not one per consumer.
    ///
    /// # Errors
    /// Always.
    #[expect(clippy::extra_unused_type_parameters, reason = "generated code calls every kind alike")]
    pub fn load<P, Up>(self, _call: &mut Call, parameter: &str) -> Result<P> {
        Err(crate::error::Error::new(crate::error::ErrorKind::Internal, format!("`{parameter}` cannot be loaded")))
    }
}

/// `Option`, as a bound.
pub trait IntoOption {
    /// What it is an option of.
    type Inner;

    /// Itself.
    fn into_option(self) -> Option<Self::Inner>;
}

impl<T> IntoOption for Option<T> {
    type Inner = T;

    fn into_option(self) -> Option<T> {
        self
    }
}
