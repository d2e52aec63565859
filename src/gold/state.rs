//! The state of a gold table before a build: its inputs at a version, the statement over them, and
//! what of it is stale.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use lakehouse_core::gold::{Changed, InputState, Model, Recompute, recompute};
use lakehouse_core::names::partition::Partition;

use super::error::BuildError;
use super::history::{Build, file_partition, newest_build};
use super::inputs::InputTable;
use super::select::Select;
use super::tables::declared_schema;
use super::{FinishedModels, Gold};
use crate::delta::log::BuildRecord;
use crate::delta::table::{TableSpec, WritableTable};
use crate::query::{Engine, read_schema};
use crate::storage::lake::Layer;

/// Commits of an input that changed nothing and are read again by every run.
const COMMITS_BEHIND: u64 = 100;

/// What a build is decided on.
#[derive(Debug)]
pub(super) struct BuildState {
    pub(super) inputs: Vec<InputTable>,
    pub(super) select: Select,
    pub(super) spec: TableSpec,
    /// The version of the newest build; nothing for a table that was never built.
    pub(super) base: Option<i64>,
    pub(super) recompute: Recompute,
    /// Whether nothing stays of what the table holds.
    pub(super) replaces_all: bool,
    /// Why it is built, or why not.
    pub(super) reason: String,
    /// Whether one of the inputs is there.
    pub(super) has_inputs: bool,
    /// Commits that the newest build does not know of the input that went on most.
    commits_behind: u64,
}

impl BuildState {
    /// Returns the table's columns as a query sees them.
    pub(super) fn read_schema(&self) -> SchemaRef {
        read_schema(&self.spec.schema)
    }

    /// Returns whether a build of which nothing is stale is worth a commit: from there on the next
    /// run reads the logs of the inputs.
    pub(super) fn is_far_behind(&self) -> bool {
        self.base.is_some() && self.commits_behind >= COMMITS_BEHIND
    }

    /// Returns what a build on this state says of itself in its commit.
    pub(super) fn record(&self, model: &Model) -> BuildRecord {
        let inputs = self
            .inputs
            .iter()
            .filter_map(|input| Some((input.name.to_string(), input.built_on()?)));
        BuildRecord { model: model.fingerprint(), inputs: inputs.collect() }
    }
}

/// Reads what a model's inputs and its table are like, and decides what is stale.
pub(super) async fn build_state(
    gold: &Gold,
    model: &Model,
    engine: &Engine,
    finished: &FinishedModels,
) -> Result<BuildState, BuildError> {
    let select = Select::parse(model)?;
    // Inputs are pinned to a version here. Everything below, and the rows that are computed later,
    // is of these versions, and the commit records them.
    let inputs = open_inputs(gold, model, finished).await?;
    let spec = select.table_spec(model, engine, &inputs).await?;
    let table = WritableTable::open(&gold.lake, spec.clone()).await?;
    let (build, own, other_columns) = match &table {
        Some(table) => {
            let other_columns = table.changed_metadata()?.is_some();
            (newest_build(table).await?, own_partitions(table)?, other_columns)
        }
        None => (None, BTreeSet::new(), false),
    };
    let full =
        reason_for_full_build(gold.is_full_build(model), model, build.as_ref(), other_columns);
    let states = input_states(gold, &inputs, build.as_ref()).await?;
    let has_inputs = inputs.iter().any(InputTable::exists);
    // Without a single input there is nothing to compute from, and what was built stays: a lake
    // may hold gold tables whose inputs were moved elsewhere.
    let stale = if has_inputs {
        recompute(model, full.is_some(), &states, &own)
    } else {
        Recompute::Nothing
    };
    let reason = full.map_or_else(|| changed_inputs(&inputs, &states), str::to_owned);
    // Partitions that no input has any more are not among those that are computed, so a build of
    // everything removes all files and not only those of stale partitions.
    let everything = states.iter().any(|state| state.changed == Changed::Everything);
    let commits_behind = build.as_ref().map_or(0, |build| commits_behind(&inputs, build));
    Ok(BuildState {
        reason,
        commits_behind,
        base: build.map(|build| build.version),
        replaces_all: full.is_some() || everything || stale == Recompute::Whole,
        recompute: stale,
        inputs,
        select,
        spec,
        has_inputs,
    })
}

/// Returns what each input holds, and what changed in it since the newest build.
async fn input_states(
    gold: &Gold,
    inputs: &[InputTable],
    build: Option<&Build>,
) -> Result<Vec<InputState>, BuildError> {
    let mut states = Vec::with_capacity(inputs.len());
    for input in inputs {
        // An input that the build does not record was not there then.
        let built_on = build.and_then(|build| build.record.inputs.get(&input.name.to_string()));
        states.push(input.state(&gold.lake, built_on).await?);
    }
    Ok(states)
}

fn commits_behind(inputs: &[InputTable], build: &Build) -> u64 {
    let mut most = 0;
    for input in inputs {
        let (Some(now), Some(then)) =
            (input.built_on(), build.record.inputs.get(&input.name.to_string()))
        else {
            continue;
        };
        most = most.max(now.version.saturating_sub(then.version));
    }
    most
}

fn changed_inputs(inputs: &[InputTable], states: &[InputState]) -> String {
    let mut changed = Vec::new();
    for (input, state) in inputs.iter().zip(states) {
        if state.changed != Changed::Nothing {
            changed.push(input.name.to_string());
        }
    }
    format!("{} changed", changed.join(", "))
}

async fn open_inputs(
    gold: &Gold,
    model: &Model,
    finished: &FinishedModels,
) -> Result<Vec<InputTable>, BuildError> {
    let mut inputs = Vec::with_capacity(model.inputs().len());
    for input in model.inputs() {
        let is_gold = input.layer == Layer::Gold;
        // A model that reads a model finds its columns here even where no table was built yet, as
        // in a run that only plans.
        let declared = match finished.schemas.get(&input.name).filter(|_| is_gold) {
            Some(schema) => SchemaRef::clone(schema),
            None => declared_schema(&gold.schemas, input)?,
        };
        let pending = finished.pending.get(&input.name).filter(|_| is_gold).cloned();
        inputs.push(InputTable::open(&gold.lake, input.clone(), declared, pending).await?);
    }
    Ok(inputs)
}

fn own_partitions(table: &WritableTable) -> Result<BTreeSet<Partition>, BuildError> {
    Ok(table.active_files()?.iter().filter_map(file_partition).collect())
}

/// Returns why all of a table is to be built, if it is.
fn reason_for_full_build(
    requested: bool,
    model: &Model,
    build: Option<&Build>,
    other_columns: bool,
) -> Option<&'static str> {
    match build {
        None => Some("first build"),
        Some(_) if requested => Some("full build requested"),
        Some(build) if build.record.model != model.fingerprint() => Some("the model changed"),
        Some(_) if other_columns => Some("its columns changed"),
        Some(_) => None,
    }
}
