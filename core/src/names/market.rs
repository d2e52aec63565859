//! The nouns that name an archive: market, frequency, data type, symbol, interval.
//!
//! Each is parsed once and printed back the same. Which of them go together is data (`matrix/`), so
//! nothing here lists combinations.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::foreign::{shown, steers};

/// A market of the archive: one of the first values of every silver partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Market {
    Spot,
    FuturesUm,
    FuturesCm,
    Options,
}

impl Market {
    /// Every market, in the order in which tables and reports show them.
    pub const ALL: [Self; 4] = [Self::Spot, Self::FuturesUm, Self::FuturesCm, Self::Options];

    /// Returns the name that users type and that the `market` column holds.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::FuturesUm => "futures_um",
            Self::FuturesCm => "futures_cm",
            Self::Options => "options",
        }
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Market {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL
            .into_iter()
            .find(|market| market.as_str() == text)
            .ok_or_else(|| NameError::new("market", text, Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// How much time one archive covers: a day or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frequency {
    Daily,
    Monthly,
}

impl Frequency {
    /// Both frequencies.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Monthly];

    /// Returns the name of the archive's folder for this frequency.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Frequency {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL
            .into_iter()
            .find(|frequency| frequency.as_str() == text)
            .ok_or_else(|| NameError::new("frequency", text, "daily, monthly"))
    }
}

/// The name of a data type, such as `klines`; a matrix says which there are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataType(Arc<str>);

impl DataType {
    /// Wraps a name that came from a matrix.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns the name as users type it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A symbol: the name of the archive's folder, such as `BTCUSDT`, `BTCUSD_PERP` or `币安人生USDT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(Arc<str>);

impl Symbol {
    /// Returns the symbol as the archive spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Symbol {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let forbidden = |c: char| c.is_whitespace() || steers(c) || "/\\*?!,".contains(c);
        if text.is_empty() || text.starts_with('.') || text.contains(forbidden) {
            return Err(NameError::new(
                "symbol",
                text,
                "a folder name of the archive such as BTCUSDT",
            ));
        }
        Ok(Self(text.into()))
    }
}

/// The length of a bar: `1s` to `1mo`.
///
/// The archive writes a month as `1mo`, because file systems that ignore case cannot distinguish
/// `1M` from `1m`; `1M` is accepted and printed as `1mo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    unit: Unit,
    count: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

impl Unit {
    const SPELLINGS: [(&'static str, Self); 6] = [
        ("s", Self::Second),
        ("m", Self::Minute),
        ("h", Self::Hour),
        ("d", Self::Day),
        ("w", Self::Week),
        ("mo", Self::Month),
    ];

    const fn seconds(self) -> Option<i64> {
        match self {
            Self::Second => Some(1),
            Self::Minute => Some(60),
            Self::Hour => Some(3_600),
            Self::Day => Some(86_400),
            Self::Week => Some(604_800),
            Self::Month => None,
        }
    }
}

impl Interval {
    /// Returns the length in seconds, or nothing for months, whose length varies.
    #[must_use]
    pub fn seconds(self) -> Option<i64> {
        self.unit.seconds().map(|seconds| seconds * i64::from(self.count))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::SPELLINGS.iter().find(|(_, unit)| *unit == self.unit);
        f.pad(&format!("{}{}", self.count, unit.map_or("", |(text, _)| text)))
    }
}

impl FromStr for Interval {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let invalid =
            || NameError::new("interval", text, "a bar length such as 1s, 1m, 1h, 1d, 1w or 1mo");
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, unit) = text.split_at(digits);
        let unit = if unit == "M" { "mo" } else { unit };
        let (_, unit) = Unit::SPELLINGS
            .into_iter()
            .find(|(spelling, _)| *spelling == unit)
            .ok_or_else(invalid)?;
        match count.parse() {
            Ok(count) if count > 0 && !text.starts_with('0') => Ok(Self { unit, count }),
            _ => Err(invalid()),
        }
    }
}

/// A name that means nothing, with what would have been valid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown {what} `{value}`; expected {expected}")]
pub struct NameError {
    /// What the name stands for: `market`, `interval`, …
    pub what: &'static str,
    /// The name as it was given.
    pub value: String,
    /// The valid names, or what a valid one looks like.
    pub expected: String,
}

impl NameError {
    pub(crate) fn new(what: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self { what, value: shown(value), expected: expected.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_print_as_the_archive_spells_them() {
        for text in ["1s", "1m", "15m", "12h", "1d", "3d", "1w", "1mo"] {
            assert_eq!(text.parse::<Interval>().unwrap().to_string(), text);
        }
        assert_eq!("1M".parse::<Interval>().unwrap().to_string(), "1mo");
    }

    #[test]
    fn intervals_are_ordered_by_length_within_a_unit_and_across_units() {
        let parse = |text: &str| text.parse::<Interval>().unwrap();
        assert!(
            parse("1s") < parse("1m") && parse("30m") < parse("1h") && parse("3d") < parse("1w")
        );
        assert_eq!(parse("4h").seconds(), Some(14_400));
        assert_eq!(parse("1mo").seconds(), None);
    }

    #[test]
    fn a_word_that_is_no_interval_is_refused_with_examples() {
        for text in ["", "m", "0m", "01m", "1x", "100ms", "-1m", "1 m"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
        let error = "100ms".parse::<Interval>().unwrap_err().to_string();
        assert!(error.contains("`100ms`") && error.contains("1mo"), "{error}");
    }

    #[test]
    fn markets_and_symbols_say_what_is_valid() {
        let error = "fututres_um".parse::<Market>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown market `fututres_um`; expected spot, futures_um, futures_cm, options"
        );
        assert!("币安人生USDT".parse::<Symbol>().is_ok());
        for text in ["", "..", "BTC/USDT", "BTC*", "BTC USDT"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
    }
}
