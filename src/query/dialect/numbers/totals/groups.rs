//! The exact sums of many groups at once.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Float64Type, Int64Type, UInt64Type, i256,
};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::exact::{Outcome, TOTAL};
use crate::query::dialect::numbers::quotient::mean;

/// A sum, and how many numbers it is of, by group.
pub(super) struct ExactTotals {
    totals: Vec<i256>,
    counts: Vec<u64>,
    outcome: Outcome,
}

impl ExactTotals {
    pub(super) const fn new(outcome: Outcome) -> Self {
        Self { totals: Vec::new(), counts: Vec::new(), outcome }
    }

    fn grow(&mut self, groups: usize) {
        self.totals.resize(groups, i256::ZERO);
        self.counts.resize(groups, 0);
    }

    fn add<T>(
        &mut self,
        column: &PrimitiveArray<T>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) where
        T: ArrowPrimitiveType<Native: Into<i128>>,
    {
        let mut add = |group: usize, value: T::Native| {
            self.totals[group] = self.totals[group].wrapping_add(i256::from_i128(value.into()));
            self.counts[group] += 1;
        };
        let rows = groups.iter().zip(column.values());
        match wanted(column.nulls(), filter) {
            None => rows.for_each(|(group, value)| add(*group, *value)),
            Some(wanted) => {
                for ((group, value), _) in rows.zip(&wanted).filter(|(_, is_wanted)| *is_wanted) {
                    add(*group, *value);
                }
            }
        }
    }
}

/// Makes the result of each group.
fn results<T: ArrowPrimitiveType>(
    totals: &[i256],
    counts: &[u64],
    of: impl Fn(i256, u64) -> Result<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let mut values = Vec::with_capacity(totals.len());
    for (total, count) in totals.iter().zip(counts) {
        values.push(if *count == 0 { T::default_value() } else { of(*total, *count)? });
    }
    // A group without a number has no sum.
    let seen = NullBuffer::from_iter(counts.iter().map(|count| *count > 0));
    Ok(PrimitiveArray::new(values.into(), Some(seen)))
}

/// Returns the rows that have a value and pass the filter, or nothing if all do.
fn wanted(nulls: Option<&NullBuffer>, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let passing = filter.map(|filter| match filter.nulls() {
        Some(known) => NullBuffer::new(filter.values() & known.inner()),
        None => NullBuffer::new(filter.values().clone()),
    });
    NullBuffer::union(nulls, passing.as_ref()).filter(|wanted| wanted.null_count() > 0)
}

impl GroupsAccumulator for ExactTotals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let column = &values[0];
        match column.data_type() {
            DataType::Int64 => {
                self.add(column.as_primitive::<Int64Type>(), group_indices, opt_filter);
            }
            DataType::UInt64 => {
                self.add(column.as_primitive::<UInt64Type>(), group_indices, opt_filter);
            }
            DataType::Decimal128(..) => {
                self.add(column.as_primitive::<Decimal128Type>(), group_indices, opt_filter);
            }
            other => return internal_err!("an exact sum of {other}"),
        }
        Ok(())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let totals = values[0].as_primitive::<Decimal256Type>();
        let counts = values[1].as_primitive::<UInt64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if totals.is_valid(row) && counts.is_valid(row) {
                self.totals[*group] = self.totals[*group].wrapping_add(totals.value(row));
                self.counts[*group] += counts.value(row);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        let counts = emit_to.take_needed(&mut self.counts);
        let outcome = &self.outcome;
        Ok(match outcome {
            Outcome::Average { scale } => {
                let of = |total, count| Ok(mean(total, count, *scale));
                Arc::new(results::<Float64Type>(&totals, &counts, of)?)
            }
            Outcome::Sum { data_type: data_type @ DataType::Decimal128(..), .. } => {
                let of = |total, _| outcome.decimal(total);
                let sums = results::<Decimal128Type>(&totals, &counts, of)?;
                Arc::new(sums.with_data_type(data_type.clone()))
            }
            Outcome::Sum { data_type: DataType::UInt64, .. } => {
                let of = |total, _| outcome.integer(total);
                Arc::new(results::<UInt64Type>(&totals, &counts, of)?)
            }
            Outcome::Sum { .. } => {
                let of = |total, _| outcome.integer(total);
                Arc::new(results::<Int64Type>(&totals, &counts, of)?)
            }
        })
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = emit_to.take_needed(&mut self.totals);
        let counts = emit_to.take_needed(&mut self.counts);
        let totals = PrimitiveArray::<Decimal256Type>::new(totals.into(), None);
        let counts = PrimitiveArray::<UInt64Type>::new(counts.into(), None);
        Ok(vec![Arc::new(totals.with_data_type(TOTAL)), Arc::new(counts)])
    }

    /// Makes a group of each row.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<usize> = (0..values[0].len()).collect();
        let mut single = Self::new(self.outcome.clone());
        single.update_batch(values, &rows, opt_filter, rows.len())?;
        single.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i256>() + self.counts.capacity() * size_of::<u64>()
    }
}
