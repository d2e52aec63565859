//! What a user wants, and what the matrix makes of it.
//!
//! A [`Selection`] is wishes; [`Selection::targets`] turns them into the combinations to list, and
//! into notes on every wish that the archive answers otherwise. Nothing here knows what is
//! published: that is the listing's, and what to do about it the plan's.

mod intervals;
pub mod near;
mod notes;
mod resolve;
mod symbols;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::intervals::IntervalFilter;
pub(crate) use self::intervals::{join, known_intervals, parse_known};
pub use self::notes::Note;
pub(crate) use self::notes::Notes;
pub use self::symbols::{SymbolFilter, SymbolList};
use crate::matrix::Combination;
use crate::names::archive::Series;
use crate::names::market::{DataType, Frequency, Interval, Market, NameError, Symbol};
use crate::names::period::DateRange;

/// What a user wants; what is left out means everything that is published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// None means every market, or those that `symbols` names one by one.
    pub markets: Vec<Market>,
    /// None means every data type.
    pub data_types: Vec<DataType>,
    pub symbols: SymbolFilter,
    pub intervals: IntervalFilter,
    pub dates: DateRange,
    pub frequency: FrequencyPolicy,
}

impl Selection {
    /// Refuses a selection that names no symbols, unless everything was requested (`all`).
    ///
    /// # Errors
    ///
    /// [`SelectionError::TooBroad`], with what to type instead.
    pub fn check_breadth(&self, all: bool) -> Result<(), SelectionError> {
        if all || self.symbols.is_bounded() { Ok(()) } else { Err(SelectionError::TooBroad) }
    }
}

/// Which of the daily and monthly archives are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrequencyPolicy {
    /// Closed months from the monthly archive where there is one, the rest from dailies.
    #[default]
    Auto,
    Daily,
    Monthly,
}

impl FrequencyPolicy {
    /// Returns whether archives of this frequency may be taken.
    #[must_use]
    pub const fn allows(self, frequency: Frequency) -> bool {
        matches!(
            (self, frequency),
            (Self::Auto, _) | (Self::Daily, Frequency::Daily) | (Self::Monthly, Frequency::Monthly)
        )
    }

    /// Returns the word that users type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

impl fmt::Display for FrequencyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FrequencyPolicy {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let policies = [Self::Auto, Self::Daily, Self::Monthly];
        let found = policies.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| NameError::new("frequency", text, "auto, daily, monthly"))
    }
}

/// What a selection means in the terms of the matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// At most one per combination, in the matrix's order; none if all that was requested ended
    /// before the dates.
    pub targets: Vec<Target>,
    /// Where the archive differs from the selection, each reported once.
    pub notes: Vec<Note>,
    pub dates: DateRange,
    pub frequency: FrequencyPolicy,
}

impl Targets {
    /// Returns targets that want nothing.
    #[must_use]
    pub fn none() -> Self {
        let (dates, frequency) = (DateRange::default(), FrequencyPolicy::Auto);
        Self { targets: Vec::new(), notes: Vec::new(), dates, frequency }
    }
}

/// One combination, with what of it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub combination: Combination,
    /// The folders to look into; at least one.
    pub frequencies: Vec<Frequency>,
    pub symbols: SymbolQuery,
    /// Nothing means every interval that is published, or a data type without intervals.
    pub intervals: Option<Vec<Interval>>,
}

impl Target {
    /// Returns the interval folders to look into at a frequency: one `None` where there is no such
    /// layer.
    #[must_use]
    pub fn intervals_at(&self, frequency: Frequency) -> Vec<Option<Interval>> {
        let Some(published) =
            self.combination.intervals(frequency).filter(|_| self.frequencies.contains(&frequency))
        else {
            return Vec::new();
        };
        if !self.combination.has_intervals() {
            return vec![None];
        }
        let wanted = |interval: &Interval| {
            self.intervals.as_ref().is_none_or(|wanted| wanted.contains(interval))
        };
        published.iter().copied().filter(wanted).map(Some).collect()
    }

    /// Returns whether the series has a wanted interval; its symbol is not looked at.
    ///
    /// An interval that the matrix does not expect is wanted with all the others: the archive has
    /// such strays.
    #[must_use]
    pub fn wants(&self, series: &Series) -> bool {
        let Some((wanted, interval)) = self.intervals.as_ref().zip(series.interval) else {
            return true;
        };
        wanted.contains(&interval)
    }

    /// Returns whether archives of the series are expected at a frequency.
    #[must_use]
    pub fn expects(&self, series: &Series, frequency: Frequency) -> bool {
        let published = self.combination.intervals(frequency);
        published.is_some_and(|published| {
            series.interval.is_none_or(|interval| published.contains(&interval))
        })
    }
}

/// How the symbols of a target become known.
#[derive(Clone, Debug, PartialEq)]
pub enum SymbolQuery {
    /// They are named.
    Literal(Vec<Symbol>),
    /// The listing has them, and the patterns choose.
    Glob(SymbolList),
}

impl SymbolQuery {
    /// Returns whether the symbol is wanted.
    #[must_use]
    pub fn matches(&self, symbol: &Symbol) -> bool {
        match self {
            Self::Literal(symbols) => symbols.binary_search(symbol).is_ok(),
            Self::Glob(list) => list.matches(symbol),
        }
    }
}

/// Why a selection cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    #[error(
        "no symbols are selected, which would be the whole archive: many terabytes; \
         name some with --symbol 'BTC*', use a configuration file with --config, or ask for \
         everything with --all"
    )]
    TooBroad,
    /// A bar length that no market has of this data type.
    #[error("{data_type}: {source}")]
    Interval { data_type: DataType, source: NameError },
    /// Not one combination is left; the text says why, one clause for each.
    #[error("the selection matches nothing: {0} (`lakehouse matrix` lists what there is)")]
    NothingMatches(String),
}

#[cfg(test)]
mod tests;
