//! The result of a removal, and how it is described.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytesize::ByteSize;
use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use serde::Serialize;

use crate::storage::lake::TableName;

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RemoveReport {
    pub dry_run: bool,
    /// The run's identifier in commits; none if nothing was to be written.
    #[serde(skip)]
    pub run: Option<Arc<str>>,
    /// Tables with archives that were there before.
    pub removed: Vec<RemovedTable>,
    /// Files of bronze, and their bytes.
    pub bronze_files: u64,
    pub bronze_bytes: u64,
    /// Archives that have days outside the selection, and stay.
    pub spanning: BTreeSet<String>,
}

/// What was removed from one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedTable {
    pub table: String,
    /// The commit that took rows out; none if there were none.
    pub version: Option<i64>,
    pub archives: u64,
    pub rows: u64,
}

impl RemovedTable {
    /// Counts what is there of archives, by their ledger rows.
    pub(super) fn planned(table: &TableName, entries: &[LedgerEntry]) -> Self {
        let is_there = |entry: &&LedgerEntry| {
            !matches!(entry.status, ArchiveStatus::Superseded | ArchiveStatus::Removed)
        };
        let mut archives = BTreeSet::new();
        let mut rows = 0;
        for entry in entries.iter().filter(is_there) {
            archives.insert(entry.key.path());
            rows += if entry.status == ArchiveStatus::Ingested { entry.rows } else { 0 };
        }
        Self { table: table.to_string(), version: None, archives: archives.len() as u64, rows }
    }
}

impl fmt::Display for RemoveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would remove" } else { "removed" };
        for RemovedTable { table, archives, rows, .. } in &self.removed {
            writeln!(f, "{table}: {would} {archives} archives with {rows} rows")?;
        }
        if self.bronze_files > 0 {
            let bytes = ByteSize(self.bronze_bytes).display().iec();
            writeln!(f, "bronze: {would} {} files of {bytes}", self.bronze_files)?;
        }
        if self.removed.is_empty() && self.bronze_files == 0 {
            writeln!(f, "nothing to remove")?;
        }
        for archive in &self.spanning {
            writeln!(f, "{archive} has days outside the selection, and stays")?;
        }
        Ok(())
    }
}
