//! The decision about each archive of one series, a month at a time.
//!
//! Three questions: whether the month is taken as a whole or day by day, whether a copy of days
//! that are held should be compared with the one that holds them, and whether what the ledger knows
//! of an archive still holds. All answers are facts of the month alone, so a plan needs one pass.

use super::{
    Decision, FetchReason, MonthOwnership, Ownership, PlanOptions, SeriesArchive, SkipReason, lacks,
};
use crate::ledger::{ArchiveStatus, ChecksumState, Ledger, LedgerEntry};
use crate::listing::Published;
use crate::names::archive::Series;
use crate::names::market::Frequency;
use crate::names::period::Period;
use crate::selection::{FrequencyPolicy, Target, Targets};

pub(super) struct Decider<'a> {
    pub(super) targets: &'a Targets,
    pub(super) target: &'a Target,
    pub(super) series: &'a Series,
    pub(super) ledger: &'a Ledger,
    pub(super) ownership: &'a Ownership<'a>,
    pub(super) options: PlanOptions,
}

impl Decider<'_> {
    /// Decides about every member; members are in the order of their periods.
    pub(super) fn decide<'m>(
        &self,
        members: &[SeriesArchive<'m>],
        mut tell: impl FnMut(SeriesArchive<'m>, Decision),
    ) {
        for month in members.chunk_by(|a, b| month_of(*a) == month_of(*b)) {
            let Some(first) = month.first() else { continue };
            let held = self.ownership.held(self.series, first.period.start());
            let monthly =
                month.iter().find(|member| member.period.frequency() == Frequency::Monthly);
            let monthly = monthly.map(|member| {
                self.decide_wanted(member.published, || self.monthly(month, member, held))
            });
            let comes = matches!(monthly, Some(Decision::Fetch(_)));
            for archives in month.chunk_by(|a, b| a.period == b.period) {
                // A listing that was read in overlapping parts has an archive twice: the first
                // stands for both.
                let Some(member) = archives.first() else { continue };
                let decision = match (member.period.frequency(), monthly) {
                    (Frequency::Monthly, Some(monthly)) => monthly,
                    _ => self.decide_wanted(member.published, || {
                        self.daily(member.published, held, comes)
                    }),
                };
                tell(*member, decision);
            }
        }
    }

    fn decide_wanted(&self, published: &Published, decide: impl FnOnce() -> Decision) -> Decision {
        let period = published.key.period();
        if !self.targets.dates.overlaps(period) {
            return Decision::Skip(SkipReason::OutsideDates);
        }
        if !self.targets.frequency.allows(period.frequency()) {
            return Decision::Skip(SkipReason::OtherFrequency);
        }
        decide()
    }

    /// Decides about a month's own archive: it is new, or new beside dailies, or as the ledger
    /// says.
    fn monthly(
        &self,
        month: &[SeriesArchive<'_>],
        member: &SeriesArchive<'_>,
        held: MonthOwnership<'_>,
    ) -> Decision {
        if !self.is_closed(member.period) {
            return Decision::Skip(SkipReason::MonthNotClosed);
        }
        let known = held.month().is_some();
        let decision = self.by_ledger(member.published);
        match decision {
            Decision::Fetch(_) if !known && !self.takes_whole(month, member.period) => {
                Decision::Skip(SkipReason::CoveredByDailies)
            }
            Decision::Fetch(FetchReason::New) if held.any_daily() => {
                Decision::Fetch(FetchReason::Compare)
            }
            Decision::Skip(SkipReason::AlreadyIngested | SkipReason::Yielded)
                if self.is_rival_unjudged(month, member.published, held) =>
            {
                Decision::Fetch(FetchReason::Compare)
            }
            other => other,
        }
    }

    /// Returns whether all of a month is wanted, or cannot be had day by day.
    fn takes_whole(&self, month: &[SeriesArchive<'_>], period: Period) -> bool {
        let wanted_daily = |member: &SeriesArchive<'_>| {
            member.period.frequency() == Frequency::Daily
                && self.targets.dates.overlaps(member.period)
        };
        self.targets.frequency == FrequencyPolicy::Monthly
            || self.targets.dates.covers(period)
            || !self.target.expects(self.series, Frequency::Daily)
            || !month.iter().any(wanted_daily)
    }

    /// Returns whether a daily archive that is held has not been compared with the month's own in
    /// this version.
    fn is_rival_unjudged(
        &self,
        month: &[SeriesArchive<'_>],
        published: &Published,
        held: MonthOwnership<'_>,
    ) -> bool {
        let version = self.ledger.get(published.key.path()).and_then(|entry| entry.sha256.as_ref());
        let beside = |member: &&SeriesArchive<'_>| {
            member.period.frequency() == Frequency::Daily
                && held.owner(member.period.start()) != Some(Frequency::Monthly)
        };
        let dailies = month.iter().filter(beside);
        let mut held = dailies.filter_map(|member| self.ledger.get(member.published.key.path()));
        version.is_some()
            && held.any(|entry| {
                entry.status == ArchiveStatus::Ingested
                    && entry.competing_version.as_ref() != version
            })
    }

    /// Decides about an archive of a day; `comes` says that the month's own archive is to be
    /// fetched now.
    fn daily(&self, published: &Published, held: MonthOwnership<'_>, comes: bool) -> Decision {
        let day = published.key.period().start();
        match (held.owner(day), held.month()) {
            (Some(Frequency::Monthly), Some(month)) => self.beside_monthly(published, month),
            (Some(Frequency::Daily), _) => self.by_ledger(published),
            _ if comes => Decision::Skip(SkipReason::CoveredByMonthly),
            (_, Some(_)) if !self.target.expects(self.series, Frequency::Daily) => {
                Decision::Skip(SkipReason::CoveredByMonthly)
            }
            _ => match self.by_ledger(published) {
                // What it had yielded to is gone.
                Decision::Skip(SkipReason::Yielded) => Decision::Fetch(FetchReason::Compare),
                other => other,
            },
        }
    }

    /// Decides about an archive of a day that the month's own archive owns.
    fn beside_monthly(&self, published: &Published, month: &LedgerEntry) -> Decision {
        let decision = self.by_ledger(published);
        let judged = self
            .ledger
            .get(published.key.path())
            .and_then(|entry| entry.competing_version.as_ref());
        let in_silver = month.status == ArchiveStatus::Ingested;
        match decision {
            Decision::Skip(SkipReason::Yielded) if in_silver && judged != month.sha256.as_ref() => {
                Decision::Fetch(FetchReason::Compare)
            }
            Decision::Skip(SkipReason::Yielded | SkipReason::AlreadyIngested) => decision,
            Decision::Fetch(FetchReason::Changed | FetchReason::Forced) => decision,
            _ if !self.may_be_better(published, month) => {
                Decision::Skip(SkipReason::CoveredByMonthly)
            }
            Decision::Fetch(FetchReason::New) => Decision::Fetch(FetchReason::Compare),
            other => other,
        }
    }

    /// Returns whether fetching a day that the month's archive holds can be of use.
    ///
    /// Nearly every day is published both ways, and fetching each twice would double every
    /// download. So there has to be a sign: dailies were asked for, the daily is newer than the
    /// month, or the month is not whole.
    fn may_be_better(&self, published: &Published, month: &LedgerEntry) -> bool {
        let newer = published
            .last_modified
            .zip(month.last_modified)
            .is_some_and(|(daily, month)| daily > month);
        let asked_for = self.targets.frequency == FrequencyPolicy::Daily;
        let expected = self.target.expects(self.series, Frequency::Daily);
        expected && (asked_for || newer || lacks::rows(month, published.key.period().start()))
    }

    fn is_closed(&self, period: Period) -> bool {
        period.end() < self.options.today
    }

    fn by_ledger(&self, published: &Published) -> Decision {
        let Some(entry) = self.ledger.get(published.key.path()) else {
            return Decision::Fetch(FetchReason::New);
        };
        let unchanged = match entry.status {
            ArchiveStatus::NotPublished | ArchiveStatus::Superseded => {
                return Decision::Fetch(FetchReason::New);
            }
            ArchiveStatus::Failed => return Decision::Fetch(FetchReason::Retry),
            ArchiveStatus::Ingested => SkipReason::AlreadyIngested,
            ArchiveStatus::Yielded => SkipReason::Yielded,
            ArchiveStatus::Quarantined => SkipReason::Quarantined,
            ArchiveStatus::Rejected => SkipReason::Rejected,
        };
        if self.options.force {
            Decision::Fetch(FetchReason::Forced)
        } else if has_changed(published, entry) {
            Decision::Fetch(FetchReason::Changed)
        } else if has_other_checksum(published, entry) {
            Decision::Fetch(FetchReason::ChecksumChanged)
        } else {
            Decision::Skip(unchanged)
        }
    }
}

fn month_of(member: SeriesArchive<'_>) -> Period {
    member.period.month()
}

/// Compares what the listing says with what was recorded; what either does not know is no
/// difference.
///
/// Equal `ETag`s mean equal bytes, whatever the time says: an archive can be uploaded again
/// unchanged. Times compare by the second, the unit of HTTP's own.
fn has_changed(published: &Published, entry: &LedgerEntry) -> bool {
    if published.size.zip(entry.size).is_some_and(|(listed, recorded)| listed != recorded) {
        return true;
    }
    match (&published.etag, &entry.etag) {
        (Some(listed), Some(recorded)) => listed != recorded,
        _ => {
            let times = published.last_modified.zip(entry.last_modified);
            times.is_some_and(|(listed, recorded)| listed.timestamp() != recorded.timestamp())
        }
    }
}

/// Returns whether a checksum that was missing or did not match is another one now.
fn has_other_checksum(published: &Published, entry: &LedgerEntry) -> bool {
    match entry.checksum {
        ChecksumState::Absent => published.has_checksum == Some(true),
        ChecksumState::Mismatch => {
            published.checksum_modified.is_some_and(|modified| entry.recorded_at < modified)
        }
        ChecksumState::Match | ChecksumState::Unchecked => false,
    }
}
