//! Which symbols are wanted: names and globs, for every market or for each.
//!
//! Names are distinguished from globs, because a selection of names needs no listing of a market's
//! symbols. Which market has which symbols is not known here; the listing says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher, GlobSet};

use crate::names::market::{Market, NameError, Symbol};

/// The symbols of a selection.
#[derive(Clone, Debug, PartialEq)]
pub enum SymbolFilter {
    /// The same symbols in every market; an empty list means all.
    Everywhere(SymbolList),
    /// Each market's own symbols; a market that is not named has none.
    PerMarket(BTreeMap<Market, SymbolList>),
}

impl Default for SymbolFilter {
    fn default() -> Self {
        Self::Everywhere(SymbolList::default())
    }
}

impl SymbolFilter {
    /// Reads names, globs (`BTC*`) and exclusions (`!BTCUP*`) that hold for every market.
    ///
    /// # Errors
    ///
    /// A pattern that is neither a symbol nor a glob.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, NameError> {
        SymbolList::parse(patterns).map(Self::Everywhere)
    }

    /// Returns a market's symbols, or nothing if the filter names other markets only.
    #[must_use]
    pub fn for_market(&self, market: Market) -> Option<&SymbolList> {
        match self {
            Self::Everywhere(list) => Some(list),
            Self::PerMarket(lists) => lists.get(&market),
        }
    }

    /// Returns a market's symbols if all of them are named, so that no listing is needed to know
    /// them.
    #[must_use]
    pub fn literals(&self, market: Market) -> Option<Vec<Symbol>> {
        self.for_market(market).map_or_else(|| Some(Vec::new()), SymbolList::literals)
    }

    /// Returns whether a market's symbol is wanted.
    #[must_use]
    pub fn matches(&self, market: Market, symbol: &Symbol) -> bool {
        self.for_market(market).is_some_and(|list| list.matches(symbol))
    }

    /// Returns the names and globs of all markets, but for exclusions.
    #[must_use]
    pub fn included(&self) -> Vec<String> {
        let lists: Vec<&SymbolList> = match self {
            Self::Everywhere(list) => vec![list],
            Self::PerMarket(lists) => lists.values().collect(),
        };
        lists.into_iter().flat_map(SymbolList::included).map(str::to_owned).collect()
    }

    /// Returns whether something must be named for a symbol to be wanted: what `--all` is for
    /// otherwise.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        match self {
            Self::Everywhere(list) => !list.include.is_empty(),
            Self::PerMarket(lists) => lists.values().all(|list| !list.include.is_empty()),
        }
    }
}

/// Names, globs and exclusions; symbols compare with their case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SymbolList {
    include: Patterns,
    exclude: Patterns,
}

impl SymbolList {
    /// Reads patterns; those that begin with `!` exclude, and exclusion wins whatever the order.
    ///
    /// # Errors
    ///
    /// A pattern that is neither a symbol nor a glob.
    pub fn parse<S: AsRef<str>>(patterns: &[S]) -> Result<Self, NameError> {
        let mut list = Self::default();
        for pattern in patterns {
            match pattern.as_ref().strip_prefix('!') {
                Some(excluded) => list.exclude.add(excluded)?,
                None => list.include.add(pattern.as_ref())?,
            }
        }
        Ok(list)
    }

    /// Returns whether the symbol is wanted.
    #[must_use]
    pub fn matches(&self, symbol: &Symbol) -> bool {
        let included = self.include.is_empty() || self.include.contains(symbol);
        included && !self.exclude.contains(symbol)
    }

    /// Returns the list without some symbols.
    #[must_use]
    pub fn without(&self, symbols: impl IntoIterator<Item = Symbol>) -> Self {
        let mut list = self.clone();
        list.exclude.names.extend(symbols);
        list
    }

    /// Returns the names and globs, but for exclusions.
    pub(crate) fn included(&self) -> impl Iterator<Item = &str> {
        self.include.texts()
    }

