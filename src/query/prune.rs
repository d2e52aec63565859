//! Which files of a table a filter leaves, decided from the log alone.
//!
//! Partitions come first, and statistics are read only of files that they leave. A chunk of files
//! is decided at a time, so that memory does not grow with the table.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{DataType, Field, UInt64Type};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, Result, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};

use super::files::{FileChunk, partition_schema};
use super::snapshot::TableSnapshot;
use super::statistics::Bounds;

impl TableSnapshot {
    /// Returns the files that may hold rows that pass all filters, by their places in the list.
    ///
    /// `on_partitions` is a filter on the partition columns alone, in their order, and is decided
    /// exactly: a kept file's rows all pass. `others` is one on the table's columns. `only` says of
    /// each file whether it is there at all.
    pub(super) fn prune(
        &self,
        only: Option<&[bool]>,
        on_partitions: Option<&Arc<dyn PhysicalExpr>>,
        others: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Result<Vec<usize>> {
        let others = others.map(|filter| ValueFilter::new(self, filter)).transpose()?;
        let mut kept = Vec::new();
        for (first, chunk) in self.files().chunks() {
            let is_there = |slot: &usize| only.is_none_or(|only| only[first + slot]);
            let mut slots: Vec<usize> = (0..chunk.len()).filter(is_there).collect();
            if let Some(filter) = on_partitions {
                let passed = self.passed(chunk, filter)?;
                slots.retain(|&slot| passed.is_valid(slot) && passed.value(slot));
            }
            if let Some(filter) = &others
                && !slots.is_empty()
            {
                slots = filter.may_hold(self, chunk, &slots)?;
            }
            kept.extend(slots.into_iter().map(|slot| first + slot));
        }
        Ok(kept)
    }

    /// Decides a filter on partition columns for each file of a chunk.
    fn passed(&self, chunk: &FileChunk, filter: &Arc<dyn PhysicalExpr>) -> Result<BooleanArray> {
        let partitions = chunk.partition_batch(partition_schema(self.partition_fields()))?;
        let passed = filter.evaluate(&partitions)?.into_array(chunk.len())?;
        Ok(passed.as_boolean().clone())
    }

    /// Returns what is known of each of these columns in each of some files, file by file, as
    /// estimates that only ever rule out.
    pub(super) fn column_statistics(
        &self,
        columns: &[Arc<Field>],
        files: &[usize],
    ) -> Vec<Vec<ColumnStatistics>> {
        let names: Vec<&str> = columns.iter().map(|column| column.name().as_str()).collect();
        let mut statistics = Vec::with_capacity(files.len());
        for (chunk, slots) in self.files().by_chunk(files) {
            let bounds = self.bounds(chunk, &names, &slots);
            for file in 0..slots.len() {
                let of_column = |name: &&str| match self.ends_of_sorted_decimal(name) {
                    Some(ends) => ends,
                    None => column_statistics(bounds.get(*name), file),
                };
                statistics.push(names.iter().map(of_column).collect());
            }
        }
        statistics
    }

    /// Returns the ends of the type of a decimal that files are sorted by.
    ///
    /// The engine orders files only if every sort column has bounds. With these, the columns before
    /// it decide.
    fn ends_of_sorted_decimal(&self, column: &str) -> Option<ColumnStatistics> {
        let is_sorted_by = self.sort_columns().iter().any(|sorted| sorted == column);
        let data_type = self.schema().field_with_name(column).ok()?.data_type();
        let DataType::Decimal128(precision, scale) = *data_type else { return None };
        let beyond = 10_i128.checked_pow(u32::from(precision)).filter(|_| is_sorted_by)?;
        let end =
            |value| Precision::Inexact(ScalarValue::Decimal128(Some(value), precision, scale));
        let unknown = ColumnStatistics::new_unknown();
        Some(unknown.with_min_value(end(1 - beyond)).with_max_value(end(beyond - 1)))
    }

    /// Returns whether columns are known to have no NULL in any of these files.
    pub(super) fn have_no_nulls(&self, columns: &[String], files: &[usize]) -> bool {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        let has_none = |bounds: Option<&Bounds>| {
            let nulls = bounds.map(|bounds| bounds.nulls.as_primitive::<UInt64Type>());
            nulls.is_some_and(|nulls| nulls.iter().all(|nulls| nulls == Some(0)))
        };
        self.files().by_chunk(files).all(|(chunk, slots)| {
            let bounds = self.bounds(chunk, &names, &slots);
            names.iter().all(|name| has_none(bounds.get(*name)))
        })
    }

    /// Returns the values of a partition column in some files.
    pub(super) fn partition_values(&self, column: usize, files: &[usize]) -> Result<ArrayRef> {
        let mut values = Vec::new();
        for (chunk, slots) in self.files().by_chunk(files) {
            values.push(taken(chunk.partition(column), &slots)?);
        }
        let values: Vec<&dyn Array> = values.iter().map(AsRef::as_ref).collect();
        if values.is_empty() {
            return Ok(new_null_array(self.partition_fields()[column].data_type(), 0));
        }
        Ok(concat(&values)?)
    }

    /// Returns what is known of columns in some files of a chunk, by the columns' names.
    fn bounds(
        &self,
        chunk: &FileChunk,
        columns: &[&str],
        slots: &[usize],
    ) -> HashMap<String, Bounds> {
        let mut bounds = HashMap::with_capacity(columns.len());
        let mut stored: Vec<&Field> = Vec::with_capacity(columns.len());
        for name in columns {
            match self.partition_fields().iter().position(|field| field.name() == name) {
                Some(column) => {
                    let known = partition_bounds(chunk, column, slots);
                    bounds.extend(known.map(|known| ((*name).to_owned(), known)));
                }
                None => stored.extend(self.schema().field_with_name(name)),
            }
        }
        let read = chunk.statistics.bounds(&stored, slots);
        bounds.extend(stored.iter().map(|field| field.name().clone()).zip(read));
        bounds
    }
}

fn taken(values: &ArrayRef, slots: &[usize]) -> Result<ArrayRef> {
    let slots: UInt64Array = slots.iter().map(|slot| *slot as u64).collect();
    Ok(take(values, &slots, None)?)
}

/// Returns the bounds of a partition column, which has one value in each file.
fn partition_bounds(chunk: &FileChunk, column: usize, slots: &[usize]) -> Option<Bounds> {
    let values = taken(chunk.partition(column), slots).ok()?;
    let rows = chunk.rows();
    let nulls = |(place, slot): (usize, &usize)| match values.is_null(place) {
        true => rows.is_valid(*slot).then(|| rows.value(*slot)),
        false => Some(0),
    };
    let nulls: UInt64Array = slots.iter().enumerate().map(nulls).collect();
    Some(Bounds { minimum: Arc::clone(&values), maximum: values, nulls: Arc::new(nulls) })
}

fn column_statistics(bounds: Option<&Bounds>, file: usize) -> ColumnStatistics {
    let unknown = ColumnStatistics::new_unknown();
    let Some(bounds) = bounds else { return unknown };
    let value = |array: &ArrayRef| match ScalarValue::try_from_array(array, file) {
        Ok(value) if !value.is_null() => Precision::Inexact(value),
        _ => Precision::Absent,
    };
    unknown.with_min_value(value(&bounds.minimum)).with_max_value(value(&bounds.maximum))
}

/// A filter on values, with the columns that it is about.
struct ValueFilter {
    predicate: PruningPredicate,
    columns: Vec<String>,
}

impl ValueFilter {
    fn new(snapshot: &TableSnapshot, filter: &Arc<dyn PhysicalExpr>) -> Result<Self> {
        let builder =
            PruningPredicateBuilder::new().with_file_schema(Arc::clone(snapshot.schema()));
        let columns = collect_columns(filter);
        Ok(Self {
            predicate: builder.try_build(Arc::clone(filter))?,
            columns: columns.iter().map(|column| column.name().to_owned()).collect(),
        })
    }

