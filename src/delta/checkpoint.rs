//! Checkpoints: the state of a table in one file, so that opening it does not read every commit.
//!
//! Commits stay in the log, because they say which archives each version holds. A checkpoint is
//! never needed: two processes that write the same one write the same content, and one that was not
//! written, or not to its end, only makes the log slower to read.

use std::collections::HashMap;

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};
use serde::Deserialize;
use tokio::task::JoinHandle;

use super::table::WritableTable;
use super::{TableError, Verb};
use crate::error_chain::one_line;
use crate::failpoint::step;
use crate::storage::lake::TableName;

/// Commits after which a table gets a new checkpoint from a run that goes on: far enough apart that
/// it takes a small part of the time, however many files the table has.
const COMMITS_OF_A_RUN: i64 = 100;
/// The file of the log that names the newest checkpoint.
const LAST_CHECKPOINT: &str = "_delta_log/_last_checkpoint";

#[derive(Deserialize)]
struct LastCheckpoint {
    version: i64,
}

/// Writes a checkpoint of the table's version if more commits than this were made since the last;
/// returns that version.
///
/// # Errors
/// When the log cannot be read or written.
pub(crate) async fn checkpoint_table(
    table: &WritableTable,
    commits: i64,
) -> Result<Option<i64>, TableError> {
    if !is_due(table, commits).await? {
        return Ok(None);
    }
    step("before checkpoint", &table.spec.name);
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

/// Returns whether more commits than this were made since the last checkpoint.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn is_due(table: &WritableTable, commits: i64) -> Result<bool, TableError> {
    Ok(table.version() - last_checkpoint(table).await?.unwrap_or(-1) > commits)
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

/// Checkpoints of a run's tables, one at a time and beside the run's other work.
///
/// Without them each commit would read all commits that the run has made.
#[derive(Debug, Default)]
pub(crate) struct BackgroundCheckpoints {
    running: Option<JoinHandle<()>>,
    /// The version from which on a table is looked at again.
    next: HashMap<TableName, i64>,
}

impl BackgroundCheckpoints {
    /// Begins a checkpoint of a table if it has many commits since the last, and no other one is
    /// being written.
    pub(crate) fn begin_if_due(&mut self, table: &WritableTable) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        // Another process may have written one, so looking does not always mean writing.
        let name = &table.spec.name;
        let next = self.next.entry(name.clone()).or_default();
        if table.version() < *next {
            return;
        }
        *next = table.version() + COMMITS_OF_A_RUN / 4;
        self.running = Some(tokio::spawn(write_or_warn(table.clone())));
    }

    /// Waits for the checkpoint that is being written.
    pub(crate) async fn finish(self) {
        if let Some(running) = self.running {
            // A panic has been reported where it happened, and harms nothing.
            let _ = running.await;
        }
    }
}

/// The rows have landed, so a checkpoint that cannot be written is no reason to stop.
async fn write_or_warn(table: WritableTable) {
    if let Err(error) = checkpoint_table(&table, COMMITS_OF_A_RUN).await {
        tracing::warn!(
            "{}; commits are read instead, and the next checkpoint is tried later",
            one_line(&error)
        );
    }
}
