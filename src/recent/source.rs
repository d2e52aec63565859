//! Where a provisional row came from, as its column `archive` says:
//! `api:spot/klines/BTCUSDT/1h/….json.zst`, a file below bronze/api.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use lakehouse_core::fill::TimeRange;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::DataType;
use percent_encoding::percent_decode_str;

/// What such a source begins with; no archive does.
pub(crate) const SCHEME: &str = "api:";

/// How times in names are written.
const STAMP: &str = "%Y%m%dT%H%M%S%3fZ";

/// Writes a time as a part of a name.
pub(crate) fn stamp(time: DateTime<Utc>) -> String {
    time.format(STAMP).to_string()
}

/// Returns the series of an answer, if it is one.
pub(crate) fn series_of(source: &str) -> Option<Series> {
    let path = percent_decode_str(source.strip_prefix(SCHEME)?).decode_utf8().ok()?;
    let parts: Vec<&str> = path.split('/').collect();
    let (market, data_type, symbol, interval) = match parts.as_slice() {
        [market, data_type, symbol, _] => (market, data_type, symbol, None),
        [market, data_type, symbol, interval, _] => (market, data_type, symbol, Some(interval)),
        _ => return None,
    };
    Some(Series {
        market: market.parse().ok()?,
        data_type: DataType::new(data_type),
        symbol: symbol.parse().ok()?,
        interval: interval.map(|interval| interval.parse()).transpose().ok()?,
    })
}

/// An answer by its name.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) series: Series,
    /// The time that was requested.
    pub(super) range: TimeRange,
}

impl<'a> Source<'a> {
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let series = series_of(name)?;
        let (_, file) = name.rsplit_once('/')?;
        let mut times = file.split('_').map(time);
        let range = TimeRange { from: times.next()??, until: times.next()?? };
        Some(Self { name, series, range })
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.series == other.series
            && self.range.from < other.range.until
            && other.range.from < self.range.until
    }

    /// Returns the last day of the time that was requested.
    pub(super) fn last_day(&self) -> TimeRange {
        TimeRange::day((self.range.until - TimeDelta::milliseconds(1)).date_naive())
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, STAMP).ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_series_and_time_was_requested() {
        let from: DateTime<Utc> = "2026-05-03T00:00:00Z".parse().unwrap();
        let until = from + TimeDelta::hours(29);
        let range = format!("{}_{}", stamp(from), stamp(until));
        let name = format!("api:spot/klines/BTCUSDT/1h/{range}_{}.json.zst", stamp(until));
        let source = Source::parse(&name).unwrap();
        assert_eq!(source.series.to_string(), "spot/klines/BTCUSDT/1h");
        assert_eq!(source.range, TimeRange { from, until });
        assert_eq!(source.last_day().from, from + TimeDelta::days(1));
        assert!(Source::parse("data/spot/daily/klines/BTCUSDT/1h/x.zip").is_none());
    }
}
