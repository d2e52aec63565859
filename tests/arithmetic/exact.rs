//! Exact numbers as fractions of big integers, to compare answers with.

use num_bigint::BigInt;

/// A fraction whose lower part is positive.
#[derive(Clone, Debug)]
pub(super) struct Fraction {
    pub(super) above: BigInt,
    pub(super) below: BigInt,
}

pub(super) fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

impl Fraction {
    pub(super) fn new(above: BigInt, below: BigInt) -> Self {
        if below < BigInt::ZERO {
            Self { above: -above, below: -below }
        } else {
            Self { above, below }
        }
    }

    /// Reads what a decimal or an integer is written as.
    pub(super) fn parse(text: &str) -> Self {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}").parse().unwrap();
        Self::new(digits, power_of_ten(u32::try_from(fraction.len()).unwrap()))
    }

    /// Returns the exact value of a finite double.
    pub(super) fn of_double(number: f64) -> Self {
        let bits = number.abs().to_bits();
        let exponent = i32::try_from(bits >> 52).unwrap();
        let fraction = bits & ((1 << 52) - 1);
        let whole = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let whole = BigInt::from(whole) * if number < 0.0 { -1 } else { 1 };
        let shift = exponent.max(1) - 1075;
        if shift >= 0 {
            Self::new(whole << shift, BigInt::from(1))
        } else {
            Self::new(whole, BigInt::from(1) << -shift)
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let above = &self.above * &other.below + &other.above * &self.below;
        Self::new(above, &self.below * &other.below)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.plus(&Self::new(-&other.above, other.below.clone()))
    }

    pub(super) fn times(&self, other: &Self) -> Self {
        Self::new(&self.above * &other.above, &self.below * &other.below)
    }

    pub(super) fn over(&self, other: &Self) -> Self {
        Self::new(&self.above * &other.below, &self.below * &other.above)
    }

    /// Returns the part before the point.
    pub(super) fn whole(&self) -> Self {
        Self::new(&self.above / &self.below, BigInt::from(1))
    }

    pub(super) fn equals(&self, other: &Self) -> bool {
        &self.above * &other.below == &other.above * &self.below
    }

    /// Returns whether a double is the nearest there is, and the even one of two that are.
    pub(super) fn rounds_to(&self, number: f64) -> bool {
        let away = |double: f64| {
            let gap = self.minus(&Self::of_double(double));
            if gap.above < BigInt::ZERO { Self::new(-gap.above, gap.below) } else { gap }
        };
        let closer = |a: &Self, b: &Self| &a.above * &b.below < &b.above * &a.below;
        let own = away(number);
        [number.next_up(), number.next_down()].into_iter().all(|other| {
            let other = away(other);
            let is_even = number.to_bits() & 1 == 0;
            closer(&own, &other) || (is_even && own.equals(&other))
        })
    }
}
