//! Removal: archives leave silver, and on request bronze, and are left out of plans from then on.
//!
//! Rows go in one commit for each table. It records the removal, so the ledger follows from
//! silver's log here as everywhere, and a removal that is killed is completed by the next one. What
//! is removed is whole archives; gold follows by its own means.

mod bronze;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::{Schemas, TableSchema};
use lakehouse_core::series::{ArchiveState, SeriesLooks};
use thiserror::Error;
use uuid::Uuid;

use self::bronze::BronzeFiles;
pub use self::report::{RemoveReport, RemovedTable};
use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::delta::table::WritableTable;
use crate::failpoint::step;
use crate::memory::MemoryBudget;
use crate::meta::archives::LedgerTable;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::archives::wanted::KeySet;
use crate::meta::changes::ChangesTable;
use crate::meta::rejects::RejectsTable;
use crate::meta::scope::Scope;
use crate::meta::series::record_states;
use crate::shutdown::Shutdown;
use crate::silver::SilverTable;
use crate::storage::StorageError;
use crate::storage::lake::{Lake, Layer, TableName};

/// Why archives could not be removed; what was committed stays removed.
#[derive(Debug, Error)]
pub enum RemoveError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("cannot delete {file} of bronze; the same command goes on from here")]
    Bronze { file: String, source: object_store::Error },
}

/// Which archives are to be removed, and from what.
#[derive(Clone, Debug)]
pub struct Remove {
    pub lake: Lake,
    pub matrix: Arc<Matrix>,
    pub schemas: Arc<Schemas>,
    pub scope: Scope,
    /// Delete the zips too.
    pub bronze: bool,
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
}

impl Remove {
    /// Removes the archives in scope.
    ///
    /// # Errors
    /// When a table cannot be read or written, or a file of bronze cannot be deleted.
    pub async fn run(&self, clock: &Clock) -> Result<RemoveReport, RemoveError> {
        let run: Arc<str> = Uuid::now_v7().simple().to_string().into();
        let shutdown = Shutdown::default();
        let context = CommitContext { run: Arc::clone(&run), clock: clock.clone(), shutdown };
        let mut report = RemoveReport { dry_run: self.dry_run, ..RemoveReport::default() };
        if self.reader().await?.is_none() {
            return Ok(report);
        }
        if !self.dry_run {
            self.lake.prepare_write().await?;
            report.run = Some(run);
        }
        let mut states = SeriesLooks::default();
        for schema in self.schemas.iter().filter(|schema| self.may_hold(schema)) {
            let removed = Box::pin(self.remove_from(schema, &context, &mut report)).await?;
            for entry in &removed {
                states.set(&entry.key, ArchiveState::Removed);
            }
        }
        if !self.dry_run {
            record_states(&self.lake, &self.matrix, &states, &context).await?;
        }
        Ok(report)
    }

    async fn reader(&self) -> Result<Option<LedgerReader>, TableError> {
        LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await
    }

    /// Returns whether a table may hold archives in scope, by their markets and data types.
    fn may_hold(&self, schema: &TableSchema) -> bool {
        let Scope { markets, data_types, .. } = &self.scope;
        let mut rows = self.matrix.combinations().iter().filter(|it| it.schema == schema.table());
        rows.any(|row| {
            (markets.is_empty() || markets.contains(&row.market))
                && (data_types.is_empty() || data_types.contains(&row.data_type))
        })
    }

    /// Removes what is in scope from one table; returns the ledger's rows of it as they were.
    async fn remove_from(
        &self,
        schema: &TableSchema,
        context: &CommitContext,
        report: &mut RemoveReport,
    ) -> Result<Vec<LedgerEntry>, RemoveError> {
        let name = TableName::new(Layer::Silver, schema.table());
        let mut tables = None;
        if !self.dry_run {
            // What a run that died had landed is in scope too.
            tables = Some(Tables::open(self, schema, &name, context).await?);
        }
        let found = self.find(schema).await?;
        report.spanning.extend(found.spanning);
        let mut table = RemovedTable::planned(&name, &found.entries);
        if let Some(tables) = &mut tables {
            tables.remove(&found.entries, &mut table).await?;
        }
        if self.bronze {
            let files = BronzeFiles::of(&found.entries);
            let deleted = files.delete(&self.lake, self.dry_run).await?;
            step("bronze deleted", &name);
            report.bronze_files += deleted.files;
            report.bronze_bytes += deleted.bytes;
        }
        if table.archives > 0 {
            report.removed.push(table);
        }
        Ok(found.entries)
    }

