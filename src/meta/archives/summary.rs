//! What the ledger says of a silver table as a whole, read from few of its rows.
//!
//! The bounds of row groups answer most of it; only groups whose bounds leave a question open are
//! read, and of these only a few columns.

use std::cmp::Reverse;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState};
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::market::Frequency;
use parquet::file::statistics::Statistics;

use super::files::LedgerFiles;
use super::scan::LedgerFile;
use super::wanted::{KeyRange, Wanted};
use crate::delta::TableError;

/// A row group that may have rows of a table.
struct Group<'a> {
    file: &'a LedgerFile,
    at: usize,
    wanted: Wanted,
    bounds: Option<&'a Statistics>,
}

impl LedgerFiles {
    /// Returns the newest version of a silver table that any row names, -1 if none does; nothing if
    /// there are no rows of archives in it.
    pub(super) fn newest_version(&self, table: &str) -> Result<Option<i64>, TableError> {
        let mut groups = self.groups(table, "silver_version");
        // The bounds of a row group may be those of another table's rows, so it is read, but none
        // that could not have a newer version than what was found.
        groups.sort_by_key(|group| Reverse(greatest(group.bounds).unwrap_or(i64::MAX)));
        let mut newest = None;
        for group in groups {
            let most = greatest(group.bounds);
            if newest.is_some_and(|newest| most.is_some_and(|most| most <= newest)) {
                break;
            }
            let columns = ["archive", "status", "silver_version"];
            self.read_group(&group, &columns, |batch| {
                newest = newest.max(newest_in(batch)?);
                Ok(())
            })?;
        }
        Ok(newest)
    }

    /// Returns whether a row that is not understood is about an archive of a silver table: what
    /// the ledger says about the table is not complete then.
    pub(super) fn has_unknown_rows_of(&self, table: &str) -> Result<bool, TableError> {
        for (column, is_known) in [
            ("status", is_status as fn(&str) -> bool),
            ("checksum", is_checksum),
            ("owned_days", is_days),
        ] {
            for group in self.groups(table, column) {
                if one_value(group.bounds).is_some_and(is_known) || is_null(&group) {
                    continue;
                }
                let mut all_known = true;
                self.read_group(&group, &["archive", column], |batch| {
                    all_known &= self.understands(batch, column, is_known)?;
                    Ok(())
                })?;
                if !all_known {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns whether the values of all archives that the matrix knows are understood.
    fn understands(
        &self,
        batch: &RecordBatch,
        column: &str,
        is_known: fn(&str) -> bool,
    ) -> Result<bool, ArrowError> {
        let archives = texts(batch, "archive")?;
        let values = texts(batch, column)?;
        for (archive, value) in archives.iter().zip(&values) {
            if !value.is_none_or(is_known)
                && archive.is_some_and(|archive| self.matrix.identify(archive).is_ok())
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the row groups that may have rows of a table, with the bounds of a column.
    fn groups(&self, table: &str, column: &str) -> Vec<Group<'_>> {
        let mut groups = Vec::new();
        for combination in self.matrix.combinations().iter().filter(|row| row.schema == table) {
            for frequency in Frequency::ALL {
                let range = KeyRange::of_prefix(&combination.symbols_prefix(frequency));
                let wanted = Wanted::Range(range);
                for file in self.iter() {
                    for (at, bounds) in file.row_groups(&wanted, column) {
                        groups.push(Group { file, at, wanted: wanted.clone(), bounds });
                    }
                }
            }
        }
        groups
    }

    fn read_group(
        &self,
        group: &Group<'_>,
        columns: &[&str],
        mut take: impl FnMut(&RecordBatch) -> Result<(), ArrowError>,
    ) -> Result<(), TableError> {
        let failed = TableError::arrow(&self.table);
        let batches = group.file.read(&group.wanted, Some(group.at), Some(columns))?;
        for batch in batches.into_iter().flatten() {
            take(&batch.map_err(&failed)?).map_err(&failed)?;
        }
        Ok(())
    }
}

/// Returns the newest version of rows that follow from silver, -1 where they name none.
fn newest_in(batch: &RecordBatch) -> Result<Option<i64>, ArrowError> {
    let statuses = texts(batch, "status")?;
    let versions = batch.column_by_name("silver_version");
    let versions = versions.and_then(|versions| versions.as_primitive_opt::<Int64Type>());
    let mut newest = None;
    for (row, status) in statuses.iter().enumerate() {
        let in_silver = [ArchiveStatus::Ingested, ArchiveStatus::Yielded];
        if status.is_some_and(|status| in_silver.iter().any(|known| known.as_str() == status)) {
            let versions = versions.filter(|versions| versions.is_valid(row));
            newest = newest.max(Some(versions.map_or(-1, |versions| versions.value(row))));
        }
    }
    Ok(newest)
}

/// Returns a column of text; all NULL in files that were written before the table had it.
fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    match batch.column_by_name(name) {
        Some(column) => Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone()),
        None => Ok(StringArray::new_null(batch.num_rows())),
    }
}

fn greatest(bounds: Option<&Statistics>) -> Option<i64> {
    match bounds? {
        Statistics::Int64(values) => values.max_opt().copied(),
        _ => None,
    }
}

/// Returns the value that all rows of a row group have which have one.
fn one_value(bounds: Option<&Statistics>) -> Option<&str> {
    let bounds = bounds.filter(|bounds| bounds.min_is_exact() && bounds.max_is_exact())?;
    let least = bounds.min_bytes_opt()?;
    let is_one = bounds.max_bytes_opt() == Some(least);
    std::str::from_utf8(least).ok().filter(|_| is_one)
}

/// Returns whether a row group has no value at all.
fn is_null(group: &Group<'_>) -> bool {
    let nulls = group.bounds.and_then(Statistics::null_count_opt);
    nulls.is_some_and(|nulls| nulls == group.file.rows_of_group(group.at))
}

fn is_status(word: &str) -> bool {
    word.parse::<ArchiveStatus>().is_ok()
}

fn is_checksum(word: &str) -> bool {
    word.parse::<ChecksumState>().is_ok()
}

fn is_days(days: &str) -> bool {
    days.parse::<DaySet>().is_ok()
}
