//! The ledger's data files at one version: open, with their footers in memory and their rows on
//! disk.
//!
//! Rows are found by their keys or by ranges of keys. Which rows a commit writes is decided in
//! `record`, which files are merged in `merge`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;

use super::parse::{self, Row};
use super::scan::{LedgerFile, LedgerScan};
use super::wanted::{KeySet, Wanted};
use crate::delta::TableError;
use crate::delta::table::WritableTable;
use crate::storage::lake::TableName;

/// The files of one version of the ledger, by their paths.
#[derive(Debug)]
pub(super) struct LedgerFiles {
    pub(super) table: TableName,
    pub(super) matrix: Arc<Matrix>,
    files: BTreeMap<String, LedgerFile>,
}

/// The rows that one file has of the keys that were looked for.
#[derive(Debug)]
pub(super) struct FoundIn<'a> {
    pub(super) file: &'a LedgerFile,
    pub(super) entries: Vec<LedgerEntry>,
}

/// The files that can be read, and what else there is.
#[derive(Debug)]
pub(super) struct ReadableFiles {
    pub(super) files: LedgerFiles,
    /// Rows that this program does not understand.
    pub(super) unknown: Vec<RecordBatch>,
    /// How many files cannot be read.
    pub(super) unreadable: usize,
}

impl LedgerFiles {
    /// Opens those files of the table's version of which every row can be read.
    pub(super) async fn open_readable(
        table: &WritableTable,
        matrix: Arc<Matrix>,
    ) -> Result<ReadableFiles, TableError> {
        let name = table.spec.name.clone();
        let files = Self { table: name, matrix, files: BTreeMap::new() };
        let mut readable = ReadableFiles { files, unknown: Vec::new(), unreadable: 0 };
        for file in table.active_files()? {
            let path = file.path.clone();
            let opened = LedgerFile::open(table, file).await;
            match opened.and_then(|file| Ok((readable.files.unknown_rows(&file)?, file))) {
                Ok((unknown, file)) => {
                    readable.unknown.extend(unknown);
                    readable.files.files.insert(path, file);
                }
                Err(error) => {
                    tracing::warn!(%error, "a file of the ledger cannot be read");
                    readable.unreadable += 1;
                }
            }
        }
        Ok(readable)
    }

    /// Reads a whole file, and returns the rows that this program does not understand.
    fn unknown_rows(&self, file: &LedgerFile) -> Result<Vec<RecordBatch>, TableError> {
        let failed = TableError::arrow(&self.table);
        let mut unknown = Vec::new();
        for batch in file.read(&Wanted::All, None, None)?.into_iter().flatten() {
            for row in parse::from_batch(&batch.map_err(&failed)?, &self.matrix).map_err(&failed)? {
                if let Row::Unknown(rows) = row {
                    unknown.push(rows);
                }
            }
        }
        Ok(unknown)
    }

    /// Opens the files of the table's version.
    pub(super) async fn open(
        table: &WritableTable,
        matrix: Arc<Matrix>,
    ) -> Result<Self, TableError> {
        let name = table.spec.name.clone();
        let mut files = Self { table: name, matrix, files: BTreeMap::new() };
        files.update(table).await?;
        Ok(files)
    }

    /// Moves on to the table's version: opens the files that are new to it, and drops those that
    /// are no longer part of it.
    pub(super) async fn update(&mut self, table: &WritableTable) -> Result<(), TableError> {
        let mut known = std::mem::take(&mut self.files);
        for file in table.active_files()? {
            let path = file.path.clone();
            let open = match known.remove(&path) {
                Some(open) => open,
                None => LedgerFile::open(table, file).await?,
            };
            self.files.insert(path, open);
        }
        Ok(())
    }

    /// Returns every file, in the order of their paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = &LedgerFile> {
        self.files.values()
    }

    /// Returns the file with a path.
    pub(super) fn get(&self, path: &str) -> Option<&LedgerFile> {
        self.files.get(path)
    }

    /// Reads wanted rows in the order of keys.
    pub(super) fn scan(&self, wanted: &Wanted) -> Result<LedgerScan, TableError> {
        LedgerScan::new(self.iter(), wanted, &self.matrix, &self.table)
    }

    /// Finds the rows of keys, file by file; files without any are left out.
    pub(super) fn find(&self, keys: &KeySet) -> Result<Vec<FoundIn<'_>>, TableError> {
        let wanted = Wanted::Keys(keys.clone());
        let failed = TableError::arrow(&self.table);
        let mut found = Vec::new();
        for file in self.iter() {
            let Some(batches) = file.read(&wanted, None, None)? else { continue };
            let mut entries = Vec::new();
            for batch in batches {
                let batch = batch.map_err(&failed)?;
                for row in parse::from_batch(&batch, &self.matrix).map_err(&failed)? {
                    if let Row::Known(entry) = row {
                        entries.push(*entry);
                    }
                }
            }
            if !entries.is_empty() {
                found.push(FoundIn { file, entries });
            }
        }
        Ok(found)
    }

    /// Returns the rows of keys, in no order.
    pub(super) fn rows_of(&self, keys: &KeySet) -> Result<Vec<LedgerEntry>, TableError> {
        let found = self.find(keys)?;
        Ok(found.into_iter().flat_map(|found| found.entries).collect())
    }
}
