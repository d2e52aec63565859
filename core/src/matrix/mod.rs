//! What the archive can hold: every combination of market and data type, and which one a key
//! belongs to.
//!
//! The rows are data (`matrix/*.toml`, read by `rows`). What is really published comes from
//! listings: nothing here decides that an archive exists, only how its key would be spelled and
//! what is expected.

mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

use crate::config::data_file::DataFileError;
use crate::embedded::MATRIX_FILES;
use crate::fill::API_FILE;
use crate::names::archive::{ArchiveKey, Series};
use crate::names::market::{DataType, Frequency, Interval, Market, NameError, Symbol};
use crate::names::pattern::{KeyPattern, OffPattern};
use crate::names::period::{DateRange, Period};

/// The table of combinations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    combinations: Vec<Combination>,
    /// Folder of the symbols, without its slash, to a position in `combinations`.
    folders: HashMap<String, usize>,
    /// Other names of data types, such as `premiumIndexKlines`.
    aliases: BTreeMap<String, DataType>,
}

impl Matrix {
    /// Returns the matrix of this build.
    ///
    /// # Errors
    ///
    /// A row that cannot be read.
    pub fn builtin() -> Result<Self, DataFileError> {
        let mut matrix = Self::default();
        // The exchange's API is no archive; see [`crate::fill`].
        for (name, text) in MATRIX_FILES.iter().filter(|(name, _)| *name != API_FILE) {
            rows::add(&mut matrix, &format!("matrix/{name}"), text)?;
        }
        Ok(matrix)
    }

    /// Reads one file of rows; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// A row that cannot be read or is there twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, DataFileError> {
        let mut matrix = Self::default();
        rows::add(&mut matrix, file, text)?;
        Ok(matrix)
    }

    /// Returns every combination, in the order of the file.
    #[must_use]
    pub fn combinations(&self) -> &[Combination] {
        &self.combinations
    }

    /// Returns the combination of a market and a data type.
    #[must_use]
    pub fn get(&self, market: Market, data_type: &DataType) -> Option<&Combination> {
        self.combinations
            .iter()
            .find(|found| found.market == market && found.data_type == *data_type)
    }

    /// Returns the data type that a user names, by its own name or by that of its folder.
    ///
    /// # Errors
    ///
    /// A name that no row has; the error lists those there are.
    pub fn data_type(&self, name: &str) -> Result<DataType, NameError> {
        let mut data_types = self.combinations.iter().map(|combination| &combination.data_type);
        let found = data_types
            .find(|data_type| data_type.as_str() == name)
            .or_else(|| self.aliases.get(name));
        found.cloned().ok_or_else(|| NameError::new("data type", name, self.data_type_names()))
    }

    /// Returns the archive that a key names.
    ///
    /// Any interval and either frequency is accepted where the pattern has a place for it: the
    /// archive holds abandoned archives at intervals that are not expected.
    ///
    /// # Errors
    ///
    /// A key that no pattern would have rendered.
    pub fn identify(&self, path: &str) -> Result<ArchiveKey, UnknownKey> {
        let unknown = |reason| UnknownKey { key: path.to_owned(), reason };
        let combination =
            self.combination_of(path).ok_or_else(|| unknown(OffPattern::UnknownFolder))?;
        let parts = combination.pattern.read(path).map_err(unknown)?;
        let series = combination.series(parts.symbol, parts.interval);
        Ok(ArchiveKey::new(series, parts.period, path))
    }

    /// Finds the row whose folder of symbols holds the key.
    fn combination_of(&self, path: &str) -> Option<&Combination> {
        // In the archive no folder of symbols lies within another: the first that is known is it.
        let ends = path.match_indices('/').map(|(at, _)| at);
        let found = ends.into_iter().find_map(|end| self.folders.get(&path[..end]))?;
        self.combinations.get(*found)
    }

    fn data_type_names(&self) -> String {
        let mut seen = BTreeSet::new();
        let data_types = self.combinations.iter().map(|combination| combination.data_type.as_str());
        data_types.filter(|name| seen.insert(*name)).collect::<Vec<_>>().join(", ")
    }
}

