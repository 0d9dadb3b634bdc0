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
fn is_bucket_missing(text: &str) -> bool {
    let said = ["NoSuchBucket", "ContainerNotFound", "specified bucket does not exist", "bucket does not exist"];
    said.iter().any(|said| text.contains(said))
}

/// Whether the object is not there, while its bucket is.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && !is_bucket_missing(&whole(error))
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

/// What went wrong, as far as it can be told.
enum Wrong {
    NoBucket,
    NotThere,
    Denied,
    NotSupported,
    Contended,
    Answer(u16),
    NotReached,
    TooLate,
    Cut,
    Unknown,
}

impl Wrong {
    fn of(error: &object_store::Error, text: &str) -> Self {
        use object_store::Error as Told;
        match error {
            _ if is_bucket_missing(text) => Self::NoBucket,
            Told::NotFound { .. } => Self::NotThere,
            Told::PermissionDenied { .. } | Told::Unauthenticated { .. } => Self::Denied,
            Told::NotImplemented { .. } | Told::NotSupported { .. } => Self::NotSupported,
            Told::AlreadyExists { .. } | Told::Precondition { .. } => Self::Contended,
            _ => match http_kind(error) {
                Some(HttpErrorKind::Connect) => Self::NotReached,
                Some(HttpErrorKind::Timeout) => Self::TooLate,
                Some(HttpErrorKind::Request | HttpErrorKind::Interrupted) => Self::Cut,
                _ => Self::of_text(text),
            },
        }
    }

    /// The same of an error that has gone through a library which kept its text alone.
    fn of_text(text: &str) -> Self {
        match status(text) {
            _ if is_bucket_missing(text) => Self::NoBucket,
            Some(401 | 403) => Self::Denied,
            Some(404) => Self::NotThere,
            Some(status) if status >= 500 || status == 429 || status == 408 => Self::Answer(status),
            None if text.contains("HTTP error") => Self::NotReached,
            _ => Self::Unknown,
        }
    }

    fn told(self, cannot: &str, text: String) -> Error {
        let of = |kind, why: &str| Error::new(kind, format!("{cannot}: {why}")).source(text.clone());
        let io = |why: &str| of(ErrorKind::Io, why);
        match self {
            Self::NoBucket => io("the bucket does not exist").help("create the bucket, or correct the URL of the store"),
            Self::NotThere => io("it is not there"),
            Self::Denied => io("access is denied").help("check the keys, what they may do with the bucket, and the region"),
            Self::NotSupported => of(ErrorKind::Unsupported, "not supported there"),
            // Two requests on one object at once.
            Self::Contended => of(ErrorKind::Conflict, "somebody else is writing it").retryable(),
            Self::Answer(status) => io(&format!("the object store answers {status}")).retryable().help("try again later"),
            Self::NotReached => io("the object store cannot be reached").retryable().help("check the endpoint and the network"),
            Self::TooLate => {
                io("the object store did not answer in time").retryable().help("try again, or give it more with `timeout`")
            }
            Self::Cut => io("the connection was cut").retryable().help("try again"),
            Self::Unknown => Error::new(ErrorKind::Io, cannot).source(text),
        }
    }
}

/// An error of a request to an object store.
pub(super) fn request_error(
    error: &object_store::Error,
    tried: &str,
    location: &str,
    redacted: impl Fn(String) -> String,
) -> Error {
    let text = redacted(whole(error));
    Wrong::of(error, &text).told(&format!("cannot {tried} `{location}`"), text)
}

/// The same of an error that has gone through a library which kept its text alone; nothing if it is about something else.
pub(super) fn text_error(text: String, tried: &str, location: &str) -> Option<Error> {
    if !text.contains("object store") {
        return None;
    }
    Some(Wrong::of_text(&text).told(&format!("cannot {tried} `{location}`"), text))
}
