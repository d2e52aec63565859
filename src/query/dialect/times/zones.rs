//! Times in a zone, where clocks are put forward or back.
//!
//! A local time that is skipped when clocks go forward means the time that the clocks would show if
//! they had not; one that comes twice means the second. So it is in PostgreSQL; the engine refuses
//! both, whether they are written or reached by adding days. A time in a zone that is cast to a
//! time without one is what the clocks there show.
//!
//! Upstream: <https://github.com/apache/datafusion/issues/25084>,
//! <https://github.com/apache/datafusion/pull/25165>.

use std::sync::Arc;

use chrono::{DateTime, Days, MappedLocalTime, Months, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampNanosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, exec_err, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// What is done with a local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Change {
    /// `(local time, zone)`: the time at which the clocks of the zone show it.
    FromLocal,
    /// `(time in a zone)`: what the clocks of the zone show.
    ToLocal,
    /// `(time in a zone, interval)`: the time so much later by those clocks.
    Later,
    /// `(time in a zone, interval)`: the time so much earlier by those clocks.
    Earlier,
}

/// A function that knows the clocks of a zone. It is not called by name: casts and sums of times
/// with a zone are replaced by it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Clocks {
    change: Change,
    signature: Signature,
}

impl Clocks {
    pub(super) fn new(change: Change) -> Self {
        Self { change, signature: Signature::any(change.arguments(), Volatility::Immutable) }
    }
}

impl Change {
    pub(super) const ALL: [Self; 4] = [Self::FromLocal, Self::ToLocal, Self::Later, Self::Earlier];

    const fn arguments(self) -> usize {
        match self {
            Self::ToLocal => 1,
            _ => 2,
        }
    }
}

impl ScalarUDFImpl for Clocks {
    fn name(&self) -> &str {
        match self.change {
            Change::FromLocal => "time_of_local",
            Change::ToLocal => "local_of_time",
            Change::Later => "time_later",
            Change::Earlier => "time_earlier",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match self.change {
            Change::FromLocal => internal_err!("the type depends on the zone"),
            Change::ToLocal => Ok(DataType::Timestamp(TimeUnit::Nanosecond, None)),
            Change::Later | Change::Earlier => Ok(types[0].clone()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let data_type = match (self.change, args.scalar_arguments.get(1).copied().flatten()) {
            (Change::FromLocal, Some(zone)) => {
                let zone = zone.try_as_str().flatten().map(Into::into);
                DataType::Timestamp(TimeUnit::Nanosecond, zone)
            }
            _ => {
                let types = args.arg_fields.iter().map(|field| field.data_type().clone());
                self.return_type(&types.collect::<Vec<_>>())?
            }
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_one = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_one { 1 } else { args.number_rows };
        let times = args.args[0].to_array(rows)?;
        let returned = args.return_field.data_type();
        let changed = match self.change {
            Change::FromLocal => from_local(&times, &zone_of(returned)?)?,
            Change::ToLocal => to_local(&times, &zone_of(times.data_type())?)?,
            Change::Later => moved(&times, &args.args[1].to_array(rows)?, 1)?,
            Change::Earlier => moved(&times, &args.args[1].to_array(rows)?, -1)?,
        };
        let changed = cast(&changed, returned)?;
        match is_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&changed, 0)?)),
            false => Ok(ColumnarValue::Array(changed)),
        }
    }
}

fn zone_of(data_type: &DataType) -> Result<Tz> {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => Ok(zone.parse()?),
        other => exec_err!("a value of type {other} has no time zone"),
    }
}

fn nanoseconds(times: &ArrayRef) -> Result<TimestampNanosecondArray> {
    let zone = match times.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let times = cast(times, &DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
    Ok(times.as_primitive::<TimestampNanosecondType>().clone().with_timezone_opt(None::<String>))
}

/// Returns the instants at which the clocks of a zone show times.
pub(super) fn from_local(times: &ArrayRef, zone: &Tz) -> Result<ArrayRef> {
    let times = nanoseconds(times)?;
    let changed: TimestampNanosecondArray =
        times.try_unary(|time| since_epoch(resolve(local_time(time), zone)?))?;
    Ok(Arc::new(changed.with_timezone("UTC")))
}

/// Returns what the clocks of a zone show at instants.
pub(super) fn to_local(times: &ArrayRef, zone: &Tz) -> Result<ArrayRef> {
    let times = nanoseconds(times)?;
    let changed: TimestampNanosecondArray = times.try_unary(|time| {
        let time = local_time(time);
        since_epoch(time + zone.offset_from_utc_datetime(&time).fix())
    })?;
    Ok(Arc::new(changed))
}

/// Adds intervals, or subtracts them where the sign is -1.
fn moved(times: &ArrayRef, intervals: &ArrayRef, sign: i32) -> Result<ArrayRef> {
    let zone = zone_of(times.data_type())?;
    let times = nanoseconds(times)?;
    let intervals = cast(intervals, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let mut moved = Vec::with_capacity(times.len());
    for row in 0..times.len() {
        if times.is_null(row) || intervals.is_null(row) {
            moved.push(None);
            continue;
        }
        let by = intervals.value(row);
        let time = local_time(times.value(row));
        let local = time + zone.offset_from_utc_datetime(&time).fix();
        let local = shifted(local, by.months.saturating_mul(sign), by.days.saturating_mul(sign));
        let local = local.ok_or_else(|| exec_datafusion_err!("the time is out of range"))?;
        let time = match by.months == 0 && by.days == 0 {
            true => time,
            false => resolve(local, &zone)?,
        };
        let by = TimeDelta::nanoseconds(by.nanoseconds.saturating_mul(i64::from(sign)));
        moved.push(Some(since_epoch(time + by)?));
    }
    Ok(Arc::new(TimestampNanosecondArray::from(moved).with_timezone("UTC")))
}

fn shifted(time: NaiveDateTime, months: i32, days: i32) -> Option<NaiveDateTime> {
    let by_months = Months::new(months.unsigned_abs());
    let by_days = Days::new(u64::from(days.unsigned_abs()));
    let time = match months < 0 {
        true => time.checked_sub_months(by_months),
        false => time.checked_add_months(by_months),
    }?;
    match days < 0 {
        true => time.checked_sub_days(by_days),
        false => time.checked_add_days(by_days),
    }
}

/// Returns the time in UTC at which the clocks of a zone show a local time.
fn resolve(local: NaiveDateTime, zone: &Tz) -> Result<NaiveDateTime> {
    let offset = match zone.offset_from_local_datetime(&local) {
        MappedLocalTime::Single(offset) => offset.fix(),
        MappedLocalTime::Ambiguous(one, other) => {
            let one = one.fix();
            let other = other.fix();
            if one.local_minus_utc() < other.local_minus_utc() { one } else { other }
        }
        MappedLocalTime::None => {
            let before = local - TimeDelta::days(1);
            let offset = zone.offset_from_local_datetime(&before).earliest();
            let offset = offset.ok_or_else(|| exec_datafusion_err!("no time is {local}"))?;
            offset.fix()
        }
    };
    Ok(local - offset)
}

fn local_time(nanoseconds: i64) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(nanoseconds).naive_utc()
}

fn since_epoch(time: NaiveDateTime) -> Result<i64> {
    let since = time.and_utc().timestamp_nanos_opt();
    since.ok_or_else(|| exec_datafusion_err!("the time {time} is out of range"))
}