/// One row: a market with a data type.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    pub market: Market,
    pub data_type: DataType,
    /// The file in `schemas/` that says how its lines are read, which is also its silver table.
    pub schema: String,
    pub pattern: KeyPattern,
    /// The expected intervals of daily archives: empty without an interval folder, nothing if there
    /// are no such archives.
    pub daily: Option<Vec<Interval>>,
    /// The same of monthly archives.
    pub monthly: Option<Vec<Interval>>,
    pub status: Status,
    /// The first day that any archive is known to cover.
    pub since: Option<NaiveDate>,
    /// Shorter names that users type for a symbol, such as `BTC` for `BTCBVOLUSDT`.
    pub symbol_aliases: BTreeMap<String, Symbol>,
    /// Where the facts of the row are known from.
    pub evidence: String,
}

impl Combination {
    /// Returns whether its archives have an interval.
    #[must_use]
    pub fn has_intervals(&self) -> bool {
        self.pattern.has_intervals()
    }

    /// Returns the expected intervals at a frequency, or nothing if there are no archives of it.
    #[must_use]
    pub fn intervals(&self, frequency: Frequency) -> Option<&[Interval]> {
        match frequency {
            Frequency::Daily => self.daily.as_deref(),
            Frequency::Monthly => self.monthly.as_deref(),
        }
    }

    /// Returns the days that archives are known to cover, as far as they have a first and a last
    /// one.
    #[must_use]
    pub fn days(&self) -> DateRange {
        let end = match self.status {
            Status::Ended(last) => Some(last),
            Status::Active | Status::Withdrawn | Status::Never => None,
        };
        DateRange { start: self.since, end }
    }

    /// Returns the archive of a symbol and period, or nothing at a frequency that is not published
    /// and for an interval where there is none, or the other way round.
    #[must_use]
    pub fn archive(
        &self,
        symbol: &Symbol,
        interval: Option<Interval>,
        period: Period,
    ) -> Option<ArchiveKey> {
        self.intervals(period.frequency())?;
        if interval.is_some() != self.has_intervals() {
            return None;
        }
        let path = self.pattern.render(symbol, interval, period);
        Some(ArchiveKey::new(self.series(symbol.clone(), interval), period, &path))
    }

    /// Returns the folder whose folders are symbols: `data/spot/daily/klines/`.
    #[must_use]
    pub fn symbols_prefix(&self, frequency: Frequency) -> String {
        self.pattern.symbols_prefix(frequency)
    }

    /// Returns the folder of one symbol: `data/spot/daily/klines/BTCUSDT/`.
    #[must_use]
    pub fn symbol_prefix(&self, frequency: Frequency, symbol: &Symbol) -> String {
        self.pattern.symbol_prefix(frequency, symbol)
    }

    /// Returns the folder of one series: `data/spot/daily/klines/BTCUSDT/1h/`.
    #[must_use]
    pub fn series_prefix(
        &self,
        frequency: Frequency,
        symbol: &Symbol,
        interval: Option<Interval>,
    ) -> String {
        self.pattern.series_prefix(frequency, symbol, interval)
    }

    fn series(&self, symbol: Symbol, interval: Option<Interval>) -> Series {
        Series { market: self.market, data_type: self.data_type.clone(), symbol, interval }
    }
}

/// Whether archives of a combination still appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Nothing appears after this day.
    Ended(NaiveDate),
    /// Published once, and deleted since.
    Withdrawn,
    /// Never published.
    Never,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.pad("active"),
            Self::Ended(last) => f.pad(&format!("ended {last}")),
            Self::Withdrawn => f.pad("withdrawn"),
            Self::Never => f.pad("never"),
        }
    }
}

/// A key that no pattern would have rendered: reported, never guessed at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown key `{key}`: {reason}")]
pub struct UnknownKey {
    pub key: String,
    pub reason: OffPattern,
}

#[cfg(test)]
mod tests;
