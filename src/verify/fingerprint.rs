//! Rows of archives as sums of hashes: rows from two places can be compared without keeping or
//! ordering them.
//!
//! Every row is hashed with the partition that it belongs to; the hashes of an archive's rows of a
//! day are added up. Sums differ when a row is missing, doubled, changed or in a wrong partition.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::AddAssign;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::names::partition::Partition;

use crate::parquet::row_hash::RowHasher;

/// The rows of an archive on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) rows: u64,
    pub(super) sum: u128,
}

impl AddAssign for Fingerprint {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// By archive and day.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) archives: HashMap<Arc<str>, BTreeMap<NaiveDate, Fingerprint>>,
    /// Archives with rows in data files that another program wrote.
    pub(super) foreign: BTreeSet<Arc<str>>,
}

impl Tally {
    /// Adds what was found elsewhere.
    pub(super) fn merge(&mut self, other: Self) {
        self.foreign.extend(other.foreign);
        for (archive, days) in other.archives {
            let mine = self.archives.entry(archive).or_default();
            days.into_iter().for_each(|(day, found)| *mine.entry(day).or_default() += found);
        }
    }

    fn add(&mut self, archive: &str, day: NaiveDate, found: Fingerprint) {
        // Most rows are of an archive that is there already, and need no copy of its key.
        if !self.archives.contains_key(archive) {
            self.archives.insert(archive.into(), BTreeMap::new());
        }
        if let Some(days) = self.archives.get_mut(archive) {
            *days.entry(day).or_default() += found;
        }
    }
}

/// Counts rows, and hashes them if values count too.
#[derive(Debug)]
pub(super) struct Counter {
    hasher: Option<RowHasher>,
}

impl Counter {
    /// Counts rows of data files of this schema; with `values`, all columns are hashed.
    pub(super) fn new(schema: &SchemaRef, values: bool) -> Result<Self, ArrowError> {
        Ok(Self { hasher: values.then(|| RowHasher::new(schema)).transpose()? })
    }

    /// Adds rows of one partition to a tally.
    pub(super) fn count(
        &self,
        tally: &mut Tally,
        partition: &Partition,
        batch: &RecordBatch,
    ) -> Result<(), ArrowError> {
        let archives = batch.column_by_name("archive");
        let archives = archives
            .ok_or_else(|| ArrowError::SchemaError("the data file has no archives".to_owned()))?;
        let archives = cast(archives, &DataType::Utf8)?;
        let archives = archives.as_string::<i32>();
        let sums = self.hashes(partition, batch)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let archive = archives.value(start);
            let mut found = Fingerprint::default();
            let mut row = start;
            while row < batch.num_rows() && archives.value(row) == archive {
                found += Fingerprint { rows: 1, sum: sums.get(row).copied().unwrap_or_default() };
                row += 1;
            }
            tally.add(archive, partition.date, found);
            start = row;
        }
        Ok(())
    }

    /// Hashes every row; nothing if only rows are counted.
    fn hashes(&self, partition: &Partition, batch: &RecordBatch) -> Result<Vec<u128>, ArrowError> {
        let Some(hasher) = &self.hasher else { return Ok(Vec::new()) };
        hasher.hashes(&format!("{} {}\n", partition.market, partition.date), batch)
    }
}
