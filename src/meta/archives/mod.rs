//! The ledger, `meta.archives`: one row for every archive, and every version of it, that the lake
//! knows.
//!
//! It is an index of silver's log, which is the truth about what silver holds. Commits that the
//! ledger lacks are added whenever it is opened for writing (see [`LedgerTable::reconcile`]), so a
//! run that dies between the commit to silver and the one to the ledger loses nothing.

pub(super) mod files;
pub(super) mod identity;
pub(crate) mod reader;
mod replace;
pub(super) mod replay;
pub(super) mod rows;
mod scan;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::SchemaRef;
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;

use self::files::LedgerFiles;
use self::replace::{follows_from_silver, held_archive};
use self::replay::replay;
pub(super) use self::rows::SCHEMA;
use super::silver_index::SilverIndex;
use super::table::{MetaTable, write_file};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::log::LogEntry;
use crate::delta::table::WritableTable;
use crate::storage::lake::Lake;

/// The ledger as a table, with all its rows in memory.
#[derive(Debug)]
pub(crate) struct LedgerTable {
    table: MetaTable,
    matrix: Arc<Matrix>,
    files: LedgerFiles,
    /// Properties to record with the next rows: the ids of the silver tables that are described.
    described: BTreeMap<String, String>,
}

impl LedgerTable {
    /// Opens the ledger of a lake and reads it; creates it when it is missing.
    pub(crate) async fn open(lake: &Lake, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        Self::read(MetaTable::open_or_create(lake, &SCHEMA).await?, matrix).await
    }

    /// Returns the Delta table.
    pub(crate) const fn table(&self) -> &WritableTable {
        self.table.delta()
    }

    /// Returns the table's columns.
    pub(crate) fn schema() -> SchemaRef {
        SCHEMA.arrow()
    }

    /// Reads the ledger of a lake that may have none yet; writes nothing.
    pub(crate) async fn peek(lake: &Lake, matrix: Arc<Matrix>) -> Result<Option<Self>, TableError> {
        match MetaTable::open(lake, &SCHEMA).await? {
            Some(table) => Self::read(table, matrix).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(table: MetaTable, matrix: Arc<Matrix>) -> Result<Self, TableError> {
        let mut files = LedgerFiles::default();
        files.update(table.delta(), &matrix).await?;
        Ok(Self { table, matrix, files, described: BTreeMap::new() })
    }

    /// Returns every row, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.files.entries()
    }

    /// Returns what the ledger knows of one silver table, as the start of that table's own index.
    fn recorded_index(&self, table: &str) -> SilverIndex {
        let mut held = Vec::new();
        // Nothing before the newest version in any row has to be read from the log again: commits
        // are recorded in their order.
        let mut seen = -1;
        for entry in self.entries().filter(|entry| follows_from_silver(entry)) {
            if silver_table(&self.matrix, entry) != Some(table) {
                continue;
            }
            seen = entry.silver_version.map_or(seen, |version| version.max(seen));
            held.extend(held_archive(entry).map(|held| (entry.key.path().to_owned(), held)));
        }
        SilverIndex::new(held, seen)
    }

    /// Adds what the index found in a silver table's log and the ledger lacks.
    ///
    /// Entries that the ledger has already are found again where it was written by a run that read
    /// less of the log than this one; replaying them changes nothing.
    pub(crate) async fn reconcile(
        &mut self,
        index: &mut SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.add_logged(index.take_unrecorded(), context).await
    }

    /// Adds what the index found in commits before a version, as [`Self::reconcile`] does; to be
    /// called before anything of that version is recorded.
    pub(crate) async fn reconcile_before(
        &mut self,
        version: i64,
        index: &mut SilverIndex,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.add_logged(index.take_unrecorded_before(version), context).await
    }

    async fn add_logged(
        &mut self,
        logged: Vec<(i64, LogEntry)>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if logged.is_empty() {
            return Ok(());
        }
        let matrix = Arc::clone(&self.matrix);
        self.write(context, |files| {
            let in_silver = files.entries().filter(|entry| follows_from_silver(entry));
            let known: HashMap<&str, &LedgerEntry> =
                in_silver.map(|entry| (entry.key.path(), entry)).collect();
            replay(&matrix, &known, logged.clone(), context)
        })
        .await
    }

    /// Returns the row of an archive whose bytes turned out to be those that silver holds already,
    /// with the size, ETag and time that the source reports now, so that the next plan does not
    /// take it for changed.
    pub(crate) fn confirm(
        &self,
        archive: &BronzeArchive,
        context: &CommitContext,
    ) -> Option<LedgerEntry> {
        let sha256 = archive.sha256.to_string();
        let same = |entry: &&LedgerEntry| {
            follows_from_silver(entry)
                && entry.key == archive.key
                && entry.sha256.as_deref() == Some(sha256.as_str())
        };
        let held = self.entries().find(same)?;
        Some(LedgerEntry {
            checksum: archive.checksum,
            size: Some(archive.size),
            etag: archive.etag.clone(),
            last_modified: archive.last_modified,
            run: Arc::clone(&context.run),
            recorded_at: context.clock.now(),
            ..held.clone()
        })
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
        self.write(context, |_| entries.clone()).await
    }

    /// Records archives that this process landed, unless another one has read of it in silver's
    /// log.
    pub(crate) async fn record_landed(
        &mut self,
        entries: Vec<LedgerEntry>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(context, |files| files.without_recorded(&entries)).await
    }

    /// Writes the rows that `select` makes for the newest version of the ledger, again at every
    /// attempt: what another process recorded in between is newer than what was known before.
    async fn write(
        &mut self,
        context: &CommitContext,
        select: impl Fn(&LedgerFiles) -> Vec<LedgerEntry>,
    ) -> Result<(), TableError> {
        let Self { table, matrix, files, described } = self;
        table
            .commit(context, async |table, target| {
                files.update(table, matrix).await?;
                let entries = select(files);
                if entries.is_empty() {
                    return Ok(None);
                }
                let replacement = files.replacement(&entries);
                let batches = replacement.batches(target.table())?;
                let adds = vec![write_file(target, &batches).await?];
                let removes = replacement.removes;
                let metadata = table.with_properties(described)?;
                Ok(Some(Change { adds, removes, metadata, ..Change::default() }))
            })
            .await?;
        self.files.update(self.table.delta(), &self.matrix).await
    }
}

impl LedgerTable {
    /// Returns whether a row that is not understood is about an archive of a silver table: what
    /// the ledger says about the table is not complete then.
    fn has_unknown_rows_of(&self, table: &str) -> bool {
        let mut archives = self.files.unknown().flat_map(|rows| {
            let archives = rows.column_by_name("archive").and_then(|it| it.as_string_opt::<i32>());
            archives.into_iter().flat_map(|archives| archives.iter().flatten())
        });
        archives.any(|archive| {
            let key = self.matrix.identify(archive).ok();
            let row = key.and_then(|key| self.matrix.get(key.market(), key.data_type()));
            row.is_some_and(|row| row.schema == table)
        })
    }
}

/// Returns the silver table that holds the rows of a ledger row's archive.
fn silver_table<'a>(matrix: &'a Matrix, entry: &LedgerEntry) -> Option<&'a str> {
    let combination = matrix.get(entry.key.market(), entry.key.data_type())?;
    Some(combination.schema.as_str())
}
