//! A sum of DOUBLEs that keeps what each addition rounds away.

/// The sum as two numbers, of which the second holds what the first is too coarse for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sum {
    high: f64,
    low: f64,
    /// Infinite values and NaN, which cannot be taken out of a sum again.
    not_finite: i64,
}

impl Sum {
    /// Adds a value.
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.not_finite += 1;
            return;
        }
        let sum = self.high + value;
        let of_value = sum - self.high;
        self.low += (self.high - (sum - of_value)) + (value - of_value);
        self.high = sum;
    }

    /// Adds the product of two values, with what its rounding leaves out.
    pub(super) fn add_product(&mut self, left: f64, right: f64) {
        let product = left * right;
        self.add(product);
        if product.is_finite() {
            self.add(left.mul_add(right, -product));
        }
    }

    /// Takes a product out that was added.
    pub(super) fn subtract_product(&mut self, left: f64, right: f64) {
        if (left * right).is_finite() {
            self.add_product(-left, right);
        } else {
            self.not_finite -= 1;
        }
    }

    /// Takes a value out that was added.
    pub(super) fn subtract(&mut self, value: f64) {
        if value.is_finite() {
            self.add(-value);
        } else {
            self.not_finite -= 1;
        }
    }

    /// Returns the sum: NaN if a value was no finite number.
    pub(super) fn value(&self) -> f64 {
        if self.not_finite != 0 { f64::NAN } else { self.high + self.low }
    }

    /// Returns the parts of the sum.
    pub(super) const fn parts(&self) -> (f64, f64, i64) {
        (self.high, self.low, self.not_finite)
    }

    /// Adds another sum, given by its parts.
    pub(super) fn merge(&mut self, (high, low, not_finite): (f64, f64, i64)) {
        self.add(high);
        self.add(low);
        self.not_finite += not_finite;
    }
}
