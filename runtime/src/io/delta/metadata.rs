//! What a table says of itself: its columns, its properties, and the protocol that they need.

use deltalake_core::kernel::{Action, Metadata, Protocol, StructType, contains_timestampntz, new_metadata};
use serde_json::json;

use super::actions::{first_difference, in_same_order};
use super::commit::Commit;
use super::opened::Opened;
use super::options::{APPEND_ONLY, table_properties};
use crate::asset::Mode;
use crate::error::{Error, ErrorKind, Result};
use crate::io::schema_mode::{SchemaMode, schema_mode};

/// The actions that create the table.
pub(super) fn creating(commit: &Commit<'_>) -> Result<Vec<Action>> {
    let staged = commit.first();
    let configuration = table_properties(commit.request.asset)?;
    let append_only = configuration.iter().any(|(name, value)| name == APPEND_ONLY && value == "true");
    let metadata = new_metadata(&staged.schema, &staged.partition_columns, configuration)
        .map_err(|error| Error::new(ErrorKind::Schema, "the columns cannot be the columns of a Delta table").source(error))?;
    Ok(vec![Action::Protocol(protocol(&staged.schema, append_only)?), Action::Metadata(metadata)])
}

/// The protocol that a table of this schema needs, and no more, so that every reader can read it.
fn protocol(schema: &StructType, append_only: bool) -> Result<Protocol> {
    let protocol = if contains_timestampntz(schema.fields()) {
        let writer: &[&str] = if append_only { &["timestampNtz", "appendOnly"] } else { &["timestampNtz"] };
        json!({ "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": writer })
    } else {
        json!({ "minReaderVersion": 1, "minWriterVersion": 2 })
    };
    serde_json::from_value(protocol).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// Replaces or extends the columns of the table, if its asset lets a run do so and they differ, and sets the properties that differ.
pub(super) fn changed(commit: &Commit<'_>, table: &Opened) -> Result<Vec<Action>> {
    let staged = commit.first();
    let known = table.schema();
    let schema = match schema_mode(commit.request.asset) {
        SchemaMode::Strict => known.as_ref().clone(),
        SchemaMode::Overwrite if commit.request.mode == Mode::Overwrite => staged.schema.clone(),
        SchemaMode::Overwrite | SchemaMode::Merge => {
            let new = staged.schema.fields().filter(|field| known.field(field.name()).is_none());
            let all: Vec<_> = known.fields().chain(new).cloned().collect();
            StructType::try_new(all)
                .map_err(|error| Error::new(ErrorKind::Schema, "the columns cannot be added to the table").source(error))?
        }
    };
    let same = first_difference(&known, &schema).is_none() && in_same_order(&known, &schema);
    let is_set = |name: &str, value: &str| table.metadata().configuration().get(name).is_some_and(|known| known == value);
    let mut properties = table_properties(commit.request.asset)?;
    properties.retain(|(name, value)| !is_set(name, value));
    if same && *table.metadata().partition_columns() == staged.partition_columns && properties.is_empty() {
        return Ok(Vec::new());
    }
    let metadata = replaced_metadata(table.metadata(), &schema, &staged.partition_columns, &properties)?;
    let mut actions = vec![Action::Metadata(metadata)];
    let protocol = table.protocol();
    let has = |name: &str| protocol.writer_features().is_some_and(|all| all.iter().any(|one| one.as_ref() == name));
    let needs_ntz = contains_timestampntz(schema.fields()) && !has("timestampNtz");
    let append_only = properties.iter().any(|(name, value)| name == APPEND_ONLY && value == "true");
    // Before version 7, append-only tables were a matter of the version.
    let needs_append_only = append_only && protocol.min_writer_version() >= 7 && !has("appendOnly");
    if needs_ntz || needs_append_only {
        actions.push(Action::Protocol(with_features(protocol, needs_ntz, needs_append_only)?));
    }
    Ok(actions)
}

fn replaced_metadata(
    metadata: &Metadata,
    schema: &StructType,
    partition_columns: &[String],
    properties: &[(String, String)],
) -> Result<Metadata> {
    let internal = |error: serde_json::Error| Error::new(ErrorKind::Internal, error.to_string());
    let mut changed = serde_json::to_value(metadata).map_err(internal)?;
    changed["partitionColumns"] = json!(partition_columns);
    changed["schemaString"] = json!(serde_json::to_string(schema).map_err(internal)?);
    for (name, value) in properties {
        changed["configuration"][name] = json!(value);
    }
    serde_json::from_value(changed).map_err(internal)
}

/// The protocol of a table that now needs these features, with every feature that it had.
fn with_features(protocol: &Protocol, timestamp_ntz: bool, append_only: bool) -> Result<Protocol> {
    let names = |feature: Option<&[_]>| feature.unwrap_or_default().iter().map(feature_name).collect::<Vec<_>>();
    let (mut reader, mut writer) = (names(protocol.reader_features()), names(protocol.writer_features()));
    if timestamp_ntz {
        reader.push("timestampNtz".to_owned());
        writer.push("timestampNtz".to_owned());
    }
    if append_only || protocol.min_writer_version() < 7 {
        writer.push("appendOnly".to_owned());
    }
    let mut changed =
        json!({ "minReaderVersion": protocol.min_reader_version(), "minWriterVersion": 7, "writerFeatures": writer });
    if timestamp_ntz || protocol.min_reader_version() >= 3 {
        changed["minReaderVersion"] = json!(3);
        changed["readerFeatures"] = json!(reader);
    }
    serde_json::from_value(changed).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

fn feature_name(feature: &impl AsRef<str>) -> String {
    feature.as_ref().to_owned()
}
