//! What verification found, for people and for programs.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The bytes of an archive, against their SHA-256 in the ledger.
    Bronze,
    /// The bytes of an archive that bronze has dropped, as the source has them now.
    Source,
    /// The checksum as published with an archive, against its bytes.
    Checksum,
    /// A data file of a table, against the table's log.
    DataFile,
    /// How many rows of an archive silver has, against the ledger.
    Rows,
    /// All rows of an archive in silver, against the archive decoded again.
    Values,
    /// Rows of an archive on days that belong to another one.
    Owner,
    /// The rejected rows of an archive in `meta.rejects`, against the ledger.
    Rejects,
}

impl Check {
    /// Returns the word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bronze => "bronze",
            Self::Source => "source",
            Self::Checksum => "checksum",
            Self::DataFile => "data_file",
            Self::Rows => "rows",
            Self::Values => "values",
            Self::Owner => "owner",
            Self::Rejects => "rejects",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The archive's key, or table and path of a data file.
    pub archive: String,
    pub check: Check,
    pub expected: String,
    pub found: String,
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Which part of all archives was chosen by a hash of their keys, such as `1%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// When the archives were recorded at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Versions of archives that were looked at.
    pub archives: u64,
    /// Of these, versions whose bytes bronze has dropped after they were loaded.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Bytes of them that were hashed.
    pub bytes: u64,
    /// Rows of silver that were counted, or compared.
    pub rows: u64,
    /// In the order of archives; none if all is well.
    pub findings: Vec<Finding>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl VerifyReport {
    /// Returns what helps against the findings, in the order in which to do it; nothing if all is
    /// well.
    #[must_use]
    pub fn way_out(&self) -> Option<&'static str> {
        let has =
            |checks: &[Check]| self.findings.iter().any(|finding| checks.contains(&finding.check));
        if has(&[Check::Bronze, Check::Checksum]) {
            return Some(
                "run `lakehouse ingest --force-redownload` for the archives that bronze has lost, \
                 then `lakehouse maintain --repair`",
            );
        }
        if has(&[Check::Values]) {
            return Some(
                "run `lakehouse maintain --repair --deep` to bring back what is published",
            );
        }
        if self.findings.iter().all(|finding| finding.check == Check::Source) {
            let refresh = "run `lakehouse refresh` to load what the source has now";
            return has(&[Check::Source]).then_some(refresh);
        }
        let is_clean = self.findings.is_empty();
        (!is_clean).then_some("run `lakehouse maintain --repair` to bring back what is published")
    }
}
