//! Which data files a statement opens, noted while it runs.
//!
//! The engine counts a file once for each part of it that is read at a time, and also files that it
//! skips before it reads anything of them. EXPLAIN says which files a plan names; a limit or a join
//! may leave some of them unopened.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;

/// The data files that a statement has opened so far. Copies share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenedFiles(Arc<Mutex<HashSet<Path>>>);

impl OpenedFiles {
    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn add(&self, file: &Path) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains(file) {
            files.insert(file.clone());
        }
    }
}

/// Makes readers that note the files which they open.
#[derive(Debug)]
pub(super) struct NotingReaders<F> {
    pub(super) readers: F,
    pub(super) opened: OpenedFiles,
}

impl<F: ParquetFileReaderFactory> ParquetFileReaderFactory for NotingReaders<F> {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = file.object_meta.location.clone();
        let readers = &self.readers;
        let reader = readers.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(NotingReader { reader, path, opened: self.opened.clone() }))
    }
}

struct NotingReader {
    reader: Box<dyn AsyncFileReader + Send>,
    path: Path,
    opened: OpenedFiles,
}

impl AsyncFileReader for NotingReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.reader.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.reader.get_byte_ranges(ranges)
    }

    /// Comes before anything else of a file is read.
    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        self.opened.add(&self.path);
        self.reader.get_metadata(options)
    }
}
