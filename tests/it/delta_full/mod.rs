//! What Delta tables can do beyond rows that are replaced: tables as other writers leave them, merging, properties, maintenance.

mod known;
mod maintenance;
mod mapped;
mod merging;
mod processes;
mod properties;
mod vectors;

use std::path::Path;

use serde_json::Value as Json;

/// The actions of a version of a table.
pub(super) fn actions(table: &Path, version: u64) -> Vec<Json> {
    let text = std::fs::read_to_string(table.join(format!("_delta_log/{version:020}.json"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a version of a table as another writer would.
pub(super) fn write_version(table: &Path, version: u64, actions: &[Json]) {
    let lines: Vec<String> = actions.iter().map(Json::to_string).collect();
    std::fs::write(table.join(format!("_delta_log/{version:020}.json")), lines.join("\n")).unwrap();
}

/// The action of this kind.
pub(super) fn action(actions: &[Json], kind: &str) -> Json {
    actions.iter().find_map(|action| action.get(kind)).unwrap_or_else(|| panic!("no {kind} in {actions:?}")).clone()
}
