//! Rows that cannot be kept, and why: what ends up in `meta.rejects`.
//!
//! Parsers return a small [`Problem`]; words are made only for the rows that are rejected.

use chrono::{DateTime, SecondsFormat};

use crate::names::period::Period;

/// Bytes of a value, and of a raw line, that a reject keeps.
const VALUE_LIMIT: usize = 256;
const RAW_LIMIT: usize = 1024;
/// Bytes of a text that is taken for one: names are far shorter, and readers hold thousands of rows
/// at a time.
pub(crate) const TEXT_LIMIT: usize = 4096;

/// A row that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The line in the CSV, counted from 1 and with the header.
    pub line: u64,
    /// The field as the file's header calls it, or its layout where there is no header; empty if
    /// the row as a whole is wrong.
    pub column: String,
    /// The field's value, cut with its length if it is very long; empty if the row as a whole is
    /// wrong.
    pub value: String,
    /// What was expected instead.
    pub reason: String,
    /// The line, with what is not UTF-8 replaced, cut with its length if it is very long.
    pub raw: String,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    Empty,
    Integer,
    IntegerRange {
        bits: u32,
    },
    Decimal {
        exponents: bool,
    },
    Exponent,
    Scale {
        scale: u32,
    },
    Precision {
        precision: u32,
        scale: u32,
    },
    Boolean,
    Text,
    TextLength,
    Epoch,
    DateTime,
    Date,
    Hour,
    ExpiryStrike,
    NotZero,
    OtherSymbol,
    /// An event time in microseconds since 1970 that the archive's period does not cover.
    OutsidePeriod {
        time: i64,
        period: Period,
    },
}

impl Problem {
    /// Says what was expected; `symbol` is that of the archive.
    pub(crate) fn reason(self, symbol: &str) -> String {
        match self {
            Self::Empty => "expected a value, found an empty field".to_owned(),
            Self::Integer => "expected a whole number".to_owned(),
            Self::IntegerRange { bits } => format!(
                "expected a whole number of at most {bits} \
            bits"
            ),
            Self::Decimal { exponents: false } => "expected a decimal number such as \
            0.5"
            .to_owned(),
            Self::Decimal { exponents: true } => "expected a decimal number such as 0.5 or \
            5E-8"
                .to_owned(),
            Self::Exponent => "expected a decimal number without an exponent".to_owned(),
            Self::Scale { scale } => format!(
                "expected at most {scale} decimals; the value would \
            have to be rounded"
            ),
            Self::Precision { precision, scale } => {
                format!(
                    "expected at most {} digits before the point, as DECIMAL({precision},{scale})",
                    precision - scale
                )
            }
            Self::Boolean => "expected true or false".to_owned(),
            Self::Text => "expected text in UTF-8".to_owned(),
            Self::TextLength => format!("expected a text of at most {TEXT_LIMIT} bytes"),
            Self::Epoch => {
                "expected milliseconds (13 digits) or microseconds (16 digits) since 1970, in the \
                years 2009 to 2199"
                    .to_owned()
            }
            Self::DateTime => "expected YYYY-MM-DD HH:MM:SS or YYYY-MM-DD, in the years 2009 to \
            2199"
                .to_owned(),
            Self::Date => "expected YYYY-MM-DD, in the years 2009 to 2199".to_owned(),
            Self::Hour => "expected an hour from 00 to 23".to_owned(),
            Self::ExpiryStrike => "expected expiry and strike as YYMMDD-STRIKE".to_owned(),
            Self::NotZero => "expected 0 in a column without a meaning".to_owned(),
            Self::OtherSymbol => format!("expected the archive's symbol {symbol}"),
            Self::OutsidePeriod { time, period } => {
                let time = DateTime::from_timestamp_micros(time).unwrap_or_default();
                let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                format!("time {time} is outside the archive's period {period}")
            }
        }
    }
}

/// A field of a block that could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Row within the block.
    pub(crate) row: u32,
    pub(crate) field: u32,
    pub(crate) problem: Problem,
}

/// Makes a value fit for a reject.
pub(crate) fn shown_value(value: &[u8]) -> String {
    shown(value, VALUE_LIMIT)
}

/// Makes a line fit for a reject.
pub(crate) fn shown_line(line: &[u8]) -> String {
    shown(line, RAW_LIMIT)
}

fn shown(bytes: &[u8], limit: usize) -> String {
    if bytes.len() <= limit {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    // A character that the cut goes through is left out rather than shown as damage.
    let cut = (limit - 3..=limit).rev().find(|at| bytes[*at] & 0xC0 != 0x80).unwrap_or(limit);
    let mut text = String::from_utf8_lossy(&bytes[..cut]).into_owned();
    // Whoever reads it must not take the part for the whole.
    text.push_str(&format!("… ({} bytes)", bytes.len()));
    text
}