    /// Returns the names and globs, but for exclusions, that match none of the symbols.
    pub(crate) fn unmatched(&self, symbols: &BTreeSet<Symbol>) -> Vec<String> {
        let names = self.include.names.iter().filter(|name| !symbols.contains(name));
        let mut unmatched: Vec<String> = names.map(ToString::to_string).collect();
        for glob in &self.include.globs {
            if !symbols.iter().any(|symbol| glob.matches(symbol)) {
                unmatched.push(glob.0.glob().glob().to_owned());
            }
        }
        unmatched
    }

    /// Returns the patterns as they are written, exclusions last.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        let excluded = self.exclude.texts().map(|text| format!("!{text}"));
        self.include.texts().map(str::to_owned).chain(excluded).collect()
    }

    /// Returns the symbols if all of them are named.
    #[must_use]
    pub fn literals(&self) -> Option<Vec<Symbol>> {
        if self.include.is_empty() || !self.include.globs.is_empty() {
            return None;
        }
        let wanted = self.include.names.iter().filter(|symbol| !self.exclude.contains(symbol));
        Some(wanted.cloned().collect())
    }

    /// Returns the list with other names for some symbols, and which were replaced.
    pub(crate) fn with_aliases(
        &self,
        aliases: &BTreeMap<String, Symbol>,
    ) -> (Self, Vec<(Symbol, Symbol)>) {
        let mut list = self.clone();
        let mut replaced = list.include.replace(aliases);
        for pair in list.exclude.replace(aliases) {
            if !replaced.contains(&pair) {
                replaced.push(pair);
            }
        }
        (list, replaced)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Patterns {
    names: BTreeSet<Symbol>,
    globs: Vec<Glob>,
}

impl Patterns {
    fn add(&mut self, text: &str) -> Result<(), NameError> {
        match text.parse::<Pattern>()? {
            Pattern::Name(name) => drop(self.names.insert(name)),
            Pattern::Glob(glob) => self.globs.push(glob),
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let globs = self.globs.iter().map(|glob| glob.0.glob().glob());
        self.names.iter().map(Symbol::as_str).chain(globs)
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.globs.is_empty()
    }

    fn contains(&self, symbol: &Symbol) -> bool {
        self.names.contains(symbol) || self.globs.iter().any(|glob| glob.matches(symbol))
    }

    fn replace(&mut self, aliases: &BTreeMap<String, Symbol>) -> Vec<(Symbol, Symbol)> {
        let mut replaced = Vec::new();
        for (alias, symbol) in aliases {
            let found = self.names.iter().find(|name| name.as_str() == alias).cloned();
            if let Some(found) = found {
                self.names.remove(&found);
                self.names.insert(symbol.clone());
                replaced.push((found, symbol.clone()));
            }
        }
        replaced
    }
}

/// A name or a glob.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    Name(Symbol),
    Glob(Glob),
}

impl Pattern {
    pub(super) fn matches(&self, symbol: &Symbol) -> bool {
        match self {
            Self::Name(name) => name == symbol,
            Self::Glob(glob) => glob.matches(symbol),
        }
    }
}

impl FromStr for Pattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.contains(['*', '?', '[', '{']) {
            return Glob::parse(text).map(Self::Glob);
        }
        text.parse().map(Self::Name)
    }
}

/// Bytes of the longest glob, far more than any symbol has.
const LONGEST_GLOB: usize = 256;

/// A set reports what cannot be compiled, such as braces nested too deeply. A matcher panics then.
fn check_compiles(glob: &globset::Glob) -> Result<(), globset::Error> {
    GlobSet::builder().add(glob.clone()).build().map(drop)
}

#[derive(Clone)]
pub(super) struct Glob(GlobMatcher);

impl Glob {
    fn matches(&self, symbol: &Symbol) -> bool {
        self.0.is_match(symbol.as_str())
    }

