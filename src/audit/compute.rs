//! Running a check's statement, chunk by chunk, and summing up what it returns.
//!
//! A statement returns rows that are wrong. The first of them stands for all of one symbol, day and
//! kind: whatever goes wrong, a day has no more findings than there are kinds.

use std::collections::{BTreeMap, HashSet};

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use futures::TryStreamExt;
use lakehouse_core::audit::Check;
use lakehouse_core::gold::Recompute;
use lakehouse_core::names::partition::Partition;

use super::rows::{Shape, read_batch};
use super::state::StaleCheck;
use crate::delta::TableError;
use crate::gold::chunks::{Chunk, DAYS, belongs_to, chunks};
use crate::gold::error::BuildError;
use crate::gold::inputs::InputTable;
use crate::gold::select::explain;
use crate::meta::audit::AuditRow;
use crate::query::Engine;
use crate::storage::lake::{Layer, TableName};

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
    for chunk in chunks(check.statement(), stale, DAYS, bytes) {
        if reads_more || chunk.needed.iter().any(|partition| sizes.contains_key(partition)) {
            computation.run(Some(&chunk), &mut found).await?;
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
    async fn run(
        &self,
        chunk: Option<&Chunk>,
        found: &mut HashSet<AuditRow>,
    ) -> Result<(), BuildError> {
        let only = chunk.map(|chunk| &chunk.needed);
        let StaleCheck { select, inputs, .. } = self.state;
        let statement = self.check.statement();
        let (state, plan) = select.plan_as_written(statement, self.engine, inputs, only).await?;
        let rows = DataFrame::new(state, plan);
        let shape = Shape::of(self.check, rows.schema())?;
        let rows = self.summed(rows, &shape, chunk).map_err(|error| self.explain(error))?;
        let stream = Box::pin(rows.execute_stream()).await.map_err(|error| self.explain(error))?;
        let mut stream = stream.map_err(|error| self.explain(error));
        let table = TableName::new(Layer::Meta, self.check.output().as_str());
        while let Some(batch) = stream.try_next().await? {
            let rows = read_batch(self.check, &batch).map_err(TableError::arrow(&table))?;
            found.extend(rows);
        }
        Ok(())
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
