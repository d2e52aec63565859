//! Rows of the ledger in the order of their keys, a few of each file at a time.
//!
//! Every file is sorted by archive, so what is wanted of it is found by the bounds of its row
//! groups and pages, and the rows of several files are merged as they come. Memory depends on the
//! number of files and not on that of rows. What a row means is not known here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ParquetRecordBatchReader, RowFilter, RowSelection,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::parse::{self, Row};
use super::wanted::Wanted;
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::parquet::reader::{FileReader, open_file};
use crate::storage::lake::TableName;

/// Rows of each file that are decoded at a time.
pub(super) const BATCH_ROWS: usize = 1024;

/// A file of the ledger that is open, with its footer.
#[derive(Debug)]
pub(super) struct LedgerFile {
    pub(super) active: ActiveFile,
    file: FileReader,
    footer: ArrowReaderMetadata,
}

/// The row groups of a file that may have what is wanted, and the rows of these that may be it.
struct Candidates {
    groups: Vec<usize>,
    rows: RowSelection,
}

impl LedgerFile {
    /// Opens a file and reads its footer.
    pub(super) async fn open(table: &WritableTable, file: ActiveFile) -> Result<Self, TableError> {
        let opened = open_file(table, &file).await?;
        let footer = opened.footer()?;
        Ok(Self { active: file, file: opened, footer })
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// Returns the number of rows of a row group.
    pub(super) fn rows_of_group(&self, group: usize) -> u64 {
        let groups = self.metadata().row_groups();
        let rows = groups.get(group).map(RowGroupMetaData::num_rows);
        rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default()
    }

    /// Returns bounds of the file's keys, as far as they are known.
    pub(super) fn bounds(&self) -> (Option<&[u8]>, Option<&[u8]>) {
        let archives = column_index(self.metadata(), "archive");
        let groups = self.metadata().row_groups();
        let first = groups.first().and_then(|group| statistics(group, archives));
        let last = groups.last().and_then(|group| statistics(group, archives));
        let least = first.and_then(Statistics::min_bytes_opt);
        (least, last.and_then(Statistics::max_bytes_opt))
    }

    /// Returns the row groups that may have wanted rows, with what is known of a column's values.
    pub(super) fn row_groups<'a>(
        &'a self,
        wanted: &Wanted,
        column: &str,
    ) -> Vec<(usize, Option<&'a Statistics>)> {
        let archives = column_index(self.metadata(), "archive");
        let values = column_index(self.metadata(), column);
        let mut found = Vec::new();
        for (at, group) in self.metadata().row_groups().iter().enumerate() {
            if may_overlap(wanted, statistics(group, archives)) {
                found.push((at, statistics(group, values)));
            }
        }
        found
    }

    /// Begins to read wanted rows, of all row groups or of one; nothing if there cannot be any.
    pub(super) fn read(
        &self,
        wanted: &Wanted,
        only: Option<usize>,
        columns: Option<&[&str]>,
    ) -> Result<Option<ParquetRecordBatchReader>, TableError> {
        let candidates = self.candidates(wanted, only);
        if candidates.groups.is_empty() {
            return Ok(None);
        }
        let mut builder = self
            .file
            .rows_with(self.footer.clone())?
            .with_row_groups(candidates.groups)
            .with_batch_size(BATCH_ROWS);
        if !matches!(wanted, Wanted::All) {
            let key = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
            let wanted = wanted.clone();
            let filter = ArrowPredicateFn::new(key, move |batch| mask(&batch, &wanted));
            builder = builder
                .with_row_selection(candidates.rows)
                .with_row_filter(RowFilter::new(vec![Box::new(filter)]));
        }
        if let Some(columns) = columns {
            let columns = columns.iter().copied();
            let columns = ProjectionMask::columns(builder.parquet_schema(), columns);
            builder = builder.with_projection(columns);
        }
        builder.build().map(Some).map_err(|error| self.file.parquet_error(error))
    }

    fn candidates(&self, wanted: &Wanted, only: Option<usize>) -> Candidates {
        let archives = column_index(self.metadata(), "archive");
        let mut groups = Vec::new();
        let mut rows = Vec::new();
        let mut total = 0;
        for (at, group) in self.metadata().row_groups().iter().enumerate() {
            if only.is_some_and(|only| only != at)
                || !may_overlap(wanted, statistics(group, archives))
            {
                continue;
            }
            groups.push(at);
            let group_rows = usize::try_from(group.num_rows()).unwrap_or_default();
            for page in self.pages(wanted, at, archives, group_rows) {
                rows.push(total + page.start..total + page.end);
            }
            total += group_rows;
        }
        let rows = RowSelection::from_consecutive_ranges(rows.into_iter(), total);
        Candidates { groups, rows }
    }

