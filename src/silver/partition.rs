//! Rows on their way into data files: buffered by partition, put in order, and written when there
//! are enough.
//!
//! Small archives of one batch share a file per partition. Rows that come in order, as nearly all
//! do, are appended to the partition's open file a slab at a time. Others wait until memory is
//! short, are sorted, and begin a new file if they do not follow, because each file is sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::names::partition::Partition;

use super::order::{follows, last_row, sorted};
use crate::delta::TableError;
use crate::memory::Reservation;
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Bytes of rows in order that are written at once: enough to keep several threads busy.
const SLAB_BYTES: usize = 12 << 20;
/// Bytes of rows out of order that are sorted at once: sorting takes twice as many for itself.
const SORT_BYTES: usize = 32 << 20;
/// Files that are open at a time: a batch may have rows of thousands of days, and a process as few
/// as 256 file descriptors.
const OPEN_FILES: usize = 96;
/// Rows of one data file: enough that files are few, few enough that a correction rewrites little.
const FILE_ROWS: u64 = 16 << 20;

/// The partitions that a batch, or one large archive of it, writes to.
#[derive(Debug)]
pub(super) struct PartitionSet {
    target: Arc<FileTarget>,
    sort_columns: Arc<[String]>,
    buffers: BTreeMap<Partition, PartitionBuffer>,
    /// Bytes that may be in memory, over all partitions: rows that wait, and row groups that grow.
    limit: usize,
    bytes: usize,
    /// As many bytes of the budget.
    memory: Reservation,
    /// Times that rows were written to any file.
    writes: u64,
}

#[derive(Debug, Default)]
struct PartitionBuffer {
    batches: Vec<RecordBatch>,
    /// Bytes of those.
    bytes: usize,
    /// Whether one of them does not follow what came before it.
    disordered: bool,
    /// `archive sha256` of every archive with rows among them.
    sources: BTreeSet<Arc<str>>,
    open: Option<PartitionFile>,
    /// When rows were last written, counted in writes.
    written: u64,
    /// Bytes of the open file that are in memory.
    open_bytes: usize,
    finished: Vec<WrittenFile>,
}

#[derive(Debug)]
struct PartitionFile {
    writer: DataFileWriter,
    last_row: RecordBatch,
    sources: BTreeSet<Arc<str>>,
}

impl PartitionSet {
    /// Begins without partitions; `limit` are the bytes of `memory` that they may take.
    pub(super) const fn new(
        target: Arc<FileTarget>,
        sort_columns: Arc<[String]>,
        limit: usize,
        memory: Reservation,
    ) -> Self {
        let buffers = BTreeMap::new();
        Self { target, sort_columns, buffers, limit, bytes: 0, memory, writes: 0 }
    }

    /// Adds rows of one archive; `source` is the archive's `archive sha256`.
    pub(super) fn push(
        &mut self,
        partition: Partition,
        rows: RecordBatch,
        source: &Arc<str>,
    ) -> Result<(), TableError> {
        let bytes = rows.get_array_memory_size();
        let buffer = self.buffers.entry(partition).or_default();
        // Once one batch is out of order, all that wait are sorted anyway.
        if !buffer.disordered {
            let follows = follows(buffer.last(), &rows, &self.sort_columns);
            buffer.disordered = !follows.map_err(TableError::arrow(self.target.table()))?;
        }
        buffer.batches.push(rows);
        buffer.bytes += bytes;
        if !buffer.sources.contains(source) {
            buffer.sources.insert(Arc::clone(source));
        }
        self.bytes += bytes;
        if buffer.bytes >= if buffer.disordered { SORT_BYTES } else { SLAB_BYTES } {
            self.write_out(partition)?;
        }
        while self.bytes > self.limit {
            self.flush_largest()?;
        }
        self.memory.resize(self.bytes);
        Ok(())
    }

    /// Writes what is left and ends all files.
    pub(super) fn finish(mut self) -> Result<Vec<WrittenFile>, TableError> {
        let mut files = Vec::new();
        // Taken out one by one, so that each partition's memory is free before the next is written.
        for (partition, mut buffer) in std::mem::take(&mut self.buffers) {
            self.write(partition, &mut buffer)?;
            buffer.close()?;
            files.append(&mut buffer.finished);
        }
        Ok(files)
    }

    /// Drops the rows of days that are not to be kept, with the files that have them.
    pub(super) fn retain(&mut self, keep: impl Fn(NaiveDate) -> bool) {
        for (partition, buffer) in std::mem::take(&mut self.buffers) {
            if keep(partition.date) {
                self.buffers.insert(partition, buffer);
            } else {
                buffer.discard(&self.target);
            }
        }
        // Counted again, because the dropped partitions had a part in it.
        self.bytes = self.buffers.values().map(PartitionBuffer::memory).sum();
        self.memory.resize(self.bytes);
    }

    /// Drops all rows, and deletes what was written of them.
    pub(super) fn discard(self) {
        self.buffers.into_values().for_each(|buffer| buffer.discard(&self.target));
    }

