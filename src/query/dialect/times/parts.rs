//! The parts of a length of time, as PostgreSQL counts them.
//!
//! Each part leaves out what the larger ones hold: 1 day 02:03:04.5 has 2 hours and 4.5 seconds.
//! Only the epoch is the whole length, in seconds.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit,
    IntervalYearMonthType, TimeUnit,
};
use datafusion::common::{Result, exec_err};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// A year that is not known more closely has 365.25 days, a month 30.
const SECONDS_OF_YEAR: i64 = SECONDS_OF_DAY * 1_461 / 4;
const DAYS_OF_MONTH: i64 = 30;

/// What can be taken out of a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Epoch,
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

/// The type of a part: whole numbers, except where there are fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Fraction,
    Whole,
}

impl Part {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Epoch | Self::Second | Self::Millisecond => Kind::Fraction,
            _ => Kind::Whole,
        }
    }
}

/// A length of time. Parts have the same sign unless an interval was written otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) months: i64,
    pub(super) days: i64,
    /// Nanoseconds; more than a day's worth where an interval was written so.
    pub(super) nanoseconds: i64,
}

impl Length {
    fn of_units(units: i64, units_per_second: i64) -> Self {
        let day = SECONDS_OF_DAY * units_per_second;
        let nanoseconds = units % day * (SECOND / units_per_second);
        Self { months: 0, days: units / day, nanoseconds }
    }

    /// Returns a part with fractions.
    pub(super) fn fraction(self, part: Part) -> f64 {
        let in_minute = i128::from(self.nanoseconds % MINUTE);
        match part {
            Part::Epoch => quotient(self.total(), i128::from(SECOND)),
            Part::Millisecond => quotient(in_minute, 1_000_000),
            _ => quotient(in_minute, i128::from(SECOND)),
        }
    }

    /// Returns a part without fractions.
    pub(super) const fn whole(self, part: Part) -> i64 {
        match part {
            Part::Year => self.months / 12,
            Part::Quarter => self.months % 12 / 3 + 1,
            Part::Month => self.months % 12,
            Part::Week => self.days / 7,
            Part::Day => self.days,
            Part::Hour => self.nanoseconds / HOUR,
            Part::Minute => self.nanoseconds % HOUR / MINUTE,
            Part::Microsecond => self.nanoseconds % MINUTE / 1_000,
            _ => self.nanoseconds % MINUTE,
        }
    }

    /// Returns the whole length in nanoseconds.
    fn total(self) -> i128 {
        let years = self.months / 12 * SECONDS_OF_YEAR;
        let days = self.days + self.months % 12 * DAYS_OF_MONTH;
        let seconds = i128::from(years) + i128::from(days) * i128::from(SECONDS_OF_DAY);
        seconds * i128::from(SECOND) + i128::from(self.nanoseconds)
    }
}

/// Rounds a quotient once: both sides are made small enough to be exact as doubles where possible.
#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest double is the purpose")]
fn quotient(mut dividend: i128, mut divisor: i128) -> f64 {
    while divisor > 1 && dividend % 10 == 0 && divisor % 10 == 0 {
        dividend /= 10;
        divisor /= 10;
    }
    dividend as f64 / divisor as f64
}

/// Returns whether a type is a length of time.
pub(super) const fn is_length(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Duration(_) | DataType::Interval(_))
}

/// Reads a column of lengths of time.
///
/// # Errors
/// When the column is of another type.
pub(super) fn lengths(array: &dyn Array) -> Result<Vec<Option<Length>>> {
    let seconds = |units| Length::of_units(units, 1);
    let milliseconds = |units| Length::of_units(units, 1_000);
    let microseconds = |units| Length::of_units(units, 1_000_000);
    let nanoseconds = |units| Length::of_units(units, SECOND);
    Ok(match array.data_type() {
        DataType::Duration(TimeUnit::Second) => {
            let array = array.as_primitive::<DurationSecondType>();
            array.iter().map(|value| value.map(seconds)).collect()
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            let array = array.as_primitive::<DurationMillisecondType>();
            array.iter().map(|value| value.map(milliseconds)).collect()
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            let array = array.as_primitive::<DurationMicrosecondType>();
            array.iter().map(|value| value.map(microseconds)).collect()
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            let array = array.as_primitive::<DurationNanosecondType>();
            array.iter().map(|value| value.map(nanoseconds)).collect()
        }
        DataType::Interval(unit) => intervals(array, *unit),
        other => return exec_err!("a value of type {other} is no length of time"),
    })
}

fn intervals(array: &dyn Array, unit: IntervalUnit) -> Vec<Option<Length>> {
    let length = |months: i32, days: i32, nanoseconds: i64| Length {
        months: i64::from(months),
        days: i64::from(days),
        nanoseconds,
    };
    match unit {
        IntervalUnit::YearMonth => {
            let array = array.as_primitive::<IntervalYearMonthType>();
            array.iter().map(|months| months.map(|months| length(months, 0, 0))).collect()
        }
        IntervalUnit::DayTime => {
            let array = array.as_primitive::<IntervalDayTimeType>();
            let nanoseconds = |milliseconds: i32| i64::from(milliseconds) * 1_000_000;
            let parts = array.iter();
            parts
                .map(|value| value.map(|of| length(0, of.days, nanoseconds(of.milliseconds))))
                .collect()
        }
        IntervalUnit::MonthDayNano => {
            let array = array.as_primitive::<IntervalMonthDayNanoType>();
            let parts = array.iter();
            parts.map(|value| value.map(|of| length(of.months, of.days, of.nanoseconds))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Length, Part};

    fn microseconds(microseconds: i64) -> Length {
        Length::of_units(microseconds, 1_000_000)
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        let length = microseconds(614_660);
        assert_eq!(length.fraction(Part::Epoch), 0.614_66);
        assert_eq!(length.fraction(Part::Second), 0.614_66);
        assert_eq!(length.fraction(Part::Millisecond), 614.66);
        assert_eq!(length.whole(Part::Microsecond), 614_660);
    }

    #[test]
    fn a_part_leaves_out_what_larger_parts_hold() {
        let day_and_more = microseconds(((26 * 60 + 3) * 60 + 4) * 1_000_000 + 500_000);
        assert_eq!(day_and_more.whole(Part::Day), 1);
        assert_eq!(day_and_more.whole(Part::Hour), 2);
        assert_eq!(day_and_more.whole(Part::Minute), 3);
        assert_eq!(day_and_more.fraction(Part::Second), 4.5);
        assert_eq!(day_and_more.fraction(Part::Millisecond), 4_500.0);
        assert_eq!(day_and_more.fraction(Part::Epoch), 93_784.5);
    }

    #[test]
    fn all_parts_of_a_negative_length_are_negative() {
        let length = microseconds(-90_500_000);
        assert_eq!(length.whole(Part::Minute), -1);
        assert_eq!(length.fraction(Part::Second), -30.5);
        assert_eq!(length.fraction(Part::Epoch), -90.5);
    }

    #[test]
    fn years_and_months_count_as_postgresql_counts_them() {
        let length = Length { months: 14, days: 3, nanoseconds: 0 };
        assert_eq!(length.whole(Part::Year), 1);
        assert_eq!(length.whole(Part::Month), 2);
        assert_eq!(length.fraction(Part::Epoch), 31_557_600.0 + 63.0 * 86_400.0);
    }
}
