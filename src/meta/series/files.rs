//! The files of `meta.series`: each has a range of symbols, and all rows of each symbol in it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::{Frequency, Interval};
use parquet::arrow::ProjectionMask;

use super::rows::{Row, SCHEMA, SeriesRow, covered_until, from_batch, to_batch};
use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::meta::table::read_rows;
use crate::parquet::reader::open_file;

/// Series of a file above which it is divided.
const MOST_SERIES: usize = 4 << 10;
/// Series of each part then, at least.
const SERIES_OF_PART: usize = 2 << 10;

/// Market, data type and symbol, by which rows are sorted.
pub(super) type Place = (String, String, String);

/// Returns the place of a series.
pub(super) fn place_of(series: &Series) -> Place {
    let Series { market, data_type, symbol, .. } = series;
    (market.to_string(), data_type.to_string(), symbol.to_string())
}

/// A file, with the places of its first and its last row.
#[derive(Debug)]
pub(super) struct SeriesFile {
    pub(super) active: ActiveFile,
    pub(super) first: Place,
    last: Place,
}

/// Returns the files of a table that have rows, in the order of their ranges.
pub(super) async fn files_of(table: &WritableTable) -> Result<Vec<SeriesFile>, TableError> {
    let mut files = Vec::new();
    for active in table.active_files()? {
        if let Some((first, last)) = range_of(table, &active).await? {
            files.push(SeriesFile { active, first, last });
        }
    }
    files.sort_by(|a, b| a.first.cmp(&b.first));
    Ok(files)
}

/// Returns whether a symbol may be in more than one of these files, as where another program has
/// merged some.
pub(super) fn do_overlap(files: &[SeriesFile]) -> bool {
    files.windows(2).any(|pair| matches!(pair, [a, b] if b.first <= a.last))
}

async fn range_of(
    table: &WritableTable,
    file: &ActiveFile,
) -> Result<Option<(Place, Place)>, TableError> {
    let failed = TableError::arrow(&table.spec.name);
    let reader = open_file(table, file).await?;
    let builder = reader.rows()?;
    let columns = ["market", "data_type", "symbol"];
    let columns = ProjectionMask::columns(builder.parquet_schema(), columns);
    let batches = builder.with_projection(columns).build();
    let mut range: Option<(Place, Place)> = None;
    for batch in batches.map_err(|error| reader.parquet_error(error))? {
        let batch = batch.map_err(&failed)?;
        if batch.num_rows() == 0 {
            continue;
        }
        let last = place_at(&batch, batch.num_rows() - 1).map_err(&failed)?;
        range = Some(match range {
            Some((first, _)) => (first, last),
            None => (place_at(&batch, 0).map_err(&failed)?, last),
        });
    }
    Ok(range)
}

fn place_at(batch: &RecordBatch, row: usize) -> Result<Place, ArrowError> {
    let text = |name: &str| -> Result<String, ArrowError> {
        let column = batch.column_by_name(name);
        let column = column.ok_or_else(|| ArrowError::SchemaError(format!("no `{name}`")))?;
        let value = cast(&column.slice(row, 1), &DataType::Utf8)?;
        Ok(value.as_string::<i32>().value(0).to_owned())
    };
    Ok((text("market")?, text("data_type")?, text("symbol")?))
}

/// The rows of one series, by frequency.
pub(super) type RowsOfSeries = [Option<SeriesRow>; Frequency::ALL.len()];

/// The rows of some files.
#[derive(Debug, Default)]
pub(super) struct FileRows {
    series: BTreeMap<(Place, Option<Interval>), RowsOfSeries>,
    unknown: Vec<RecordBatch>,
}

impl FileRows {
    /// Reads the rows of files; of two rows about the same, the newer one counts.
    pub(super) async fn read(
        table: &WritableTable,
        files: &[SeriesFile],
        matrix: &Matrix,
    ) -> Result<Self, TableError> {
        let mut rows = Self::default();
        for file in files {
            for row in read_rows(table, &file.active, |batch| from_batch(batch, matrix)).await? {
                match row {
                    Row::Known(row) => rows.add(*row),
                    Row::Unknown(row) => rows.unknown.push(row),
                }
            }
        }
        Ok(rows)
    }

    fn add(&mut self, row: SeriesRow) {
        let known = self.of(&row.series).get_mut(row.frequency as usize);
        if let Some(known) = known
            && known.as_ref().is_none_or(|known| known.recorded_at < row.recorded_at)
        {
            *known = Some(row);
        }
    }

    /// Returns the rows of a series.
    pub(super) fn of(&mut self, series: &Series) -> &mut RowsOfSeries {
        self.series.entry((place_of(series), series.interval)).or_default()
    }

    /// Returns the rows in the order of the table, those of each file.
    pub(super) fn batches(&self) -> Result<Vec<RecordBatch>, ArrowError> {
        // Rows that are not understood keep to their range, whatever it becomes.
        let is_divided = self.series.len() > MOST_SERIES && self.unknown.is_empty();
        let mut parts: Vec<Vec<&RowsOfSeries>> = Vec::new();
        let mut last = None;
        for ((place, _), rows) in &self.series {
            let is_full = parts.last().is_none_or(|part| part.len() >= SERIES_OF_PART);
            if parts.is_empty() || is_divided && is_full && last != Some(place) {
                parts.push(Vec::new());
            }
            last = Some(place);
            if let Some(part) = parts.last_mut() {
                part.push(rows);
            }
        }
        let batches = parts.iter().map(|part| batch_of(part)).collect::<Result<Vec<_>, _>>()?;
        if self.unknown.is_empty() {
            return Ok(batches);
        }
        let all = concat_batches(&SCHEMA.arrow(), batches.iter().chain(&self.unknown))?;
        Ok(vec![sorted(&all)?])
    }
}

fn batch_of(series: &[&RowsOfSeries]) -> Result<RecordBatch, ArrowError> {
    let mut rows: Vec<(&SeriesRow, Option<NaiveDate>)> = Vec::new();
    for series in series {
        let known = || series.iter().flatten();
        let covered_until = covered_until(known().map(|row| &row.archives));
        rows.extend(known().map(|row| (row, covered_until)));
    }
    to_batch(&rows)
}

/// Sorts rows as the table has them, those of a symbol as they are.
fn sorted(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::new();
    for name in SCHEMA.sort_columns {
        columns.extend(rows.column_by_name(name).cloned());
    }
    let places: UInt64Array = (0..rows.num_rows() as u64).collect();
    columns.push(std::sync::Arc::new(places));
    let columns = columns.into_iter().map(|values| SortColumn { values, options: None });
    let order = lexsort_to_indices(&columns.collect::<Vec<_>>(), None)?;
    take_record_batch(rows, &order)
}
