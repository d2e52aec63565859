//! Checkpoints: the state of a table in one file, so that opening it does not read every commit.
//!
//! Commits stay in the log, because they say which archives each version holds.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use serde::Deserialize;

use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};

/// Commits after which a table gets a new checkpoint.
const COMMITS: i64 = 20;
/// The file of the log that names the newest checkpoint.
const LAST_CHECKPOINT: &str = "_delta_log/_last_checkpoint";

#[derive(Deserialize)]
struct LastCheckpoint {
    version: i64,
}

/// Writes a checkpoint of the table's version if many commits were made since the last; returns
/// that version.
///
/// Two processes that do so at once write the same file with the same content.
///
/// # Errors
/// When the log cannot be read or written.
pub(super) async fn checkpoint_table(table: &WritableTable) -> Result<Option<i64>, TableError> {
    if !is_due(table).await? {
        return Ok(None);
    }
    let delta = table.delta();
    let runtime = tokio::runtime::Handle::current();
    // The library encodes on the thread that calls it, and would keep others from being served.
    let work = tokio::task::spawn_blocking(move || {
        runtime.block_on(deltalake::checkpoints::create_checkpoint(&delta, None))
    });
    let name = &table.spec.name;
    let written = work.await.map_err(TableError::cannot(Verb::Write, name, "a checkpoint"))?;
    written.map_err(TableError::cannot(Verb::Write, name, "a checkpoint"))?;
    Ok(Some(table.version()))
}

/// Returns whether a checkpoint is worth writing.
pub(super) async fn is_due(table: &WritableTable) -> Result<bool, TableError> {
    Ok(table.version() - last_checkpoint(table).await?.unwrap_or(-1) > COMMITS)
}

async fn last_checkpoint(table: &WritableTable) -> Result<Option<i64>, TableError> {
    let failed = TableError::cannot(Verb::Read, &table.spec.name, LAST_CHECKPOINT);
    let hint = match table.store().get(&Path::from(LAST_CHECKPOINT)).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found.map_err(failed)?.bytes().await.map_err(failed)?,
    };
    // A hint that cannot be parsed is no hint; the next checkpoint writes a new one.
    Ok(serde_json::from_slice::<LastCheckpoint>(&hint).ok().map(|hint| hint.version))
}
