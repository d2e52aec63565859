//! Rows of archives as sums of hashes: two ways to the same rows can be compared without keeping or
//! ordering them.
//!
//! Every row is written in Arrow's row encoding, which no two different rows share, and hashed with the
//! partition that it belongs to; the hashes of an archive's rows of a day are added up. Sums differ when
//! a row is missing, doubled, changed or in a wrong partition.

use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use chrono::NaiveDate;
use sha2::{Digest, Sha256};

/// The rows of an archive on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) rows: u64,
    sum: u128,
}

impl AddAssign for Fingerprint {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// By archive and day.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) HashMap<Arc<str>, BTreeMap<NaiveDate, Fingerprint>>);

impl Tally {
    /// Adds what was found elsewhere.
    pub(super) fn merge(&mut self, other: Self) {
        for (archive, days) in other.0 {
            let mine = self.0.entry(archive).or_default();
            days.into_iter().for_each(|(day, found)| *mine.entry(day).or_default() += found);
        }
    }

    fn add(&mut self, archive: &str, day: NaiveDate, found: Fingerprint) {
        if !self.0.contains_key(archive) {
            self.0.insert(archive.into(), BTreeMap::new());
        }
        if let Some(days) = self.0.get_mut(archive) {
            *days.entry(day).or_default() += found;
        }
    }
}

/// The partition of a table that rows lie in.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) market: String,
    pub(super) date: NaiveDate,
}

/// Counts rows, and hashes them if values count too.
#[derive(Debug)]
pub(super) struct Counter {
    schema: SchemaRef,
    converter: Option<RowConverter>,
}

impl Counter {
    /// Counts rows of data files of this schema; with `values`, all columns are hashed.
    pub(super) fn new(schema: SchemaRef, values: bool) -> Result<Self, ArrowError> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = values.then(|| RowConverter::new(fields.collect())).transpose()?;
        Ok(Self { schema, converter })
    }

    /// Adds rows of one partition to a tally.
    pub(super) fn count(
        &mut self,
        tally: &mut Tally,
        partition: &Partition,
        batch: &RecordBatch,
    ) -> Result<(), ArrowError> {
        let archives = cast(column(batch, "archive")?, &DataType::Utf8)?;
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
    fn hashes(&mut self, partition: &Partition, batch: &RecordBatch) -> Result<Vec<u128>, ArrowError> {
        let Some(converter) = &mut self.converter else { return Ok(Vec::new()) };
        let columns = self.schema.fields().iter();
        let columns = columns.map(|field| cast(column(batch, field.name())?, field.data_type()));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, ArrowError>>()?;
        let rows = converter.convert_columns(&columns)?;
        let place = Sha256::new().chain_update(format!("{} {}\n", partition.market, partition.date));
        let hash = |row: arrow::row::Row<'_>| {
            let mut half = [0; 16];
            half.copy_from_slice(&place.clone().chain_update(row).finalize()[..16]);
            u128::from_le_bytes(half)
        };
        Ok(rows.iter().map(hash).collect())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let found = batch.column_by_name(name);
    found.ok_or_else(|| ArrowError::SchemaError(format!("the data file has no column `{name}`")))
}
