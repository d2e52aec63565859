//! What corrections change: the rows of an archive's version in silver against those of the one
//! that replaces it.
//!
//! Rows are told apart by the key of their data type, day by day: a row that moved to another day
//! is removed from the one and added to the other. Memory is bounded by comparing a day in parts,
//! as the hashes of the keys divide it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::row_changes::{Comparison, RowChanges, RowVersion};
use lakehouse_core::schema::TableSchema;

use super::overlap::Replacement;
use super::rows::by_archive;
use super::table_spec;
use crate::delta::TableError;
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::log::CorrectionRecord;
use crate::delta::table::WritableTable;
use crate::parquet::reader::{FileReader, open_file};
use crate::parquet::rewrite::{file_date, may_hold};
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

/// The data files of one day that may hold rows of the archives in question.
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
        if let Some((of, counted)) = &self.counted
            && of == replacements
        {
            return Ok(counted.clone());
        }
        let changes = self.compare(table, replacements, new).await?;
        let record = |replacement: &Replacement| {
            let RowChanges { added, removed, changed } =
                changes.get(&replacement.archive).copied().unwrap_or_default();
            CorrectionRecord {
                archive: replacement.archive.clone(),
                old_sha256: replacement.held.sha256.to_string(),
                sha256: replacement.sha256.clone(),
                rows_added: added,
                rows_removed: removed,
                rows_changed: changed,
            }
        };
        let counted: Vec<CorrectionRecord> = replacements.iter().map(record).collect();
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
        let comparer = DayComparer {
            rows: RowHasher::new(&self.stored).map_err(&failed)?,
            keys: RowHasher::by(&self.stored, &self.key).map_err(&failed)?,
            archives,
        };
        for day in days(table, &comparer.archives, new)?.into_values() {
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

/// Finds the files that may hold rows of the archives, old and new, by day.
fn days(
    table: &WritableTable,
    archives: &BTreeSet<String>,
    new: &[NewFile],
) -> Result<BTreeMap<Option<NaiveDate>, DayFiles>, TableError> {
    let old = table.active_files()?.into_iter().map(|file| (RowVersion::Old, file));
    let new = new.iter().map(|file| (RowVersion::New, ActiveFile::from(file)));
    let mut days: BTreeMap<Option<NaiveDate>, DayFiles> = BTreeMap::new();
    for (version, file) in old.chain(new).filter(|(_, file)| may_hold(file, archives)) {
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
            for batch in file.rows()?.build().map_err(|error| file.parquet_error(error))? {
                let batch = batch.map_err(&failed)?;
                self.take(*version, &batch, part, &mut comparisons).map_err(&failed)?;
            }
        }
        Ok(comparisons
            .into_iter()
            .map(|(archive, comparison)| (archive, comparison.count()))
            .collect())
    }

    /// Takes in the rows of a batch archive by archive.
    fn take(
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
            let hashed = self.keys.hashes("", &rows)?.into_iter().zip(self.rows.hashes("", &rows)?);
            let comparison = comparisons.entry(archive).or_default();
            let here = hashed.filter(|(key, _)| key % u128::from(parts) == u128::from(part));
            here.for_each(|(key, row)| comparison.push(version, key, row));
        }
        Ok(())
    }
}
