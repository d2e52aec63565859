//! Functions of two numbers, applied to columns: one with a single row stands beside every row of
//! the other.

use datafusion::arrow::array::{Array, ArrowNativeTypeOp, ArrowPrimitiveType, PrimitiveArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::kernels::arity::{binary, try_binary};
use datafusion::arrow::error::ArrowError;

/// A column that was computed.
pub(super) type Computed<T> = Result<PrimitiveArray<T>, ArrowError>;

/// Applies a function to every pair of values, where a column of one row stands beside all.
pub(super) fn each<L, R, O>(
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
pub(super) fn try_each<L, R, O>(
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

/// Returns the column with NULL for every zero.
pub(super) fn without_zeros<T>(column: &PrimitiveArray<T>) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType<Native: ArrowNativeTypeOp>,
{
    let values = column.values();
    let is_valid = BooleanBuffer::collect_bool(values.len(), |row| values[row] != T::Native::ZERO);
    let nulls = NullBuffer::union(column.nulls(), Some(&NullBuffer::new(is_valid)));
    PrimitiveArray::new(values.clone(), nulls).with_data_type(column.data_type().clone())
}

/// Says that a result is not in its type; which expression it is, the caller knows.
pub(super) fn too_large() -> ArrowError {
    ArrowError::ArithmeticOverflow("the result is too large".to_owned())
}
