//! An archive's identity: its full key, parsed once.
//!
//! The key is the only safe identity. Spot and futures, klines and mark-price klines use the same
//! file names, symbols are re-used, and ids collide across days (binance-public-data issue 353), so
//! nothing shorter identifies an archive. How keys are built is data: see [`super::pattern`].

use std::fmt;
use std::sync::Arc;

use super::market::{DataType, Interval, Market, Symbol};
use super::period::Period;

/// The name that an archive's checksum adds to the archive's own.
pub const CHECKSUM_SUFFIX: &str = ".CHECKSUM";

/// All archives that differ in their period only: one market, data type, symbol and interval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    pub market: Market,
    pub data_type: DataType,
    pub symbol: Symbol,
    pub interval: Option<Interval>,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.market, self.data_type, self.symbol)?;
        self.interval.map_or(Ok(()), |interval| write!(f, "/{interval}"))
    }
}

/// The key of one archive, such as `data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip`.
///
/// Made only by a [`crate::matrix::Matrix`], which knows how keys are spelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveKey {
    series: Series,
    period: Period,
    path: Arc<str>,
}

impl ArchiveKey {
    pub(crate) fn new(series: Series, period: Period, path: &str) -> Self {
        Self { series, period, path: path.into() }
    }

    /// Returns the full key as the archive spells it, not percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the full key for sharing.
    #[must_use]
    pub fn shared_path(&self) -> Arc<str> {
        Arc::clone(&self.path)
    }

    /// Returns the key of the file that holds this archive's checksum.
    #[must_use]
    pub fn checksum_path(&self) -> String {
        format!("{}{CHECKSUM_SUFFIX}", self.path)
    }

    /// Returns the last part of the key.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns where the archive's bytes lie below a lake's `bronze/` folder.
    #[must_use]
    pub fn bronze_path(&self) -> String {
        format!("{}/{}", self.series, self.file_name())
    }

    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    #[must_use]
    pub const fn market(&self) -> Market {
        self.series.market
    }

    #[must_use]
    pub const fn data_type(&self) -> &DataType {
        &self.series.data_type
    }

    #[must_use]
    pub const fn symbol(&self) -> &Symbol {
        &self.series.symbol
    }

    #[must_use]
    pub const fn interval(&self) -> Option<Interval> {
        self.series.interval
    }

    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }
}

impl fmt::Display for ArchiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.path)
    }
}
