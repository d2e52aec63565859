//! Rows of the ledger in the order of their keys, a few of each file at a time.
//!
//! Every file is sorted by archive, so what is wanted of it is found by the bounds of its row
//! groups, and the rows of several files are merged as they come. Memory depends on the number of
//! files and not on that of rows. What a row means is not known here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::kernels::cmp::{gt_eq, lt};
use arrow::compute::{and, cast};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReader, RowFilter,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::rows::{self, Row};
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::parquet::reader::{FileReader, open_file};
use crate::storage::lake::TableName;

/// Rows of each file that are decoded at a time.
const BATCH_ROWS: usize = 1024;

/// Keys from one, inclusive, up to another, exclusive.
#[derive(Clone, Debug)]
pub(super) struct KeyRange {
    start: String,
    end: String,
}

impl KeyRange {
    /// Returns the range of all keys that begin so.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        // No character sorts after the last one.
        Self { start: prefix.to_owned(), end: format!("{prefix}{}", char::MAX) }
    }

    fn contains(&self, key: &str) -> bool {
        *self.start <= *key && *key < *self.end
    }

    /// Returns whether a row group with these bounds, where they are known, may have rows of the
    /// range.
    fn may_overlap(&self, least: Option<&[u8]>, greatest: Option<&[u8]>) -> bool {
        least.is_none_or(|least| least < self.end.as_bytes())
            && greatest.is_none_or(|greatest| greatest >= self.start.as_bytes())
    }
}

/// A file of the ledger that is open, with its footer.
#[derive(Debug)]
pub(super) struct LedgerFile {
    file: FileReader,
    footer: ArrowReaderMetadata,
}

impl LedgerFile {
    /// Opens a file and reads its footer.
    pub(super) async fn open(table: &WritableTable, file: &ActiveFile) -> Result<Self, TableError> {
        let file = open_file(table, file).await?;
        let footer = file.footer()?;
        Ok(Self { file, footer })
    }

    /// Returns the row groups that may have rows of a range, each with the greatest value of a
    /// column of integers where that is known.
    pub(super) fn row_groups(&self, range: &KeyRange, column: &str) -> Vec<(usize, Option<i64>)> {
        let footer = self.footer.metadata();
        let archives = column_index(footer, "archive");
        let values = column_index(footer, column);
        let groups = footer.row_groups().iter().enumerate();
        let overlapping = groups.filter(|(_, group)| may_overlap(range, group, archives));
        overlapping.map(|(at, group)| (at, greatest(group, values))).collect()
    }

    /// Begins to read the rows of a range, of all row groups or of one.
    pub(super) fn cursor(
        &self,
        range: &KeyRange,
        only: Option<usize>,
        matrix: &Arc<Matrix>,
        table: &TableName,
    ) -> Result<Option<FileCursor>, TableError> {
        let footer = self.footer.metadata();
        let archives = column_index(footer, "archive");
        let groups = footer.row_groups().iter().enumerate();
        let wanted = groups.filter(|(at, group)| {
            only.is_none_or(|only| only == *at) && may_overlap(range, group, archives)
        });
        let wanted: Vec<usize> = wanted.map(|(at, _)| at).collect();
        if wanted.is_empty() {
            return Ok(None);
        }
        let builder = self.file.rows_with(self.footer.clone())?;
        let columns = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
        let in_range = range.clone();
        let filter = ArrowPredicateFn::new(columns, move |batch| is_in_range(&batch, &in_range));
        let reader = builder
            .with_row_groups(wanted)
            .with_row_filter(RowFilter::new(vec![Box::new(filter)]))
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| self.file.parquet_error(error))?;
        let mut cursor = FileCursor {
            reader,
            rows: Vec::new().into_iter(),
            next: None,
            range: range.clone(),
            matrix: Arc::clone(matrix),
            table: table.clone(),
        };
        cursor.advance()?;
        Ok(cursor.next.is_some().then_some(cursor))
    }
}

fn is_in_range(batch: &RecordBatch, range: &KeyRange) -> Result<BooleanArray, ArrowError> {
    let archives = cast(batch.column(0), &DataType::Utf8)?;
    let archives = archives.as_string::<i32>();
    let start = StringArray::new_scalar(range.start.as_str());
    let end = StringArray::new_scalar(range.end.as_str());
    and(&gt_eq(archives, &start)?, &lt(archives, &end)?)
}

fn column_index(footer: &ParquetMetaData, name: &str) -> Option<usize> {
    let columns = footer.file_metadata().schema_descr().columns();
    columns.iter().position(|column| column.name() == name)
}

fn statistics(group: &RowGroupMetaData, column: Option<usize>) -> Option<&Statistics> {
    group.columns().get(column?)?.statistics()
}

fn may_overlap(range: &KeyRange, group: &RowGroupMetaData, column: Option<usize>) -> bool {
    let bounds = statistics(group, column);
    let least = bounds.and_then(Statistics::min_bytes_opt);
    range.may_overlap(least, bounds.and_then(Statistics::max_bytes_opt))
}

fn greatest(group: &RowGroupMetaData, column: Option<usize>) -> Option<i64> {
    match statistics(group, column)? {
        Statistics::Int64(values) => values.max_opt().copied(),
        _ => None,
    }
}

/// The rows of one file, in their order.
pub(super) struct FileCursor {
    reader: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Row>,
    next: Option<LedgerEntry>,
    range: KeyRange,
    matrix: Arc<Matrix>,
    table: TableName,
}

impl FileCursor {
    fn key(&self) -> Option<Arc<str>> {
        self.next.as_ref().map(|entry| entry.key.shared_path())
    }

    /// Moves on to the next row of the range that this program understands.
    fn advance(&mut self) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table);
        self.next = None;
        while self.next.is_none() {
            match self.rows.next() {
                Some(Row::Known(entry)) if self.range.contains(entry.key.path()) => {
                    self.next = Some(*entry);
                }
                Some(_) => {}
                None => match self.reader.next() {
                    Some(batch) => {
                        let batch = batch.map_err(&failed)?;
                        let rows = rows::from_batch(&batch, &self.matrix).map_err(&failed)?;
                        self.rows = rows.into_iter();
                    }
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }
}

/// The rows of several files, merged.
pub(super) struct LedgerScan {
    cursors: Vec<FileCursor>,
    /// The next key of each file that has one; the least is on top.
    heads: BinaryHeap<Reverse<(Arc<str>, usize)>>,
}

impl std::fmt::Debug for LedgerScan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerScan").field("files", &self.heads.len()).finish_non_exhaustive()
    }
}

impl LedgerScan {
    pub(super) fn new(cursors: Vec<FileCursor>) -> Self {
        let keys = cursors.iter().enumerate();
        let heads = keys.filter_map(|(at, cursor)| Some(Reverse((cursor.key()?, at)))).collect();
        Self { cursors, heads }
    }

    /// Returns the key of the next row.
    pub(super) fn key(&self) -> Option<&str> {
        self.heads.peek().map(|Reverse((key, _))| key.as_ref())
    }

    /// Returns the next row.
    pub(super) fn next(&mut self) -> Result<Option<LedgerEntry>, TableError> {
        let Some(Reverse((_, at))) = self.heads.pop() else { return Ok(None) };
        let Some(cursor) = self.cursors.get_mut(at) else { return Ok(None) };
        let row = cursor.next.take();
        cursor.advance()?;
        if let Some(key) = cursor.key() {
            self.heads.push(Reverse((key, at)));
        }
        Ok(row)
    }
}
