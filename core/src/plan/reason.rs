//! Why an archive is fetched or left alone, in words that reports and the JSON output share.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::ledger::ArchiveStatus;
use crate::series::ArchiveState;

/// What is to be done about one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Fetch(FetchReason),
    Skip(SkipReason),
}

impl Decision {
    /// Returns how the archive stands until something is done, given what is known of it.
    pub(super) fn state(self, known: impl FnOnce() -> Option<ArchiveStatus>) -> ArchiveState {
        let otherwise = match self {
            Self::Fetch(_) => ArchiveState::Pending,
            Self::Skip(reason) => match reason {
                SkipReason::AlreadyIngested => return ArchiveState::Held,
                SkipReason::Yielded => return ArchiveState::Yielded,
                SkipReason::Quarantined => return ArchiveState::Quarantined,
                SkipReason::Rejected => return ArchiveState::Rejected,
                SkipReason::Removed => return ArchiveState::Removed,
                // Whatever a selection requests, what the lake has stays.
                SkipReason::CoveredByMonthly => ArchiveState::CoveredByMonthly,
                SkipReason::CoveredByDailies => ArchiveState::CoveredByDailies,
                SkipReason::OutsideDates => ArchiveState::OutsideDates,
                SkipReason::MonthNotClosed => ArchiveState::MonthNotClosed,
                SkipReason::OtherFrequency => ArchiveState::OtherFrequency,
            },
        };
        let known = known().and_then(ArchiveState::of_status);
        match (self, known) {
            (Self::Fetch(_), Some(known)) => known,
            (_, Some(known)) if known.is_known_for_good() => known,
            _ => otherwise,
        }
    }
}

/// Why an archive is to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchReason {
    New,
    /// The last run did not get it.
    Retry,
    /// Its bytes could not be trusted on another day, and nothing at the source has changed.
    RetryUntrusted,
    /// Size, `ETag` or time of the listing differ from those that were recorded.
    Changed,
    /// The archive looks the same, but its checksum appeared, or is another than the one that it
    /// failed to match.
    ChecksumChanged,
    /// Days of it are held from the other copy, and which of the two is more complete is not known
    /// yet.
    Compare,
    Forced,
}

impl fmt::Display for FetchReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Retry => "retry after failure",
            Self::RetryUntrusted => "retry of bytes that may have been damaged on the way",
            Self::Changed => "changed at the source",
            Self::ChecksumChanged => "checksum changed",
            Self::Compare => "compare with the other copy",
            Self::Forced => "forced",
        })
    }
}

/// Why an archive is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    AlreadyIngested,
    /// The other copy of its days is more complete, and neither has changed since they were
    /// compared.
    Yielded,
    /// The month's own archive holds this day, or is to be fetched.
    CoveredByMonthly,
    /// Days of this month are held or to be fetched one by one.
    CoveredByDailies,
    /// Its bytes did not match its checksum, and neither has changed since.
    Quarantined,
    /// It could not be read, and has not changed since.
    Rejected,
    /// It was removed from the lake, or its series or days were.
    Removed,
    OutsideDates,
    /// The month is not over, so its archive cannot be complete.
    MonthNotClosed,
    /// The selection requests the other frequency, or the matrix has this interval at the other
    /// only.
    OtherFrequency,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AlreadyIngested => "already ingested",
            Self::Yielded => "yielded to a more complete copy",
            Self::CoveredByMonthly => "covered by the monthly archive",
            Self::CoveredByDailies => "covered by dailies",
            Self::Quarantined => "quarantined and unchanged",
            Self::Rejected => "rejected and unchanged",
            Self::Removed => "removed with `lakehouse remove`",
            Self::OutsideDates => "outside the dates",
            Self::MonthNotClosed => "month not closed",
            Self::OtherFrequency => "not at the requested frequency",
        })
    }
}

impl Serialize for FetchReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SkipReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
