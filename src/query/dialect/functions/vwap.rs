//! `vwap(price, quantity)`: the average price, weighted by quantity.
//!
//! Decimals and whole numbers are summed exactly, and the quotient is rounded once. DOUBLEs are
//! summed with twice their precision. Rows in which either is NULL do not count; where the
//! quantities add up to zero there is no price, and the answer is NULL.

use std::mem::size_of_val;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Float64Type, Int64Type, i256,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::double_double::Sum;
use super::ratio;

const NAME: &str = "vwap";

/// The most digits of a 256-bit number, which sums are passed on as.
const DIGITS: u8 = 76;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Vwap {
    signature: Signature,
}

impl Vwap {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Vwap {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [price, quantity] = given else {
            return plan_err!("{NAME} expects a price and a quantity: {NAME}(price, quantity)");
        };
        let types = [exact_type(price), exact_type(quantity)];
        if let [Some(price), Some(quantity)] = types {
            return Ok(vec![price, quantity]);
        }
        match [price, quantity].into_iter().find(|given| !is_number(given)) {
            Some(given) => plan_err!("{NAME} expects numbers, not {given}"),
            None => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types = match args.input_fields[0].data_type() {
            DataType::Decimal128(..) => vec![DataType::Decimal256(DIGITS, 0); 2],
            _ => vec![
                DataType::Float64,
                DataType::Float64,
                DataType::Int64,
                DataType::Float64,
                DataType::Float64,
                DataType::Int64,
            ],
        };
        let field = |(index, data_type)| {
            let name = format_state_name(args.name, &format!("sum{index}"));
            Arc::new(Field::new(name, data_type, true))
        };
        Ok(types.into_iter().enumerate().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match args.expr_fields[0].data_type() {
            DataType::Decimal128(_, scale) => {
                let price_scale = u32::try_from(*scale).unwrap_or_default();
                Ok(Box::new(ExactSums { price_scale, ..ExactSums::default() }))
            }
            _ => Ok(Box::<DoubleSums>::default()),
        }
    }
}

/// Returns the decimal that holds all values of a type exactly.
fn exact_type(given: &DataType) -> Option<DataType> {
    match given {
        DataType::Decimal128(_, scale) if *scale >= 0 => Some(given.clone()),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) if *scale >= 0 => {
            Some(DataType::Decimal128(*digits, *scale))
        }
        given if given.is_integer() => Some(DataType::Decimal128(20, 0)),
        DataType::Null => Some(DataType::Decimal128(1, 0)),
        _ => None,
    }
}

fn is_number(given: &DataType) -> bool {
    given.is_numeric() || given.is_null()
}

/// Sums of decimals, as whole numbers of their last digit.
#[derive(Debug, Default)]
struct ExactSums {
    turnover: i256,
    quantity: i256,
    /// Digits after the point that the turnover has and the quantity has not.
    price_scale: u32,
}

impl ExactSums {
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

fn too_large() -> DataFusionError {
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
        if self.quantity == i256::ZERO {
            return Ok(ScalarValue::Float64(None));
        }
        let unit = i256::from_i128(10).checked_pow(self.price_scale);
        let divisor = unit.and_then(|unit| self.quantity.checked_mul(unit));
        let divisor = divisor.ok_or_else(too_large)?;
        Ok(ScalarValue::Float64(Some(ratio::nearest(self.turnover, divisor))))
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

/// Sums of DOUBLEs.
#[derive(Debug, Default)]
struct DoubleSums {
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
