//! One silver table, against what is known of its archives and, on request, against the archives
//! themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    DefaultParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, TryStreamExt, stream};
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::names::market::{Frequency, Market};
use lakehouse_core::names::partition::Partition;
use lakehouse_core::names::period::DateRange;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};

use super::fingerprint::{Counter, Fingerprint, Tally};
use super::report::{Check, Finding};
use super::walk::TableTallies;
use super::{Problem, TableWork, VerifyError};
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::error_chain::one_line;
use crate::meta::scope::Scope;
use crate::parquet::reader::listed_archives;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8 << 10;

/// The rows of a table, and what is wrong with its files.
#[derive(Debug)]
pub(super) struct Tallied<'a> {
    pub(super) tallies: TableTallies<'a>,
    pub(super) findings: Vec<Finding>,
    /// Paths of files that are missing or cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// The days whose data files may have rows of archives that are verified.
#[derive(Debug)]
pub(super) struct Days {
    markets: Vec<Market>,
    within: DateRange,
    /// Those of single archives, where these are known.
    of_archives: Option<BTreeSet<(Market, NaiveDate)>>,
}

/// Days before and after a period on which an archive may have rows.
const AROUND: chrono::Days = chrono::Days::new(62);

impl Days {
    /// Returns the days of a scope.
    pub(super) fn of(scope: &Scope) -> Self {
        let DateRange { start, end } = scope.dates;
        let within = DateRange {
            start: start.map(|start| start.checked_sub_days(AROUND).unwrap_or(start)),
            end: end.map(|end| end.checked_add_days(AROUND).unwrap_or(end)),
        };
        Self { markets: scope.markets.clone(), within, of_archives: None }
    }

    /// Leaves all days out but those of archives that are added.
    pub(super) fn limit(&mut self) {
        self.of_archives.get_or_insert_default();
    }

    /// Adds the days on which an archive has rows.
    pub(super) fn add(&mut self, entry: &LedgerEntry) {
        let Some(days) = &mut self.of_archives else { return };
        let period = entry.key.period();
        let first = entry.min_time.map_or(period.start(), |time| time.date_naive());
        let last = entry.max_time.map_or(period.end(), |time| time.date_naive());
        let range =
            DateRange { start: Some(first.min(period.start())), end: Some(last.max(period.end())) };
        for day in range.periods(Frequency::Daily) {
            days.insert((entry.key.market(), day.start()));
        }
    }

    fn has(&self, partition: &Partition) -> bool {
        let Partition { market, date } = *partition;
        (self.markets.is_empty() || self.markets.contains(&market))
            && self.within.contains(date)
            && self.of_archives.as_ref().is_none_or(|days| days.contains(&(market, date)))
    }
}

/// What is to be read of data files.
#[derive(Debug)]
struct Reading {
    store: Arc<dyn ObjectStore>,
    schema: SchemaRef,
    /// Whether rows are hashed, and not only counted.
    values: bool,
}

