//! The days of one series, month by month: held, held in part, and why not.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{DayState, MissingReason};
use crate::ledger::LedgerEntry;
use crate::names::days::DaySet;
use crate::names::market::Frequency;
use crate::names::period::{DateRange, Period};

const SECONDS_OF_A_DAY: i64 = 86_400;

/// What archives say of the days of one series.
#[derive(Debug, Default)]
pub(super) struct SeriesDays {
    months: BTreeMap<Period, Month>,
}

#[derive(Debug, Default)]
struct Month {
    held: DaySet,
    in_part: DaySet,
    lacking: BTreeMap<MissingReason, DaySet>,
    /// Days of which the month's own archive has no rows.
    empty_in_month: DaySet,
}

impl SeriesDays {
    /// Collects what the archives of a series say; of a day that any of them owns, the day is held.
    pub(super) fn of(entries: &[&LedgerEntry]) -> Self {
        let mut days = Self::default();
        for entry in entries {
            let period = entry.key.period();
            days.months.entry(period.month()).or_default().add(
                entry,
                owned(entry),
                DaySet::of(period),
            );
        }
        days
    }

    /// Returns the first and the last day that is held.
    pub(super) fn held(&self) -> DateRange {
        self.bounds(|month| month.held)
    }

    /// Returns the first and the last day that is held, or of which an archive failed.
    pub(super) fn known(&self) -> DateRange {
        self.bounds(|month| {
            let failed = month.lacking.iter().filter(|(reason, _)| reason.is_failure());
            failed.fold(month.held, |days, (_, failed)| days.or(*failed))
        })
    }

    /// Returns whether the month's own archive is there and has no rows of the day.
    pub(super) fn is_empty_in_month(&self, date: NaiveDate) -> bool {
        self.months
            .get(&Period::month_of(date))
            .is_some_and(|month| month.empty_in_month.contains(date))
    }

    /// Returns every day from `start` to `end` with its state.
    pub(super) fn states(
        &self,
        start: NaiveDate,
        end: NaiveDate,
    ) -> impl Iterator<Item = (NaiveDate, DayState)> {
        let range = DateRange { start: Some(start), end: Some(end) };
        range.periods(Frequency::Monthly).flat_map(move |period| {
            let month = self.months.get(&period);
            let state = move |date| {
                month.map_or(DayState::Missing(MissingReason::Unknown), |month| month.state(date))
            };
            range
                .intersect(period.days())
                .periods(Frequency::Daily)
                .map(move |day| (day.start(), state(day.start())))
        })
    }

    fn bounds(&self, days: impl Fn(&Month) -> DaySet) -> DateRange {
        let first =
            self.months.iter().find_map(|(period, month)| days(month).dates(*period).next());
        let last =
            self.months.iter().rev().find_map(|(period, month)| days(month).dates(*period).last());
        DateRange { start: first, end: last }
    }
}

impl Month {
    fn add(&mut self, entry: &LedgerEntry, owned: DaySet, all: DaySet) {
        self.held = self.held.or(owned);
        if entry.rejected_rows > 0 {
            self.in_part = self.in_part.or(owned);
        }
        let (reason, lacking) = (MissingReason::of(entry), all.minus(owned));
        let known = self.lacking.entry(reason).or_default();
        *known = known.or(lacking);
        if reason == MissingReason::NoRows && entry.key.period().frequency() == Frequency::Monthly {
            self.empty_in_month = self.empty_in_month.or(lacking);
        }
    }

    fn state(&self, date: NaiveDate) -> DayState {
        match (self.held.contains(date), self.in_part.contains(date)) {
            (true, true) => DayState::HeldInPart,
            (true, false) => DayState::Held,
            (false, _) => {
                let mut reasons = self.lacking.iter();
                let reason =
                    reasons.find(|(_, days)| days.contains(date)).map(|(reason, _)| *reason);
                DayState::Missing(reason.unwrap_or(MissingReason::Unknown))
            }
        }
    }
}

/// Returns the days that the archive holds; a bar longer than a day stands for all days of its
/// archive.
fn owned(entry: &LedgerEntry) -> DaySet {
    let owned = entry.owned_days();
    let is_long = entry
        .key
        .interval()
        .is_some_and(|length| length.seconds().is_none_or(|s| s > SECONDS_OF_A_DAY));
    if is_long && !owned.is_empty() { DaySet::of(entry.key.period()) } else { owned }
}
