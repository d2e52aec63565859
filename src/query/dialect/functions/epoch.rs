//! Times as numbers since 1970, and numbers as times: `epoch(time)`, `epoch_ms(time)` and the like,
//! `make_timestamp(microseconds)` and the like.

use std::sync::Arc;

use datafusion::arrow::array::types::{
    ArrowPrimitiveType, DurationMicrosecondType, IntervalMonthDayNano,
};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::times::{self, DAY, MILLISECOND, SECOND, column, no_time, out_of_range};

/// Functions that return how long after 1970 a time is, with their unit in microseconds.
pub(super) const UNITS: [(&str, i64); 3] =
    [("epoch", SECOND), ("epoch_ms", MILLISECOND), ("epoch_us", 1)];

/// Functions that return the time so long after 1970, with their unit in microseconds.
pub(super) const MAKERS: [(&str, i64); 3] =
    [("make_timestamp", 1), ("make_timestamp_us", 1), ("make_timestamp_ms", MILLISECOND)];

/// `epoch(time)`: seconds with their fraction, or whole milliseconds or microseconds.
///
/// A difference of times has a length too. A number of milliseconds is taken for a time that was
/// stored as one: `epoch_ms(1704067200000)` is a timestamp, as in DuckDB.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct SinceEpoch {
    name: &'static str,
    unit: i64,
    signature: Signature,
}

impl SinceEpoch {
    pub(super) fn new((name, unit): (&'static str, i64)) -> Self {
        Self { name, unit, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SinceEpoch {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [given] = given else { return plan_err!("{} expects one time", self.name) };
        match given {
            DataType::Duration(_) => Ok(vec![DataType::Duration(TimeUnit::Microsecond)]),
            DataType::Interval(_) => Ok(vec![DataType::Interval(IntervalUnit::MonthDayNano)]),
            given if given.is_integer() && self.unit == MILLISECOND => Ok(vec![DataType::Int64]),
            given => match times::time_type(given) {
                Some(_) => Ok(vec![times::utc()]),
                None => no_time(self.name, given),
            },
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (&types[0], self.unit) {
            (DataType::Int64, _) => times::utc(),
            (_, SECOND) => DataType::Float64,
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let of_one = times::are_single(&args);
        let given = column(&args, 0)?;
        if given.data_type() == &DataType::Int64 {
            return times_of(of_one, given.as_primitive(), self.unit);
        }
        let micros = microseconds(&given)?;
        let result = args.return_type();
        if self.unit == SECOND {
            let seconds = |micros| Ok(micros as f64 / SECOND as f64);
            return times::map::<_, Float64Type>(of_one, &micros, result, seconds);
        }
        // Half a unit away from zero, as DuckDB rounds.
        let half = self.unit / 2;
        let whole = |micros: i64| Ok(micros.saturating_add(half * micros.signum()) / self.unit);
        times::map::<_, Int64Type>(of_one, &micros, result, whole)
    }
}

/// `make_timestamp(microseconds)` and `make_timestamp_ms(milliseconds)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MakeTimestamp {
    name: &'static str,
    unit: i64,
    signature: Signature,
}

impl MakeTimestamp {
    pub(super) fn new((name, unit): (&'static str, i64)) -> Self {
        let signature = Signature::exact(vec![DataType::Int64], Volatility::Immutable);
        Self { name, unit, signature }
    }
}

impl ScalarUDFImpl for MakeTimestamp {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(times::utc())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let numbers = column(&args, 0)?;
        times_of(times::are_single(&args), numbers.as_primitive(), self.unit)
    }
}

fn times_of(of_one: bool, numbers: &PrimitiveArray<Int64Type>, unit: i64) -> Result<ColumnarValue> {
    let time = |number: i64| number.checked_mul(unit).ok_or_else(out_of_range);
    times::map::<_, TimestampMicrosecondType>(of_one, numbers, &times::utc(), time)
}

/// Reads times, or differences of times, as microseconds.
fn microseconds(given: &ArrayRef) -> Result<PrimitiveArray<Int64Type>> {
    match given.data_type() {
        DataType::Duration(_) => as_numbers(given.as_primitive::<DurationMicrosecondType>()),
        DataType::Interval(_) => {
            let intervals = given.as_primitive::<IntervalMonthDayNanoType>();
            intervals.try_unary(length)
        }
        _ => as_numbers(&times::utc_micros(given)?),
    }
}

fn as_numbers<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
) -> Result<PrimitiveArray<Int64Type>> {
    let values: ArrayRef = Arc::new(values.clone());
    Ok(cast(&values, &DataType::Int64)?.as_primitive().clone())
}

fn length(interval: IntervalMonthDayNano) -> Result<i64> {
    if interval.months != 0 {
        return exec_err!("an interval of months has no length in seconds: months differ");
    }
    let days = i64::from(interval.days).checked_mul(DAY);
    days.and_then(|days| days.checked_add(interval.nanoseconds / 1_000)).ok_or_else(out_of_range)
}
