//! Sums of DOUBLEs, with twice their precision.

use std::mem::size_of_val;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::super::double_double::Sum;

/// Sums of DOUBLEs.
#[derive(Debug, Default)]
pub(super) struct DoubleSums {
    turnover: Sum,
    quantity: Sum,
}

/// Calls `each` with price and quantity of every row that has both.
fn each_row(values: &[ArrayRef], mut each: impl FnMut(f64, f64)) {
    let prices: &Float64Array = values[0].as_primitive::<Float64Type>();
    for (price, quantity) in prices.iter().zip(values[1].as_primitive::<Float64Type>()) {
        if let (Some(price), Some(quantity)) = (price, quantity) {
            each(price, quantity);
        }
    }
}

impl Accumulator for DoubleSums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_row(values, |price, quantity| {
            self.turnover.add_product(price, quantity);
            self.quantity.add(quantity);
        });
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_row(values, |price, quantity| {
            self.turnover.subtract_product(price, quantity);
            self.quantity.subtract(quantity);
        });
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let quantity = self.quantity.value();
        let average = (quantity != 0.0).then(|| self.turnover.value() / quantity);
        Ok(ScalarValue::Float64(average))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut state = Vec::new();
        for sum in [&self.turnover, &self.quantity] {
            let (high, low, not_finite) = sum.parts();
            state.push(ScalarValue::Float64(Some(high)));
            state.push(ScalarValue::Float64(Some(low)));
            state.push(ScalarValue::Int64(Some(not_finite)));
        }
        Ok(state)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (sum, parts) in
            [&mut self.turnover, &mut self.quantity].into_iter().zip(states.chunks(3))
        {
            let high = parts[0].as_primitive::<Float64Type>();
            let low = parts[1].as_primitive::<Float64Type>();
            let not_finite = parts[2].as_primitive::<Int64Type>();
            for row in 0..high.len() {
                sum.merge((high.value(row), low.value(row), not_finite.value(row)));
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
