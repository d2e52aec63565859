//! Arithmetic on columns of numbers: exact, or an error; a division by zero is NULL.
//!
//! Operands come in the types that `types` converts them to. Decimals are computed on their digits.
//! Where the type of the result has room for every result, nothing is checked.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Datum, PrimitiveArray, Scalar,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::kernels::arity::{binary, try_binary};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt64Type, i256,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;

use super::quotient::{Divide, power_of_ten};
use super::types::{Decimal, MAX_DIGITS, Operator};

type Computed<T> = Result<PrimitiveArray<T>, ArrowError>;

/// Applies an operator to two operands, one of which may be a single value.
///
/// # Errors
/// When a result is not in the type.
pub(super) fn compute(
    operator: Operator,
    left: &ColumnarValue,
    right: &ColumnarValue,
    result: &DataType,
) -> Result<ColumnarValue, ArrowError> {
    let is_single = [left, right].iter().all(|side| matches!(side, ColumnarValue::Scalar(_)));
    let computed = Operands::of(left, right)?.compute(operator, result)?;
    if !is_single {
        return Ok(ColumnarValue::Array(computed));
    }
    let value = ScalarValue::try_from_array(&computed, 0);
    Ok(ColumnarValue::Scalar(value.map_err(|error| ArrowError::ComputeError(error.to_string()))?))
}

/// Two columns, of which one that is a single value has one row.
struct Operands {
    left: ArrayRef,
    right: ArrayRef,
}

impl Operands {
    fn of(left: &ColumnarValue, right: &ColumnarValue) -> Result<Self, ArrowError> {
        let column = |value: &ColumnarValue| {
            let array = match value {
                ColumnarValue::Array(array) => return Ok(Arc::clone(array)),
                ColumnarValue::Scalar(value) => value.to_array(),
            };
            array.map_err(|error| ArrowError::ComputeError(error.to_string()))
        };
        let is_array = |value: &ColumnarValue| matches!(value, ColumnarValue::Array(_));
        let [left_array, right_array] = [column(left)?, column(right)?];
        // One row against none has no rows.
        let [left, right] = match (is_array(left), is_array(right)) {
            (true, false) if left_array.is_empty() => [left_array, right_array.slice(0, 0)],
            (false, true) if right_array.is_empty() => [left_array.slice(0, 0), right_array],
            _ => [left_array, right_array],
        };
        Ok(Self { left, right })
    }

    fn compute(&self, operator: Operator, result: &DataType) -> Result<ArrayRef, ArrowError> {
        match (self.left.data_type(), self.right.data_type()) {
            (DataType::Decimal128(..), DataType::Decimal128(..)) => self.decimals(operator, result),
            (DataType::Float64, _) => self.floats::<Float64Type>(operator),
            (DataType::Float32, _) => self.floats::<Float32Type>(operator),
            (DataType::Int8, _) => self.integers::<Int8Type>(operator),
            (DataType::Int16, _) => self.integers::<Int16Type>(operator),
            (DataType::Int32, _) => self.integers::<Int32Type>(operator),
            (DataType::Int64, DataType::Int64) => self.integers::<Int64Type>(operator),
            (DataType::Int64, _) => self.mixed::<Int64Type, UInt64Type>(operator),
            (_, DataType::Int64) => self.mixed::<UInt64Type, Int64Type>(operator),
            _ => self.mixed::<UInt64Type, UInt64Type>(operator),
        }
    }

    fn decimals(&self, operator: Operator, result: &DataType) -> Result<ArrayRef, ArrowError> {
        let left = self.left.as_primitive::<Decimal128Type>();
        let right = self.right.as_primitive::<Decimal128Type>();
        if operator == Operator::Divide {
            let divide = Divide::new(left.scale().unsigned_abs(), right.scale().unsigned_abs());
            let quotient = |a, b| divide.quotient(a, b);
            let divided: PrimitiveArray<Float64Type> = each(left, &without_zeros(right), quotient)?;
            return Ok(Arc::new(divided));
        }
        let work = Decimals::new(left, right);
        let digits = match operator {
            Operator::Add | Operator::Subtract => work.sums(operator),
            Operator::Multiply => work.products(),
            Operator::Remainder => work.remainders(),
            Operator::Divide | Operator::DivideWhole => work.whole_quotients(),
        }?;
        Ok(Arc::new(digits.with_data_type(result.clone())))
    }

