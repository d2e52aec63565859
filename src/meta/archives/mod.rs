//! The ledger, `meta.archives`: one row for every archive, and every version of it, that the lake
//! knows.
//!
//! It is an index of silver's log, which is the truth about what silver holds. Commits that the
//! ledger lacks are added whenever it is opened for writing (see [`LedgerTable::reconcile`]), so a
//! run that dies between the commit to silver and the one to the ledger loses nothing.
//!
//! It may have millions of rows, so nothing here holds them: rows are looked up by their keys, or
//! read in the order of keys.

mod confirm;
mod files;
pub(super) mod identity;
mod merge;
#[cfg(test)]
mod model;
mod parse;
pub(crate) mod reader;
pub(crate) mod rebuild;
mod rebuilt_rows;
mod record;
mod recorded;
mod remove;
mod replace;
pub(super) mod replay;
pub(super) mod rows;
mod scan;
mod sealed_writer;
mod series_rows;
mod summary;
#[cfg(test)]
mod two_writers;
pub(crate) mod wanted;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;

use self::files::LedgerFiles;
use self::identity::property;
use self::recorded::RecordedVersions;
use self::replace::{follows_from_log, follows_from_silver, held_archive};
use self::replay::replay;
pub(super) use self::rows::SCHEMA;
use self::wanted::KeySet;
use super::silver_index::SilverIndex;
use super::table::MetaTable;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::log::LogEntry;
use crate::delta::table::WritableTable;
use crate::storage::lake::{Lake, Layer, TableName};

/// The ledger as a table that is written to; its rows stay on disk.
#[derive(Debug)]
pub(crate) struct LedgerTable {
    table: MetaTable,
    files: LedgerFiles,
    limits: LedgerLimits,
    recorded: RecordedVersions,
    /// Properties to record with the next rows: the ids of the silver tables that are described.
    described: BTreeMap<String, String>,
}

/// How large the ledger's files are, and how many it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerLimits {
    /// Rows of a file that is not merged with small ones any more.
    pub(super) sealed_rows: u64,
    /// Small files of which some are merged.
    small_files: usize,
    /// Runs of sealed files above which some are merged.
    runs: usize,
    /// Rows that one merge of runs may write while an ingest waits.
    merged_rows: u64,
    /// Rows up to which a file is written again together with what is new.
    absorbed_rows: u64,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            sealed_rows: LedgerTable::FILE_ROWS,
            small_files: 24,
            runs: 8,
            merged_rows: 1 << 20,
            absorbed_rows: 4 << 10,
        }
    }
}

impl LedgerTable {
    /// Rows of the table's larger files.
    pub(crate) const FILE_ROWS: u64 = 128 << 10;

    /// Returns the table's name.
    pub(crate) fn name() -> TableName {
        TableName::new(Layer::Meta, SCHEMA.name)
    }

