//! What a lake holds day by day, and why it lacks what it lacks.
//!
//! From the ledger and the matrix alone: no listing is asked, so a day that nobody ever asked for
//! has no reason. How it is shown (a table, a calendar, a page) is the shell's.

mod days;
mod lifetime;
mod reason;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use self::days::SeriesDays;
use self::lifetime::{Lifetime, Lifetimes};
pub use self::reason::MissingReason;
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

/// Finds what the lake holds of every series that is wanted and that it ever met, in the order of
/// the series.
#[must_use]
pub fn coverage(
    ledger: &Ledger,
    matrix: &Matrix,
    options: CoverageOptions,
    wanted: impl Fn(&Series) -> bool,
) -> Vec<SeriesCoverage> {
    let mut by_series: BTreeMap<&Series, Vec<&LedgerEntry>> = BTreeMap::new();
    for entry in ledger.entries() {
        by_series.entry(entry.key.series()).or_default().push(entry);
    }
    let mut all = Vec::with_capacity(by_series.len());
    let mut lifetimes = Lifetimes::default();
    for (series, mut entries) in by_series {
        entries.sort_by_key(|entry| entry.key.period());
        let days = SeriesDays::of(&entries);
        lifetimes.add(series, days.held());
        all.push((series, entries, days));
    }
    let wanted = all.into_iter().filter(|(series, ..)| wanted(series));
    let found = wanted.filter_map(|(series, entries, days)| {
        let lifetime = lifetimes.of(series, &days, matrix.get(series.market, &series.data_type));
        of_series(series, &entries, &days, lifetime, options)
    });
    found.collect()
}

/// Returns nothing for a series that has nothing to do with the days that are asked for.
fn of_series(
    series: &Series,
    entries: &[&LedgerEntry],
    days: &SeriesDays,
    lifetime: Lifetime,
    options: CoverageOptions,
) -> Option<SeriesCoverage> {
    let yesterday = options.today.checked_sub_days(Days::new(1))?;
    let span = span(days, options.dates, yesterday);
    let runs = span.map_or_else(Vec::new, |(start, end)| runs(entries, days, lifetime, start, end));
    let within: Vec<&LedgerEntry> = entries
        .iter()
        .copied()
        .filter(|entry| options.dates.overlaps(entry.key.period()))
        .collect();
    let of_interest = runs.iter().any(|run| run.state.is_held() || run.state.is_missing());
    if within.is_empty() && !of_interest {
        return None;
    }
    let held = || within.iter().filter(|entry| !entry.owned_days().is_empty());
    let behind =
        days.held().end.filter(|_| lifetime.goes_on()).map(|last| (yesterday - last).num_days());
    Some(SeriesCoverage {
        series: series.clone(),
        runs,
        archives: held().count() as u64,
        failed: within.iter().filter(|entry| entry.status.is_failure()).count() as u64,
        rows: held().map(|entry| entry.rows).sum(),
        rejected_rows: within.iter().map(|entry| entry.rejected_rows).sum(),
        bytes: held().filter_map(|entry| entry.size).sum(),
        behind: behind.and_then(|days| u64::try_from(days).ok()).unwrap_or_default(),
    })
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
    lifetime: Lifetime,
    start: NaiveDate,
    end: NaiveDate,
) -> Vec<DayRun> {
    let mut runs: Vec<DayRun> = Vec::new();
    for (date, state) in days.states(start, end) {
        let state = match state {
            DayState::Missing(reason) => DayState::Missing(lifetime.explain(date, reason)),
            held => held,
        };
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
