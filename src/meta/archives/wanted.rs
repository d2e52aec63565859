//! Which rows of the ledger are wanted: those of a range of keys, or of some keys.
//!
//! Bounds of row groups and pages show where such rows may be. Where files are and how they are
//! read is not known here.

use std::ops::Deref;
use std::sync::Arc;

use arrow::array::{BooleanArray, StringArray};

/// Keys from one, inclusive, up to another, exclusive.
#[derive(Clone, Debug)]
pub(super) struct KeyRange {
    start: String,
    end: String,
}

impl KeyRange {
    /// Returns the range of all keys that begin so.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        // No character sorts after the last one.
        Self { start: prefix.to_owned(), end: format!("{prefix}{}", char::MAX) }
    }

    fn contains(&self, key: &str) -> bool {
        *self.start <= *key && *key < *self.end
    }

    fn overlaps(&self, least: Option<&[u8]>, greatest: Option<&[u8]>) -> bool {
        least.is_none_or(|least| least < self.end.as_bytes())
            && greatest.is_none_or(|greatest| greatest >= self.start.as_bytes())
    }
}

/// Keys in their order, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Arc<[Arc<str>]>);

impl FromIterator<Arc<str>> for KeySet {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(keys: I) -> Self {
        let mut keys: Vec<Arc<str>> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self(keys.into())
    }
}

impl Deref for KeySet {
    type Target = [Arc<str>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl KeySet {
    /// Returns whether a key is one of them.
    pub(super) fn has(&self, key: &str) -> bool {
        self.binary_search_by(|known| (**known).cmp(key)).is_ok()
    }

    fn overlaps(&self, least: Option<&[u8]>, greatest: Option<&[u8]>) -> bool {
        let least = least.unwrap_or_default();
        let first = self.get(self.partition_point(|key| key.as_bytes() < least));
        let in_bounds = |key: &Arc<str>| greatest.is_none_or(|most| key.as_bytes() <= most);
        first.is_some_and(in_bounds)
    }
}

/// Which rows are wanted, by their keys.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    All,
    Range(KeyRange),
    Keys(KeySet),
}

impl Wanted {
    /// Returns whether the row of a key is wanted.
    pub(super) fn has(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Range(range) => range.contains(key),
            Self::Keys(keys) => keys.has(key),
        }
    }

    /// Returns whether rows with these bounds, where they are known, may be wanted.
    pub(super) fn overlaps(&self, least: Option<&[u8]>, greatest: Option<&[u8]>) -> bool {
        match self {
            Self::All => true,
            Self::Range(range) => range.overlaps(least, greatest),
            Self::Keys(keys) => keys.overlaps(least, greatest),
        }
    }

    /// Returns which of these rows are wanted.
    pub(super) fn mask(&self, keys: &StringArray) -> BooleanArray {
        keys.iter().map(|key| Some(key.is_some_and(|key| self.has(key)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{KeySet, Wanted};

    #[test]
    fn bounds_without_a_wanted_key_are_left_out() {
        let keys: KeySet = ["b", "d", "d"].into_iter().map(Arc::from).collect();
        let wanted = Wanted::Keys(keys);
        let overlaps = |least: &str, most: &str| {
            wanted.overlaps(Some(least.as_bytes()), Some(most.as_bytes()))
        };
        assert!(overlaps("a", "b") && overlaps("c", "e") && overlaps("d", "d"));
        assert!(!overlaps("a", "az") && !overlaps("c", "cz") && !overlaps("e", "f"));
        assert!(wanted.overlaps(None, None) && !wanted.overlaps(None, Some(b"a")));
    }
}
