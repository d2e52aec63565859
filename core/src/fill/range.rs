//! Ranges of time, and what is left of some of them without others.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;

/// The time from one instant up to another, which does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TimeRange {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl TimeRange {
    /// Returns a UTC day from midnight to midnight.
    #[must_use]
    pub fn day(date: NaiveDate) -> Self {
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
        Self { from: midnight(date), until: midnight(date.succ_opt().unwrap_or(date)) }
    }

    /// Returns whether an instant belongs to it.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from <= time && time < self.until
    }

    fn is_empty(&self) -> bool {
        self.from >= self.until
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S");
        write!(f, "{} up to {}", time(self.from), time(self.until))
    }
}

/// Sorts ranges and joins those that touch or overlap; empty ones are dropped.
pub(super) fn joined(mut ranges: Vec<TimeRange>) -> Vec<TimeRange> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort();
    let mut joined: Vec<TimeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.from <= last.until => last.until = last.until.max(range.until),
            _ => joined.push(range),
        }
    }
    joined
}

/// Returns what is left of ranges without others; both are joined.
pub(super) fn without(ranges: &[TimeRange], others: &[TimeRange]) -> Vec<TimeRange> {
    let mut left = Vec::new();
    for range in ranges {
        let mut from = range.from;
        for other in others {
            if other.until <= from || other.from >= range.until {
                continue;
            }
            left.push(TimeRange { from, until: other.from });
            from = other.until;
        }
        left.push(TimeRange { from, until: range.until });
    }
    joined(left)
}
