//! Several sorted files into few: rows stream through, and memory holds a few pages of each file.
//!
//! DataFusion merges; how far it reads ahead is bounded here. The files of a table without a
//! declared order are copied one after the other.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::executor::block_on_stream;
use futures::{StreamExt, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::merge_thread::MergeThread;
use super::plan::CompactionLimits;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::parquet::reader::{listed_archives, read_file};
use crate::parquet::rewrite::{as_stored, partition_values};
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Rows that are read ahead, over all files together.
const ROWS_AHEAD: usize = 128 << 10;
/// Bytes that merging may hold; far above what so many rows take, so that only a fault reaches it.
const MERGE_MEMORY: usize = 1 << 30;
const BATCH_ROWS: usize = 8 << 10;

/// Writes the rows of files of one partition into as few files as the limits allow, and commits
/// nothing.
///
/// # Errors
/// When a file cannot be read or written; nothing that was written is left then.
pub(super) async fn merge(
    thread: &MergeThread,
    table: &WritableTable,
    target: &Arc<FileTarget>,
    files: &[ActiveFile],
    limits: CompactionLimits,
) -> Result<Vec<WrittenFile>, TableError> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let mut inputs = Vec::with_capacity(files.len());
    for file in files {
        inputs.push(Input { path: file.path.clone(), rows: read_file(table, file).await? });
    }
    let merge = Merge {
        target: Arc::clone(target),
        sort_columns: table.spec.sort_columns.clone(),
        partition_values: partition_values(table, first),
        limits,
    };
    let merged = thread.run(move || merge.run(inputs)).await;
    merged.map_err(TableError::cannot(Verb::Merge, target.table(), "data files"))?
}

struct Input {
    path: String,
    rows: ParquetRecordBatchReaderBuilder<File>,
}

struct Merge {
    target: Arc<FileTarget>,
    sort_columns: Vec<String>,
    partition_values: Vec<(String, String)>,
    limits: CompactionLimits,
}

impl Merge {
    fn run(&self, inputs: Vec<Input>) -> Result<Vec<WrittenFile>, TableError> {
        let archives = union_of_archives(&inputs);
        let mut finished = Vec::new();
        let mut open = None;
        let written = self.write(inputs, &archives, &mut finished, &mut open);
        match written {
            Ok(()) => Ok(finished),
            Err(error) => {
                open.into_iter().for_each(DataFileWriter::discard);
                finished.into_iter().for_each(|file| file.discard(&self.target));
                Err(error)
            }
        }
    }

    fn write(
        &self,
        inputs: Vec<Input>,
        archives: &Option<String>,
        finished: &mut Vec<WrittenFile>,
        open: &mut Option<DataFileWriter>,
    ) -> Result<(), TableError> {
        for batch in block_on_stream(self.merged(inputs)?) {
            let batch = batch.map_err(self.cannot_merge())?;
            if batch.num_rows() == 0 {
                continue;
            }
            // A full file ends before the batch, so that files are never larger than the limits.
            if let Some(full) = open.take_if(|writer| self.is_full(writer, &batch)) {
                finished.push(full.finish(archives.clone())?);
            }
            let writer = match &mut *open {
                Some(writer) => writer,
                empty => empty
                    .insert(DataFileWriter::create(&self.target, self.partition_values.clone())?),
            };
            writer.write(&[batch])?;
        }
        if let Some(last) = open.take() {
            finished.push(last.finish(archives.clone())?);
        }
        Ok(())
    }

    fn is_full(&self, writer: &DataFileWriter, next: &RecordBatch) -> bool {
        writer.size() >= self.limits.bytes
            || writer.rows() + next.num_rows() as u64 > self.limits.rows
    }

    fn merged(&self, inputs: Vec<Input>) -> Result<SendableRecordBatchStream, TableError> {
        // All files are open at once, so the more there are, the less is read of each at a time.
        let rows = (ROWS_AHEAD / inputs.len().max(1)).clamp(256, BATCH_ROWS);
        let streams = inputs
            .into_iter()
            .map(|input| self.stream(input, rows))
            .collect::<Result<Vec<_>, _>>()?;
        let schema = self.target.schema();
        let Some(ordering) = self.ordering(&schema).map_err(self.cannot_merge())? else {
            let one_after_the_other = stream::iter(streams).flatten();
            return Ok(Box::pin(RecordBatchStreamAdapter::new(schema, one_after_the_other)));
        };
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(MERGE_MEMORY));
        StreamingMergeBuilder::new()
            .with_streams(streams)
            .with_schema(schema)
            .with_expressions(&ordering)
            .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
            .with_batch_size(BATCH_ROWS)
            .with_reservation(MemoryConsumer::new("compaction").register(&pool))
            // Rows that are equal by the sort columns come in the order of the files.
            .with_round_robin_tie_breaker(false)
            .build()
            .map_err(self.cannot_merge())
    }

    fn stream(&self, input: Input, rows: usize) -> Result<SendableRecordBatchStream, TableError> {
        let failed = TableError::cannot(Verb::Read, self.target.table(), &input.path);
        let reader = input.rows.with_batch_size(rows).build().map_err(failed)?;
        let schema = self.target.schema();
        let stored_schema = Arc::clone(&schema);
        let batches = reader.map(move |batch| Ok(as_stored(&batch?, &stored_schema)?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches))))
    }

    fn ordering(&self, schema: &SchemaRef) -> Result<Option<LexOrdering>, DataFusionError> {
        let options = SortOptions { descending: false, nulls_first: false };
        let sort = |column: &String| Ok(PhysicalSortExpr::new(col(column, schema)?, options));
        let sort =
            self.sort_columns.iter().map(sort).collect::<Result<Vec<_>, DataFusionError>>()?;
        Ok(LexOrdering::new(sort))
    }

    fn cannot_merge(&self) -> impl Fn(DataFusionError) -> TableError + '_ {
        TableError::cannot(Verb::Merge, self.target.table(), "data files")
    }
}

/// Joins the files' own lists; nothing if a file has none, because the list would then be
/// incomplete.
fn union_of_archives(inputs: &[Input]) -> Option<String> {
    let mut all = BTreeSet::new();
    for input in inputs {
        all.extend(listed_archives(input.rows.metadata())?.lines());
    }
    Some(all.into_iter().collect::<Vec<_>>().join("\n"))
}
