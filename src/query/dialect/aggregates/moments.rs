//! The sums that a statistic is computed from, exact for decimals and stable for doubles.
//!
//! One value here is what is known of a set of rows. Values of two sets can be merged; those of
//! decimals can be taken apart again.

use std::fmt::Debug;

use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float64Type, i256,
};
use datafusion::common::{DataFusionError, Result, exec_err};

use super::statistic::{Summary, as_double};

/// Digits of a decimal whose squares can be summed exactly over [`MAX_EXACT_ROWS`].
pub(super) const MAX_EXACT_DIGITS: u8 = 28;

/// Above this, `rows * sum of squares` of the largest decimals would not fit in 256 bits.
const MAX_EXACT_ROWS: u64 = 7_000_000_000;

/// One row's values of `N` columns.
pub(super) type Row<M, const N: usize> =
    [<<M as Moments<N>>::Column as ArrowPrimitiveType>::Native; N];

/// What is known of a set of rows of `N` columns, one or two.
pub(super) trait Moments<const N: usize>:
    Clone + Debug + Default + Send + Sync + 'static
{
    type Column: ArrowPrimitiveType;

    /// Bytes of the value as a state that is sent from one aggregation to the next.
    const WIDTH: usize;

    fn add(&mut self, row: Row<Self, N>);
    fn merge(&mut self, other: &Self);
    fn write(&self, out: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Result<Self>;

    /// Returns the summary of the rows.
    ///
    /// # Errors
    /// When there are too many rows, or finite values whose squares are beyond a double.
    fn summary(&self, scales: [i8; 2]) -> Result<Summary>;

    /// Returns a number that is equal for equal values alone and sorts like them.
    fn key(value: <Self::Column as ArrowPrimitiveType>::Native) -> i128;
    fn of_key(key: i128) -> <Self::Column as ArrowPrimitiveType>::Native;
}

/// Returns the scales of decimal columns, 0 for a column that is missing.
pub(super) fn scales(types: &[DataType]) -> [i8; 2] {
    let scale = |index| match types.get(index) {
        Some(DataType::Decimal128(_, scale)) => *scale,
        _ => 0,
    };
    [scale(0), scale(1)]
}

/// Sums over decimals (and integers), in units of the columns' last digits.
#[derive(Clone, Debug)]
pub(super) struct ExactMoments<const N: usize> {
    count: u64,
    sums: [i128; N],
    squares: [i256; N],
    products: i256,
}

impl<const N: usize> Default for ExactMoments<N> {
    fn default() -> Self {
        Self { count: 0, sums: [0; N], squares: [i256::ZERO; N], products: i256::ZERO }
    }
}

impl<const N: usize> ExactMoments<N> {
    /// Takes a row out again.
    pub(super) fn remove(&mut self, row: [i128; N]) {
        self.count -= 1;
        for (column, value) in row.into_iter().enumerate() {
            self.sums[column] = self.sums[column].wrapping_sub(value);
            self.squares[column] = self.squares[column].wrapping_sub(product(value, value));
        }
        if N == 2 {
            self.products = self.products.wrapping_sub(product(row[0], row[N - 1]));
        }
    }

    /// Returns the sum of the products of the deviations of two columns from their means.
    fn deviations(&self, products: i256, columns: [usize; 2], scales: [i8; 2]) -> f64 {
        let rows = i256::from_i128(i128::from(self.count));
        let [one, other] = columns.map(|column| i256::from_i128(self.sums[column]));
        let exact = rows.wrapping_mul(products).wrapping_sub(one.wrapping_mul(other));
        let [one, other] = columns.map(|column| power_of_ten(scales[column]));
        wide_as_double(exact) / as_double(self.count) / one / other
    }

    fn mean(&self, column: usize, scales: [i8; 2]) -> f64 {
        narrow_as_double(self.sums[column]) / as_double(self.count) / power_of_ten(scales[column])
    }
}

impl<const N: usize> Moments<N> for ExactMoments<N> {
    type Column = Decimal128Type;

    const WIDTH: usize = 8 + N * 48 + 32;

    fn add(&mut self, row: [i128; N]) {
        self.count += 1;
        for (column, value) in row.into_iter().enumerate() {
            self.sums[column] = self.sums[column].wrapping_add(value);
            self.squares[column] = self.squares[column].wrapping_add(product(value, value));
        }
        if N == 2 {
            self.products = self.products.wrapping_add(product(row[0], row[N - 1]));
        }
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for column in 0..N {
            self.sums[column] = self.sums[column].wrapping_add(other.sums[column]);
            self.squares[column] = self.squares[column].wrapping_add(other.squares[column]);
        }
        self.products = self.products.wrapping_add(other.products);
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        for column in 0..N {
            out.extend(self.sums[column].to_le_bytes());
            out.extend(self.squares[column].to_le_bytes());
        }
        out.extend(self.products.to_le_bytes());
    }

    fn read(mut bytes: &[u8]) -> Result<Self> {
        let mut read = Self { count: u64::from_le_bytes(take(&mut bytes)?), ..Self::default() };
        for column in 0..N {
            read.sums[column] = i128::from_le_bytes(take(&mut bytes)?);
            read.squares[column] = i256::from_le_bytes(take(&mut bytes)?);
        }
        read.products = i256::from_le_bytes(take(&mut bytes)?);
        Ok(read)
    }

    fn summary(&self, scales: [i8; 2]) -> Result<Summary> {
        if self.count == 0 {
            return Ok(Summary::default());
        }
        if self.count > MAX_EXACT_ROWS {
            return exec_err!("a statistic of more than {MAX_EXACT_ROWS} rows of decimals");
        }
        let last = N - 1;
        let squares = |column| self.deviations(self.squares[column], [column; 2], scales);
        Ok(Summary {
            count: self.count,
            mean_x: self.mean(last, scales),
            mean_y: self.mean(0, scales),
            xx: squares(last),
            yy: squares(0),
            xy: if N == 2 { self.deviations(self.products, [0, last], scales) } else { 0.0 },
        })
    }

    fn key(value: i128) -> i128 {
        value
    }

    fn of_key(key: i128) -> i128 {
        key
    }
}

/// Means and sums of squared deviations over doubles, by Welford's recurrence; sets are merged by
/// the formula of Chan, Golub and LeVeque.
#[derive(Clone, Debug)]
pub(super) struct FloatMoments<const N: usize> {
    count: u64,
    means: [f64; N],
    squares: [f64; N],
    products: f64,
    /// Rows with an infinity or NaN.
    not_finite: u64,
}

impl<const N: usize> Default for FloatMoments<N> {
    fn default() -> Self {
        Self { count: 0, means: [0.0; N], squares: [0.0; N], products: 0.0, not_finite: 0 }
    }
}

impl<const N: usize> Moments<N> for FloatMoments<N> {
    type Column = Float64Type;

    const WIDTH: usize = 24 + N * 16;

    fn add(&mut self, row: [f64; N]) {
        self.count += 1;
        self.not_finite += u64::from(!row.iter().all(|value| value.is_finite()));
        let before: [f64; N] = std::array::from_fn(|column| row[column] - self.means[column]);
        for column in 0..N {
            self.means[column] += before[column] / as_double(self.count);
            self.squares[column] += before[column] * (row[column] - self.means[column]);
        }
        if N == 2 {
            self.products += before[0] * (row[N - 1] - self.means[N - 1]);
        }
    }

    fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            if self.count == 0 {
                self.clone_from(other);
            }
            return;
        }
        let count = self.count + other.count;
        let share = as_double(other.count) / as_double(count);
        let weight = as_double(self.count) * share;
        let apart: [f64; N] =
            std::array::from_fn(|column| other.means[column] - self.means[column]);
        for (column, apart) in apart.iter().enumerate() {
            self.means[column] += apart * share;
            self.squares[column] += other.squares[column] + apart * apart * weight;
        }
        if N == 2 {
            self.products += other.products + apart[0] * apart[N - 1] * weight;
        }
        self.count = count;
        self.not_finite += other.not_finite;
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.count.to_le_bytes());
        for column in 0..N {
            out.extend(self.means[column].to_le_bytes());
            out.extend(self.squares[column].to_le_bytes());
        }
        out.extend(self.products.to_le_bytes());
        out.extend(self.not_finite.to_le_bytes());
    }

    fn read(mut bytes: &[u8]) -> Result<Self> {
        let mut read = Self { count: u64::from_le_bytes(take(&mut bytes)?), ..Self::default() };
        for column in 0..N {
            read.means[column] = f64::from_le_bytes(take(&mut bytes)?);
            read.squares[column] = f64::from_le_bytes(take(&mut bytes)?);
        }
        read.products = f64::from_le_bytes(take(&mut bytes)?);
        read.not_finite = u64::from_le_bytes(take(&mut bytes)?);
        Ok(read)
    }

    fn summary(&self, _: [i8; 2]) -> Result<Summary> {
        let last = N - 1;
        let summary = Summary {
            count: self.count,
            mean_x: self.means[last],
            mean_y: self.means[0],
            xx: self.squares[last],
            yy: self.squares[0],
            xy: self.products,
        };
        let sums = [summary.xx, summary.yy, summary.xy];
        if self.not_finite == 0 && !sums.iter().all(|sum| sum.is_finite()) {
            return exec_err!("a statistic of values whose squares are beyond a double");
        }
        Ok(summary)
    }

    /// Flips the bits of negative numbers, so that integers sort as doubles do.
    fn key(value: f64) -> i128 {
        let value = if value == 0.0 { 0.0 } else { value };
        let bits = i64::from_ne_bytes(value.to_ne_bytes());
        i128::from(bits ^ ((bits >> 63) & i64::MAX))
    }

    fn of_key(key: i128) -> f64 {
        let bits = i64::try_from(key).unwrap_or_default();
        f64::from_ne_bytes((bits ^ ((bits >> 63) & i64::MAX)).to_ne_bytes())
    }
}

