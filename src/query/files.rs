//! The active files of a table in little memory: columns in chunks that versions of it share.
//!
//! A table may have a hundred thousand files, so no file has an object of its own. A chunk never
//! changes: a newer version has chunks of its own only for files that came, and in the place of
//! those that lost some. What the log says of the values in the files is in `statistics`.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, StringArray,
    StringBuilder, UInt64Array, UInt64Builder,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options, concat, filter, max};
use datafusion::arrow::datatypes::{Date32Type, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue};
use deltalake::DeltaTableError;
use object_store::path::Path;
use percent_encoding::percent_decode_str;

use super::statistics::{FileStatistics, row_count};

/// Files of a chunk: few enough that a change of it is cheap, and enough that one costs little.
const CHUNK_FILES: usize = 2048;

/// The active files of a table at one version.
#[derive(Debug, Default)]
pub struct FileList {
    root: Path,
    chunks: Vec<Arc<FileChunk>>,
}

/// Some files of a table, row i for file i.
#[derive(Debug)]
pub(super) struct FileChunk {
    /// As the log has them.
    paths: StringArray,
    sizes: UInt64Array,
    rows: UInt64Array,
    /// The values of each partition column, in their order.
    partitions: Vec<ArrayRef>,
    pub(super) statistics: FileStatistics,
}

/// One active Parquet file of a table.
#[derive(Clone, Copy, Debug)]
pub struct ScanFile<'a> {
    root: &'a Path,
    chunk: &'a FileChunk,
    slot: usize,
}

impl ScanFile<'_> {
    /// Returns where the file is in the store of the table's whole scheme and host.
    #[must_use]
    pub fn path(&self) -> Path {
        let logged = percent_decode_str(self.chunk.paths.value(self.slot)).decode_utf8_lossy();
        let below = Path::parse(&logged).unwrap_or_else(|_| Path::from(logged.as_ref()));
        self.root.parts().chain(below.parts()).collect()
    }

    /// Returns the file's bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.chunk.sizes.value(self.slot)
    }

    /// Returns the number of rows, if the log has it.
    #[must_use]
    pub fn rows(&self) -> Option<usize> {
        let rows = self.chunk.rows.is_valid(self.slot).then(|| self.chunk.rows.value(self.slot))?;
        usize::try_from(rows).ok()
    }

    /// Returns the value of each partition column of the snapshot, in its order.
    ///
    /// # Errors
    /// When a value has a type that the engine has no value of.
    pub fn partition_values(&self) -> Result<Vec<ScalarValue>> {
        let value = |values: &ArrayRef| ScalarValue::try_from_array(values, self.slot);
        self.chunk.partitions.iter().map(value).collect()
    }
}

