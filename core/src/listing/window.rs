//! Which part of a series' folder holds the wanted days, so that years of keys need not be paged
//! through.
//!
//! Keys of one series sort by date, because every date is written in full and at the same place.

use crate::matrix::{Combination, Status};
use crate::names::archive::{ArchiveKey, CHECKSUM_SUFFIX};
use crate::names::market::{Frequency, Interval, Symbol};
use crate::names::period::{DateRange, Period};

/// The keys of one series that a range of days may need: archives and their checksum files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesWindow {
    prefix: String,
    marker: Option<String>,
    /// The last key that belongs to the window.
    last: Option<String>,
}

impl SeriesWindow {
    /// Frames the archives of a series that hold at least one day of `range`; an open end leaves
    /// that side open.
    #[must_use]
    pub fn new(
        combination: &Combination,
        symbol: &Symbol,
        interval: Option<Interval>,
        frequency: Frequency,
        range: DateRange,
    ) -> Self {
        let pattern = &combination.pattern;
        let stem = pattern.period_stem(symbol, interval, frequency);
        let first = range.start.map(|start| Period::containing(start, frequency));
        let last = range.end.map(|end| Period::containing(end, frequency));
        Self {
            prefix: pattern.series_prefix(frequency, symbol, interval),
            marker: first.map(|first| format!("{stem}{first}")),
            last: last.map(|last| format!("{stem}{last}{}{CHECKSUM_SUFFIX}", pattern.suffix())),
        }
    }

    /// Returns the prefix to list.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the marker of the request for the first page: it sorts after all earlier keys and
    /// before the first wanted one.
    #[must_use]
    pub fn marker(&self) -> Option<&str> {
        self.marker.as_deref()
    }

    /// Returns whether a listed key, and so every key after it, lies after the window.
    #[must_use]
    pub fn is_past(&self, key: &str) -> bool {
        self.last.as_deref().is_some_and(|last| key > last)
    }
}

/// Returns the archives of a series that should exist on the days of `range`, for sources that
/// cannot be listed.
///
/// Each is made when it is needed: of thousands of series that end early, few are ever requested.
/// Open ends are closed by the combination's own first and last day; without any there is nothing
/// to go by. Nothing is expected of what was never published or is withdrawn, nor at
/// intervals that the matrix does not name.
pub fn expected<'a>(
    combination: &'a Combination,
    frequency: Frequency,
    symbol: &'a Symbol,
    interval: Option<Interval>,
    range: DateRange,
) -> impl Iterator<Item = ArchiveKey> + use<'a> {
    let published = matches!(combination.status, Status::Active | Status::Ended(_));
    let intervals = combination.intervals(frequency).filter(|_| published);
    let named =
        |intervals: &[Interval]| interval.is_none_or(|interval| intervals.contains(&interval));
    let range = intervals.is_some_and(named).then(|| range.intersect(combination.days()));
    let periods = range.into_iter().flat_map(move |range| range.periods(frequency));
    periods.filter_map(move |period| combination.archive(symbol, interval, period))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::names::market::{DataType, Market};

    fn combination(market: Market, data_type: &str) -> Combination {
        Matrix::builtin().unwrap().get(market, &DataType::new(data_type)).unwrap().clone()
    }

    fn range(start: &str, end: &str) -> DateRange {
        let day = |text: &str| text.parse::<Period>().ok();
        DateRange { start: day(start).map(Period::start), end: day(end).map(Period::end) }
    }

    fn window(frequency: Frequency, range: DateRange) -> SeriesWindow {
        let klines = combination(Market::Spot, "klines");
        SeriesWindow::new(&klines, &"BTCUSDT".parse().unwrap(), "1h".parse().ok(), frequency, range)
    }

    #[test]
    fn paging_starts_right_before_the_first_wanted_day_and_stops_after_the_last() {
        let window = window(Frequency::Daily, range("2024-02-01", "2024-02-29"));
        let folder = "data/spot/daily/klines/BTCUSDT/1h/";
        assert_eq!(window.prefix(), folder);
        let marker = window.marker().unwrap();
        let key = |date: &str, end: &str| format!("{folder}BTCUSDT-1h-{date}.zip{end}");
        assert!(marker > key("2024-01-31", ".CHECKSUM").as_str());
        assert!(marker < key("2024-02-01", "").as_str());
        assert!(
            !window.is_past(&key("2024-02-29", ""))
                && !window.is_past(&key("2024-02-29", ".CHECKSUM"))
        );
        assert!(window.is_past(&key("2024-03-01", "")));
    }

    #[test]
    fn a_month_of_which_one_day_is_wanted_is_in_the_window() {
        let window = window(Frequency::Monthly, range("2024-02-15", "2024-03-01"));
        let key =
            |month: &str| format!("data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-{month}.zip");
        let marker = window.marker().unwrap();
        assert!(marker > key("2024-01").as_str() && marker < key("2024-02").as_str());
        assert!(!window.is_past(&key("2024-03")) && window.is_past(&key("2024-04")));
    }

    #[test]
    fn without_dates_the_whole_folder_is_listed() {
        let window = window(Frequency::Daily, DateRange::default());
        assert_eq!(window.marker(), None);
        assert!(!window.is_past("data/spot/daily/klines/BTCUSDT/1h/part-00000.zip"));
    }

    #[test]
    fn the_days_before_and_after_publication_are_not_expected() {
        let ticker = combination(Market::FuturesUm, "bookTicker");
        let symbol = "BTCUSDT".parse().unwrap();
        let expect = |frequency, range| {
            expected(&ticker, frequency, &symbol, None, range).collect::<Vec<_>>()
        };
        let days = expect(Frequency::Daily, range("2023-05-14", "2023-05-17"));
        let names: Vec<&str> = days.iter().map(ArchiveKey::file_name).collect();
        assert_eq!(
            names,
            ["BTCUSDT-bookTicker-2023-05-16.zip", "BTCUSDT-bookTicker-2023-05-17.zip"]
        );
        assert!(expect(Frequency::Daily, range("2025-01", "2025-12")).is_empty());
        let months = expect(Frequency::Monthly, DateRange::default());
        assert_eq!(months.first().unwrap().file_name(), "BTCUSDT-bookTicker-2023-05.zip");
        assert_eq!(months.last().unwrap().file_name(), "BTCUSDT-bookTicker-2024-04.zip");
    }

    #[test]
    fn nothing_is_expected_where_the_matrix_names_nothing() {
        let symbol = "BTCUSDT".parse().unwrap();
        let days = range("2024-01-01", "2024-01-02");
        let count = |market, data_type, frequency, interval: &str| {
            expected(
                &combination(market, data_type),
                frequency,
                &symbol,
                interval.parse().ok(),
                days,
            )
            .count()
        };
        assert_eq!(count(Market::Spot, "klines", Frequency::Daily, "1s"), 2);
        assert_eq!(count(Market::FuturesUm, "klines", Frequency::Daily, "1s"), 0);
        assert_eq!(count(Market::FuturesUm, "klines", Frequency::Daily, "1w"), 0);
        assert_eq!(count(Market::FuturesUm, "klines", Frequency::Monthly, "1w"), 1);
        assert_eq!(count(Market::FuturesUm, "klines", Frequency::Daily, ""), 0);
        assert_eq!(count(Market::FuturesUm, "fundingRate", Frequency::Daily, ""), 0);
        assert_eq!(count(Market::Spot, "bookDepth", Frequency::Daily, ""), 0);
        assert_eq!(count(Market::FuturesUm, "liquidationSnapshot", Frequency::Daily, ""), 0);
    }
}