    /// Writes what the partition with the most bytes has in memory, to its last row group.
    fn flush_largest(&mut self) -> Result<(), TableError> {
        let largest = self.buffers.iter().max_by_key(|(_, buffer)| buffer.memory());
        let Some(partition) = largest.map(|(partition, _)| *partition) else { return Ok(()) };
        self.write_out(partition)?;
        if let Some(buffer) = self.buffers.get_mut(&partition) {
            // Rows that are written out may still be in memory, as a row group that grows.
            self.bytes -= std::mem::take(&mut buffer.open_bytes);
            buffer.open.as_mut().map_or(Ok(()), |open| open.writer.end_row_group())?;
        }
        Ok(())
    }

    /// Writes the rows of a partition that wait.
    fn write_out(&mut self, partition: Partition) -> Result<(), TableError> {
        let Some(mut buffer) = self.buffers.remove(&partition) else { return Ok(()) };
        self.bytes -= buffer.memory();
        self.write(partition, &mut buffer)?;
        self.bytes += buffer.memory();
        self.buffers.insert(partition, buffer);
        Ok(())
    }

    /// Ends the file that rows were written to longest ago if as many are open as may be; the
    /// partition's next rows begin another.
    fn make_room(&mut self) -> Result<(), TableError> {
        let open = self.buffers.values_mut().filter(|buffer| buffer.open.is_some());
        let open: Vec<&mut PartitionBuffer> = open.collect();
        if open.len() < OPEN_FILES {
            return Ok(());
        }
        let oldest = open.into_iter().min_by_key(|buffer| buffer.written);
        let Some(oldest) = oldest else { return Ok(()) };
        self.bytes -= oldest.open_bytes;
        oldest.close()
    }

    fn write(
        &mut self,
        partition: Partition,
        buffer: &mut PartitionBuffer,
    ) -> Result<(), TableError> {
        let target = Arc::clone(&self.target);
        let failed = TableError::arrow(target.table());
        // Not sorted together with what the file holds already: that is on disk.
        let Some((mut batches, disordered)) = buffer.take_waiting() else { return Ok(()) };
        if disordered {
            batches = vec![sorted(batches, &self.sort_columns).map_err(failed)?];
        }
        if !self.fits(buffer.open.as_ref(), &batches, disordered).map_err(failed)? {
            buffer.close()?;
        }
        if buffer.open.is_none() {
            self.make_room()?;
        }
        self.writes += 1;
        buffer.written = self.writes;
        let open = match &mut buffer.open {
            Some(open) => open,
            empty => empty.insert(PartitionFile {
                writer: DataFileWriter::create(&target, partition_values(partition))?,
                last_row: RecordBatch::new_empty(target.schema()),
                sources: BTreeSet::new(),
            }),
        };
        open.writer.write(&batches)?;
        if let Some(last) = batches.last() {
            open.last_row = last_row(last).map_err(failed)?;
        }
        open.sources.append(&mut buffer.sources);
        buffer.open_bytes = open.writer.memory_size();
        Ok(())
    }

    /// Returns whether rows may follow what the open file holds.
    fn fits(
        &self,
        open: Option<&PartitionFile>,
        rows: &[RecordBatch],
        disordered: bool,
    ) -> Result<bool, ArrowError> {
        let (Some(open), Some(first)) = (open, rows.first()) else { return Ok(true) };
        let more: usize = rows.iter().map(RecordBatch::num_rows).sum();
        // Large files make corrections expensive: all rows of a file are rewritten for one.
        if open.writer.rows() + more as u64 > FILE_ROWS {
            return Ok(false);
        }
        // Rows that came in order are known to follow.
        if disordered {
            follows(Some(&open.last_row), &first.slice(0, 1), &self.sort_columns)
        } else {
            Ok(true)
        }
    }
}

impl PartitionBuffer {
    fn memory(&self) -> usize {
        self.bytes + self.open_bytes
    }

    /// Returns the rows that came last.
    fn last(&self) -> Option<&RecordBatch> {
        self.batches.last().or_else(|| self.open.as_ref().map(|open| &open.last_row))
    }

    /// Returns the rows that wait, and whether they are out of order; none wait afterwards.
    fn take_waiting(&mut self) -> Option<(Vec<RecordBatch>, bool)> {
        self.bytes = 0;
        let batches = std::mem::take(&mut self.batches);
        let disordered = std::mem::take(&mut self.disordered);
        (!batches.is_empty()).then_some((batches, disordered))
    }

    /// Ends the open file, if there is one.
    fn close(&mut self) -> Result<(), TableError> {
        self.open_bytes = 0;
        if let Some(open) = self.open.take() {
            let sources: Vec<&str> = open.sources.iter().map(AsRef::as_ref).collect();
            self.finished.push(open.writer.finish(Some(sources.join("\n")))?);
        }
        Ok(())
    }

    /// Deletes what was written.
    fn discard(self, target: &FileTarget) {
        if let Some(open) = self.open {
            open.writer.discard();
        }
        self.finished.into_iter().for_each(|file| file.discard(target));
    }
}

pub(crate) fn partition_values(partition: Partition) -> Vec<(String, String)> {
    vec![
        ("market".to_owned(), partition.market.to_string()),
        ("date".to_owned(), partition.date.format("%Y-%m-%d").to_string()),
    ]
}
