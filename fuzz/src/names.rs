//! Names: keys of archives, patterns of keys, dates, intervals and symbols.

use std::fmt::{Debug, Display};
use std::path::{Component, Path};
use std::str::FromStr;

use lakehouse_core::config::options::LastDays;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::market::{Interval, Market, Symbol};
use lakehouse_core::names::pattern::KeyPattern;
use lakehouse_core::names::period::Period;
use lakehouse_core::selection::SymbolFilter;

use super::MATRIX;

/// A text that may be a key of an archive, a pattern of keys, or a part of either.
pub fn key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(key) = MATRIX.identify(&text) {
        check_key(&MATRIX, &key, &text);
    }
    if let Ok(pattern) = KeyPattern::parse(&text) {
        assert_eq!(pattern.to_string(), text);
    }
    if let Some(period) = reads_back::<Period>(&text) {
        assert!(period.start() <= period.end() && period.next() > period);
        assert_eq!(DaySet::of(period).dates(period).count(), DaySet::of(period).len());
    }
    reads_back::<DaySet>(&text);
    reads_back::<Interval>(&text);
    reads_back::<LastDays>(&text);
    symbols(&text);
}

/// Checks that the parts of a key make up the key, and that the archive is stored inside bronze.
fn check_key(matrix: &Matrix, key: &ArchiveKey, text: &str) {
    assert_eq!(key.path(), text);
    let combination = matrix.get(key.market(), key.data_type()).expect("its combination is known");
    if let Some(archive) = combination.archive(key.symbol(), key.interval(), key.period()) {
        assert_eq!(&archive, key);
    }
    let path = key.bronze_path();
    let mut components = Path::new(&path).components();
    assert!(components.all(|component| matches!(component, Component::Normal(_))), "{path}");
}

/// A value prints as a text that is read as the same value.
fn reads_back<T: FromStr<Err: Debug> + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string().parse::<T>().as_ref().ok(), Some(&value));
    Some(value)
}

/// The words of the text are patterns of symbols; a symbol is a pattern that matches itself, unless
/// it is spelled like a glob.
fn symbols(text: &str) {
    let words: Vec<&str> = text.split(',').collect();
    let Ok(filter) = SymbolFilter::parse(&words) else { return };
    let first = words.first().filter(|word| !word.contains(['*', '?', '[', '{']));
    let Some(symbol) = first.and_then(|word| word.parse::<Symbol>().ok()) else { return };
    let excluded = words.iter().any(|word| word.starts_with('!'));
    assert!(filter.matches(Market::Spot, &symbol) || excluded);
}
