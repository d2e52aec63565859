//! How far rows of an archive may lie outside its period.
//!
//! Some archives hold rows just before or after the time that their name says: metrics label their
//! last measurement with the next day's 00:00. How far that goes is data of the schema. Which
//! archive such rows belong to is decided in [`crate::overlap`].

use std::ops::Range;

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::names::period::Period;

/// The time before and after an archive's period in which its rows are accepted; less than a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slack {
    pub before: TimeDelta,
    pub after: TimeDelta,
}

impl Slack {
    /// Returns the event times, in microseconds since 1970, that rows of an archive may have.
    #[must_use]
    pub fn event_times(self, period: Period) -> Range<i64> {
        let from = midnight(period.start()) - micros(self.before);
        let until = midnight(period.next().start()) + micros(self.after);
        from..until
    }

    /// Returns whether rows outside the period are accepted at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
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
