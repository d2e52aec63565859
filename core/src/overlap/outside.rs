//! Rows of a day outside the period of the archive that has them.
//!
//! A row belongs to the archive whose period covers its time. Some archives have rows of the day
//! before or after their period, within the limits of their schema; a bar of a week or a month may
//! begin that long before. These stay only as long as no other archive has that day:
//!
//! | the day | rows from outside |
//! |---|---|
//! | is owned by another archive | left to that archive |
//! | has rows of another archive, from outside too | left to that archive |
//! | has no other rows | land, until an archive that owns the day does |
//!
//! So a week that begins in one month and ends in the next, and that the archives of both months
//! hold, is that of the first month, in whichever order the two arrive.
//!
//! Rows that were left are not added again when the day loses its owner.

use std::fmt;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::names::market::Interval;
use crate::names::period::{DateRange, Period};
use crate::schema::days_of_long_bar;

/// The days outside its period on which an archive may have rows in silver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutsideDays {
    /// All that is known are the days from its first row to its last, before any were left.
    Within(DateRange),
    /// Exactly these.
    Known(Box<[NaiveDate]>),
}

impl OutsideDays {
    /// Takes days that a commit recorded.
    #[must_use]
    pub fn known(days: &[NaiveDate]) -> Self {
        Self::Known(days.into())
    }

    /// Returns whether there may be rows of a day, which is outside the archive's period.
    #[must_use]
    pub fn may_have(&self, day: NaiveDate) -> bool {
        match self {
            Self::Within(range) => range.contains(day),
            Self::Known(days) => days.contains(&day),
        }
    }
}

/// Returns the days outside a period on which its archive can have rows: those right before it, as
/// many as a bar has if it is longer than a day, and the one right after it.
pub fn days_next_to(period: Period, interval: Option<Interval>) -> impl Iterator<Item = NaiveDate> {
    let before = period.start().checked_sub_days(reach(interval));
    let before = before.into_iter().flat_map(|first| first.iter_days());
    let before = before.take_while(move |day| *day < period.start());
    before.chain(period.end().succ_opt())
}

/// Returns how many days before its period an archive can have rows.
fn reach(interval: Option<Interval>) -> Days {
    let days = days_of_long_bar(interval).unwrap_or(1);
    Days::new(days.unsigned_abs())
}

/// Returns the periods of the archives that can own a day: its own, and that of its month.
#[must_use]
pub fn periods_of(day: NaiveDate) -> [Period; 2] {
    [Period::day(day), Period::month_of(day)]
}

/// Returns the periods of the archives that can have rows of a day from outside: days and months
/// that end right before it, or begin after it by no more than a bar.
pub fn periods_next_to(day: NaiveDate, interval: Option<Interval>) -> impl Iterator<Item = Period> {
    let before = day.pred_opt();
    let last = day.checked_add_days(reach(interval));
    let after = day.succ_opt().into_iter().flat_map(|next| next.iter_days());
    let after = after.take_while(move |next| last.is_some_and(|last| *next <= last));
    let neighbours: Vec<NaiveDate> = before.into_iter().chain(after).collect();
    let mut periods: Vec<Period> = neighbours.iter().copied().map(Period::day).collect();
    for month in neighbours.into_iter().map(Period::month_of) {
        let ends_before = Some(month.end()) == before;
        let begins_after = month.start() > day;
        if (ends_before || begins_after) && !periods.contains(&month) {
            periods.push(month);
        }
    }
    periods.into_iter()
}

/// To which archive rows from outside were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftTo {
    /// The one that owns the day.
    Owner,
    /// One that has rows of the day, from outside too.
    Other,
}

/// Rows of a day that an archive left to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftRows {
    pub day: NaiveDate,
    pub rows: u64,
    pub to: LeftTo,
}

impl fmt::Display for LeftRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, rows, to } = self;
        let noun = if *rows == 1 { "row" } else { "rows" };
        let other = match to {
            LeftTo::Owner => "the archive of that day",
            LeftTo::Other => "another archive that has rows of it",
        };
        write!(f, "{rows} {noun} of {day} left to {other}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const INTERVALS: [&str; 7] = ["1h", "1d", "3d", "1w", "1mo", "2mo", "900w"];

    fn reaching(text: &str, interval: &str) -> Vec<String> {
        let periods = periods_next_to(day(text), interval.parse().ok());
        periods.map(|period| period.to_string()).collect()
    }

    #[test]
    fn a_day_is_reached_from_its_neighbours_and_at_the_edge_of_a_month_from_the_next_one() {
        for interval in ["", "1h", "1d"] {
            assert_eq!(reaching("2024-02-10", interval), ["2024-02-09", "2024-02-11"]);
            let first = reaching("2024-02-01", interval);
            assert_eq!(first, ["2024-01-31", "2024-02-02", "2024-01"]);
            let last = reaching("2024-02-29", interval);
            assert_eq!(last, ["2024-02-28", "2024-03-01", "2024-03"]);
        }
    }

    #[test]
    fn a_day_is_reached_from_the_month_in_which_a_bar_that_begins_on_it_ends() {
        let months = |text: &str, interval: &str| {
            let mut found = reaching(text, interval);
            found.retain(|period| period.len() == "2024-02".len());
            found
        };
        assert_eq!(months("2024-01-29", "1w"), ["2024-02"]);
        assert_eq!(months("2024-01-25", "1w"), ["2024-02"]);
        assert_eq!(months("2024-01-24", "1w"), Vec::<String>::new());
        assert_eq!(months("2024-01-29", "3d"), ["2024-02"]);
        assert_eq!(months("2024-01-28", "3d"), Vec::<String>::new());
        assert_eq!(months("2024-02-01", "1mo"), ["2024-01", "2024-03"]);
        assert_eq!(months("2024-01-31", "1mo"), ["2024-02", "2024-03"]);
        let around = ["2024-01-09", "2024-01-11", "2024-01-12", "2024-01-13"];
        assert_eq!(reaching("2024-01-10", "3d"), around);
    }

    #[test]
    fn days_and_periods_reach_each_other() {
        for period in ["2024-02-10", "2024-02", "2024-12", "2024-12-31", "2024-02-29"] {
            let period: Period = period.parse().unwrap();
            for interval in INTERVALS.map(|text| text.parse().ok()) {
                let reached: Vec<NaiveDate> = days_next_to(period, interval).collect();
                for day in &reached {
                    assert!(!period.days().contains(*day));
                    let mut others = periods_next_to(*day, interval);
                    assert!(others.any(|other| other == period), "{period} {day}");
                    let mut owners = periods_of(*day).into_iter();
                    assert!(owners.all(|owner| owner.days().contains(*day)));
                }
                let around = (period.start() - Days::new(70)).iter_days().take(170);
                for day in around.filter(|day| !reached.contains(day)) {
                    let is_own = period.days().contains(day);
                    let mut others = periods_next_to(day, interval);
                    assert!(is_own || others.all(|other| other != period), "{period} {day}");
                }
            }
        }
    }

    #[test]
    fn rows_that_were_left_are_told_in_words() {
        let left = |rows, to| LeftRows { day: day("2026-05-02"), rows, to }.to_string();
        assert_eq!(left(3, LeftTo::Owner), "3 rows of 2026-05-02 left to the archive of that day");
        assert_eq!(
            left(1, LeftTo::Other),
            "1 row of 2026-05-02 left to another archive that has rows of it"
        );
    }
}
