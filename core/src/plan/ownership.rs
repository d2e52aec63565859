//! Which archive's rows hold which day of a series.
//!
//! A day has one owner: the daily archive or the monthly one. The plan never fetches an archive whose
//! days have another owner; giving a day a new owner is a swap, decided by measurement and not here.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};

use crate::archive::Series;
use crate::ledger::{ArchiveStatus, Ledger, LedgerEntry};
use crate::market::Frequency;
use crate::period::Period;

/// The owners of every day that a ledger knows of.
#[derive(Debug)]
pub struct Ownership<'a> {
    months: HashMap<(&'a Series, NaiveDate), Held>,
}

impl<'a> Ownership<'a> {
    /// Reads the owners out of a ledger.
    #[must_use]
    pub fn of(ledger: &'a Ledger) -> Self {
        let mut months: HashMap<(&Series, NaiveDate), Held> = HashMap::new();
        for entry in ledger.entries().filter(|entry| has_rows_in_silver(entry)) {
            let period = entry.key.period();
            months.entry((entry.key.series(), period.month().start())).or_default().add(period);
        }
        Self { months }
    }

    /// Returns what is held of a series in the month of `date`.
    #[must_use]
    pub fn held(&self, series: &Series, date: NaiveDate) -> Held {
        self.months.get(&(series, Period::month_of(date).start())).copied().unwrap_or_default()
    }
}

/// What is held of one series in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// One bit for each day of the month that has a daily archive's rows, the first day lowest.
    days: u32,
    monthly: bool,
}

impl Held {
    /// Returns the frequency of the archive that owns the day; dailies own theirs where both are held.
    #[must_use]
    pub fn owner(self, date: NaiveDate) -> Option<Frequency> {
        if self.days & (1 << date.day0()) != 0 {
            return Some(Frequency::Daily);
        }
        self.monthly.then_some(Frequency::Monthly)
    }

    /// Returns whether a daily archive of the month is held.
    #[must_use]
    pub const fn any_daily(self) -> bool {
        self.days != 0
    }

    /// Returns whether the month's own archive is held.
    #[must_use]
    pub const fn monthly(self) -> bool {
        self.monthly
    }

    fn add(&mut self, period: Period) {
        match period.frequency() {
            Frequency::Daily => self.days |= 1 << period.start().day0(),
            Frequency::Monthly => self.monthly = true,
        }
    }
}

/// A newer version that failed leaves the rows of the version before where they are.
fn has_rows_in_silver(entry: &LedgerEntry) -> bool {
    match entry.status {
        ArchiveStatus::Ingested => true,
        ArchiveStatus::Superseded => false,
        _ => entry.silver_version.is_some(),
    }
}
