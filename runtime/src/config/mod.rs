//! `lakewright.toml`: profiles that bind store keys and resources, with secrets that are never printed.
//!
//! What may stand in the file is in `docs/configuration.md`. Reading it touches no store.

mod de;
mod environment;
mod find;
mod kinds;
mod load;
mod node;
mod path;
mod redact;
mod run;
mod secret;
mod show;
mod table;
mod text;
mod units;
mod wrong;

pub(crate) use find::Choice;
pub(crate) use kinds::{Kinds, MakeState};
pub(crate) use load::{Loaded, load};
pub use path::ConfigPath;
pub(crate) use run::RunSettings;
pub use secret::Secret;
pub use show::Configuration;
pub use table::ConfigTable;
#[cfg(feature = "cli")]
pub(crate) use units::{bytes, duration};

pub(crate) use environment::ROOT_VARIABLE;

/// The folder of local stores if nothing else is said.
pub(crate) const DEFAULT_ROOT: &str = "lakehouse";
