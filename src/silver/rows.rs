//! From an archive's own rows to rows of a silver table: what its key says is added to every row,
//! and rows are split by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int32Array, PrimitiveArray, RecordBatch, StringArray,
    UInt32Array,
};
use arrow::compute::{cast, partition, take_record_batch};
use arrow::datatypes::{DataType, Int32Type, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use lakehouse_core::names::archive::{ArchiveKey, Series};

const MICROSECONDS_OF_A_DAY: i64 = 86_400_000_000;

/// Adds `symbol`, `bar_interval` and `archive` to the rows of one archive.
#[derive(Debug)]
pub(crate) struct ArchiveColumns {
    schema: SchemaRef,
    symbol: String,
    interval: Option<String>,
    archive: String,
}

impl ArchiveColumns {
    /// Completes rows to `schema`, the columns of the table's data files.
    pub(super) fn new(schema: SchemaRef, key: &ArchiveKey) -> Self {
        let interval = key.interval().map(|interval| interval.to_string());
        Self { schema, symbol: key.symbol().to_string(), interval, archive: key.path().to_owned() }
    }

    /// Completes rows that no archive has; `source` stands in the place of its key.
    pub(crate) fn of_series(schema: SchemaRef, series: &Series, source: &str) -> Self {
        let interval = series.interval.map(|interval| interval.to_string());
        Self { schema, symbol: series.symbol.to_string(), interval, archive: source.to_owned() }
    }

    pub(crate) fn complete(&self, data: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = data.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(data.num_columns() + 3);
        columns.push(repeated(&self.symbol, rows)?);
        if let Some(interval) = &self.interval {
            columns.push(repeated(interval, rows)?);
        }
        columns.extend_from_slice(data.columns());
        columns.push(repeated(&self.archive, rows)?);
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

fn repeated(value: &str, rows: usize) -> Result<ArrayRef, ArrowError> {
    let keys = Int32Array::from(vec![0; rows]);
    let array =
        DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(vec![value])))?;
    Ok(Arc::new(array))
}

/// Returns the event times of a batch, in microseconds since 1970.
pub(super) fn event_times<'a>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<&'a PrimitiveArray<TimestampMicrosecondType>, ArrowError> {
    let found = batch
        .column_by_name(column)
        .and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
    found.ok_or_else(|| ArrowError::SchemaError(format!("no event time in a column `{column}`")))
}

/// Splits a batch by the UTC day of its event times; the order of rows within a day stays.
pub(crate) fn by_day(
    batch: &RecordBatch,
    column: &str,
) -> Result<BTreeMap<NaiveDate, RecordBatch>, ArrowError> {
    let times = event_times(batch, column)?.values();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Ok(BTreeMap::new());
    };
    // Most archives are of one day, and so are most batches of the others.
    if day_of(*first) == day_of(*last) {
        return Ok(BTreeMap::from([(date_of(day_of(*first))?, batch.clone())]));
    }
    let mut rows_of_days: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
    for (row, time) in (0_u32..).zip(times) {
        rows_of_days.entry(day_of(*time)).or_default().push(row);
    }
    let mut parts = BTreeMap::new();
    for (day, rows) in rows_of_days {
        // A copy: a slice would keep the rows of all days in memory, and count as many bytes.
        parts.insert(date_of(day)?, take_record_batch(batch, &UInt32Array::from(rows))?);
    }
    Ok(parts)
}

/// Returns the day of a time in microseconds, counted from 1970; times before have negative days.
const fn day_of(time: i64) -> i64 {
    time.div_euclid(MICROSECONDS_OF_A_DAY)
}

/// Cuts rows of silver where the archive changes; neighbours mostly are of one.
pub(super) fn by_archive(batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>, ArrowError> {
    let archives = batch
        .column_by_name("archive")
        .ok_or_else(|| ArrowError::SchemaError("no archive".to_owned()))?;
    let archives = cast(archives, &DataType::Utf8)?;
    let runs = partition(std::slice::from_ref(&archives))?.ranges();
    let archives = archives.as_string::<i32>();
    Ok(runs
        .into_iter()
        .map(|run| (archives.value(run.start).to_owned(), batch.slice(run.start, run.len())))
        .collect())
}

fn date_of(day: i64) -> Result<NaiveDate, ArrowError> {
    let date = DateTime::<Utc>::from_timestamp(day.saturating_mul(86_400), 0)
        .map(|time| time.date_naive());
    date.ok_or_else(|| ArrowError::ComputeError(format!("day {day} since 1970 is no date")))
}
