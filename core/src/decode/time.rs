//! Times as archives write them: numbers of two units, and text.
//!
//! The unit of a number follows from its size, value by value: spot changed from milliseconds to
//! microseconds in 2025 without a word in the files, and a file that is written again may carry
//! either.

use std::ops::Range;

use chrono::NaiveDate;

use super::number::fast_integer;
use super::problem::Problem;

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// The years 2009 to 2199: 13 digits in milliseconds and 16 in microseconds throughout, so that
/// neither can be the other, nor seconds.
const MILLISECONDS: Range<i64> = 1_230_768_000_000..7_258_118_400_000;
const MICROSECONDS: Range<i64> = 1_230_768_000_000_000..7_258_118_400_000_000;
const YEARS: Range<i32> = 2009..2200;

/// Parses milliseconds or microseconds since 1970 into microseconds.
#[inline]
pub(crate) fn epoch(field: &[u8]) -> Option<i64> {
    let value = fast_integer(field)?;
    if MILLISECONDS.contains(&value) {
        return Some(value * 1000);
    }
    MICROSECONDS.contains(&value).then_some(value)
}

/// Parses `YYYY-MM-DD HH:MM:SS`, or the date alone, into microseconds since 1970.
#[inline]
pub(crate) fn datetime(field: &[u8]) -> Result<i64, Problem> {
    let (day, clock) = field.split_at_checked(10).ok_or(Problem::DateTime)?;
    let days = date(day).map_err(|_| Problem::DateTime)?;
    let seconds = match clock {
        [] => 0,
        [b' ', h1, h2, b':', m1, m2, b':', s1, s2] => {
            clock_seconds([*h1, *h2, *m1, *m2, *s1, *s2]).ok_or(Problem::DateTime)?
        }
        _ => return Err(Problem::DateTime),
    };
    Ok(i64::from(days) * MICROSECONDS_PER_DAY + seconds * 1_000_000)
}

fn clock_seconds([h1, h2, m1, m2, s1, s2]: [u8; 6]) -> Option<i64> {
    let (hours, minutes, seconds) = (two_digits(h1, h2)?, two_digits(m1, m2)?, two_digits(s1, s2)?);
    let valid = hours < 24 && minutes < 60 && seconds < 60;
    valid.then_some((i64::from(hours) * 60 + i64::from(minutes)) * 60 + i64::from(seconds))
}

/// Parses `YYYY-MM-DD` into days since 1970.
#[inline]
pub(crate) fn date(field: &[u8]) -> Result<i32, Problem> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *field else { return Err(Problem::Date) };
    let parts = (two_digits(y1, y2), two_digits(y3, y4), two_digits(m1, m2), two_digits(d1, d2));
    let (Some(century), Some(year), Some(month), Some(day)) = parts else {
        return Err(Problem::Date);
    };
    days(i32::from(century) * 100 + i32::from(year), month, day).ok_or(Problem::Date)
}

/// Parses `YYMMDD` of this century into days since 1970.
pub(crate) fn short_date(field: &[u8]) -> Option<i32> {
    let [y1, y2, m1, m2, d1, d2] = *field else { return None };
    days(2000 + i32::from(two_digits(y1, y2)?), two_digits(m1, m2)?, two_digits(d1, d2)?)
}

/// Parses the day and the hour of a time that stand in two fields.
pub(crate) fn date_and_hour(day: &[u8], hour: &[u8]) -> Result<i64, Problem> {
    let days = date(day)?;
    let [h1, h2] = *hour else { return Err(Problem::Hour) };
    let hour = two_digits(h1, h2).filter(|hour| *hour < 24).ok_or(Problem::Hour)?;
    Ok(i64::from(days) * MICROSECONDS_PER_DAY + i64::from(hour) * 3_600_000_000)
}

fn days(year: i32, month: u8, day: u8) -> Option<i32> {
    let date = NaiveDate::from_ymd_opt(year, u32::from(month), u32::from(day))?;
    YEARS.contains(&year).then(|| date.to_epoch_days())
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}
