//! The result of a gold run, model by model, and how each of them is described.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use lakehouse_core::gold::Recompute;
use lakehouse_core::names::partition::Partition;
use serde::Serialize;

use super::build::Built;
use super::state::BuildState;
use crate::error_chain::one_line;
use crate::events::{DayRange, ModelOutcome, ModelReport};

/// The result of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoldReport {
    /// Whether nothing was written, and this is what would be done.
    pub dry_run: bool,
    /// The identifier in the commits of a run that may write.
    #[serde(skip)]
    pub run: Option<Arc<str>>,
    /// In the order in which they were built.
    pub models: Vec<ModelReport>,
}

impl GoldReport {
    /// Returns whether a table is not what it should be.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.models.iter().any(ModelReport::is_failure)
    }
}

impl ModelReport {
    pub(super) fn built(name: &str, state: &BuildState, built: Built) -> Self {
        let stale = Self::planned(name, state);
        Self {
            outcome: ModelOutcome::Built,
            rows: built.rows,
            version: Some(built.version),
            ..stale
        }
    }

    /// Reports what is stale, and that nothing was done about it.
    pub(super) fn planned(name: &str, state: &BuildState) -> Self {
        let (partitions, days) = match &state.recompute {
            Recompute::Nothing => {
                let (outcome, reason) = match state.has_inputs {
                    true => (ModelOutcome::UpToDate, "up to date"),
                    false => (ModelOutcome::NoInputs, "none of its inputs is in the lake"),
                };
                return Self::of(name, outcome, reason);
            }
            Recompute::Whole => (1, Vec::new()),
            Recompute::Partitions(stale) => (stale.len() as u64, day_ranges(stale)),
        };
        Self { partitions, days, ..Self::of(name, ModelOutcome::Stale, &state.reason) }
    }

    pub(super) fn failed(name: &str, error: &(dyn Error + 'static)) -> Self {
        Self::of(name, ModelOutcome::Failed, &one_line(error))
    }

    pub(super) fn skipped(name: &str, upstream: &str) -> Self {
        Self::of(
            name,
            ModelOutcome::Skipped,
            &format!("gold.{upstream}, which it reads, could not be built"),
        )
    }

    fn of(name: &str, outcome: ModelOutcome, reason: &str) -> Self {
        Self {
            table: format!("gold.{name}"),
            outcome,
            reason: reason.to_owned(),
            partitions: 0,
            days: Vec::new(),
            rows: 0,
            version: None,
        }
    }
}

/// Joins days of a market that follow one another.
fn day_ranges<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> Vec<DayRange> {
    let mut ranges: Vec<DayRange> = Vec::new();
    for Partition { market, date } in partitions {
        match ranges.last_mut() {
            Some(range)
                if range.market == market.as_str() && range.last.succ_opt() == Some(*date) =>
            {
                range.last = *date;
            }
            _ => ranges.push(DayRange { market: market.to_string(), first: *date, last: *date }),
        }
    }
    ranges
}

impl fmt::Display for GoldReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.models.iter().try_for_each(|model| writeln!(f, "{model}"))
    }
}
