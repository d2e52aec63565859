//! The decision about each archive of one series, a month at a time.
//!
//! Two questions: whether the month is taken as a whole or day by day, and whether what the ledger knows
//! of an archive still holds. Both answers are facts of the month alone, so a plan needs one pass.

use crate::archive::Series;
use crate::ledger::{ArchiveStatus, ChecksumState, Ledger, LedgerEntry};
use crate::listing::Published;
use crate::market::Frequency;
use crate::period::Period;
use crate::plan::{Decision, FetchReason, Held, Member, Ownership, PlanOptions, SkipReason};
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
    pub(super) fn decide<'m>(&self, members: &[Member<'m>], mut tell: impl FnMut(Member<'m>, Decision)) {
        for month in members.chunk_by(|a, b| month_of(*a) == month_of(*b)) {
            let Some(first) = month.first() else { continue };
            let held = self.ownership.held(self.series, first.period.start());
            let choice = self.choose(month, held);
            for archives in month.chunk_by(|a, b| a.period == b.period) {
                // A listing that was read in overlapping parts has an archive twice: the first stands for both.
                if let Some(member) = archives.first() {
                    tell(*member, self.decide_one(member.published, held, choice));
                }
            }
        }
    }

    fn decide_one(&self, published: &Published, held: Held, choice: Frequency) -> Decision {
        let period = published.key.period();
        if !self.targets.dates.overlaps(period) {
            return Decision::Skip(SkipReason::OutsideDates);
        }
        if !self.targets.frequency.allows(period.frequency()) {
            return Decision::Skip(SkipReason::OtherFrequency);
        }
        match period.frequency() {
            Frequency::Daily
                if choice == Frequency::Monthly && held.owner(period.start()) != Some(Frequency::Daily) =>
            {
                Decision::Skip(SkipReason::CoveredByMonthly)
            }
            Frequency::Monthly if !self.is_closed(period) => Decision::Skip(SkipReason::MonthNotClosed),
            Frequency::Monthly if held.any_daily() && !held.monthly() => Decision::Skip(SkipReason::CoveredByDailies),
            Frequency::Monthly if choice == Frequency::Daily && self.is_usable(published) => {
                Decision::Skip(SkipReason::CoveredByDailies)
            }
            _ => self.by_ledger(published),
        }
    }

    /// Chooses how a month is taken: as it is held already, else whole if all of it is wanted.
    fn choose(&self, month: &[Member<'_>], held: Held) -> Frequency {
        if held.monthly() {
            return Frequency::Monthly;
        }
        let usable = |member: &&Member<'_>| {
            let period = member.period;
            period.frequency() == Frequency::Monthly
                && self.targets.frequency.allows(Frequency::Monthly)
                && self.is_closed(period)
                && self.is_usable(member.published)
        };
        let monthly = month.iter().find(usable).map(|member| member.period);
        let Some(monthly) = monthly.filter(|_| !held.any_daily()) else { return Frequency::Daily };
        let wanted_daily = |member: &Member<'_>| {
            let period = member.period;
            period.frequency() == Frequency::Daily && self.targets.dates.overlaps(period)
        };
        let whole = self.targets.frequency == FrequencyPolicy::Monthly || self.targets.dates.covers(monthly);
        let expected = self.target.expects(self.series, Frequency::Daily);
        if whole || !expected || !month.iter().any(wanted_daily) { Frequency::Monthly } else { Frequency::Daily }
    }

    /// Returns whether fetching the archive can be of use: it is not known to be bad.
    fn is_usable(&self, published: &Published) -> bool {
        let bad = [SkipReason::Quarantined, SkipReason::Rejected].map(Decision::Skip);
        !bad.contains(&self.by_ledger(published))
    }

    fn is_closed(&self, period: Period) -> bool {
        period.end() < self.options.today
    }

    fn by_ledger(&self, published: &Published) -> Decision {
        let Some(entry) = self.ledger.get(published.key.path()) else { return Decision::Fetch(FetchReason::New) };
        let unchanged = match entry.status {
            ArchiveStatus::NotPublished | ArchiveStatus::Superseded => return Decision::Fetch(FetchReason::New),
            ArchiveStatus::Failed => return Decision::Fetch(FetchReason::Retry),
            ArchiveStatus::Ingested => SkipReason::AlreadyIngested,
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

fn month_of(member: Member<'_>) -> Period {
    member.period.month()
}

/// Compares what the listing says with what was recorded; what either does not know is no difference.
///
/// Equal `ETag`s mean equal bytes, whatever the time says: an archive can be uploaded again unchanged. Times
/// compare by the second, the unit of HTTP's own.
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
        ChecksumState::Mismatch => published.checksum_modified.is_some_and(|modified| entry.recorded_at < modified),
        ChecksumState::Match | ChecksumState::Unchecked => false,
    }
}
