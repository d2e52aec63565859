//! Which days of an incoming archive are free, and which overlap with a competing archive.
//!
//! A competing archive is one of the other frequency that covers the same days. Its days that the
//! incoming archive does not hold already are decided as follows; *compared* means that the ledger
//! says so of exactly these two versions.
//!
//! | incoming | its version | competing archive | its days are |
//! |---|---|---|---|
//! | month or day | new, or a correction | holds days | overlapping: to be compared |
//! | month | in the lake | a day that was not compared | overlapping |
//! | month | in the lake | a day that was compared | taken: the decision stands |
//! | day | in the lake | a month that was not compared | overlapping |
//! | day | in the lake | a month that was compared | taken: the decision stands |
//! | month | new, or a correction | holds none of its days | free |
//! | month | in the lake | holds none of its days | as they are: nothing lands twice |
//! | day | new, or a correction | a month without rows of it | free |
//! | day | in the lake, owns the day | a month without rows of it | as it is |
//! | day | in the lake, has yielded | a month that no longer holds it | free: it lands again |

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::DayDecision;
use super::outside::OutsideDays;
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
    /// The days outside its period of which it may have rows.
    pub outside: OutsideDays,
}

impl HeldArchive {
    /// Returns the days of `period`, the archive's own, that it owns.
    #[must_use]
    pub fn owned(&self, period: Period) -> DaySet {
        self.days.unwrap_or_else(|| DaySet::of(period))
    }

    /// Returns the days of which the archive says what rows there are.
    ///
    /// A daily archive without rows says that its day is empty, and so competes for it, unless a
    /// month had rows of it and the day yielded.
    fn asserted(&self, period: Period) -> DaySet {
        let owned = self.owned(period);
        let is_daily = period.frequency() == Frequency::Daily;
        if is_daily && owned.is_empty() && !self.yielded { DaySet::of(period) } else { owned }
    }
}

/// The days of one version of an archive before it lands: kept, free, or overlapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapClaim {
    pub period: Period,
    /// Days whose rows are in silver from these very bytes, and stay.
    pub kept: DaySet,
    /// Rows that these days have in silver.
    pub kept_rows: u64,
    /// Days that no other archive holds: the rows of them land.
    pub free: DaySet,
    /// Days that a competing archive holds, and that are to be decided.
    pub overlapping: DaySet,
    /// The versions of the archives that hold overlapping days.
    pub competing: Vec<(Period, Arc<str>)>,
    /// The version of the month's archive with which a daily archive counts as compared once it has
    /// landed.
    pub competing_version: Option<Arc<str>>,
    same_version: bool,
}

impl OverlapClaim {
    /// Finds what the version `sha256` of the archive of `period` can claim; `own` is what is known
    /// of the archive, `competing` what is known of those of the other frequency that share days
    /// with it.
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
        let mut taken = DaySet::NONE;
        let mut overlapping = DaySet::NONE;
        let mut undecided = Vec::new();
        let mut competing_version = None;
        for (other_period, other) in competing {
            let days = other.asserted(*other_period).and(all).minus(kept);
            if period.frequency() == Frequency::Daily
                && counts_as_compared(period, own, other, days)
            {
                competing_version = Some(Arc::clone(&other.sha256));
            }
            // A day that was decided before stays with its owner, so it is not free either.
            taken = taken.or(days);
            if !days.is_empty() && !is_decided(period, same, other) {
                overlapping = overlapping.or(days);
                undecided.push((*other_period, Arc::clone(&other.sha256)));
            }
        }
        // A month that is in the lake has landed all that was free. So has a day that owns rows;
        // one that had yielded gets its day back when the month loses it.
        let has_landed =
            same.is_some() && (period.frequency() == Frequency::Monthly || !kept.is_empty());
        Self {
            period,
            kept,
            kept_rows: same.map_or(0, |own| own.rows),
            free: if has_landed { DaySet::NONE } else { all.minus(taken) },
            overlapping,
            competing: undecided,
            competing_version,
            same_version: same.is_some(),
        }
    }

    /// Returns whether the version is in the lake and nothing about it is to be decided.
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

/// Returns whether the same two versions were compared before; `same` is the incoming version as it
/// is in the lake.
///
/// The daily archive is the one that records the comparison: a month would have to record one for
/// each of its days.
fn is_decided(period: Period, same: Option<&HeldArchive>, other: &HeldArchive) -> bool {
    let Some(same) = same else { return false };
    let (daily, month) = match period.frequency() {
        Frequency::Monthly => (other, same),
        Frequency::Daily => (same, other),
    };
    daily.competing_version.as_ref() == Some(&month.sha256)
}

/// Returns whether a daily archive that lands counts as compared with the version `month`; `days`
/// are those that the month holds of it.
///
/// If the month holds the day, the two are compared now. If it does not hold the day of a new
/// archive, it has no rows of it, and there is nothing to compare. If it does not hold the day of a
/// corrected archive, it may have lost it to an earlier version of that archive: it has to be
/// compared with the correction too, unless the earlier version had no rows to win with.
fn counts_as_compared(
    period: Period,
    own: Option<&HeldArchive>,
    month: &HeldArchive,
    days: DaySet,
) -> bool {
    if !days.is_empty() {
        return true;
    }
    own.is_none_or(|own| {
        own.owned(period).is_empty() && own.competing_version.as_ref() == Some(&month.sha256)
    })
}

/// What an archive owns once its overlapping days are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Resolves the claim; `present` are the days of which the archive has rows, `decisions` those
    /// on overlapping days.
    #[must_use]
    pub fn resolve(&self, present: DaySet, decisions: &[DayDecision]) -> ClaimResolution {
        let mut won = DaySet::NONE;
        for decision in decisions.iter().filter(|decision| decision.incoming_wins()) {
            won.insert(decision.day);
        }
        // A free day without rows is not owned: another archive may
        // still have rows of it.
        let landed = self.free.and(present).or(won);
        let owned = self.kept.or(landed);
        let yielded = owned.is_empty() && !decisions.is_empty();
        ClaimResolution { owned, landed, won, yielded }
    }

    /// Returns the owned days as they are recorded: nothing where they are all days of the period.
    #[must_use]
    pub fn recorded(&self, owned: DaySet) -> Option<DaySet> {
        (owned != DaySet::of(self.period)).then_some(owned)
    }
}
