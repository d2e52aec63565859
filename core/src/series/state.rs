//! How one archive stands: held, or not, and why.

use std::fmt;
use std::str::FromStr;

use strum::{IntoStaticStr, VariantArray};

use crate::ledger::ArchiveStatus;
use crate::names::market::NameError;

/// How an archive that is known stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ArchiveState {
    /// It has rows in silver.
    Held,
    /// The other copy is more complete on all its days.
    Yielded,
    /// The month's own archive has its day.
    CoveredByMonthly,
    /// The days of its month are held one by one.
    CoveredByDailies,
    /// It is outside the dates of the selection that found it.
    OutsideDates,
    MonthNotClosed,
    /// The selection that found it requests the other frequency only.
    OtherFrequency,
    Removed,
    Quarantined,
    Rejected,
    Failed,
    /// It is listed, and the source has no such archive.
    NotPublished,
    /// It is to be fetched, and was not yet.
    Pending,
}

impl ArchiveState {
    /// Returns the word that stands in `meta.series`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns how an archive with a status in the ledger stands; nothing for a version that was
    /// replaced, which says nothing about the archive.
    #[must_use]
    pub const fn of_status(status: ArchiveStatus) -> Option<Self> {
        Some(match status {
            ArchiveStatus::Superseded => return None,
            ArchiveStatus::Ingested => Self::Held,
            ArchiveStatus::Yielded => Self::Yielded,
            ArchiveStatus::NotPublished => Self::NotPublished,
            ArchiveStatus::Quarantined => Self::Quarantined,
            ArchiveStatus::Rejected => Self::Rejected,
            ArchiveStatus::Failed => Self::Failed,
            ArchiveStatus::Removed => Self::Removed,
        })
    }

    /// Returns whether the lake has or had the archive's bytes, so that it is known for good,
    /// whatever a later listing shows.
    #[must_use]
    pub const fn is_known_for_good(self) -> bool {
        matches!(
            self,
            Self::Held | Self::Yielded | Self::Removed | Self::Quarantined | Self::Rejected
        )
    }
}

impl fmt::Display for ArchiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ArchiveState {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let known = Self::VARIANTS.iter().find(|state| state.as_str() == text).copied();
        let names = || Self::VARIANTS.iter().map(|state| state.as_str()).collect::<Vec<_>>();
        known.ok_or_else(|| NameError::new("state of an archive", text, names().join(", ")))
    }
}
