//! The exact sum of one group or window, and what is made of it.

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DECIMAL256_MAX_PRECISION, DataType, Decimal128Type, Decimal256Type, Int64Type, UInt64Type, i256,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::AccumulatorArgs;

use crate::query::dialect::numbers::quotient::{mean, power_of_ten};
use crate::query::dialect::numbers::text;
use crate::query::dialect::numbers::types::MAX_DIGITS;

/// The type of a sum that is not complete, as whole digits; it never leaves a plan.
pub(super) const TOTAL: DataType = DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0);

/// What is made of a sum.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The sum in its type, if it fits, and the argument's text for a message that it does not.
    Sum { data_type: DataType, argument: String },
    /// The mean, of numbers with so many decimal places.
    Average { scale: u8 },
}

impl Outcome {
    pub(super) fn sum(args: &AccumulatorArgs) -> Self {
        let argument = args.exprs.first().map(text::expression).unwrap_or_default();
        Self::Sum { data_type: args.return_type().clone(), argument }
    }

    /// Makes the result of a sum and how many numbers it is of; NULL of none.
    ///
    /// # Errors
    /// When the sum is not in its type.
    pub(super) fn of(&self, total: i256, count: u64) -> Result<ScalarValue> {
        let is_empty = count == 0;
        Ok(match self {
            Self::Average { scale } => {
                ScalarValue::Float64((!is_empty).then(|| mean(total, count, *scale)))
            }
            Self::Sum { data_type, .. } if is_empty => ScalarValue::try_from(data_type)?,
            Self::Sum { data_type: DataType::Decimal128(precision, scale), .. } => {
                ScalarValue::Decimal128(Some(self.decimal(total)?), *precision, *scale)
            }
            Self::Sum { data_type: DataType::UInt64, .. } => {
                ScalarValue::UInt64(Some(self.integer(total)?))
            }
            Self::Sum { .. } => ScalarValue::Int64(Some(self.integer(total)?)),
        })
    }

    /// Returns the digits of a sum of decimals.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn decimal(&self, total: i256) -> Result<i128> {
        let limit = power_of_ten(MAX_DIGITS);
        let digits = total.to_i128().filter(|digits| digits.unsigned_abs() < limit);
        digits.ok_or_else(|| self.overflow())
    }

    /// Returns a sum of integers.
    ///
    /// # Errors
    /// When it is too large.
    pub(super) fn integer<T: TryFrom<i128>>(&self, total: i256) -> Result<T> {
        let total = total.to_i128().and_then(|total| T::try_from(total).ok());
        total.ok_or_else(|| self.overflow())
    }

    fn overflow(&self) -> DataFusionError {
        // An error of the statement, though only its values show it.
        DataFusionError::Plan(match self {
            Self::Sum { data_type, argument } => text::sum_overflow(argument, data_type),
            Self::Average { .. } => "a mean has no type that it is too large for".to_owned(),
        })
    }
}

/// Adds up the numbers of a column that has no more rows than a batch.
///
/// # Errors
/// When it is no column of exact numbers.
pub(super) fn total_of(column: &ArrayRef) -> Result<(i256, u64)> {
    let count = (column.len() - column.null_count()) as u64;
    let total = match column.data_type() {
        DataType::Int64 => total(column.as_primitive::<Int64Type>()),
        DataType::UInt64 => total(column.as_primitive::<UInt64Type>()),
        DataType::Decimal128(..) => total(column.as_primitive::<Decimal128Type>()),
        other => return internal_err!("an exact sum of {other}"),
    };
    Ok((total, count))
}

fn total<T>(column: &PrimitiveArray<T>) -> i256
where
    T: ArrowPrimitiveType<Native: Into<i128>>,
{
    let mut low = 0_i128;
    // How often the sum went around, which it hardly ever does.
    let mut turns = 0_i128;
    let mut add = |value: i128| {
        let (sum, is_around) = low.overflowing_add(value);
        low = sum;
        if is_around {
            turns += value.signum();
        }
    };
    if column.null_count() == 0 {
        column.values().iter().for_each(|value| add((*value).into()));
    } else {
        column.iter().flatten().for_each(|value| add(value.into()));
    }
    i256::from_i128(low).wrapping_add(i256::from_parts(0, turns))
}

/// The sum of one group, or of a window that moves.
#[derive(Debug)]
pub(super) struct ExactTotal {
    total: i256,
    count: u64,
    outcome: Outcome,
}

impl ExactTotal {
    pub(super) const fn new(outcome: Outcome) -> Self {
        Self { total: i256::ZERO, count: 0, outcome }
    }
}

impl Accumulator for ExactTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = total_of(&values[0])?;
        self.total = self.total.wrapping_add(total);
        self.count += count;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = total_of(&values[0])?;
        self.total = self.total.wrapping_sub(total);
        match self.count.checked_sub(count) {
            Some(count) => self.count = count,
            None => return exec_err!("more rows left a window than had entered it"),
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let totals = states[0].as_primitive::<Decimal256Type>();
        for total in totals.iter().flatten() {
            self.total = self.total.wrapping_add(total);
        }
        self.count += states[1].as_primitive::<UInt64Type>().iter().flatten().sum::<u64>();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let total = ScalarValue::Decimal256(Some(self.total), DECIMAL256_MAX_PRECISION, 0);
        Ok(vec![total, ScalarValue::UInt64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.outcome.of(self.total, self.count)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
