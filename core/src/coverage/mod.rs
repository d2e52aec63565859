//! What a lake holds day by day, and why it lacks what it lacks.
//!
//! From the ledger and the matrix alone: no listing is read, so a day that was never requested has
//! no reason. How it is shown (a table, a calendar, a page) is the shell's.

mod days;
mod lifetime;
mod reason;
mod stale;

use chrono::{Days, NaiveDate};

use self::days::SeriesDays;
use self::lifetime::{HeldEnds, Lifetime, Lifetimes};
pub use self::reason::MissingReason;
pub use self::stale::{ENDED_AFTER_DAYS, StaleSeries, stale_series};
use crate::ledger::{Ledger, LedgerEntry};
use crate::matrix::Matrix;
use crate::names::archive::Series;
use crate::names::period::DateRange;

/// What the lake has of a day of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DayState {
    /// Its rows are in silver.
    Held,
    /// Rows are in silver, but others of the same archive were rejected.
    HeldInPart,
    Missing(MissingReason),
}

impl DayState {
    /// Returns whether rows of the day are in silver.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Held | Self::HeldInPart)
    }

    /// Returns whether the day could be there and is not.
    #[must_use]
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing(reason) if !reason.is_outside())
    }
}

/// Neighbouring days in the same state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRun {
    pub start: NaiveDate,
    /// The last day, inclusive.
    pub end: NaiveDate,
    pub state: DayState,
    /// What the ledger says of the first archive that failed there.
    pub detail: Option<String>,
}

impl DayRun {
    /// Returns the number of days.
    #[must_use]
    pub fn days(&self) -> u64 {
        u64::try_from((self.end - self.start).num_days() + 1).unwrap_or_default()
    }
}

/// What the lake holds of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesCoverage {
    pub series: Series,
    /// All days that are looked at, in order, neighbours in different states.
    pub runs: Vec<DayRun>,
    /// Archives whose rows are in silver, at least in part.
    pub archives: u64,
    /// Archives that could not be had or not be read.
    pub failed: u64,
    /// Rows in silver, of whole archives.
    pub rows: u64,
    pub rejected_rows: u64,
    /// Bytes of the zips of these archives.
    pub bytes: u64,
    /// Days from the last one that is held to yesterday, while archives of the series still appear.
    pub behind: u64,
    /// The last day that is held, whichever days are looked at.
    pub last_of_all: Option<NaiveDate>,
}

impl SeriesCoverage {
    /// Returns the first day that is held.
    #[must_use]
    pub fn first(&self) -> Option<NaiveDate> {
        self.runs.iter().find(|run| run.state.is_held()).map(|run| run.start)
    }

    /// Returns the last day that is held.
    #[must_use]
    pub fn last(&self) -> Option<NaiveDate> {
        self.runs.iter().rev().find(|run| run.state.is_held()).map(|run| run.end)
    }

    /// Returns the number of days that are held.
    #[must_use]
    pub fn held_days(&self) -> u64 {
        self.runs.iter().filter(|run| run.state.is_held()).map(DayRun::days).sum()
    }

    /// Returns the number of days that could be there and are not.
    #[must_use]
    pub fn missing_days(&self) -> u64 {
        self.runs.iter().filter(|run| run.state.is_missing()).map(DayRun::days).sum()
    }

    /// Returns the days that are not held, each run with its reason; those that never could be are
    /// among them.
    pub fn gaps(&self) -> impl Iterator<Item = (&DayRun, MissingReason)> {
        self.runs.iter().filter_map(|run| match run.state {
            DayState::Missing(reason) => Some((run, reason)),
            DayState::Held | DayState::HeldInPart => None,
        })
    }
}

/// Which days are looked at.
#[derive(Clone, Copy, Debug)]
pub struct CoverageOptions {
    /// Where an end is open, from or to the last day that is held or that failed.
    pub dates: DateRange,
    /// The current day, UTC: it is not over, and nothing of it can be missing.
    pub today: NaiveDate,
}

/// Collects what the lake holds, one series after the other; nothing is kept of single archives.
#[derive(Debug)]
pub struct CoverageCollector<'a> {
    matrix: &'a Matrix,
    options: CoverageOptions,
    lifetimes: Lifetimes,
    found: Vec<FoundSeries>,
}

/// A series of interest, before it is known when its symbol was traded.
#[derive(Debug)]
struct FoundSeries {
    /// As it will be reported, but for reasons that follow from the symbol's lifetime.
    coverage: SeriesCoverage,
    ends: HeldEnds,
    /// Whether an archive is of the days that are looked at.
    has_archives: bool,
}

impl<'a> CoverageCollector<'a> {
    /// Begins with nothing.
    #[must_use]
    pub fn new(matrix: &'a Matrix, options: CoverageOptions) -> Self {
        Self { matrix, options, lifetimes: Lifetimes::default(), found: Vec::new() }
    }

