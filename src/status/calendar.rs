//! The days of a series in a terminal: a line for each month, a sign for each day.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{Datelike, NaiveDate};
use lakehouse_core::coverage::{DayState, MissingReason, SeriesCoverage};
use lakehouse_core::names::period::Period;

use super::{ShownRun, ShownState};

const DAYS_OF_A_MONTH: usize = 31;

/// Months in a row whose days are all alike are shown in one line when there are as many.
const MONTHS_ALIKE: usize = 3;

/// Draws the calendar of a series, with a legend of the signs that it uses.
pub(super) fn of_series(coverage: &SeriesCoverage, runs: &[ShownRun<'_>]) -> String {
    let mut text = format!("{}\n", coverage.series.to_string().replace('/', " "));
    let months = months(runs);
    let _ = writeln!(text, "         {}", ruler());
    for alike in months.chunk_by(|a, b| a.all_alike().is_some() && a.all_alike() == b.all_alike()) {
        match (alike.first(), alike.last()) {
            (Some(first), Some(last)) if alike.len() >= MONTHS_ALIKE => {
                let sign = first.all_alike().unwrap_or_default();
                let _ = writeln!(
                    text,
                    "{}  {sign} {} months to {}",
                    first.period,
                    alike.len(),
                    last.period
                );
            }
            _ => alike.iter().for_each(|month| month.write(&mut text)),
        }
    }
    let _ = writeln!(text, "{}", legend(runs));
    text
}

/// The signs of a month's days; a day that is not looked at has a blank.
struct Month {
    period: Period,
    signs: Vec<char>,
}

impl Month {
    /// Returns the sign of all its days, if they have the same.
    fn all_alike(&self) -> Option<char> {
        let days = &self.signs[..=day_index(self.period.end())];
        days.first().copied().filter(|first| *first != ' ' && days.iter().all(|sign| sign == first))
    }

    fn write(&self, text: &mut String) {
        let signs: String = self.signs.iter().collect();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}  {}", self.period, signs.trim_end());
    }
}

/// Returns every month that has a day in the runs.
fn months(runs: &[ShownRun<'_>]) -> Vec<Month> {
    let mut months: Vec<Month> = Vec::new();
    for run in runs {
        for date in run.start.iter_days().take_while(|date| *date <= run.end) {
            let period = Period::month_of(date);
            if months.last().is_none_or(|month| month.period != period) {
                months.push(Month { period, signs: vec![' '; DAYS_OF_A_MONTH] });
            }
            if let Some(month) = months.last_mut() {
                month.signs[day_index(date)] = sign(run.state);
            }
        }
    }
    months
}

fn day_index(date: NaiveDate) -> usize {
    date.day0() as usize
}

fn ruler() -> String {
    let mut ruler = vec![' '; DAYS_OF_A_MONTH];
    for day in [1, 5, 10, 15, 20, 25, 30] {
        for (at, digit) in day.to_string().chars().enumerate() {
            ruler[day - 1 + at] = digit;
        }
    }
    ruler.into_iter().collect()
}

fn legend(runs: &[ShownRun<'_>]) -> String {
    let states: BTreeSet<ShownState> = runs.iter().map(|run| run.state).collect();
    states
        .into_iter()
        .map(|state| format!("{} {}", sign(state), meaning(state)))
        .collect::<Vec<_>>()
        .join("   ")
}

const fn sign(state: ShownState) -> char {
    let state = match state {
        ShownState::Covered(state) => state,
        ShownState::Provisional => return '◇',
    };
    match state {
        DayState::Held => '■',
        DayState::HeldInPart => '▣',
        DayState::Missing(reason) => match reason {
            MissingReason::Failed
            | MissingReason::Quarantined
            | MissingReason::Rejected
            | MissingReason::RowsRejected => '✗',
            MissingReason::NoRows | MissingReason::Yielded => '○',
            MissingReason::NotPublished
            | MissingReason::Withdrawn
            | MissingReason::NeverPublished => '–',
            MissingReason::Removed
            | MissingReason::BeforeListing
            | MissingReason::AfterDelisting
            | MissingReason::BeforeStart
            | MissingReason::Ended => '·',
            MissingReason::Unknown => '□',
        },
    }
}

fn meaning(state: ShownState) -> String {
    match state {
        ShownState::Covered(DayState::Held) => "held".to_owned(),
        ShownState::Covered(DayState::HeldInPart) => "held, rows were rejected".to_owned(),
        ShownState::Covered(DayState::Missing(reason)) => reason.to_string(),
        ShownState::Provisional => "provisional".to_owned(),
    }
}
