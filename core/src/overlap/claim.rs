//! Which days of an archive are its own without a question, and which another copy holds.

use std::sync::Arc;

use super::DayDecision;
use crate::names::days::DaySet;
use crate::names::market::Frequency;
use crate::names::period::Period;

/// What silver holds of an archive, or last held of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldArchive {
    pub sha256: Arc<str>,
    /// Rows in silver.
    pub rows: u64,
    /// The days that the archive owns, where these are not all days of its period.
    pub days: Option<DaySet>,
    /// The version of the month's archive that a daily archive was compared with.
    pub competing_version: Option<Arc<str>>,
    /// Whether its rows have given way to other copies.
    pub yielded: bool,
}

impl HeldArchive {
    /// Returns the days of `period`, the archive's own, that it owns.
    #[must_use]
    pub fn owned(&self, period: Period) -> DaySet {
        self.days.unwrap_or_else(|| DaySet::of(period))
    }

    /// Returns the days that it owns, or the one that it says to be without rows, unless a month
    /// said otherwise.
    fn asserted(&self, period: Period) -> DaySet {
        let owned = self.owned(period);
        let is_empty_day =
            period.frequency() == Frequency::Daily && owned.is_empty() && !self.yielded;
        if is_empty_day { DaySet::of(period) } else { owned }
    }
}

/// The days of one version of an archive, by who holds them before it lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlapClaim {
    pub period: Period,
    /// Days whose rows are in silver from these very bytes, and stay.
    pub kept: DaySet,
    /// Rows that these days have in silver.
    pub kept_rows: u64,
    /// Days that nobody else holds: its rows of them land.
    pub free: DaySet,
    /// Days that a copy of the other frequency holds, and that are to be decided.
    pub overlapping: DaySet,
    /// The versions of the copies that hold overlapping days.
    pub competing: Vec<(Period, Arc<str>)>,
    /// The version of the month's archive that a day of its own is decided against by landing at
    /// all.
    pub competing_version: Option<Arc<str>>,
    same_version: bool,
}

impl OverlapClaim {
    /// Finds what the version `sha256` of the archive of `period` can claim; `own` is what is known
    /// of the archive, `competing` what is known of those of the other frequency that share days with
    /// it.
    #[must_use]
    pub fn of(
        period: Period,
        sha256: &str,
        own: Option<&HeldArchive>,
        competing: &[(Period, &HeldArchive)],
    ) -> Self {
        let all = DaySet::of(period);
        let same = own.filter(|own| *own.sha256 == *sha256);
        let kept = same.map_or(DaySet::NONE, |own| own.owned(period));
        let (mut taken, mut overlapping) = (DaySet::NONE, DaySet::NONE);
        let (mut against, mut competing_version) = (Vec::new(), None);
        for (other, held_archive) in competing {
            let days = held_archive.asserted(*other).and(all).minus(kept);
            let decided = match period.frequency() {
                Frequency::Monthly => {
                    same.is_some() && held_archive.competing_version.as_deref() == Some(sha256)
                }
                Frequency::Daily => same.is_some_and(|own| {
                    own.competing_version.as_ref() == Some(&held_archive.sha256)
                }),
            };
            // A month that does not hold the day of a new archive has no rows of it; one that does
            // not hold the day of a corrected archive may have lost it to a version before, and is
            // to be asked again, unless it was asked already about a version without rows.
            let unheld = own.is_none_or(|own| {
                own.owned(period).is_empty()
                    && own.competing_version.as_ref() == Some(&held_archive.sha256)
            });
            if period.frequency() == Frequency::Daily && (!days.is_empty() || unheld) {
                competing_version = Some(Arc::clone(&held_archive.sha256));
            }
            taken = taken.or(days);
            if !decided && !days.is_empty() {
                overlapping = overlapping.or(days);
                against.push((*other, Arc::clone(&held_archive.sha256)));
            }
        }
        let whole =
            same.is_some() && (period.frequency() == Frequency::Monthly || !kept.is_empty());
        let free = if whole { DaySet::NONE } else { all.minus(taken) };
        let kept_rows = same.map_or(0, |own| own.rows);
        Self {
            period,
            kept,
            kept_rows,
            free,
            overlapping,
            competing: against,
            competing_version,
            same_version: same.is_some(),
        }
    }

    /// Returns whether the version is known and nothing about it is open.
    #[must_use]
    pub const fn is_resolved(&self) -> bool {
        self.same_version && self.overlapping.is_empty() && self.free.is_empty()
    }

    /// Returns whether rows that silver holds of the archive are of another version than this one.
    #[must_use]
    pub const fn replaces(&self) -> bool {
        !self.same_version
    }
}

/// What an archive comes to own once its overlapping days are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimResolution {
    /// Days that it owns from now on.
    pub owned: DaySet,
    /// Those of them whose rows are to be added.
    pub landed: DaySet,
    /// Days that another copy has to give up.
    pub won: DaySet,
    /// Whether other copies are more complete on every day that it has rows of.
    pub yielded: bool,
}

impl OverlapClaim {
    /// Settles the claim; `present` are the days of which the archive has rows, `decisions` those on
    /// overlapping days.
    #[must_use]
    pub fn resolve(&self, present: DaySet, decisions: &[DayDecision]) -> ClaimResolution {
        let won: DaySet = decisions
            .iter()
            .filter(|decision| decision.incoming_wins())
            .map(|decision| decision.day)
            .collect();
        let landed = self.free.and(present).or(won);
        let owned = self.kept.or(landed);
        ClaimResolution { owned, landed, won, yielded: owned.is_empty() && !decisions.is_empty() }
    }

    /// Returns the owned days as they are recorded: nothing where they are all days of the period.
    #[must_use]
    pub fn recorded(&self, owned: DaySet) -> Option<DaySet> {
        (owned != DaySet::of(self.period)).then_some(owned)
    }
}