    /// Adds a series with its archives; one that is not wanted only says when its symbol was
    /// traded.
    pub fn add(&mut self, series: &Series, ledger: &Ledger, wanted: bool) {
        let mut entries: Vec<&LedgerEntry> = ledger.entries().collect();
        entries.sort_by_key(|entry| entry.key.period());
        let days = SeriesDays::of(&entries);
        self.lifetimes.add(series, days.held());
        if wanted {
            self.found.extend(self.look_at(series, &entries, &days));
        }
    }

    /// Returns nothing before the first day of all.
    fn look_at(
        &self,
        series: &Series,
        entries: &[&LedgerEntry],
        days: &SeriesDays,
    ) -> Option<FoundSeries> {
        let dates = self.options.dates;
        let yesterday = self.options.today.checked_sub_days(Days::new(1))?;
        let span = span(days, dates, yesterday);
        let runs = span.map_or_else(Vec::new, |(start, end)| runs(entries, days, start, end));
        let within = entries.iter().filter(|entry| dates.overlaps(entry.key.period()));
        let within: Vec<&&LedgerEntry> = within.collect();
        let held = || within.iter().filter(|entry| !entry.owned_days().is_empty());
        let behind = days.held().end.map(|last| (yesterday - last).num_days());
        let coverage = SeriesCoverage {
            series: series.clone(),
            runs,
            archives: held().count() as u64,
            failed: within.iter().filter(|entry| entry.status.is_failure()).count() as u64,
            rows: held().map(|entry| entry.rows).sum(),
            rejected_rows: within.iter().map(|entry| entry.rejected_rows).sum(),
            bytes: held().filter_map(|entry| entry.size).sum(),
            behind: behind.and_then(|days| u64::try_from(days).ok()).unwrap_or_default(),
            last_of_all: days.held().end,
        };
        let ends = HeldEnds::of(days);
        Some(FoundSeries { coverage, ends, has_archives: !within.is_empty() })
    }

    /// Returns every series that was wanted and has to do with the days that are looked at, in the
    /// order of the series.
    #[must_use]
    pub fn finish(self) -> Vec<SeriesCoverage> {
        let Self { matrix, lifetimes, found, .. } = self;
        let explained =
            found.into_iter().filter_map(|FoundSeries { coverage, ends, has_archives }| {
                let series = &coverage.series;
                let combination = matrix.get(series.market, &series.data_type);
                let lifetime = lifetimes.of(series, ends, combination);
                let explained = explain(coverage, lifetime);
                let of_interest = |run: &DayRun| run.state.is_held() || run.state.is_missing();
                (has_archives || explained.runs.iter().any(of_interest)).then_some(explained)
            });
        let mut all: Vec<SeriesCoverage> = explained.collect();
        all.sort_by(|a, b| a.series.cmp(&b.series));
        all
    }
}

/// Gives days the reasons that follow from the lifetime of their symbol.
fn explain(coverage: SeriesCoverage, lifetime: Lifetime) -> SeriesCoverage {
    let mut runs: Vec<DayRun> = Vec::new();
    for run in coverage.runs {
        let DayState::Missing(reason) = run.state else {
            runs.push(run);
            continue;
        };
        for date in run.start.iter_days().take_while(|date| *date <= run.end) {
            let state = DayState::Missing(lifetime.explain(date, reason));
            match runs.last_mut() {
                Some(last) if last.state == state => last.end = date,
                _ => {
                    let detail = run.detail.clone();
                    runs.push(DayRun { start: date, end: date, state, detail });
                }
            }
        }
    }
    let behind = if lifetime.goes_on() { coverage.behind } else { 0 };
    SeriesCoverage { runs, behind, ..coverage }
}

/// Returns the first and the last day to look at, if there is any.
fn span(
    days: &SeriesDays,
    dates: DateRange,
    yesterday: NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let known = days.known();
    let start = dates.start.or(known.start)?;
    let end = dates.end.map(|end| end.min(yesterday)).or(known.end)?;
    (start <= end).then_some((start, end))
}

fn runs(
    entries: &[&LedgerEntry],
    days: &SeriesDays,
    start: NaiveDate,
    end: NaiveDate,
) -> Vec<DayRun> {
    let mut runs: Vec<DayRun> = Vec::new();
    for (date, state) in days.states(start, end) {
        match runs.last_mut() {
            Some(run) if run.state == state => run.end = date,
            _ => runs.push(DayRun { start: date, end: date, state, detail: None }),
        }
    }
    for run in &mut runs {
        run.detail = detail(entries, run);
    }
    runs
}

/// Finds what the ledger says of the first archive whose status is the reason of the run.
fn detail(entries: &[&LedgerEntry], run: &DayRun) -> Option<String> {
    let DayState::Missing(reason) = run.state else { return None };
    if !reason.is_failure() {
        return None;
    }
    let range = DateRange { start: Some(run.start), end: Some(run.end) };
    let mut there = entries.iter().filter(|entry| range.overlaps(entry.key.period()));
    there.find(|entry| MissingReason::of(entry) == reason).and_then(|entry| entry.reason.clone())
}

#[cfg(test)]
mod tests;
