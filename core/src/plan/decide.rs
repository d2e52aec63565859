//! The decision about each archive of one series, a month at a time.
//!
//! Three questions: whether the month is taken as a whole or day by day, whether an archive has to
//! be compared with the one that owns its days, and whether what the ledger says of an archive is
//! still true. All answers are facts of the month alone, so a plan needs one pass.

use super::removed::RemovedArchives;
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
    pub(super) removed: RemovedArchives,
    pub(super) options: PlanOptions,
}

impl Decider<'_> {
    /// Decides about every member; members are in the order of their periods.
    pub(super) fn decide<'m>(
        &self,
        members: &[SeriesArchive<'m>],
        mut report: impl FnMut(SeriesArchive<'m>, Decision),
    ) {
        for month in members.chunk_by(|a, b| month_of(*a) == month_of(*b)) {
            let Some(first) = month.first() else { continue };
            let held = self.ownership.held(self.series, first.period.start());
            // The monthly archive goes first, although it may be listed later: what becomes of the
            // days depends on whether it is fetched, and its own decision on none of theirs.
            let monthly =
                month.iter().find(|member| member.period.frequency() == Frequency::Monthly);
            let monthly = monthly.map(|member| {
                self.decide_wanted(member.published, || self.monthly(month, member, held))
            });
            let month_is_fetched = monthly.is_some_and(is_likely_to_land);
            for archives in month.chunk_by(|a, b| a.period == b.period) {
                // A listing that was read in overlapping parts has an archive twice: the first
                // stands for both.
                let Some(member) = archives.first() else { continue };
                let decision = match (member.period.frequency(), monthly) {
                    (Frequency::Monthly, Some(monthly)) => monthly,
                    _ => self.decide_wanted(member.published, || {
                        self.daily(member.published, held, month_is_fetched)
                    }),
                };
                report(*member, decision);
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
        let known = self.ledger.get(published.key.path()).map(|entry| entry.status);
        if !self.options.restore && self.removed.has(known, period) {
            return Decision::Skip(SkipReason::Removed);
        }
        decide()
    }

    /// Decides about a month's own archive: it is new, or new next to dailies, or as the ledger
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
            // A month that is in the lake already is kept up to date whatever the dates: its rows
            // would otherwise stay as they were before a correction.
            Decision::Fetch(_) if !known && !self.takes_whole(month, member.period) => {
                Decision::Skip(SkipReason::CoveredByDailies)
            }
            // Some of its days are in silver from dailies: which copy owns them is decided on what
            // is measured, once both are here.
            Decision::Fetch(FetchReason::New) if held.any_daily() => {
                Decision::Fetch(FetchReason::Compare)
            }
            // A daily that came, or was corrected, while the month was in the lake has not been
            // compared with it.
            Decision::Skip(SkipReason::AlreadyIngested | SkipReason::Yielded)
                if self.has_uncompared_daily(month, member.published, held) =>
            {
                Decision::Fetch(FetchReason::Compare)
            }
            other => other,
        }
    }

    /// Returns whether all of a month is wanted, or cannot be had day by day.
    fn takes_whole(&self, month: &[SeriesArchive<'_>], period: Period) -> bool {
        self.targets.frequency == FrequencyPolicy::Monthly
            || self.targets.dates.covers(period)
            || !self.target.expects(self.series, Frequency::Daily)
            // Dailies of the first years were never published: their days are in the month only.
            || !month.iter().any(|member| self.is_wanted_daily(member))
    }

    fn is_wanted_daily(&self, member: &SeriesArchive<'_>) -> bool {
        member.period.frequency() == Frequency::Daily && self.targets.dates.overlaps(member.period)
    }

    /// Returns whether a daily archive that is held has not been compared with the month's own in
    /// this version.
    fn has_uncompared_daily(
        &self,
        month: &[SeriesArchive<'_>],
        published: &Published,
        held: MonthOwnership<'_>,
    ) -> bool {
        let entry = self.ledger.get(published.key.path());
        let Some(version) = entry.and_then(|entry| entry.sha256.as_ref()) else { return false };
        for member in month {
            // A day that the month owns was compared when it got it, or had no daily then: the
            // daily's own decision sees to that.
            let is_daily = member.period.frequency() == Frequency::Daily;
            if !is_daily || held.owner(member.period.start()) == Some(Frequency::Monthly) {
                continue;
            }
            let Some(daily) = self.ledger.get(member.published.key.path()) else { continue };
            if daily.status == ArchiveStatus::Ingested
                && daily.competing_version.as_ref() != Some(version)
            {
                return true;
            }
        }
        false
    }

    /// Decides about an archive of a day; `month_is_fetched` says that the month's own archive is
    /// to be fetched now.
    ///
    /// | day is owned by | month | decision |
    /// |---|---|---|
    /// | the month | in the lake | fetched only if it may be the better copy |
    /// | the daily | any | as the ledger says: new versions replace old ones |
    /// | nobody | to be fetched | left to the month |
    /// | nobody | in the lake | as the ledger says, if dailies are published |
    /// | nobody | neither | as the ledger says; one that had yielded is compared again |
    fn daily(
        &self,
        published: &Published,
        held: MonthOwnership<'_>,
        month_is_fetched: bool,
    ) -> Decision {
        let day = published.key.period().start();
        match (held.owner(day), held.month()) {
            (Some(Frequency::Monthly), Some(month)) => self.owned_by_month(published, month),
            (Some(Frequency::Daily), _) => self.by_ledger(published),
            _ if month_is_fetched => Decision::Skip(SkipReason::CoveredByMonthly),
            (_, Some(_)) if !self.target.expects(self.series, Frequency::Daily) => {
                Decision::Skip(SkipReason::CoveredByMonthly)
            }
            _ => match self.by_ledger(published) {
                // The copy that it had yielded to no longer holds the day.
                Decision::Skip(SkipReason::Yielded) => Decision::Fetch(FetchReason::Compare),
                other => other,
            },
        }
    }

    /// Decides about an archive of a day that the month's own archive owns.
    fn owned_by_month(&self, published: &Published, month: &LedgerEntry) -> Decision {
        let decision = self.by_ledger(published);
        let entry = self.ledger.get(published.key.path());
        let compared_with = entry.and_then(|entry| entry.competing_version.as_ref());
        let is_current = month.status == ArchiveStatus::Ingested;
        match decision {
            // It yielded to another version of the month. Of one that failed to come the rows are
            // not in silver, so there is nothing new to compare with.
            Decision::Skip(SkipReason::Yielded)
                if is_current && compared_with != month.sha256.as_ref() =>
            {
                Decision::Fetch(FetchReason::Compare)
            }
            Decision::Skip(SkipReason::Yielded | SkipReason::AlreadyIngested) => decision,
            // A correction may be the more complete copy, whatever the month looks like.
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
    /// download. So there has to be a sign: dailies were requested, the daily is newer than the
    /// month, or the month is not whole.
    fn may_be_better(&self, published: &Published, month: &LedgerEntry) -> bool {
        let newer = published
            .last_modified
            .zip(month.last_modified)
            .is_some_and(|(daily, month)| daily > month);
        let requested = self.targets.frequency == FrequencyPolicy::Daily;
        let expected = self.target.expects(self.series, Frequency::Daily);
        expected && (requested || newer || lacks::rows(month, published.key.period().start()))
    }

    /// Returns whether bytes that were bad are worth another download, though the source says the
    /// same of them.
    ///
    /// A proxy or a cache may damage the same bytes in the same way more than once, and the entity
    /// tag is then that of the good ones, so nothing at the source need ever change. Nothing shows
    /// that such a fault has ended but the bytes. So they are fetched once a day, which bounds what
    /// an archive costs that the source publishes damaged for good. The last try counts as one of
    /// today only if its day is the same: a clock that was wrong then delays the next try by no
    /// more than a day. Bytes that match their checksum are as published, and only a change helps.
    fn may_try_again(&self, entry: &LedgerEntry) -> bool {
        let is_bad = matches!(entry.status, ArchiveStatus::Quarantined | ArchiveStatus::Rejected);
        let is_as_published = entry.checksum == ChecksumState::Match;
        is_bad && !is_as_published && entry.recorded_at.date_naive() != self.options.today
    }

    fn is_closed(&self, period: Period) -> bool {
        period.end() < self.options.today
    }

    fn by_ledger(&self, published: &Published) -> Decision {
        let Some(entry) = self.ledger.get(published.key.path()) else {
            return Decision::Fetch(FetchReason::New);
        };
        // What the ledger says is true as long as the source has not changed; a failure says
        // nothing about the archive and is tried again.
        let unchanged = match entry.status {
            // Listed now, or the rows are of a version that another one replaced, or wanted again
            // after they were removed.
            ArchiveStatus::NotPublished | ArchiveStatus::Superseded | ArchiveStatus::Removed => {
                return Decision::Fetch(FetchReason::New);
            }
            ArchiveStatus::Failed => return Decision::Fetch(FetchReason::Retry),
            ArchiveStatus::Ingested => SkipReason::AlreadyIngested,
            ArchiveStatus::Yielded => SkipReason::Yielded,
            ArchiveStatus::Quarantined => SkipReason::Quarantined,
            ArchiveStatus::Rejected => SkipReason::Rejected,
        };
        // The most telling reason first: it is what the plan shows.
        if self.options.force {
            Decision::Fetch(FetchReason::Forced)
        } else if has_changed(published, entry) {
            Decision::Fetch(FetchReason::Changed)
        } else if has_other_checksum(published, entry) {
            Decision::Fetch(FetchReason::ChecksumChanged)
        } else if self.may_try_again(entry) {
            Decision::Fetch(FetchReason::RetryUntrusted)
        } else {
            Decision::Skip(unchanged)
        }
    }
}

/// Returns whether the days of a month can be left to the archive that was decided about: one whose
/// bytes were bad on other days may be bad for good, and its days would never be fetched.
fn is_likely_to_land(decision: Decision) -> bool {
    match decision {
        Decision::Fetch(reason) => reason != FetchReason::RetryUntrusted,
        Decision::Skip(_) => false,
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
///
/// What the listing says of it is compared for equality with what it said before the archive was
/// fetched. Times are not put in an order: the clock of a machine may be ahead of that of the
/// source, and a checksum that was corrected would then seem older than the failure.
fn has_other_checksum(published: &Published, entry: &LedgerEntry) -> bool {
    match entry.checksum {
        ChecksumState::Absent => published.has_checksum == Some(true),
        ChecksumState::Mismatch => {
            published.checksum_tag.is_some() && published.checksum_tag != entry.checksum_tag
        }
        ChecksumState::Match | ChecksumState::Unchecked => false,
    }
}
