//! Arithmetic on the digits of decimals.

use datafusion::arrow::array::PrimitiveArray;
use datafusion::arrow::datatypes::{Decimal128Type, i256};
use datafusion::arrow::error::ArrowError;

use super::pairs::{Computed, each, too_large, try_each, without_zeros};
use super::quotient::power_of_ten;
use super::types::{Decimal, MAX_DIGITS, Operator};

/// Two columns of decimals as their digits, and what these are multiplied with so that both count
/// units of the same scale.
pub(super) struct Decimals<'a> {
    left: &'a PrimitiveArray<Decimal128Type>,
    right: &'a PrimitiveArray<Decimal128Type>,
    left_unit: i128,
    right_unit: i128,
    /// Digits of the longest sum and of the longest product.
    sum_digits: u16,
    product_digits: u16,
}

impl<'a> Decimals<'a> {
    /// Takes two columns together.
    pub(super) fn new(
        left: &'a PrimitiveArray<Decimal128Type>,
        right: &'a PrimitiveArray<Decimal128Type>,
    ) -> Self {
        let scale = left.scale().max(right.scale());
        let unit = |own: i8| power_of_ten((scale - own).unsigned_abs()).cast_signed();
        let a = Decimal::new(left.precision(), left.scale());
        let b = Decimal::new(right.precision(), right.scale());
        let both = a.union(b);
        Self {
            left,
            right,
            left_unit: unit(left.scale()),
            right_unit: unit(right.scale()),
            sum_digits: both.whole + both.places + 1,
            product_digits: a.whole + a.places + b.whole + b.places,
        }
    }

    /// Adds, or subtracts.
    pub(super) fn sums(&self, operator: Operator) -> Computed<Decimal128Type> {
        let sign = if operator == Operator::Subtract { -1 } else { 1 };
        let left_unit = self.left_unit;
        let right_unit = self.right_unit * sign;
        if self.sum_digits <= MAX_DIGITS.into() {
            // What a row without a value has in its place may be anything.
            let sum = |a: i128, b: i128| {
                a.wrapping_mul(left_unit).wrapping_add(b.wrapping_mul(right_unit))
            };
            return each(self.left, self.right, sum);
        }
        try_each(self.left, self.right, |a: i128, b: i128| {
            let sum = match (a.checked_mul(left_unit), b.checked_mul(right_unit)) {
                (Some(a), Some(b)) => a.checked_add(b),
                // One may be beyond the limit, and the other bring it back.
                _ => wide(a, left_unit).wrapping_add(wide(b, right_unit)).to_i128(),
            };
            in_digits(sum)
        })
    }

    /// Multiplies.
    pub(super) fn products(&self) -> Computed<Decimal128Type> {
        if self.product_digits <= MAX_DIGITS.into() {
            return each(self.left, self.right, i128::wrapping_mul);
        }
        try_each(self.left, self.right, |a: i128, b: i128| {
            match (i64::try_from(a), i64::try_from(b)) {
                // Two of 64 bits have at most 38 digits together, and are multiplied fast.
                (Ok(a), Ok(b)) => Ok(i128::from(a) * i128::from(b)),
                _ => in_digits(a.checked_mul(b)),
            }
        })
    }

    /// Returns remainders, and NULL by zero.
    pub(super) fn remainders(&self) -> Computed<Decimal128Type> {
        let left_unit = self.left_unit;
        let right_unit = self.right_unit;
        try_each(self.left, &without_zeros(self.right), |a: i128, b: i128| {
            match (a.checked_mul(left_unit), b.checked_mul(right_unit)) {
                (Some(a), Some(b)) => Ok(a % b),
                _ => in_digits(wide(a, left_unit).wrapping_rem(wide(b, right_unit)).to_i128()),
            }
        })
    }

    /// Returns quotients without their fraction, and NULL by zero.
    pub(super) fn whole_quotients(&self) -> Computed<Decimal128Type> {
        let left_unit = self.left_unit;
        let right_unit = self.right_unit;
        try_each(self.left, &without_zeros(self.right), |a: i128, b: i128| {
            match (a.checked_mul(left_unit), b.checked_mul(right_unit)) {
                (Some(a), Some(b)) => Ok(a / b),
                _ => in_digits(wide(a, left_unit).wrapping_div(wide(b, right_unit)).to_i128()),
            }
        })
    }
}

fn wide(digits: i128, unit: i128) -> i256 {
    i256::from_i128(digits).wrapping_mul(i256::from_i128(unit))
}

/// Makes sure that a number has no more digits than a decimal.
fn in_digits(digits: Option<i128>) -> Result<i128, ArrowError> {
    let limit = power_of_ten(MAX_DIGITS);
    digits.filter(|digits| digits.unsigned_abs() < limit).ok_or_else(too_large)
}
