//! Per-file statistics for Delta's log, from the footer that the Parquet writer returns.
//!
//! Bounds of decimals stay in the footer. In the log they are JSON numbers, which many readers take
//! for floating point: a bound that is a digit short makes them skip files that hold matching rows,
//! or show the bound instead of the value.

use chrono::DateTime;
use parquet::basic::{LogicalType, Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use serde_json::{Map, Value as Json};

/// Returns the statistics of a finished file as the JSON text of an Add action.
///
/// A column whose bounds are unknown in any row group has no bounds, which readers take for
/// "anything".
pub(super) fn delta_stats(footer: &ParquetMetaData) -> String {
    let schema = footer.file_metadata().schema_descr();
    let mut minima = Map::new();
    let mut maxima = Map::new();
    let mut nulls = Map::new();
    for index in 0..schema.num_columns() {
        let column = schema.column(index);
        let Some(known) = column_statistics(footer, index) else { continue };
        nulls.insert(column.name().to_owned(), known.nulls.into());
        let min = render(&column, known.min, Side::Lower);
        let max = render(&column, known.max, Side::Upper);
        // One bound without the other would be read as a range that ends nowhere, or as no range.
        if let (Some(min), Some(max)) = (min, max) {
            minima.insert(column.name().to_owned(), min);
            maxima.insert(column.name().to_owned(), max);
        }
    }
    let rows = footer.file_metadata().num_rows();
    let minima = Json::Object(minima);
    let maxima = Json::Object(maxima);
    let nulls = Json::Object(nulls);
    format!(
        r#"{{"numRecords":{rows},"minValues":{minima},"maxValues":{maxima},"nullCount":{nulls}}}"#
    )
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i64),
    Text(Vec<u8>),
}

/// What the row groups of a file say of one of its columns.
#[derive(Default)]
struct ColumnStatistics {
    min: Option<Value>,
    max: Option<Value>,
    nulls: u64,
}

/// Merges the statistics of a column over all row groups; nothing when any row group lacks them.
fn column_statistics(footer: &ParquetMetaData, index: usize) -> Option<ColumnStatistics> {
    let has_bounds = has_bounds(&footer.file_metadata().schema_descr().column(index));
    let mut merged = ColumnStatistics::default();
    for group in footer.row_groups() {
        let statistics = group.column(index).statistics()?;
        let nulls = statistics.null_count_opt()?;
        merged.nulls += nulls;
        // A group of nothing but NULLs has no bounds, and narrows none.
        if !has_bounds || u64::try_from(group.num_rows()) == Ok(nulls) {
            continue;
        }
        let (min, max) = group_bounds(statistics)?;
        merged.min = Some(merged.min.map_or(min.clone(), |known| known.min(min)));
        merged.max = Some(merged.max.map_or(max.clone(), |known| known.max(max)));
    }
    Some(merged)
}

/// Returns whether the log gets the bounds of a column.
fn has_bounds(column: &ColumnDescriptor) -> bool {
    let is_decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)));
    !is_decimal && column.physical_type() != Type::BOOLEAN
}

fn group_bounds(statistics: &Statistics) -> Option<(Value, Value)> {
    let bounds = match statistics {
        Statistics::Int32(values) => (number(*values.min_opt()?), number(*values.max_opt()?)),
        Statistics::Int64(values) => (number(*values.min_opt()?), number(*values.max_opt()?)),
        Statistics::ByteArray(values) => (
            Value::Text(values.min_bytes_opt()?.to_vec()),
            Value::Text(values.max_bytes_opt()?.to_vec()),
        ),
        _ => return None,
    };
    Some(bounds)
}

fn number(value: impl Into<i64>) -> Value {
    Value::Number(value.into())
}

/// Which end of a range is meant.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Lower,
    Upper,
}

fn render(column: &ColumnDescriptor, value: Option<Value>, side: Side) -> Option<Json> {
    match (value?, column.logical_type_ref()) {
        (Value::Number(micros), Some(LogicalType::Timestamp(_))) => timestamp(micros, side),
        (Value::Number(days), Some(LogicalType::Date)) => {
            let date = DateTime::from_timestamp(days * 86_400, 0)?;
            Some(date.format("%Y-%m-%d").to_string().into())
        }
        (Value::Number(number), _) => Some(number.into()),
        (Value::Text(bytes), _) => String::from_utf8(bytes).ok().map(Json::from),
    }
}

fn timestamp(micros: i64, side: Side) -> Option<Json> {
    // The log has milliseconds. Rounded outwards, the range still holds every value.
    let rounding = if side == Side::Upper { 999 } else { 0 };
    let millis = micros.checked_add(rounding)?.div_euclid(1_000);
    let time = DateTime::from_timestamp_millis(millis)?;
    Some(time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into())
}
