//! The page's data, as its script reads them.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::coverage::{DayState, MissingReason, SeriesCoverage};
use serde::Serialize;

use super::PageOptions;
use super::charts::{Chart, Charts};
use super::records::{Bounded, Records, RejectedRows};
use crate::audit::OpenRows;
use crate::meta::changes::Correction;
use crate::status::{
    FailureRecord, LakeStatus, ProvisionalRows, ProvisionalSeries, RunRecord, ShownState, Totals,
};

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
    /// Rows that no archive has yet, by table; absent without any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    provisional: &'a [ProvisionalRows],
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
    /// `held`, `missing`, `provisional`, or `outside` where there never was anything to hold.
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
    details: Vec<(usize, Cow<'a, str>)>,
    /// What no archive has yet; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    provisional: Option<Provisional<'a>>,
}

/// The provisional rows of a series.
#[derive(Debug, Serialize)]
struct Provisional<'a> {
    table: &'a str,
    rows: u64,
    /// Days with such rows, also days that archives own.
    days: usize,
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
            provisional: &status.provisional,
            states: states(),
            series: status.series.iter().map(|series| Series::new(series, status)).collect(),
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
    /// Describes a series of a status.
    pub(crate) fn new(coverage: &'a SeriesCoverage, status: &'a LakeStatus) -> Self {
        let series = &coverage.series;
        let provisional = status.provisional_days.of(series);
        let runs = status.shown_runs(coverage);
        let start = runs.first().map(|run| run.start);
        let mut lengths = String::new();
        let mut details = Vec::new();
        for (at, run) in runs.into_iter().enumerate() {
            lengths.push_str(&format!("{}{}", run.days(), shown_code(run.state)));
            details.extend(run.detail.map(|detail| (at, detail)));
        }
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
            start,
            runs: lengths,
            details,
            provisional: provisional.map(Provisional::new),
        }
    }
}

impl<'a> Provisional<'a> {
    fn new(found: &'a ProvisionalSeries) -> Self {
        Self { table: &found.table, rows: found.rows(), days: found.days.len() }
    }
}

/// The letter of days that only provisional rows have.
const PROVISIONAL: char = 'a';

/// Returns all states with their letters.
pub(crate) fn states() -> Vec<State> {
    let missing = MissingReason::ALL.map(DayState::Missing);
    let all = [DayState::Held, DayState::HeldInPart].into_iter().chain(missing);
    let covered = all.map(|state| {
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
    });
    covered.chain([provisional_state()]).collect()
}

fn provisional_state() -> State {
    let text = "provisional: from the exchange's API, until an archive has it".to_owned();
    State { code: PROVISIONAL, name: "provisional", text, kind: "provisional" }
}

const fn shown_code(state: ShownState) -> char {
    match state {
        ShownState::Covered(state) => code(state),
        ShownState::Provisional => PROVISIONAL,
    }
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