    /// Opens the ledger of a lake; creates it when it is missing.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        Self::open_with(lake, matrix, LedgerLimits::default()).await
    }

    async fn open_with(
        lake: &Lake,
        matrix: Arc<Matrix>,
        limits: LedgerLimits,
    ) -> Result<Self, TableError> {
        let table = MetaTable::open_or_create(lake, &SCHEMA).await?;
        let files = LedgerFiles::open(table.delta(), matrix).await?;
        let recorded = RecordedVersions::since(table.delta());
        Ok(Self { table, files, limits, recorded, described: BTreeMap::new() })
    }

    /// Returns the Delta table.
    pub(crate) const fn table(&self) -> &WritableTable {
        self.table.delta()
    }

    /// Returns the table's columns.
    pub(crate) fn schema() -> SchemaRef {
        SCHEMA.arrow()
    }

    /// Divides files that an earlier version of the program made too large for looking up single
    /// rows; returns whether there were any.
    ///
    /// # Errors
    /// When the ledger cannot be read or written.
    pub(crate) async fn upgrade(&mut self, context: &CommitContext) -> Result<bool, TableError> {
        let is_due = self.files.due_merge(&self.limits).oversized;
        if is_due {
            self.merge_due(context).await?;
        }
        Ok(is_due)
    }

    /// Returns every row of some archives, in no order.
    pub(crate) fn rows_of(&self, keys: &KeySet) -> Result<Vec<LedgerEntry>, TableError> {
        self.files.rows_of(keys)
    }

    /// Lets an index know what the ledger says of some archives, in place of those before. The
    /// silver table is to be read up to its newest version afterwards.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn load(
        &mut self,
        keys: &KeySet,
        index: &mut SilverIndex,
    ) -> Result<(), TableError> {
        if index.is_complete() {
            return Ok(());
        }
        self.table.refresh().await?;
        self.files.update(self.table.delta()).await?;
        let rows = self.files.rows_of(keys)?;
        let in_silver = rows.iter().filter(|entry| follows_from_silver(entry));
        let held = in_silver.filter_map(|entry| Some((entry.key.path(), held_archive(entry)?)));
        let removed = rows.iter().filter(|entry| entry.status == ArchiveStatus::Removed);
        index.load(held, removed.map(|entry| entry.key.path()));
        Ok(())
    }

    /// Adds what the index found in a silver table's log and the ledger lacks.
    ///
    /// Entries that the ledger has already are found again where it was written by a run that read
    /// less of the log than this one; replaying them changes nothing. Those that another process
    /// recorded in the meantime are left out.
    pub(crate) async fn reconcile(
        &mut self,
        index: &mut SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let up_to = index.seen();
        self.add_logged(index.take_unrecorded(), up_to, context).await
    }

    /// Adds what the index found in commits before a version, as [`Self::reconcile`] does; to be
    /// called before anything of that version is recorded.
    pub(crate) async fn reconcile_before(
        &mut self,
        version: i64,
        index: &mut SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.add_logged(index.take_unrecorded_before(version), version - 1, context).await
    }

    /// Adds all entries up to a version that the ledger may lack.
    async fn add_logged(
        &mut self,
        logged: Vec<(i64, LogEntry)>,
        up_to: i64,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if logged.is_empty() {
            return Ok(());
        }
        let keys: KeySet = logged.iter().map(|(_, entry)| entry.archive().into()).collect();
        let id = self.silver_id(logged.iter().map(|(_, entry)| entry.archive()));
        let select = |files: &LedgerFiles, recorded: &RecordedVersions| {
            let rows = files.rows_of(&keys)?;
            let mut logged = logged.clone();
            logged.retain(|(version, _)| !recorded.has(id.as_deref(), *version));
            Ok(replay(&files.matrix, &of_log(&rows), logged, context))
        };
        self.write(context, recorded_up_to(id.as_deref(), Some(up_to)), select).await
    }

    /// Records rows in one commit; [`replace`] says what it does to older rows of the same
    /// archives.
    pub(crate) async fn record(
        &mut self,
        entries: Vec<LedgerEntry>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(context, BTreeMap::new(), |_, _| Ok(entries.clone())).await
    }

    /// Records archives that this process landed with a version of a silver table, or could not,
    /// and in the same commit the new states of those that they were compared with. What another
    /// process has read of that version in silver's log is recorded already.
    pub(crate) async fn record_landed(
        &mut self,
        landed: Vec<LedgerEntry>,
        compared: Vec<(i64, LogEntry)>,
        version: Option<i64>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if landed.is_empty() && compared.is_empty() {
            return Ok(());
        }
        let landed_keys = landed.iter().map(|entry| entry.key.shared_path());
        let compared_keys = compared.iter().map(|(_, entry)| entry.archive().into());
        let keys: KeySet = landed_keys.chain(compared_keys).collect();
        let id = self.silver_id(landed.iter().map(|entry| entry.key.path()));
        let select = |files: &LedgerFiles, recorded: &RecordedVersions| {
            let rows = files.rows_of(&keys)?;
            if version.is_some_and(|version| recorded.has(id.as_deref(), version)) {
                return Ok(without_known(&landed, &rows));
            }
            let mut entries = without_recorded(&landed, &rows);
            entries.extend(replay(&files.matrix, &of_log(&rows), compared.clone(), context));
            Ok(entries)
        };
        self.write(context, recorded_up_to(id.as_deref(), version), select).await
    }

    /// Returns the id of the silver table that has these archives, if the ledger describes it.
    fn silver_id<'a>(&self, mut archives: impl Iterator<Item = &'a str>) -> Option<String> {
        let matrix = &self.files.matrix;
        let known = archives.find_map(|archive| matrix.identify(archive).ok())?;
        self.described.get(&property(silver_table(matrix, &known)?)).cloned()
    }

    /// Writes the rows that `select` makes for the newest version of the ledger, again at every
    /// attempt: what another process recorded in between is newer than what was known before.
    /// `up_to` are versions of silver tables up to which everything is recorded with these rows.
    async fn write(
        &mut self,
        context: &CommitContext,
        up_to: BTreeMap<String, i64>,
        select: impl Fn(&LedgerFiles, &RecordedVersions) -> Result<Vec<LedgerEntry>, TableError>,
    ) -> Result<(), TableError> {
        let Self { table, files, limits, recorded, described } = self;
        table
            .commit(context, async |table, target| {
                files.update(table).await?;
                recorded.catch_up(table).await?;
                let entries = select(files, recorded)?;
                if entries.is_empty() {
                    return Ok(None);
                }
                let mut change = files.recorded(&entries, target, limits).await?;
                change.metadata = table.with_properties(described)?;
                change.recorded = up_to.clone();
                Ok(Some(change))
            })
            .await?;
        self.files.update(self.table.delta()).await?;
        self.merge_due(context).await
    }

    /// Merges files if there are too many.
    async fn merge_due(&mut self, context: &CommitContext) -> Result<(), TableError> {
        if self.files.due_merge(&self.limits).files.is_empty() {
            return Ok(());
        }
        let Self { table, files, limits, .. } = self;
        table
            .commit(context, async |table, target| {
                files.update(table).await?;
                let removes = files.due_merge(limits).files;
                if removes.is_empty() {
                    return Ok(None);
                }
                let inputs = files.inputs(&removes)?;
                let merged = merge::merge(inputs, target, limits.sealed_rows).await?;
                let adds = merged.finish().await?;
                Ok(Some(Change { adds, removes, data_change: false, ..Change::default() }))
            })
            .await?;
        self.files.update(self.table.delta()).await
    }
}

