//! What Delta tables can do beyond rows that are replaced: tables as other writers leave them, merging, properties, maintenance.

mod evolved;
mod known;
mod maintenance;
mod mapped;
mod merging;
mod processes;
mod properties;
mod remembered;
mod times;
mod vectors;

use std::path::Path;

use serde_json::{Value as Json, json};

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

/// Makes a table of another writer, with data files that are there already and what their statistics say.
pub(super) fn write_table(table: &Path, fields: &[(&str, Json)], files: &[(&str, Json)]) {
    let fields: Vec<Json> =
        fields.iter().map(|(name, kind)| json!({ "name": name, "type": kind, "nullable": true, "metadata": {} })).collect();
    let mut log = vec![
        json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
        json!({ "metaData": {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9", "format": { "provider": "parquet", "options": {} },
            "schemaString": json!({ "type": "struct", "fields": fields }).to_string(),
            "partitionColumns": [], "configuration": {}, "createdTime": 1,
        } }),
    ];
    log.extend(files.iter().zip(1..).map(|((path, stats), time)| {
        let size = std::fs::metadata(table.join(path)).unwrap().len();
        json!({ "add": {
            "path": path, "partitionValues": {}, "size": size, "modificationTime": time, "dataChange": true,
            "stats": stats.to_string(),
        } })
    }));
    std::fs::create_dir_all(table.join("_delta_log")).unwrap();
    write_version(table, 0, &log);
}

/// The action of this kind.
pub(super) fn action(actions: &[Json], kind: &str) -> Json {
    actions.iter().find_map(|action| action.get(kind)).unwrap_or_else(|| panic!("no {kind} in {actions:?}")).clone()
}