impl FileList {
    /// Returns the number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Returns whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the files, in an order that does not change with the version's number.
    pub fn iter(&self) -> impl Iterator<Item = ScanFile<'_>> {
        self.chunks.iter().flat_map(|chunk| {
            (0..chunk.len()).map(|slot| ScanFile { root: &self.root, chunk, slot })
        })
    }

    /// Returns the bytes of all files.
    #[must_use]
    pub fn total_size(&self) -> u64 {
        self.iter().map(|file| file.size()).sum()
    }

    /// Returns the rows of all files, if the log has them.
    #[must_use]
    pub fn total_rows(&self) -> Option<usize> {
        self.iter().map(|file| file.rows()).sum()
    }

    /// Returns the last day in a partition column; nothing if it has no days.
    pub(super) fn last_day(&self, column: usize) -> Option<NaiveDate> {
        let last = |chunk: &Arc<FileChunk>| {
            let days = chunk.partition(column).as_primitive_opt::<Date32Type>()?;
            max(days)
        };
        let day = self.chunks.iter().filter_map(last).max()?;
        Date32Type::to_naive_date_opt(day)
    }

    /// Returns the chunks, each with the place of its first file in the whole list.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (usize, &FileChunk)> {
        self.chunks.iter().scan(0, |next, chunk| {
            let first = *next;
            *next += chunk.len();
            Some((first, chunk.as_ref()))
        })
    }

    /// Returns files by chunk: each chunk that has some of them, with their places in it.
    pub(super) fn by_chunk<'a>(
        &'a self,
        files: &'a [usize],
    ) -> impl Iterator<Item = (&'a FileChunk, Vec<usize>)> {
        let mut rest = files;
        self.chunks().filter_map(move |(first, chunk)| {
            let here = rest.partition_point(|file| *file < first + chunk.len());
            let (files, later) = rest.split_at(here);
            rest = later;
            (here > 0).then(|| (chunk, files.iter().map(|file| file - first).collect()))
        })
    }

    /// Returns files by their places in the list, which have to ascend.
    pub(super) fn select<'a>(
        &'a self,
        files: &'a [usize],
    ) -> impl Iterator<Item = ScanFile<'a>> + 'a {
        self.by_chunk(files).flat_map(|(chunk, slots)| {
            slots.into_iter().map(|slot| ScanFile { root: &self.root, chunk, slot })
        })
    }

    /// Returns the list without the files that went, and with others that came.
    pub(super) fn changed(
        &self,
        gone: &HashSet<&str>,
        came: Vec<FileChunk>,
    ) -> Result<Self, ArrowError> {
        let mut chunks: Vec<Arc<FileChunk>> = Vec::with_capacity(self.chunks.len() + came.len());
        for chunk in &self.chunks {
            let changed = chunk.without(gone)?.map(Arc::new);
            push_chunk(&mut chunks, changed.unwrap_or_else(|| Arc::clone(chunk)))?;
        }
        for chunk in came {
            push_chunk(&mut chunks, Arc::new(chunk))?;
        }
        Ok(Self { root: self.root.clone(), chunks })
    }
}

/// Adds a chunk, as a part of the last one where both are small.
fn push_chunk(chunks: &mut Vec<Arc<FileChunk>>, chunk: Arc<FileChunk>) -> Result<(), ArrowError> {
    if chunk.len() == 0 {
        return Ok(());
    }
    match chunks.last_mut() {
        Some(last) if last.len() + chunk.len() <= CHUNK_FILES => {
            *last = Arc::new(last.join(&chunk)?);
        }
        _ => chunks.push(chunk),
    }
    Ok(())
}

impl FileChunk {
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    pub(super) const fn rows(&self) -> &UInt64Array {
        &self.rows
    }

    pub(super) fn partition(&self, column: usize) -> &ArrayRef {
        &self.partitions[column]
    }

    /// Returns the values of the partition columns, one row per file.
    pub(super) fn partition_batch(&self, schema: SchemaRef) -> Result<RecordBatch> {
        // A table without partition columns has rows here all the same.
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        Ok(RecordBatch::try_new_with_options(schema, self.partitions.clone(), &options)?)
    }

    /// Returns what is left without some files; nothing if none of them is here.
    fn without(&self, gone: &HashSet<&str>) -> Result<Option<Self>, ArrowError> {
        let stays = |path: Option<&str>| Some(path.is_some_and(|path| !gone.contains(path)));
        let stay: BooleanArray = self.paths.iter().map(stays).collect();
        if stay.true_count() == self.len() {
            return Ok(None);
        }
        let partitions = self.partitions.iter().map(|values| filter(values, &stay));
        Ok(Some(Self {
            paths: filter(&self.paths, &stay)?.to_data().into(),
            sizes: filter(&self.sizes, &stay)?.to_data().into(),
            rows: filter(&self.rows, &stay)?.to_data().into(),
            partitions: partitions.collect::<Result<_, _>>()?,
            statistics: self.statistics.filter(&stay),
        }))
    }

    fn join(&self, next: &Self) -> Result<Self, ArrowError> {
        let both = self.partitions.iter().zip(&next.partitions);
        Ok(Self {
            paths: concat(&[&self.paths, &next.paths])?.to_data().into(),
            sizes: concat(&[&self.sizes, &next.sizes])?.to_data().into(),
            rows: concat(&[&self.rows, &next.rows])?.to_data().into(),
            partitions: both.map(|(a, b)| concat(&[a, b])).collect::<Result<_, _>>()?,
            statistics: self.statistics.join(&next.statistics),
        })
    }
}

