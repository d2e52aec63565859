//! Some days of one month: small enough to be kept for every archive that a lake knows.
//!
//! Which month it is follows from the archive that the days belong to; nothing here knows it.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::market::NameError;
use super::period::Period;

/// A set of days of a month; prints as `1-9,11`, and as `none` when it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DaySet(u32);

impl DaySet {
    /// The set without days.
    pub const NONE: Self = Self(0);

    /// Returns the days of a period.
    #[must_use]
    pub fn of(period: Period) -> Self {
        (period.start().day()..=period.end().day())
            .map(bit)
            .fold(Self::NONE, |set, bit| Self(set.0 | bit))
    }

    /// Adds a day.
    pub fn insert(&mut self, date: NaiveDate) {
        self.0 |= bit(date.day());
    }

    /// Returns whether the day of `date` is in the set; the month is the caller's to know.
    #[must_use]
    pub fn contains(self, date: NaiveDate) -> bool {
        self.0 & bit(date.day()) != 0
    }

    /// Returns whether there is no day.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of days.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Returns the days of either set.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the days of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the days that are not in the other set.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the days as dates of the month in which `period` lies.
    pub fn dates(self, period: Period) -> impl Iterator<Item = NaiveDate> {
        let days = period.month().start().iter_days().take(31);
        days.filter(move |date| period.month().days().contains(*date) && self.contains(*date))
    }
}

impl FromIterator<NaiveDate> for DaySet {
    fn from_iter<I: IntoIterator<Item = NaiveDate>>(dates: I) -> Self {
        let mut set = Self::NONE;
        dates.into_iter().for_each(|date| set.insert(date));
        set
    }
}

const fn bit(day: u32) -> u32 {
    1 << (day - 1)
}

impl fmt::Display for DaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let (mut day, mut separator) = (1, "");
        while day <= 31 {
            let length = (self.0 >> (day - 1)).trailing_ones();
            match length {
                0 => {}
                1 => write!(f, "{separator}{day}")?,
                _ => write!(f, "{separator}{day}-{}", day + length - 1)?,
            }
            separator = if length > 0 { "," } else { separator };
            day += length.max(1);
        }
        Ok(())
    }
}

impl FromStr for DaySet {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let invalid = || NameError::new("days", text, "days of a month such as 1-9,11 or none");
        let day = |text: &str| {
            text.parse::<u32>().ok().filter(|day| (1..=31).contains(day)).ok_or_else(invalid)
        };
        let mut set = Self::NONE;
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            (day(first)?..=day(last)?).for_each(|day| set.0 |= bit(day));
        }
        Ok(set)
    }
}

impl Serialize for DaySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DaySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_print_as_ranges_and_are_read_back() {
        for text in ["none", "1", "1-9,11", "31", "1-31", "2,4,6-7,30-31"] {
            assert_eq!(text.parse::<DaySet>().unwrap().to_string(), text);
        }
        for text in ["", "0", "32", "1-", "a", "1,,2"] {
            assert!(text.parse::<DaySet>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_days_of_a_period_are_those_of_its_dates() {
        let february: Period = "2024-02".parse().unwrap();
        assert_eq!(DaySet::of(february).to_string(), "1-29");
        assert_eq!(DaySet::of("2024-02-10".parse().unwrap()).to_string(), "10");
        let some: DaySet = "28-31".parse().unwrap();
        let dates: Vec<String> = some.dates(february).map(|date| date.to_string()).collect();
        assert_eq!(
            dates,
            ["2024-02-28", "2024-02-29"],
            "days that the month does not have are none of its dates"
        );
    }
}
