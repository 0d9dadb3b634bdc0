//! Any value that serde can write, with its type erased.

use std::any::type_name;
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// How an object is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectFormat {
    /// Readable by people and by everything else; numbers that are not finite are refused.
    #[default]
    Json,
    /// Compact, and keeps every number.
    MessagePack,
}

impl ObjectFormat {
    /// The extension of its files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::MessagePack => "msgpack",
        }
    }
}

/// A value that serde can write, or what it was written as.
///
/// ```
/// use lakewright::{Object, ObjectFormat};
///
/// let bytes = Object::new(vec![1, 2, 3]).encode(ObjectFormat::Json)?;
/// let back: Vec<i32> = Object::encoded(ObjectFormat::Json, bytes).decode()?;
/// assert_eq!(back, [1, 2, 3]);
/// assert!(Object::new(f64::NAN).encode(ObjectFormat::Json).is_err());
/// # Ok::<(), lakewright::Error>(())
/// ```
pub struct Object {
    inner: Inner,
}

enum Inner {
    Live { value: Box<dyn erased_serde::Serialize + Send>, type_name: &'static str },
    Encoded { format: ObjectFormat, bytes: Vec<u8> },
}

impl Object {
    /// An object that has not been written yet.
    pub fn new<T: Serialize + Send + 'static>(value: T) -> Self {
        Self { inner: Inner::Live { value: Box::new(value), type_name: type_name::<T>() } }
    }

    /// An object as it was read.
    #[must_use]
    pub fn encoded(format: ObjectFormat, bytes: Vec<u8>) -> Self {
        Self { inner: Inner::Encoded { format, bytes } }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the format cannot hold the value as it is, for example a number that is not finite in JSON.
    pub fn encode(&self, format: ObjectFormat) -> Result<Vec<u8>> {
        let (value, type_name) = match &self.inner {
            Inner::Live { value, type_name } => (value, type_name),
            Inner::Encoded { format: known, bytes } if *known == format => return Ok(bytes.clone()),
            Inner::Encoded { .. } => return Err(Error::new(ErrorKind::Internal, "an encoded object is not encoded again")),
        };
        let refuse = |error: &dyn fmt::Display| {
            let message = format!("a value of type `{type_name}` cannot be written as {}", format.extension());
            Error::new(ErrorKind::Value, message).source(error.to_string())
        };
        match format {
            ObjectFormat::Json => {
                let tree = rmpv::ext::to_value(value).map_err(|error| refuse(&error))?;
                if !only_finite(&tree) {
                    let error = refuse(&"JSON has no way to write a number that is not finite");
                    return Err(error.help("set `store(format = \"msgpack\")`"));
                }
                serde_json::to_vec_pretty(value).map_err(|error| refuse(&error))
            }
            ObjectFormat::MessagePack => rmp_serde::to_vec_named(value).map_err(|error| refuse(&error)),
        }
    }

    /// Reads it as a `T`.
    ///
    /// # Errors
    /// If what was written is not a `T`.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T> {
        let refuse = |error: &dyn fmt::Display| {
            let message = format!("what is stored is not a `{}`", type_name::<T>());
            Error::new(ErrorKind::Value, message).source(error.to_string()).help("materialize the upstream asset again")
        };
        let (format, bytes) = match self.inner {
            Inner::Encoded { format, bytes } => (format, bytes),
            Inner::Live { .. } => (ObjectFormat::MessagePack, self.encode(ObjectFormat::MessagePack)?),
        };
        match format {
            ObjectFormat::Json => serde_json::from_slice(&bytes).map_err(|error| refuse(&error)),
            ObjectFormat::MessagePack => rmp_serde::from_slice(&bytes).map_err(|error| refuse(&error)),
        }
    }
}

/// Whether every number in the value is finite.
fn only_finite(value: &rmpv::Value) -> bool {
    match value {
        rmpv::Value::F32(number) => number.is_finite(),
        rmpv::Value::F64(number) => number.is_finite(),
        rmpv::Value::Array(values) => values.iter().all(only_finite),
        rmpv::Value::Map(pairs) => pairs.iter().all(|(key, value)| only_finite(key) && only_finite(value)),
        _ => true,
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Live { type_name, .. } => write!(f, "Object({type_name})"),
            Inner::Encoded { format, bytes } => write!(f, "Object({} bytes of {})", bytes.len(), format.extension()),
        }
    }
}
