//! One of several parts of all series, for processes that work on one lake side by side.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::archive::Series;
use super::market::NameError;

/// The series of one of several processes, by a hash of their names: together the shards `1/N` to
/// `N/N` have each series exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    /// From zero.
    index: u32,
    count: u32,
}

impl Default for Shard {
    /// Returns the only shard, which has every series.
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

impl Shard {
    /// Returns a shard by its number from zero; nothing if there are not that many.
    #[must_use]
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count).then_some(Self { index, count })
    }

    /// Returns whether it has every series.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Returns whether a series belongs to it.
    #[must_use]
    pub fn has(self, series: &Series) -> bool {
        self.is_whole() || hash(series) % u64::from(self.count) == u64::from(self.index)
    }
}

/// Hashes the name of a series: the same on every machine, and in every version of the program.
pub(crate) fn hash(series: &Series) -> u64 {
    let Series { market, data_type, symbol, interval } = series;
    let interval = interval.map(|interval| interval.to_string()).unwrap_or_default();
    let name = format!("{market}/{data_type}/{symbol}/{interval}");
    let hash = Sha256::digest(name.as_bytes());
    hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(k, n)| Some((k.parse::<u32>().ok()?, n.parse().ok()?)));
        let shard = numbers.and_then(|(k, n)| Self::new(k.checked_sub(1)?, n));
        shard.ok_or_else(|| NameError::new("shard", text, "K/N such as 1/4, with K from 1 to N"))
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;
    use crate::matrix::Matrix;
    use crate::names::archive::Series;

    fn series() -> Vec<Series> {
        let matrix = Matrix::builtin().unwrap();
        let names = (0..400).map(|number| format!("S{number}USDT"));
        let keys =
            names.map(|it| format!("data/spot/daily/trades/{it}/{it}-trades-2024-01-01.zip"));
        keys.map(|key| matrix.identify(&key).unwrap().series().clone()).collect()
    }

    #[test]
    fn each_series_is_in_exactly_one_of_the_shards_and_none_has_most_of_them() {
        let shards: Vec<Shard> =
            ["1/4", "2/4", "3/4", "4/4"].iter().map(|text| text.parse().unwrap()).collect();
        let mut sizes = [0; 4];
        for series in series() {
            let with: Vec<usize> = (0..4).filter(|at| shards[*at].has(&series)).collect();
            assert_eq!(with.len(), 1);
            sizes[with[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (60..140).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_shard_stays_the_same_in_every_version_of_the_program() {
        let third: Shard = "3/4".parse().unwrap();
        let first: Vec<String> = series()
            .iter()
            .take(12)
            .filter(|it| third.has(it))
            .map(|series| series.symbol.to_string())
            .collect();
        assert_eq!(first, ["S2USDT", "S4USDT"]);
    }

    #[test]
    fn a_shard_that_does_not_exist_is_refused() {
        for text in ["0/4", "5/4", "1/0", "1", "a/b", "1/4/2", "-1/4"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
    }
}
