//! Maintenance: fewer and larger files, checkpoints, and no files that are not needed any more.
//!
//! Everything here may be killed at any moment, run twice, run at the same time as ingests, and by
//! two processes at once. What it changes in a table is one commit each that moves rows and changes
//! none, and what it deletes is what no version within the retention names. Commits are never
//! deleted, because they say which archives each version holds.

mod compact;
mod decimal_bounds;
mod describe;
mod dropping;
mod merge;
mod merge_thread;
mod plan;
mod removals;
mod repair;
mod report;
mod vacuum;

use std::sync::Arc;

use chrono::TimeDelta;
use lakehouse_core::gold::Models;
use lakehouse_core::ledger::BronzePolicy;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use thiserror::Error;
use uuid::Uuid;

use self::compact::{compact_table, planned};
use self::decimal_bounds::{count_decimal_bounds, remove_decimal_bounds};
pub use self::plan::{CompactionLimits, PartitionPlan};
pub use self::repair::{FailedArchive, Repair, RepairReport, SetAside, TableRepair};
pub use self::report::{Compacted, DeletedFile, MaintainReport, TableReport};
use self::vacuum::{delete_files, find_unneeded};
use crate::bronze::{FetchError, delete_stale_partials, find_stale_partials};
use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::checkpoint::{checkpoint_table, is_due};
use crate::delta::commit::CommitContext;
use crate::delta::table::WritableTable;
use crate::error_chain::one_line;
use crate::meta::archives::LedgerTable;
use crate::meta::archives::reader::LedgerReader;
pub use crate::meta::rebuild::LedgerReport;
use crate::meta::series::{SeriesTable, record_states, recorded_series};
use crate::query::{At, LakeCatalog, QueryError};
use crate::shutdown::Shutdown;
use crate::storage::StorageError;
use crate::storage::lake::{Lake, TableName};
use crate::verify::VerifyError;

/// How long a file stays after a commit removed it from its table, if nothing else is requested.
pub const DEFAULT_RETENTION: TimeDelta = TimeDelta::days(7);

/// Commits after which maintenance gives a table a new checkpoint.
const COMMITS_WITHOUT_CHECKPOINT: i64 = 20;

/// Why a lake could not be maintained at all.
#[derive(Debug, Error)]
pub enum MaintainError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A table could not be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the lake has no table `{name}`; it has {}", listed(tables))]
    UnknownTable { name: String, tables: Vec<String> },
    #[error("cannot drop archives that are in silver")]
    Drop(#[from] FetchError),
    #[error("cannot delete half-downloaded archives in {folder}")]
    PartialDownloads { folder: String, source: std::io::Error },
}

/// Returns whether the files of a table stay as they are: each has a range of its own.
fn keeps_files(name: &TableName) -> bool {
    *name == SeriesTable::name()
}

fn listed(tables: &[String]) -> String {
    if tables.is_empty() { "none yet".to_owned() } else { tables.join(", ") }
}

/// Which lake is to be maintained, and how.
#[derive(Clone, Debug)]
pub struct Maintain {
    pub lake: Lake,
    pub matrix: Arc<Matrix>,
    pub schemas: Arc<Schemas>,
    /// The models of gold tables, which describe the tables' columns.
    pub models: Arc<Models>,
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
    /// Tables such as `silver.klines`; all if none is named.
    pub tables: Vec<String>,
    /// How long time travel and running readers can rely on files.
    pub retention: TimeDelta,
    /// Rebuild `meta.archives` and `meta.changes` from silver first.
    pub rebuild_ledger: bool,
    /// What bronze keeps of archives that are in silver.
    pub bronze: BronzePolicy,
    pub limits: CompactionLimits,
}

impl Maintain {
    /// Maintains the lake; a table that cannot be maintained does not keep others from it.
    ///
    /// # Errors
    /// When the lake cannot be listed, a named table is not there, or the ledger cannot be rebuilt.
    pub async fn run(&self, clock: &Clock) -> Result<MaintainReport, MaintainError> {
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = Shutdown::default();
        let context = CommitContext { run: run.into(), clock: clock.clone(), shutdown };
        let mut report = MaintainReport {
            dry_run: self.dry_run,
            run: (!self.dry_run).then(|| Arc::clone(&context.run)),
            ..MaintainReport::default()
        };
        if self.rebuild_ledger {
            report.ledger = Some(self.rebuild_ledger(&context).await?);
        }
        let names = self.names().await?;
        if !self.dry_run && !names.is_empty() {
            self.lake.prepare_write().await?;
        }
        // After the ledger, whose rebuilt files then are maintained with the others.
        for name in names {
            let mut table = TableReport { table: name.to_string(), ..TableReport::default() };
            if let Err(error) = Box::pin(self.maintain_table(&name, &context, &mut table)).await {
                table.failure = Some(one_line(&error));
            }
            report.tables.push(table);
        }
        if self.tables.is_empty() {
            report.partial_downloads = self.delete_partial_downloads(clock)?;
            report.dropped_archives = self.drop_archives().await?;
        }
        Ok(report)
    }