    /// Returns the rows of a row group's pages that may have wanted rows; all of them in a file
    /// without an index of its pages.
    fn pages(
        &self,
        wanted: &Wanted,
        group: usize,
        archives: Option<usize>,
        rows: usize,
    ) -> Vec<Range<usize>> {
        let all = || std::iter::once(0..rows).collect();
        let Some(archives) = archives else { return all() };
        let bounds = self.metadata().column_index();
        let bounds = bounds.and_then(|groups| groups.get(group)?.get(archives));
        let places = self.metadata().offset_index();
        let places = places.and_then(|groups| groups.get(group)?.get(archives));
        let (Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)), Some(places)) = (bounds, places) else {
            return all();
        };
        let starts = places.page_locations().iter();
        let starts = starts.map(|page| usize::try_from(page.first_row_index).unwrap_or_default());
        let starts: Vec<usize> = starts.collect();
        let mut found = Vec::new();
        for (page, start) in starts.iter().enumerate() {
            let end = starts.get(page + 1).copied().unwrap_or(rows);
            if wanted.overlaps(bounds.min_value(page), bounds.max_value(page)) {
                found.push(*start..end);
            }
        }
        found
    }

    /// Begins to read wanted rows one by one; nothing if there are none.
    fn cursor(
        &self,
        wanted: &Wanted,
        matrix: &Arc<Matrix>,
        table: &TableName,
    ) -> Result<Option<FileCursor>, TableError> {
        let Some(reader) = self.read(wanted, None, None)? else { return Ok(None) };
        let mut cursor = FileCursor {
            reader,
            rows: Vec::new().into_iter(),
            next: None,
            matrix: Arc::clone(matrix),
            table: table.clone(),
        };
        cursor.advance()?;
        Ok(cursor.next.is_some().then_some(cursor))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.footer.metadata()
    }
}

fn mask(batch: &RecordBatch, wanted: &Wanted) -> Result<BooleanArray, ArrowError> {
    let archives = cast(batch.column(0), &DataType::Utf8)?;
    Ok(wanted.mask(archives.as_string::<i32>()))
}

fn column_index(footer: &ParquetMetaData, name: &str) -> Option<usize> {
    let columns = footer.file_metadata().schema_descr().columns();
    columns.iter().position(|column| column.name() == name)
}

fn statistics(group: &RowGroupMetaData, column: Option<usize>) -> Option<&Statistics> {
    group.columns().get(column?)?.statistics()
}

fn may_overlap(wanted: &Wanted, bounds: Option<&Statistics>) -> bool {
    let least = bounds.and_then(Statistics::min_bytes_opt);
    wanted.overlaps(least, bounds.and_then(Statistics::max_bytes_opt))
}

/// The rows of one file, in their order.
struct FileCursor {
    reader: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<Row>,
    next: Option<LedgerEntry>,
    matrix: Arc<Matrix>,
    table: TableName,
}

impl FileCursor {
    fn key(&self) -> Option<Arc<str>> {
        self.next.as_ref().map(|entry| entry.key.shared_path())
    }

    /// Moves on to the next row that this program understands.
    fn advance(&mut self) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table);
        self.next = None;
        while self.next.is_none() {
            match self.rows.next() {
                Some(Row::Known(entry)) => self.next = Some(*entry),
                Some(Row::Unknown(_)) => {}
                None => match self.reader.next() {
                    Some(batch) => {
                        let batch = batch.map_err(&failed)?;
                        let rows = parse::from_batch(&batch, &self.matrix).map_err(&failed)?;
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
    /// Begins to read wanted rows of files.
    pub(super) fn new<'a>(
        files: impl Iterator<Item = &'a LedgerFile>,
        wanted: &Wanted,
        matrix: &Arc<Matrix>,
        table: &TableName,
    ) -> Result<Self, TableError> {
        let mut scan = Self { cursors: Vec::new(), heads: BinaryHeap::new() };
        for file in files {
            let Some(cursor) = file.cursor(wanted, matrix, table)? else { continue };
            if let Some(key) = cursor.key() {
                scan.heads.push(Reverse((key, scan.cursors.len())));
            }
            scan.cursors.push(cursor);
        }
        Ok(scan)
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
