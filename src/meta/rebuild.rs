//! The ledger and the table of corrections made anew, from what silver itself tells: its log, and
//! its data files where the log is gone.
//!
//! What silver cannot know (archives that failed, were rejected or are not published) is taken over
//! from the ledger before, as far as that can be read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::archives::{LedgerTable, read_entries, rows, write_file};
use super::changes::{self, ChangesTable};
use super::silver_history::SilverHistory;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::table::WritableTable;
use crate::parquet::writer::FileTarget;
use crate::storage::lake::{Lake, Layer, TableName};

/// What a rebuilt ledger consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LedgerReport {
    /// Archives that silver holds.
    pub archives: usize,
    /// Those of them that only the data files name, because their commits are gone.
    pub from_data_files: usize,
    /// Rows that only the previous ledger had: what failed, was rejected, not published or
    /// superseded.
    pub kept: usize,
    /// Files of the previous ledger that could not be read.
    pub unreadable_files: usize,
    /// Corrections in `meta.changes`.
    pub corrections: usize,
}

impl LedgerTable {
    /// Puts rows that are made from silver alone in the place of the ledger's, in one commit;
    /// corrections before it, in one of their own.
    ///
    /// Silver is read after the ledger's newest version, again at every attempt, so that nothing is
    /// lost that a running ingest records meanwhile.
    ///
    /// # Errors
    /// When a table cannot be read or written; the ledger is then as it was.
    pub(crate) async fn rebuild(
        lake: &Lake,
        matrix: Arc<Matrix>,
        schemas: &Schemas,
        dry_run: bool,
        context: &CommitContext,
    ) -> Result<LedgerReport, TableError> {
        let mut silver = open_silver(lake, schemas).await?;
        if dry_run {
            let table = WritableTable::open(lake, rows::table_spec()).await?;
            let rows = rebuilt(table.as_ref(), &mut silver, &matrix, context).await?;
            let before = ChangesTable::peek(lake).await?;
            let corrections = changes::rebuilt(&matrix, &mut silver, &before).await?.len();
            return Ok(LedgerReport { corrections, ..rows.report });
        }
        let corrections =
            ChangesTable::open(lake).await?.rebuild(&matrix, &mut silver, context).await?;
        let mut table = WritableTable::open_or_create(lake, rows::table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        let mut report = LedgerReport::default();
        commit(&mut table, context, async |table: &WritableTable| {
            let rebuilt = rebuilt(Some(table), &mut silver, &matrix, context).await?;
            report = rebuilt.report;
            let mut change = Change { removes: table.active_files()?, ..Change::default() };
            change.adds.push(write_file(&target, &rebuilt.entries).await?);
            Ok::<_, TableError>(Some(change))
        })
        .await?;
        Ok(LedgerReport { corrections, ..report })
    }
}

async fn open_silver(lake: &Lake, schemas: &Schemas) -> Result<Vec<SilverHistory>, TableError> {
    let mut silver = Vec::new();
    for schema in schemas.iter() {
        let name = TableName::new(Layer::Silver, schema.table());
        if let Some(table) = WritableTable::open_as_is(lake, &name).await? {
            silver.push(SilverHistory::new(table, schema.event_time()));
        }
    }
    Ok(silver)
}

struct Rebuilt {
    entries: Vec<LedgerEntry>,
    report: LedgerReport,
}

async fn rebuilt(
    ledger: Option<&WritableTable>,
    silver: &mut [SilverHistory],
    matrix: &Arc<Matrix>,
    context: &CommitContext,
) -> Result<Rebuilt, TableError> {
    let mut report = LedgerReport::default();
    let before = match ledger {
        Some(table) => entries_before(table, matrix, &mut report).await?,
        None => Vec::new(),
    };
    let mut entries = Vec::new();
    for table in silver {
        table.catch_up().await?;
        entries.extend(table.entries(matrix, context));
        report.from_data_files += table.archives_from_data_files();
    }
    report.archives =
        entries.iter().filter(|entry| entry.status == ArchiveStatus::Ingested).count();
    take_over_times(&mut entries, &before);
    let kept = unknown_to_silver(before, &entries);
    report.kept = kept.len();
    entries.extend(kept);
    entries.sort_by(|a, b| (a.key.path(), a.recorded_at).cmp(&(b.key.path(), b.recorded_at)));
    Ok(Rebuilt { entries, report })
}

/// Reads the rows of the ledger before; a file that cannot be read is passed over.
async fn entries_before(
    table: &WritableTable,
    matrix: &Matrix,
    report: &mut LedgerReport,
) -> Result<Vec<LedgerEntry>, TableError> {
    let mut entries = Vec::new();
    for file in table.active_files()? {
        match read_entries(table, matrix, &file).await {
            Ok(read) => entries.extend(read),
            Err(error) => {
                tracing::warn!(%error, "a file of the ledger cannot be read");
                report.unreadable_files += 1;
            }
        }
    }
    Ok(entries)
}

/// An archive was recorded when it was, not when the ledger was made anew.
fn take_over_times(entries: &mut [LedgerEntry], before: &[LedgerEntry]) {
    let version = |entry: &LedgerEntry| Some((entry.key.shared_path(), entry.sha256.clone()?));
    let known: HashMap<_, _> =
        before.iter().filter_map(|entry| Some((version(entry)?, entry.recorded_at))).collect();
    for entry in entries {
        if let Some(recorded_at) = version(entry).and_then(|version| known.get(&version)) {
            entry.recorded_at = *recorded_at;
        }
    }
}

/// Returns the rows that silver says nothing of; the word `ingested` counts only if silver says it.
fn unknown_to_silver(before: Vec<LedgerEntry>, told: &[LedgerEntry]) -> Vec<LedgerEntry> {
    let told: HashSet<_> =
        told.iter().map(|entry| (entry.key.path(), entry.sha256.as_deref())).collect();
    let unknown = before.into_iter().filter(|entry| {
        entry.status != ArchiveStatus::Ingested
            && !told.contains(&(entry.key.path(), entry.sha256.as_deref()))
    });
    // The order in which files are read must not decide what the ledger says.
    let unknown: BTreeMap<_, _> = unknown
        .map(|entry| {
            (
                (
                    entry.key.shared_path(),
                    entry.recorded_at,
                    entry.status.as_str(),
                    entry.sha256.clone(),
                ),
                entry,
            )
        })
        .collect();
    unknown.into_values().collect()
}
