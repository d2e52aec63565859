//! Rows on their way into data files: gathered by partition, put in order, and written when there
//! are enough.
//!
//! Small archives of one batch share a file per partition. Rows that come in order, as nearly all
//! do, are appended to the partition's open file a slab at a time. Others wait until memory says
//! so, are sorted, and begin a new file if they do not follow, because every file is sorted by
//! itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::names::partition::Partition;

use super::order::{follows, last_row, sorted};
use crate::delta::TableError;
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Bytes that may be in memory, over all partitions of a unit: rows that wait, and row groups that
/// grow.
const BUFFERED_BYTES: usize = 96 << 20;
/// Bytes of rows in order that are written at once: enough to keep several threads busy.
const SLAB_BYTES: usize = 12 << 20;
/// Rows of one data file: enough that files are few, few enough that a correction rewrites little.
const FILE_ROWS: u64 = 16 << 20;

/// The partitions that a unit, or one large archive of it, writes to.
#[derive(Debug)]
pub(super) struct PartitionSet {
    target: Arc<FileTarget>,
    sort_columns: Arc<[String]>,
    gathered: BTreeMap<Partition, PartitionBuffer>,
    bytes: usize,
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
    pub(super) fn new(target: Arc<FileTarget>, sort_columns: Arc<[String]>) -> Self {
        Self { target, sort_columns, gathered: BTreeMap::new(), bytes: 0 }
    }

    /// Takes rows of one archive; `source` is the archive's `archive sha256`.
    pub(super) fn push(
        &mut self,
        partition: Partition,
        rows: RecordBatch,
        source: &Arc<str>,
    ) -> Result<(), TableError> {
        let bytes = rows.get_array_memory_size();
        let gathered = self.gathered.entry(partition).or_default();
        if !gathered.disordered {
            let follows = follows(gathered.last(), &rows, &self.sort_columns);
            gathered.disordered = !follows.map_err(TableError::arrow(self.target.table()))?;
        }
        gathered.batches.push(rows);
        gathered.bytes += bytes;
        if !gathered.sources.contains(source) {
            gathered.sources.insert(Arc::clone(source));
        }
        self.bytes += bytes;
        if !gathered.disordered && gathered.bytes >= SLAB_BYTES {
            self.write_out(partition)?;
        }
        while self.bytes > BUFFERED_BYTES {
            self.relieve()?;
        }
        Ok(())
    }

    /// Writes what is left and ends all files.
    pub(super) fn finish(mut self) -> Result<Vec<WrittenFile>, TableError> {
        let mut files = Vec::new();
        for (partition, mut gathered) in std::mem::take(&mut self.gathered) {
            self.write(partition, &mut gathered)?;
            gathered.close()?;
            files.append(&mut gathered.finished);
        }
        Ok(files)
    }

    /// Gives up what was taken of the days that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(NaiveDate) -> bool) {
        let (kept, lost) = std::mem::take(&mut self.gathered)
            .into_iter()
            .partition(|(partition, _)| keep(partition.date));
        self.gathered = kept;
        let lost = Self {
            gathered: lost,
            target: Arc::clone(&self.target),
            sort_columns: Arc::clone(&self.sort_columns),
            bytes: 0,
        };
        lost.discard();
        self.bytes = self.gathered.values().map(PartitionBuffer::memory).sum();
    }

    /// Gives everything up that was written.
    pub(super) fn discard(self) {
        for gathered in self.gathered.into_values() {
            if let Some(open) = gathered.open {
                open.writer.discard();
            }
            gathered.finished.into_iter().for_each(|file| file.discard(&self.target));
        }
    }

    /// Writes what the partition with the most bytes has in memory, to its last row group.
    fn relieve(&mut self) -> Result<(), TableError> {
        let largest = self.gathered.iter().max_by_key(|(_, gathered)| gathered.memory());
        let Some(partition) = largest.map(|(partition, _)| *partition) else { return Ok(()) };
        self.write_out(partition)?;
        if let Some(gathered) = self.gathered.get_mut(&partition) {
            self.bytes -= std::mem::take(&mut gathered.open_bytes);
            gathered.open.as_mut().map_or(Ok(()), |open| open.writer.end_row_group())?;
        }
        Ok(())
    }

    /// Writes the rows of a partition that wait.
    fn write_out(&mut self, partition: Partition) -> Result<(), TableError> {
        let Some(mut gathered) = self.gathered.remove(&partition) else { return Ok(()) };
        self.bytes -= gathered.memory();
        self.write(partition, &mut gathered)?;
        self.bytes += gathered.memory();
        self.gathered.insert(partition, gathered);
        Ok(())
    }

    fn write(
        &self,
        partition: Partition,
        gathered: &mut PartitionBuffer,
    ) -> Result<(), TableError> {
        let failed = TableError::arrow(self.target.table());
        let Some((mut batches, disordered)) = gathered.take_waiting() else { return Ok(()) };
        if disordered {
            batches = vec![sorted(&batches, &self.sort_columns).map_err(&failed)?];
        }
        if !self.fits(gathered.open.as_ref(), &batches, disordered).map_err(&failed)? {
            gathered.close()?;
        }
        let open = match &mut gathered.open {
            Some(open) => open,
            empty => empty.insert(PartitionFile {
                writer: DataFileWriter::create(&self.target, partition_values(partition))?,
                last_row: RecordBatch::new_empty(self.target.schema()),
                sources: BTreeSet::new(),
            }),
        };
        open.writer.write(&batches)?;
        open.last_row =
            batches.last().map_or_else(|| Ok(open.last_row.clone()), last_row).map_err(&failed)?;
        open.sources.append(&mut gathered.sources);
        gathered.open_bytes = open.writer.memory_size();
        Ok(())
    }

    /// Tells whether rows may follow what the open file holds.
    fn fits(
        &self,
        open: Option<&PartitionFile>,
        rows: &[RecordBatch],
        disordered: bool,
    ) -> Result<bool, ArrowError> {
        let (Some(open), Some(first)) = (open, rows.first()) else { return Ok(true) };
        let more: usize = rows.iter().map(RecordBatch::num_rows).sum();
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

    /// Hands over the rows that wait, and whether they are out of order.
    fn take_waiting(&mut self) -> Option<(Vec<RecordBatch>, bool)> {
        self.bytes = 0;
        let (batches, disordered) =
            (std::mem::take(&mut self.batches), std::mem::take(&mut self.disordered));
        (!batches.is_empty()).then_some((batches, disordered))
    }

    fn close(&mut self) -> Result<(), TableError> {
        if let Some(open) = self.open.take() {
            let sources: Vec<&str> = open.sources.iter().map(AsRef::as_ref).collect();
            self.finished.push(open.writer.finish(Some(sources.join("\n")))?);
        }
        Ok(())
    }
}

fn partition_values(partition: Partition) -> Vec<(String, String)> {
    vec![
        ("market".to_owned(), partition.market.to_string()),
        ("date".to_owned(), partition.date.format("%Y-%m-%d").to_string()),
    ]
}
