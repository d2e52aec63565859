//! Which of the lake's archives a command is about.
//!
//! Unlike a selection, a scope is about what the lake has met and never about what is published.

use anyhow::{Context, bail};
use lakehouse_core::archive::{ArchiveKey, Series};
use lakehouse_core::market::{DataType, Interval, Market};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::period::{DateRange, Period};
use lakehouse_core::selection::SymbolFilter;

use crate::cli::ScopeFlags;

/// Which archives are meant; what is empty means all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub markets: Vec<Market>,
    pub data_types: Vec<DataType>,
    pub symbols: SymbolFilter,
    pub intervals: Vec<Interval>,
    pub dates: DateRange,
}

impl Scope {
    /// Reads the flags.
    ///
    /// # Errors
    /// When a name means nothing, or dates end before they start.
    pub fn resolve(flags: &ScopeFlags, matrix: &Matrix) -> anyhow::Result<Self> {
        let data_types = flags.data_type.iter().map(|name| matrix.data_type(name));
        let dates = DateRange { start: flags.start.map(Period::start), end: flags.end.map(Period::end) };
        if let DateRange { start: Some(start), end: Some(end) } = dates
            && end < start
        {
            bail!("--start {start} is after --end {end}");
        }
        Ok(Self {
            markets: flags.market.clone(),
            data_types: data_types.collect::<Result<_, _>>().context("--data-type")?,
            symbols: if flags.symbol.is_empty() {
                SymbolFilter::default()
            } else {
                SymbolFilter::parse(&flags.symbol)?
            },
            intervals: flags.interval.clone(),
            dates,
        })
    }

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
    }
}
