//! How a gold table stands: its inputs at a version, the statement over them, and what of it is
//! stale.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use lakehouse_core::gold::{Changed, Model, Recompute, recompute};
use lakehouse_core::names::partition::Partition;

use super::error::Failure;
use super::history::{Build, file_partition, newest_build};
use super::inputs::InputTable;
use super::select::Select;
use super::tables::declared_schema;
use super::{Gold, Known};
use crate::delta::log::BuildRecord;
use crate::delta::table::{TableSpec, WritableTable};
use crate::query::{Engine, read_schema};
use crate::storage::lake::Layer;

/// What a build would be decided on.
#[derive(Debug)]
pub(super) struct State {
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
}

impl State {
    /// Returns the table's columns as a query sees them.
    pub(super) fn read_schema(&self) -> SchemaRef {
        read_schema(&self.spec.schema)
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

/// Looks at a model, its inputs and its table, and decides what is stale.
pub(super) async fn look(
    gold: &Gold,
    model: &Model,
    engine: &Engine,
    known: &Known,
) -> Result<State, Failure> {
    let select = Select::parse(model)?;
    let inputs = open_inputs(gold, model, known).await?;
    let spec = select.table_spec(model, engine, &inputs).await?;
    let table = WritableTable::open(&gold.lake, spec.clone()).await?;
    let build = match &table {
        Some(table) => newest_build(table).await?,
        None => None,
    };
    let (own, other_columns) = match &table {
        Some(table) => (own_partitions(table)?, table.changed_metadata()?.is_some()),
        None => (BTreeSet::new(), false),
    };
    let all = why_all(gold.is_asked(model), model, build.as_ref(), other_columns);
    let (mut states, mut changed) = (Vec::with_capacity(inputs.len()), Vec::new());
    for input in &inputs {
        let built_on =
            build.as_ref().and_then(|build| build.record.inputs.get(&input.name.to_string()));
        let state = input.state(&gold.lake, built_on).await?;
        if state.changed != Changed::Nothing {
            changed.push(input.name.to_string());
        }
        states.push(state);
    }
    let has_inputs = inputs.iter().any(InputTable::exists);
    let everything =
        all.is_some() || states.iter().any(|state| state.changed == Changed::Everything);
    let stale = if has_inputs {
        recompute(model, all.is_some(), &states, &own)
    } else {
        Recompute::Nothing
    };
    Ok(State {
        reason: all.map_or_else(|| format!("{} changed", changed.join(", ")), str::to_owned),
        base: build.map(|build| build.version),
        replaces_all: everything || stale == Recompute::Whole,
        recompute: stale,
        inputs,
        select,
        spec,
        has_inputs,
    })
}

async fn open_inputs(
    gold: &Gold,
    model: &Model,
    known: &Known,
) -> Result<Vec<InputTable>, Failure> {
    let mut inputs = Vec::with_capacity(model.inputs().len());
    for input in model.inputs() {
        let built = (input.layer == Layer::Gold).then(|| known.schemas.get(&input.name)).flatten();
        let declared = match built {
            Some(schema) => SchemaRef::clone(schema),
            None => declared_schema(&gold.schemas, input)?,
        };
        let pending =
            (input.layer == Layer::Gold).then(|| known.pending.get(&input.name).cloned()).flatten();
        inputs.push(InputTable::open(&gold.lake, input.clone(), declared, pending).await?);
    }
    Ok(inputs)
}

fn own_partitions(table: &WritableTable) -> Result<BTreeSet<Partition>, Failure> {
    Ok(table.active_files()?.iter().filter_map(file_partition).collect())
}

/// Says why all of a table is to be built, if it is.
fn why_all(
    asked: bool,
    model: &Model,
    build: Option<&Build>,
    other_columns: bool,
) -> Option<&'static str> {
    match build {
        None => Some("first build"),
        Some(_) if asked => Some("asked for in full"),
        Some(build) if build.record.model != model.fingerprint() => Some("the model changed"),
        Some(_) if other_columns => Some("its columns changed"),
        Some(_) => None,
    }
}
