//! Per-file statistics for Delta's log, from the footer that the Parquet writer returns.
//!
//! The library prints decimals through floating point; here every digit is kept.

use std::fmt::Write;

use chrono::DateTime;
use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

/// Returns the statistics of a finished file as the JSON text of an Add action.
///
/// A column whose bounds are unknown in any row group has no bounds, which readers take for
/// "anything".
pub(super) fn delta_stats(footer: &ParquetMetaData) -> String {
    let schema = footer.file_metadata().schema_descr();
    let mut minima = JsonMap::default();
    let mut maxima = JsonMap::default();
    let mut nulls = JsonMap::default();
    for index in 0..schema.num_columns() {
        let column = schema.column(index);
        let Some(bounds) = column_bounds(footer, index) else { continue };
        nulls.insert(column.name(), &bounds.nulls.to_string());
        let min = render(&column, bounds.min, Side::Lower);
        let max = render(&column, bounds.max, Side::Upper);
        // One bound without the other would be read as a range that ends nowhere, or as no range.
        if let (Some(min), Some(max)) = (min, max) {
            minima.insert(column.name(), &min);
            maxima.insert(column.name(), &max);
        }
    }
    let rows = footer.file_metadata().num_rows();
    let (minima, maxima, nulls) = (minima.finish(), maxima.finish(), nulls.finish());
    format!(
        r#"{{"numRecords":{rows},"minValues":{minima},"maxValues":{maxima},"nullCount":{nulls}}}"#
    )
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(i128),
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
fn column_bounds(footer: &ParquetMetaData, index: usize) -> Option<ColumnStatistics> {
    let mut merged = ColumnStatistics::default();
    for group in footer.row_groups() {
        let statistics = group.column(index).statistics()?;
        let nulls = statistics.null_count_opt()?;
        merged.nulls += nulls;
        // A group of nothing but NULLs has no bounds, and narrows none.
        if u64::try_from(group.num_rows()) == Ok(nulls) {
            continue;
        }
        let (min, max) = group_bounds(statistics)?;
        merged.min = Some(merged.min.map_or(min.clone(), |known| known.min(min)));
        merged.max = Some(merged.max.map_or(max.clone(), |known| known.max(max)));
    }
    Some(merged)
}

fn group_bounds(statistics: &Statistics) -> Option<(Value, Value)> {
    let bounds = match statistics {
        Statistics::Boolean(values) => (number(*values.min_opt()?), number(*values.max_opt()?)),
        Statistics::Int32(values) => (number(*values.min_opt()?), number(*values.max_opt()?)),
        Statistics::Int64(values) => (number(*values.min_opt()?), number(*values.max_opt()?)),
        Statistics::FixedLenByteArray(values) => {
            (big_endian(values.min_bytes_opt()?), big_endian(values.max_bytes_opt()?))
        }
        Statistics::ByteArray(values) => (
            Value::Text(values.min_bytes_opt()?.to_vec()),
            Value::Text(values.max_bytes_opt()?.to_vec()),
        ),
        _ => return None,
    };
    Some(bounds)
}

fn number(value: impl Into<i128>) -> Value {
    Value::Number(value.into())
}

fn big_endian(bytes: &[u8]) -> Value {
    // Beginning with all ones extends the sign of a negative number to the width of i128.
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let start = if negative { -1 } else { 0 };
    Value::Number(bytes.iter().fold(start, |value, byte| (value << 8) | i128::from(*byte)))
}

/// Which end of a range is meant.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Lower,
    Upper,
}

fn render(column: &ColumnDescriptor, value: Option<Value>, side: Side) -> Option<String> {
    match (value?, column.logical_type_ref()) {
        (Value::Number(number), Some(LogicalType::Decimal(decimal))) => {
            Some(decimal_text(number, decimal.scale))
        }
        (Value::Number(micros), Some(LogicalType::Timestamp(_))) => timestamp_text(micros, side),
        (Value::Number(days), Some(LogicalType::Date)) => {
            let date = DateTime::from_timestamp(i64::try_from(days).ok()? * 86_400, 0)?;
            Some(format!("\"{}\"", date.format("%Y-%m-%d")))
        }
        (Value::Number(_), None) if column.physical_type() == parquet::basic::Type::BOOLEAN => None,
        (Value::Number(number), _) => Some(number.to_string()),
        (Value::Text(bytes), _) => serde_json::to_string(&String::from_utf8(bytes).ok()?).ok(),
    }
}

fn timestamp_text(micros: i128, side: Side) -> Option<String> {
    // The log has milliseconds. Rounded outwards, the range still holds every value.
    let rounding = if side == Side::Upper { 999 } else { 0 };
    let millis = (i64::try_from(micros).ok()? + rounding).div_euclid(1_000);
    let time = DateTime::from_timestamp_millis(millis)?;
    Some(format!("\"{}\"", time.format("%Y-%m-%dT%H:%M:%S%.3fZ")))
}

/// Prints an unscaled decimal with all its digits.
pub(crate) fn decimal_text(unscaled: i128, scale: i32) -> String {
    let Ok(scale @ 1..) = usize::try_from(scale) else { return unscaled.to_string() };
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A JSON object of rendered values: `serde_json` would pass decimals through floating point.
#[derive(Default)]
struct JsonMap(String);

impl JsonMap {
    fn insert(&mut self, name: &str, value: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let name = serde_json::Value::from(name);
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{comma}{name}:{value}");
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.0)
    }
}
