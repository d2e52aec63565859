//! What the lake holds, according to its own tables: coverage by day, failures, the last runs.
//!
//! Only the ledger and `meta.runs` are read, so that it is quick on an object store too.
//! [`lakehouse_core::coverage`] computes the coverage; here it is written as text or JSON.

mod calendar;
mod days;
mod json;
mod provisional;
mod runs;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lakehouse_core::coverage::{
    CoverageCollector, CoverageOptions, SeriesCoverage, StaleSeries, stale_series,
};
use lakehouse_core::ledger::{Ledger, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use thiserror::Error;

pub(crate) use self::days::{ShownRun, ShownState};
pub(crate) use self::json::{FailureRecord, StatusDocument};
use self::provisional::provisional_rows;
pub(crate) use self::provisional::{
    ProvisionalDay, ProvisionalDays, ProvisionalRows, ProvisionalSeries,
};
pub(crate) use self::runs::RunRecord;
use crate::audit::{OpenRows, is_in_scope, open_rows};
use crate::delta::TableError;
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;
use crate::query::{QueryError, Session, SessionOptions};
use crate::storage::StorageError;
use crate::storage::lake::Lake;

/// Why a lake's status could not be read.
#[derive(Debug, Error)]
pub(crate) enum StatusError {
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] TableError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// What a lake holds.
#[derive(Clone, Debug)]
pub(crate) struct LakeStatus {
    /// The version of the lake's layout.
    pub(crate) format_version: u64,
    /// The day on which the status was read, UTC.
    pub(crate) today: NaiveDate,
    /// Every series that the lake has met, in order.
    pub(crate) series: Vec<SeriesCoverage>,
    /// Archives that could not be had or not be read, in the order of their keys.
    pub(crate) failures: Vec<LedgerEntry>,
    /// The last runs, the newest first.
    pub(crate) runs: Vec<RunRecord>,
    /// What is in the lake until an archive has it.
    pub(crate) provisional: Vec<ProvisionalRows>,
    /// The same by series and day; empty unless it was looked for.
    pub(crate) provisional_days: ProvisionalDays,
    /// Series that go on and have no day that is new enough; nothing unless they were looked for.
    pub(crate) stale: Option<Vec<StaleSeries>>,
    /// What audits found and what still holds; nothing if there was no audit.
    pub(crate) audit: Option<OpenRows>,
}

impl LakeStatus {
    /// Reads the status of what is in scope; a lake that does not exist yet holds nothing.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub(crate) async fn read(
        lake: &Lake,
        matrix: &Arc<Matrix>,
        scope: &Scope,
        today: NaiveDate,
    ) -> Result<Self, StatusError> {
        let format_version = lake.format_version().await?;
        let options = CoverageOptions { dates: scope.dates, today };
        let mut series = CoverageCollector::new(matrix, options);
        let mut failures = Vec::new();
        if let Some(ledger) = LedgerReader::open_checked(lake, Arc::clone(matrix)).await? {
            ledger.for_each_series(|of, rows| {
                failures.extend(failed(&rows, scope));
                series.add(of, &rows, scope.has_series(of));
            })?;
        }
        failures.sort_by(|a, b| a.key.cmp(&b.key));
        let session = Session::open(lake, SessionOptions::default())?;
        Ok(Self {
            format_version,
            today,
            series: series.finish(),
            stale: None,
            failures,
            runs: runs::last_runs(&session).await?,
            provisional: provisional_rows(&session).await?,
            provisional_days: ProvisionalDays::default(),
            audit: open_rows(lake, |row| is_in_scope(scope, row)).await?,
        })
    }

    /// Looks for series whose last day ended longer ago than `max_age`.
    pub(crate) fn find_stale(&mut self, matrix: &Matrix, now: DateTime<Utc>, max_age: TimeDelta) {
        self.stale = Some(stale_series(&self.series, matrix, now, max_age));
    }

    /// Looks for the series and days of provisional rows, of days in scope.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub(crate) async fn find_provisional_days(
        &mut self,
        session: &Session,
        scope: &Scope,
    ) -> Result<(), QueryError> {
        let tables = &self.provisional;
        self.provisional_days = ProvisionalDays::read(session, tables, scope.dates).await?;
        Ok(())
    }

    /// Returns the days of a series as people see them.
    pub(crate) fn shown_runs<'a>(&'a self, coverage: &'a SeriesCoverage) -> Vec<ShownRun<'a>> {
        match self.provisional_days.of(&coverage.series) {
            Some(provisional) => days::shown_runs(coverage, &provisional.days),
            None => days::shown_runs(coverage, &BTreeMap::new()),
        }
    }

    /// Adds up all series.
    #[must_use]
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals { failed: self.failures.len() as u64, ..Totals::default() };
        self.series.iter().for_each(|series| totals.add(series));
        totals
    }
}

/// The figures of several series together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Totals {
    pub(crate) series: u64,
    pub(crate) archives: u64,
    /// Archives that could not be had or not be read.
    pub(crate) failed: u64,
    /// Days that are held, of all series.
    pub(crate) days: u64,
    /// Days that could be held and are not.
    pub(crate) missing: u64,
    pub(crate) rows: u64,
    pub(crate) rejected_rows: u64,
    /// Bytes of the archives as they were published.
    pub(crate) bytes: u64,
}

impl Totals {
    fn add(&mut self, series: &SeriesCoverage) {
        self.series += 1;
        self.archives += series.archives;
        self.days += series.held_days();
        self.missing += series.missing_days();
        self.rows += series.rows;
        self.rejected_rows += series.rejected_rows;
        self.bytes += series.bytes;
    }
}

fn failed(ledger: &Ledger, scope: &Scope) -> Vec<LedgerEntry> {
    let failed =
        ledger.entries().filter(|entry| entry.status.is_failure() && scope.has(&entry.key));
    failed.cloned().collect()
}
