//! Sums of decimals and whole numbers, exactly.

use std::mem::size_of_val;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::Accumulator;

use super::super::ratio;

/// The most digits of a 256-bit number, which sums are passed on as.
pub(super) const DIGITS: u8 = 76;

/// Sums of decimals, as whole numbers of their last digit.
#[derive(Debug, Default)]
pub(super) struct ExactSums {
    turnover: i256,
    quantity: i256,
    /// Digits after the point that the turnover has and the quantity has not.
    price_scale: u32,
}

impl ExactSums {
    pub(super) fn new(price_scale: u32) -> Self {
        Self { price_scale, ..Self::default() }
    }

    /// Adds the rows of a batch. Sums are kept in 128 bits as long as they fit: most do.
    fn of(prices: &Decimal128Array, quantities: &Decimal128Array) -> Result<(i256, i256)> {
        let mut turnover = i256::ZERO;
        let mut quantity = i256::ZERO;
        let mut small = 0_i128;
        for row in 0..prices.len() {
            if prices.is_null(row) || quantities.is_null(row) {
                continue;
            }
            let price = prices.value(row);
            let size = quantities.value(row);
            let product = price.checked_mul(size);
            match product.and_then(|product| small.checked_add(product)) {
                Some(sum) => small = sum,
                None => {
                    let product = i256::from_i128(price).wrapping_mul(i256::from_i128(size));
                    turnover = turnover.checked_add(product).ok_or_else(too_large)?;
                }
            }
            quantity = quantity.wrapping_add(i256::from_i128(size));
        }
        let turnover = turnover.checked_add(i256::from_i128(small)).ok_or_else(too_large)?;
        Ok((turnover, quantity))
    }

    fn of_columns(values: &[ArrayRef]) -> Result<(i256, i256)> {
        Self::of(
            values[0].as_primitive::<Decimal128Type>(),
            values[1].as_primitive::<Decimal128Type>(),
        )
    }

    fn add(&mut self, turnover: i256, quantity: i256) -> Result<()> {
        self.turnover = self.turnover.checked_add(turnover).ok_or_else(too_large)?;
        self.quantity = self.quantity.checked_add(quantity).ok_or_else(too_large)?;
        Ok(())
    }
}

/// Returns the average price; nothing where the quantities add up to zero.
pub(super) fn average(turnover: i256, quantity: i256, price_scale: u32) -> Result<Option<f64>> {
    if quantity == i256::ZERO {
        return Ok(None);
    }
    let unit = i256::from_i128(10).checked_pow(price_scale);
    let divisor = unit.and_then(|unit| quantity.checked_mul(unit)).ok_or_else(too_large)?;
    Ok(Some(ratio::nearest(turnover, divisor)))
}

pub(super) fn too_large() -> DataFusionError {
    exec_datafusion_err!(
        "the sums of vwap have more than {DIGITS} digits: cast price and quantity to double"
    )
}

impl Accumulator for ExactSums {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (turnover, quantity) = Self::of_columns(values)?;
        self.add(turnover, quantity)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (turnover, quantity) = Self::of_columns(values)?;
        self.add(turnover.wrapping_neg(), quantity.wrapping_neg())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let average = average(self.turnover, self.quantity, self.price_scale)?;
        Ok(ScalarValue::Float64(average))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = |sum| ScalarValue::Decimal256(Some(sum), DIGITS, 0);
        Ok(vec![sum(self.turnover), sum(self.quantity)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let turnovers = states[0].as_primitive::<Decimal256Type>();
        let quantities = states[1].as_primitive::<Decimal256Type>();
        for (turnover, quantity) in turnovers.iter().zip(quantities) {
            self.add(turnover.unwrap_or_default(), quantity.unwrap_or_default())?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
