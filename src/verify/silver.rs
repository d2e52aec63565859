//! One silver table, against what is known of its archives and, if asked, against the archives
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

use super::fingerprint::{Counter, Fingerprint, Tally};
use super::report::{Check, Finding};
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 8 << 10;

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
) -> Result<(Tally, Vec<Finding>), TableError> {
    let sizes = list_sizes(table).await?;
    let (mut tally, mut findings, mut present) = (Tally::default(), Vec::new(), Vec::new());
    for file in table.active_files()? {
        match sizes.get(&file.location()) {
            Some(size) => {
                let differs = *size != file.size;
                findings.extend(differs.then(|| finding(table, &file, format!("{size} bytes"))));
                present.push(file);
            }
            None => findings.push(finding(table, &file, "missing".to_owned())),
        }
    }
    let counted = stream::iter(present).map(|file| {
        let (store, schema) = (table.store(), schema.file_schema());
        async move {
            let counting = tokio::spawn(tally_file(store, file.clone(), schema, values));
            let counted = counting.await.unwrap_or_else(|error| Err(error.to_string()));
            (file, counted)
        }
    });
    let mut counted = counted.buffer_unordered(threads);
    while let Some((file, counted)) = counted.next().await {
        match counted {
            Ok(found) => tally.merge(found),
            Err(error) => findings.push(finding(table, &file, format!("cannot be read: {error}"))),
        }
    }
    Ok((tally, findings))
}

async fn tally_file(
    store: Arc<dyn ObjectStore>,
    file: ActiveFile,
    schema: SchemaRef,
    values: bool,
) -> Result<Tally, String> {
    let partition = partition_of(&file).ok_or("its partition is no market and date")?;
    let size = store.head(&file.location()).await.map_err(|error| error.to_string())?.size;
    let (readers, metrics) =
        (DefaultParquetFileReaderFactory::new(store), ExecutionPlanMetricsSet::new());
    let scanned = PartitionedFile::new(file.location().to_string(), size);
    let reader: Box<dyn AsyncFileReader> =
        readers.create_reader(0, scanned, None, &metrics).map_err(|error| error.to_string())?;
    let mut builder =
        ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|error| error.to_string())?;
    if !values {
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
        builder = builder.with_projection(mask);
    }
    let mut batches =
        builder.with_batch_size(BATCH_ROWS).build().map_err(|error| error.to_string())?;
    let counter = Counter::new(&schema, values).map_err(|error| error.to_string())?;
    let mut tally = Tally::default();
    while let Some(batch) = batches.try_next().await.map_err(|error| error.to_string())? {
        counter.count(&mut tally, &partition, &batch).map_err(|error| error.to_string())?;
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
    listed.map_err(|error| TableError::Store {
        table: table.spec.name.clone(),
        path: table.storage.url().to_string(),
        source: Box::new(error),
    })
}

fn finding(table: &WritableTable, file: &ActiveFile, found: String) -> Finding {
    let archive = format!("{}/{}", table.spec.name, file.path);
    Finding { archive, check: Check::DataFile, expected: format!("{} bytes", file.size), found }
}

/// Says in what silver differs from an archive; nothing if it does not.
pub(super) fn difference(
    archive: &BTreeMap<NaiveDate, Fingerprint>,
    silver: Option<&BTreeMap<NaiveDate, Fingerprint>>,
) -> Option<(String, String)> {
    let nothing = BTreeMap::new();
    let silver = silver.unwrap_or(&nothing);
    let mut days: Vec<NaiveDate> = archive.keys().chain(silver.keys()).copied().collect();
    days.sort_unstable();
    days.dedup();
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    for day in days {
        let (ought, has) = (archive.get(&day).copied(), silver.get(&day).copied());
        let (ought, has) = (ought.unwrap_or_default(), has.unwrap_or_default());
        if ought == has {
            continue;
        }
        let rows_differ = ought.rows != has.rows;
        expected.push(format!("{day}: {} rows", ought.rows));
        found.push(format!(
            "{day}: {} rows{}",
            has.rows,
            if rows_differ { "" } else { " with other values" }
        ));
    }
    (!expected.is_empty()).then(|| (expected.join(", "), found.join(", ")))
}
