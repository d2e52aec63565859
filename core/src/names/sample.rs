//! A part of all archives, chosen by a hash of their keys: the same ones each time, on every
//! machine.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::archive::ArchiveKey;
use super::market::NameError;

/// So many of a million archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    millionths: u32,
}

/// What a percent is.
const PERCENT: f64 = 10_000.0;
const ALL: u32 = 1_000_000;

impl Sample {
    /// Returns whether an archive belongs to it.
    #[must_use]
    pub fn has(self, key: &ArchiveKey) -> bool {
        let hash = Sha256::digest(key.path().as_bytes());
        let hash = hash.iter().take(8).fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        hash % u64::from(ALL) < u64::from(self.millionths)
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / PERCENT)
    }
}

impl FromStr for Sample {
    type Err = NameError;

    /// Parses a part such as `1%` or `0.05%`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        let millionths = percent.map(|percent| (percent * PERCENT).round());
        let millionths = millionths.filter(|it| (1.0..=f64::from(ALL)).contains(it));
        let expected = "a part from 0.0001% to 100%, such as 1%";
        let millionths = millionths.ok_or_else(|| NameError::new("sample", text, expected))?;
        // In range, and without a fraction.
        Ok(Self { millionths: millionths as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn a_sample_has_its_part_of_the_archives_and_a_larger_one_has_them_too() {
        let matrix = Matrix::builtin().unwrap();
        let keys: Vec<ArchiveKey> = (0..4_000)
            .map(|number| {
                let name = format!("S{number}USDT");
                let key = format!("data/spot/daily/trades/{name}/{name}-trades-2024-01-01.zip");
                matrix.identify(&key).unwrap()
            })
            .collect();
        let sample = |text: &str| text.parse::<Sample>().unwrap();
        let count = |text: &str| keys.iter().filter(|key| sample(text).has(key)).count();
        assert!((20..=65).contains(&count("1%")), "{}", count("1%"));
        assert!((900..=1_100).contains(&count("25%")), "{}", count("25%"));
        assert_eq!(count("100%"), keys.len());
        assert!(keys.iter().all(|key| !sample("1%").has(key) || sample("2%").has(key)));
        assert_eq!(sample("0.05%").to_string(), "0.05%");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["1", "0%", "101%", "-1%", "x%", "NaN%", "", "%"] {
            assert!(text.parse::<Sample>().is_err(), "{text}");
        }
    }
}
