//! What functions of one number have in common: which types they take, and that a single value is
//! computed as a column of one row.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

use super::types::MAX_DIGITS;

/// Returns the type in which a function takes its number: a decimal as it is, an integer as a
/// `BIGINT`, and every floating-point number as a double.
///
/// # Errors
/// When there is not one argument, or it is no number.
pub(super) fn taken_as(function: &str, types: &[DataType]) -> Result<Vec<DataType>> {
    let [number] = take_function_args(function, types)?;
    Ok(vec![match number {
        DataType::Decimal128(..) => number.clone(),
        DataType::UInt64 => DataType::Decimal128(MAX_DIGITS, 0),
        integer if integer.is_integer() => DataType::Int64,
        DataType::Null => DataType::Int64,
        float if float.is_floating() => DataType::Float64,
        other => return plan_err!("`{function}` is of a number, not of {other}"),
    }])
}

/// Computes a function of columns for its one argument.
///
/// # Errors
/// Those of `compute`.
pub(super) fn computed(
    function: &str,
    args: &ScalarFunctionArgs,
    compute: impl FnOnce(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let [number] = take_function_args(function, &args.args)?;
    match number {
        ColumnarValue::Array(numbers) => compute(numbers).map(ColumnarValue::Array),
        ColumnarValue::Scalar(number) => {
            let result = compute(&number.to_array()?)?;
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
        }
    }
}
