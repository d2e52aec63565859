//! The exact sums of many groups at once, which is much faster than one accumulator for each.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal256Array, Float64Array,
};
use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::exact::{DIGITS, average, too_large};

/// Sums by group, as whole numbers of their last digit.
#[derive(Debug)]
pub(super) struct ExactGroups {
    turnovers: Vec<i256>,
    quantities: Vec<i256>,
    price_scale: u32,
}

impl ExactGroups {
    pub(super) const fn new(price_scale: u32) -> Self {
        Self { turnovers: Vec::new(), quantities: Vec::new(), price_scale }
    }

    fn grow(&mut self, groups: usize) {
        self.turnovers.resize(groups, i256::ZERO);
        self.quantities.resize(groups, i256::ZERO);
    }

    fn add(&mut self, group: usize, turnover: i256, quantity: i256) -> Result<()> {
        let sum = &mut self.turnovers[group];
        *sum = sum.checked_add(turnover).ok_or_else(too_large)?;
        let sum = &mut self.quantities[group];
        *sum = sum.checked_add(quantity).ok_or_else(too_large)?;
        Ok(())
    }
}

/// Returns turnover and quantity of each row, and zeros for those that do not count.
fn rows<'a>(
    values: &'a [ArrayRef],
    filter: Option<&'a BooleanArray>,
) -> impl Iterator<Item = (i256, i256)> + 'a {
    let prices = values[0].as_primitive::<Decimal128Type>();
    let quantities = values[1].as_primitive::<Decimal128Type>();
    let counts = move |row: usize| {
        let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        passes && prices.is_valid(row) && quantities.is_valid(row)
    };
    (0..prices.len()).map(move |row| match counts(row) {
        true => {
            let quantity = i256::from_i128(quantities.value(row));
            (i256::from_i128(prices.value(row)).wrapping_mul(quantity), quantity)
        }
        false => (i256::ZERO, i256::ZERO),
    })
}

fn sums(values: impl IntoIterator<Item = i256>) -> Result<ArrayRef> {
    let sums = Decimal256Array::from_iter_values(values);
    Ok(Arc::new(sums.with_precision_and_scale(DIGITS, 0)?))
}

impl GroupsAccumulator for ExactGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.grow(total);
        for (group, (turnover, quantity)) in groups.iter().zip(rows(values, filter)) {
            self.add(*group, turnover, quantity)?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.grow(total);
        let turnovers = states[0].as_primitive::<Decimal256Type>();
        let quantities = states[1].as_primitive::<Decimal256Type>();
        for (row, group) in groups.iter().enumerate() {
            self.add(*group, turnovers.value(row), quantities.value(row))?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let turnovers = emit.take_needed(&mut self.turnovers);
        let quantities = emit.take_needed(&mut self.quantities);
        let averages = turnovers
            .into_iter()
            .zip(quantities)
            .map(|(turnover, quantity)| average(turnover, quantity, self.price_scale));
        Ok(Arc::new(averages.collect::<Result<Float64Array>>()?))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let turnovers = emit.take_needed(&mut self.turnovers);
        let quantities = emit.take_needed(&mut self.quantities);
        Ok(vec![sums(turnovers)?, sums(quantities)?])
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let turnovers = sums(rows(values, filter).map(|(turnover, _)| turnover))?;
        let quantities = sums(rows(values, filter).map(|(_, quantity)| quantity))?;
        Ok(vec![turnovers, quantities])
    }

    fn size(&self) -> usize {
        (self.turnovers.capacity() + self.quantities.capacity()) * size_of::<i256>()
    }
}
