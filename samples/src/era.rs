//! Which layout an archive of a given day has, where the format changed over the years.
//!
//! The dates are those of the published files (see the format notes of each data type). An archive
//! has one layout, that of its first day: a month in which a layout changed is written in the older
//! one.

use chrono::{Datelike, NaiveDate};
use lakehouse_core::names::market::Market;

/// Returns how many of the archive's time units a second has: spot has microseconds from 2025 on.
pub(crate) fn units_per_second(market: Market, start: NaiveDate) -> i64 {
    if market == Market::Spot && from(start, 2025, 1, 1) { 1_000_000 } else { 1_000 }
}

/// Returns whether klines of any kind begin with a header.
pub(crate) fn kline_header(market: Market, start: NaiveDate) -> bool {
    market != Market::Spot && from(start, 2022, 6, 1)
}

/// Returns whether trades and aggTrades begin with a header; with it came trimmed and exact
/// decimals.
pub(crate) fn trade_header(market: Market, start: NaiveDate) -> bool {
    market != Market::Spot && from(start, 2022, 8, 11)
}

/// Returns whether bookDepth has 12 levels with two decimals; before, it had 10 whole ones.
pub(crate) fn fine_depth(start: NaiveDate) -> bool {
    from(start, 2026, 1, 1)
}

/// Returns the decimals of open interest in metrics.
pub(crate) fn interest_places(market: Market, start: NaiveDate) -> u32 {
    if market == Market::FuturesUm && from(start, 2024, 1, 1) { 16 } else { 8 }
}

/// Returns whether metrics begin five minutes into the day, drift by seconds and end in the next
/// day.
pub(crate) fn late_metrics(start: NaiveDate) -> bool {
    from(start, 2024, 9, 1)
}

/// Returns whether an open interest that nobody knew was written as zero.
pub(crate) fn unknown_interest(start: NaiveDate) -> bool {
    from(start, 2022, 1, 1) && !from(start, 2025, 1, 1)
}

fn from(start: NaiveDate, year: i32, month: u32, day: u32) -> bool {
    (start.year(), start.month(), start.day()) >= (year, month, day)
}
