//! The exact sum of different numbers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type, i256};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

use super::exact::Outcome;
use crate::query::dialect::numbers::types::MAX_DIGITS;

/// The type of a number in a state, as whole digits.
pub(super) const ITEM: DataType = DataType::Decimal128(MAX_DIGITS, 0);

/// Different numbers, each with how often it is in the group or in the window.
#[derive(Debug)]
pub(super) struct DistinctTotal {
    numbers: HashMap<i128, u64>,
    outcome: Outcome,
}

impl DistinctTotal {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self { numbers: HashMap::new(), outcome }
    }

    fn leave(&mut self, number: i128) {
        if let Entry::Occupied(mut seen) = self.numbers.entry(number) {
            match seen.get().checked_sub(1) {
                None | Some(0) => {
                    seen.remove();
                }
                Some(left) => {
                    seen.insert(left);
                }
            }
        }
    }
}

fn each(column: &ArrayRef, mut visit: impl FnMut(i128)) -> Result<()> {
    match column.data_type() {
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().iter().flatten().for_each(|one| visit(one.into()));
        }
        DataType::UInt64 => {
            column.as_primitive::<UInt64Type>().iter().flatten().for_each(|one| visit(one.into()));
        }
        DataType::Decimal128(..) => {
            column.as_primitive::<Decimal128Type>().iter().flatten().for_each(visit);
        }
        other => return internal_err!("an exact sum of {other}"),
    }
    Ok(())
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |number| *self.numbers.entry(number).or_default() += 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], |number| self.leave(number))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for numbers in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[numbers])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let item = |number: &i128| ScalarValue::Decimal128(Some(*number), MAX_DIGITS, 0);
        let items: Vec<_> = self.numbers.keys().map(item).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&items, &ITEM))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut total = i256::ZERO;
        for number in self.numbers.keys() {
            total = total.wrapping_add(i256::from_i128(*number));
        }
        self.outcome.of(total, self.numbers.len() as u64)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.numbers.capacity() * size_of::<(i128, u64)>()
    }
}
