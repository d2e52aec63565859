//! Measuring the copy of a day that silver holds, so that another one can be compared with it.
//!
//! Only the partitions of these days are read. How complete a copy is follows from times and ids
//! alone; the other columns are read to see whether two copies have the same values.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use lakehouse_core::overlap::{Continuity, DayEvidence, DayMeter};
use lakehouse_core::schema::TableSchema;
use parquet::arrow::ProjectionMask;

use super::rows::{by_archive, event_times};
use crate::delta::file::ActiveFile;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::parquet::reader::read_file;
use crate::parquet::rewrite::{file_date, may_hold};

/// The days of archives that are to be measured, each with what makes its rows continuous.
pub(super) type DaysToMeasure = BTreeMap<NaiveDate, BTreeMap<String, Continuity>>;

/// What was measured of an archive's day.
pub(super) type Measured = BTreeMap<(NaiveDate, String), DayEvidence>;

/// Measures what a table holds; a day without rows is measured as such.
pub(super) async fn measure(
    table: &WritableTable,
    schema: &TableSchema,
    days: &DaysToMeasure,
) -> Result<Measured, TableError> {
    // Most batches overlap with nothing, and listing the files of a large table takes time.
    if days.is_empty() {
        return Ok(Measured::new());
    }
    let mut meters: BTreeMap<(NaiveDate, String), DayMeter> = BTreeMap::new();
    for (date, archives) in days {
        for (archive, continuity) in archives {
            meters.insert((*date, archive.clone()), DayMeter::new(*continuity));
        }
    }
    for file in table.active_files()? {
        let Some(date) = file_date(&file) else { continue };
        let Some(archives) = days.get(&date) else { continue };
        let archives: BTreeSet<String> = archives.keys().cloned().collect();
        if may_hold(&file, &archives) {
            read(table, schema, &file, date, &mut meters).await?;
        }
    }
    Ok(meters.into_iter().map(|(key, meter)| (key, meter.evidence())).collect())
}

async fn read(
    table: &WritableTable,
    schema: &TableSchema,
    file: &ActiveFile,
    date: NaiveDate,
    meters: &mut BTreeMap<(NaiveDate, String), DayMeter>,
) -> Result<(), TableError> {
    let failed = TableError::arrow(&table.spec.name);
    let builder = read_file(table, file).await?;
    let values = schema.columns().iter().map(|column| column.name.as_str());
    let columns = ["archive"].into_iter().chain(values);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let reader = builder.with_projection(mask).build();
    for batch in reader.map_err(TableError::cannot(Verb::Read, &table.spec.name, &file.path))? {
        let batch = batch.map_err(TableError::cannot(Verb::Read, &table.spec.name, &file.path))?;
        count(&batch, schema, date, meters).map_err(failed)?;
    }
    Ok(())
}

/// Counts the rows of a batch by archive.
fn count(
    batch: &RecordBatch,
    schema: &TableSchema,
    date: NaiveDate,
    meters: &mut BTreeMap<(NaiveDate, String), DayMeter>,
) -> Result<(), ArrowError> {
    for (archive, rows) in by_archive(batch)? {
        if let Some(meter) = meters.get_mut(&(date, archive)) {
            meter_rows(meter, &rows, schema)?;
        }
    }
    Ok(())
}

/// Shows rows of one archive and day to a meter.
pub(super) fn meter_rows(
    meter: &mut DayMeter,
    rows: &RecordBatch,
    schema: &TableSchema,
) -> Result<(), ArrowError> {
    let ids = Continuity::id_column(schema).and_then(|column| rows.column_by_name(column));
    let ids: Option<&Int64Array> = ids.and_then(|column| column.as_primitive_opt::<Int64Type>());
    let times = event_times(rows, schema.event_time())?;
    let hashes = hash_values(rows, schema)?;
    for (row, (time, hash)) in times.values().iter().zip(hashes).enumerate() {
        let id = ids.filter(|ids| ids.is_valid(row)).map(|ids| ids.value(row));
        meter.push(*time, id);
        meter.push_values(*time, id, hash);
    }
    Ok(())
}

/// Hashes the values of rows, whatever archive they are from.
///
/// Hashes are compared within a process only, and each column is hashed by itself, so that a column
/// with a dictionary has the hashes of one without.
fn hash_values(rows: &RecordBatch, schema: &TableSchema) -> Result<Vec<u64>, ArrowError> {
    let failed = |error| ArrowError::ExternalError(Box::new(error));
    let mut hashes = vec![0_u64; rows.num_rows()];
    let mut of_column = vec![0_u64; rows.num_rows()];
    for column in schema.columns() {
        let Some(values) = rows.column_by_name(&column.name) else { continue };
        of_column.fill(0);
        create_hashes([values], &RandomState::default(), &mut of_column).map_err(failed)?;
        for (hash, value) in hashes.iter_mut().zip(&of_column) {
            *hash = hash.rotate_left(5).wrapping_add(*value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    Ok(hashes)
}
