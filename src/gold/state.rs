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
    /// Whether the table was never built to its end, so that it may land in parts.
    pub(super) is_unfinished: bool,
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
        self.base.is_some() && (self.is_unfinished || self.commits_behind >= COMMITS_BEHIND)
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
    let (build, other_columns) = match &table {
        Some(table) => {
            let other_columns = table.changed_metadata()?.is_some();
            (newest_build(table).await?, other_columns)
        }
        None => (None, false),
    };
    let full =
        reason_for_full_build(gold.is_full_build(model), model, build.as_ref(), other_columns);
    let until = build.as_ref().and_then(|build| build.until);
    let is_unfinished = build.is_none() || until.is_some();
    let mut states = input_states(gold, &inputs, build.as_ref()).await?;
    // Lists of files are long, and only read where all of the table may be stale.
    let may_be_all = full.is_some()
        || until.is_some()
        || states.iter().any(|state| state.changed == Changed::Everything);
    let mut own = BTreeSet::new();
    if may_be_all {
        for (input, state) in inputs.iter().zip(&mut states) {
            input.add_present(state);
        }
        own = table.as_ref().map(own_partitions).transpose()?.unwrap_or_default();
    }
    let has_inputs = inputs.iter().any(InputTable::exists);
    // Without a single input there is nothing to compute from, and what was built stays: a lake
    // may hold gold tables whose inputs were moved elsewhere.
    let stale = match has_inputs {
        true => stale(model, full.is_some(), until, &states, &own),
        false => Recompute::Nothing,
    };
    let unfinished = until.map(|_| "the first build was not finished");
    let reason = full.or(unfinished);
    let reason = reason.map_or_else(|| changed_inputs(&inputs, &states), str::to_owned);
    // Partitions that no input has any more are not among those that are computed, so a build of
    // everything removes all files and not only those of stale partitions.
    let everything = states.iter().any(|state| state.changed == Changed::Everything);
    let commits_behind = build.as_ref().map_or(0, |build| commits_behind(&inputs, build));
    Ok(BuildState {
        reason,
        commits_behind,
        base: build.map(|build| build.version),
        replaces_all: full.is_some() || everything || stale == Recompute::Whole,
        is_unfinished,
        recompute: stale,
        inputs,
        select,
        spec,
        has_inputs,
    })
}

/// Decides what is stale: what changed and, of a build that was not finished, what comes after the
/// last partition that landed.
fn stale(
    model: &Model,
    is_full: bool,
    until: Option<Partition>,
    inputs: &[InputState],
    own: &BTreeSet<Partition>,
) -> Recompute {
    let changed = recompute(model, is_full, inputs, own);
    let Some(until) = until.filter(|_| !is_full) else { return changed };
    let (mut stale, all) = match (changed, recompute(model, true, inputs, own)) {
        (Recompute::Nothing, Recompute::Partitions(all)) => (BTreeSet::new(), all),
        (Recompute::Partitions(changed), Recompute::Partitions(all)) => (changed, all),
        (changed, _) => return changed,
    };
    stale.extend(all.into_iter().filter(|partition| until < *partition));
    if stale.is_empty() { Recompute::Nothing } else { Recompute::Partitions(stale) }
}

/// Returns what changed in each input since the newest build.
async fn input_states(
    gold: &Gold,
    inputs: &[InputTable],
    build: Option<&Build>,
) -> Result<Vec<InputState>, BuildError> {
    let mut states = Vec::with_capacity(inputs.len());
    for input in inputs {
        // An input that the build does not record was not there then.
        let built_on = build.and_then(|build| build.record.inputs.get(&input.name.to_string()));
        states.push(input.changes(&gold.lake, built_on).await?);
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
