//! The quotient of two large whole numbers as the nearest DOUBLE.

use datafusion::arrow::datatypes::i256;

/// Bits of the quotient that are computed one by one: more than a DOUBLE has, so that one rounding
/// at the end is the right one.
const BITS: u32 = 64;

/// Divides exactly and rounds once; the divisor must not be zero.
///
/// Both are far from the limits of 256 bits: sums of products of decimals.
pub(super) fn nearest(dividend: i256, divisor: i256) -> f64 {
    let is_negative = dividend.is_negative() != divisor.is_negative();
    let divisor = divisor.wrapping_abs();
    let dividend = dividend.wrapping_abs();
    let mut quotient = dividend.wrapping_div(divisor);
    let mut rest = dividend.wrapping_rem(divisor);
    let mut exponent = 0;
    while rest != i256::ZERO && quotient < i256::from_i128(1 << BITS) {
        let twice = rest.wrapping_add(rest);
        let fits = twice >= divisor;
        rest = if fits { twice.wrapping_sub(divisor) } else { twice };
        let bit = i256::from_i128(fits.into());
        quotient = quotient.wrapping_add(quotient).wrapping_add(bit);
        exponent -= 1;
    }
    let size = rounded(quotient, rest != i256::ZERO) * 2.0_f64.powi(exponent);
    if is_negative { -size } else { size }
}

/// Rounds a positive number of which something below its last bit may be left out.
fn rounded(number: i256, has_rest: bool) -> f64 {
    let mut number = number;
    let mut has_rest = has_rest;
    let mut exponent = 0;
    while number > i256::from_i128(i128::MAX >> 1) {
        has_rest |= number & i256::ONE == i256::ONE;
        number = number >> 1;
        exponent += 1;
    }
    let number = number.as_i128() | i128::from(has_rest);
    number as f64 * 2.0_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotient(dividend: i128, divisor: i128) -> f64 {
        nearest(i256::from_i128(dividend), i256::from_i128(divisor))
    }

    #[test]
    fn quotients_are_rounded_once() {
        assert_eq!(quotient(1, 3), 1.0 / 3.0);
        assert_eq!(quotient(-7, 2), -3.5);
        assert_eq!(quotient(0, 5), 0.0);
        assert_eq!(quotient(9_007_199_254_740_993, 1), 9_007_199_254_740_992.0);
        // One part in 2^90 above the middle of two doubles is rounded up.
        assert_eq!(quotient((9_007_199_254_740_993 << 60) + 1, 1 << 60), 9_007_199_254_740_994.0);
        assert_eq!(quotient(1, 10_i128.pow(37)), 1e-37);
        let large = i256::from_i128(i128::MAX).wrapping_mul(i256::from_i128(1 << 100));
        assert_eq!(nearest(large, i256::from_i128(1 << 100)), i128::MAX as f64);
    }
}
