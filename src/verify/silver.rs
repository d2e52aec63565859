//! One silver table, against what is known of its archives and, on request, against the archives
//! themselves.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::NaiveDate;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    DefaultParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, TryStreamExt, stream};
use lakehouse_core::names::partition::Partition;
use lakehouse_core::schema::TableSchema;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};

use super::Problem;
use super::fingerprint::{Counter, Fingerprint, Tally};
use super::report::{Check, Finding};
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::error_chain::one_line;
use crate::parquet::reader::listed_archives;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8 << 10;

/// The rows of a table, and what is wrong with its files.
#[derive(Debug)]
pub(super) struct Tallied {
    pub(super) tally: Tally,
    pub(super) findings: Vec<Finding>,
    /// Paths of files that are missing or cannot be read.
    pub(super) unreadable: Vec<String>,
}

/// Counts the rows of a table by archive, and with `values` hashes them too; what is wrong with
/// single files is in the findings.
///
/// # Errors
/// When the table's folder cannot be listed.
pub(super) async fn tally_table(
    table: &WritableTable,
    schema: &TableSchema,
    values: bool,
    threads: usize,
) -> Result<Tallied, TableError> {
    // One listing costs less than a request for each file.
    let sizes = list_sizes(table).await?;
    let mut tally = Tally::default();
    let mut findings = Vec::new();
    let mut unreadable = Vec::new();
    let mut present = Vec::new();
    for file in table.active_files()? {
        match sizes.get(&file.location()) {
            Some(size) => {
                let differs = *size != file.size;
                findings.extend(differs.then(|| finding(table, &file, format!("{size} bytes"))));
                present.push(file);
            }
            None => {
                findings.push(finding(table, &file, "missing".to_owned()));
                unreadable.push(file.path);
            }
        }
    }
    let counted = stream::iter(present).map(|file| {
        let store = table.store();
        let schema = schema.file_schema();
        async move {
            // A task, so that a panic over a damaged file is a finding and not the end.
            let counting = tokio::spawn(tally_file(store, file.clone(), schema, values));
            (file, counting.await.unwrap_or_else(|error| Err(error.into())))
        }
    });
    let mut counted = counted.buffer_unordered(threads);
    while let Some((file, counted)) = counted.next().await {
        match counted {
            Ok(found) => tally.merge(found),
            Err(error) => {
                let reason = one_line(error.as_ref());
                findings.push(finding(table, &file, format!("cannot be read: {reason}")));
                unreadable.push(file.path);
            }
        }
    }
    Ok(Tallied { tally, findings, unreadable })
}

async fn tally_file(
    store: Arc<dyn ObjectStore>,
    file: ActiveFile,
    schema: SchemaRef,
    values: bool,
) -> Result<Tally, Problem> {
    let partition = partition_of(&file).ok_or("its partition is no market and date")?;
    let size = store.head(&file.location()).await?.size;
    let readers = DefaultParquetFileReaderFactory::new(store);
    let metrics = ExecutionPlanMetricsSet::new();
    let scanned = PartitionedFile::new(file.location().to_string(), size);
    let reader: Box<dyn AsyncFileReader> = readers.create_reader(0, scanned, None, &metrics)?;
    let mut builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    if !values {
        // Which archive a row is from is all that counting needs.
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
        builder = builder.with_projection(mask);
    }
    let is_foreign = listed_archives(builder.metadata()).is_none();
    let mut batches = builder.with_batch_size(BATCH_ROWS).build()?;
    let counter = Counter::new(&schema, values)?;
    let mut tally = Tally::default();
    while let Some(batch) = batches.try_next().await? {
        counter.count(&mut tally, &partition, &batch)?;
    }
    if is_foreign {
        tally.foreign = tally.archives.keys().cloned().collect();
    }
    Ok(tally)
}

fn partition_of(file: &ActiveFile) -> Option<Partition> {
    let value = |column: &str| file.partition_values.get(column)?.clone();
    Some(Partition { market: value("market")?.parse().ok()?, date: value("date")?.parse().ok()? })
}

async fn list_sizes(table: &WritableTable) -> Result<HashMap<Path, u64>, TableError> {
    let listed =
        table.store().list(None).map_ok(|file| (file.location, file.size)).try_collect().await;
    listed.map_err(TableError::cannot(Verb::List, &table.spec.name, "its folder"))
}

fn finding(table: &WritableTable, file: &ActiveFile, found: String) -> Finding {
    let archive = format!("{}/{}", table.spec.name, file.path);
    Finding { archive, check: Check::DataFile, expected: format!("{} bytes", file.size), found }
}

/// Describes how silver differs from an archive: the days as expected, and as found; nothing if it
/// does not.
pub(super) fn difference(
    archive: &BTreeMap<NaiveDate, Fingerprint>,
    silver: Option<&BTreeMap<NaiveDate, Fingerprint>>,
) -> Option<(String, String)> {
    let nothing = BTreeMap::new();
    let silver = silver.unwrap_or(&nothing);
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
