//! Quotients of exact numbers as doubles, rounded once: to the nearest, and to even in the middle.
//!
//! Three ways give the same double. Two whole numbers that are doubles themselves are divided as
//! doubles, which rounds once. What fits in 128 bits is divided there, anything else in 256.

use datafusion::arrow::datatypes::i256;

/// The first whole number whose successor is not a double.
const EXACT: u128 = 1 << f64::MANTISSA_DIGITS;

/// Bits of a quotient that decide how it is rounded: those of a double, the next one, and one that
/// says whether anything is left.
const ENOUGH: u32 = f64::MANTISSA_DIGITS + 2;

/// Divides decimals of two scales, 0 to 38, that are given by their digits.
pub(super) struct Divide {
    /// The powers of ten that the digits of dividend and divisor are multiplied with, one of them
    /// 1, so that both count the same unit.
    up: u128,
    down: u128,
}

impl Divide {
    pub(super) const fn new(dividend_scale: u8, divisor_scale: u8) -> Self {
        Self {
            up: power_of_ten(divisor_scale.saturating_sub(dividend_scale)),
            down: power_of_ten(dividend_scale.saturating_sub(divisor_scale)),
        }
    }

    /// Divides; the quotient by zero, which callers replace by NULL, is zero.
    pub(super) fn quotient(&self, dividend: i128, divisor: i128) -> f64 {
        if dividend == 0 || divisor == 0 {
            return 0.0;
        }
        let above = dividend.unsigned_abs();
        let below = divisor.unsigned_abs();
        let size = match (above.checked_mul(self.up), below.checked_mul(self.down)) {
            (Some(above), Some(below)) => ratio(above, below),
            _ => wide_ratio(product(above, self.up), product(below, self.down)),
        };
        if (dividend < 0) == (divisor < 0) { size } else { -size }
    }
}

/// Divides a sum by how many numbers it is of; the sum's digits count units of a scale.
pub(in super::super) fn mean(sum: i256, count: u64, scale: u8) -> f64 {
    let below = i256::from_i128(count.into());
    let below = below.wrapping_mul(i256::from_parts(power_of_ten(scale), 0));
    let above = sum.wrapping_abs();
    let size = match (above.to_parts(), below.to_parts()) {
        ((above, 0), (below, 0)) => ratio(above, below),
        _ => wide_ratio(above, below),
    };
    if sum.is_negative() { -size } else { size }
}

/// Returns ten to the power of a scale.
pub(super) const fn power_of_ten(scale: u8) -> u128 {
    10_u128.saturating_pow(scale as u32)
}

fn product(a: u128, b: u128) -> i256 {
    i256::from_parts(a, 0).wrapping_mul(i256::from_parts(b, 0))
}

fn ratio(above: u128, below: u128) -> f64 {
    if above < EXACT && below < EXACT {
        return above as f64 / below as f64;
    }
    // Shifted to the left, the dividend gives all bits that decide in one division, unless the
    // divisor is too long.
    if above == 0 || below.leading_zeros() < ENOUGH {
        return wide_ratio(i256::from_parts(above, 0), i256::from_parts(below, 0));
    }
    let shift = above.leading_zeros();
    let dividend = above << shift;
    let quotient = dividend / below;
    rounded(quotient, dividend != quotient * below, -shift.cast_signed())
}

fn wide_ratio(above: i256, below: i256) -> f64 {
    let mut quotient = above.wrapping_div(below);
    let mut rest = above.wrapping_rem(below);
    let mut exponent = 0;
    // Long division, by as many bits at a time as there is room for.
    while rest != i256::ZERO && bits(quotient) < ENOUGH {
        let step = (below.leading_zeros() - 1).min(u64::BITS);
        rest = shifted(rest, step);
        quotient = shifted(quotient, step).wrapping_add(rest.wrapping_div(below));
        rest = rest.wrapping_rem(below);
        exponent -= step.cast_signed();
    }
    let excess = bits(quotient).saturating_sub(u128::BITS);
    let is_cut = quotient.trailing_zeros() < excess;
    let kept = quotient >> u8::try_from(excess).unwrap_or(0);
    rounded(kept.to_parts().0, is_cut || rest != i256::ZERO, exponent + excess.cast_signed())
}

const fn bits(number: i256) -> u32 {
    u128::BITS * 2 - number.leading_zeros()
}

fn shifted(number: i256, bits: u32) -> i256 {
    number << u8::try_from(bits).unwrap_or(0)
}

/// Rounds `number * 2^exponent`, of which a smaller part may be missing.
fn rounded(number: u128, is_cut: bool, exponent: i32) -> f64 {
    let excess = (u128::BITS - number.leading_zeros()).saturating_sub(u64::BITS);
    let kept = (number >> excess) as u64;
    let is_cut = is_cut || number.trailing_zeros() < excess;
    // The last bit is below the one that decides, so that it can say that something was cut.
    let kept = kept | u64::from(is_cut);
    kept as f64 * 2_f64.powi(exponent + excess.cast_signed())
}
