//! What corrections change: the rows of an archive's version in silver against those of the one
//! that replaces it.
//!
//! Rows are identified by the key of their data type, day by day: a row that moved to another day
//! is removed from the one and added to the other. Memory is bounded by comparing a day in parts,
//! as the hashes of the keys divide it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::row_changes::{Comparison, RowChanges, RowVersion};
use lakehouse_core::schema::TableSchema;

use super::held_days::take_out;
use super::overlap::Replacement;
use super::rows::by_archive;
use super::table_spec;
use crate::delta::TableError;
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::log::CorrectionRecord;
use crate::delta::table::WritableTable;
use crate::parquet::reader::{FileReader, open_file};
use crate::parquet::rewrite::{Removal, file_date, may_hold};
use crate::parquet::row_hash::RowHasher;

/// Rows that are compared at a time, of both versions together: some 50 MB of hashes.
const ROWS_AT_A_TIME: u64 = 1 << 20;

/// Counts what the corrections of one batch change, once for as long as silver holds the same
/// versions.
#[derive(Debug)]
pub(super) struct Corrections {
    stored: SchemaRef,
    key: Vec<String>,
    counted: Option<(Vec<Replacement>, Vec<CorrectionRecord>)>,
}

/// The data files of one day that may hold rows of the compared archives.
#[derive(Debug, Default)]
struct DayFiles {
    files: Vec<(RowVersion, ActiveFile)>,
}

impl Corrections {
    /// Prepares to compare rows of a silver table.
    pub(super) fn new(schema: &TableSchema) -> Self {
        let key =
            if schema.key().is_empty() { schema.sort_columns() } else { schema.key().to_vec() };
        Self { stored: table_spec(schema).file_schema(), key, counted: None }
    }

    /// Compares what the table holds of the archives with what the new files do.
    pub(super) async fn count(
        &mut self,
        table: &WritableTable,
        replacements: &[Replacement],
        new: &[NewFile],
    ) -> Result<Vec<CorrectionRecord>, TableError> {
        // A commit that lost against another process is decided again, mostly on the same versions
        // of the same archives.
        if let Some((of, counted)) = &self.counted
            && of == replacements
        {
            return Ok(counted.clone());
        }
        let changes = self.compare(table, replacements, new).await?;
        let mut counted = Vec::with_capacity(replacements.len());
        for replacement in replacements {
            // An archive of which no row is found has no changes; it may be empty in both versions.
            let RowChanges { added, removed, changed } =
                changes.get(&replacement.archive).copied().unwrap_or_default();
            counted.push(CorrectionRecord {
                archive: replacement.archive.clone(),
                old_sha256: replacement.held.sha256.to_string(),
                sha256: replacement.sha256.clone(),
                rows_added: added,
                rows_removed: removed,
                rows_changed: changed,
            });
        }
        self.counted = Some((replacements.to_vec(), counted.clone()));
        Ok(counted)
    }

    async fn compare(
        &self,
        table: &WritableTable,
        replacements: &[Replacement],
        new: &[NewFile],
    ) -> Result<BTreeMap<String, RowChanges>, TableError> {
        let mut changes = BTreeMap::new();
        if replacements.is_empty() {
            return Ok(changes);
        }
        let archives: BTreeSet<String> =
            replacements.iter().map(|replacement| replacement.archive.clone()).collect();
        let rows: u64 =
            replacements.iter().map(|replacement| replacement.held.rows + replacement.rows).sum();
        let failed = TableError::arrow(&table.spec.name);
        let mut old = Removal::default();
        for replacement in replacements {
            take_out(&mut old, &replacement.archive, &replacement.held, replacement.period);
        }
        let comparer = DayComparer {
            rows: RowHasher::new(&self.stored).map_err(failed)?,
            keys: RowHasher::by(&self.stored, &self.key).map_err(failed)?,
            archives,
        };
        for day in days(table, &old, &comparer.archives, new)?.into_values() {
            // Files hold rows of other archives too, and the ledger knows how many rows are in
            // question over all days: the smaller of the two is still enough.
            let parts = day.rows().min(rows).div_ceil(ROWS_AT_A_TIME).max(1);
            let files = day.open(table).await?;
            for part in 0..parts {
                for (archive, found) in comparer.compare(table, &files, (part, parts))? {
                    *changes.entry(archive).or_default() += found;
                }
            }
        }
        Ok(changes)
    }
}

/// Finds the files that may hold rows of the archives, old and new, by day; `old` are the rows that
/// the table has.
fn days(
    table: &WritableTable,
    old: &Removal,
    archives: &BTreeSet<String>,
    new: &[NewFile],
) -> Result<BTreeMap<Option<NaiveDate>, DayFiles>, TableError> {
    let files = table.active_files()?.into_iter().filter(|file| old.may_concern(file));
    let old = files.map(|file| (RowVersion::Old, file));
    let new = new.iter().map(ActiveFile::from).filter(|file| may_hold(file, archives));
    let new = new.map(|file| (RowVersion::New, file));
    let mut days: BTreeMap<Option<NaiveDate>, DayFiles> = BTreeMap::new();
    for (version, file) in old.chain(new) {
        days.entry(file_date(&file)).or_default().files.push((version, file));
    }
    Ok(days)
}

impl DayFiles {
    /// Returns how many rows the files have, those of other archives included.
    fn rows(&self) -> u64 {
        self.files
            .iter()
            .map(|(_, file)| file.rows().unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add)
    }

    async fn open(
        &self,
        table: &WritableTable,
    ) -> Result<Vec<(RowVersion, FileReader)>, TableError> {
        let mut open = Vec::with_capacity(self.files.len());
        for (version, file) in &self.files {
            open.push((*version, open_file(table, file).await?));
        }
        Ok(open)
    }
}

/// Compares the rows of archives in the files of a day.
struct DayComparer {
    rows: RowHasher,
    keys: RowHasher,
    archives: BTreeSet<String>,
}

impl DayComparer {
    /// Compares the rows whose keys fall into one of so many parts.
    fn compare(
        &self,
        table: &WritableTable,
        files: &[(RowVersion, FileReader)],
        part: (u64, u64),
    ) -> Result<Vec<(String, RowChanges)>, TableError> {
        let failed = TableError::arrow(&table.spec.name);
        let mut comparisons: BTreeMap<String, Comparison> = BTreeMap::new();
        for (version, file) in files {
            // Each part reads the files again: time for memory, and only where a day is very large.
            for batch in file.rows()?.build().map_err(|error| file.parquet_error(error))? {
                let batch = batch.map_err(failed)?;
                self.add(*version, &batch, part, &mut comparisons).map_err(failed)?;
            }
        }
        Ok(comparisons
            .into_iter()
            .map(|(archive, comparison)| (archive, comparison.count()))
            .collect())
    }

    /// Adds the rows of a batch to the comparisons of their archives.
    fn add(
        &self,
        version: RowVersion,
        batch: &RecordBatch,
        (part, parts): (u64, u64),
        comparisons: &mut BTreeMap<String, Comparison>,
    ) -> Result<(), ArrowError> {
        for (archive, rows) in by_archive(batch)? {
            if !self.archives.contains(&archive) {
                continue;
            }
            let keys = self.keys.hashes("", &rows)?;
            let rows = self.rows.hashes("", &rows)?;
            let comparison = comparisons.entry(archive).or_default();
            for (key, row) in keys.into_iter().zip(rows) {
                // By its key, so that both versions of a row are in the same part.
                if key % u128::from(parts) == u128::from(part) {
                    comparison.push(version, key, row);
                }
            }
        }
        Ok(())
    }
}