    /// Finds the rows of archives in scope, of all versions.
    async fn find(&self, schema: &TableSchema) -> Result<Found, TableError> {
        let mut found = Found::default();
        let Some(reader) = self.reader().await? else { return Ok(found) };
        reader.for_each_in_scope(schema.table(), &self.scope, |entry| {
            if !self.scope.dates.covers(entry.key.period()) {
                if !matches!(entry.status, ArchiveStatus::Superseded | ArchiveStatus::Removed) {
                    found.spanning.insert(entry.key.path().to_owned());
                }
                return;
            }
            found.entries.push(entry);
        })?;
        Ok(found)
    }
}

/// What the ledger has of a selection.
#[derive(Debug, Default)]
struct Found {
    entries: Vec<LedgerEntry>,
    /// Archives that have other days too, and stay.
    spanning: BTreeSet<String>,
}

/// The tables that a removal writes to.
struct Tables<'a> {
    context: &'a CommitContext,
    matrix: &'a Arc<Matrix>,
    name: &'a TableName,
    /// Nothing if there is none, as where no archive ever landed.
    silver: Option<SilverTable>,
    ledger: LedgerTable,
    changes: ChangesTable,
    rejects: RejectsTable,
}

impl<'a> Tables<'a> {
    /// Opens the tables, and lets the ledger know all that is in silver.
    async fn open(
        remove: &'a Remove,
        schema: &TableSchema,
        name: &'a TableName,
        context: &'a CommitContext,
    ) -> Result<Self, TableError> {
        let Remove { lake, matrix, .. } = remove;
        let mut ledger = LedgerTable::open(lake, Arc::clone(matrix)).await?;
        let changes = ChangesTable::open(lake).await?;
        let rejects = RejectsTable::open(lake).await?;
        let mut silver = None;
        if WritableTable::open_as_is(lake, name).await?.is_some() {
            let schema = Arc::new(schema.clone());
            let memory = MemoryBudget::default();
            let table = SilverTable::open(lake, schema, Arc::clone(matrix), 1, memory).await?;
            silver = Some(table.indexed_by(&mut ledger, context).await?);
        }
        let mut tables = Self { context, matrix, name, silver, ledger, changes, rejects };
        tables.look_up(&KeySet::default()).await?;
        tables.record().await?;
        Ok(tables)
    }

    async fn look_up(&mut self, keys: &KeySet) -> Result<(), TableError> {
        let Self { silver, ledger, .. } = self;
        match silver {
            Some(silver) => silver.look_up_only(keys, ledger).await,
            None => Ok(()),
        }
    }

    /// Records what silver's log says and the ledger does not: corrections first, as ingest does.
    async fn record(&mut self) -> Result<(), TableError> {
        let Self { silver, ledger, changes, .. } = self;
        let Some(silver) = silver else { return Ok(()) };
        let corrections = silver.index().take_corrections();
        changes.record(self.matrix, self.name, corrections, self.context).await?;
        ledger.reconcile(silver.index(), self.context).await
    }

    async fn remove(
        &mut self,
        entries: &[LedgerEntry],
        report: &mut RemovedTable,
    ) -> Result<(), TableError> {
        let keys: KeySet = entries.iter().map(|entry| entry.key.shared_path()).collect();
        let archives: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
        self.look_up(&keys).await?;
        if let Some(silver) = &mut self.silver {
            report.version = silver.remove(&archives, self.context).await?;
        }
        self.record().await?;
        self.ledger.record_removed(&keys, self.context).await?;
        // Last, so that rows in silver never lack their rejects.
        self.rejects.replace(&archives, Vec::new(), self.context).await
    }
}
