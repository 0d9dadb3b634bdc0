//! Why a value of a configuration is not what it should be, in words of TOML and without the value, which may be a secret.

use std::fmt;

use serde::de::{self, Unexpected};

use super::node::Place;
use crate::error::{Error, ErrorKind, known_names, nearest};

/// Why a value is not what it should be.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    pub(super) message: String,
    /// The values there are, and the nearest of them.
    known: Option<String>,
    pub(super) near: Option<String>,
    /// The field that is missing.
    pub(super) missing: Option<String>,
}

impl Wrong {
    pub(super) fn new(message: String) -> Self {
        Self { message, known: None, near: None, missing: None }
    }

    pub(super) fn at(self, path: &str, place: &Place) -> Error {
        let error = Error::new(ErrorKind::Config, format!("`{path}` {}", self.message)).with("at", place);
        match (self.near, self.known) {
            (Some(near), Some(known)) => error.help(format!("did you mean `{near}`? {known}")),
            (_, Some(known)) => error.help(known),
            _ => error,
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

/// A value without what is in it, which may be a secret.
fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(_) => "text".to_owned(),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Float(_) => "a number".to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

/// What serde says that it expects, in words of TOML.
fn expected(expected: &dyn de::Expected) -> String {
    match expected.to_string().as_str() {
        "a string" | "path string" | "string" | "a borrowed string" => "text".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other == "a map" || other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(format!("is wrong: {message}"))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::new(format!("takes {}, not {}", expected(wanted), describe(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn de::Expected) -> Self {
        Self::new(format!("takes {}, not {}", expected(wanted), describe(&found)))
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let mut wrong = Self::new(format!("does not take `{variant}`"));
        wrong.near = nearest(variant, known.iter().copied()).map(str::to_owned);
        wrong.known = Some(known_names("", "values", known.iter().copied()));
        wrong
    }

    fn missing_field(field: &'static str) -> Self {
        let mut wrong = Self::new(format!("needs `{field}`"));
        wrong.missing = Some(field.to_owned());
        wrong
    }
}
