//! Parsers of the values of flags; each refuses a value with what would be valid.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lakehouse_core::names::market::NameError;
use lakehouse_core::selection::SymbolList;

use crate::query::At;

/// Times that the program can wait: the clock of the process ends somewhere beyond.
const WAITS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(100 * 365 * 24 * 3600);

/// Reads a number of bytes per second, `20MiB` or `500kB`.
pub(crate) fn bandwidth(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.0).filter(|bytes| *bytes > 0);
    size.ok_or_else(|| "expected bytes per second such as 20MiB or 500kB".to_owned())
}

/// Reads a number of bytes, `2GiB` or `500MB`.
pub(super) fn size(text: &str) -> Result<ByteSize, String> {
    let size = text.parse::<ByteSize>().ok().filter(|size| size.0 > 0);
    size.ok_or_else(|| "expected bytes such as 2GiB or 500MB".to_owned())
}

/// Reads a length of time such as `7d` or `12h`, or 0.
pub(super) fn retention(text: &str) -> Result<TimeDelta, String> {
    if text == "0" {
        return Ok(TimeDelta::zero());
    }
    let time = humantime::parse_duration(text).ok().and_then(|time| TimeDelta::from_std(time).ok());
    // No date is further back than this.
    let time = time.filter(|time| *time <= TimeDelta::weeks(5_200));
    time.ok_or_else(|| "expected a time of less than a century, such as 12h, 7d or 2w".to_owned())
}

/// Reads a time such as `6h` or `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok().filter(|time| WAITS.contains(time));
    time.ok_or_else(|| {
        "expected a time from a second to a century, such as 30m, 6h or 1d".to_owned()
    })
}

/// Reads a version of a table, or a time that means the newest version at that time.
pub(super) fn at(text: &str) -> Result<At, String> {
    if let Ok(version) = text.parse() {
        return Ok(At::Version(version));
    }
    let expected = |_| {
        "expected a version such as 12, a time such as 2026-05-08T12:00:00Z, or a day".to_owned()
    };
    time(text).map(At::Time).map_err(expected)
}

/// Reads a time, or a day that means its start, UTC.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || {
        text.parse::<NaiveDate>()
            .ok()
            .and_then(|day| day.and_hms_opt(0, 0, 0))
            .map(|time| time.and_utc())
    };
    let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(day);
    time.ok_or_else(|| {
        "expected a day such as 2026-05-08, or a time such as 2026-05-08T12:00:00Z".to_owned()
    })
}

/// A time, or how long ago it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    Time(DateTime<Utc>),
    Ago(TimeDelta),
}

impl Since {
    /// Returns the time, given the current one.
    #[must_use]
    pub fn at(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Time(time) => time,
            Self::Ago(ago) => now - ago,
        }
    }
}

/// Reads a time, a day, or how long ago it is.
pub(super) fn since(text: &str) -> Result<Since, String> {
    let ago = || retention(text).ok().map(Since::Ago);
    let since = time(text).ok().map(Since::Time).or_else(ago);
    since.ok_or_else(|| "expected a day such as 2026-05-08, a time, or 7d".to_owned())
}

/// Reads `name=value`, the value of a parameter.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let named = text.split_once('=').filter(|(name, _)| is_parameter(name));
    let (name, value) = named.ok_or_else(|| {
        "expected NAME=VALUE, such as day=2026-05-08; `$day` in the statement stands for it"
            .to_owned()
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Returns whether a text can be the name of a parameter.
pub(crate) fn is_parameter(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// Takes any text but an empty one.
pub(super) fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("expected a text that is not empty".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Reads a whole number.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number from 0".to_owned())
}

/// Reads a whole number other than zero.
pub(super) fn positive<T: FromStr + PartialOrd + Default + Display>(
    text: &str,
) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number > T::default());
    number.ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// Takes a symbol, a glob, or either with a leading `!`; the matrix and the listing decide what it
/// matches.
pub(super) fn symbol_pattern(text: &str) -> Result<String, NameError> {
    SymbolList::parse(&[text])?;
    Ok(text.to_owned())
}
