//! The result of an audit, check by check, and what is open after it.

use std::error::Error;
use std::fmt;

use serde::Serialize;

use super::OpenRows;
use super::state::StaleCheck;
use crate::error_chain::one_line;
use crate::events::document::TableVersions;
use crate::storage::lake::TableName;

/// The result of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The run's identifier in commits; none if nothing was committed.
    #[serde(skip)]
    pub run: Option<String>,
    /// The tables that were written, with their versions.
    pub tables: Vec<TableVersions>,
    pub checks: Vec<CheckReport>,
    /// What the audit is about and what still holds of it, found now or before.
    pub open: OpenRows,
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    pub check: String,
    pub outcome: CheckOutcome,
    /// Why it did not run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Days of markets that it looked at; a check that is not cut into days counts as one.
    pub days: u64,
    /// Rows that it opened.
    pub opened: u64,
    /// Rows that it closed.
    pub closed: u64,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    Audited,
    UpToDate,
    /// A table that it reads is not in the lake.
    Skipped,
    Failed,
}

impl AuditReport {
    /// Returns whether something is wrong with the data, or a check could not say.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.open.errors() > 0 || self.checks.iter().any(CheckReport::is_failure)
    }
}

impl CheckReport {
    pub(super) fn audited(check: &str, state: &StaleCheck) -> Self {
        Self { days: state.days(), ..Self::of(check, CheckOutcome::Audited, String::new()) }
    }

    pub(super) fn up_to_date(check: &str) -> Self {
        Self::of(check, CheckOutcome::UpToDate, String::new())
    }

    pub(super) fn skipped(check: &str, input: &TableName) -> Self {
        Self::of(check, CheckOutcome::Skipped, format!("{input} is not in the lake"))
    }

    pub(super) fn failed(check: &str, error: &(dyn Error + 'static)) -> Self {
        Self::of(check, CheckOutcome::Failed, one_line(error))
    }

    fn of(check: &str, outcome: CheckOutcome, reason: String) -> Self {
        Self { check: check.to_owned(), outcome, reason, days: 0, opened: 0, closed: 0 }
    }

    /// Returns whether it could not be run.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.outcome == CheckOutcome::Failed
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, reason, days, opened, closed, .. } = self;
        match self.outcome {
            CheckOutcome::UpToDate => return write!(f, "{check}: up to date"),
            CheckOutcome::Skipped => return write!(f, "{check}: skipped: {reason}"),
            CheckOutcome::Failed => return write!(f, "{check}: failed: {reason}"),
            CheckOutcome::Audited => {}
        }
        let days_word = if *days == 1 { "day" } else { "days" };
        write!(f, "{check}: {days} {days_word}")?;
        match (opened, closed) {
            (0, 0) => f.write_str(", nothing new"),
            (opened, 0) => write!(f, ", {opened} opened"),
            (0, closed) => write!(f, ", {closed} closed"),
            (opened, closed) => write!(f, ", {opened} opened, {closed} closed"),
        }
    }
}

impl fmt::Display for OpenRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |severity: &str| self.severities.get(severity).copied().unwrap_or(0);
        let findings: u64 = self.severities.values().sum();
        let (gaps, unknown) = self.gap_counts();
        write!(f, "{findings} findings")?;
        if findings > 0 {
            write!(f, ": {} errors, {} warnings", count("error"), count("warning"))?;
        }
        write!(f, "; {gaps} gaps")?;
        if let Some(share) = (unknown * 100).checked_div(gaps) {
            write!(f, ", {unknown} of them ({share} %) for no known reason")?;
        }
        Ok(())
    }
}