/// Most values fit in 64 bits, whose product one instruction makes.
const fn product(one: i128, other: i128) -> i256 {
    const fn is_narrow(value: i128) -> bool {
        value <= i64::MAX as i128 && value >= i64::MIN as i128
    }
    if is_narrow(one) && is_narrow(other) {
        return i256::from_i128(one * other);
    }
    i256::from_i128(one).wrapping_mul(i256::from_i128(other))
}

fn power_of_ten(digits: i8) -> f64 {
    10_f64.powi(i32::from(digits))
}

#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest double is the purpose")]
const fn narrow_as_double(value: i128) -> f64 {
    value as f64
}

/// Rounds the value to a double from its two halves, the upper of which are multiples of 2^128.
fn wide_as_double(value: i256) -> f64 {
    match value.to_i128() {
        Some(narrow) => narrow_as_double(narrow),
        None => {
            let (low, high) = value.to_parts();
            narrow_as_double(high).mul_add(2_f64.powi(128), unsigned_as_double(low))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest double is the purpose")]
const fn unsigned_as_double(value: u128) -> f64 {
    value as f64
}

fn take<const BYTES: usize>(bytes: &mut &[u8]) -> Result<[u8; BYTES]> {
    let Some((first, rest)) = bytes.split_first_chunk::<BYTES>() else {
        let message = "the state of a statistic is too short".to_owned();
        return Err(DataFusionError::Internal(message));
    };
    *bytes = rest;
    Ok(*first)
}
