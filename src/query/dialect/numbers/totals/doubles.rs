//! Sums of doubles over a window that moves, rounded once.
//!
//! A running sum from which values are subtracted again keeps the rounding errors of all values
//! that ever were in the window, and stays NaN after an infinity has left it. Here the sum is kept
//! without rounding, as a list of doubles that do not overlap (J. R. Shewchuk, "Adaptive precision
//! floating-point arithmetic", 1997), so that what leaves takes everything with it.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Float64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

/// Values from here on are summed apart and smaller by [`SCALE`], so that no sum overflows.
const LARGE: f64 = f64::MAX / 18_446_744_073_709_551_616.0;
/// A power of two.
const SCALE: f64 = 1.0 / 340_282_366_920_938_463_463_374_607_431_768_211_456.0;

/// The sum, or the mean, of the doubles in a window.
#[derive(Debug, Default)]
pub(super) struct DoublesInWindow {
    is_average: bool,
    sum: Unrounded,
    large: Unrounded,
    /// How many values there are, and how many of them are not finite.
    count: u64,
    infinities: u64,
    negative_infinities: u64,
    nans: u64,
}

impl DoublesInWindow {
    pub(super) fn new(is_average: bool) -> Self {
        Self { is_average, ..Self::default() }
    }

    fn enter(&mut self, value: f64) {
        self.count += 1;
        match self.counter(value) {
            Some(counter) => *counter += 1,
            None => self.add(value),
        }
    }

    fn leave(&mut self, value: f64) {
        self.count = self.count.saturating_sub(1);
        match self.counter(value) {
            Some(counter) => *counter = counter.saturating_sub(1),
            None => self.add(-value),
        }
    }

    const fn counter(&mut self, value: f64) -> Option<&mut u64> {
        if value.is_nan() {
            return Some(&mut self.nans);
        }
        match value {
            f64::INFINITY => Some(&mut self.infinities),
            f64::NEG_INFINITY => Some(&mut self.negative_infinities),
            _ => None,
        }
    }

    fn add(&mut self, value: f64) {
        if value.abs() < LARGE { self.sum.add(value) } else { self.large.add(value * SCALE) }
    }

    fn total(&self) -> f64 {
        if self.nans > 0 || (self.infinities > 0 && self.negative_infinities > 0) {
            return f64::NAN;
        }
        if self.infinities > 0 {
            return f64::INFINITY;
        }
        if self.negative_infinities > 0 {
            return f64::NEG_INFINITY;
        }
        if self.large.parts.is_empty() {
            return self.sum.rounded();
        }
        let mut all = self.sum.clone();
        self.large.parts.iter().for_each(|part| all.add(part / SCALE));
        let total = all.rounded();
        if total.is_finite() {
            return total;
        }
        // Too large on the way, but perhaps not in the end. Beside it, small values do not count.
        let mut all = self.large.clone();
        self.sum.parts.iter().for_each(|part| all.add(part * SCALE));
        all.rounded() / SCALE
    }
}

impl Accumulator for DoublesInWindow {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<Float64Type>().iter().flatten().for_each(|one| self.enter(one));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        values[0].as_primitive::<Float64Type>().iter().flatten().for_each(|one| self.leave(one));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    /// A window is never made of parts; this keeps the contract all the same.
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = states[0].as_primitive::<Float64Type>().iter().flatten();
        sums.for_each(|sum| self.enter(sum));
        self.count = states[1].as_primitive::<UInt64Type>().iter().flatten().sum();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = (self.count > 0).then(|| self.total());
        Ok(vec![ScalarValue::Float64(sum), ScalarValue::UInt64(Some(self.count))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = (self.count > 0).then(|| self.total());
        let divisor = if self.is_average { self.count as f64 } else { 1.0 };
        Ok(ScalarValue::Float64(total.map(|total| total / divisor)))
    }

    fn size(&self) -> usize {
        let parts = self.sum.parts.capacity() + self.large.parts.capacity();
        size_of_val(self) + parts * size_of::<f64>()
    }
}

/// A sum of doubles as doubles that do not overlap, from the smallest to the largest.
#[derive(Clone, Debug, Default)]
struct Unrounded {
    parts: Vec<f64>,
}

impl Unrounded {
    fn add(&mut self, value: f64) {
        let mut carried = value;
        let mut kept = 0;
        for at in 0..self.parts.len() {
            let (sum, error) = sum_and_error(carried, self.parts[at]);
            if error != 0.0 {
                self.parts[kept] = error;
                kept += 1;
            }
            carried = sum;
        }
        self.parts.truncate(kept);
        if carried != 0.0 {
            self.parts.push(carried);
        }
    }

    /// Returns the nearest double.
    fn rounded(&self) -> f64 {
        let mut from_largest = self.parts.iter().rev();
        let Some(mut sum) = from_largest.next().copied() else { return 0.0 };
        while let Some(part) = from_largest.next() {
            let (rounded, error) = sum_and_error(sum, *part);
            sum = rounded;
            if error != 0.0 {
                return to_nearest(sum, error, from_largest.next().copied());
            }
        }
        sum
    }
}

/// A sum that lies in the middle of two doubles was rounded to the even one, though the rest may
/// decide for the other.
fn to_nearest(sum: f64, error: f64, rest: Option<f64>) -> f64 {
    let is_beyond = rest.is_some_and(|rest| (rest < 0.0) == (error < 0.0));
    let other = sum + error * 2.0;
    if is_beyond && other - sum == error * 2.0 { other } else { sum }
}

/// Adds two doubles; together, both results are the exact sum.
const fn sum_and_error(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    let error = (a - (sum - of_b)) + (b - of_b);
    (sum, error)
}
