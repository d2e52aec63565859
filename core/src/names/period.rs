//! The days that an archive covers: one day or one month, and ranges of days.
//!
//! All dates are UTC. What "today" is comes in as an argument; nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::market::{Frequency, NameError};

/// The time that one archive covers, as its name says it: `2026-05-08` or `2026-05`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: NaiveDate,
    frequency: Frequency,
}

impl Period {
    /// Returns the period of one day.
    #[must_use]
    pub const fn day(date: NaiveDate) -> Self {
        Self { start: date, frequency: Frequency::Daily }
    }

    /// Returns the period of the month in which `date` lies.
    #[must_use]
    pub fn month_of(date: NaiveDate) -> Self {
        Self { start: date.with_day(1).unwrap_or(date), frequency: Frequency::Monthly }
    }

    /// Returns the period of `frequency` in which `date` lies.
    #[must_use]
    pub fn containing(date: NaiveDate, frequency: Frequency) -> Self {
        match frequency {
            Frequency::Daily => Self::day(date),
            Frequency::Monthly => Self::month_of(date),
        }
    }

    /// Returns the month in which the period lies, or the month that it is.
    #[must_use]
    pub fn month(self) -> Self {
        Self::month_of(self.start)
    }

    /// Returns whether this is a day or a month.
    #[must_use]
    pub const fn frequency(self) -> Frequency {
        self.frequency
    }

    /// Returns the first day.
    #[must_use]
    pub const fn start(self) -> NaiveDate {
        self.start
    }

    /// Returns the last day, inclusive.
    #[must_use]
    pub fn end(self) -> NaiveDate {
        self.next().start.pred_opt().unwrap_or(self.start)
    }

    /// Returns the period of the same frequency that follows.
    #[must_use]
    pub fn next(self) -> Self {
        let start = match self.frequency {
            Frequency::Daily => self.start.checked_add_days(Days::new(1)),
            Frequency::Monthly => self.start.checked_add_months(Months::new(1)),
        };
        Self { start: start.unwrap_or(NaiveDate::MAX), ..self }
    }

    /// Returns the period of the same frequency that comes before.
    #[must_use]
    pub fn previous(self) -> Self {
        let before = self.start.pred_opt().unwrap_or(NaiveDate::MIN);
        Self::containing(before, self.frequency)
    }

    /// Returns the days of the period as a range.
    #[must_use]
    pub fn days(self) -> DateRange {
        DateRange { start: Some(self.start), end: Some(self.end()) }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.frequency {
            Frequency::Daily => write!(f, "{}", self.start.format("%Y-%m-%d")),
            Frequency::Monthly => write!(f, "{}", self.start.format("%Y-%m")),
        }
    }
}

impl FromStr for Period {
    type Err = NameError;

    /// Parses `YYYY-MM-DD` or `YYYY-MM`, each with all its digits: the archive also holds names
    /// such as `2020-8`, which are reported and not guessed at.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let invalid = || NameError::new("date", text, "YYYY-MM-DD or YYYY-MM");
        let digits = text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let (whole, frequency) = match text.len() {
            10 if digits => (text.to_owned(), Frequency::Daily),
            7 if digits => (format!("{text}-01"), Frequency::Monthly),
            _ => return Err(invalid()),
        };
        let start = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").map_err(|_| invalid())?;
        Ok(Self { start, frequency })
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A range of days, both ends inclusive; an end that is missing is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateRange {
    pub start: Option<NaiveDate>,
    pub end: Option<NaiveDate>,
}

impl DateRange {
    /// Returns whether `date` lies in the range.
    #[must_use]
    pub fn contains(self, date: NaiveDate) -> bool {
        self.start.is_none_or(|start| start <= date) && self.end.is_none_or(|end| date <= end)
    }

    /// Returns whether at least one day of `period` lies in the range.
    #[must_use]
    pub fn overlaps(self, period: Period) -> bool {
        self.start.is_none_or(|start| start <= period.end())
            && self.end.is_none_or(|end| period.start() <= end)
    }

    /// Returns whether every day of `period` lies in the range.
    #[must_use]
    pub fn covers(self, period: Period) -> bool {
        self.contains(period.start()) && self.contains(period.end())
    }

    /// Returns the days that lie in both ranges.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        let end = match (self.end, other.end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { start: self.start.max(other.start), end }
    }

    /// Returns the periods of `frequency` that overlap the range, or nothing for a range with an
    /// open end.
    pub fn periods(self, frequency: Frequency) -> impl Iterator<Item = Period> {
        let first = self.start.map(|start| Period::containing(start, frequency));
        let periods = std::iter::successors(first, |period| Some(period.next()));
        periods.take_while(move |period| self.end.is_some_and(|end| period.start() <= end))
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.start, self.end) {
            (Some(start), Some(end)) => write!(f, "{start} to {end}"),
            (Some(start), None) => write!(f, "from {start}"),
            (None, Some(end)) => write!(f, "to {end}"),
            (None, None) => f.write_str("all dates"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(text: &str) -> Period {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_prints_as_it_was_written() {
        for text in ["2026-05-08", "2026-05", "2024-02-29"] {
            assert_eq!(period(text).to_string(), text);
        }
        assert_eq!(period("2024-02").end().to_string(), "2024-02-29");
        assert_eq!(period("2024-12").next().to_string(), "2025-01");
    }

    #[test]
    fn a_date_that_is_not_fully_written_is_no_period() {
        for text in [
            "2020-8",
            "2020-08-1",
            "2020",
            "2020-13",
            "2023-02-29",
            "20200801",
            "2020/08/01",
            "+020-08",
        ] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_covers_months_only_when_every_day_is_inside() {
        let range = DateRange {
            start: Some(period("2024-01-02").start()),
            end: Some(period("2024-03").end()),
        };
        assert!(range.overlaps(period("2024-01")) && !range.covers(period("2024-01")));
        assert!(range.covers(period("2024-03")) && !range.overlaps(period("2024-04")));
        assert!(DateRange::default().covers(period("2024-01")));
        assert_eq!(range.periods(Frequency::Monthly).count(), 3);
        assert_eq!(range.periods(Frequency::Daily).count(), 30 + 29 + 31);
        assert_eq!(DateRange::default().periods(Frequency::Daily).count(), 0);
    }
}
