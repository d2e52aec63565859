//! Times as microseconds since 1970, which is what the functions on times compute with.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

pub(super) const MILLISECOND: i64 = 1_000;
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const DAY: i64 = 86_400 * SECOND;

/// Returns the type of times in the lake: microseconds in UTC.
pub(super) fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Returns the type in which a function reads an argument that is a time: microseconds, a date, or
/// for a text a time in UTC; nothing for what is no time.
pub(super) fn time_type(given: &DataType) -> Option<DataType> {
    match given {
        DataType::Timestamp(_, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Date32 | DataType::Date64 => Some(DataType::Date32),
        given if is_text(given) => Some(utc()),
        _ => None,
    }
}

/// Returns whether values of a type are texts, or NULL without a type.
pub(super) fn is_text(given: &DataType) -> bool {
    match given {
        DataType::Dictionary(_, value) => is_text(value),
        given => given.is_null() || given.is_string(),
    }
}

/// Refuses a call with what is no time.
pub(super) fn no_time<T>(function: &str, given: &DataType) -> Result<T> {
    plan_err!("{function} expects a time, not {given}: cast it to timestamp")
}

/// Reads times as microseconds of their own clock: what the calendar of their zone shows.
pub(super) fn local_micros(times: &ArrayRef) -> Result<PrimitiveArray<TimestampMicrosecondType>> {
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    Ok(times.as_primitive().clone())
}

/// Reads times as microseconds since 1970 in UTC.
pub(super) fn utc_micros(times: &ArrayRef) -> Result<PrimitiveArray<TimestampMicrosecondType>> {
    let times = cast(times, &utc())?;
    Ok(times.as_primitive().clone())
}

/// Computes a value of each one of a column, and gives a single value for a single one.
pub(super) fn map<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    of_one: bool,
    values: &PrimitiveArray<I>,
    result: &DataType,
    compute: impl Fn(I::Native) -> Result<O::Native>,
) -> Result<ColumnarValue> {
    let computed =
        values.try_unary::<_, O, DataFusionError>(compute)?.with_data_type(result.clone());
    returned(of_one, Arc::new(computed))
}

/// Gives an array back as what it was computed from: a column, or a single value.
pub(super) fn returned(of_one: bool, computed: ArrayRef) -> Result<ColumnarValue> {
    if of_one && computed.len() == 1 {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&computed, 0)?));
    }
    Ok(ColumnarValue::Array(computed))
}

/// Returns an argument as a column: of all rows, or of one if every argument is a single value.
pub(super) fn column(args: &ScalarFunctionArgs, index: usize) -> Result<ArrayRef> {
    let rows = if are_single(args) { 1 } else { args.number_rows };
    args.args[index].to_array(rows)
}

/// Returns whether every argument is a single value.
pub(super) fn are_single(args: &ScalarFunctionArgs) -> bool {
    args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)))
}

/// Returns an argument that has to be the same for all rows.
pub(super) fn constant<'a>(
    args: &'a ScalarFunctionArgs,
    index: usize,
    what: &str,
) -> Result<&'a ScalarValue> {
    match &args.args[index] {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(_) => {
            Err(exec_datafusion_err!("{what} must be a constant, not a value of each row"))
        }
    }
}

/// Returns a text that has to be the same for all rows; nothing for NULL.
pub(super) fn constant_text<'a>(
    args: &'a ScalarFunctionArgs,
    index: usize,
    what: &str,
) -> Result<Option<&'a str>> {
    constant(args, index, what)?
        .try_as_str()
        .ok_or_else(|| exec_datafusion_err!("{what} must be a text"))
}

/// Says that a time lies outside the years that can be stored.
pub(super) fn out_of_range() -> DataFusionError {
    exec_datafusion_err!("the time is outside the range of timestamps")
}
