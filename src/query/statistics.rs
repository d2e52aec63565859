//! What the log says of the values in each file, and which files a filter rules out by it.
//!
//! Separate from the snapshot because of one trap: bounds of decimals are not to be relied on. This
//! program writes none, and most others pass them through floating point, which moves a bound by
//! less than a cent and loses rows. Row groups are skipped by the exact bounds in the files
//! themselves.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::snapshot::TableSnapshot;

/// Other writers cut the maximum of a time to whole milliseconds, so the true one may be this much
/// later.
const CUT_MICROSECONDS: i64 = 999;

/// The `stats` of one `add` action, with values left as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileStatistics {
    num_records: Option<usize>,
    min_values: HashMap<String, Box<RawValue>>,
    max_values: HashMap<String, Box<RawValue>>,
    null_count: HashMap<String, Box<RawValue>>,
}

impl FileStatistics {
    /// Parses the text of the log; statistics are optional, so text that is no such object counts
    /// as none.
    pub(super) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) const fn rows(&self) -> Option<usize> {
        self.num_records
    }

    fn minimum(&self, column: &str, data_type: &DataType) -> Option<ScalarValue> {
        parse_value(self.min_values.get(column)?.get(), data_type)
    }

    fn maximum(&self, column: &str, data_type: &DataType) -> Option<ScalarValue> {
        Some(match parse_value(self.max_values.get(column)?.get(), data_type)? {
            ScalarValue::TimestampMicrosecond(Some(time), zone) => {
                ScalarValue::TimestampMicrosecond(Some(time.saturating_add(CUT_MICROSECONDS)), zone)
            }
            value => value,
        })
    }

    fn nulls(&self, column: &str) -> Option<u64> {
        self.null_count.get(column)?.get().parse().ok()
    }
}

fn parse_value(raw: &str, data_type: &DataType) -> Option<ScalarValue> {
    if raw == "null" || data_type.is_nested() || data_type.is_decimal() {
        return None;
    }
    let text = if raw.starts_with('"') { serde_json::from_str(raw).ok()? } else { raw.to_owned() };
    ScalarValue::try_from_string(text, data_type).ok().filter(|value| !value.is_null())
}

/// A column's bounds over all files, row i for file i; made at first use, since few columns
/// are filtered on.
#[derive(Debug, Default)]
pub(super) struct ColumnBounds {
    made: Mutex<HashMap<String, Option<Bounds>>>,
}

#[derive(Clone, Debug)]
struct Bounds {
    minimum: ArrayRef,
    maximum: ArrayRef,
    nulls: ArrayRef,
}

