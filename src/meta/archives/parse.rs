//! Arrow batches of `meta.archives` as rows, as far as this program understands them.
//!
//! Every plan and every status reads millions of rows, so columns are looked up once for a batch,
//! and texts that repeat are shared.

use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanBuilder, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;

use super::rows::SCHEMA;
use super::wanted::KeySet;
use crate::meta::columns::Columns;

/// Rows of the ledger, as far as this program understands them.
#[derive(Debug)]
pub(in crate::meta) enum Row {
    Known(Box<LedgerEntry>),
    /// Rows whose archive the matrix does not know, or with a value of a newer program: they are
    /// written again as they are.
    Unknown(RecordBatch),
}

/// Reads ledger rows.
pub(in crate::meta) fn from_batch(
    batch: &RecordBatch,
    matrix: &Matrix,
) -> Result<Vec<Row>, ArrowError> {
    let batch = Columns::new(batch, SCHEMA.arrow())?.batch().clone();
    let columns = LedgerColumns::of(&batch)?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    let mut unknown = BooleanBuilder::with_capacity(batch.num_rows());
    // A run records many archives; neighbouring rows share one copy of its name.
    let mut run: Arc<str> = Arc::default();
    for row in 0..batch.num_rows() {
        let Some(parsed) = columns.parse(row, matrix) else {
            unknown.append_value(true);
            continue;
        };
        unknown.append_value(false);
        let name = text(columns.run, row).unwrap_or_default();
        if *run != *name {
            run = name.into();
        }
        rows.push(Row::Known(Box::new(columns.entry(row, parsed, &run))));
    }
    let unknown = filter_record_batch(&batch, &unknown.finish())?;
    if unknown.num_rows() > 0 {
        rows.push(Row::Unknown(unknown));
    }
    Ok(rows)
}

/// Returns the rows of a batch but for those of some archives that this program understands.
pub(super) fn without(
    batch: &RecordBatch,
    keys: &KeySet,
    matrix: &Matrix,
) -> Result<RecordBatch, ArrowError> {
    let batch = Columns::new(batch, SCHEMA.arrow())?.batch().clone();
    let columns = LedgerColumns::of(&batch)?;
    let mut stays = BooleanBuilder::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let goes = text(columns.archive, row).is_some_and(|archive| keys.has(archive))
            && columns.parse(row, matrix).is_some();
        stays.append_value(!goes);
    }
    filter_record_batch(&batch, &stays.finish())
}

/// The columns that make a row.
struct LedgerColumns<'a> {
    archive: &'a StringArray,
    status: &'a StringArray,
    checksum: &'a StringArray,
    owned_days: &'a StringArray,
    etag: &'a StringArray,
    sha256: &'a StringArray,
    run: &'a StringArray,
    reason: &'a StringArray,
    rival: &'a StringArray,
    checksum_tag: &'a StringArray,
    size: &'a Int64Array,
    rows: &'a Int64Array,
    rejected_rows: &'a Int64Array,
    silver_version: &'a Int64Array,
    last_modified: &'a TimestampMicrosecondArray,
    min_time: &'a TimestampMicrosecondArray,
    max_time: &'a TimestampMicrosecondArray,
    recorded_at: &'a TimestampMicrosecondArray,
}

/// The values of a row that a newer program may have written in words that this one does not know.
struct Parsed {
    key: ArchiveKey,
    status: ArchiveStatus,
    checksum: ChecksumState,
    days: Option<DaySet>,
}

impl<'a> LedgerColumns<'a> {
    /// Takes the columns of a batch with the table's schema.
    fn of(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let missing = |name: &str| ArrowError::SchemaError(format!("no column `{name}`"));
        let texts = |name: &str| {
            let column = batch.column_by_name(name).and_then(|column| column.as_string_opt());
            column.ok_or_else(|| missing(name))
        };
        let numbers = |name: &str| {
            let column = batch.column_by_name(name);
            let column = column.and_then(|column| column.as_primitive_opt::<Int64Type>());
            column.ok_or_else(|| missing(name))
        };
        let times = |name: &str| {
            let column = batch.column_by_name(name);
            let column = column.and_then(|it| it.as_primitive_opt::<TimestampMicrosecondType>());
            column.ok_or_else(|| missing(name))
        };
        Ok(Self {
            archive: texts("archive")?,
            status: texts("status")?,
            checksum: texts("checksum")?,
            owned_days: texts("owned_days")?,
            etag: texts("etag")?,
            sha256: texts("sha256")?,
            run: texts("run")?,
            reason: texts("reason")?,
            rival: texts("rival")?,
            checksum_tag: texts("checksum_tag")?,
            size: numbers("size")?,
            rows: numbers("rows")?,
            rejected_rows: numbers("rejected_rows")?,
            silver_version: numbers("silver_version")?,
            last_modified: times("last_modified")?,
            min_time: times("min_time")?,
            max_time: times("max_time")?,
            recorded_at: times("recorded_at")?,
        })
    }

    /// Returns nothing if a value is not understood: another one in its place would change what
    /// the lake holds.
    fn parse(&self, row: usize, matrix: &Matrix) -> Option<Parsed> {
        let days = match text(self.owned_days, row) {
            Some(days) => Some(days.parse().ok()?),
            None => None,
        };
        Some(Parsed {
            key: matrix.identify(text(self.archive, row)?).ok()?,
            status: text(self.status, row)?.parse().ok()?,
            checksum: text(self.checksum, row)?.parse().ok()?,
            days,
        })
    }

    fn entry(&self, row: usize, parsed: Parsed, run: &Arc<str>) -> LedgerEntry {
        let Parsed { key, status, checksum, days } = parsed;
        let owned = |column| text(column, row).map(str::to_owned);
        LedgerEntry {
            key,
            status,
            checksum,
            size: unsigned(self.size, row),
            etag: owned(self.etag),
            last_modified: time(self.last_modified, row),
            checksum_tag: owned(self.checksum_tag),
            sha256: text(self.sha256, row).map(Into::into),
            rows: unsigned(self.rows, row).unwrap_or_default(),
            rejected_rows: unsigned(self.rejected_rows, row).unwrap_or_default(),
            min_time: time(self.min_time, row),
            max_time: time(self.max_time, row),
            silver_version: number(self.silver_version, row),
            run: Arc::clone(run),
            recorded_at: time(self.recorded_at, row).unwrap_or_default(),
            reason: owned(self.reason),
            days,
            competing_version: text(self.rival, row).map(Into::into),
        }
    }
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn number(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

fn unsigned(column: &Int64Array, row: usize) -> Option<u64> {
    number(column, row).and_then(|number| u64::try_from(number).ok())
}

fn time(column: &TimestampMicrosecondArray, row: usize) -> Option<DateTime<Utc>> {
    let micros = column.is_valid(row).then(|| column.value(row))?;
    DateTime::from_timestamp_micros(micros)
}