    async fn rebuild_ledger(&self, context: &CommitContext) -> Result<LedgerReport, MaintainError> {
        let matrix = Arc::clone(&self.matrix);
        let rebuilt =
            LedgerTable::rebuild(&self.lake, matrix, &self.schemas, self.dry_run, context);
        let report = Box::pin(rebuilt).await?;
        if !self.dry_run {
            self.follow_ledger(context).await?;
        }
        Ok(report)
    }

    /// Lets `meta.series` say of archives what the ledger says.
    async fn follow_ledger(&self, context: &CommitContext) -> Result<(), TableError> {
        let ledger = LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await?;
        let Some(ledger) = ledger else { return Ok(()) };
        let states = recorded_series(&ledger)?;
        record_states(&self.lake, &self.matrix, &states, context).await
    }

    async fn names(&self) -> Result<Vec<TableName>, MaintainError> {
        let mut tables = LakeCatalog::new(&self.lake, At::Newest).list().await?;
        let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
        if let Some(unknown) = self.tables.iter().find(|name| !names.contains(name)) {
            return Err(MaintainError::UnknownTable { name: unknown.clone(), tables: names });
        }
        if !self.tables.is_empty() {
            tables.retain(|table| self.tables.contains(&table.to_string()));
        }
        Ok(tables)
    }

    async fn maintain_table(
        &self,
        name: &TableName,
        context: &CommitContext,
        report: &mut TableReport,
    ) -> Result<(), TableError> {
        let Some(mut table) = WritableTable::open_as_is(&self.lake, name).await? else {
            return Ok(());
        };
        report.version_before = Some(table.version());
        report.version_after = report.version_before;
        let limits = self.limits_of(name);
        if self.dry_run {
            report.described = self.lacks_descriptions(&mut table)?;
            if !keeps_files(name) {
                report.planned = planned(&table, &limits)?;
            }
            report.decimal_bounds = count_decimal_bounds(&table)?;
            let is_due = is_due(&table, COMMITS_WITHOUT_CHECKPOINT).await?;
            report.checkpoint = is_due.then(|| table.version());
            report.deleted = find_unneeded(&mut table, context.clock.now(), self.retention).await?;
            return Ok(());
        }
        report.described = self.describe(&mut table, context).await?;
        if !keeps_files(name) {
            report.compacted = compact_table(&mut table, limits, context).await?;
        }
        // After compaction, whose outputs have no such bounds any more.
        report.decimal_bounds = remove_decimal_bounds(&mut table, context).await?;
        report.version_after = Some(table.version());
        report.checkpoint = checkpoint_table(&table, COMMITS_WITHOUT_CHECKPOINT).await?;
        // Last, because compaction and checkpoints are what makes files unneeded.
        let unneeded = find_unneeded(&mut table, context.clock.now(), self.retention).await?;
        delete_files(&table, &unneeded).await?;
        report.deleted = unneeded;
        Ok(())
    }

    /// Returns how large the files of a table become: those of the ledger stay small enough for
    /// looking up single rows, or the next run would divide them again.
    fn limits_of(&self, name: &TableName) -> CompactionLimits {
        let mut limits = self.limits;
        if *name == LedgerTable::name() {
            limits.rows = limits.rows.min(LedgerTable::FILE_ROWS);
        }
        limits
    }

    /// Deletes what killed downloads left, where bronze is a folder.
    fn delete_partial_downloads(&self, clock: &Clock) -> Result<Vec<DeletedFile>, MaintainError> {
        let bronze = self.lake.bronze()?;
        let Some(folder) = bronze.local_folder() else { return Ok(Vec::new()) };
        let failed = |source| {
            let folder = folder.display().to_string();
            MaintainError::PartialDownloads { folder, source }
        };
        let mut stale =
            find_stale_partials(folder, clock.now() - self.retention).map_err(failed)?;
        if !self.dry_run {
            stale = delete_stale_partials(stale).map_err(failed)?;
        }
        let deleted = |(path, bytes): (std::path::PathBuf, u64)| {
            let path = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            DeletedFile { path, bytes }
        };
        Ok(stale.into_iter().map(deleted).collect())
    }
}
