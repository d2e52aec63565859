//! Why a day is not in the lake, as far as anybody knows.

use std::fmt;

use crate::ledger::{ArchiveStatus, LedgerEntry};

/// Why a day is not held; where several archives cover it, the first of these that any of them
/// gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MissingReason {
    /// The archive could not be fetched or not be stored.
    Failed,
    /// The archive's bytes never matched its checksum.
    Quarantined,
    /// The archive cannot be read.
    Rejected,
    /// The archive was read, and rows of it were rejected: those of the day may be among them.
    RowsRejected,
    /// The archive was taken out of the lake on request.
    Removed,
    /// The archive gave way to a more complete one, which does not hold the day any more.
    Yielded,
    /// The archive has no rows of the day.
    NoRows,
    /// The source has no such archive.
    NotPublished,
    /// The symbol was not traded yet.
    BeforeListing,
    /// The symbol was not traded any more.
    AfterDelisting,
    /// The data type was not published yet.
    BeforeStart,
    /// The data type is not published any more.
    Ended,
    /// The data type was published once and deleted since.
    Withdrawn,
    /// The data type was never published.
    NeverPublished,
    /// No archive of the day was ever met: it was not requested, or the source did not list it.
    Unknown,
}

impl MissingReason {
    /// Every reason, in the order in which they count.
    pub const ALL: [Self; 15] = [
        Self::Failed,
        Self::Quarantined,
        Self::Rejected,
        Self::RowsRejected,
        Self::Removed,
        Self::Yielded,
        Self::NoRows,
        Self::NotPublished,
        Self::BeforeListing,
        Self::AfterDelisting,
        Self::BeforeStart,
        Self::Ended,
        Self::Withdrawn,
        Self::NeverPublished,
        Self::Unknown,
    ];

    /// Returns the reason that an archive gives for the days of its period that it does not hold.
    #[must_use]
    pub const fn of(entry: &LedgerEntry) -> Self {
        match entry.status {
            ArchiveStatus::Failed => Self::Failed,
            ArchiveStatus::Quarantined => Self::Quarantined,
            ArchiveStatus::Rejected => Self::Rejected,
            ArchiveStatus::Removed => Self::Removed,
            ArchiveStatus::Yielded => Self::Yielded,
            ArchiveStatus::NotPublished => Self::NotPublished,
            ArchiveStatus::Ingested | ArchiveStatus::Superseded if entry.rejected_rows > 0 => {
                Self::RowsRejected
            }
            ArchiveStatus::Ingested | ArchiveStatus::Superseded => Self::NoRows,
        }
    }

    /// Returns whether there never was anything that the lake could hold, or it is not to hold it.
    #[must_use]
    pub const fn is_outside(self) -> bool {
        matches!(
            self,
            Self::Removed
                | Self::BeforeListing
                | Self::AfterDelisting
                | Self::BeforeStart
                | Self::Ended
                | Self::NeverPublished
        )
    }

    /// Returns whether something went wrong that may be put right.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Quarantined | Self::Rejected | Self::RowsRejected)
    }

    /// Returns the word that programs read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Rejected => "rejected",
            Self::RowsRejected => "rows_rejected",
            Self::Removed => "removed",
            Self::Yielded => "yielded",
            Self::NoRows => "no_rows",
            Self::NotPublished => "not_published",
            Self::BeforeListing => "before_listing",
            Self::AfterDelisting => "after_delisting",
            Self::BeforeStart => "before_start",
            Self::Ended => "ended",
            Self::Withdrawn => "withdrawn",
            Self::NeverPublished => "never_published",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for MissingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Failed => "failed",
            Self::Quarantined => "does not match its checksum",
            Self::Rejected => "archive cannot be read",
            Self::RowsRejected => "rows were rejected",
            Self::Removed => "removed with `lakehouse remove`",
            Self::Yielded => "gave way to another copy",
            Self::NoRows => "archive has no rows of it",
            Self::NotPublished => "not published",
            Self::BeforeListing => "before listing",
            Self::AfterDelisting => "after delisting",
            Self::BeforeStart => "before the data type began",
            Self::Ended => "data type ended",
            Self::Withdrawn => "withdrawn",
            Self::NeverPublished => "never published",
            Self::Unknown => "unknown: not requested, or not listed",
        })
    }
}
