//! What a selection wants of a source: folders of symbols, series, and where their listings end.

use lakehouse_core::listing::{Listed, SeriesWindow};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::market::{Frequency, Interval, Symbol};
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::Target;

/// The folder of one symbol at one frequency.
#[derive(Clone, Debug)]
pub(super) struct SymbolFolder<'a> {
    pub(super) target: &'a Target,
    pub(super) frequency: Frequency,
    pub(super) symbol: Symbol,
}

impl<'a> SymbolFolder<'a> {
    pub(super) fn prefix(&self) -> String {
        self.target.combination.symbol_prefix(self.frequency, &self.symbol)
    }

    pub(super) fn has_open_intervals(&self) -> bool {
        self.target.combination.has_intervals() && self.target.intervals.is_none()
    }

    pub(super) fn series(&self, interval: Option<Interval>) -> WantedSeries<'a> {
        WantedSeries {
            target: self.target,
            frequency: self.frequency,
            symbol: self.symbol.clone(),
            interval,
        }
    }

    pub(super) fn expected_series(self) -> Vec<WantedSeries<'a>> {
        self.target
            .intervals_at(self.frequency)
            .into_iter()
            .map(|interval| self.series(interval))
            .collect()
    }
}

/// One series at one frequency.
#[derive(Clone, Debug)]
pub(super) struct WantedSeries<'a> {
    pub(super) target: &'a Target,
    pub(super) frequency: Frequency,
    pub(super) symbol: Symbol,
    pub(super) interval: Option<Interval>,
}

impl WantedSeries<'_> {
    pub(super) fn prefix(&self) -> String {
        self.target.combination.series_prefix(self.frequency, &self.symbol, self.interval)
    }

    pub(super) fn window(&self, dates: DateRange) -> SeriesWindow {
        SeriesWindow::new(
            &self.target.combination,
            &self.symbol,
            self.interval,
            self.frequency,
            dates,
        )
    }
}

/// A series that was listed, and where its listing ends.
#[derive(Clone, Debug)]
pub(super) struct ListedSeries<'a> {
    pub(super) series: WantedSeries<'a>,
    pub(super) last: Option<Period>,
}

/// Returns the period of the last archive in a listing, which is in the order of dates.
pub(super) fn last_period(objects: &[Listed], matrix: &Matrix) -> Option<Period> {
    objects
        .iter()
        .rev()
        .find_map(|object| matrix.identify(&object.key).ok())
        .map(|key| key.period())
}
