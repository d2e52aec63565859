//! Which silver tables the ledger describes, and what it means if silver has others.
//!
//! The ledger has the id of each silver table as a property. A table that was lost, recreated or
//! put back from an old copy is not the one that the ledger describes: what the ledger says of its
//! archives counts for nothing then, the table's own log is read instead, and archives that are not
//! in it are loaded again. Programs that do not know the property keep it as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, Ledger, LedgerEntry};
use lakehouse_core::schema::TableSchema;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use serde::Deserialize;

use super::replace::follows_from_silver;
use super::{LedgerTable, silver_table};
use crate::delta::commit::{Change, CommitContext};
use crate::delta::damage::LogError;
use crate::delta::log_files::{check_commit, commit_path, read};
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::meta::silver_history::SilverHistory;
use crate::meta::silver_index::SilverIndex;
use crate::meta::table::write_file;
use crate::storage::lake::{Lake, Layer, TableName};

/// The property with the id of a silver table; the table's name follows.
const PROPERTY: &str = "lakehouse.silver.";
/// The id of no table: the ledger describes none until it is brought up to date.
const NO_TABLE: &str = "none";

/// Returns the property that names the silver table which the ledger describes.
pub(in crate::meta) fn property(table: &str) -> String {
    format!("{PROPERTY}{table}")
}

impl LedgerTable {
    /// Returns what is known of one silver table's archives: from the ledger, or from the table's
    /// own log where the ledger describes another table. Where commits of that are gone, the first
    /// and last times of archives come from the column `event_time`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn silver_index(
        &self,
        table: &WritableTable,
        event_time: &str,
    ) -> Result<SilverIndex, TableError> {
        if self.describes(table)? && !self.has_unknown_rows_of(&table.spec.name.name) {
            return Ok(self.recorded_index(&table.spec.name.name));
        }
        let mut history = SilverHistory::new(table.clone(), event_time);
        history.catch_up().await?;
        Ok(history.into_index())
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
        let name = &table.spec.name.name;
        self.described.insert(property(name), table.id()?);
        if self.describes(table)? {
            // The id is recorded with the next rows.
            return Ok(());
        }
        let mut changed = Vec::new();
        for entry in self.in_silver(name) {
            changed.push(match index.held_archive(entry.key.path()) {
                None => lost(entry, Some(context)),
                // The version is one of the other table: commits up to it would never be read.
                Some(_) => LedgerEntry { silver_version: None, ..entry.clone() },
            });
        }
        self.record_changed(&changed, context).await
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
        self.record_changed(&[], context).await
    }

    /// Puts rows in the place of those in silver, and records what the ledger describes.
    async fn record_changed(
        &mut self,
        changed: &[LedgerEntry],
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let Self { table, matrix, files, described, .. } = self;
        table
            .commit(context, async |table, target| {
                files.update(table, matrix).await?;
                let replacement = files.with_other_state(changed);
                let metadata = table.with_properties(described)?;
                if replacement.removes.is_empty() && metadata.is_none() {
                    return Ok(None);
                }
                let mut change = Change { metadata, ..Change::default() };
                if !replacement.removes.is_empty() {
                    let batches = replacement.batches(target.table())?;
                    change.adds.push(write_file(target, &batches).await?);
                    change.removes = replacement.removes;
                }
                Ok(Some(change))
            })
            .await?;
        self.files.update(self.table.delta(), &self.matrix).await
    }

    /// Returns the newest row of every archive, where archives that silver has lost count as
    /// failed, so that they are planned again.
    ///
    /// # Errors
    /// When silver's logs cannot be read.
    pub(crate) async fn checked_ledger(self, lake: &Lake) -> Result<Ledger, TableError> {
        let mut indexes: BTreeMap<String, SilverIndex> = BTreeMap::new();
        for table in self.tables() {
            let name = TableName::new(Layer::Silver, &table);
            let newest = self.newest_version(&name.name);
            if is_described(self.table.delta(), lake, &name, newest).await? {
                continue;
            }
            let index = match WritableTable::open_as_is(lake, &name).await? {
                Some(table) => self.silver_index(&table, "").await?,
                None => SilverIndex::default(),
            };
            indexes.insert(name.name, index);
        }
        let matrix = Arc::clone(&self.matrix);
        let mut entries = Vec::new();
        for entry in self.files.into_entries() {
            let index = silver_table(&matrix, &entry).and_then(|table| indexes.get(table));
            let is_lost = follows_from_silver(&entry)
                && index.is_some_and(|index| index.held_archive(entry.key.path()).is_none());
            entries.push(if is_lost { lost(&entry, None) } else { entry });
        }
        Ok(entries.into())
    }

    /// Returns the rows of archives that silver should hold in a version which its log never had:
    /// what the ledger says is in silver, and what failed after its bytes were in bronze.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn not_in_log(
        &self,
        lake: &Lake,
        schema: &TableSchema,
    ) -> Result<Vec<LedgerEntry>, TableError> {
        let name = TableName::new(Layer::Silver, schema.table());
        let mut history = None;
        if let Some(table) = WritableTable::open_as_is(lake, &name).await? {
            let mut read = SilverHistory::new(table, schema.event_time());
            read.catch_up().await?;
            history = Some(read);
        }
        let mut missing = Vec::new();
        for entry in self.entries() {
            let wanted = follows_from_silver(entry) || entry.status == ArchiveStatus::Failed;
            let here = silver_table(&self.matrix, entry) == Some(schema.table());
            let Some(sha256) = entry.sha256.as_deref().filter(|_| wanted && here) else { continue };
            let path = entry.key.path();
            if history.as_ref().is_none_or(|history| !history.has_landed(path, sha256)) {
                missing.push(entry.clone());
            }
        }
        Ok(missing)
    }

    fn describes(&self, table: &WritableTable) -> Result<bool, TableError> {
        describes(self.table.delta(), table, self.newest_version(&table.spec.name.name))
    }

    /// Returns the newest version of a silver table that any row names; -1 if none does.
    fn newest_version(&self, table: &str) -> i64 {
        self.in_silver(table).filter_map(|entry| entry.silver_version).max().unwrap_or(-1)
    }

    /// Returns the silver tables that any row is about.
    fn tables(&self) -> BTreeSet<String> {
        let entries = self.entries().filter(|entry| follows_from_silver(entry));
        entries.filter_map(|entry| silver_table(&self.matrix, entry)).map(str::to_owned).collect()
    }

    fn in_silver<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a LedgerEntry> {
        let entries = self.entries().filter(|entry| follows_from_silver(entry));
        entries.filter(move |entry| silver_table(&self.matrix, entry) == Some(table))
    }
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
        Some(table) => describes(ledger, &table, newest),
        None => Ok(false),
    }
}

fn describes(
    ledger: &WritableTable,
    table: &WritableTable,
    newest: i64,
) -> Result<bool, TableError> {
    Ok(has_id(ledger, &table.spec.name.name, &table.id()?) && newest <= table.version())
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

/// Returns the row that the ledger keeps of an archive which silver does not hold any more.
pub(in crate::meta) fn lost_in_rebuild(
    entry: &LedgerEntry,
    context: &CommitContext,
) -> LedgerEntry {
    lost(entry, Some(context))
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
