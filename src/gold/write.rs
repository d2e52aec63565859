//! Sorted rows into data files, one after the other, and the check that no two of them have the
//! same key.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::kernels::sort::{LexicographicalComparator, SortColumn};
use arrow::compute::{cast, concat_batches, partition};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::executor::block_on_stream;
use thiserror::Error;

use crate::delta::file::NewFile;
use crate::delta::table::TableSpec;
use crate::delta::{TableError, Verb};
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Rows of a data file: few enough that replacing one rewrites little.
const FILE_ROWS: u64 = 16 << 20;

/// Why rows could not be written.
#[derive(Debug, Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Engine(Box<DataFusionError>),
    #[error(transparent)]
    Table(#[from] TableError),
    /// Two rows have this key.
    #[error("several rows with {0}")]
    NotUnique(String),
    /// A row is on a day that it cannot be on.
    #[error("{0}")]
    Astray(String),
}

/// Writes rows that come sorted by the partition columns and the sort columns of a table into
/// durable files that no commit names yet.
pub(crate) async fn write_sorted(
    target: &Arc<FileTarget>,
    spec: &TableSpec,
    rows: SendableRecordBatchStream,
) -> Result<Vec<NewFile>, WriteError> {
    write_each(target, spec, rows, |_, batch| Ok(batch)).await
}

/// Does the same with what `prepare` makes of each batch.
pub(super) async fn write_each<F>(
    target: &Arc<FileTarget>,
    spec: &TableSpec,
    rows: SendableRecordBatchStream,
    prepare: F,
) -> Result<Vec<NewFile>, WriteError>
where
    F: Fn(&SortedWriter, RecordBatch) -> Result<RecordBatch, WriteError> + Send + 'static,
{
    let mut writer = SortedWriter::new(Arc::clone(target), spec);
    // Encoding is blocking work, and the statement itself runs on the runtime's threads.
    let work = tokio::task::spawn_blocking(move || match push_all(&mut writer, rows, prepare) {
        Ok(()) => writer.finish(),
        Err(error) => {
            writer.discard();
            Err(error)
        }
    });
    let died = TableError::cannot(Verb::Compute, target.table(), "rows");
    Ok(target.publish_all(work.await.map_err(died)??).await?)
}

fn push_all(
    writer: &mut SortedWriter,
    rows: SendableRecordBatchStream,
    prepare: impl Fn(&SortedWriter, RecordBatch) -> Result<RecordBatch, WriteError>,
) -> Result<(), WriteError> {
    for batch in block_on_stream(rows) {
        let batch = batch.map_err(|error| WriteError::Engine(Box::new(error)))?;
        let batch = prepare(writer, batch)?;
        writer.push(&batch)?;
    }
    Ok(())
}

/// Writes rows that come sorted by the partition columns and the sort columns of a table.
#[derive(Debug)]
pub(super) struct SortedWriter {
    target: Arc<FileTarget>,
    partition_columns: Vec<String>,
    /// The partition columns and the sort columns.
    key: Vec<String>,
    last_row: Option<RecordBatch>,
    open: Option<PartitionFile>,
    finished: Vec<WrittenFile>,
}

/// The values of the partition columns, and the rows that have them.
pub(super) type PartitionRows = (Vec<(String, String)>, RecordBatch);

#[derive(Debug)]
struct PartitionFile {
    partition: Vec<(String, String)>,
    writer: DataFileWriter,
}

impl SortedWriter {
    pub(super) fn new(target: Arc<FileTarget>, spec: &TableSpec) -> Self {
        let key = spec.partition_columns.iter().chain(&spec.sort_columns).cloned().collect();
        let partition_columns = spec.partition_columns.clone();
        Self { target, partition_columns, key, last_row: None, open: None, finished: Vec::new() }
    }

