//! `time_bucket(width, time [, offset | origin])`: the start of the bucket that a time is in.
//!
//! Buckets of days and less are counted from Monday, 2000-01-03, and buckets of months from
//! 2000-01-01, so that weeks begin on Mondays and quarters in January, as in DuckDB and
//! TimescaleDB.

use chrono::{DateTime, Datelike, Months, NaiveDate};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::array::types::IntervalMonthDayNano;
use datafusion::arrow::datatypes::{DataType, Date32Type, IntervalUnit, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::times::{self, DAY, column, constant, no_time, out_of_range};

const NAME: &str = "time_bucket";

/// 2000-01-03 in microseconds, and 2000-01 in months, since 1970.
const MONDAY: i64 = 10_959 * DAY;
const JANUARY: i64 = 30 * 12;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeBucket {
    signature: Signature,
}

/// How wide buckets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Micros(i64),
    Months(i64),
}

/// Where buckets begin: counted from an origin, and moved by an offset.
#[derive(Clone, Copy, Debug)]
struct Buckets {
    width: Width,
    /// Microseconds since 1970.
    origin: Option<i64>,
    offset: IntervalMonthDayNano,
}

impl TimeBucket {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if !(2..=3).contains(&given.len()) {
            return plan_err!(
                "{NAME} expects a width, a time, and possibly an offset or an origin: \
                 {NAME}('15 minutes', open_time, INTERVAL '5 minutes')"
            );
        }
        if !is_interval(&given[0]) && !times::is_text(&given[0]) {
            return plan_err!(
                "the width of {NAME} is an interval, not {}: {NAME}('15 minutes', open_time)",
                given[0]
            );
        }
        let Some(time) = times::time_type(&given[1]) else { return no_time(NAME, &given[1]) };
        let mut types = vec![interval(), time.clone()];
        if let Some(third) = given.get(2) {
            types.push(match (is_interval(third), times::time_type(third)) {
                (true, _) => interval(),
                (false, Some(_)) if time == DataType::Date32 => DataType::Date32,
                (false, Some(_)) => time,
                (false, None) => return no_time("the origin of time_bucket", third),
            });
        }
        Ok(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[1].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(buckets) = Buckets::of(&args)? else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(args.return_type())?));
        };
        let of_one = times::are_single(&args);
        let values = column(&args, 1)?;
        match args.return_type() {
            DataType::Date32 => {
                let days = values.as_primitive::<Date32Type>();
                let start = |day: i32| {
                    let start = buckets.start(i64::from(day) * DAY)?.div_euclid(DAY);
                    i32::try_from(start).map_err(|_| out_of_range())
                };
                times::map::<_, Date32Type>(of_one, days, args.return_type(), start)
            }
            result => {
                let moments = values.as_primitive::<TimestampMicrosecondType>();
                let start = |moment| buckets.start(moment);
                times::map::<_, TimestampMicrosecondType>(of_one, moments, result, start)
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        let are_constant = [inputs.first(), inputs.get(2)]
            .into_iter()
            .flatten()
            .all(|input| input.sort_properties == SortProperties::Singleton);
        let by_time = inputs.get(1).map(|input| input.sort_properties);
        Ok(by_time.filter(|_| are_constant).unwrap_or(SortProperties::Unordered))
    }
}

impl Buckets {
    /// Reads width and offset or origin; nothing if one is NULL.
    fn of(args: &ScalarFunctionArgs) -> Result<Option<Self>> {
        let Some(width) = months_days_nanos(constant(args, 0, "the width of time_bucket")?) else {
            return Ok(None);
        };
        let mut buckets = Self {
            width: Width::of(width)?,
            origin: None,
            offset: IntervalMonthDayNano::new(0, 0, 0),
        };
        if args.args.len() == 3 {
            let third = constant(args, 2, "the offset or origin of time_bucket")?;
            if third.is_null() {
                return Ok(None);
            }
            match months_days_nanos(third) {
                Some(offset) => buckets.offset = offset,
                None => buckets.origin = Some(moment(third)?),
            }
        }
        Ok(Some(buckets))
    }

