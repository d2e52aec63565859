//! The columns that both tables have, as Arrow arrays and back.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array};
use arrow::datatypes::Date32Type;
use arrow::error::ArrowError;

use super::{AuditRow, Found, Place, RecordedRow};
use crate::meta::columns::{Columns, numbers, texts, times};

/// Makes the columns from `check_name` to `to_time`.
pub(super) fn of_places(rows: &[RecordedRow]) -> Vec<ArrayRef> {
    let days = rows.iter().map(|row| Some(Date32Type::from_naive_date(row.row.place.date)));
    vec![
        texts(rows, |row| Some(row.row.place.check.clone())),
        texts(rows, |row| Some(row.row.place.market.clone())),
        texts(rows, |row| Some(row.row.place.data_type.clone())),
        texts(rows, |row| Some(row.row.place.symbol.clone())),
        texts(rows, |row| row.row.place.interval.clone()),
        Arc::new(days.collect::<Date32Array>()),
        times(rows, |row| Some(row.row.place.from)),
        times(rows, |row| Some(row.row.place.to)),
    ]
}

/// Makes the columns `opened_at` and `closed_at`.
pub(super) fn of_versions(rows: &[RecordedRow]) -> Vec<ArrayRef> {
    vec![numbers(rows, |row| Some(row.opened_at)), numbers(rows, |row| row.closed_at)]
}

/// Reads the rows of a batch; `found` reads the columns that only one of the tables has.
pub(super) fn recorded_rows(
    columns: &Columns,
    count: usize,
    found: impl Fn(&Columns, usize) -> Result<Found, ArrowError>,
) -> Result<Vec<RecordedRow>, ArrowError> {
    let mut rows = Vec::with_capacity(count);
    for row in 0..count {
        rows.push(RecordedRow {
            row: AuditRow { place: place(columns, row)?, found: found(columns, row)? },
            opened_at: number(columns, "opened_at", row)?,
            closed_at: columns.number("closed_at", row),
        });
    }
    Ok(rows)
}

/// Reads where and when a row of a batch found something.
fn place(columns: &Columns, row: usize) -> Result<Place, ArrowError> {
    let time = |name: &str| columns.time(name, row).ok_or_else(|| missing(name));
    let days = columns.batch().column_by_name("date");
    let days = days.and_then(|days| days.as_primitive_opt::<Date32Type>());
    let date = days.and_then(|days| Date32Type::to_naive_date_opt(days.value(row)));
    Ok(Place {
        check: text(columns, "check_name", row)?,
        market: text(columns, "market", row)?,
        data_type: text(columns, "data_type", row)?,
        symbol: text(columns, "symbol", row)?,
        interval: columns.text("bar_interval", row),
        date: date.ok_or_else(|| missing("date"))?,
        from: time("from_time")?,
        to: time("to_time")?,
    })
}

pub(super) fn text(columns: &Columns, name: &str, row: usize) -> Result<String, ArrowError> {
    columns.text(name, row).ok_or_else(|| missing(name))
}

pub(super) fn number(columns: &Columns, name: &str, row: usize) -> Result<i64, ArrowError> {
    columns.number(name, row).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("`{name}` of a row is not of its type, or NULL"))
}
