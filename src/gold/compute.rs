//! Running a model's statement: chunk by chunk into data files that no commit names yet.
//!
//! A table that is built for the first time lands in parts of a few chunks, so that a build that
//! dies does not lose all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use lakehouse_core::gold::{Model, Recompute};
use lakehouse_core::names::partition::Partition;

use super::chunks::{Chunk, DAYS, belongs_to, chunks, column};
use super::day::OneDay;
use super::error::BuildError;
use super::inputs::InputTable;
use super::origin::stays_in_partition;
use super::select::explain;
use super::state::BuildState;
use super::write::{SortedWriter, WriteError, write_each};
use crate::delta::file::NewFile;
use crate::parquet::writer::FileTarget;
use crate::query::Engine;

/// Chunks of a part that lands by itself.
const CHUNKS_OF_PART: usize = 4;

/// Chunks that are computed and land together.
#[derive(Debug, Default)]
pub(super) struct Part {
    chunks: Vec<Option<Chunk>>,
    /// The partitions that are computed; nothing where that is the whole table.
    pub(super) targets: Option<BTreeSet<Partition>>,
}

/// Divides what is stale into parts, of which there is at least one.
pub(super) async fn parts<'a>(
    model: &'a Model,
    engine: &'a Engine,
    state: &'a BuildState,
    target: &'a Arc<FileTarget>,
) -> Result<(Computation<'a>, Vec<Part>), BuildError> {
    let mut computation = Computation { model, engine, state, target, checks_days: false };
    let stale = match &state.recompute {
        Recompute::Nothing => return Ok((computation, vec![Part::default()])),
        Recompute::Whole => {
            return Ok((computation, vec![Part { chunks: vec![None], targets: None }]));
        }
        Recompute::Partitions(stale) => stale,
    };
    let day_by_day = !computation.stays_in_partition().await?;
    let days = if day_by_day { 1 } else { DAYS };
    let mut sizes: BTreeMap<Partition, u64> = BTreeMap::new();
    for (partition, bytes) in state.inputs.iter().flat_map(InputTable::sizes) {
        *sizes.entry(partition).or_default() += bytes;
    }
    let reads_more = state.inputs.iter().any(InputTable::has_more_than_partitions);
    // A table without partitions is read whole for each day, and has rows of all days.
    computation.checks_days = day_by_day && !reads_more;
    let bytes = |partition| sizes.get(&partition).copied().unwrap_or(0);
    let of_part = if state.is_unfinished { CHUNKS_OF_PART } else { usize::MAX };
    let mut parts = vec![Part::default()];
    for chunk in chunks(model, stale, days, bytes) {
        if parts.last().is_some_and(|part| part.chunks.len() >= of_part) {
            parts.push(Part::default());
        }
        let Some(part) = parts.last_mut() else { continue };
        part.targets.get_or_insert_default().extend(&chunk.targets);
        // Days around which no input has anything have no rows.
        if reads_more || chunk.needed.iter().any(|partition| sizes.contains_key(partition)) {
            part.chunks.push(Some(chunk));
        }
    }
    Ok((computation, parts))
}

/// What every chunk of a table is computed with.
pub(super) struct Computation<'a> {
    model: &'a Model,
    engine: &'a Engine,
    state: &'a BuildState,
    target: &'a Arc<FileTarget>,
    /// Whether chunks are single days whose rows are checked to belong there.
    checks_days: bool,
}

impl Computation<'_> {
    /// Computes a part and writes it; nothing that was written is left when that fails.
    pub(super) async fn compute(&self, part: &Part) -> Result<Vec<NewFile>, BuildError> {
        let mut files = Vec::new();
        for chunk in &part.chunks {
            if let Err(failure) = self.run(chunk.as_ref(), &mut files).await {
                self.target.discard(&files).await;
                return Err(failure);
            }
        }
        Ok(files)
    }

    /// Returns whether rows are in the partition of the rows that they are made from. The models of
    /// the program are: its tests compare what is built step by step with what is built at once.
    async fn stays_in_partition(&self) -> Result<bool, BuildError> {
        if self.model.is_builtin() {
            return Ok(true);
        }
        let BuildState { select, inputs, .. } = self.state;
        let rows = select.plan(self.model, self.engine, inputs, None).await?;
        Ok(stays_in_partition(rows.logical_plan()))
    }

    /// Computes a chunk, or the whole table.
    async fn run(&self, chunk: Option<&Chunk>, files: &mut Vec<NewFile>) -> Result<(), BuildError> {
        let only = chunk.map(|chunk| &chunk.needed);
        // Inputs are cut to what the chunk needs, days before and after it included; the rows of
        // these are computed too, and filtered out below.
        let select = &self.state.select;
        let rows = select.plan(self.model, self.engine, &self.state.inputs, only).await?;
        let rows = self.sorted(rows, chunk).map_err(|error| self.explain(error))?;
        let rows = Box::pin(rows.execute_stream()).await.map_err(|error| self.explain(error))?;
        let day = chunk.filter(|_| self.checks_days);
        let day = day.map(|chunk| OneDay::new(self.model, chunk.targets[0]));
        let of_day = move |writer: &SortedWriter, batch| match &day {
            Some(day) => day.rows(writer, &batch),
            None => Ok(batch),
        };
        let written = write_each(self.target, &self.state.spec, rows, of_day).await;
        files.extend(written.map_err(|error| self.failure(error))?);
        Ok(())
    }

    fn sorted(&self, rows: DataFrame, chunk: Option<&Chunk>) -> Result<DataFrame, DataFusionError> {
        let rows = match chunk.filter(|_| !self.checks_days) {
            Some(chunk) => rows.filter(belongs_to(chunk))?,
            None => rows,
        };
        let spec = &self.state.spec;
        let order = spec.partition_columns.iter().chain(&spec.sort_columns);
        rows.sort(order.map(|name| column(name).sort(true, false)).collect())
    }

    fn explain(&self, error: DataFusionError) -> BuildError {
        explain(self.model, error, self.engine.memory_limit).into()
    }

    fn failure(&self, error: WriteError) -> BuildError {
        match error {
            WriteError::Engine(error) => self.explain(*error),
            WriteError::Table(error) => error.into(),
            WriteError::NotUnique(row) => {
                let message = format!("the key is not unique: there are several rows with {row}");
                self.model.key_error(message).into()
            }
            WriteError::Astray(message) => self.model.select_error(None, message).into(),
        }
    }
}
