//! The days of a series as people see them: the runs of its coverage, and in their place the days
//! that only provisional rows have.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use lakehouse_core::coverage::{DayState, MissingReason, SeriesCoverage};

use super::ProvisionalDay;

/// Neighbouring days that are shown alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownRun<'a> {
    pub(crate) start: NaiveDate,
    /// The last day, inclusive.
    pub(crate) end: NaiveDate,
    pub(crate) state: ShownState,
    pub(crate) detail: Option<Cow<'a, str>>,
}

/// How a day is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShownState {
    Covered(DayState),
    /// No archive owns it, and there are rows of the API.
    Provisional,
}

impl ShownRun<'_> {
    pub(crate) fn days(&self) -> i64 {
        (self.end - self.start).num_days() + 1
    }
}

/// Returns all days of a series in their order; a day that an archive owns is shown as such,
/// whatever else there is of it.
pub(super) fn shown_runs<'a>(
    coverage: &'a SeriesCoverage,
    provisional: &BTreeMap<NaiveDate, ProvisionalDay>,
) -> Vec<ShownRun<'a>> {
    let mut shown = Vec::with_capacity(coverage.runs.len());
    for run in &coverage.runs {
        let state = ShownState::Covered(run.state);
        let detail = run.detail.as_deref().map(Cow::Borrowed);
        let run = ShownRun { start: run.start, end: run.end, state, detail };
        match run.state {
            ShownState::Covered(DayState::Missing(_)) => push_parts(&mut shown, run, provisional),
            _ => shown.push(run),
        }
    }
    let first = provisional.keys().next();
    let last = provisional.keys().next_back();
    let end_of_runs = shown.last().map(|run| run.end);
    if let Some((first, last)) = first.zip(last) {
        let start = end_of_runs.map_or(*first, next_day);
        let state = ShownState::Covered(DayState::Missing(MissingReason::Unknown));
        let after = ShownRun { start, end: *last, state, detail: None };
        push_parts(&mut shown, after, provisional);
    }
    shown
}

/// Adds a run, with its provisional days as runs of one day each.
fn push_parts<'a>(
    shown: &mut Vec<ShownRun<'a>>,
    run: ShownRun<'a>,
    provisional: &BTreeMap<NaiveDate, ProvisionalDay>,
) {
    if run.start > run.end {
        return;
    }
    let mut start = run.start;
    for (date, day) in provisional.range(run.start..=run.end) {
        if start < *date {
            shown.push(ShownRun { start, end: *date - Days::new(1), ..run.clone() });
        }
        let state = ShownState::Provisional;
        let detail = Some(Cow::Owned(describe(day)));
        shown.push(ShownRun { start: *date, end: *date, state, detail });
        start = next_day(*date);
    }
    if start <= run.end {
        shown.push(ShownRun { start, ..run });
    }
}

fn next_day(date: NaiveDate) -> NaiveDate {
    date.succ_opt().unwrap_or(NaiveDate::MAX)
}

fn describe(day: &ProvisionalDay) -> String {
    let ProvisionalDay { rows, answers, answer } = day;
    let rows = if *rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
    match *answers {
        1 => format!("{rows} of {answer}"),
        more => format!("{rows} of {more} answers, the newest of them {answer}"),
    }
}

#[cfg(test)]
mod tests {
    use lakehouse_core::coverage::DayRun;

    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 5, number).unwrap()
    }

    fn coverage(runs: &[(u32, u32, DayState)]) -> SeriesCoverage {
        let run = |&(start, end, state): &(u32, u32, DayState)| DayRun {
            start: day(start),
            end: day(end),
            state,
            detail: None,
        };
        SeriesCoverage {
            series: lakehouse_core::names::archive::Series {
                market: "spot".parse().unwrap(),
                data_type: lakehouse_core::names::market::DataType::new("klines"),
                symbol: "BTCUSDT".parse().unwrap(),
                interval: Some("1h".parse().unwrap()),
            },
            runs: runs.iter().map(run).collect(),
            archives: 0,
            failed: 0,
            rows: 0,
            rejected_rows: 0,
            bytes: 0,
            behind: 0,
            last_of_all: None,
        }
    }

    #[test]
    fn only_days_that_no_archive_owns_are_shown_as_provisional_and_every_day_once() {
        let missing = DayState::Missing(MissingReason::NotPublished);
        let coverage = coverage(&[(1, 3, DayState::Held), (4, 8, missing), (9, 9, DayState::Held)]);
        let rows = ProvisionalDay { rows: 24, answers: 1, answer: "api:x".to_owned() };
        let provisional = [2, 4, 6, 12].map(|number| (day(number), rows.clone())).into();
        let shown = shown_runs(&coverage, &provisional);
        let days: Vec<(u32, u32, bool)> = shown
            .iter()
            .map(|run| {
                let number = |date: NaiveDate| chrono::Datelike::day(&date);
                (number(run.start), number(run.end), run.state == ShownState::Provisional)
            })
            .collect();
        let expected = [
            (1, 3, false),
            (4, 4, true),
            (5, 5, false),
            (6, 6, true),
            (7, 8, false),
            (9, 9, false),
            (10, 11, false),
            (12, 12, true),
        ];
        assert_eq!(days, expected);
        assert_eq!(shown[1].detail.as_deref(), Some("24 rows of api:x"));
    }
}
