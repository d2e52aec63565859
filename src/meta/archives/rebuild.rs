//! The ledger and the table of corrections rebuilt from silver: from its log, and from its data
//! files where the log is gone.
//!
//! What silver cannot know (archives that failed, were rejected or are not published) is taken over
//! from the previous ledger, as far as that can be read. All of it is read in the order of keys, so
//! that only the rows of one archive are in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use serde::Serialize;

use super::files::LedgerFiles;
use super::identity::property;
use super::rebuilt_rows::rebuilt_rows;
use super::scan::LedgerScan;
use super::sealed_writer::SealedWriter;
use super::wanted::Wanted;
use super::{LedgerLimits, LedgerTable, SCHEMA, rows};
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::file::NewFile;
use crate::delta::table::WritableTable;
use crate::meta::changes::{self, ChangesTable};
use crate::meta::recorded_archives::RecordedArchives;
use crate::meta::silver_history::SilverHistory;
use crate::meta::table::MetaTable;
use crate::parquet::writer::FileTarget;
use crate::storage::lake::{Lake, Layer, TableName};

/// Rows that are made into a batch.
const ROWS_AT_A_TIME: usize = 1024;

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
        let mut ledger = MetaTable::open_or_create(lake, &SCHEMA).await?;
        let mut report = LedgerReport::default();
        ledger
            .commit(context, async |table, target| {
                catch_up(&mut silver).await?;
                let previous = Previous::read(Some(table), &matrix).await?;
                let mut writer = SealedWriter::new(target, LedgerLimits::default().sealed_rows);
                let write = |batch: RecordBatch| writer.write(&batch);
                report = rebuilt(&previous, &silver, &matrix, context, write)?;
                let mut adds = writer.finish().await?;
                adds.extend(previous.write_unknown(target).await?);
                let removes = table.active_files()?;
                let metadata = table.with_properties(&described(&silver)?)?;
                let recorded = recorded_up_to(&silver)?;
                Ok(Some(Change { adds, removes, metadata, recorded, ..Change::default() }))
            })
            .await?;
        Ok(LedgerReport { corrections, ..report })
    }
}

/// Returns up to which version each silver table was read, by their ids.
fn recorded_up_to(silver: &[SilverHistory]) -> Result<BTreeMap<String, i64>, TableError> {
    silver.iter().map(|table| Ok((table.id()?, table.seen()))).collect()
}

/// Returns what a rebuild would come to; writes nothing.
async fn planned(
    lake: &Lake,
    matrix: &Arc<Matrix>,
    silver: &mut [SilverHistory],
    context: &CommitContext,
) -> Result<LedgerReport, TableError> {
    catch_up(silver).await?;
    let ledger = MetaTable::open(lake, &SCHEMA).await?;
    let previous = Previous::read(ledger.as_ref().map(MetaTable::delta), matrix).await?;
    let report = rebuilt(&previous, silver, matrix, context, |_| Ok(()))?;
    let before = ChangesTable::peek(lake).await?;
    let corrections = changes::rebuilt(matrix, silver, &before).await?.len();
    Ok(LedgerReport { corrections, ..report })
}

async fn catch_up(silver: &mut [SilverHistory]) -> Result<(), TableError> {
    for table in silver {
        table.catch_up().await?;
    }
    Ok(())
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

/// The previous ledger, as far as it can be read.
struct Previous {
    files: Option<LedgerFiles>,
    /// Rows that this program does not understand, and keeps as they are.
    unknown: Vec<RecordBatch>,
    unreadable_files: usize,
}

impl Previous {
    async fn read(table: Option<&WritableTable>, matrix: &Arc<Matrix>) -> Result<Self, TableError> {
        let mut previous = Self { files: None, unknown: Vec::new(), unreadable_files: 0 };
        if let Some(table) = table {
            let readable = LedgerFiles::open_readable(table, Arc::clone(matrix)).await?;
            previous.files = Some(readable.files);
            previous.unknown = readable.unknown;
            previous.unreadable_files = readable.unreadable;
        }
        Ok(previous)
    }

    /// Writes the rows that are not understood as they are.
    async fn write_unknown(&self, target: &Arc<FileTarget>) -> Result<Vec<NewFile>, TableError> {
        let mut writer = SealedWriter::new(target, LedgerLimits::default().sealed_rows);
        if !self.unknown.is_empty() {
            let failed = TableError::arrow(target.table());
            for batch in rows::to_batches(&[], &self.unknown).map_err(failed)? {
                writer.write(&batch)?;
            }
        }
        writer.finish().await
    }
}

/// Makes the rows of every archive in the order of keys, and passes them on in batches.
fn rebuilt(
    previous: &Previous,
    silver: &[SilverHistory],
    matrix: &Matrix,
    context: &CommitContext,
    mut write: impl FnMut(RecordBatch) -> Result<(), TableError>,
) -> Result<LedgerReport, TableError> {
    let mut report = LedgerReport {
        unreadable_files: previous.unreadable_files,
        kept: previous.unknown.iter().map(RecordBatch::num_rows).sum(),
        ..LedgerReport::default()
    };
    let mut histories = Vec::with_capacity(silver.len());
    for table in silver {
        report.from_data_files += table.count_from_files();
        histories.push(table.archives()?);
    }
    let mut before = match &previous.files {
        Some(files) => Some(files.scan(&Wanted::All)?),
        None => None,
    };
    let mut rows = Vec::new();
    while let Some(archive) = next_archive(&mut histories, before.as_ref()) {
        let mut in_silver = Vec::new();
        for history in histories.iter_mut().filter_map(|history| history.at(&archive)) {
            in_silver.extend(history.next_archive()?.rows(matrix, context));
        }
        let mut known = Vec::new();
        while let Some(before) = &mut before
            && before.key() == Some(archive.as_str())
        {
            known.extend(before.next()?);
        }
        let of_archive = rebuilt_rows(in_silver, known, context);
        report.archives += of_archive.ingested;
        report.kept += of_archive.kept;
        rows.extend(of_archive.rows);
        if rows.len() >= ROWS_AT_A_TIME {
            write_rows(&mut rows, &mut write)?;
        }
    }
    write_rows(&mut rows, &mut write)?;
    Ok(report)
}

/// Returns the next archive that silver or the previous ledger knows.
fn next_archive(
    histories: &mut [RecordedArchives<'_>],
    before: Option<&LedgerScan>,
) -> Option<String> {
    let recorded = histories.iter_mut().filter_map(|history| history.archive());
    let known = before.and_then(LedgerScan::key);
    recorded.chain(known).min().map(str::to_owned)
}

fn write_rows(
    rows: &mut Vec<LedgerEntry>,
    write: &mut impl FnMut(RecordBatch) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let table = TableName::new(Layer::Meta, SCHEMA.name);
    let failed = TableError::arrow(&table);
    if !rows.is_empty() {
        rows::to_batches(rows, &[]).map_err(failed)?.into_iter().try_for_each(write)?;
        rows.clear();
    }
    Ok(())
}