    /// Adds the next rows.
    pub(super) fn push(&mut self, rows: &RecordBatch) -> Result<(), WriteError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let target = Arc::clone(&self.target);
        let failed = TableError::arrow(target.table());
        if let Some(row) = self.repeated_key(rows).map_err(failed)? {
            return Err(WriteError::NotUnique(row));
        }
        self.last_row = Some(rows.slice(rows.num_rows() - 1, 1));
        for (partition, part) in self.parts(rows)? {
            let stored = self.stored(&part).map_err(failed)?;
            self.file_of(partition, stored.num_rows() as u64)?.write(&[stored])?;
        }
        Ok(())
    }

    /// Divides rows into those of one partition each.
    pub(super) fn parts(&self, rows: &RecordBatch) -> Result<Vec<PartitionRows>, TableError> {
        let failed = TableError::arrow(self.target.table());
        let mut parts = Vec::new();
        for range in self.partitions(rows).map_err(failed)? {
            let part = rows.slice(range.start, range.len());
            parts.push((self.partition_of(&part).map_err(failed)?, part));
        }
        Ok(parts)
    }

    /// Ends the last file.
    pub(super) fn finish(mut self) -> Result<Vec<WrittenFile>, WriteError> {
        self.close()?;
        Ok(self.finished)
    }

    /// Deletes everything that was written.
    pub(super) fn discard(self) {
        if let Some(open) = self.open {
            open.writer.discard();
        }
        self.finished.into_iter().for_each(|file| file.discard(&self.target));
    }

    /// Returns the key of the first row that has the same as the one before it.
    fn repeated_key(&self, rows: &RecordBatch) -> Result<Option<String>, ArrowError> {
        // Rows with the same key may be the last of one batch and the first of the next.
        if let Some(last) = &self.last_row {
            let border = concat_batches(&rows.schema(), [last, &rows.slice(0, 1)])?;
            if let Some(row) = self.repeated_key_in(&border)? {
                return Ok(Some(row));
            }
        }
        self.repeated_key_in(rows)
    }

    fn repeated_key_in(&self, rows: &RecordBatch) -> Result<Option<String>, ArrowError> {
        let column = |values| SortColumn { values, options: None };
        let key: Vec<SortColumn> = columns(rows, &self.key)?.into_iter().map(column).collect();
        let comparator = LexicographicalComparator::try_new(&key)?;
        let repeated = (1..rows.num_rows()).find(|row| comparator.compare(row - 1, *row).is_eq());
        repeated.map(|row| self.describe(rows, row)).transpose()
    }

    fn describe(&self, rows: &RecordBatch, row: usize) -> Result<String, ArrowError> {
        let mut text = String::new();
        for (name, values) in self.key.iter().zip(columns(rows, &self.key)?) {
            let comma = if text.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{comma}{name} {}", array_value_to_string(&values, row)?);
        }
        Ok(text)
    }

    /// Returns the ranges of rows that belong to one partition each.
    fn partitions(&self, rows: &RecordBatch) -> Result<Vec<std::ops::Range<usize>>, ArrowError> {
        if self.partition_columns.is_empty() {
            return Ok(std::iter::once(0..rows.num_rows()).collect());
        }
        Ok(partition(&columns(rows, &self.partition_columns)?)?.ranges())
    }

    fn partition_of(&self, rows: &RecordBatch) -> Result<Vec<(String, String)>, ArrowError> {
        let values = columns(rows, &self.partition_columns)?;
        let value = |(name, values): (&String, ArrayRef)| {
            Ok((name.clone(), array_value_to_string(&values, 0)?))
        };
        self.partition_columns.iter().zip(values).map(value).collect()
    }

    /// Returns the columns that lie in the file, as it stores them.
    fn stored(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = self.target.schema();
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let values = columns(rows, &names)?.into_iter().zip(schema.fields());
        let values = values
            .map(|(values, field)| cast(&values, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(schema, values)
    }

    fn file_of(
        &mut self,
        partition: Vec<(String, String)>,
        rows: u64,
    ) -> Result<&mut DataFileWriter, TableError> {
        let goes_on = |open: &PartitionFile| {
            open.partition == partition && open.writer.rows() + rows <= FILE_ROWS
        };
        if !self.open.as_ref().is_some_and(goes_on) {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            empty => {
                let writer = DataFileWriter::create(&self.target, partition.clone())?;
                empty.insert(PartitionFile { partition, writer })
            }
        };
        Ok(&mut open.writer)
    }

    fn close(&mut self) -> Result<(), TableError> {
        if let Some(open) = self.open.take() {
            self.finished.push(open.writer.finish(None)?);
        }
        Ok(())
    }
}

fn columns(rows: &RecordBatch, names: &[String]) -> Result<Vec<ArrayRef>, ArrowError> {
    let column = |name: &String| {
        let values = rows.column_by_name(name).cloned();
        values.ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}`")))
    };
    names.iter().map(column).collect()
}