/// Counts the rows of a table by archive, and with `values` hashes them too; what is wrong with
/// single files is in the findings.
///
/// # Errors
/// When the table's log cannot be read, or a temporary file not be written.
pub(super) async fn tally_table<'a>(
    work: &TableWork<'a>,
    table: &WritableTable,
    days: &Days,
    values: bool,
) -> Result<Tallied<'a>, VerifyError> {
    let TableWork { verify, schema, chosen, .. } = work;
    let tallies = TableTallies::new(&verify.matrix, schema.table());
    let mut tallied = Tallied { tallies, findings: Vec::new(), unreadable: Vec::new() };
    let (store, schema) = (table.store(), schema.file_schema());
    let reading = Arc::new(Reading { store, schema, values });
    let is_chosen = |file: &ActiveFile| {
        // What has no partition is read, and found not to.
        partition_of(file).is_none_or(|partition| days.has(&partition))
    };
    let counted = stream::iter(table.each_file()?.filter(is_chosen)).map(|file| {
        let file = ActiveFile { stats: None, ..file };
        // A task, so that a panic over a damaged file is a finding and not the end.
        let counting = tokio::spawn(tally_file(Arc::clone(&reading), file.clone()));
        async move { (file, counting.await.unwrap_or_else(|error| Err(error.into()))) }
    });
    let mut counted = counted.buffer_unordered(verify.threads.max(1));
    while let Some((file, counted)) = counted.next().await {
        match counted {
            Ok((size, found)) => {
                let differs = size != file.size;
                let sized = differs.then(|| finding(table, &file, format!("{size} bytes")));
                tallied.findings.extend(sized);
                tallied.tallies.add(found, chosen)?;
            }
            Err(error) => {
                let reason = match error.downcast_ref::<object_store::Error>() {
                    Some(object_store::Error::NotFound { .. }) => "missing".to_owned(),
                    _ => format!("cannot be read: {}", one_line(error.as_ref())),
                };
                tallied.findings.push(finding(table, &file, reason));
                tallied.unreadable.push(file.path);
            }
        }
    }
    Ok(tallied)
}

/// Counts the rows of a file; returns its size, too.
async fn tally_file(reading: Arc<Reading>, file: ActiveFile) -> Result<(u64, Tally), Problem> {
    let size = reading.store.head(&file.location()).await?.size;
    let partition = partition_of(&file).ok_or("its partition is no market and date")?;
    let readers = DefaultParquetFileReaderFactory::new(Arc::clone(&reading.store));
    let metrics = ExecutionPlanMetricsSet::new();
    let scanned = PartitionedFile::new(file.location().to_string(), size);
    let reader: Box<dyn AsyncFileReader> = readers.create_reader(0, scanned, None, &metrics)?;
    let mut builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    if !reading.values {
        // Which archive a row is from is all that counting needs.
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
        builder = builder.with_projection(mask);
    }
    let is_foreign = listed_archives(builder.metadata()).is_none();
    let mut batches = builder.with_batch_size(BATCH_ROWS).build()?;
    let counter = Counter::new(&reading.schema, reading.values)?;
    let mut tally = Tally::default();
    while let Some(batch) = batches.try_next().await? {
        counter.count(&mut tally, &partition, &batch)?;
    }
    if is_foreign {
        tally.foreign = tally.archives.keys().cloned().collect();
    }
    Ok((size, tally))
}

fn partition_of(file: &ActiveFile) -> Option<Partition> {
    let value = |column: &str| file.partition_values.get(column)?.clone();
    Some(Partition { market: value("market")?.parse().ok()?, date: value("date")?.parse().ok()? })
}

fn finding(table: &WritableTable, file: &ActiveFile, found: String) -> Finding {
    let archive = format!("{}/{}", table.spec.name, file.path);
    Finding { archive, check: Check::DataFile, expected: format!("{} bytes", file.size), found }
}

/// Describes how silver differs from an archive: the days as expected, and as found; nothing if it
/// does not.
pub(super) fn difference(
    archive: &BTreeMap<NaiveDate, Fingerprint>,
    silver: &BTreeMap<NaiveDate, Fingerprint>,
) -> Option<(String, String)> {
    let mut days: Vec<NaiveDate> = archive.keys().chain(silver.keys()).copied().collect();
    days.sort_unstable();
    days.dedup();
    let mut expected = Vec::new();
    let mut found = Vec::new();
    for day in days {
        let published = archive.get(&day).copied().unwrap_or_default();
        let held = silver.get(&day).copied().unwrap_or_default();
        if published == held {
            continue;
        }
        let suffix = if published.rows == held.rows { " with other values" } else { "" };
        expected.push(format!("{day}: {} rows", published.rows));
        found.push(format!("{day}: {} rows{suffix}", held.rows));
    }
    (!expected.is_empty()).then(|| (expected.join(", "), found.join(", ")))
}
