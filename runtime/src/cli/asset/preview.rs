//! `asset preview`: the first rows of what is stored.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::super::{EXIT_OK, Ended, Shell, print, print_json};
use super::one;
use crate::asset::{AssetSpec, ValueKind};
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::SystemEnv;
use crate::frame::Preview as Rows;
use crate::lakehouse::{Lakehouse, runtime};
use crate::report::preview_table;
use crate::value::Value;

/// Show the first rows of what is stored of an asset
#[derive(Args)]
#[command(after_long_help = "Examples:
  asset preview orders
  asset preview orders --partition 2026-01-02 --rows 100
  asset preview orders --json")]
pub(in super::super) struct Preview {
    /// The key, or the name if only one asset has it
    asset: String,
    /// Only of this partition
    #[arg(long, value_name = "KEY")]
    partition: Option<String>,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    rows: usize,
}

impl Preview {
    pub(super) fn run(self, shell: Shell) -> Result<u8, Ended> {
        let as_json = shell.json;
        let lakehouse = shell.lakehouse()?;
        let asset = one(&lakehouse, &self.asset)?;
        let first = runtime()?.block_on(self.first(&lakehouse, &asset))?;
        if as_json {
            let Rows { columns, rows } = first;
            print_json(&json!({ "v": 1, "asset": asset.key, "partition": self.partition, "columns": columns, "rows": rows }));
        } else {
            print(&preview_table(&first));
        }
        Ok(EXIT_OK)
    }

    async fn first(&self, lakehouse: &Lakehouse, asset: &AssetSpec) -> Result<Rows> {
        if asset.output.kind != ValueKind::Table {
            let message = format!("`{}` produces {}, and only frames have rows", asset.key, asset.output.kind);
            return Err(Error::new(ErrorKind::Selection, message).help(format!("`asset show {}` says where it is", asset.key)));
        }
        let (stored, what) = match &self.partition {
            None => (lakehouse.load(&asset.key).await?, format!("`{}`", asset.key)),
            Some(key) => (lakehouse.load_partition(&asset.key, key).await?, format!("`{key}` of `{}`", asset.key)),
        };
        let Some(Value::Table(table)) = stored else {
            return Err(Error::new(ErrorKind::Missing, format!("nothing is stored for {what}")));
        };
        let (env, rows): (Arc<dyn Env>, usize) = (Arc::new(SystemEnv::new()), self.rows);
        blocking(&env, move || table.preview(rows)).await
    }
}
