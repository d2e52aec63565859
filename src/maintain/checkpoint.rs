//! Checkpoints: the state of a table in one file, so that opening it does not read every commit.
//!
//! Commits stay in the log, because they say which archives each version holds.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use serde::Deserialize;

use crate::delta::TableError;
use crate::delta::table::WritableTable;

/// Commits after which a table gets a new checkpoint.
const COMMITS: i64 = 20;

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
    // The library works on the thread that calls it.
    let work = tokio::task::spawn_blocking(move || {
        runtime.block_on(deltalake::checkpoints::create_checkpoint(&delta, None))
    });
    let failed = TableError::delta(&table.spec.name);
    match work.await {
        Ok(done) => done.map_err(&failed)?,
        Err(error) => return Err(failed(deltalake::DeltaTableError::generic(error.to_string()))),
    }
    Ok(Some(table.version()))
}

/// Returns whether a checkpoint is worth writing.
pub(super) async fn is_due(table: &WritableTable) -> Result<bool, TableError> {
    Ok(table.version() - last_checkpoint(table).await?.unwrap_or(-1) > COMMITS)
}

async fn last_checkpoint(table: &WritableTable) -> Result<Option<i64>, TableError> {
    #[derive(Deserialize)]
    struct Hint {
        version: i64,
    }
    let path = Path::from("_delta_log/_last_checkpoint");
    let failed = |source| TableError::Store {
        table: table.spec.name.clone(),
        path: "_delta_log/_last_checkpoint".to_owned(),
        source: Box::new(source),
    };
    let hint = match table.store().get(&path).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found.map_err(failed)?.bytes().await.map_err(failed)?,
    };
    // A hint that cannot be read is no hint; the next checkpoint writes a new one.
    Ok(serde_json::from_slice::<Hint>(&hint).ok().map(|hint| hint.version))
}
