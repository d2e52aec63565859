//! What one run learns about series: what it lists of them, and how the archives stand that it
//! deals with.

use std::collections::HashMap;

use super::{ArchiveState, Stretches};
use crate::ledger::{Ledger, LedgerEntry};
use crate::names::archive::{ArchiveKey, Series};
use crate::names::market::Frequency;
use crate::names::period::DateRange;

/// What is learned about a series at one frequency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesLook {
    pub series: Series,
    pub frequency: Frequency,
    /// The days that were listed; nothing where the archives are known from elsewhere.
    pub listed: Option<DateRange>,
    pub archives: Stretches,
}

/// What is learned about several series. The order counts: what comes later is newer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesLooks {
    looks: Vec<SeriesLook>,
    /// Where the archives are that were said one by one.
    places: HashMap<(Series, Frequency), usize>,
}

impl SeriesLooks {
    /// Adds what a listing shows.
    pub fn push(&mut self, look: SeriesLook) {
        self.looks.push(look);
    }

    /// Says how an archive stands.
    pub fn set(&mut self, key: &ArchiveKey, state: ArchiveState) {
        let Self { looks, places } = self;
        let frequency = key.period().frequency();
        let place = *places.entry((key.series().clone(), frequency)).or_insert(looks.len());
        if place == looks.len() {
            let series = key.series().clone();
            let archives = Stretches::default();
            looks.push(SeriesLook { series, frequency, listed: None, archives });
        }
        if let Some(look) = looks.get_mut(place) {
            look.archives.set(key.period(), state);
        }
    }

    /// Says how archives stand by what is recorded of them.
    pub fn set_recorded<'a>(&mut self, entries: impl IntoIterator<Item = &'a LedgerEntry>) {
        for entry in entries {
            if let Some(state) = ArchiveState::of_status(entry.status) {
                self.set(&entry.key, state);
            }
        }
    }

    /// Adds what a ledger has of one series. Archives that the source does not have are left out.
    pub fn add_series(&mut self, ledger: &Ledger) {
        let mut entries: Vec<&LedgerEntry> = ledger.entries().collect();
        entries.sort_by_key(|entry| entry.key.period());
        let mut looks: Vec<SeriesLook> = Vec::new();
        for entry in entries {
            let (series, period) = (entry.key.series(), entry.key.period());
            let state = ArchiveState::of_status(entry.status);
            let Some(state) = state.filter(|it| *it != ArchiveState::NotPublished) else {
                continue;
            };
            let frequency = period.frequency();
            let place = looks.iter().position(|look| look.frequency == frequency);
            let place = place.unwrap_or_else(|| {
                let archives = Stretches::default();
                let series = series.clone();
                looks.push(SeriesLook { series, frequency, listed: None, archives });
                looks.len() - 1
            });
            if let Some(look) = looks.get_mut(place) {
                look.archives.set(period, state);
            }
        }
        self.looks.extend(looks);
    }

    /// Adds what was learned later.
    pub fn append(&mut self, later: Self) {
        self.looks.extend(later.looks);
    }

    /// Returns what was learned, in its order.
    pub fn iter(&self) -> impl Iterator<Item = &SeriesLook> {
        self.looks.iter()
    }

    /// Returns whether nothing was learned.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.looks.is_empty()
    }
}
