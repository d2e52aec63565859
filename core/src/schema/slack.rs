//! How far rows of an archive may lie outside its period.
//!
//! Some archives hold rows just before or after the time that their name says: metrics label their
//! last measurement with the next day's 00:00, and a week that begins in one month ends in the next
//! one. How far that goes is data of the schema. Which archive such rows belong to is decided in
//! [`crate::overlap`].

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::names::market::Interval;
use crate::names::period::Period;

/// The time before and after an archive's period in which its rows are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slack {
    pub before: SlackBefore,
    /// Less than a day.
    pub after: TimeDelta,
}

/// How far before an archive's period its rows may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlackBefore {
    /// Less than a day.
    Time(TimeDelta),
    /// The length of a bar, of bars that are longer than a day. Shorter ones begin and end with
    /// each day, and none of them is of two periods.
    Bar,
}

impl Default for SlackBefore {
    fn default() -> Self {
        Self::Time(TimeDelta::zero())
    }
}

impl Slack {
    /// Returns the event times, in microseconds since 1970, that rows of an archive may have;
    /// `interval` is the length of its bars, where it has any.
    #[must_use]
    pub fn event_times(self, period: Period, interval: Option<Interval>) -> Range<i64> {
        let before = match self.before {
            SlackBefore::Time(time) => time,
            SlackBefore::Bar => TimeDelta::days(days_of_long_bar(interval).unwrap_or_default()),
        };
        let from = midnight(period.start()) - micros(before);
        let until = midnight(period.next().start()) + micros(self.after);
        from..until
    }

    /// Returns whether rows outside the period are accepted at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Returns the length of a bar in days, if it is longer than a day; a month has 31.
///
/// A folder may name any interval. No longer one than a month is known, and what is searched around
/// a period grows with it.
pub(crate) fn days_of_long_bar(interval: Option<Interval>) -> Option<i64> {
    const LONGEST: i64 = 31;
    let days = match interval?.seconds() {
        Some(seconds) => seconds.div_euclid(24 * 3600).min(LONGEST),
        None => LONGEST,
    };
    (days > 1).then_some(days)
}

fn midnight(date: NaiveDate) -> i64 {
    date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

fn micros(duration: TimeDelta) -> i64 {
    duration.num_microseconds().unwrap_or_default()
}

/// Parses a whole number of seconds, minutes or hours below a day, such as `5m`.
pub(super) fn parse_duration(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    let duration = TimeDelta::seconds(i64::from(number) * seconds);
    (duration < TimeDelta::days(1)).then_some(duration)
}
