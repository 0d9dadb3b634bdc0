//! Which file, which profile, and which environment.

use std::path::{Path, PathBuf};

use super::text::Variables;
use crate::error::{Error, ErrorKind};

/// The name of the file that is looked for.
const FILE: &str = "lakewright.toml";

/// Names the file, instead of looking for it.
const FILE_VARIABLE: &str = "LAKEWRIGHT_CONFIG";

/// Names the profile.
pub(super) const PROFILE_VARIABLE: &str = "LAKEWRIGHT_PROFILE";

/// What the builder was told of the configuration.
#[derive(Clone, Default)]
pub(crate) struct Choice {
    pub(crate) file: Option<PathBuf>,
    /// Whether a file is looked for if none is named.
    pub(crate) search: bool,
    pub(crate) profile: Option<String>,
    /// Instead of those of the process.
    pub(crate) variables: Option<Variables>,
}

/// A file as it was read.
pub(super) struct Source {
    /// As a person would name it.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) text: String,
}

impl Choice {
    /// Whether there is to be a configuration at all.
    pub(crate) fn is_made(&self) -> bool {
        self.search || self.file.is_some() || self.profile.is_some()
    }

    /// The variables of the environment; those that are not Unicode do not exist.
    pub(super) fn variables(&self) -> Variables {
        let unicode =
            |(name, value): (std::ffi::OsString, std::ffi::OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        self.variables.clone().unwrap_or_else(|| std::env::vars_os().filter_map(unicode).collect())
    }

    /// The file that is named, or the nearest one from the current folder upwards.
    pub(super) fn source(&self, variables: &Variables) -> Result<Option<Source>, Error> {
        let named = || variables.get(FILE_VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from);
        if let Some(file) = self.file.clone().or_else(named) {
            return read(&file, file.display().to_string()).map(Some);
        }
        let here = std::env::current_dir()?;
        for (up, folder) in here.ancestors().enumerate() {
            let file = folder.join(FILE);
            if file.is_file() {
                let name = if up == 0 { FILE.to_owned() } else { file.display().to_string() };
                return read(&file, name).map(Some);
            }
        }
        Ok(None)
    }
}

fn read(file: &Path, name: String) -> Result<Source, Error> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        let message = format!("the configuration `{name}` cannot be read");
        let help =
            format!("it is named by `--config`, `.config_file(…)` or `{FILE_VARIABLE}`; without them `{FILE}` is looked for");
        Error::new(ErrorKind::Config, message).with("file", &name).help(help).source(error)
    })?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    // A file that begins with a mark of its byte order is the same file.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    Ok(Source { name, folder, text })
}
