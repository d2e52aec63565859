//! Names that nothing has, and names much like them that something has.
//!
//! Symbols compare with their case, and a name that no market has is no error by itself: an archive
//! may come later. Where a name differs from an existing one as typing errors do, it is one, and
//! commands say so instead of doing nothing.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::join;
use super::symbols::Pattern;
use crate::names::market::Symbol;

/// Names that are suggested in place of one.
const SUGGESTED: usize = 3;

/// Letters that a name needs, so that one more or less still makes the same name of it.
const LONG_ENOUGH: usize = 5;

/// A name or a glob that matches nothing, with names that are much like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Misspelled {
    pub symbol: String,
    /// At least one name.
    pub did_you_mean: Vec<String>,
}

impl fmt::Display for Misspelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, did_you_mean } = self;
        write!(f, "no symbol is named {symbol}: did you mean {}?", join(did_you_mean))
    }
}

/// Returns the names and globs that match none of the symbols.
#[must_use]
pub fn unmatched(patterns: &[String], symbols: &BTreeSet<Symbol>) -> Vec<String> {
    let is_unmatched = |text: &&String| {
        let pattern = text.parse::<Pattern>();
        pattern.is_ok_and(|pattern| !symbols.iter().any(|symbol| pattern.matches(symbol)))
    };
    patterns.iter().filter(is_unmatched).cloned().collect()
}

/// Returns those names and globs that match none of the known symbols, and that are much like the
/// name of some.
#[must_use]
pub fn misspelled(patterns: &[String], known: &BTreeSet<Symbol>) -> Vec<Misspelled> {
    let mut found = Vec::new();
    for symbol in unmatched(patterns, known) {
        let mut did_you_mean = similar_names(&symbol, known);
        did_you_mean.extend(similar_glob(&symbol, known));
        if !did_you_mean.is_empty() {
            found.push(Misspelled { symbol, did_you_mean });
        }
    }
    found
}

/// Returns the names that differ from a name in case or separators only; if there are none, those
/// that differ by one letter more or less, or by two that changed places.
fn similar_names(name: &str, known: &BTreeSet<Symbol>) -> Vec<String> {
    if !matches!(name.parse::<Pattern>(), Ok(Pattern::Name(_))) {
        return Vec::new();
    }
    let wanted = letters(name);
    let chosen = |is_similar: fn(&[char], &[char]) -> bool| {
        let similar = known.iter().filter(|symbol| is_similar(&wanted, &letters(symbol.as_str())));
        similar.take(SUGGESTED).map(ToString::to_string).collect::<Vec<_>>()
    };
    let same = chosen(|a, b| a == b);
    if same.is_empty() { chosen(differ_by_one_slip) } else { same }
}

/// Returns a glob in upper case, if that matches something.
fn similar_glob(text: &str, known: &BTreeSet<Symbol>) -> Option<String> {
    let upper = text.to_uppercase();
    let pattern = upper.parse::<Pattern>().ok()?;
    let is_glob = matches!(pattern, Pattern::Glob(_));
    (is_glob && known.iter().any(|symbol| pattern.matches(symbol))).then_some(upper)
}

/// Returns a name without what people write differently: case, and separators of its parts.
fn letters(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Returns whether one letter is missing in either, or two neighbours changed places. Another
/// letter in the place of one makes another symbol too often: BTCUSDC is not BTCUSDT.
fn differ_by_one_slip(a: &[char], b: &[char]) -> bool {
    if a.len().min(b.len()) < LONG_ENOUGH {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match a.len().abs_diff(b.len()) {
        1 if a.len() < b.len() => *a == b[1..],
        1 => a[1..] == *b,
        0 => matches!((a, b), ([a, c, x @ ..], [d, e, y @ ..]) if (a, c, x) == (e, d, y)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(pattern: &str) -> Vec<String> {
        let known =
            ["1000SATSUSDT", "BTCUSDC", "BTCUSDT", "BTCUSD_PERP", "ETHUSDT", "币安人生USDT"];
        let known = known.iter().map(|name| name.parse().unwrap()).collect();
        let found = misspelled(&[pattern.to_owned()], &known);
        found.into_iter().flat_map(|found| found.did_you_mean).collect()
    }

    #[test]
    fn a_name_in_other_case_or_with_other_separators_is_recognised() {
        for name in ["btcusdt", "Btcusdt", "BTC-USDT", "btc_usdt", "BTC:USDT"] {
            assert_eq!(suggested(name), ["BTCUSDT"], "{name}");
        }
        assert_eq!(suggested("btcusdperp"), ["BTCUSD_PERP"]);
        assert_eq!(suggested("1000satsusdt"), ["1000SATSUSDT"]);
        assert_eq!(suggested("币安人生usdt"), ["币安人生USDT"]);
    }

    #[test]
    fn one_letter_more_or_less_and_two_that_changed_places_are_recognised() {
        assert_eq!(suggested("ETHUSD"), ["ETHUSDT"]);
        assert_eq!(suggested("ETHUSSDT"), ["ETHUSDT"]);
        assert_eq!(suggested("thusdt"), ["ETHUSDT"]);
        assert_eq!(suggested("ETHUSTD"), ["ETHUSDT"]);
        assert_eq!(suggested("TEHUSDT"), ["ETHUSDT"]);
        assert_eq!(suggested("BTCUSD"), ["BTCUSDC", "BTCUSDT"]);
    }

    #[test]
    fn a_name_that_exists_and_one_that_is_like_no_other_get_no_suggestion() {
        for name in ["BTCUSDT", "BTCUSDX", "LUNAUSDT", "USDT", "B", "ETHBTC", "HTEUSDT"] {
            assert_eq!(suggested(name), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn a_glob_is_suggested_in_the_case_in_which_it_matches() {
        assert_eq!(suggested("btc*"), ["BTC*"]);
        assert_eq!(suggested("{btc,eth}usdt"), ["{BTC,ETH}USDT"]);
        assert_eq!(suggested("BTC*"), Vec::<String>::new());
        assert_eq!(suggested("doge*"), Vec::<String>::new());
    }

    #[test]
    fn names_and_globs_that_nothing_has_are_found() {
        let symbols = BTreeSet::from(["BTCUSDT".parse().unwrap()]);
        let patterns = ["btcusdt", "BTC*", "eth*", "BTCUSDT"].map(str::to_owned);
        assert_eq!(unmatched(&patterns, &symbols), ["btcusdt", "eth*"]);
    }

    #[test]
    fn the_message_names_both() {
        let found = Misspelled {
            symbol: "btcusd".to_owned(),
            did_you_mean: vec!["BTCUSDC".to_owned(), "BTCUSDT".to_owned()],
        };
        let text = "no symbol is named btcusd: did you mean BTCUSDC, BTCUSDT?";
        assert_eq!(found.to_string(), text);
    }
}