    /// Returns the start of the bucket that a time is in.
    fn start(&self, time: i64) -> Result<i64> {
        let moved = shift(time, self.offset, -1)?;
        shift(self.start_without_offset(moved)?, self.offset, 1)
    }

    fn start_without_offset(&self, time: i64) -> Result<i64> {
        match self.width {
            Width::Micros(width) => {
                let origin = self.origin.unwrap_or(MONDAY).rem_euclid(width);
                let since = time.checked_sub(origin).ok_or_else(out_of_range)?;
                Ok(since.div_euclid(width) * width + origin)
            }
            Width::Months(width) => {
                let origin = self.origin.map_or(Ok(JANUARY), months_since_1970)?;
                let since = months_since_1970(time)? - origin;
                start_of_month(since.div_euclid(width) * width + origin)
            }
        }
    }
}

impl Width {
    fn of(interval: IntervalMonthDayNano) -> Result<Self> {
        let micros = i64::from(interval.days)
            .checked_mul(DAY)
            .and_then(|days| days.checked_add(interval.nanoseconds / 1_000))
            .ok_or_else(out_of_range)?;
        let is_whole = interval.nanoseconds % 1_000 == 0;
        match (interval.months, micros) {
            (0, micros) if micros > 0 && is_whole => Ok(Self::Micros(micros)),
            (months, 0) if months > 0 && is_whole => Ok(Self::Months(months.into())),
            (months, micros) if months > 0 && micros != 0 => {
                exec_err!("a width of months in time_bucket cannot have days or times as well")
            }
            _ => exec_err!("the width of time_bucket must be positive, in whole microseconds"),
        }
    }
}

fn is_interval(given: &DataType) -> bool {
    matches!(given, DataType::Interval(_) | DataType::Duration(_))
}

const fn interval() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

const fn months_days_nanos(value: &ScalarValue) -> Option<IntervalMonthDayNano> {
    match value {
        ScalarValue::IntervalMonthDayNano(value) => *value,
        _ => None,
    }
}

/// Reads a single time, in the type that `coerce_types` gives it.
fn moment(value: &ScalarValue) -> Result<i64> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(time), _) => Ok(*time),
        ScalarValue::Date32(Some(day)) => Ok(i64::from(*day) * DAY),
        other => exec_err!("the origin of time_bucket must be a time, not {}", other.data_type()),
    }
}

/// Moves a time by an interval, forwards or backwards; a day that a month lacks is its last one.
fn shift(time: i64, by: IntervalMonthDayNano, sign: i64) -> Result<i64> {
    let mut moved = time;
    if by.months != 0 {
        let from = DateTime::from_timestamp_micros(moved).ok_or_else(out_of_range)?;
        let months = Months::new(by.months.unsigned_abs());
        let to = match i64::from(by.months) * sign > 0 {
            true => from.checked_add_months(months),
            false => from.checked_sub_months(months),
        };
        moved = to.ok_or_else(out_of_range)?.timestamp_micros();
    }
    let rest = i64::from(by.days).checked_mul(DAY).map(|days| days + by.nanoseconds / 1_000);
    rest.and_then(|rest| moved.checked_add(rest * sign)).ok_or_else(out_of_range)
}

fn months_since_1970(time: i64) -> Result<i64> {
    let date = DateTime::from_timestamp_micros(time).ok_or_else(out_of_range)?;
    Ok((i64::from(date.year()) - 1970) * 12 + i64::from(date.month0()))
}

fn start_of_month(months: i64) -> Result<i64> {
    let year = i32::try_from(1970 + months.div_euclid(12)).ok();
    let month = u32::try_from(months.rem_euclid(12) + 1).ok();
    let date = year.zip(month).and_then(|(year, month)| NaiveDate::from_ymd_opt(year, month, 1));
    let start = date.and_then(|date| date.and_hms_opt(0, 0, 0));
    let start =
        start.ok_or_else(|| exec_datafusion_err!("the month is outside of the calendar"))?;
    Ok(start.and_utc().timestamp_micros())
}
