//! Sorted rows of the ledger to files of a bounded number of rows, of which only a row group is in
//! memory.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::delta::TableError;
use crate::delta::file::NewFile;
use crate::meta::table::ROW_GROUP_ROWS;
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Writes one file after the other.
pub(in crate::meta) struct SealedWriter {
    target: Arc<FileTarget>,
    /// Rows of a file.
    rows: u64,
    open: Option<DataFileWriter>,
    /// Rows of the row group that is being written.
    group_rows: usize,
    written: Vec<WrittenFile>,
}

impl SealedWriter {
    pub(in crate::meta) fn new(target: &Arc<FileTarget>, rows: u64) -> Self {
        let target = Arc::clone(target);
        Self { target, rows: rows.max(1), open: None, group_rows: 0, written: Vec::new() }
    }

    /// Appends rows, which come after those before.
    pub(in crate::meta) fn write(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let mut file = match self.open.take() {
                Some(file) => file,
                None => DataFileWriter::create(&self.target, Vec::new())?,
            };
            let left = usize::try_from(self.rows - file.rows()).unwrap_or(usize::MAX);
            let fitting = left.min(ROW_GROUP_ROWS - self.group_rows);
            let rows = batch.slice(start, fitting.min(batch.num_rows() - start));
            start += rows.num_rows();
            self.group_rows += rows.num_rows();
            file.write(&[rows])?;
            if self.group_rows == ROW_GROUP_ROWS {
                file.end_row_group()?;
                self.group_rows = 0;
            }
            if file.rows() == self.rows {
                self.written.push(file.finish(None)?);
                self.group_rows = 0;
            } else {
                self.open = Some(file);
            }
        }
        Ok(())
    }

    /// Ends the last file, and makes all of them durable.
    pub(in crate::meta) async fn finish(mut self) -> Result<Vec<NewFile>, TableError> {
        if let Some(file) = self.open.take() {
            self.written.push(file.finish(None)?);
        }
        self.target.publish_all(self.written).await
    }
}
