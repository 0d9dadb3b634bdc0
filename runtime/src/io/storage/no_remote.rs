//! In place of buckets, where the program was built without any: there is none.

use std::io;

use super::Entry;
use crate::error::Result;

pub(super) enum Bucket {}

pub(super) enum Sending {}

impl Sending {
    pub(super) fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    #[expect(clippy::boxed_local, reason = "as where there are buckets")]
    pub(super) fn finish(self: Box<Self>) -> io::Result<()> {
        match *self {}
    }
}

/// There are no errors of buckets.
#[cfg(feature = "polars")]
pub(super) fn error_of(_: &(dyn std::error::Error + 'static)) -> Option<crate::Error> {
    None
}

macro_rules! never {
    ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {
        impl Bucket {
            $(pub(super) fn $name(&self, $(_: $argument),*) -> $answer {
                match *self {}
            })*
        }
    };
}

never! {
    url() -> &str;
    creates_by() -> &'static str;
    entry(&str, &str) -> Result<Option<Entry>>;
    list(&str, &str) -> Result<Vec<Entry>>;
    get(&str, &str) -> Result<Option<Vec<u8>>>;
    tail(&str, &str, u64) -> Result<Vec<u8>>;
    put(&str, &str, Vec<u8>) -> Result<()>;
    put_if_absent(&str, &str, Vec<u8>) -> Result<bool>;
    copy(&str, &str, &str) -> Result<()>;
    delete(&str, &str) -> Result<()>;
}

impl Bucket {
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "only Delta asks for it"))]
    pub(super) fn below<T>(&self, _: &str) -> Result<T> {
        match *self {}
    }

    #[cfg_attr(not(feature = "polars"), expect(dead_code, reason = "only scans ask for it"))]
    pub(super) fn scans<T>(&self) -> T {
        match *self {}
    }

    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "only Delta asks for it"))]
    #[expect(clippy::unused_async, reason = "as the one that is there")]
    pub(super) async fn listed(&self, _: &str, _: &str) -> Result<Vec<Entry>> {
        match *self {}
    }

    pub(super) fn failure(&self, _: &(dyn std::error::Error + 'static), _: &str, _: &str) -> Option<crate::Error> {
        match *self {}
    }

    pub(super) fn upload(self: &std::sync::Arc<Self>, _: &str, _: &str) -> Result<Sending> {
        match **self {}
    }
}
