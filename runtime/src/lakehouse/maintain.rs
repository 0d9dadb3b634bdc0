//! What is done to stored tables beside storing rows: compaction, clean-up, checkpoints, going back.

use std::sync::Arc;

use super::{Lakehouse, not_partitioned};
use crate::env::unique_id;
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Maintained, Maintenance, RunInfo, StoreRequest};
use crate::key::AssetKey;
use crate::slice::Slice;

impl Lakehouse {
    /// Does something to what is stored for an asset. The partition is for assets of which each partition is a table of its own.
    ///
    /// ```no_run
    /// use lakewright::io::{Maintenance, Vacuum};
    /// use lakewright::prelude::*;
    ///
    /// # async fn tidy(lakehouse: Lakehouse) -> lakewright::Result<()> {
    /// let orders: AssetKey = "orders".parse()?;
    /// lakehouse.maintain(&orders, None, Maintenance::Optimize { target_bytes: None }).await?;
    /// let would_go = lakehouse.maintain(&orders, None, Maintenance::Vacuum(Vacuum::default())).await?;
    /// println!("{} files, {} bytes", would_go.removed.len(), would_go.removed_bytes());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is no such asset or partition, its store has nothing of the kind, or the table cannot be read or written.
    pub async fn maintain(&self, key: &AssetKey, partition: Option<&str>, what: Maintenance) -> Result<Maintained> {
        let (asset, store) = self.workshop.asset(key)?;
        let Some(store) = store else {
            return Err(Error::new(ErrorKind::Unsupported, format!("nothing is stored for `{key}`")));
        };
        if asset.is_external() && !matches!(what, Maintenance::History { .. }) {
            let message = format!("`{key}` is external: somebody else writes it");
            return Err(Error::new(ErrorKind::Unsupported, message).help("maintain it with what writes it"));
        }
        let slice = match (self.partitions(key)?, partition) {
            (None, Some(_)) => return Err(not_partitioned(key)),
            (None, None) => Slice::Whole,
            (Some(space), Some(partition)) => {
                let mut wanted = space.none();
                wanted.insert(space.parse(partition)?);
                wanted.slice()
            }
            (Some(space), None) => space.all().slice(),
        };
        let run = RunInfo::new(unique_id(self.workshop.env.as_ref()), 1);
        let request = StoreRequest::new(asset, &slice, &run, Arc::clone(&self.workshop.env));
        store.io.maintain(request, what).await.map_err(|error| store.blame(error, asset, &slice))
    }
}
