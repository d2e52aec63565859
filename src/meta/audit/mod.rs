//! `meta.findings` and `meta.gaps`: what audits found, when it was found and when it was gone.
//!
//! Both are written in the same way: rows are opened and closed, never deleted. What an audit read
//! is recorded in the same commit as what it found, so that an audit which died, or lost against
//! another one, is as if it had not run.

mod columns;
mod findings;
mod gaps;
mod land;

use chrono::{DateTime, NaiveDate, Utc};

pub(super) use self::findings::SCHEMA as FINDINGS;
pub(super) use self::gaps::SCHEMA as GAPS;
pub(crate) use self::land::{AuditTable, CheckResult, Replaced, each_open_row};

/// Where and when a check found something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) check: String,
    pub(crate) market: String,
    pub(crate) data_type: String,
    pub(crate) symbol: String,
    pub(crate) interval: Option<String>,
    pub(crate) date: NaiveDate,
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
}

/// What a check found.
///
/// One of two audits that see the same data finds exactly the same, so a row is its own identity:
/// a finding whose place or words change is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Found {
    Finding(Finding),
    Gap(Gap),
}

/// What is wrong, or unlikely to be right.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) cases: i64,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) evidence: String,
    pub(crate) archive: Option<String>,
}

/// What a series lacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Gap {
    pub(crate) missing: i64,
    pub(crate) class: String,
    pub(crate) evidence: String,
}

/// A row of one of the two tables, without the versions at which it was opened and closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AuditRow {
    pub(crate) place: Place,
    pub(crate) found: Found,
}

impl AuditRow {
    const fn finding(&self) -> Option<&Finding> {
        match &self.found {
            Found::Finding(finding) => Some(finding),
            Found::Gap(_) => None,
        }
    }

    const fn gap(&self) -> Option<&Gap> {
        match &self.found {
            Found::Gap(gap) => Some(gap),
            Found::Finding(_) => None,
        }
    }
}

/// A row as it is recorded.
#[derive(Clone, Debug)]
struct RecordedRow {
    row: AuditRow,
    /// The version of the table in which it is for the first time.
    opened_at: i64,
    /// The version of the table in which it is closed.
    closed_at: Option<i64>,
}
