//! What a lake tracks, and which days of it a refresh looks at.
//!
//! A lake tracks every series of which it ever met an archive. There is no high-water mark:
//! archives come late and are filled in and corrected years later (archive-wide stalls of nine days
//! were reported in binance-public-data issues 100, 244 and 375), so a refresh looks at a trailing
//! window of days and at every month, or at everything.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{Days, NaiveDate};

use super::{FetchReason, Planned};
use crate::ledger::Ledger;
use crate::listing::Inventory;
use crate::matrix::Matrix;
use crate::names::archive::Series;
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
    /// Collects the series of a ledger.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let mut tracked = Self::default();
        for entry in ledger.entries() {
            let end = entry.key.period().end();
            let last = tracked.series.entry(entry.key.series().clone()).or_insert(end);
            *last = end.max(*last);
        }
        tracked
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

    /// Returns what to list of one frequency: all months, or the days of the window.
    ///
    /// A series that was left alone for longer than the window is listed from the month in which it
    /// was last met, in a separate listing, so that no hole stays between the two.
    #[must_use]
    pub fn listings(
        &self,
        matrix: &Matrix,
        frequency: Frequency,
        window: DateRange,
    ) -> Vec<Targets> {
        let mut by_start: BTreeMap<Option<NaiveDate>, Vec<&Series>> = BTreeMap::new();
        for (series, last) in &self.series {
            let start = match frequency {
                Frequency::Monthly => None,
                Frequency::Daily => window
                    .start
                    .map(|start| if *last < start { first_of_month(*last) } else { start }),
            };
            by_start.entry(start).or_default().push(series);
        }
        let listings = by_start.into_iter().map(|(start, series)| Targets {
            dates: DateRange { start, end: window.end },
            ..targets_of(&series, matrix, &[frequency])
        });
        listings.filter(|targets| !targets.targets.is_empty()).collect()
    }

    /// Returns what the whole lake is about, at both frequencies and without bounds, for the plan.
    #[must_use]
    pub fn targets(&self, matrix: &Matrix) -> Targets {
        targets_of(&self.series.keys().collect::<Vec<_>>(), matrix, &Frequency::ALL)
    }

    /// Leaves out of a listing what the lake does not track: a combination's symbols are listed
    /// with all intervals that any of them has.
    pub fn retain(&self, inventory: &mut Inventory) {
        inventory.archives.retain(|published| self.contains(published.key.series()));
    }

    /// Returns how many archives to fetch are new but older than what is held of their series.
    #[must_use]
    pub fn late(&self, fetch: &[Planned]) -> usize {
        let is_late = |planned: &&Planned| {
            let key = &planned.published.key;
            let held = self.series.get(key.series());
            planned.reason == FetchReason::New
                && held.is_some_and(|last| key.period().end() < *last)
        };
        fetch.iter().filter(is_late).count()
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
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use crate::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
    use crate::listing::{Listed, inventory};
    use crate::selection::Selection;

    fn matrix() -> Matrix {
        Matrix::builtin().unwrap()
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn ledger(keys: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        for key in keys {
            ledger.insert(LedgerEntry {
                key: matrix().identify(key).unwrap(),
                status: ArchiveStatus::Ingested,
                checksum: ChecksumState::Match,
                size: None,
                etag: None,
                last_modified: None,
                checksum_tag: None,
                sha256: Some("00".into()),
                rows: 1,
                rejected_rows: 0,
                min_time: None,
                max_time: None,
                silver_version: Some(1),
                run: Arc::from("run"),
                recorded_at: DateTime::UNIX_EPOCH,
                reason: None,
                days: None,
                competing_version: None,
            });
        }
        ledger
    }

    const BTC: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";
    const ETH: &str = "data/spot/daily/klines/ETHUSDT/1d/ETHUSDT-1d-2026-05-09.zip";
    const OLD: &str = "data/spot/daily/trades/LUNAUSDT/LUNAUSDT-trades-2022-05-13.zip";

    #[test]
    fn a_series_left_alone_for_longer_than_the_window_is_listed_from_where_it_was_left() {
        let tracked = Tracked::of(&ledger(&[BTC, ETH, OLD]));
        let listings =
            tracked.listings(&matrix(), Frequency::Daily, window(date("2026-05-20"), false));
        let starts: Vec<_> =
            listings.iter().map(|targets| targets.dates.start.unwrap().to_string()).collect();
        assert_eq!(starts, ["2022-05-01", "2026-04-05"]);
        let all =
            tracked.listings(&matrix(), Frequency::Monthly, window(date("2026-05-20"), false));
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].dates.start, None);
    }

    #[test]
    fn a_full_refresh_lists_all_days() {
        let tracked = Tracked::of(&ledger(&[BTC, OLD]));
        let listings =
            tracked.listings(&matrix(), Frequency::Daily, window(date("2026-05-20"), true));
        assert_eq!(listings.iter().map(|targets| targets.dates.start).collect::<Vec<_>>(), [None]);
    }

    #[test]
    fn an_interval_that_only_another_symbol_has_is_not_tracked() {
        let tracked = Tracked::of(&ledger(&[BTC, ETH]));
        let keys = [BTC, ETH, "data/spot/daily/klines/ETHUSDT/1h/ETHUSDT-1h-2026-05-09.zip"];
        let listed = keys.map(|key| Listed {
            key: key.to_owned(),
            size: 1,
            etag: None,
            last_modified: None,
        });
        let mut found = inventory(listed, &matrix());
        tracked.retain(&mut found);
        assert_eq!(found.archives.len(), 2);
    }

    #[test]
    fn only_symbols_that_are_new_are_listed_for_a_selection() {
        let matrix = matrix();
        let tracked = Tracked::of(&ledger(&[BTC]));
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
