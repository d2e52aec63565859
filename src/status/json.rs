//! The status as programs read it.

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::coverage::{DayRun, MissingReason, SeriesCoverage, StaleSeries};
use lakehouse_core::ledger::LedgerEntry;
use serde::Serialize;

use super::{LakeStatus, ProvisionalRows, RunRecord, Totals};
use crate::audit::OpenRows;

/// All of a status.
#[derive(Debug, Serialize)]
pub(crate) struct StatusDocument<'a> {
    pub(crate) lake: &'a str,
    pub(crate) format_version: u64,
    pub(crate) today: NaiveDate,
    pub(crate) totals: Totals,
    series: Vec<SeriesRecord<'a>>,
    pub(crate) failed: Vec<FailureRecord<'a>>,
    pub(crate) runs: &'a [RunRecord],
    /// Series that are older than `--max-age`; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<Vec<StaleRecord<'a>>>,
    /// Rows that no archive has yet, by table; absent without any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    provisional: &'a [ProvisionalRows],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) audit: Option<&'a OpenRows>,
}

/// A series that ought to have newer days.
#[derive(Debug, Serialize)]
struct StaleRecord<'a> {
    market: &'static str,
    data_type: &'a str,
    symbol: &'a str,
    interval: Option<String>,
    last: NaiveDate,
    age_hours: i64,
}

impl<'a> StaleRecord<'a> {
    fn new(stale: &'a StaleSeries) -> Self {
        let series = &stale.series;
        Self {
            market: series.market.as_str(),
            data_type: series.data_type.as_str(),
            symbol: series.symbol.as_str(),
            interval: series.interval.map(|interval| interval.to_string()),
            last: stale.last,
            age_hours: stale.age.num_hours(),
        }
    }
}

/// One series with its gaps.
#[derive(Debug, Serialize)]
struct SeriesRecord<'a> {
    market: &'static str,
    data_type: &'a str,
    symbol: &'a str,
    interval: Option<String>,
    first: Option<NaiveDate>,
    last: Option<NaiveDate>,
    days: u64,
    missing: u64,
    /// Days from the last one that is held to yesterday, while the series goes on.
    behind: u64,
    archives: u64,
    failed: u64,
    rows: u64,
    rejected_rows: u64,
    bytes: u64,
    gaps: Vec<GapRecord<'a>>,
}

/// Neighbouring days that are not held for the same reason.
#[derive(Debug, Serialize)]
struct GapRecord<'a> {
    start: NaiveDate,
    end: NaiveDate,
    days: u64,
    reason: &'static str,
    /// Whether the days could be there; those before a listing, for one, could not.
    missing: bool,
    detail: Option<&'a str>,
}

/// An archive that could not be downloaded or read.
#[derive(Debug, Serialize)]
pub(crate) struct FailureRecord<'a> {
    pub(crate) archive: &'a str,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) recorded_at: DateTime<Utc>,
    pub(crate) run: &'a str,
}

impl<'a> StatusDocument<'a> {
    /// Makes the document of a lake at a location.
    #[must_use]
    pub(crate) fn new(lake: &'a str, status: &'a LakeStatus) -> Self {
        Self {
            lake,
            format_version: status.format_version,
            today: status.today,
            totals: status.totals(),
            series: status.series.iter().map(series).collect(),
            failed: status.failures.iter().map(FailureRecord::new).collect(),
            runs: &status.runs,
            provisional: &status.provisional,
            stale: status.stale.as_ref().map(|stale| stale.iter().map(StaleRecord::new).collect()),
            audit: status.audit.as_ref(),
        }
    }
}

impl<'a> FailureRecord<'a> {
    /// Makes the record of the newest row of an archive that failed.
    #[must_use]
    pub(crate) fn new(entry: &'a LedgerEntry) -> Self {
        Self {
            archive: entry.key.path(),
            status: entry.status.as_str(),
            reason: entry.reason.as_deref(),
            recorded_at: entry.recorded_at,
            run: &entry.run,
        }
    }
}

fn series(coverage: &SeriesCoverage) -> SeriesRecord<'_> {
    let series = &coverage.series;
    SeriesRecord {
        market: series.market.as_str(),
        data_type: series.data_type.as_str(),
        symbol: series.symbol.as_str(),
        interval: series.interval.map(|interval| interval.to_string()),
        first: coverage.first(),
        last: coverage.last(),
        days: coverage.held_days(),
        missing: coverage.missing_days(),
        behind: coverage.behind,
        archives: coverage.archives,
        failed: coverage.failed,
        rows: coverage.rows,
        rejected_rows: coverage.rejected_rows,
        bytes: coverage.bytes,
        gaps: coverage.gaps().map(|(run, reason)| gap(run, reason)).collect(),
    }
}

fn gap(run: &DayRun, reason: MissingReason) -> GapRecord<'_> {
    GapRecord {
        start: run.start,
        end: run.end,
        days: run.days(),
        reason: reason.as_str(),
        missing: run.state.is_missing(),
        detail: run.detail.as_deref(),
    }
}
