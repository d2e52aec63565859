//! Which archive's rows hold which day of a series.
//!
//! A day has one owner: the daily archive or the monthly one. Giving a day a new owner is a swap,
//! decided by [`crate::overlap`] on what was measured; the plan only fetches the copy that is to be
//! compared.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::ledger::{ArchiveStatus, Ledger, LedgerEntry};
use crate::names::archive::Series;
use crate::names::days::DaySet;
use crate::names::market::Frequency;
use crate::names::period::Period;

/// The owners of every day that a ledger knows of.
#[derive(Debug)]
pub struct Ownership<'a> {
    months: HashMap<(&'a Series, NaiveDate), MonthOwnership<'a>>,
}

impl<'a> Ownership<'a> {
    /// Reads the owners out of a ledger.
    #[must_use]
    pub fn of(ledger: &'a Ledger) -> Self {
        let mut months: HashMap<(&Series, NaiveDate), MonthOwnership> = HashMap::new();
        for entry in ledger.entries() {
            let (period, owned) = (entry.key.period(), entry.owned_days());
            let yielded =
                entry.status == ArchiveStatus::Yielded && period.frequency() == Frequency::Monthly;
            if !owned.is_empty() || yielded {
                months
                    .entry((entry.key.series(), period.month().start()))
                    .or_default()
                    .add(entry, owned);
            }
        }
        Self { months }
    }

    /// Returns what is held of a series in the month of `date`.
    #[must_use]
    pub fn held(&self, series: &Series, date: NaiveDate) -> MonthOwnership<'a> {
        self.months.get(&(series, Period::month_of(date).start())).copied().unwrap_or_default()
    }
}

/// What is held of one series in one month.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonthOwnership<'a> {
    daily: DaySet,
    monthly: DaySet,
    month: Option<&'a LedgerEntry>,
}

impl<'a> MonthOwnership<'a> {
    /// Returns the frequency of the archive that owns the day.
    #[must_use]
    pub fn owner(self, date: NaiveDate) -> Option<Frequency> {
        if self.daily.contains(date) {
            return Some(Frequency::Daily);
        }
        self.monthly.contains(date).then_some(Frequency::Monthly)
    }

    /// Returns whether a daily archive of the month is held.
    #[must_use]
    pub const fn any_daily(self) -> bool {
        !self.daily.is_empty()
    }

    /// Returns what is known of the month's own archive, if it is held or has yielded to dailies.
    #[must_use]
    pub const fn month(self) -> Option<&'a LedgerEntry> {
        self.month
    }

    fn add(&mut self, entry: &'a LedgerEntry, owned: DaySet) {
        match entry.key.period().frequency() {
            Frequency::Daily => self.daily = self.daily.or(owned),
            Frequency::Monthly => (self.monthly, self.month) = (owned, Some(entry)),
        }
    }
}