    fn floats<T>(&self, operator: Operator) -> Result<ArrayRef, ArrowError>
    where
        T: ArrowPrimitiveType<Native: ArrowNativeTypeOp + Whole>,
    {
        let left = self.left.as_primitive::<T>();
        let right = self.right.as_primitive::<T>();
        let computed: PrimitiveArray<T> = match operator {
            Operator::Add => each(left, right, ArrowNativeTypeOp::add_wrapping),
            Operator::Subtract => each(left, right, ArrowNativeTypeOp::sub_wrapping),
            Operator::Multiply => each(left, right, ArrowNativeTypeOp::mul_wrapping),
            Operator::Divide => each(left, &without_zeros(right), ArrowNativeTypeOp::div_wrapping),
            Operator::Remainder => {
                each(left, &without_zeros(right), ArrowNativeTypeOp::mod_wrapping)
            }
            Operator::DivideWhole => {
                each(left, &without_zeros(right), |a: T::Native, b| a.div_wrapping(b).whole())
            }
        }?;
        Ok(Arc::new(computed))
    }

    fn integers<T>(&self, operator: Operator) -> Result<ArrayRef, ArrowError>
    where
        T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>,
    {
        let left = self.left.as_primitive::<T>();
        let right = self.right.as_primitive::<T>();
        let computed = match operator {
            Operator::Add => return arrays(&self.left, &self.right, numeric::add),
            Operator::Subtract => return arrays(&self.left, &self.right, numeric::sub),
            Operator::Multiply => return arrays(&self.left, &self.right, numeric::mul),
            // The smallest integer has a remainder by -1, though no quotient.
            Operator::Remainder => {
                try_each(left, &without_zeros(right), |a: T::Native, b| Ok(a.mod_wrapping(b)))
            }
            Operator::Divide | Operator::DivideWhole => {
                try_each(left, &without_zeros(right), ArrowNativeTypeOp::div_checked)
            }
        };
        let computed: PrimitiveArray<T> = computed?;
        Ok(Arc::new(computed))
    }

    /// Computes with integers of different signedness, which give a BIGINT.
    fn mixed<L, R>(&self, operator: Operator) -> Result<ArrayRef, ArrowError>
    where
        L: ArrowPrimitiveType<Native: Into<i128>>,
        R: ArrowPrimitiveType<Native: Into<i128> + ArrowNativeTypeOp>,
    {
        let left = self.left.as_primitive::<L>();
        let right = self.right.as_primitive::<R>();
        let exact = |a: i128, b: i128| match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            // The largest product is not far enough from 2^128 to wrap into a BIGINT.
            Operator::Multiply => a.wrapping_mul(b),
            Operator::Remainder => a % b,
            Operator::Divide | Operator::DivideWhole => a / b,
        };
        let narrow = |a: L::Native, b: R::Native| {
            i64::try_from(exact(a.into(), b.into())).map_err(|_| too_large())
        };
        let right = match operator {
            Operator::Add | Operator::Subtract | Operator::Multiply => right.clone(),
            _ => without_zeros(right),
        };
        let computed: PrimitiveArray<Int64Type> = try_each(left, &right, narrow)?;
        Ok(Arc::new(computed))
    }
}

/// Two columns of decimals as their digits, and what these are multiplied with so that both count
/// units of the same scale.
struct Decimals<'a> {
    left: &'a PrimitiveArray<Decimal128Type>,
    right: &'a PrimitiveArray<Decimal128Type>,
    left_unit: i128,
    right_unit: i128,
    /// Digits of the longest sum and of the longest product.
    sum_digits: u16,
    product_digits: u16,
}

