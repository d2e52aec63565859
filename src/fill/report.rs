//! What a fill did.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::events::ModelReport;
use crate::recent::Settled;

/// What a fill did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FillReport {
    #[serde(skip)]
    pub(crate) run: String,
    /// Requests that were planned.
    pub(crate) planned: u64,
    /// Answers that were received.
    pub(crate) requested: u64,
    /// Answers that an earlier run had received.
    pub(crate) reused: u64,
    /// Answers without a row that was kept.
    pub(crate) empty: u64,
    /// Rows that were committed.
    pub(crate) rows: u64,
    /// Bars that were not over.
    pub(crate) partial: u64,
    /// Rows that were not requested.
    pub(crate) outside: u64,
    /// Rows that cannot be read.
    pub(crate) rejected: u64,
    pub(crate) filled: Vec<FilledTable>,
    pub(crate) replaced: Vec<Settled>,
    pub(crate) failed_requests: Vec<FillFailure>,
    /// The gold tables that read provisional rows, in the order in which they were built.
    pub(crate) models: Vec<ModelReport>,
    /// Whether it was stopped before its end.
    pub(crate) stopped: bool,
}

/// A table with new provisional rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FilledTable {
    pub(crate) table: String,
    pub(crate) version: i64,
    pub(crate) rows: u64,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FillFailure {
    pub(crate) series: String,
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
    pub(crate) reason: String,
}

impl FillReport {
    /// Counts rows of a commit.
    pub(super) fn landed(&mut self, table: &str, version: i64, rows: u64) {
        self.rows += rows;
        let table = format!("recent.{table}");
        match self.filled.iter_mut().find(|filled| filled.table == table) {
            Some(filled) => {
                filled.version = version;
                filled.rows += rows;
            }
            None => self.filled.push(FilledTable { table, version, rows }),
        }
    }

    /// Returns whether something is left to be done.
    #[must_use]
    pub(crate) fn is_incomplete(&self) -> bool {
        self.stopped
            || self.rejected > 0
            || !self.failed_requests.is_empty()
            || self.models.iter().any(ModelReport::is_failure)
    }
}

impl fmt::Display for FillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for settled in &self.replaced {
            writeln!(f, "{settled}")?;
        }
        for filled in &self.filled {
            writeln!(f, "{}: {} provisional rows", filled.table, filled.rows)?;
        }
        if self.planned == 0 {
            return f.write_str("nothing is missing");
        }
        match self.requested {
            1 => f.write_str("1 request")?,
            requests => write!(f, "{requests} requests")?,
        }
        if self.reused > 0 {
            write!(f, ", {} answers of an earlier run", self.reused)?;
        }
        if self.empty > 0 {
            write!(f, ", {} without rows", self.empty)?;
        }
        if self.partial > 0 {
            write!(f, ", {} bars not over and left out", self.partial)?;
        }
        if !self.failed_requests.is_empty() {
            write!(f, ", {} failed", self.failed_requests.len())?;
        }
        Ok(())
    }
}
