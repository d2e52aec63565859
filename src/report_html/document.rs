//! The page's data, as its script reads them.

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::coverage::{DayState, MissingReason, SeriesCoverage};
use serde::Serialize;

use super::PageOptions;
use super::charts::{Chart, Charts};
use super::records::{Bounded, Records, RejectedRows};
use crate::audit::OpenRows;
use crate::meta::changes::Correction;
use crate::status::{FailureRecord, LakeStatus, RunRecord, Totals};

/// Failures that are listed one by one.
const FAILURES: usize = 1_000;

/// All data of a page.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    program: &'static str,
    lake: &'a str,
    made_at: DateTime<Utc>,
    today: NaiveDate,
    totals: Totals,
    /// What the letters of runs mean.
    states: Vec<State>,
    series: Vec<Series<'a>>,
    failures: Bounded<FailureRecord<'a>>,
    rejects: &'a Bounded<RejectedRows>,
    corrections: &'a Bounded<Correction>,
    /// What audits found and still holds; nothing if there was no audit.
    audit: Option<&'a OpenRows>,
    runs: &'a [RunRecord],
    charts: &'a [Chart],
    /// Series with bars that have no chart here.
    charts_left_out: usize,
}

/// A state that a day can be in.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    code: char,
    name: &'static str,
    text: String,
    /// `held`, `missing`, or `outside` where there never was anything to hold.
    kind: &'static str,
}

/// A series with its days, as scripts read them.
#[derive(Debug, Serialize)]
pub(crate) struct Series<'a> {
    market: &'static str,
    data_type: &'a str,
    symbol: &'a str,
    interval: Option<String>,
    held: u64,
    missing: u64,
    archives: u64,
    failed: u64,
    rows: u64,
    rejected_rows: u64,
    bytes: u64,
    behind: u64,
    /// The first day of the runs.
    start: Option<NaiveDate>,
    /// The length and the state of every run: `31h2f`.
    runs: String,
    /// What is known beyond the state, by the number of the run.
    details: Vec<(usize, &'a str)>,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        options: &'a PageOptions,
        status: &'a LakeStatus,
        records: &'a Records,
        charts: &'a Charts,
    ) -> Self {
        let failures = status.failures.iter().take(FAILURES).map(FailureRecord::new).collect();
        Self {
            program: env!("CARGO_PKG_VERSION"),
            lake: &options.location,
            made_at: options.made_at,
            today: status.today,
            totals: status.totals(),
            states: states(),
            series: status.series.iter().map(Series::new).collect(),
            failures: Bounded { rows: failures, total: status.failures.len() },
            rejects: &records.rejects,
            corrections: &records.corrections,
            audit: status.audit.as_ref(),
            runs: &status.runs,
            charts: &charts.charts,
            charts_left_out: charts.left_out,
        }
    }
}

impl<'a> Series<'a> {
    pub(crate) fn new(coverage: &'a SeriesCoverage) -> Self {
        let series = &coverage.series;
        let runs = coverage.runs.iter().map(|run| format!("{}{}", run.days(), code(run.state)));
        let details = coverage
            .runs
            .iter()
            .enumerate()
            .filter_map(|(at, run)| Some((at, run.detail.as_deref()?)));
        Self {
            market: series.market.as_str(),
            data_type: series.data_type.as_str(),
            symbol: series.symbol.as_str(),
            interval: series.interval.map(|interval| interval.to_string()),
            held: coverage.held_days(),
            missing: coverage.missing_days(),
            archives: coverage.archives,
            failed: coverage.failed,
            rows: coverage.rows,
            rejected_rows: coverage.rejected_rows,
            bytes: coverage.bytes,
            behind: coverage.behind,
            start: coverage.runs.first().map(|run| run.start),
            runs: runs.collect(),
            details: details.collect(),
        }
    }
}

/// Returns all states with their letters.
pub(crate) fn states() -> Vec<State> {
    let missing = MissingReason::ALL.map(DayState::Missing);
    let all = [DayState::Held, DayState::HeldInPart].into_iter().chain(missing);
    all.map(|state| {
        let (name, text) = match state {
            DayState::Held => ("held", "held".to_owned()),
            DayState::HeldInPart => ("held_in_part", "held, but rows were rejected".to_owned()),
            DayState::Missing(reason) => (reason.as_str(), reason.to_string()),
        };
        let kind = match state {
            _ if state.is_held() => "held",
            _ if state.is_missing() => "missing",
            _ => "outside",
        };
        State { code: code(state), name, text, kind }
    })
    .collect()
}

/// Returns the letter of a state in runs.
const fn code(state: DayState) -> char {
    match state {
        DayState::Held => 'h',
        DayState::HeldInPart => 'p',
        DayState::Missing(reason) => match reason {
            MissingReason::Failed => 'f',
            MissingReason::Quarantined => 'q',
            MissingReason::Rejected => 'r',
            MissingReason::RowsRejected => 'j',
            MissingReason::Removed => 'm',
            MissingReason::Yielded => 'y',
            MissingReason::NoRows => 'e',
            MissingReason::NotPublished => 'n',
            MissingReason::BeforeListing => 'b',
            MissingReason::AfterDelisting => 'd',
            MissingReason::BeforeStart => 's',
            MissingReason::Ended => 'x',
            MissingReason::Withdrawn => 'w',
            MissingReason::NeverPublished => 'v',
            MissingReason::Unknown => 'u',
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_state_has_a_letter_of_its_own() {
        let states = states();
        let codes: BTreeSet<char> = states.iter().map(|state| state.code).collect();
        assert_eq!(codes.len(), states.len());
    }
}
