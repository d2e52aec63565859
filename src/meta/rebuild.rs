//! The ledger and the table of corrections rebuilt from silver: from its log, and from its data
//! files where the log is gone.
//!
//! What silver cannot know (archives that failed, were rejected or are not published) is taken over
//! from the previous ledger, as far as that can be read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::archives::identity::{lost_in_rebuild, property};
use super::archives::rows::Row;
use super::archives::{self, LedgerTable, rows};
use super::changes::{self, ChangesTable};
use super::silver_history::SilverHistory;
use super::table::{MetaTable, read_rows, write_file};
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
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
    /// Replaces the ledger's rows by rows made from silver, in one commit, after one that does the
    /// same to the corrections.
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
            return planned(lake, &matrix, &mut silver, context).await;
        }
        let mut changes = ChangesTable::open(lake).await?;
        let corrections = changes.rebuild(&matrix, &mut silver, context).await?;
        let mut ledger = MetaTable::open_or_create(lake, &archives::SCHEMA).await?;
        let mut report = LedgerReport::default();
        ledger
            .commit(context, async |table, target| {
                let rebuilt = rebuilt(Some(table), &mut silver, &matrix, context).await?;
                report = rebuilt.report;
                let batches = rows::to_batches(&rebuilt.entries, &rebuilt.unknown);
                let batches = batches.map_err(TableError::arrow(target.table()))?;
                let adds = vec![write_file(target, &batches).await?];
                let removes = table.active_files()?;
                let metadata = table.with_properties(&described(&silver)?)?;
                Ok(Some(Change { adds, removes, metadata, ..Change::default() }))
            })
            .await?;
        Ok(LedgerReport { corrections, ..report })
    }
}

/// Returns what a rebuild would come to; writes nothing.
async fn planned(
    lake: &Lake,
    matrix: &Arc<Matrix>,
    silver: &mut [SilverHistory],
    context: &CommitContext,
) -> Result<LedgerReport, TableError> {
    let ledger = MetaTable::open(lake, &archives::SCHEMA).await?;
    let rebuilt = rebuilt(ledger.as_ref().map(MetaTable::delta), silver, matrix, context).await?;
    let before = ChangesTable::peek(lake).await?;
    let corrections = changes::rebuilt(matrix, silver, &before).await?.len();
    Ok(LedgerReport { corrections, ..rebuilt.report })
}

/// Returns the properties that name the silver tables which the ledger describes.
fn described(silver: &[SilverHistory]) -> Result<BTreeMap<String, String>, TableError> {
    let mut described = BTreeMap::new();
    for table in silver {
        described.insert(property(&table.name().name), table.id()?);
    }
    Ok(described)
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
    /// Rows that this program does not understand.
    unknown: Vec<RecordBatch>,
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
        None => FileRows::default(),
    };
    let FileRows { entries: before, unknown } = before;
    let mut entries = Vec::new();
    for table in silver {
        table.catch_up().await?;
        entries.extend(table.entries(matrix, context));
        report.from_data_files += table.count_from_files();
    }
    report.archives =
        entries.iter().filter(|entry| entry.status == ArchiveStatus::Ingested).count();
    take_over_times(&mut entries, &before);
    let kept = unknown_to_silver(before, &entries, context);
    report.kept = kept.len() + unknown.iter().map(RecordBatch::num_rows).sum::<usize>();
    entries.extend(kept);
    entries.sort_by(|a, b| (a.key.path(), a.recorded_at).cmp(&(b.key.path(), b.recorded_at)));
    Ok(Rebuilt { entries, unknown, report })
}

/// The rows of one file or of several.
#[derive(Debug, Default)]
struct FileRows {
    entries: Vec<LedgerEntry>,
    /// Rows that this program does not understand, and keeps as they are.
    unknown: Vec<RecordBatch>,
}

/// Reads the rows of one file.
async fn read_entries(
    table: &WritableTable,
    matrix: &Matrix,
    file: &ActiveFile,
) -> Result<FileRows, TableError> {
    let mut rows = FileRows::default();
    for row in read_rows(table, file, |batch| rows::from_batch(batch, matrix)).await? {
        match row {
            Row::Known(entry) => rows.entries.push(*entry),
            Row::Unknown(batch) => rows.unknown.push(batch),
        }
    }
    Ok(rows)
}

/// Reads the rows of the previous ledger; a file that cannot be read is counted and left out.
async fn entries_before(
    table: &WritableTable,
    matrix: &Matrix,
    report: &mut LedgerReport,
) -> Result<FileRows, TableError> {
    let mut rows = FileRows::default();
    for file in table.active_files()? {
        match read_entries(table, matrix, &file).await {
            Ok(read) => {
                rows.entries.extend(read.entries);
                rows.unknown.extend(read.unknown);
            }
            Err(error) => {
                tracing::warn!(%error, "a file of the ledger cannot be read");
                report.unreadable_files += 1;
            }
        }
    }
    Ok(rows)
}

/// Gives rows the time at which their version was first recorded, in place of that of the rebuild.
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

/// Returns the previous rows of archives and versions that silver does not know.
///
/// That an archive is in silver is true only if silver says so: a row of one that silver has no
/// version of says from now on that its rows are lost, so that the next run loads them.
fn unknown_to_silver(
    before: Vec<LedgerEntry>,
    in_silver: &[LedgerEntry],
    context: &CommitContext,
) -> Vec<LedgerEntry> {
    let archives: HashSet<_> = in_silver.iter().map(|entry| entry.key.path()).collect();
    let in_silver: HashSet<_> =
        in_silver.iter().map(|entry| (entry.key.path(), entry.sha256.as_deref())).collect();
    // Sorted, so that the order in which files are read does not decide which of two rows stays.
    let mut unknown = BTreeMap::new();
    for entry in before {
        let is_known = in_silver.contains(&(entry.key.path(), entry.sha256.as_deref()));
        if is_known {
            continue;
        }
        let entry = match entry.status {
            ArchiveStatus::Ingested | ArchiveStatus::Yielded
                if !archives.contains(entry.key.path()) =>
            {
                lost_in_rebuild(&entry, context)
            }
            ArchiveStatus::Ingested => continue,
            _ => entry,
        };
        let key = entry.key.shared_path();
        let state = (key, entry.recorded_at, entry.status.as_str(), entry.sha256.clone());
        unknown.insert(state, entry);
    }
    unknown.into_values().collect()
}