/// Returns the rows that follow from a silver table's log, by their keys.
fn of_log(rows: &[LedgerEntry]) -> HashMap<&str, &LedgerEntry> {
    let of_log = rows.iter().filter(|entry| follows_from_log(entry));
    of_log.map(|entry| (entry.key.path(), entry)).collect()
}

/// Returns those of the landings that the ledger does not have among these rows yet.
///
/// Another process may have read them from silver's log, together with later commits that changed
/// what these archives hold: its rows are newer.
fn without_recorded(landed: &[LedgerEntry], rows: &[LedgerEntry]) -> Vec<LedgerEntry> {
    let landing = |entry: &LedgerEntry| {
        let version = entry.silver_version?;
        Some((entry.key.shared_path(), entry.sha256.clone(), version))
    };
    let recorded: HashSet<_> = rows.iter().filter_map(landing).collect();
    let is_new =
        |entry: &&LedgerEntry| landing(entry).is_none_or(|landing| !recorded.contains(&landing));
    landed.iter().filter(is_new).cloned().collect()
}

/// Returns those of the rows that are of archives of which the ledger has nothing from silver's
/// log, as that of a program may which does not know their data type, or which are about archives
/// that did not land.
fn without_known(landed: &[LedgerEntry], rows: &[LedgerEntry]) -> Vec<LedgerEntry> {
    let known = of_log(rows);
    let is_new =
        |entry: &&LedgerEntry| !follows_from_silver(entry) || !known.contains_key(entry.key.path());
    landed.iter().filter(is_new).cloned().collect()
}

fn recorded_up_to(id: Option<&str>, version: Option<i64>) -> BTreeMap<String, i64> {
    id.zip(version).map(|(id, version)| (id.to_owned(), version)).into_iter().collect()
}

/// Returns the silver table that holds the rows of an archive.
fn silver_table<'a>(matrix: &'a Matrix, archive: &ArchiveKey) -> Option<&'a str> {
    let combination = matrix.get(archive.market(), archive.data_type())?;
    Some(combination.schema.as_str())
}
