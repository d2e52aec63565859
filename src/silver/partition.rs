//! Rows on their way into data files: gathered by partition, sorted, and written when memory says so.
//!
//! Small archives of one batch share a file per partition. What a partition gathers is sorted before it
//! is written, and appended to the partition's open file while the order allows; otherwise a new file
//! begins, because every file is sorted by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::kernels::sort::{LexicographicalComparator, SortColumn};
use arrow::compute::{SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::market::Market;

use crate::delta::TableError;
use crate::delta::file::{DataFileWriter, FileTarget, WrittenFile};

/// Bytes of rows that may wait in memory, over all partitions of a unit.
const BUFFERED_BYTES: usize = 96 << 20;
/// Rows of one data file: enough that files are few, few enough that a correction rewrites little.
const FILE_ROWS: usize = 16 << 20;

/// A partition of a silver table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Partition {
    pub(super) market: Market,
    pub(super) date: NaiveDate,
}

/// The partitions that a unit, or one large archive of it, writes to.
#[derive(Debug)]
pub(super) struct PartitionSet {
    target: Arc<FileTarget>,
    sort_columns: Arc<[String]>,
    gathered: BTreeMap<Partition, Gathered>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Gathered {
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// `archive sha256` of every archive with rows among them.
    sources: BTreeSet<Arc<str>>,
    open: Option<OpenFile>,
    finished: Vec<WrittenFile>,
}

#[derive(Debug)]
struct OpenFile {
    writer: DataFileWriter,
    rows: usize,
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
        gathered.batches.push(rows);
        gathered.bytes += bytes;
        if !gathered.sources.contains(source) {
            gathered.sources.insert(Arc::clone(source));
        }
        self.bytes += bytes;
        while self.bytes > BUFFERED_BYTES {
            self.write_largest()?;
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
        let (kept, lost) =
            std::mem::take(&mut self.gathered).into_iter().partition(|(partition, _)| keep(partition.date));
        self.gathered = kept;
        let lost = Self {
            gathered: lost,
            target: Arc::clone(&self.target),
            sort_columns: Arc::clone(&self.sort_columns),
            bytes: 0,
        };
        lost.discard();
        self.bytes = self.gathered.values().map(|gathered| gathered.bytes).sum();
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

    fn write_largest(&mut self) -> Result<(), TableError> {
        let largest = self.gathered.iter().max_by_key(|(_, gathered)| gathered.bytes);
        let Some(partition) = largest.map(|(partition, _)| *partition) else { return Ok(()) };
        let Some(mut gathered) = self.gathered.remove(&partition) else { return Ok(()) };
        self.bytes -= gathered.bytes;
        self.write(partition, &mut gathered)?;
        self.gathered.insert(partition, gathered);
        Ok(())
    }

    fn write(&self, partition: Partition, gathered: &mut Gathered) -> Result<(), TableError> {
        let arrow_failed = TableError::arrow(self.target.table());
        let Some(first) = gathered.batches.first() else { return Ok(()) };
        let rows = concat_batches(&first.schema(), &gathered.batches).map_err(&arrow_failed)?;
        gathered.batches.clear();
        gathered.bytes = 0;
        let sources = std::mem::take(&mut gathered.sources);
        let rows = sorted(rows, &self.sort_columns).map_err(&arrow_failed)?;
        if !self.continues(gathered.open.as_ref(), &rows).map_err(&arrow_failed)? {
            gathered.close()?;
        }
        let last_row = rows.slice(rows.num_rows().saturating_sub(1), 1);
        let open = match &mut gathered.open {
            Some(open) => open,
            empty => empty.insert(OpenFile {
                writer: DataFileWriter::create(&self.target, partition_values(partition))?,
                rows: 0,
                last_row: last_row.clone(),
                sources: BTreeSet::new(),
            }),
        };
        open.writer.write_row_group(&rows)?;
        open.rows += rows.num_rows();
        open.last_row = last_row;
        open.sources.extend(sources);
        Ok(())
    }

    /// Tells whether sorted rows may follow what the open file holds.
    fn continues(&self, open: Option<&OpenFile>, rows: &RecordBatch) -> Result<bool, ArrowError> {
        let Some(open) = open else { return Ok(true) };
        if open.rows + rows.num_rows() > FILE_ROWS {
            return Ok(false);
        }
        let border = concat_batches(&rows.schema(), [&open.last_row, &rows.slice(0, 1)])?;
        is_sorted(&border, &self.sort_columns)
    }
}

impl Gathered {
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

/// Sorts rows ascending by the columns, NULLs last; rows that are equal keep their order.
fn sorted(rows: RecordBatch, columns: &[String]) -> Result<RecordBatch, ArrowError> {
    if is_sorted(&rows, columns)? {
        return Ok(rows);
    }
    let mut sort = sort_by(&rows, columns)?;
    let count = u32::try_from(rows.num_rows()).map_err(|_| ArrowError::ComputeError("too many rows".to_owned()))?;
    let position: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..count));
    sort.push(SortColumn { values: position, options: None });
    take_record_batch(&rows, &lexsort_to_indices(&sort, None)?)
}

fn is_sorted(rows: &RecordBatch, columns: &[String]) -> Result<bool, ArrowError> {
    let sort = sort_by(rows, columns)?;
    let comparator = LexicographicalComparator::try_new(&sort)?;
    Ok((1..rows.num_rows()).all(|row| comparator.compare(row - 1, row).is_le()))
}

fn sort_by(rows: &RecordBatch, columns: &[String]) -> Result<Vec<SortColumn>, ArrowError> {
    let options = Some(SortOptions { descending: false, nulls_first: false });
    let column = |name: &String| {
        let values = rows.column_by_name(name).cloned();
        let values = values.ok_or_else(|| ArrowError::SchemaError(format!("no column `{name}` to sort by")))?;
        Ok(SortColumn { values, options })
    };
    columns.iter().map(column).collect()
}
