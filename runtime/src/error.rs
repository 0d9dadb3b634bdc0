//! One rich error for everything that can go wrong: what, where, why, and what to do.

use std::error::Error as StdError;
use std::fmt;

/// Any error, boxed: what the body of an asset may fail with.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, told as a value: where, why, what to do about it, and whether trying again can help.
///
/// ```
/// use lakewright::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Missing, "`iris` has not been materialized")
///     .with("location", "lakehouse/delta/iris")
///     .help("materialize `iris` first");
/// assert_eq!(error.kind().code(), "LW0203");
/// assert!(!error.is_retryable());
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    help: Option<String>,
    source: Option<BoxError>,
    retryable: bool,
    unsettled: bool,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal,)*) => {
        /// What sort of error it is. Each has a stable code with an entry in `docs/errors.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind there is, in the order of the codes.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind,)*];

            /// The stable code, for example `LW0101`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(ErrorKind::$kind => $code,)* }
            }
        }
    };
}

kinds! {
    /// No asset was registered at all.
    EmptyRegistry = "LW0101",
    /// Two assets have the same key.
    DuplicateKey = "LW0102",
    /// An asset names an upstream that is not in the registry.
    UnknownUpstream = "LW0103",
    /// The assets form a cycle.
    Cycle = "LW0104",
    /// An asset names a store that is not configured.
    UnknownStore = "LW0105",
    /// The store of an asset cannot hold what the asset produces.
    StoreCannotHold = "LW0106",
    /// Two assets would be stored in one place.
    SharedLocation = "LW0107",
    /// An option the store of the asset does not publish, or a value it does not take.
    StoreOption = "LW0108",
    /// An option of an asset that this version, or this store, does not honour.
    NotHonoured = "LW0109",
    /// The schema of an asset is given twice, or cannot be a folder or schema name.
    SchemaName = "LW0110",
    /// A resource that an asset asks for is not bound, or not unambiguously.
    UnboundResource = "LW0111",
    /// Configuration of an asset that does not exist or does not fit.
    AssetConfig = "LW0112",
    /// A key of an asset that cannot be one.
    InvalidKey = "LW0113",
    /// A partition definition that cannot be one, or partitions of two assets that do not line up.
    Partitions = "LW0114",
    /// Several definition errors at once.
    Definitions = "LW0199",

    /// What is stored cannot be read or written: the file system, the object store, permissions.
    Io = "LW0201",
    /// What is there is not what the store keeps, for example a folder without a Delta log.
    NotATable = "LW0202",
    /// Nothing is stored where an asset was to be loaded from.
    Missing = "LW0203",
    /// What is stored is damaged.
    Corrupt = "LW0204",
    /// What is stored needs a feature that this version does not read or write.
    Unsupported = "LW0205",
    /// Columns or types are not what they must be.
    Schema = "LW0206",
    /// A value that the format cannot hold without changing it.
    Value = "LW0207",
    /// Somebody else changed the same table at the same time.
    Conflict = "LW0208",
    /// A newer run has already replaced what this one was about to write.
    Superseded = "LW0209",
    /// A store or a connection to it cannot be configured as asked.
    Config = "LW0210",
    /// Rows that do not belong to the partitions that were to be written.
    StrayRows = "LW0211",
    /// Something is there already and is not replaced: what an asset has stored, or a run of the same identifier.
    Present = "LW0212",

    /// The body of an asset returned an error.
    Body = "LW0301",
    /// The body of an asset panicked, or who was called for it.
    Panic = "LW0302",
    /// An external asset was to be materialized.
    External = "LW0303",
    /// A plan made by another binary, or against other definitions.
    Fingerprint = "LW0304",
    /// The run was interrupted.
    Interrupted = "LW0305",
    /// Another run that still goes on makes the same.
    Busy = "LW0306",
    /// A step took longer than its asset allows.
    Timeout = "LW0307",
    /// The run was cancelled.
    Canceled = "LW0308",

    /// A selection that names nothing, or cannot be parsed.
    Selection = "LW0401",
    /// A partition key that cannot be one, or that does not exist.
    PartitionKey = "LW0402",
    /// Something this program got wrong itself.
    Internal = "LW0901",
}

