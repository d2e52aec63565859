//! What a lake tracks, and which days of it a refresh looks at.
//!
//! A lake tracks every series of which it ever met an archive. There is no high-water mark:
//! archives come late and are filled in and corrected years later (archive-wide stalls of nine days
//! were reported in binance-public-data issues 100, 244 and 375), so a refresh looks at a trailing
//! window of days and at every month, or at everything.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{Days, NaiveDate};

use super::FetchReason;
use super::fetch_list::{FetchList, Outline};
use crate::matrix::Matrix;
use crate::names::archive::{ArchiveKey, Series};
use crate::names::market::{DataType, Frequency, Interval, Market, Symbol};
use crate::names::period::DateRange;
use crate::selection::{SymbolQuery, Target, Targets};

/// Days before today that are listed again each time.
pub const TRAILING_DAYS: u64 = 45;

/// The series that a lake has met, each with the last day that is held of it.
#[derive(Clone, Debug, Default)]
pub struct Tracked {
    series: BTreeMap<Series, NaiveDate>,
}

impl Tracked {
    /// Takes an archive into account that a ledger knows.
    pub fn add(&mut self, key: &ArchiveKey) {
        let end = key.period().end();
        match self.series.get_mut(key.series()) {
            Some(last) => *last = end.max(*last),
            None => drop(self.series.insert(key.series().clone(), end)),
        }
    }

    /// Returns the series that are tracked, in order.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.keys()
    }

    /// Returns whether nothing was ever met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Returns whether the lake has met the series.
    #[must_use]
    pub fn contains(&self, series: &Series) -> bool {
        self.series.contains_key(series)
    }

    /// Returns the symbols that are tracked of a combination.
    #[must_use]
    pub fn symbols(&self, market: Market, data_type: &DataType) -> BTreeSet<Symbol> {
        let of_combination = self.series.keys().filter(|series| series.market == market);
        of_combination
            .filter(|series| series.data_type == *data_type)
            .map(|series| series.symbol.clone())
            .collect()
    }

    /// Returns all symbols that are tracked.
    #[must_use]
    pub fn all_symbols(&self) -> BTreeSet<Symbol> {
        self.series.keys().map(|series| series.symbol.clone()).collect()
    }

    /// Returns which days of a series are listed at a frequency: all months, or the days of the
    /// window; nothing of a series that the lake does not track.
    ///
    /// A series that was left alone for longer than the window is listed from the month in which it
    /// was last met, so that no hole stays between the two.
    #[must_use]
    pub fn days_to_list(
        &self,
        series: &Series,
        frequency: Frequency,
        window: DateRange,
    ) -> Option<DateRange> {
        let last = *self.series.get(series)?;
        let start = match frequency {
            Frequency::Monthly => None,
            Frequency::Daily => window.start.map(|start| match last < start {
                true => first_of_month(last),
                false => start,
            }),
        };
        Some(DateRange { start, end: window.end })
    }

    /// Returns what the whole lake is about, at both frequencies and without bounds, for the plan.
    #[must_use]
    pub fn targets(&self, matrix: &Matrix) -> Targets {
        targets_of(&self.series.keys().collect::<Vec<_>>(), matrix, &Frequency::ALL)
    }

    /// Returns how many archives to fetch are new but older than what is held of their series.
    #[must_use]
    pub fn late(&self, fetch: &FetchList) -> usize {
        let is_late = |archive: &Outline<'_>| {
            let held = self.series.get(archive.series);
            archive.reason == FetchReason::New
                && held.is_some_and(|last| archive.period.end() < *last)
        };
        fetch.outlines().filter(is_late).count()
    }
}

/// Returns the days that a refresh lists again: the trailing window up to today, or all.
#[must_use]
pub fn window(today: NaiveDate, full: bool) -> DateRange {
    let start = today.checked_sub_days(Days::new(TRAILING_DAYS)).filter(|_| !full);
    DateRange { start, end: Some(today) }
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    crate::names::period::Period::month_of(date).start()
}

/// What is wanted of one combination.
#[derive(Default)]
struct WantedSeries {
    symbols: BTreeSet<Symbol>,
    intervals: BTreeSet<Interval>,
}

