//! Arithmetic on columns of numbers: exact, or an error; a division by zero is NULL.
//!
//! Operands come in the types that `types` converts them to. Decimals are computed on their digits.
//! Where the type of the result has room for every result, nothing is checked.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, Datum, PrimitiveArray, Scalar,
};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;

use super::decimals::Decimals;
use super::pairs::{each, too_large, try_each, without_zeros};
use super::quotient::Divide;
use super::types::Operator;

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
