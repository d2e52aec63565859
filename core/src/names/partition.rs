//! The partition of a table: the part of it that is written and replaced as a whole.

use std::fmt;

use chrono::{Days, NaiveDate};

use super::market::Market;

/// A market's UTC day: one partition of a silver table, or of a gold table that is partitioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub market: Market,
    pub date: NaiveDate,
}

impl Partition {
    /// Returns the partitions of the same market from `before` days before this one to `after`
    /// days after it.
    pub fn around(self, before: u32, after: u32) -> impl Iterator<Item = Self> + use<> {
        let first = self.date.checked_sub_days(Days::new(before.into())).unwrap_or(NaiveDate::MIN);
        let days = u64::from(before) + u64::from(after) + 1;
        (0..days).filter_map(move |day| {
            Some(Self { market: self.market, date: first.checked_add_days(Days::new(day))? })
        })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.market, self.date)
    }
}
