//! What a fill did.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::events::summary::FillFigures;
use crate::events::{ModelReport, TableVersions};
use crate::recent::Settled;
use crate::storage::lake::TableName;

/// What a fill did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FillReport {
    /// Nothing if nothing was to be done.
    #[serde(skip)]
    pub(crate) run: Option<String>,
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
    /// Bytes of answers that were received.
    pub(crate) bytes: u64,
    /// The tables with new versions.
    pub(crate) tables: Vec<TableVersions>,
    pub(crate) replaced: Vec<Settled>,
    /// The gold tables that read provisional rows, in the order in which they were built.
    pub(crate) models: Vec<ModelReport>,
    pub(crate) failures: Vec<FillFailure>,
    /// Whether it was stopped before its end.
    pub(crate) stopped: bool,
}

/// A request that failed, or a gold table that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum FillFailure {
    Request { series: String, from: DateTime<Utc>, until: DateTime<Utc>, reason: String },
    Table { table: String, reason: String },
}

impl FillReport {
    /// Counts rows of a commit.
    pub(super) fn landed(&mut self, table: &TableName, version: i64, rows: u64) {
        self.rows += rows;
        TableVersions::add(&mut self.tables, &table.to_string(), version, Some(rows));
    }

    /// Counts rows that left.
    pub(super) fn replaced(&mut self, replaced: Vec<Settled>) {
        for Settled { table, version, .. } in &replaced {
            TableVersions::add(&mut self.tables, table, *version, Some(0));
        }
        self.replaced = replaced;
    }

    /// Adds what was done to gold tables.
    pub(crate) fn built(&mut self, models: Vec<ModelReport>) {
        for model in &models {
            if let Some(version) = model.version {
                TableVersions::add(&mut self.tables, &model.table, version, Some(model.rows));
            }
            if model.is_failure() {
                let table = model.table.clone();
                self.failures.push(FillFailure::Table { table, reason: model.reason.clone() });
            }
        }
        self.models = models;
    }

    /// Returns whether anything was written or requested.
    pub(super) const fn is_empty(&self) -> bool {
        self.planned == 0 && self.replaced.is_empty()
    }

    /// Returns what a summary of a run has of it.
    pub(super) fn figures(&self) -> FillFigures {
        FillFigures {
            rows: self.rows,
            replaced: self.replaced.iter().map(|settled| settled.rows).sum(),
            rejected: self.rejected,
            requests: self.requested,
            failed: self.failed_requests() as u64,
            bytes: self.bytes,
            tables: self.tables.clone(),
        }
    }

    fn failed_requests(&self) -> usize {
        let is_request = |failure: &&FillFailure| matches!(failure, FillFailure::Request { .. });
        self.failures.iter().filter(is_request).count()
    }

    /// Returns whether something is left to be done.
    #[must_use]
    pub(crate) const fn is_incomplete(&self) -> bool {
        self.stopped || self.rejected > 0 || !self.failures.is_empty()
    }
}

impl fmt::Display for FillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for settled in &self.replaced {
            writeln!(f, "{settled}")?;
        }
        let recent = |versions: &&TableVersions| versions.table.starts_with("recent.");
        for TableVersions { table, rows, .. } in self.tables.iter().filter(recent) {
            if let Some(rows) = rows.filter(|rows| *rows > 0) {
                writeln!(f, "{table}: {rows} provisional rows")?;
            }
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
        match self.failed_requests() {
            0 => {}
            failed => write!(f, ", {failed} failed")?,
        }
        Ok(())
    }
}
