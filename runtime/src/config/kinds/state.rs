//! The kinds of logs: `[state]`.

use std::sync::Arc;

use serde::Deserialize;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use super::super::units::Time;
use super::MakeState;
#[cfg(feature = "sqlite")]
use crate::config::ConfigPath;
use crate::config::ConfigTable;
#[cfg(feature = "postgres")]
use crate::config::Secret;
use crate::env::unique_id;
use crate::error::Result;
use crate::state::MemoryState;
#[cfg(feature = "postgres")]
use crate::state::PostgresState;
#[cfg(feature = "sqlite")]
use crate::state::{SqliteState, state_file};

#[derive(Deserialize)]
struct Memory {}

pub(super) fn memory(table: &ConfigTable<'_>) -> Result<MakeState> {
    let Memory {} = table.read()?;
    Ok(Box::new(|env| Arc::new(MemoryState::new(unique_id(env.as_ref())))))
}

#[cfg(feature = "sqlite")]
#[derive(Deserialize)]
struct Sqlite {
    path: Option<ConfigPath>,
    patience: Option<Time>,
}

#[cfg(feature = "sqlite")]
pub(super) fn sqlite(table: &ConfigTable<'_>) -> Result<MakeState> {
    let sqlite: Sqlite = table.read()?;
    let mut state = SqliteState::new(sqlite.path.map_or_else(|| state_file(table.root), Into::into));
    if let Some(patience) = sqlite.patience {
        state = state.patience(patience.duration());
    }
    Ok(Box::new(|env| Arc::new(state.env(Arc::clone(env)))))
}

#[cfg(feature = "postgres")]
#[derive(Deserialize)]
struct Postgres {
    url: Secret,
    schema: Option<String>,
    patience: Option<Time>,
}

#[cfg(feature = "postgres")]
pub(super) fn postgres(table: &ConfigTable<'_>) -> Result<MakeState> {
    let postgres: Postgres = table.read()?;
    let mut state = PostgresState::new(postgres.url.expose());
    if let Some(schema) = postgres.schema {
        state = state.schema(schema);
    }
    if let Some(patience) = postgres.patience {
        state = state.patience(patience.duration());
    }
    state.check()?;
    Ok(Box::new(|env| Arc::new(state.env(Arc::clone(env)))))
}
