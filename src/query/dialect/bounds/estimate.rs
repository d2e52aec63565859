//! How much a function makes of its arguments.

use std::iter::repeat_n;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;

/// Bytes of an element of a list that has a fixed width.
const ELEMENT: u128 = 8;

/// How the size of a result follows from the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Growth {
    /// A text or element, so many times.
    Times,
    /// As many letters as the second argument says.
    Padding,
    /// As many elements as the second argument says.
    Elements,
    /// The third argument wherever the second is found.
    Replacing,
    /// The third argument wherever the pattern matches.
    Matching,
    /// All arguments in a row.
    Joining,
    /// Values from one to the other.
    Series,
    /// Values of the type that the second argument names.
    NamedType,
}

impl Growth {
    /// Returns how a function's results grow, for those that make more than they are given.
    pub(super) fn of(function: &str) -> Option<Self> {
        Some(match function {
            "repeat" | "array_repeat" => Self::Times,
            "lpad" | "rpad" => Self::Padding,
            "array_resize" => Self::Elements,
            "replace" => Self::Replacing,
            "regexp_replace" => Self::Matching,
            "concat" | "concat_ws" => Self::Joining,
            "range" | "generate_series" => Self::Series,
            "arrow_cast" | "arrow_try_cast" => Self::NamedType,
            _ => return None,
        })
    }
}

/// Returns about how many bytes a function makes of a batch, at most.
///
/// # Errors
/// When an argument cannot be read as what the function takes.
pub(super) fn bytes(growth: Growth, args: &[ColumnarValue], rows: usize) -> Result<u128> {
    let is_one = args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
    let rows = if is_one { 1 } else { rows };
    match growth {
        Growth::Times => Ok(times(&sizes(args, 0, rows)?, &numbers(args, 1, rows)?)),
        Growth::Padding => Ok(total(&numbers(args, 1, rows)?)),
        Growth::Elements => Ok(total(&numbers(args, 1, rows)?) * ELEMENT),
        Growth::Replacing => replaced(args, rows, &sizes(args, 1, rows)?),
        Growth::Matching if is_global(args) => replaced(args, rows, &vec![1; rows]),
        Growth::Matching => Ok(total(&sizes(args, 0, rows)?) + total(&sizes(args, 2, rows)?)),
        Growth::Joining => joined(args, rows),
        Growth::Series => series(args, rows),
        Growth::NamedType => Ok(0),
    }
}

fn total(values: &[u128]) -> u128 {
    values.iter().sum()
}

fn times(values: &[u128], others: &[u128]) -> u128 {
    values.iter().zip(others).map(|(value, other)| value.saturating_mul(*other)).sum()
}

/// A text of n letters has at most n of what is replaced, and one more if that is empty.
fn replaced(args: &[ColumnarValue], rows: usize, found: &[u128]) -> Result<u128> {
    let texts = sizes(args, 0, rows)?;
    let most = texts.iter().zip(found).map(|(text, found)| text / (*found).max(1) + 1);
    let most: Vec<_> = most.collect();
    Ok(total(&texts) + times(&most, &sizes(args, 2, rows)?))
}

/// Without the flag `g` one match is replaced. Flags of rows are taken to have it.
fn is_global(args: &[ColumnarValue]) -> bool {
    match args.get(3) {
        None => false,
        Some(ColumnarValue::Scalar(flags)) => {
            flags.try_as_str().flatten().is_some_and(|flags| flags.contains('g'))
        }
        Some(ColumnarValue::Array(_)) => true,
    }
}

fn joined(args: &[ColumnarValue], rows: usize) -> Result<u128> {
    let mut bytes = 0;
    for index in 0..args.len() {
        bytes += total(&sizes(args, index, rows)?);
    }
    // A separator comes once for every argument.
    Ok(bytes + total(&sizes(args, 0, rows)?) * args.len() as u128)
}

fn series(args: &[ColumnarValue], rows: usize) -> Result<u128> {
    let (start, stop) = match args {
        [_] => (vec![0; rows], signed(args, 0, rows)?),
        _ => (signed(args, 0, rows)?, signed(args, 1, rows)?),
    };
    let steps = match args.get(2) {
        None => vec![1; rows],
        Some(step) => match step.data_type() {
            DataType::Interval(_) => {
                let unit = unit(&args[0].data_type());
                step_sizes(step, rows, unit)?
            }
            _ => signed(args, 2, rows)?,
        },
    };
    let mut elements: u128 = 0;
    for ((start, stop), step) in start.into_iter().zip(stop).zip(steps) {
        elements += start.abs_diff(stop) / step.unsigned_abs().max(1) + 1;
    }
    Ok(elements * ELEMENT)
}

/// Returns how many nanoseconds the unit of a type has.
const fn unit(data_type: &DataType) -> i128 {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => 1_000_000,
        DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
        _ => 86_400_000_000_000,
    }
}

/// Returns steps in such units, taken for shorter rather than longer.
fn step_sizes(step: &ColumnarValue, rows: usize, unit: i128) -> Result<Vec<i128>> {
    let array = step.to_array(rows)?;
    let Some(array) = array.as_primitive_opt::<IntervalMonthDayNanoType>() else {
        return Ok(vec![1; rows]);
    };
    let size = |index| {
        if array.is_null(index) {
            return i128::MAX;
        }
        let step = array.value(index);
        let days = i128::from(step.months) * 28 + i128::from(step.days);
        (days * 86_400_000_000_000 + i128::from(step.nanoseconds)) / unit
    };
    Ok((0..rows).map(size).collect())
}

/// Reads an argument as numbers, those below 0 as 0.
fn numbers(args: &[ColumnarValue], index: usize, rows: usize) -> Result<Vec<u128>> {
    let values = signed(args, index, rows)?;
    Ok(values.into_iter().map(|value| u128::try_from(value).unwrap_or(0)).collect())
}

fn signed(args: &[ColumnarValue], index: usize, rows: usize) -> Result<Vec<i128>> {
    let Some(value) = args.get(index) else { return Ok(vec![0; rows]) };
    let array = match value.to_array(rows)? {
        array if *array.data_type() == DataType::Date32 => cast(&array, &DataType::Int32)?,
        array => array,
    };
    let array = cast(&array, &DataType::Int64)?;
    let values = array.as_primitive::<Int64Type>().iter();
    Ok(values.map(|value| value.map_or(0, i128::from)).collect())
}

/// Returns the bytes of an argument in each row.
fn sizes(args: &[ColumnarValue], index: usize, rows: usize) -> Result<Vec<u128>> {
    let Some(value) = args.get(index) else { return Ok(vec![0; rows]) };
    let is_text =
        matches!(value.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if let ColumnarValue::Scalar(value) = value {
        let bytes = match value.try_as_str() {
            Some(text) => text.map_or(0, str::len),
            None => value.data_type().primitive_width().unwrap_or_else(|| value.size()),
        };
        return Ok(repeat_n(bytes as u128, rows).collect());
    }
    let array = value.to_array(rows)?;
    if is_text {
        let lengths = cast(&length(&array)?, &DataType::Int64)?;
        let lengths = lengths.as_primitive::<Int64Type>().iter();
        return Ok(lengths
            .map(|bytes| bytes.map_or(0, |bytes| bytes.unsigned_abs().into()))
            .collect());
    }
    let average = array.get_array_memory_size() / array.len().max(1);
    Ok(vec![average as u128; rows])
}
