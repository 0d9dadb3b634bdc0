//! `mode = "merge"`: how new rows meet those that are stored, by the columns that tell rows apart.

use super::{OptionDef, OptionKind, with_options};
use crate::asset::{AssetSpec, Mode};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataValue;

/// What becomes of a stored row that a new one matches.
const MATCHED: OptionDef = OptionDef {
    name: "when_matched",
    kind: OptionKind::OneOf(&["update", "ignore", "delete"]),
    about: "mode `merge`: what becomes of a stored row that a new one matches (update)",
};

/// What becomes of a new row that matches none.
const NOT_MATCHED: OptionDef = OptionDef {
    name: "when_not_matched",
    kind: OptionKind::OneOf(&["insert", "ignore"]),
    about: "mode `merge`: what becomes of a new row that matches none (insert)",
};

/// What becomes of a stored row that no new one matches.
const NOT_MATCHED_BY_SOURCE: OptionDef = OptionDef {
    name: "when_not_matched_by_source",
    kind: OptionKind::OneOf(&["keep", "delete"]),
    about: "mode `merge`: what becomes of a stored row of the slice that no new one matches (keep)",
};

/// The options of stores that merge.
pub(crate) const MERGE_OPTIONS: [OptionDef; 3] = [MATCHED, NOT_MATCHED, NOT_MATCHED_BY_SOURCE];

/// An asset with the options of its store where it sets none. How rows are merged says nothing to assets that are not; `mode` is that
/// of assets that name none.
pub(crate) fn with_store_options(asset: &AssetSpec, options: &[(String, MetadataValue)], mode: Mode) -> AssetSpec {
    let merges = asset.mode.unwrap_or(mode) == Mode::Merge;
    let means = |name: &str| merges || !MERGE_OPTIONS.iter().any(|option| option.name == name);
    let options: Vec<_> = options.iter().filter(|(name, _)| means(name)).cloned().collect();
    with_options(asset, &options)
}

/// What becomes of a stored row that a new one matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matched {
    /// It gets the values of the new one.
    Update,
    /// It stays as it is.
    Ignore,
    /// It goes.
    Delete,
}

/// How new rows meet those that are stored.
///
/// Only the slice that is written is looked at. A new row whose key has a null, or is that of another new row, is an error of the
/// store, since there is no telling which stored row it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The columns that tell rows apart; at least one.
    pub(crate) on: Vec<String>,
    /// What becomes of a stored row that a new one matches.
    pub(crate) matched: Matched,
    /// Whether a new row that matches none is added. All rows of a table, or of a partition, that is not there are added anyway.
    pub(crate) insert: bool,
    /// Whether a stored row of the slice that no new one matches goes.
    pub(crate) delete_unmatched: bool,
}

impl Merge {
    /// What the asset says; nothing if its mode is another.
    ///
    /// # Errors
    /// If it names no columns to merge on, or says how to merge and does not.
    pub(crate) fn of(asset: &AssetSpec, mode: Mode) -> Result<Option<Self>> {
        let choice = |option: &OptionDef| match asset.store_option(option.name) {
            Some(MetadataValue::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        if mode != Mode::Merge {
            let option = MERGE_OPTIONS.iter().find(|option| choice(option).is_some()).map(|option| option.name);
            let Some(said) = option.or((!asset.on.is_empty()).then_some("on")) else { return Ok(None) };
            let message = format!("`{said}` says how rows are merged, and the mode is `{}`", mode.name());
            return Err(Error::new(ErrorKind::NotHonoured, message).help("set `mode = \"merge\"`, or leave it out"));
        }
        if asset.on.is_empty() {
            let message = "`mode = \"merge\"` needs the columns that tell rows apart";
            return Err(Error::new(ErrorKind::NotHonoured, message).help("name them: `on = [\"id\"]`"));
        }
        let merge = Self {
            on: asset.on.clone(),
            matched: match choice(&MATCHED) {
                Some("ignore") => Matched::Ignore,
                Some("delete") => Matched::Delete,
                _ => Matched::Update,
            },
            insert: choice(&NOT_MATCHED) != Some("ignore"),
            delete_unmatched: choice(&NOT_MATCHED_BY_SOURCE) == Some("delete"),
        };
        if merge.matched == Matched::Ignore && !merge.insert && !merge.delete_unmatched {
            let message = "a merge that ignores rows that match, and those that do not, does nothing";
            return Err(Error::new(ErrorKind::NotHonoured, message).help("leave out `when_matched` or `when_not_matched`"));
        }
        Ok(Some(merge))
    }
}
