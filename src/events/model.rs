//! The result of one gold model: reported as an event, and listed in the result of a run.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

/// The result of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelReport {
    /// The table: `gold.daily_ohlcv`.
    pub table: String,
    pub outcome: ModelOutcome,
    /// Why it was built, or could not be.
    pub reason: String,
    /// Partitions that were computed; a table without partitions counts as one.
    pub partitions: u64,
    /// The days of these partitions.
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
    /// A table that it reads could not be built.
    Skipped,
}

/// Consecutive days of a market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayRange {
    pub market: String,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl ModelReport {
    /// Returns whether the table is not what it should be.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self.outcome, ModelOutcome::Failed | ModelOutcome::Skipped)
    }
}

impl fmt::Display for DayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.market, self.first)?;
        if self.first < self.last { write!(f, " to {}", self.last) } else { Ok(()) }
    }
}

/// Ranges of days that are named one by one.
const NAMED_RANGES: usize = 4;

impl fmt::Display for ModelReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, reason, partitions, days, rows, .. } = self;
        match self.outcome {
            ModelOutcome::UpToDate | ModelOutcome::NoInputs => {
                return write!(f, "{table}: {reason}");
            }
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
        let named =
            days.iter().take(NAMED_RANGES).map(ToString::to_string).collect::<Vec<_>>().join(", ");
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
