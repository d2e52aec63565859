//! The ledger's data files with their rows in memory, and which of them a commit rewrites.
//!
//! A file with many rows is expensive to write again, and recording one archive must not rewrite
//! the ledger. So a commit rewrites the files with rows that it changes, and merges the smallest
//! others only when there are too many: a row is then written again about as often as the file that
//! it is in doubles.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arrow::array::RecordBatch;
use lakehouse_core::ledger::{LedgerEntry, files_to_merge};
use lakehouse_core::matrix::Matrix;

use super::replace::{follows_from_silver, row_after, with_held_version};
use super::rows::{self, Row};
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::meta::table::read_rows;
use crate::storage::lake::TableName;

/// Files that the ledger may have before the next commit merges some.
const FILES: usize = 24;

/// The files of one version of the ledger, by their paths.
#[derive(Debug, Default)]
pub(super) struct LedgerFiles(BTreeMap<String, LedgerFile>);

#[derive(Debug)]
struct LedgerFile {
    file: ActiveFile,
    rows: FileRows,
}

/// The rows of one file.
#[derive(Debug, Default)]
pub(in crate::meta) struct FileRows {
    pub(in crate::meta) entries: Vec<LedgerEntry>,
    /// Rows that this program does not understand, and keeps as they are.
    pub(in crate::meta) unknown: Vec<RecordBatch>,
}

/// The rows of a new file, and the files that they replace.
#[derive(Debug, Default)]
pub(super) struct Replacement {
    /// Sorted by archive.
    pub(super) rows: Vec<LedgerEntry>,
    pub(super) unknown: Vec<RecordBatch>,
    pub(super) removes: Vec<ActiveFile>,
}

impl LedgerFiles {
    /// Moves on to the table's version: reads the files that are new to it, and drops those that
    /// are no longer part of it.
    pub(super) async fn update(
        &mut self,
        table: &WritableTable,
        matrix: &Matrix,
    ) -> Result<(), TableError> {
        let mut known = std::mem::take(&mut self.0);
        for file in table.active_files()? {
            let rows = match known.remove(&file.path) {
                Some(known) => known.rows,
                None => read_entries(table, matrix, &file).await?,
            };
            self.0.insert(file.path.clone(), LedgerFile { file, rows });
        }
        Ok(())
    }

    /// Returns every row, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.0.values().flat_map(|file| &file.rows.entries)
    }

    /// Returns every row, in no order.
    pub(super) fn into_entries(self) -> impl Iterator<Item = LedgerEntry> {
        self.0.into_values().flat_map(|file| file.rows.entries)
    }

    /// Returns the rows that this program does not understand.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &RecordBatch> {
        self.0.values().flat_map(|file| &file.rows.unknown)
    }

    /// Returns what a commit writes that puts other rows in the place of those in silver, by their
    /// archives.
    pub(super) fn with_other_state(&self, changed: &[LedgerEntry]) -> Replacement {
        let changed: HashMap<&str, &LedgerEntry> =
            changed.iter().map(|entry| (entry.key.path(), entry)).collect();
        let after = |entry: &LedgerEntry| match changed.get(entry.key.path()) {
            Some(changed) if follows_from_silver(entry) => (*changed).clone(),
            _ => entry.clone(),
        };
        let mut replacement = Replacement::default();
        for LedgerFile { file, rows } in self.0.values() {
            if rows.entries.iter().any(|entry| changed.contains_key(entry.key.path())) {
                replacement.removes.push(file.clone());
                replacement.rows.extend(rows.entries.iter().map(after));
                replacement.unknown.extend_from_slice(&rows.unknown);
            }
        }
        replacement.sort();
        replacement
    }

    /// Returns those of the landings that the ledger does not have yet.
    ///
    /// Another process may have read them from silver's log, together with later commits that
    /// changed what these archives hold: its rows are newer.
    pub(super) fn without_recorded(&self, landed: &[LedgerEntry]) -> Vec<LedgerEntry> {
        let landings = |entry: &LedgerEntry| {
            let version = entry.silver_version?;
            Some((entry.key.shared_path(), entry.sha256.clone(), version))
        };
        let new: HashSet<_> = landed.iter().filter_map(landings).collect();
        let recorded: HashSet<_> =
            self.entries().filter_map(landings).filter(|landing| new.contains(landing)).collect();
        let is_new = |entry: &&LedgerEntry| {
            landings(entry).is_none_or(|landing| !recorded.contains(&landing))
        };
        landed.iter().filter(is_new).cloned().collect()
    }

    /// Returns what a commit writes that records these rows, at most one for each archive.
    pub(super) fn replacement(&self, recorded: &[LedgerEntry]) -> Replacement {
        let new: HashMap<&str, &LedgerEntry> =
            recorded.iter().map(|entry| (entry.key.path(), entry)).collect();
        let concerned = self.entries().filter(|entry| new.contains_key(entry.key.path()));
        let mut rows = with_held_version(recorded, concerned);
        let mut removes = Vec::new();
        let merged = self.small_files(rows.len());
        let mut unknown = Vec::new();
        for (path, LedgerFile { file, rows: known }) in &self.0 {
            let changes = known.entries.iter().any(|entry| new.contains_key(entry.key.path()));
            if !changes && !merged.contains(path.as_str()) {
                continue;
            }
            removes.push(file.clone());
            unknown.extend_from_slice(&known.unknown);
            let after = known
                .entries
                .iter()
                .filter_map(|entry| row_after(entry, new.get(entry.key.path()).copied()));
            rows.extend(after);
        }
        let mut replacement = Replacement { rows, unknown, removes };
        replacement.sort();
        replacement
    }

    /// Returns the paths of the files to merge with so many new rows, if there are too many files.
    fn small_files(&self, rows: usize) -> BTreeSet<&str> {
        if self.0.len() < FILES {
            return BTreeSet::new();
        }
        let mut sizes: Vec<(usize, &str)> =
            self.0.iter().map(|(path, file)| (file.rows.entries.len(), path.as_str())).collect();
        sizes.sort_unstable();
        let merged = files_to_merge(sizes.iter().map(|(size, _)| *size), rows);
        sizes.into_iter().take(merged).map(|(_, path)| path).collect()
    }
}

/// Reads the rows of one file.
pub(in crate::meta) async fn read_entries(
    table: &WritableTable,
    matrix: &Matrix,
    file: &ActiveFile,
) -> Result<FileRows, TableError> {
    let mut rows = FileRows::default();
    for row in read_rows(table, file, |batch| rows::from_batch(batch, matrix)).await? {
        match row {
            Row::Known(entry) => rows.entries.push(*entry),
            Row::Unknown(batch) => rows.unknown.push(batch),
        }
    }
    Ok(rows)
}

impl Replacement {
    fn sort(&mut self) {
        self.rows.sort_by(|a, b| (a.key.path(), a.recorded_at).cmp(&(b.key.path(), b.recorded_at)));
    }

    /// Makes the batches of the new file.
    pub(super) fn batches(&self, table: &TableName) -> Result<Vec<RecordBatch>, TableError> {
        rows::to_batches(&self.rows, &self.unknown).map_err(TableError::arrow(table))
    }
}
