//! Values of flags that are more than one of a few words: each refused with what would be valid.

use std::fmt::Display;
use std::str::FromStr;

use bytesize::ByteSize;
use chrono::TimeDelta;
use lakehouse_core::market::NameError;
use lakehouse_core::selection::SymbolList;

/// Reads a number of bytes per second, `20MiB` or `500kB`.
pub(crate) fn bandwidth(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.0).filter(|bytes| *bytes > 0);
    size.ok_or_else(|| "expected bytes per second such as 20MiB or 500kB".to_owned())
}

/// Reads a length of time in hours, days or weeks; a bare 0 is none at all.
pub(super) fn retention(text: &str) -> Result<TimeDelta, String> {
    let invalid = || "expected hours, days or weeks such as 12h, 7d or 2w".to_owned();
    if text == "0" {
        return Ok(TimeDelta::zero());
    }
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(invalid)?;
    let count = count.parse::<u32>().map_err(|_| invalid())?;
    let length = match unit {
        "h" => TimeDelta::try_hours(count.into()),
        "d" => TimeDelta::try_days(count.into()),
        "w" => TimeDelta::try_weeks(count.into()),
        _ => None,
    };
    // Longer than any archive is old: no date in the past can be told from it.
    length.filter(|length| *length <= TimeDelta::weeks(5_200)).ok_or_else(invalid)
}

/// Takes any text but an empty one.
pub(super) fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected a text that is not empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Reads a whole number.
pub(super) fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number from 0".to_owned())
}

/// Reads a whole number other than zero.
pub(super) fn positive<T: FromStr + PartialOrd + Default + Display>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number > T::default());
    number.ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// Takes a symbol, a glob, or either with a leading `!`; the matrix and the listing decide what it matches.
pub(super) fn symbol_pattern(text: &str) -> Result<String, NameError> {
    SymbolList::parse(&[text])?;
    Ok(text.to_owned())
}