fn targets_of(series: &[&Series], matrix: &Matrix, frequencies: &[Frequency]) -> Targets {
    let mut wanted: BTreeMap<(Market, &DataType), WantedSeries> = BTreeMap::new();
    for series in series {
        let wanted = wanted.entry((series.market, &series.data_type)).or_default();
        wanted.symbols.insert(series.symbol.clone());
        wanted.intervals.extend(series.interval);
    }
    let targets = wanted.into_iter().filter_map(
        |((market, data_type), WantedSeries { symbols, intervals })| {
            let combination = matrix.get(market, data_type)?.clone();
            let published = |frequency: &&Frequency| combination.intervals(**frequency).is_some();
            let frequencies: Vec<Frequency> =
                frequencies.iter().filter(published).copied().collect();
            (!frequencies.is_empty()).then(|| Target {
                intervals: combination.has_intervals().then(|| intervals.into_iter().collect()),
                combination,
                frequencies,
                symbols: SymbolQuery::Literal(symbols.into_iter().collect()),
            })
        },
    );
    Targets { targets: targets.collect(), ..Targets::none() }
}

/// Leaves out of a selection's targets the symbols that are tracked already, so that only new ones
/// are listed.
#[must_use]
pub fn untracked(targets: &Targets, tracked: &Tracked) -> Targets {
    let targets_left = targets.targets.iter().filter_map(|target| {
        let combination = &target.combination;
        let known: HashSet<Symbol> =
            tracked.symbols(combination.market, &combination.data_type).into_iter().collect();
        let symbols = match &target.symbols {
            SymbolQuery::Literal(symbols) => {
                let left: Vec<Symbol> =
                    symbols.iter().filter(|symbol| !known.contains(symbol)).cloned().collect();
                (!left.is_empty()).then_some(SymbolQuery::Literal(left))?
            }
            SymbolQuery::Glob(list) => SymbolQuery::Glob(list.without(known)),
        };
        Some(Target { symbols, ..target.clone() })
    });
    Targets { targets: targets_left.collect(), ..targets.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection::Selection;

    fn matrix() -> Matrix {
        Matrix::builtin().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn tracked(keys: &[&str]) -> Tracked {
        let mut tracked = Tracked::default();
        keys.iter().for_each(|key| tracked.add(&matrix().identify(key).unwrap()));
        tracked
    }

    fn series_of(key: &str) -> Series {
        matrix().identify(key).unwrap().series().clone()
    }

    const BTC: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";
    const ETH: &str = "data/spot/daily/klines/ETHUSDT/1d/ETHUSDT-1d-2026-05-09.zip";
    const OLD: &str = "data/spot/daily/trades/LUNAUSDT/LUNAUSDT-trades-2022-05-13.zip";

    #[test]
    fn a_series_left_alone_for_longer_than_the_window_is_listed_from_where_it_was_left() {
        let tracked = tracked(&[BTC, ETH, OLD]);
        let days = window(date("2026-05-20"), false);
        let start = |key: &str, frequency| {
            tracked.days_to_list(&series_of(key), frequency, days).unwrap().start
        };
        assert_eq!(start(OLD, Frequency::Daily), Some(date("2022-05-01")));
        assert_eq!(start(BTC, Frequency::Daily), Some(date("2026-04-05")));
        assert_eq!(start(ETH, Frequency::Monthly), None);
    }

    #[test]
    fn a_full_refresh_lists_all_days() {
        let days = window(date("2026-05-20"), true);
        let listed = tracked(&[BTC, OLD]).days_to_list(&series_of(OLD), Frequency::Daily, days);
        assert_eq!(listed.unwrap().start, None);
    }

    #[test]
    fn an_interval_that_only_another_symbol_has_is_not_listed() {
        let other = "data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2026-05-09.zip";
        let days = window(date("2026-05-20"), false);
        let tracked = tracked(&[BTC, ETH]);
        assert_eq!(tracked.days_to_list(&series_of(other), Frequency::Daily, days), None);
    }

    #[test]
    fn only_symbols_that_are_new_are_listed_for_a_selection() {
        let matrix = matrix();
        let tracked = tracked(&[BTC]);
        let selection = Selection {
            markets: vec![Market::Spot],
            data_types: vec![matrix.data_type("klines").unwrap()],
            symbols: crate::selection::SymbolFilter::parse(&["BTC*"]).unwrap(),
            ..Selection::default()
        };
        let left = untracked(&selection.targets(&matrix).unwrap(), &tracked);
        let symbols = &left.targets[0].symbols;
        assert!(!symbols.matches(&"BTCUSDT".parse().unwrap()));
        assert!(symbols.matches(&"BTCFDUSD".parse().unwrap()));
    }
}