impl<'a> Decimals<'a> {
    fn new(
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

    fn sums(&self, operator: Operator) -> Computed<Decimal128Type> {
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

    fn products(&self) -> Computed<Decimal128Type> {
        if self.product_digits <= MAX_DIGITS.into() {
            return each(self.left, self.right, i128::wrapping_mul);
        }
        try_each(self.left, self.right, |a: i128, b: i128| {
            match (i64::try_from(a), i64::try_from(b)) {
                // Two of 64 bits have less than 38 digits together, and are multiplied fast.
                (Ok(a), Ok(b)) => Ok(i128::from(a) * i128::from(b)),
                _ => in_digits(a.checked_mul(b)),
            }
        })
    }

    fn remainders(&self) -> Computed<Decimal128Type> {
        let left_unit = self.left_unit;
        let right_unit = self.right_unit;
        try_each(self.left, &without_zeros(self.right), |a: i128, b: i128| {
            match (a.checked_mul(left_unit), b.checked_mul(right_unit)) {
                (Some(a), Some(b)) => Ok(a % b),
                _ => in_digits(wide(a, left_unit).wrapping_rem(wide(b, right_unit)).to_i128()),
            }
        })
    }

    fn whole_quotients(&self) -> Computed<Decimal128Type> {
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

fn too_large() -> ArrowError {
    ArrowError::ArithmeticOverflow("the result is too large".to_owned())
}

/// Cuts off the fraction of a floating-point number.
trait Whole {
    fn whole(self) -> Self;
}

impl Whole for f64 {
    fn whole(self) -> Self {
        self.trunc()
    }
}

impl Whole for f32 {
    fn whole(self) -> Self {
        self.trunc()
    }
}

/// Returns the column with NULL for every zero.
fn without_zeros<T>(column: &PrimitiveArray<T>) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>,
{
    let values = column.values();
    let is_valid = BooleanBuffer::collect_bool(values.len(), |row| values[row] != T::Native::ZERO);
    let nulls = NullBuffer::union(column.nulls(), Some(&NullBuffer::new(is_valid)));
    PrimitiveArray::new(values.clone(), nulls).with_data_type(column.data_type().clone())
}

/// Applies a kernel of arrow, which takes single values as what they are.
fn arrays(
    left: &ArrayRef,
    right: &ArrayRef,
    kernel: fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    match (left.len(), right.len()) {
        (a, b) if a == b => kernel(left, right),
        (1, _) => kernel(&Scalar::new(Arc::clone(left)), right),
        _ => kernel(left, &Scalar::new(Arc::clone(right))),
    }
}

/// Applies a function to every pair of values, where a column of one row stands beside all.
fn each<L, R, O>(
    left: &PrimitiveArray<L>,
    right: &PrimitiveArray<R>,
    function: impl Fn(L::Native, R::Native) -> O::Native,
) -> Computed<O>
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    match (left.len(), right.len()) {
        (a, b) if a == b => binary(left, right, function),
        (1, rows) if left.is_null(0) => Ok(PrimitiveArray::new_null(rows)),
        (rows, 1) if right.is_null(0) => Ok(PrimitiveArray::new_null(rows)),
        (1, _) => {
            let value = left.value(0);
            Ok(right.unary(|other| function(value, other)))
        }
        _ => {
            let value = right.value(0);
            Ok(left.unary(|other| function(other, value)))
        }
    }
}

/// Does the same with a function that can fail, and that is applied where both are given.
fn try_each<L, R, O>(
    left: &PrimitiveArray<L>,
    right: &PrimitiveArray<R>,
    function: impl Fn(L::Native, R::Native) -> Result<O::Native, ArrowError>,
) -> Computed<O>
where
    L: ArrowPrimitiveType,
    R: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    match (left.len(), right.len()) {
        (a, b) if a == b => try_binary(left, right, function),
        (1, rows) if left.is_null(0) => Ok(PrimitiveArray::new_null(rows)),
        (rows, 1) if right.is_null(0) => Ok(PrimitiveArray::new_null(rows)),
        (1, _) => {
            let value = left.value(0);
            right.try_unary(|other| function(value, other))
        }
        _ => {
            let value = right.value(0);
            left.try_unary(|other| function(other, value))
        }
    }
}
