//! The first commit of a table: what the table is.
//!
//! It is made by the engine. Repair needs it apart from a log too, to put it in the place of one
//! that is damaged.

use bytes::Bytes;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::logstore::LogStore;
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableError};
use serde_json::Value;
use uuid::Uuid;

use super::columns::delta_columns;
use super::damage::ACTIONS_KEY;
use super::table::TableSpec;
use crate::storage::durability::create_folders;
use crate::storage::lake::Lake;

/// The actions of the commit that creates a table: its information, the protocol, the metadata.
const CREATING_ACTIONS: u64 = 3;
/// A log that nobody keeps.
const IN_MEMORY: &str = "memory:///";

/// Creates a table, unless it is there.
pub(super) async fn create(lake: &Lake, spec: &TableSpec) -> Result<DeltaTable, DeltaTableError> {
    let url = lake.table_url(&spec.name).map_err(|error| wrapped(error.into()))?;
    if let Some(folder) = lake.storage().local_folder() {
        create_folders(&folder.join(spec.name.layer.as_str()).join(&spec.name.name))?;
    }
    builder(spec)?.with_location(url.as_str()).await
}

/// Returns the commit that creates a table with this identity.
///
/// # Errors
/// When a column cannot be stored.
pub(crate) async fn creation(spec: &TableSpec, id: Uuid) -> Result<Bytes, DeltaTableError> {
    let table = builder(spec)?.with_location(IN_MEMORY).await?;
    let commit = table.log_store().read_commit_entry(0).await?;
    let commit = commit.ok_or_else(|| DeltaTableError::NotATable(spec.name.to_string()))?;
    let mut lines = Vec::new();
    for line in commit.split(|byte| *byte == b'\n') {
        let mut action: Value = serde_json::from_slice(line)?;
        if let Some(metadata) = action.get_mut("metaData") {
            metadata["id"] = id.to_string().into();
        }
        lines.push(action.to_string());
    }
    Ok(lines.join("\n").into())
}

fn builder(spec: &TableSpec) -> Result<CreateBuilder, DeltaTableError> {
    let columns = delta_columns(spec).map_err(|error| wrapped(error.into()))?;
    let properties = CommitProperties::default()
        // A retry would declare the table once more where another process was faster, or where
        // the response was lost.
        .with_max_retries(0)
        .with_metadata([(ACTIONS_KEY.to_owned(), CREATING_ACTIONS.into())]);
    Ok(CreateBuilder::new()
        .with_columns(columns)
        .with_comment(spec.descriptions.table())
        .with_partition_columns(spec.partition_columns.clone())
        .with_configuration(spec.properties())
        .with_raise_if_key_not_exists(false)
        .with_save_mode(SaveMode::Ignore)
        .with_commit_properties(properties))
}

fn wrapped(source: Box<dyn std::error::Error + Send + Sync>) -> DeltaTableError {
    DeltaTableError::GenericError { source }
}