/// A file as the log describes it.
#[derive(Debug)]
pub(super) struct LoggedFile<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) statistics: Option<&'a str>,
    /// The values of the partition columns, in their order.
    pub(super) partition_values: Vec<Option<&'a str>>,
}

/// Collects files to chunks.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    /// The partition columns, in their order.
    columns: Vec<Field>,
    paths: StringBuilder,
    sizes: UInt64Builder,
    rows: UInt64Builder,
    partitions: Vec<StringBuilder>,
    statistics: String,
    ends: Vec<usize>,
    finished: Vec<FileChunk>,
}

impl ChunkBuilder {
    /// Begins with nothing, for a table with these partition columns.
    pub(super) fn new(columns: Vec<Field>) -> Self {
        Self {
            partitions: columns.iter().map(|_| StringBuilder::new()).collect(),
            columns,
            paths: StringBuilder::new(),
            sizes: UInt64Builder::new(),
            rows: UInt64Builder::new(),
            statistics: String::new(),
            ends: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When the value of a partition column is none of the column's type.
    pub(super) fn push(&mut self, file: &LoggedFile<'_>) -> Result<(), DeltaTableError> {
        let statistics = file.statistics.unwrap_or_default();
        self.paths.append_value(file.path);
        self.sizes.append_value(file.size);
        self.rows.append_option(row_count(statistics));
        for (values, value) in self.partitions.iter_mut().zip(&file.partition_values) {
            values.append_option(*value);
        }
        self.statistics.push_str(statistics);
        self.ends.push(self.statistics.len());
        if self.ends.len() == CHUNK_FILES { self.finish_chunk() } else { Ok(()) }
    }

    /// Returns the chunks.
    ///
    /// # Errors
    /// When the value of a partition column is none of the column's type.
    pub(super) fn finish(mut self) -> Result<Vec<FileChunk>, DeltaTableError> {
        if !self.ends.is_empty() {
            self.finish_chunk()?;
        }
        Ok(self.finished)
    }

    /// Returns the chunks as the whole list of a table with this root.
    ///
    /// # Errors
    /// When the value of a partition column is none of the column's type.
    pub(super) fn finish_list(self, root: Path) -> Result<FileList, DeltaTableError> {
        let chunks = self.finish()?.into_iter().map(Arc::new).collect();
        Ok(FileList { root, chunks })
    }

    fn finish_chunk(&mut self) -> Result<(), DeltaTableError> {
        let paths = self.paths.finish();
        let mut partitions = Vec::with_capacity(self.columns.len());
        for (values, column) in self.partitions.iter_mut().zip(&self.columns) {
            partitions.push(typed(&values.finish(), column, &paths)?);
        }
        self.finished.push(FileChunk {
            paths,
            sizes: self.sizes.finish(),
            rows: self.rows.finish(),
            partitions,
            statistics: FileStatistics::new(&self.statistics, std::mem::take(&mut self.ends)),
        });
        self.statistics.clear();
        Ok(())
    }
}

/// Reads the values of a partition column, whose form in the log is text.
fn typed(
    values: &StringArray,
    column: &Field,
    paths: &StringArray,
) -> Result<ArrayRef, DeltaTableError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |values: &StringArray| cast_with_options(values, column.data_type(), &strict);
    let error = match cast(values) {
        Ok(typed) => return Ok(typed),
        Err(error) => error,
    };
    let fails = |file: &usize| cast(&values.slice(*file, 1)).is_err();
    let file = (0..values.len()).find(fails).unwrap_or_default();
    // The library's errors have no room for a text with a source, so the cause is text here.
    let column = column.name();
    let path = paths.value(file);
    let message = format!("partition column `{column}` of file `{path}`: {error}");
    Err(DeltaTableError::generic(message))
}

/// Returns the partition columns as the engine evaluates filters on them.
pub(super) fn partition_schema(columns: &[Field]) -> SchemaRef {
    let nullable = columns.iter().map(|field| field.clone().with_nullable(true));
    Arc::new(Schema::new(nullable.collect::<Vec<_>>()))
}
