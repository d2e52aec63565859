//! Running a check's statement, chunk by chunk, and summing up what it returns.
//!
//! A statement returns rows that are wrong. The first of them stands for all of one symbol, day and
//! kind: whatever goes wrong, a day has no more findings than there are kinds.

use std::collections::{BTreeMap, HashSet};
use std::thread::available_parallelism;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use futures::TryStreamExt;
use lakehouse_core::audit::Check;
use lakehouse_core::gold::{Model, Recompute};
use lakehouse_core::names::partition::Partition;
use tokio::task::JoinSet;

use super::parts::{Part, has_many_bytes, is_too_large, parts};
use super::rows::{Shape, read_batch};
use super::state::StaleCheck;
use crate::delta::{TableError, Verb};
use crate::gold::chunks::{Chunk, DAYS, belongs_to, chunks};
use crate::gold::error::BuildError;
use crate::gold::inputs::InputTable;
use crate::gold::select::explain;
use crate::meta::audit::AuditRow;
use crate::query::Engine;
use crate::storage::lake::{Layer, TableName};

/// Parts that are computed at a time at most: together they fit into the memory of an audit.
const THREADS: usize = 4;

/// Runs a check on what is stale.
pub(super) async fn compute(
    check: &Check,
    engine: &Engine,
    state: &StaleCheck,
) -> Result<HashSet<AuditRow>, BuildError> {
    let computation = Computation { check, engine, state };
    let mut found = HashSet::new();
    let stale = match &state.stale {
        Recompute::Nothing => return Ok(found),
        Recompute::Whole => {
            computation.run(None, &mut found).await?;
            return Ok(found);
        }
        Recompute::Partitions(stale) => stale,
    };
    let mut sizes: BTreeMap<Partition, u64> = BTreeMap::new();
    for (partition, bytes) in state.inputs.iter().flat_map(InputTable::sizes) {
        *sizes.entry(partition).or_default() += bytes;
    }
    let reads_more = state.inputs.iter().any(InputTable::has_more_than_partitions);
    let bytes = |partition| sizes.get(&partition).copied().unwrap_or(0);
    let mut chunks: Vec<Chunk> = chunks(check.statement(), stale, DAYS, bytes);
    chunks.retain(|chunk| {
        reads_more || chunk.needed.iter().any(|partition| sizes.contains_key(partition))
    });
    while let Some(chunk) = chunks.pop() {
        let parts = computation.parts(&chunk).await?;
        let is_large = match &parts {
            Some(parts) => is_too_large(parts),
            None => !check.is_split_by_symbol() && has_many_bytes(&state.inputs, &chunk.needed),
        };
        match parts {
            _ if is_large && chunk.targets.len() > 1 => {
                chunks.extend(halves(check.statement(), chunk));
            }
            Some(parts) => computation.run_parts(&chunk, parts, &mut found).await?,
            None => computation.run(Some(&chunk), &mut found).await?,
        }
    }
    Ok(found)
}

/// Cuts the days of a chunk in two, where one symbol has too many rows in all of them.
fn halves(statement: &Model, chunk: Chunk) -> [Chunk; 2] {
    let mut first = chunk.targets;
    let second = first.split_off(first.len() / 2);
    [first, second].map(|targets| {
        let needed = targets.iter().flat_map(|target| statement.dependencies(*target)).collect();
        Chunk { targets, needed }
    })
}

struct Computation<'a> {
    check: &'a Check,
    engine: &'a Engine,
    state: &'a StaleCheck,
}

impl Computation<'_> {
    /// Returns the parts in which a chunk is to be read; nothing if it is read at once.
    async fn parts(&self, chunk: &Chunk) -> Result<Option<Vec<Part>>, BuildError> {
        if !self.check.is_split_by_symbol() {
            return Ok(None);
        }
        let parts = Box::pin(parts(self.engine, &self.state.inputs, &chunk.needed)).await;
        parts.map_err(|error| self.explain(error))
    }

    /// Computes the parts of a chunk, some at a time.
    async fn run_parts(
        &self,
        chunk: &Chunk,
        parts: Vec<Part>,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let mut running = JoinSet::new();
        for part in parts {
            if running.len() >= threads() {
                self.finish_one(&mut running, found).await?;
            }
            let rows = self.plan(Some(chunk), Some(&part)).await?;
            running.spawn(rows.collect());
        }
        while !running.is_empty() {
            self.finish_one(&mut running, found).await?;
        }
        Ok(())
    }

    async fn finish_one(
        &self,
        running: &mut JoinSet<Result<Vec<RecordBatch>, DataFusionError>>,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let Some(ended) = running.join_next().await else { return Ok(()) };
        let table = self.table();
        let died = TableError::cannot(Verb::Compute, &table, "rows");
        let batches = ended.map_err(died)?.map_err(|error| self.explain(error))?;
        for batch in batches {
            self.add(&batch, found)?;
        }
        Ok(())
    }

    async fn run(
        &self,
        chunk: Option<&Chunk>,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let rows = self.plan(chunk, None).await?;
        let stream = Box::pin(rows.execute_stream()).await.map_err(|error| self.explain(error))?;
        let mut stream = stream.map_err(|error| self.explain(error));
        while let Some(batch) = stream.try_next().await? {
            self.add(&batch, found)?;
        }
        Ok(())
    }

    /// Plans the statement over a chunk, or a part of it, and sums up what it returns.
    async fn plan(
        &self,
        chunk: Option<&Chunk>,
        part: Option<&Part>,
    ) -> Result<DataFrame, BuildError> {
        let only = chunk.map(|chunk| &chunk.needed);
        let StaleCheck { select, inputs, .. } = self.state;
        let statement = self.check.statement();
        let (state, plan) = select.plan_as_written(statement, self.engine, inputs, only).await?;
        let plan = match part {
            Some(part) => part.of_plan(plan).map_err(|error| self.explain(error))?,
            None => plan,
        };
        let rows = DataFrame::new(state, plan);
        let shape = Shape::of(self.check, rows.schema())?;
        self.summed(rows, &shape, chunk).map_err(|error| self.explain(error))
    }

    fn add(&self, batch: &RecordBatch, found: &mut HashSet<AuditRow>) -> Result<(), BuildError> {
        let rows = read_batch(self.check, batch).map_err(TableError::arrow(&self.table()))?;
        found.extend(rows);
        Ok(())
    }

    fn table(&self) -> TableName {
        TableName::new(Layer::Meta, self.check.output().as_str())
    }

    fn summed(
        &self,
        rows: DataFrame,
        shape: &Shape,
        chunk: Option<&Chunk>,
    ) -> Result<DataFrame, DataFusionError> {
        let rows = match chunk {
            Some(chunk) => rows.filter(belongs_to(chunk))?,
            None => rows,
        };
        shape.sum_up(rows)
    }

    fn explain(&self, error: DataFusionError) -> BuildError {
        explain(self.check.statement(), error, self.engine.memory_limit).into()
    }
}

/// Returns how many parts are computed at a time.
fn threads() -> usize {
    available_parallelism().map_or(1, usize::from).min(THREADS)
}
