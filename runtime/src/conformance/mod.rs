//! The rules that every store keeps, as tests: [`conformance!`](crate::conformance!) makes one of each rule that applies to a store.
//!
//! The rules speak to a store only through [`IoManager`](crate::IoManager) and runs of a lakehouse, so they hold for a store of
//! somebody else's as for ours. `docs/conformance.md` explains the trait method by method and lists the rules.

#[macro_use]
mod breach;
mod ability;
mod bench;
mod commits;
mod content;
mod modes;
mod place;
mod places;
mod rules;
mod runs;
mod shared;
mod snapshots;
#[cfg(feature = "polars")]
mod tables;
#[cfg(not(feature = "polars"))]
#[path = "no_tables.rs"]
mod tables;
mod values;

pub use ability::Ability;
pub use place::{Open, Opening, Place};
pub use rules::{Rule, check, check_abilities};
pub use shared::SharedIoManager;

/// Tests a store: a `#[test]` for each rule that applies to it.
///
/// It takes a name for the module of the tests, what the store is [able](crate::conformance::Ability) to do, and how it is opened at a
/// [`Place`](crate::conformance::Place). The store may be opened several times at one place and has to find there what it stored; the
/// expression is `async`, so that it may wait for what a store needs to be set up.
///
/// ```
/// use lakewright::io::memory::MemoryIoManager;
///
/// lakewright::conformance! {
///     mod memory: [append, bytes, error, ignore, objects, snapshots, tables] => |_place| MemoryIoManager::new()
/// }
/// ```
///
/// A rule that needs something that the store is not able to do makes no test. The test `abilities` fails if the list is not what
/// the store's `Capabilities` come to, so no rule is left out by mistake, and prints the rules that apply.
#[macro_export]
macro_rules! conformance {
    ($(#[$meta:meta])* mod $name:ident: [$($ability:ident),* $(,)?] => |$place:ident| $store:expr $(;)?) => {
        $(#[$meta])*
        #[cfg(test)]
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn open($place: $crate::conformance::Place) -> $crate::conformance::Opening {
                ::std::boxed::Box::pin(async move {
                    let store: ::std::sync::Arc<dyn $crate::IoManager> = ::std::sync::Arc::new($store);
                    store
                })
            }

            #[test]
            fn abilities() {
                $crate::conformance::check_abilities(&[$(::core::stringify!($ability)),*], open);
            }

            $crate::__conformance_rules!(__conformance_tests ([$($ability)*] open));
            $crate::__conformance_table_rules!(__conformance_tests ([$($ability)*] open));
        }
    };
}

/// A test for each rule of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($declared:tt $($module:ident::$rule:ident [$($need:ident)*] $section:literal $says:literal;)*) => {
        $($crate::__conformance_test!($declared [$($need)*] $rule);)*
    };
}

/// A test, if each of its needs is declared.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    (([$($has:ident)*] $open:ident) [] $rule:ident) => {
        #[test]
        fn $rule() {
            $crate::conformance::check(::core::stringify!($rule), $open);
        }
    };
    (([$($has:ident)*] $open:ident) [$need:ident $($needs:ident)*] $rule:ident) => {
        $crate::__conformance_need!($need [$($has)*] ([$($has)*] $open) [$($needs)*] $rule);
    };
}

/// Looks for a need among what is declared, one after the other: names can only be compared where they are written out.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_need {
    (append [append $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (bytes [bytes $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (error [error $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (ignore [ignore $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (lasting [lasting $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (merge [merge $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (objects [objects $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (one_table [one_table $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (schema_mode [schema_mode $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (schemas [schemas $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (snapshots [snapshots $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (tables [tables $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    (versions [versions $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_test!($($then)*); };
    ($need:ident [] $($then:tt)*) => {};
    ($need:ident [$other:ident $($rest:ident)*] $($then:tt)*) => { $crate::__conformance_need!($need [$($rest)*] $($then)*); };
}
