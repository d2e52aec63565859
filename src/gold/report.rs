//! What became of the models of a run, or would: for people and for programs.

use std::fmt;

use chrono::NaiveDate;
use lakehouse_core::gold::{Partition, Recompute};
use serde::Serialize;

use super::build::Built;
use super::state::State;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoldReport {
    /// Whether nothing was written, and this is what would be done.
    pub dry_run: bool,
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

/// What became of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelReport {
    /// The table: `gold.daily_ohlcv`.
    pub table: String,
    pub outcome: ModelOutcome,
    /// Why it was built, or could not be.
    pub reason: String,
    /// Partitions that were computed anew; a table without partitions is one.
    pub partitions: u64,
    /// The days that they are of.
    pub days: Vec<DayRange>,
    /// Rows that were written.
    pub rows: u64,
    /// The version that holds them.
    pub version: Option<i64>,
}

/// How a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelOutcome {
    Built,
    /// It would have been built, had it not been a dry run.
    Stale,
    UpToDate,
    /// None of its inputs is in the lake.
    NoInputs,
    Failed,
    /// What it reads could not be built.
    Skipped,
}

/// Days of a market, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayRange {
    pub market: String,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl ModelReport {
    pub(super) fn built(name: &str, state: &State, built: Built) -> Self {
        let stale = Self::planned(name, state);
        Self { outcome: ModelOutcome::Built, rows: built.rows, version: Some(built.version), ..stale }
    }

    /// Reports what is stale, and that nothing was done about it.
    pub(super) fn planned(name: &str, state: &State) -> Self {
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

    pub(super) fn failed(name: &str, failure: &impl fmt::Display) -> Self {
        Self::of(name, ModelOutcome::Failed, &failure.to_string())
    }

    pub(super) fn skipped(name: &str, upstream: &str) -> Self {
        Self::of(name, ModelOutcome::Skipped, &format!("gold.{upstream}, which it reads, could not be built"))
    }

    fn of(name: &str, outcome: ModelOutcome, reason: &str) -> Self {
        let (table, reason) = (format!("gold.{name}"), reason.to_owned());
        Self { table, outcome, reason, partitions: 0, days: Vec::new(), rows: 0, version: None }
    }

    /// Returns whether the table is not what it should be.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self.outcome, ModelOutcome::Failed | ModelOutcome::Skipped)
    }
}

/// Joins days of a market that follow one another.
fn day_ranges<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> Vec<DayRange> {
    let mut ranges: Vec<DayRange> = Vec::new();
    for Partition { market, date } in partitions {
        match ranges.last_mut() {
            Some(range) if range.market == market.as_str() && range.last.succ_opt() == Some(*date) => {
                range.last = *date;
            }
            _ => ranges.push(DayRange { market: market.to_string(), first: *date, last: *date }),
        }
    }
    ranges
}

impl fmt::Display for DayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.market, self.first)?;
        if self.first < self.last { write!(f, " to {}", self.last) } else { Ok(()) }
    }
}

/// Ranges of days that are told one by one.
const NAMED_RANGES: usize = 4;

impl fmt::Display for ModelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, reason, partitions, days, rows, .. } = self;
        match self.outcome {
            ModelOutcome::UpToDate | ModelOutcome::NoInputs => return write!(f, "{table}: {reason}"),
            ModelOutcome::Failed => return write!(f, "{table}: failed: {reason}"),
            ModelOutcome::Skipped => return write!(f, "{table}: skipped: {reason}"),
            ModelOutcome::Stale => write!(f, "{table}: would build ")?,
            ModelOutcome::Built => write!(f, "{table}: built ")?,
        }
        match partitions {
            _ if days.is_empty() => f.write_str("all of it")?,
            1 => f.write_str("1 partition")?,
            more => write!(f, "{more} partitions")?,
        }
        let named = days.iter().take(NAMED_RANGES).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match days.len() {
            0 => {}
            1..=NAMED_RANGES => write!(f, " ({named})")?,
            ranges => write!(f, " ({named} and {} more)", ranges - NAMED_RANGES)?,
        }
        if self.outcome == ModelOutcome::Built {
            write!(f, ", {rows} rows")?;
        }
        write!(f, ": {reason}")
    }
}

impl fmt::Display for GoldReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.models.iter().try_for_each(|model| writeln!(f, "{model}"))
    }
}
