//! Running a model's statement: piece by piece into data files that no commit names yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::Date32Type;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, lit};
use futures::executor::block_on_stream;
use lakehouse_core::gold::{Model, Recompute};
use lakehouse_core::names::partition::Partition;

use super::chunks::{Chunk, chunks};
use super::error::Failure;
use super::inputs::InputTable;
use super::select::explain;
use super::state::State;
use super::write::{SortedWriter, WriteError};
use crate::delta::TableError;
use crate::delta::file::NewFile;
use crate::parquet::writer::{FileTarget, WrittenFile};
use crate::query::Engine;

/// Computes what is stale and writes it; nothing that was written is left when that fails.
pub(super) async fn compute(
    model: &Model,
    engine: &Engine,
    state: &State,
    target: &Arc<FileTarget>,
) -> Result<Vec<NewFile>, Failure> {
    let mut files = Vec::new();
    let computed = compute_into(&mut files, model, engine, state, target).await;
    match computed {
        Ok(()) => Ok(files),
        Err(failure) => {
            target.discard(&files).await;
            Err(failure)
        }
    }
}

async fn compute_into(
    files: &mut Vec<NewFile>,
    model: &Model,
    engine: &Engine,
    state: &State,
    target: &Arc<FileTarget>,
) -> Result<(), Failure> {
    let work = Work { model, engine, state, target };
    let stale = match &state.recompute {
        Recompute::Nothing => return Ok(()),
        Recompute::Whole => return work.run(None, files).await,
        Recompute::Partitions(stale) => stale,
    };
    let mut sizes: BTreeMap<Partition, u64> = BTreeMap::new();
    for (partition, bytes) in state.inputs.iter().flat_map(InputTable::sizes) {
        *sizes.entry(partition).or_default() += bytes;
    }
    let reads_more = state.inputs.iter().any(InputTable::has_more_than_partitions);
    for chunk in chunks(model, stale, |partition| sizes.get(&partition).copied().unwrap_or(0)) {
        // Days around which no input has anything have no rows.
        if reads_more || chunk.needed.iter().any(|partition| sizes.contains_key(partition)) {
            work.run(Some(&chunk), files).await?;
        }
    }
    Ok(())
}

struct Work<'a> {
    model: &'a Model,
    engine: &'a Engine,
    state: &'a State,
    target: &'a Arc<FileTarget>,
}

impl Work<'_> {
    /// Computes a chunk, or the whole table.
    async fn run(&self, chunk: Option<&Chunk>, files: &mut Vec<NewFile>) -> Result<(), Failure> {
        let only = chunk.map(|chunk| &chunk.needed);
        let rows =
            self.state.select.over(self.model, self.engine, &self.state.inputs, only).await?;
        let rows = self.sorted(rows, chunk).map_err(|error| self.explain(error))?;
        let rows = Box::pin(rows.execute_stream()).await.map_err(|error| self.explain(error))?;
        let writer = SortedWriter::new(Arc::clone(self.target), &self.state.spec);
        let work = tokio::task::spawn_blocking(move || write(writer, rows));
        let stopped = |error| TableError::File {
            table: self.target.table().clone(),
            path: "computing".to_owned(),
            source: std::io::Error::other(error),
        };
        let written = work.await.map_err(stopped)?.map_err(|error| self.failure(error))?;
        files.extend(self.target.publish_all(written).await?);
        Ok(())
    }

    fn sorted(&self, rows: DataFrame, chunk: Option<&Chunk>) -> Result<DataFrame, DataFusionError> {
        let rows = match chunk {
            Some(chunk) => rows.filter(belongs_to(chunk))?,
            None => rows,
        };
        let spec = &self.state.spec;
        let order = spec.partition_columns.iter().chain(&spec.sort_columns);
        rows.sort(order.map(|name| column(name).sort(true, false)).collect())
    }

    fn explain(&self, error: DataFusionError) -> Failure {
        explain(self.model, error, self.engine.memory_limit).into()
    }

    fn failure(&self, error: WriteError) -> Failure {
        match error {
            WriteError::Engine(error) => self.explain(*error),
            WriteError::Table(error) => error.into(),
            WriteError::NotUnique(row) => {
                let message = format!("the key is not unique: there are several rows with {row}");
                self.model.key_error(message).into()
            }
        }
    }
}

fn write(
    mut writer: SortedWriter,
    rows: SendableRecordBatchStream,
) -> Result<Vec<WrittenFile>, WriteError> {
    for batch in block_on_stream(rows) {
        let taken = batch
            .map_err(|error| WriteError::Engine(Box::new(error)))
            .and_then(|batch| writer.push(&batch));
        if let Err(error) = taken {
            writer.discard();
            return Err(error);
        }
    }
    writer.finish()
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// Makes the condition that a row is of a chunk's market and days.
fn belongs_to(chunk: &Chunk) -> Expr {
    let date = |partition: &Partition| {
        lit(ScalarValue::Date32(Some(Date32Type::from_naive_date(partition.date))))
    };
    let market = chunk.targets[0].market.as_str();
    let market = column("market").eq(lit(market));
    let (first, last) = (&chunk.targets[0], &chunk.targets[chunk.targets.len() - 1]);
    let is_run = (last.date - first.date).num_days() + 1
        == i64::try_from(chunk.targets.len()).unwrap_or(i64::MAX);
    let days = match is_run {
        true => column("date").between(date(first), date(last)),
        false => column("date").in_list(chunk.targets.iter().map(date).collect(), false),
    };
    market.and(days)
}
