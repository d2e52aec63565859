//! What a selection wants of a source: folders of symbols, series, and where their listings end.

use lakehouse_core::listing::{Listed, SeriesWindow};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::{Frequency, Interval, Symbol};
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::Target;

/// The folders of one symbol, at each frequency at which there is one.
#[derive(Clone, Debug)]
pub(super) struct SymbolFolders<'a> {
    pub(super) target: &'a Target,
    pub(super) symbol: Symbol,
    pub(super) frequencies: Vec<Frequency>,
}

impl<'a> SymbolFolders<'a> {
    pub(super) fn prefix(&self, frequency: Frequency) -> String {
        self.target.combination.symbol_prefix(frequency, &self.symbol)
    }

    pub(super) fn has_open_intervals(&self) -> bool {
        self.target.combination.has_intervals() && self.target.intervals.is_none()
    }

    pub(super) fn series(
        &self,
        interval: Option<Interval>,
        frequencies: Vec<Frequency>,
    ) -> SeriesFolders<'a> {
        let Self { target, symbol, .. } = self;
        SeriesFolders { target, symbol: symbol.clone(), interval, frequencies }
    }
}

/// The folders of one series, at each frequency at which there is one.
#[derive(Clone, Debug)]
pub(super) struct SeriesFolders<'a> {
    pub(super) target: &'a Target,
    pub(super) symbol: Symbol,
    pub(super) interval: Option<Interval>,
    pub(super) frequencies: Vec<Frequency>,
}

impl<'a> SeriesFolders<'a> {
    /// Returns the days of the series to list at a frequency.
    pub(super) fn at(&self, frequency: Frequency, dates: DateRange) -> WantedSeries<'a> {
        let Self { target, symbol, interval, .. } = self;
        WantedSeries { target, frequency, symbol: symbol.clone(), interval: *interval, dates }
    }

    pub(super) fn name(&self) -> Series {
        let row = &self.target.combination;
        Series {
            market: row.market,
            data_type: row.data_type.clone(),
            symbol: self.symbol.clone(),
            interval: self.interval,
        }
    }
}

/// One series at one frequency.
#[derive(Clone, Debug)]
pub(super) struct WantedSeries<'a> {
    pub(super) target: &'a Target,
    pub(super) frequency: Frequency,
    pub(super) symbol: Symbol,
    pub(super) interval: Option<Interval>,
    /// The days that are looked at.
    pub(super) dates: DateRange,
}

impl WantedSeries<'_> {
    pub(super) fn prefix(&self) -> String {
        self.target.combination.series_prefix(self.frequency, &self.symbol, self.interval)
    }

    pub(super) fn window(&self) -> SeriesWindow {
        let Self { target, frequency, symbol, interval, dates } = self;
        SeriesWindow::new(&target.combination, symbol, *interval, *frequency, *dates)
    }
}

/// Returns the period of the last archive in a listing, which is in the order of dates.
pub(super) fn last_period(objects: &[Listed], matrix: &Matrix) -> Option<Period> {
    objects
        .iter()
        .rev()
        .find_map(|object| matrix.identify(&object.key).ok())
        .map(|key| key.period())
}
