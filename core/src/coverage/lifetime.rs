//! When there can be archives of a series: since and until when its data type is published, and its
//! symbol traded.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::MissingReason;
use super::days::SeriesDays;
use crate::matrix::{Combination, Status};
use crate::names::archive::Series;
use crate::names::market::{Market, Symbol};
use crate::names::period::DateRange;

/// The first and the last day that the lake holds of each symbol, whatever the data type.
#[derive(Debug, Default)]
pub(super) struct Lifetimes {
    held: HashMap<(Market, Symbol), DateRange>,
}

/// The days that are held of a series, and whether a month says that there is nothing before or
/// after them.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldEnds {
    held: DateRange,
    empty_before: bool,
    empty_after: bool,
}

impl HeldEnds {
    pub(super) fn of(days: &SeriesDays) -> Self {
        let held = days.held();
        let is_empty =
            |date: Option<NaiveDate>| date.is_some_and(|date| days.is_empty_in_month(date));
        Self {
            held,
            empty_before: is_empty(held.start.and_then(|first| first.pred_opt())),
            empty_after: is_empty(held.end.and_then(|last| last.succ_opt())),
        }
    }
}

impl Lifetimes {
    pub(super) fn add(&mut self, series: &Series, held: DateRange) {
        let known = self.held.entry((series.market, series.symbol.clone())).or_default();
        known.start = known.start.into_iter().chain(held.start).min();
        known.end = known.end.max(held.end);
    }

    /// Returns the lifetime of a series.
    ///
    /// A symbol whose first month has no rows of its first days, and of which nothing earlier is
    /// held, was listed in that month; the same at the end.
    pub(super) fn of(
        &self,
        series: &Series,
        ends: HeldEnds,
        combination: Option<&Combination>,
    ) -> Lifetime {
        let symbol = (series.market, series.symbol.clone());
        let symbol = self.held.get(&symbol).copied().unwrap_or_default();
        let HeldEnds { held, empty_before, empty_after } = ends;
        let listed = held.start.filter(|_| symbol.start == held.start && empty_before);
        let delisted = held.end.filter(|_| symbol.end == held.end && empty_after);
        let status = combination.map(|combination| combination.status);
        Lifetime {
            listed,
            delisted,
            since: combination.and_then(|combination| combination.since),
            status,
        }
    }
}

/// When there can be archives of a series, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// The first day of the symbol.
    listed: Option<NaiveDate>,
    /// The last day of the symbol.
    delisted: Option<NaiveDate>,
    /// The first day of the data type.
    since: Option<NaiveDate>,
    status: Option<Status>,
}

impl Lifetime {
    /// Returns the better reason for a day that the archives explain with `reason`.
    pub(super) fn explain(self, date: NaiveDate, reason: MissingReason) -> MissingReason {
        if !matches!(
            reason,
            MissingReason::NoRows | MissingReason::NotPublished | MissingReason::Unknown
        ) {
            return reason;
        }
        if self.listed.is_some_and(|first| date < first) {
            return MissingReason::BeforeListing;
        }
        if self.delisted.is_some_and(|last| last < date) {
            return MissingReason::AfterDelisting;
        }
        if reason == MissingReason::NoRows {
            return reason;
        }
        match self.status {
            _ if self.since.is_some_and(|since| date < since) => MissingReason::BeforeStart,
            Some(Status::Ended(last)) if last < date => MissingReason::Ended,
            Some(Status::Withdrawn) => MissingReason::Withdrawn,
            Some(Status::Never) => MissingReason::NeverPublished,
            _ => reason,
        }
    }

    /// Returns whether archives of later days are to be expected.
    pub(super) const fn goes_on(self) -> bool {
        matches!(self.status, Some(Status::Active)) && self.delisted.is_none()
    }
}
