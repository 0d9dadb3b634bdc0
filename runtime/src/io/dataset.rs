//! Which schema (dataset) a table is in: the same rule for every store that has schemas.

use crate::asset::AssetSpec;
use crate::error::{Error, ErrorKind, Result};

/// The schema of an asset's table: its own `schema`, otherwise the store's or the last segment of the key's prefix, otherwise
/// `public`.
///
/// # Errors
/// If both the store and the prefix say it, since either could be meant; or if the schema is empty.
pub fn dataset(asset: &AssetSpec, configured: Option<&str>) -> Result<String> {
    let prefix = asset.key.prefix().next_back();
    let schema = match (asset.schema.as_deref(), configured, prefix) {
        (Some(own), _, _) => own,
        (None, Some(configured), Some(prefix)) => {
            let message = format!("the schema of `{}` is given twice", asset.key);
            let help = format!(
                "the store says `{configured}` and the key prefix says `{prefix}`; leave one out, or set `schema` on the asset"
            );
            return Err(Error::new(ErrorKind::SchemaName, message).help(help));
        }
        (None, Some(only), None) | (None, None, Some(only)) => only,
        (None, None, None) => "public",
    };
    if schema.is_empty() {
        return Err(Error::new(ErrorKind::SchemaName, format!("the schema of `{}` is empty", asset.key)));
    }
    Ok(schema.to_owned())
}
