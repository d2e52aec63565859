//! What a check has to look at: its inputs at a version, and the days of which one changed since
//! the check last saw them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use lakehouse_core::audit::Check;
use lakehouse_core::gold::{InputState, Recompute, recompute};
use lakehouse_core::names::partition::Partition;

use super::Audit;
use crate::delta::log::BuildRecord;
use crate::gold::error::BuildError;
use crate::gold::inputs::InputTable;
use crate::gold::select::Select;
use crate::meta::audit::Replaced;
use crate::storage::lake::TableName;

/// Whether a check has anything to do.
#[derive(Debug)]
pub(super) enum CheckState {
    Stale(Box<StaleCheck>),
    UpToDate,
    /// An input is not in the lake.
    Skipped(TableName),
}

/// A check with what it has to look at.
#[derive(Debug)]
pub(super) struct StaleCheck {
    pub(super) inputs: Vec<InputTable>,
    pub(super) select: Select,
    pub(super) stale: Recompute,
    /// Whether it looks at everything that there is, so that no row of before stays.
    is_all: bool,
}

impl StaleCheck {
    /// Returns what is recorded as audited with these inputs.
    pub(super) fn record(&self, check: &Check) -> BuildRecord {
        let mut inputs = BTreeMap::new();
        for input in &self.inputs {
            if let Some(version) = input.built_on() {
                inputs.insert(input.name.to_string(), version);
            }
        }
        BuildRecord { model: check.fingerprint(), inputs }
    }

    /// Returns which recorded rows the new ones take the place of.
    pub(super) fn replaced(&self) -> Replaced {
        match &self.stale {
            Recompute::Partitions(stale) if !self.is_all => Replaced::Partitions(stale.clone()),
            _ => Replaced::All,
        }
    }

    /// Returns how many days are looked at; a check that is not cut into days counts as one.
    pub(super) fn days(&self) -> u64 {
        match &self.stale {
            Recompute::Nothing => 0,
            Recompute::Whole => 1,
            Recompute::Partitions(stale) => stale.len() as u64,
        }
    }
}

/// Opens a check's inputs and decides what of them it has to look at; `base` is what it was audited
/// on before.
pub(super) async fn check_state(
    audit: &Audit,
    check: &Check,
    base: Option<&BuildRecord>,
) -> Result<CheckState, BuildError> {
    // First of all, so that a statement with a wrong word is reported in an empty lake too.
    let select = Select::parse(check.statement())?;
    let mut inputs = Vec::with_capacity(check.inputs().len());
    for name in check.inputs() {
        let declared = Arc::new(Schema::empty());
        let input = InputTable::open(&audit.lake, name.clone(), declared, None).await?;
        if !input.exists() {
            return Ok(CheckState::Skipped(name.clone()));
        }
        inputs.push(input);
    }
    let is_changed = base.is_none_or(|base| base.model != check.fingerprint());
    let mut states: Vec<InputState> = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let seen = base.and_then(|base| base.inputs.get(&input.name.to_string()));
        states.push(input.state(&audit.lake, seen).await?);
    }
    let is_all = is_changed || audit.full;
    let stale = recompute(check.statement(), is_all, &states, &BTreeSet::new());
    let everything =
        states.iter().any(|state| state.changed == lakehouse_core::gold::Changed::Everything);
    let stale = meant(audit, stale);
    if stale.is_nothing() {
        return Ok(CheckState::UpToDate);
    }
    let is_all = is_all || everything;
    Ok(CheckState::Stale(Box::new(StaleCheck { inputs, select, stale, is_all })))
}

/// Leaves out the days that the selection does not have.
fn meant(audit: &Audit, stale: Recompute) -> Recompute {
    let Recompute::Partitions(mut stale) = stale else { return stale };
    let markets = &audit.scope.markets;
    stale.retain(|Partition { market, date }| {
        (markets.is_empty() || markets.contains(market)) && audit.scope.dates.contains(*date)
    });
    if stale.is_empty() { Recompute::Nothing } else { Recompute::Partitions(stale) }
}
