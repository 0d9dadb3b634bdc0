//! Names: aliases, raw identifiers, one name in several modules, names that generated code uses, `macro_rules!`, another crate.
#![forbid(unsafe_code)]
#![allow(clippy::pedantic, reason = "users need not keep to our taste")]
#![deny(missing_docs, warnings)]

use lakewright::asset;
use lakewright_test_library::raw::measurements as readings;

mod raw {
    #[lakewright::asset(key_prefix = "raw")]
    pub(crate) fn stations() -> Vec<String> {
        vec!["north".into()]
    }

    pub(crate) mod again {
        #[lakewright::asset(key_prefix = "again")]
        pub(crate) fn stations(#[input(from = super::stations)] theirs: Vec<String>) -> Vec<String> {
            theirs
        }
    }
}
use raw::again::stations;
use raw::stations as upstream;

/// By an alias, by a path, and by its own name.
#[asset]
pub fn count(upstream: Vec<String>, stations: &Vec<String>, #[input(from = raw::stations)] again: Vec<String>) -> usize {
    upstream.len() + stations.len() + again.len()
}

/// Across the border of a crate.
#[asset]
pub fn rows(
    readings: lakewright::polars::prelude::LazyFrame,
    #[input(from = lakewright_test_library::raw::stations)] names: Vec<String>,
) -> usize {
    let _ = readings;
    names.len()
}

/// A keyword.
#[asset]
pub fn r#type(count: usize) -> usize {
    count
}

/// Of a keyword, mutably, and with an underscore.
#[asset]
pub fn r#match(mut r#type: usize, _kept: usize) -> usize {
    r#type += 1;
    r#type
}

/// A parameter that is not used.
#[asset]
pub fn _kept() -> usize {
    1
}

/// A name that the prelude has as a function, and types that hide those of the prelude.
///
/// # Errors
/// None that could happen.
#[asset]
pub fn drop(some: Option<usize>) -> Result<usize> {
    Ok(some.unwrap_or_default())
}

/// Not the prelude's.
pub type Result<T> = std::result::Result<T, String>;

/// Nobody reads it: an `Asset`, an `Error` and a `Call` of the user's own do not matter.
pub struct Asset;
/// The same.
pub struct Error;
/// The same.
pub struct Call;

macro_rules! doubled {
    ($($name:ident of $upstream:ident: $type:ty),*) => {
        $(
            /// Twice as much.
            #[asset(group = "doubled")]
            pub fn $name($upstream: $type) -> $type {
                2 * $upstream
            }
        )*
    };
}

doubled!(some of count: usize, more of some: usize);

macro_rules! constant {
    ($name:ident, $value:expr) => {
        #[asset]
        fn $name() -> i64 {
            $value
        }
    };
}

constant!(answer, 42);

/// Only in some builds, and its reader too.
#[cfg(any())]
#[asset]
pub fn absent(nobody: usize) -> usize {
    nobody
}

#[test]
fn names_are_the_users_own() {
    assert_eq!(more(some(3)), 12);
    assert_eq!(r#match(r#type(1), 0), 2);
    assert_eq!(upstream(), stations(vec!["north".into()]));
    assert_eq!(answer(), 42);
    let registry = lakewright::Registry::collect();
    assert!(registry.errors().is_empty(), "{:?}", registry.errors());
    let mut keys: Vec<String> = registry.assets().map(|asset| asset.key.to_string()).collect();
    keys.sort();
    let here = ["_kept", "again/stations", "answer", "count", "drop", "match", "more", "raw/stations", "rows", "some", "type"];
    let mut expected = [&here[..], &["looked_at", "measurements", "stations", "summary", "sums"]].concat();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}
