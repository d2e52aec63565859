//! Rows of a day outside the period of the archive that has them.
//!
//! A row belongs to the archive whose period covers its time. Some archives have rows of the day
//! before or after their period, within the limits of their schema. These stay only as long as no
//! other archive has that day:
//!
//! | the day | rows from outside |
//! |---|---|
//! | is owned by another archive | left to that archive |
//! | has rows of another archive, from outside too | left to that archive |
//! | has no other rows | land, until an archive that owns the day does |
//!
//! Rows that were left are not added again when the day loses its owner.

use std::fmt;

use chrono::NaiveDate;

use crate::names::period::{DateRange, Period};

/// The days outside its period on which an archive may have rows in silver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideDays {
    /// All that is known are the days from its first row to its last, before any were left.
    Within(DateRange),
    /// Exactly these.
    Known([Option<NaiveDate>; 2]),
}

impl OutsideDays {
    /// Takes days that a commit recorded.
    #[must_use]
    pub fn known(days: &[NaiveDate]) -> Self {
        Self::Known([days.first().copied(), days.get(1).copied()])
    }

    /// Returns whether there may be rows of a day, which is outside the archive's period.
    #[must_use]
    pub fn may_have(self, day: NaiveDate) -> bool {
        match self {
            Self::Within(range) => range.contains(day),
            Self::Known(days) => days.contains(&Some(day)),
        }
    }
}

/// Returns the days next to a period.
pub fn days_next_to(period: Period) -> impl Iterator<Item = NaiveDate> {
    [period.start().pred_opt(), period.end().succ_opt()].into_iter().flatten()
}

/// Returns the periods of the archives that can own a day: its own, and that of its month.
#[must_use]
pub fn periods_of(day: NaiveDate) -> [Period; 2] {
    [Period::day(day), Period::month_of(day)]
}

/// Returns the periods of the archives that can have rows of a day from outside: days and months
/// that end right before it or begin right after it.
pub fn periods_next_to(day: NaiveDate) -> impl Iterator<Item = Period> {
    let before = day.pred_opt().map(Period::day);
    let after = day.succ_opt().map(Period::day);
    let months = [before, after].into_iter().flatten().map(Period::month);
    let other_months = months.filter(move |month| *month != Period::month_of(day));
    [before, after].into_iter().flatten().chain(other_months)
}

/// To which archive rows from outside were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftTo {
    /// The one that owns the day.
    Owner,
    /// One that has rows of the day, from outside too.
    Other,
}

/// Rows of a day that an archive left to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    #[test]
    fn a_day_is_reached_from_its_neighbours_and_at_the_edge_of_a_month_from_the_next_one() {
        let reaching =
            |text| periods_next_to(day(text)).map(|period| period.to_string()).collect::<Vec<_>>();
        assert_eq!(reaching("2024-02-10"), ["2024-02-09", "2024-02-11"]);
        assert_eq!(reaching("2024-02-01"), ["2024-01-31", "2024-02-02", "2024-01"]);
        assert_eq!(reaching("2024-02-29"), ["2024-02-28", "2024-03-01", "2024-03"]);
    }

    #[test]
    fn what_is_next_to_a_period_is_reached_from_it() {
        for period in ["2024-02-10", "2024-02", "2024-12", "2024-12-31", "2024-02-29"] {
            let period: Period = period.parse().unwrap();
            for day in days_next_to(period) {
                assert!(!period.days().contains(day));
                assert!(periods_next_to(day).any(|other| other == period), "{period} {day}");
                assert!(periods_of(day).into_iter().all(|owner| owner.days().contains(day)));
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