    fn parse(text: &str) -> Result<Self, NameError> {
        let invalid = |why: String| {
            NameError::new("symbol pattern", text, format!("a glob such as BTC* ({why})"))
        };
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || "/\\!".contains(c)) {
            return Err(invalid("no spaces, slashes or inner exclamation marks".to_owned()));
        }
        if text.len() > LONGEST_GLOB {
            return Err(invalid(format!("of at most {LONGEST_GLOB} bytes")));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob.map_err(|error| invalid(error.kind().to_string()))?;
        check_compiles(&glob).map_err(|error| invalid(error.kind().to_string()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.glob().glob())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    fn wanted(patterns: &[&str], name: &str) -> bool {
        SymbolFilter::parse(patterns).unwrap().matches(Market::Spot, &symbol(name))
    }

    #[test]
    fn names_globs_and_exclusions_decide_together() {
        let table: &[(&[&str], &str, bool)] = &[
            (&[], "BTCUSDT", true),
            (&["BTCUSDT"], "BTCUSDT", true),
            (&["BTCUSDT"], "ETHUSDT", false),
            (&["btcusdt"], "BTCUSDT", false),
            (&["BTC*"], "BTCUPUSDT", true),
            (&["BTC*", "!BTCUP*"], "BTCUPUSDT", false),
            (&["!BTCUP*", "BTC*"], "BTCUPUSDT", false),
            (&["!BTCUP*"], "ETHUSDT", true),
            (&["?THUSDT", "ADAUSD[TC]"], "ADAUSDC", true),
            (&["{BTC,ETH}USDT"], "ETHUSDT", true),
            (&["币安*"], "币安人生USDT", true),
            (&["币安人生USDT"], "币安人生USDT", true),
            (&["*_PERP"], "BTCUSD_PERP", true),
        ];
        for (patterns, name, expected) in table {
            assert_eq!(wanted(patterns, name), *expected, "{patterns:?} {name}");
        }
    }

    #[test]
    fn only_a_list_of_names_needs_no_listing_of_symbols() {
        let literals =
            |patterns: &[&str]| SymbolFilter::parse(patterns).unwrap().literals(Market::Spot);
        assert_eq!(
            literals(&["ETHUSDT", "BTCUSDT"]),
            Some(vec![symbol("BTCUSDT"), symbol("ETHUSDT")])
        );
        assert_eq!(literals(&["ETHUSDT", "BTCUSDT", "!BTC*"]), Some(vec![symbol("ETHUSDT")]));
        assert_eq!(literals(&["ETHUSDT", "BTC*"]), None);
        assert_eq!(literals(&["!BTC*"]), None);
        assert_eq!(literals(&[]), None);
    }

    #[test]
    fn a_market_that_a_filter_per_market_does_not_name_has_no_symbols() {
        let lists = BTreeMap::from([(Market::Spot, SymbolList::parse(&["BTC*"]).unwrap())]);
        let filter = SymbolFilter::PerMarket(lists);
        assert!(filter.matches(Market::Spot, &symbol("BTCUSDT")));
        assert!(!filter.matches(Market::FuturesUm, &symbol("BTCUSDT")));
        assert_eq!(filter.literals(Market::FuturesUm), Some(Vec::new()));
        assert!(filter.is_bounded());
    }

    #[test]
    fn an_exclusion_alone_leaves_everything_else_and_bounds_nothing() {
        assert!(!SymbolFilter::parse(&["!BTC*"]).unwrap().is_bounded());
        assert!(!SymbolFilter::default().is_bounded());
        assert!(SymbolFilter::parse(&["*"]).unwrap().is_bounded());
    }

    #[test]
    fn a_pattern_that_is_too_long_or_nested_too_deeply_is_refused() {
        let nested = |depth| format!("{}BTC{}", "{".repeat(depth), "}".repeat(depth));
        for pattern in [nested(1_000), nested(100_000), "?".repeat(1_000_000), "?".repeat(257)] {
            assert!(SymbolFilter::parse(&[&pattern]).is_err(), "{}", &pattern[..20]);
        }
        for pattern in [nested(126), "?".repeat(256), "[ab]".repeat(64), "{a,b}*".repeat(42)] {
            assert!(SymbolFilter::parse(&[&pattern]).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_match_is_refused() {
        for pattern in ["", "!", "BTC USDT", "BTC[", "a/b*", "!!BTC", "*!", ".."] {
            assert!(SymbolFilter::parse(&[pattern]).is_err(), "{pattern}");
        }
        let error = SymbolFilter::parse(&["BTC["]).unwrap_err().to_string();
        assert!(error.contains("symbol pattern `BTC[`"), "{error}");
    }
}
