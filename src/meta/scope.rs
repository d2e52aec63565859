//! Which of the lake's archives a command is about.
//!
//! Unlike a selection, a scope is about what the lake has met and never about what is published.

use lakehouse_core::names::archive::{ArchiveKey, Series};
use lakehouse_core::names::market::{DataType, Interval, Market};
use lakehouse_core::names::period::DateRange;
use lakehouse_core::names::shard::Shard;
use lakehouse_core::selection::SymbolFilter;

/// Which archives are meant; what is empty means all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    pub markets: Vec<Market>,
    pub data_types: Vec<DataType>,
    pub symbols: SymbolFilter,
    pub intervals: Vec<Interval>,
    pub dates: DateRange,
    pub shard: Shard,
}

impl Scope {
    /// Returns whether an archive is meant: its series, and a day of its period.
    #[must_use]
    pub fn has(&self, key: &ArchiveKey) -> bool {
        self.has_series(key.series()) && self.dates.overlaps(key.period())
    }

    /// Returns whether archives of a series can be meant.
    #[must_use]
    pub fn has_series(&self, series: &Series) -> bool {
        let interval = series.interval.is_none_or(|interval| self.intervals.contains(&interval));
        (self.markets.is_empty() || self.markets.contains(&series.market))
            && (self.data_types.is_empty() || self.data_types.contains(&series.data_type))
            && (self.intervals.is_empty() || interval)
            && self.symbols.matches(series.market, &series.symbol)
            && self.shard.has(series)
    }
}
