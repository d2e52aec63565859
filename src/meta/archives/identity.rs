//! Which silver tables the ledger describes, and what it means if silver has others.
//!
//! The ledger has the id of each silver table as a property. A table that was lost, recreated or
//! put back from an old copy is not the one that the ledger describes: what the ledger says of its
//! archives counts for nothing then, the table's own log is read instead, and archives that are not
//! in it are loaded again. Programs that do not know the property keep it as it is.

use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use object_store::{Error, ObjectStore, ObjectStoreExt};
use serde::Deserialize;

use super::files::LedgerFiles;
use super::replace::follows_from_silver;
use super::{LedgerTable, silver_table};
use crate::delta::commit::CommitContext;
use crate::delta::damage::LogError;
use crate::delta::log_files::{check_commit, commit_path, read};
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::meta::silver_history::SilverHistory;
use crate::meta::silver_index::SilverIndex;
use crate::storage::lake::{Lake, TableName};

/// The property with the id of a silver table; the table's name follows.
const PROPERTY: &str = "lakehouse.silver.";
/// The id of no table: the ledger describes none until it is brought up to date.
const NO_TABLE: &str = "none";
/// Whoever has recorded anything of a table has recorded this.
const FIRST_VERSION: i64 = 0;

/// Returns the property that names the silver table which the ledger describes.
pub(in crate::meta) fn property(table: &str) -> String {
    format!("{PROPERTY}{table}")
}

impl LedgerTable {
    /// Returns what is known of one silver table's archives: from the ledger, where they are
    /// looked up when they are needed, or all of it from the table's own log where the ledger
    /// describes another table. Where commits of that are gone, the first and last times of
    /// archives come from the column `event_time`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn silver_index(
        &self,
        table: &WritableTable,
        event_time: &str,
    ) -> Result<SilverIndex, TableError> {
        silver_index(self.table.delta(), &self.files, table, event_time).await
    }

    /// Brings the ledger to describe a silver table from now on: rows of archives that the table
    /// does not hold are no longer rows of silver.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(crate) async fn adopt(
        &mut self,
        table: &WritableTable,
        index: &SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let name = table.spec.name.name.as_str();
        let id = table.id()?;
        self.described.insert(property(name), id.clone());
        if describes(self.table.delta(), &self.files, table)? {
            // The id is recorded with the next rows.
            return Ok(());
        }
        let matrix = Arc::clone(&self.files.matrix);
        let change = |entry: &LedgerEntry| {
            if !follows_from_silver(entry) || silver_table(&matrix, &entry.key) != Some(name) {
                return None;
            }
            Some(match index.held_archive(entry.key.path()) {
                None => lost(entry, Some(context)),
                // The version is one of the other table: commits up to it would never be read.
                Some(_) => LedgerEntry { silver_version: None, ..entry.clone() },
            })
        };
        self.record_changed(change, Some(&id), context).await
    }

    /// Lets the ledger describe no table of this name, until it is rebuilt or the table is adopted.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub(crate) async fn distrust(
        &mut self,
        table: &str,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.described.insert(property(table), NO_TABLE.to_owned());
        self.record_changed(|_| None, None, context).await
    }

    /// Puts rows in the place of those for which `change` returns one, and records what the ledger
    /// describes. Does nothing if another process has recorded commits of the silver table with
    /// this id meanwhile: it has adopted the table, and may know of more than `change` does.
    async fn record_changed(
        &mut self,
        change: impl Fn(&LedgerEntry) -> Option<LedgerEntry>,
        adopted: Option<&str>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let Self { table, files, limits, recorded, described } = self;
        table
            .commit(context, async |table, target| {
                files.update(table).await?;
                recorded.catch_up(table).await?;
                if recorded.has(adopted, FIRST_VERSION) {
                    return Ok(None);
                }
                let mut changed = files.changed(&change, target, limits).await?;
                changed.metadata = table.with_properties(described)?;
                let is_empty = changed.removes.is_empty() && changed.metadata.is_none();
                Ok((!is_empty).then_some(changed))
            })
            .await?;
        self.files.update(self.table.delta()).await
    }
}

