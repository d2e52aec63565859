//! Running a check's statement, chunk by chunk, and summing up what it returns.
//!
//! A statement returns rows that are wrong. The first of them stands for all of one symbol, day and
//! kind: whatever goes wrong, a day has no more findings than there are kinds.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::thread::{Builder, available_parallelism};

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;
use lakehouse_core::audit::Check;
use lakehouse_core::gold::Recompute;
use lakehouse_core::names::partition::Partition;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::parts::{Part, Piece, by_days, by_symbol};
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
/// Bytes of stack: plans are trees, which are walked and dropped on it.
const STACK: usize = 8 << 20;

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
    let mut chunks = chunks(check.statement(), stale, DAYS, bytes);
    chunks.retain(|chunk| {
        reads_more || chunk.needed.iter().any(|partition| sizes.contains_key(partition))
    });
    for chunk in chunks {
        for piece in computation.pieces(chunk).await? {
            match &piece.parts {
                Some(parts) => computation.run_parts(&piece.chunk, parts, &mut found).await?,
                None => computation.run(Some(&piece.chunk), &mut found).await?,
            }
        }
    }
    Ok(found)
}

struct Computation<'a> {
    check: &'a Check,
    engine: &'a Engine,
    state: &'a StaleCheck,
}

impl Computation<'_> {
    /// Cuts a chunk into what is read together.
    async fn pieces(&self, chunk: Chunk) -> Result<Vec<Piece>, BuildError> {
        let statement = self.check.statement();
        let inputs = &self.state.inputs;
        if !self.check.is_split_by_symbol() {
            return Ok(by_days(statement, inputs, chunk));
        }
        let (_, plan) = self.plan(Some(&chunk)).await?;
        let pieces = Box::pin(by_symbol(statement, self.engine, inputs, &plan, chunk)).await;
        pieces.map_err(|error| self.explain(error))
    }

    /// Computes the parts of a chunk, some at a time; a large one has the memory for itself.
    async fn run_parts(
        &self,
        chunk: &Chunk,
        parts: &[Part],
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let (state, plan) = self.plan(Some(chunk)).await?;
        let runtime = Handle::current();
        let mut running = JoinSet::new();
        for part in parts {
            let beside = if part.is_large { 0 } else { threads() - 1 };
            self.finish(&mut running, beside, found).await?;
            let plan = part.of_plan(plan.clone()).map_err(|error| self.explain(error))?;
            let rows = self.summed(state.clone(), plan, Some(chunk))?;
            let computed = on_its_thread(&runtime, rows).map_err(DataFusionError::IoError);
            running.spawn(computed.map_err(|error| self.explain(error))?);
            if part.is_large {
                self.finish(&mut running, 0, found).await?;
            }
        }
        self.finish(&mut running, 0, found).await
    }

    /// Waits until no more than so many parts are running.
    async fn finish(
        &self,
        running: &mut JoinSet<Computed>,
        left: usize,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let table = self.table();
        while running.len() > left {
            let Some(ended) = running.join_next().await else { break };
            let ended = ended.map_err(TableError::cannot(Verb::Compute, &table, "rows"))?;
            let batches = ended.map_err(TableError::cannot(Verb::Compute, &table, "rows"))?;
            for batch in batches.map_err(|error| self.explain(error))? {
                self.add(&batch, found)?;
            }
        }
        Ok(())
    }

    async fn run(
        &self,
        chunk: Option<&Chunk>,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let (state, plan) = self.plan(chunk).await?;
        let rows = self.summed(state, plan, chunk)?;
        let stream = Box::pin(rows.execute_stream()).await.map_err(|error| self.explain(error))?;
        let mut stream = stream.map_err(|error| self.explain(error));
        while let Some(batch) = stream.try_next().await? {
            self.add(&batch, found)?;
        }
        Ok(())
    }

    /// Plans the statement over a chunk.
    async fn plan(&self, chunk: Option<&Chunk>) -> Result<(SessionState, LogicalPlan), BuildError> {
        let only = chunk.map(|chunk| &chunk.needed);
        let StaleCheck { select, inputs, .. } = self.state;
        select.plan_as_written(self.check.statement(), self.engine, inputs, only).await
    }

    /// Sums up what a plan over a chunk returns.
    fn summed(
        &self,
        state: SessionState,
        plan: LogicalPlan,
        chunk: Option<&Chunk>,
    ) -> Result<DataFrame, BuildError> {
        let rows = DataFrame::new(state, plan);
        let shape = Shape::of(self.check, rows.schema())?;
        let rows = match chunk {
            Some(chunk) => rows.filter(belongs_to(chunk)),
            None => Ok(rows),
        };
        let summed = rows.and_then(|rows| shape.sum_up(rows));
        summed.map_err(|error| self.explain(error))
    }

    fn add(&self, batch: &RecordBatch, found: &mut HashSet<AuditRow>) -> Result<(), BuildError> {
        let rows = read_batch(self.check, batch).map_err(TableError::arrow(&self.table()))?;
        found.extend(rows);
        Ok(())
    }

    fn table(&self) -> TableName {
        TableName::new(Layer::Meta, self.check.output().as_str())
    }

    fn explain(&self, error: DataFusionError) -> BuildError {
        explain(self.check.statement(), error, self.engine.memory_limit).into()
    }
}

/// What a thread computed; the outer error is that it ended without a result.
type Computed = Result<Result<Vec<RecordBatch>, DataFusionError>, oneshot::error::RecvError>;

/// Computes rows on a thread that ends with them, so that what the thread kept for itself ends too.
fn on_its_thread(
    runtime: &Handle,
    rows: DataFrame,
) -> io::Result<impl Future<Output = Computed> + use<>> {
    let (sender, receiver) = oneshot::channel();
    let runtime = runtime.clone();
    let compute = move || {
        let _ = sender.send(runtime.block_on(rows.collect()));
    };
    Builder::new().name("audit".to_owned()).stack_size(STACK).spawn(compute)?;
    Ok(receiver)
}

/// Returns how many parts are computed at a time.
fn threads() -> usize {
    available_parallelism().map_or(1, usize::from).min(THREADS)
}