    /// Returns those of a chunk's files that may hold rows that pass.
    fn may_hold(
        &self,
        snapshot: &TableSnapshot,
        chunk: &FileChunk,
        slots: &[usize],
    ) -> Result<Vec<usize>> {
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let rows: UInt64Array = slots
            .iter()
            .map(|&slot| chunk.rows().is_valid(slot).then(|| chunk.rows().value(slot)))
            .collect();
        let known = KnownValues {
            files: slots.len(),
            rows: Arc::new(rows),
            bounds: snapshot.bounds(chunk, &columns, slots),
        };
        let may_hold = self.predicate.prune(&known)?;
        let kept = slots.iter().zip(may_hold).filter(|(_, may_hold)| *may_hold);
        Ok(kept.map(|(slot, _)| *slot).collect())
    }
}

/// What is known of some files, for the engine to decide a filter on.
struct KnownValues {
    files: usize,
    rows: ArrayRef,
    bounds: HashMap<String, Bounds>,
}

impl PruningStatistics for KnownValues {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| Arc::clone(&bounds.minimum))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| Arc::clone(&bounds.maximum))
    }

    fn num_containers(&self) -> usize {
        self.files
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds.get(&column.name).map(|bounds| Arc::clone(&bounds.nulls))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::clone(&self.rows))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
