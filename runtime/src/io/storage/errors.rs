//! Errors of object stores: what was tried, where, and whether trying again can help.

use std::error::Error as StdError;

use object_store::client::{HttpError, HttpErrorKind};

use crate::error::{Error, ErrorKind};

/// Everything an error says, without repetition.
fn whole(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}

/// Whether the bucket itself is not there.
pub(super) fn is_bucket_missing(error: &object_store::Error) -> bool {
    let text = whole(error);
    let said = ["NoSuchBucket", "ContainerNotFound", "specified bucket does not exist", "bucket does not exist"];
    said.iter().any(|said| text.contains(said))
}

/// The status that the server answered with, which the error has only as text.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

fn http_kind(error: &(dyn StdError + 'static)) -> Option<HttpErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(http.kind());
        }
        next = error.source();
    }
    None
}

/// An error of a request to an object store.
pub(crate) fn request_error(
    error: &object_store::Error,
    tried: &str,
    location: &str,
    redacted: impl Fn(String) -> String,
) -> Error {
    use object_store::Error as Told;
    let text = redacted(whole(error));
    let of = |kind, message: String| Error::new(kind, message).source(text.clone());
    let cannot = format!("cannot {tried} `{location}`");
    match error {
        Told::NotFound { .. } if is_bucket_missing(error) => of(ErrorKind::Io, format!("{cannot}: the bucket does not exist"))
            .help("create the bucket, or correct the URL of the store"),
        Told::NotFound { .. } => of(ErrorKind::Io, format!("{cannot}: it is not there")),
        Told::PermissionDenied { .. } | Told::Unauthenticated { .. } => of(ErrorKind::Io, format!("{cannot}: access is denied"))
            .help("check the keys, their permissions on the bucket, and the region"),
        Told::NotImplemented { .. } | Told::NotSupported { .. } => {
            of(ErrorKind::Unsupported, format!("{cannot}: not supported there"))
        }
        // Two requests on one object at once.
        Told::AlreadyExists { .. } | Told::Precondition { .. } => {
            of(ErrorKind::Conflict, format!("{cannot}: somebody else is writing it")).retryable()
        }
        _ => match (http_kind(error), status(&text)) {
            (_, Some(status)) if status >= 500 || status == 429 || status == 408 => {
                of(ErrorKind::Io, format!("{cannot}: the object store answers {status}")).retryable().help("try again later")
            }
            (Some(HttpErrorKind::Connect), _) => of(ErrorKind::Io, format!("{cannot}: the object store cannot be reached"))
                .retryable()
                .help("check the endpoint and the network"),
            (Some(HttpErrorKind::Timeout), _) => of(ErrorKind::Io, format!("{cannot}: the object store did not answer in time"))
                .retryable()
                .help("try again, or give it more with `timeout`"),
            (Some(HttpErrorKind::Request | HttpErrorKind::Interrupted), _) => {
                of(ErrorKind::Io, format!("{cannot}: the connection was cut")).retryable().help("try again")
            }
            _ => of(ErrorKind::Io, cannot),
        },
    }
}