/// Returns what is known of a silver table's archives, as [`LedgerTable::silver_index`] does.
pub(super) async fn silver_index(
    ledger: &WritableTable,
    files: &LedgerFiles,
    table: &WritableTable,
    event_time: &str,
) -> Result<SilverIndex, TableError> {
    let name = &table.spec.name.name;
    if describes(ledger, files, table)? && !files.has_unknown_rows_of(name)? {
        // Nothing before the newest version in any row has to be read from the log again: commits
        // are recorded in their order.
        return Ok(SilverIndex::since(files.newest_version(name)?.unwrap_or(-1)));
    }
    let mut history = SilverHistory::new(table.clone(), event_time);
    history.catch_up().await?;
    history.into_index()
}

/// Returns whether a ledger describes the table of this name in the lake: by two small files of the
/// log, which is not opened unless they are gone. `newest` is the newest version of the table that
/// any row of the ledger names.
pub(super) async fn is_described(
    ledger: &WritableTable,
    lake: &Lake,
    name: &TableName,
    newest: i64,
) -> Result<bool, TableError> {
    let storage = lake.storage().join(&format!("{}/{}", name.layer.as_str(), name.name))?;
    let store = storage.store();
    let newest_there = match u64::try_from(newest) {
        Ok(newest) => is_whole(&store, newest).await.map_err(TableError::log(name))?,
        Err(_) => true,
    };
    let failed = TableError::cannot(Verb::Read, name, "its log");
    if let Some(id) = first_id(&store).await.map_err(failed)?
        && newest_there
    {
        return Ok(has_id(ledger, &name.name, &id));
    }
    match WritableTable::open_as_is(lake, name).await? {
        Some(table) => Ok(has_id_of(ledger, &table)? && newest <= table.version()),
        None => Ok(false),
    }
}

fn describes(
    ledger: &WritableTable,
    files: &LedgerFiles,
    table: &WritableTable,
) -> Result<bool, TableError> {
    let newest = files.newest_version(&table.spec.name.name)?.unwrap_or(-1);
    Ok(has_id_of(ledger, table)? && newest <= table.version())
}

fn has_id_of(ledger: &WritableTable, table: &WritableTable) -> Result<bool, TableError> {
    Ok(has_id(ledger, &table.spec.name.name, &table.id()?))
}

/// Ledgers of older programs have no ids, and are taken to describe what is there.
fn has_id(ledger: &WritableTable, table: &str, id: &str) -> bool {
    let recorded = ledger.property(&property(table));
    recorded.is_none_or(|recorded| recorded == id)
}

/// Returns the row of an archive whose rows in silver are gone.
pub(super) fn lost(entry: &LedgerEntry, context: Option<&CommitContext>) -> LedgerEntry {
    let mut lost = LedgerEntry {
        status: ArchiveStatus::Failed,
        rows: 0,
        silver_version: None,
        days: None,
        competing_version: None,
        reason: Some(
            "the silver table that had its rows was lost or replaced; they are loaded again by \
             ingest, refresh or maintain --repair"
                .to_owned(),
        ),
        ..entry.clone()
    };
    if let Some(context) = context {
        lost.run = Arc::clone(&context.run);
        lost.recorded_at = context.clock.now();
    }
    lost
}

/// Returns whether the commit of a version is there; one that is not whole is an error.
async fn is_whole(store: &dyn ObjectStore, version: u64) -> Result<bool, LogError> {
    match store.head(&commit_path(version)).await {
        Ok(_) => check_commit(store, version).await.map(|()| true),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataLine {
    meta_data: TableId,
}

#[derive(Deserialize)]
struct TableId {
    id: String,
}

/// Returns the id in the first commit of a table, which all later ones keep.
async fn first_id(store: &dyn ObjectStore) -> Result<Option<String>, Error> {
    let commit = match read(store, &commit_path(0)).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        commit => commit?,
    };
    let lines = commit.split(|byte| *byte == b'\n');
    let mut ids = lines.filter_map(|line| serde_json::from_slice::<MetadataLine>(line).ok());
    Ok(ids.next().map(|line| line.meta_data.id))
}
