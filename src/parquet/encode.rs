//! Encoding rows: the columns of a row group at the same time, each on whatever thread is free.
//!
//! What is encoded stays in memory until its row group ends, because a Parquet file holds a row
//! group column by column. Where the bytes go belongs to [`super::writer`].

use std::fs::File;
use std::io::BufWriter;
use std::iter::{Enumerate, Zip};
use std::slice::{Iter, IterMut};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, available_parallelism};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use super::decimals::DecimalEncoder;
use super::runs::RunEncoder;

/// A file on its way to the disk.
pub(super) type FileSink = SerializedFileWriter<BufWriter<File>>;

/// Rows of a row group; the batch that reaches it is its last.
pub(super) const ROW_GROUP_ROWS: usize = 1 << 20;
/// Bytes of a row group in memory; one of rows as they are published has fewer.
const ROW_GROUP_BYTES: usize = 160 << 20;
/// Rows for which another thread is worth its start.
const PARALLEL_ROWS: usize = 16 << 10;

/// Encodes one row group after the other.
#[derive(Debug)]
pub(super) struct RowGroupEncoder {
    schema: SchemaRef,
    factory: ArrowRowGroupWriterFactory,
    columns: Vec<ColumnEncoder>,
    rows: usize,
}

impl RowGroupEncoder {
    pub(super) const fn new(schema: SchemaRef, factory: ArrowRowGroupWriterFactory) -> Self {
        Self { schema, factory, columns: Vec::new(), rows: 0 }
    }

    /// Adds rows to the row group, which comes after those that `file` has.
    pub(super) fn write(
        &mut self,
        batches: &[RecordBatch],
        file: &mut FileSink,
    ) -> Result<(), ParquetError> {
        if self.columns.is_empty() {
            self.columns = self.new_columns(file)?;
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        // Columns cost very different amounts, so each thread takes the next one when it is done
        // with its last, and none gets a fixed share.
        let columns = Mutex::new(self.columns.iter_mut().zip(self.schema.fields()).enumerate());
        on_threads(threads_for(rows), || encode(&columns, batches))?;
        self.rows += rows;
        // Batches are not cut, so that encoders see whole runs.
        let is_full = self.rows >= ROW_GROUP_ROWS || self.memory_size() >= ROW_GROUP_BYTES;
        if is_full { self.finish(file) } else { Ok(()) }
    }

    fn new_columns(&self, file: &FileSink) -> Result<Vec<ColumnEncoder>, ParquetError> {
        let writers = self.factory.create_column_writers(file.flushed_row_groups().len())?;
        let mut columns = Vec::with_capacity(writers.len());
        // No type of the tables is nested, so a field is a column of the file.
        for (index, (writer, field)) in writers.into_iter().zip(self.schema.fields()).enumerate() {
            let column = file.schema_descr().column(index);
            columns.push(if has_few_values(field) {
                ColumnEncoder::Runs(RunEncoder::new(column))
            } else if let Some(decimals) = DecimalEncoder::of(column) {
                ColumnEncoder::Decimals(Box::new(decimals))
            } else {
                ColumnEncoder::Values(Box::new(writer))
            });
        }
        Ok(columns)
    }

    /// Ends the row group and moves it to the file.
    pub(super) fn finish(&mut self, file: &mut FileSink) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let mut group = file.next_row_group()?;
        // The next row group gets new encoders: dictionaries and statistics belong to one.
        for column in self.columns.drain(..) {
            column.finish(&mut group)?;
        }
        group.close().map(|_| ())
    }

    /// Returns the bytes in memory.
    pub(super) fn memory_size(&self) -> usize {
        self.columns.iter().map(ColumnEncoder::memory_size).sum()
    }

    /// Returns about how many bytes the row group will have in the file.
    pub(super) fn encoded_size(&self) -> usize {
        self.columns.iter().map(ColumnEncoder::encoded_size).sum()
    }
}

/// One column of a row group.
#[derive(Debug)]
enum ColumnEncoder {
    Values(Box<ArrowColumnWriter>),
    Decimals(Box<DecimalEncoder>),
    Runs(RunEncoder),
}

impl ColumnEncoder {
    fn write(&mut self, field: &Field, array: &ArrayRef) -> Result<(), ParquetError> {
        match self {
            Self::Values(writer) => {
                compute_leaves(field, array)?.iter().try_for_each(|leaf| writer.write(leaf))
            }
            Self::Decimals(decimals) => decimals.write(array),
            Self::Runs(runs) => runs.write(array),
        }
    }

    fn finish(
        self,
        group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>,
    ) -> Result<(), ParquetError> {
        let (bytes, close) = match self {
            Self::Values(writer) => return writer.close()?.append_to_row_group(group),
            Self::Decimals(decimals) => decimals.finish()?,
            Self::Runs(runs) => runs.finish()?,
        };
        group.append_column(&bytes, close)
    }

    fn memory_size(&self) -> usize {
        match self {
            Self::Values(writer) => writer.memory_size(),
            Self::Decimals(decimals) => decimals.memory_size(),
            Self::Runs(runs) => runs.memory_size(),
        }
    }

    fn encoded_size(&self) -> usize {
        match self {
            Self::Values(writer) => writer.get_estimated_total_bytes(),
            Self::Decimals(decimals) => decimals.encoded_size(),
            Self::Runs(runs) => runs.memory_size(),
        }
    }
}

/// Returns whether a column is one of those that are dictionaries in memory because an archive has
/// one value of them.
fn has_few_values(field: &Field) -> bool {
    let DataType::Dictionary(key, value) = field.data_type() else { return false };
    **key == DataType::Int32 && **value == DataType::Utf8 && !field.is_nullable()
}

/// The columns that no thread has taken yet.
type Columns<'a> = Enumerate<Zip<IterMut<'a, ColumnEncoder>, Iter<'a, FieldRef>>>;

fn encode(columns: &Mutex<Columns<'_>>, batches: &[RecordBatch]) -> Result<(), ParquetError> {
    loop {
        let column = columns.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((index, (encoder, field))) = column else { return Ok(()) };
        for batch in batches {
            encoder.write(field, batch.column(index))?;
        }
    }
}

/// Returns how many threads are worth their start for so many rows.
fn threads_for(rows: usize) -> usize {
    (rows / PARALLEL_ROWS).clamp(1, available_parallelism().map_or(1, usize::from))
}

/// Does the work on this thread and on others at the same time, until all are done.
fn on_threads(
    threads: usize,
    work: impl Fn() -> Result<(), ParquetError> + Sync,
) -> Result<(), ParquetError> {
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
        let mut result = work();
        // An error of any thread is one of the row group: its columns would differ in length.
        for other in others {
            let done = other.join().unwrap_or_else(|_| {
                Err(ParquetError::General("a thread that encoded a column died".to_owned()))
            });
            result = result.and(done);
        }
        result
    })
}
