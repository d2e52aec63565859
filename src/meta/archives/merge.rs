//! Files of the ledger merged into fewer, so that looking for a key opens few of them.
//!
//! New rows make small files. These are merged by size, so that a row is written again only when
//! the file that it is in has about doubled. Files that are large enough are sealed. Sealed files
//! with bounds that do not overlap are a run: a key is looked for in one file of each run. When
//! there are too many runs, the shortest are merged to one. A merge is a commit by itself, and
//! changes no row.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::executor::block_on_stream;
use futures::stream;
use lakehouse_core::ledger::files_to_merge;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::files::LedgerFiles;
use super::scan::{BATCH_ROWS, LedgerFile};
use super::sealed_writer::SealedWriter;
use super::wanted::Wanted;
use super::{LedgerLimits, SCHEMA};
use crate::delta::file::ActiveFile;
use crate::delta::{TableError, Verb};
use crate::meta::columns::Columns;
use crate::parquet::writer::FileTarget;
use crate::storage::lake::TableName;

/// Bytes that merging may hold; far above what it takes, so that only a fault reaches it.
const MERGE_MEMORY: usize = 1 << 30;

/// Sealed files whose bounds do not overlap.
#[derive(Default)]
struct Run<'a> {
    files: Vec<&'a LedgerFile>,
    rows: u64,
}

/// What to merge.
#[derive(Debug, Default)]
pub(super) struct DueMerge {
    pub(super) files: Vec<ActiveFile>,
    /// Whether files are among them that an earlier version of the program made too large.
    pub(super) oversized: bool,
}

impl LedgerFiles {
    /// Returns the files that are to be merged now, if there are too many or some are too large.
    pub(super) fn due_merge(&self, limits: &LedgerLimits) -> DueMerge {
        let oversized: Vec<ActiveFile> = self
            .iter()
            .filter(|file| file.rows() > 2 * limits.sealed_rows)
            .map(|file| file.active.clone())
            .collect();
        if !oversized.is_empty() {
            return DueMerge { files: oversized, oversized: true };
        }
        let mut files = self.small_files(limits);
        if files.len() < 2 {
            files = self.short_runs(limits);
        }
        let files = files.into_iter().map(|file| file.active.clone()).collect();
        DueMerge { files, oversized: false }
    }

    fn small_files(&self, limits: &LedgerLimits) -> Vec<&LedgerFile> {
        let small = self.iter().filter(|file| !is_sealed(file, limits));
        let mut small: Vec<&LedgerFile> = small.collect();
        if small.len() < limits.small_files {
            return Vec::new();
        }
        small.sort_by_key(|file| file.rows());
        small.truncate(files_to_merge(small.iter().map(|file| file.rows())));
        small
    }

    fn short_runs(&self, limits: &LedgerLimits) -> Vec<&LedgerFile> {
        let mut runs = self.runs(limits);
        if runs.len() <= limits.runs {
            return Vec::new();
        }
        runs.sort_by_key(|run| run.rows);
        runs.truncate(files_to_merge(runs.iter().map(|run| run.rows)));
        while runs.iter().map(|run| run.rows).sum::<u64>() > limits.merged_rows {
            runs.pop();
        }
        if runs.len() < 2 {
            return Vec::new();
        }
        runs.into_iter().flat_map(|run| run.files).collect()
    }

    /// Divides the sealed files into runs, as few as possible.
    fn runs(&self, limits: &LedgerLimits) -> Vec<Run<'_>> {
        let sealed = self.iter().filter(|file| is_sealed(file, limits));
        let mut sealed: Vec<&LedgerFile> = sealed.collect();
        sealed.sort_by_key(|file| file.bounds().0);
        let mut runs: Vec<Run<'_>> = Vec::new();
        for file in sealed {
            let fits = runs.iter_mut().find(|run| run.ends_before(file));
            match fits {
                Some(run) => run.add(file),
                None => {
                    let mut run = Run::default();
                    run.add(file);
                    runs.push(run);
                }
            }
        }
        runs
    }

    /// Begins to read files that are to be merged.
    pub(super) fn inputs(
        &self,
        files: &[ActiveFile],
    ) -> Result<Vec<ParquetRecordBatchReader>, TableError> {
        let mut inputs = Vec::with_capacity(files.len());
        for file in files.iter().filter_map(|file| self.get(&file.path)) {
            inputs.extend(file.read(&Wanted::All, None, None)?);
        }
        Ok(inputs)
    }
}

impl<'a> Run<'a> {
    fn ends_before(&self, file: &LedgerFile) -> bool {
        let end = self.files.last().and_then(|last| last.bounds().1);
        end.zip(file.bounds().0).is_some_and(|(end, start)| end < start)
    }

    fn add(&mut self, file: &'a LedgerFile) {
        self.rows += file.rows();
        self.files.push(file);
    }
}

/// Returns whether a file is large enough not to be merged with small ones; rows that were taken
/// out of it later do not change that.
fn is_sealed(file: &LedgerFile, limits: &LedgerLimits) -> bool {
    file.rows() * 2 > limits.sealed_rows
}

/// Writes the rows of files, each of which is sorted, to new files that together are sorted.
pub(in crate::meta) async fn merge(
    inputs: Vec<ParquetRecordBatchReader>,
    target: &Arc<FileTarget>,
    sealed_rows: u64,
) -> Result<SealedWriter, TableError> {
    let table = target.table().clone();
    let mut writer = SealedWriter::new(target, sealed_rows);
    let work = tokio::task::spawn_blocking(move || {
        let merged = merged(inputs).map_err(cannot_merge(&table))?;
        for batch in block_on_stream(merged) {
            writer.write(&batch.map_err(cannot_merge(&table))?)?;
        }
        Ok(writer)
    });
    work.await.map_err(TableError::cannot(Verb::Merge, target.table(), "its files"))?
}

fn cannot_merge(table: &TableName) -> impl Fn(DataFusionError) -> TableError + Copy {
    TableError::cannot(Verb::Merge, table, "its files")
}

fn merged(
    inputs: Vec<ParquetRecordBatchReader>,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let schema = SCHEMA.arrow();
    let options = SortOptions { descending: false, nulls_first: false };
    let key = PhysicalSortExpr::new(col("archive", &schema)?, options);
    let Some(ordering) = LexOrdering::new([key]) else {
        return Err(DataFusionError::Internal("rows have no key".to_owned()));
    };
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(MERGE_MEMORY));
    StreamingMergeBuilder::new()
        .with_streams(inputs.into_iter().map(rows_of).collect())
        .with_schema(schema)
        .with_expressions(&ordering)
        .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
        .with_batch_size(BATCH_ROWS)
        .with_reservation(MemoryConsumer::new("ledger").register(&pool))
        .with_round_robin_tie_breaker(false)
        .build()
}

fn rows_of(input: ParquetRecordBatchReader) -> SendableRecordBatchStream {
    let batches = input.map(|batch| Ok(as_now(&batch?)?));
    Box::pin(RecordBatchStreamAdapter::new(SCHEMA.arrow(), stream::iter(batches)))
}

/// Returns rows with all columns that the table has now.
fn as_now(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    Ok(Columns::new(batch, SCHEMA.arrow())?.batch().clone())
}