impl TableSnapshot {
    /// Returns for each file whether it may hold rows that pass all filters.
    ///
    /// `on_partitions` must use partition columns only and is decided exactly: a kept file's rows
    /// all pass.
    pub(super) fn prune(
        &self,
        on_partitions: Option<&Arc<dyn PhysicalExpr>>,
        others: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Result<Vec<bool>> {
        let mut keep = vec![true; self.files().len()];
        if let Some(filter) = on_partitions {
            let passed = filter.evaluate(&self.partitions()?)?.into_array(keep.len())?;
            let passed = passed.as_boolean();
            keep = passed.iter().map(|passed| passed == Some(true)).collect();
        }
        if let Some(filter) = others {
            let builder =
                PruningPredicateBuilder::new().with_file_schema(Arc::clone(self.schema()));
            let predicate = builder.try_build(Arc::clone(filter))?;
            let may_hold = predicate.prune(self)?;
            keep.iter_mut().zip(may_hold).for_each(|(keep, may_hold)| *keep &= may_hold);
        }
        Ok(keep)
    }

    /// Returns what is known of each of the table's columns in one file, as estimates that only
    /// ever rule out.
    pub(super) fn column_statistics(&self, file: usize, column: &str) -> ColumnStatistics {
        let unknown = ColumnStatistics::new_unknown();
        if let Some((least, greatest)) = self.ends_of_sorted_decimal(column) {
            let least = Precision::Inexact(least);
            return unknown.with_min_value(least).with_max_value(Precision::Inexact(greatest));
        }
        let Some(bounds) = self.bounds(column) else { return unknown };
        let value = |array: &ArrayRef| match ScalarValue::try_from_array(array, file) {
            Ok(value) if !value.is_null() => Precision::Inexact(value),
            _ => Precision::Absent,
        };
        unknown.with_min_value(value(&bounds.minimum)).with_max_value(value(&bounds.maximum))
    }

    /// Returns the ends of the type of a decimal that files are sorted by.
    ///
    /// The engine orders files only if every sort column has bounds. With these, the columns before
    /// it decide.
    fn ends_of_sorted_decimal(&self, column: &str) -> Option<(ScalarValue, ScalarValue)> {
        let is_sorted_by = self.sort_columns().iter().any(|sorted| sorted == column);
        let data_type = self.schema().field_with_name(column).ok()?.data_type();
        let DataType::Decimal128(precision, scale) = *data_type else { return None };
        let beyond = 10_i128.checked_pow(u32::from(precision)).filter(|_| is_sorted_by)?;
        let end = |unscaled| ScalarValue::Decimal128(Some(unscaled), precision, scale);
        Some((end(1 - beyond), end(beyond - 1)))
    }

    /// Returns whether a column is known to have no NULL in any of these files.
    pub(super) fn has_no_nulls(&self, column: &str, files: &[usize]) -> bool {
        let Some(bounds) = self.bounds(column) else { return false };
        let nulls = bounds.nulls.as_primitive::<UInt64Type>();
        files.iter().all(|&file| nulls.is_valid(file) && nulls.value(file) == 0)
    }

    /// One row per file and one column per column of the table, in which only partition columns
    /// have values.
    fn partitions(&self) -> Result<RecordBatch> {
        let rows = self.files().len();
        let mut columns = Vec::with_capacity(self.schema().fields().len());
        for field in self.schema().fields() {
            columns.push(match self.partition_index(field.name()) {
                Some(index) if rows > 0 => self.partition_values(index)?,
                _ => ScalarValue::try_from(field.data_type())?.to_array_of_size(rows)?,
            });
        }
        let nullable = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
        let schema = Schema::new(self.schema().fields().iter().map(nullable).collect::<Vec<_>>());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)?)
    }

    fn partition_index(&self, column: &str) -> Option<usize> {
        self.partition_columns().iter().position(|partition| partition == column)
    }

    fn partition_values(&self, index: usize) -> Result<ArrayRef> {
        ScalarValue::iter_to_array(
            self.files().iter().map(|file| file.partition_values[index].clone()),
        )
    }

    fn bounds(&self, column: &str) -> Option<Bounds> {
        let mut made = self.bounds.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bounds) = made.get(column) {
            return bounds.clone();
        }
        let bounds = self.make_bounds(column);
        made.insert(column.to_owned(), bounds.clone());
        bounds
    }

    fn make_bounds(&self, column: &str) -> Option<Bounds> {
        let data_type = self.schema().field_with_name(column).ok()?.data_type();
        if let Some(index) = self.partition_index(column) {
            let values = self.partition_values(index).ok()?;
            let nulls =
                self.files().iter().map(|file| match file.partition_values[index].is_null() {
                    true => file.rows.map(|rows| rows as u64),
                    false => Some(0),
                });
            let nulls = Arc::new(nulls.collect::<UInt64Array>());
            return Some(Bounds { minimum: Arc::clone(&values), maximum: values, nulls });
        }
        let unknown = ScalarValue::try_from(data_type).ok()?;
        let collect = |value: &dyn Fn(&FileStatistics) -> Option<ScalarValue>| {
            let values = self
                .files()
                .iter()
                .map(|file| value(&file.statistics).unwrap_or_else(|| unknown.clone()));
            ScalarValue::iter_to_array(values).ok()
        };
        Some(Bounds {
            minimum: collect(&|file| file.minimum(column, data_type))?,
            maximum: collect(&|file| file.maximum(column, data_type))?,
            nulls: Arc::new(
                self.files()
                    .iter()
                    .map(|file| file.statistics.nulls(column))
                    .collect::<UInt64Array>(),
            ),
        })
    }
}

impl PruningStatistics for TableSnapshot {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name).map(|bounds| bounds.minimum)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name).map(|bounds| bounds.maximum)
    }

    fn num_containers(&self) -> usize {
        self.files().len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name).map(|bounds| bounds.nulls)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.files().iter().map(|file| file.rows.map(|rows| rows as u64));
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
