//! What a commit that records archives writes: a file with the new rows, and the files that had
//! older rows of these archives, without them.
//!
//! So the cost of recording follows what changes, and never how much is known already.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use lakehouse_core::ledger::LedgerEntry;

use super::LedgerLimits;
use super::files::{FoundIn, LedgerFiles};
use super::parse::{self, Row};
use super::replace::{completed, row_after};
use super::rows;
use super::scan::LedgerFile;
use super::sealed_writer::SealedWriter;
use super::wanted::{KeySet, Wanted};
use crate::delta::TableError;
use crate::delta::commit::Change;
use crate::delta::file::NewFile;
use crate::parquet::writer::FileTarget;

impl LedgerFiles {
    /// Writes what records these rows, at most one for each archive.
    pub(super) async fn recorded(
        &self,
        recorded: &[LedgerEntry],
        target: &Arc<FileTarget>,
        limits: &LedgerLimits,
    ) -> Result<Change, TableError> {
        let keys = keys_of(recorded);
        let found = self.find(&keys)?;
        let known = found.iter().flat_map(|found| &found.entries);
        let recorded = completed(recorded, known);
        let new: HashMap<&str, &LedgerEntry> =
            recorded.iter().map(|entry| (entry.key.path(), entry)).collect();
        let mut rows = Vec::with_capacity(recorded.len());
        let mut others = Vec::new();
        let mut change = Change::default();
        for FoundIn { file, entries } in found {
            let mut after = Vec::new();
            for entry in &entries {
                after.extend(row_after(entry, new.get(entry.key.path()).copied()));
            }
            if after == entries {
                continue;
            }
            rows.extend(after);
            change.removes.push(file.active.clone());
            if file.rows() <= limits.absorbed_rows {
                self.without(file, &keys, |batch| {
                    others.push(batch);
                    Ok(())
                })?;
                continue;
            }
            let mut rest = SealedWriter::new(target, limits.sealed_rows);
            self.without(file, &keys, |batch| rest.write(&batch))?;
            change.adds.extend(rest.finish().await?);
        }
        rows.extend(recorded);
        sort(&mut rows);
        let batches = rows::to_batches(&rows, &others).map_err(TableError::arrow(&self.table))?;
        change.adds.extend(write(target, limits, &batches).await?);
        Ok(change)
    }

    /// Writes what puts other rows in the place of those for which `change` returns one.
    pub(super) async fn changed(
        &self,
        change: impl Fn(&LedgerEntry) -> Option<LedgerEntry>,
        target: &Arc<FileTarget>,
        limits: &LedgerLimits,
    ) -> Result<Change, TableError> {
        let mut rewritten = Change::default();
        for file in self.iter() {
            let mut changes = false;
            self.read_rows(file, |rows, _| {
                changes |= rows.iter().any(|entry| change(entry).is_some());
                Ok(())
            })?;
            if !changes {
                continue;
            }
            let mut writer = SealedWriter::new(target, limits.sealed_rows);
            self.read_rows(file, |mut rows, unknown| {
                for entry in &mut rows {
                    if let Some(changed) = change(entry) {
                        *entry = changed;
                    }
                }
                let failed = TableError::arrow(&self.table);
                for batch in rows::to_batches(&rows, &unknown).map_err(failed)? {
                    writer.write(&batch)?;
                }
                Ok(())
            })?;
            rewritten.removes.push(file.active.clone());
            rewritten.adds.extend(writer.finish().await?);
        }
        Ok(rewritten)
    }

    /// Reads a file's rows in their order, those that are understood and the others, some at a
    /// time.
    fn read_rows(
        &self,
        file: &LedgerFile,
        mut take: impl FnMut(Vec<LedgerEntry>, Vec<RecordBatch>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table);
        for batch in file.read(&Wanted::All, None, None)?.into_iter().flatten() {
            let batch = batch.map_err(&failed)?;
            let mut entries = Vec::with_capacity(batch.num_rows());
            let mut unknown = Vec::new();
            for row in parse::from_batch(&batch, &self.matrix).map_err(&failed)? {
                match row {
                    Row::Known(entry) => entries.push(*entry),
                    Row::Unknown(rows) => unknown.push(rows),
                }
            }
            take(entries, unknown)?;
        }
        Ok(())
    }

    /// Reads a file's rows but for those of some archives that this program understands.
    fn without(
        &self,
        file: &LedgerFile,
        keys: &KeySet,
        mut take: impl FnMut(RecordBatch) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table);
        for batch in file.read(&Wanted::All, None, None)?.into_iter().flatten() {
            let batch = batch.map_err(&failed)?;
            let rest = parse::without(&batch, keys, &self.matrix).map_err(&failed)?;
            if rest.num_rows() > 0 {
                take(rest)?;
            }
        }
        Ok(())
    }
}

/// Returns the keys of rows.
pub(super) fn keys_of<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> KeySet {
    entries.into_iter().map(|entry| entry.key.shared_path()).collect()
}

/// Sorts rows as they are in files.
pub(in crate::meta) fn sort(rows: &mut [LedgerEntry]) {
    rows.sort_by(|a, b| (a.key.path(), a.recorded_at).cmp(&(b.key.path(), b.recorded_at)));
}

/// Writes sorted rows to new files.
async fn write(
    target: &Arc<FileTarget>,
    limits: &LedgerLimits,
    batches: &[RecordBatch],
) -> Result<Vec<NewFile>, TableError> {
    let mut writer = SealedWriter::new(target, limits.sealed_rows);
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish().await
}
