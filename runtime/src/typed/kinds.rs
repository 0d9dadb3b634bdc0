//! The kinds: what generated code does with a value once it is known what kind of type it has.

#![expect(clippy::unused_self, reason = "a kind is a value so that method lookup can choose it, and has nothing else to say")]

use serde::Serialize;

use super::Poisoned;
use super::each::{LoadEach, LoadPrevious};
use super::load::{LoadBytes, LoadFrame, LoadNothing, LoadObject, LoadOptional};
use crate::asset::{Asset, OutputSpec, ValueKind};
use crate::call::{Call, Produced};
use crate::error::Result;
use crate::frame::Frame;
use crate::partition::{PartitionKey, Partitions};
use crate::value::{Bytes, Object, Value};

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

/// What there is for each partition, in the order of keys.
type Pairs<T> = Vec<(PartitionKey, T)>;

/// A type that some store can hold.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored",
    label = "neither a frame nor an object that serde can write",
    note = "return a frame (`DataFrame`, `LazyFrame`, `Rows` of a struct that derives `Columns`), `Bytes`, or a type that derives `serde::Serialize` and `serde::Deserialize`"
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

fn describe<T>(kind: ValueKind, optional: bool) -> OutputSpec {
    OutputSpec { kind, optional, type_name: std::any::type_name::<T>(), columns: None }
}

impl FrameKind {
    /// What an output of this type is.
    pub fn describe<T: Frame>(self) -> OutputSpec {
        OutputSpec { columns: T::COLUMNS, ..describe::<T>(ValueKind::Table, false) }
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: Frame>(self, values: Partitions<P, T>) -> Produced {
        Produced::partitions(values.into_pairs().map(|(key, value)| (key, Value::Table(value.into_table()))).collect())
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
    }
}

impl OptionalFrameKind {
    /// What an output of this type is.
    pub fn describe<T: IntoOption>(self) -> OutputSpec
    where
        T::Inner: Frame,
    {
        OutputSpec { columns: T::Inner::COLUMNS, ..describe::<T>(ValueKind::Table, true) }
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: IntoOption>(self, values: Partitions<P, T>) -> Produced
    where
        T::Inner: Frame,
    {
        Produced::partitions(
            values.into_pairs().filter_map(|(key, value)| Some((key, Value::Table(value.into_option()?.into_table())))).collect(),
        )
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: Into<Bytes>>(self, values: Partitions<P, T>) -> Produced {
        Produced::partitions(values.into_pairs().map(|(key, value)| (key, Value::Bytes(value.into()))).collect())
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: IntoOption<Inner = Bytes>>(self, values: Partitions<P, T>) -> Produced {
        Produced::partitions(
            values.into_pairs().filter_map(|(key, value)| Some((key, Value::Bytes(value.into_option()?)))).collect(),
        )
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: Serialize + Sendable>(self, values: Partitions<P, T>) -> Produced {
        Produced::partitions(values.into_pairs().map(|(key, value)| (key, Value::Object(Object::new(value)))).collect())
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
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

    /// Takes the value of each partition.
    pub fn produce_each<P, T: OptionalObject>(self, values: Partitions<P, T>) -> Produced {
        Produced::partitions(
            values.into_pairs().filter_map(|(key, value)| Some((key, Value::Object(value.into_object()?)))).collect(),
        )
    }

    /// Loads an input as a map.
    ///
    /// # Errors
    /// If nothing is stored for a partition, or it cannot be read.
    pub fn load_each<P: LoadEach<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        P::load_each(call, parameter)
    }

    /// Loads an earlier partition of the asset itself.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load_previous<P: LoadPrevious<Up, Up::Output, Self>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
        P::load_previous(call, parameter)
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

    /// Takes what the body returned.
    pub fn produce_each<P, T>(self, _values: Partitions<P, T>) -> Produced {
        Produced::nothing()
    }

    /// Always a compile error.
    ///
    /// # Errors
    /// Never returns.
    pub fn load_each<P: LoadNothing<Up>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        NoKind.load_each::<P, Up>(call, parameter)
    }

    /// Always a compile error.
    ///
    /// # Errors
    /// Never returns.
    pub fn load_previous<P: LoadNothing<Up>, Up: Asset>(self, call: &mut Call, parameter: &str) -> Result<P> {
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

    /// Always a compile error, the one that says what can be stored.
    pub fn produce_each<P, T: Storable>(self, _values: Partitions<P, T>) -> Produced {
        Produced::nothing()
    }

    /// Compiles, as [`NoKind::load`].
    ///
    /// # Errors
    /// Always.
    pub fn load_each<P, Up>(self, call: &mut Call, parameter: &str) -> Result<Pairs<P>> {
        self.load::<Pairs<P>, Up>(call, parameter)
    }

    /// Compiles, as [`NoKind::load`].
    ///
    /// # Errors
    /// Always.
    pub fn load_previous<P, Up>(self, call: &mut Call, parameter: &str) -> Result<P> {
        self.load::<P, Up>(call, parameter)
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