impl ErrorKind {
    /// Whether the error is about the definitions: found before any asset runs.
    #[must_use]
    pub fn is_definition(self) -> bool {
        self.code().starts_with("LW01")
    }
}

impl Error {
    /// An error with a message: the fact, in lower case, without a full stop, names in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: message.into(),
                context: Vec::new(),
                help: None,
                source: None,
                retryable: false,
                unsettled: false,
            }),
        }
    }

    /// Adds where it happened: the asset, the store, the location.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        if !self.inner.context.iter().any(|(known, _)| *known == name) {
            self.inner.context.push((name, value.to_string()));
        }
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.inner.help = Some(help.into());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn source(mut self, source: impl Into<BoxError>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The same error with every text in it rewritten. Causes become text.
    #[must_use]
    pub(crate) fn rewritten(mut self, rewrite: impl Fn(&str) -> String) -> Self {
        let causes = self.causes();
        self.inner.message = rewrite(&self.inner.message);
        self.inner.context.iter_mut().for_each(|(_, value)| *value = rewrite(value));
        self.inner.help = self.inner.help.as_deref().map(&rewrite);
        self.inner.source = (!causes.is_empty()).then(|| rewrite(&causes.join(": ")).into());
        self
    }

    /// Marks the error as one that may pass: the same call can succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.inner.retryable = true;
        self
    }

    /// Marks the error as one after which what was tried may still come about: a request that was sent, and not answered.
    ///
    /// What such a commit would have made visible is not removed.
    #[must_use]
    pub fn unsettled(mut self) -> Self {
        self.inner.unsettled = true;
        self
    }

    /// What was tried has not come about, as somebody else has said since.
    pub(crate) fn settled(mut self) -> Self {
        self.inner.unsettled = false;
        self
    }

    /// Whether what was tried may still come about.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        self.inner.unsettled
    }

    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The same again, for whoever finds it in the error of a library that it went through.
    #[must_use]
    #[cfg_attr(not(feature = "polars"), expect(dead_code, reason = "only Polars is passed through"))]
    pub(crate) fn repeated(&self) -> Self {
        let Inner { kind, message, context, help, retryable, unsettled, .. } = &*self.inner;
        let causes = self.causes();
        let source = (!causes.is_empty()).then(|| causes.join(": ").into());
        let (message, context, help) = (message.clone(), context.clone(), help.clone());
        Self {
            inner: Box::new(Inner { kind: *kind, message, context, help, source, retryable: *retryable, unsettled: *unsettled }),
        }
    }

    /// The fact, without context or causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Where it happened, in the order it was added: `("asset", "iris")`, `("location", "…")`.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.inner.context.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What to do about it, if there is something.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.inner.help.as_deref()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.inner.retryable
    }

    /// The messages of everything that caused this error, nearest first, without those that only repeat the one before.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = Vec::new();
        let mut next = StdError::source(self);
        while let Some(error) = next {
            let text = match error.downcast_ref::<Error>() {
                Some(error) => error.message().to_owned(),
                None => error.to_string(),
            };
            // Wrappers repeat what they wrap, and Polars appends a plan to what has been said already.
            let said = causes.last().map_or(self.message(), String::as_str);
            let repeats = said.contains(&text) || (!said.is_empty() && text.starts_with(said));
            if !repeats {
                causes.push(text);
            }
            next = error.source();
        }
        causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if !self.inner.context.is_empty() {
            f.write_str(" (")?;
            for (index, (name, value)) in self.context().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{name} {value}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// `main` and `unwrap` print this, so it is the whole story and not the fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.inner.kind.code())?;
        for cause in self.causes() {
            write!(f, "\n  caused by: {cause}")?;
        }
        if let Some(help) = &self.inner.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io, error.to_string()).source(error)
    }
}

/// The candidate nearest to `name`, if one is near enough to be what was meant.
#[must_use]
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `unknown store `detla`; did you mean `delta`?` and the like: the help line for a name that is not one of `known`.
pub(crate) fn known_names<'a>(name: &str, what: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let list = known.clone().into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let list = if list.is_empty() { format!("there are no {what}") } else { format!("known {what}: {list}") };
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    }
}
