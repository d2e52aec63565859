//! How many rows two versions of an archive differ in, counted from hashes of their rows.
//!
//! Whoever reads the rows decides what identifies one (its key) and hashes both key and row. Rows
//! may repeat, in keys and as a whole, so versions are compared as bags: equal rows cancel out one
//! by one, and what is left of a key on both sides is paired.

use std::ops::AddAssign;

/// Rows in which two versions differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowChanges {
    /// Rows of the new version whose key has no counterpart in the old one.
    pub added: u64,
    /// Rows of the old version whose key has no counterpart in the new one.
    pub removed: u64,
    /// Rows of both with the same key and other values.
    pub changed: u64,
}

impl AddAssign for RowChanges {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.removed += other.removed;
        self.changed += other.changed;
    }
}

/// Which version a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowVersion {
    Old,
    New,
}

/// A row by its hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HashedRow {
    key: u128,
    row: u128,
    version: RowVersion,
}

/// The rows of two versions, 48 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Comparison(Vec<HashedRow>);

impl Comparison {
    /// Takes a row by the hashes of its key and of all its values.
    pub fn push(&mut self, version: RowVersion, key: u128, row: u128) {
        self.0.push(HashedRow { key, row, version });
    }

    /// Counts the rows in which the versions differ.
    #[must_use]
    pub fn count(mut self) -> RowChanges {
        self.0.sort_unstable();
        let mut changes = RowChanges::default();
        for of_key in self.0.chunk_by(|a, b| a.key == b.key) {
            let (old, new) = left_over(of_key);
            let changed = old.min(new);
            changes += RowChanges { added: new - changed, removed: old - changed, changed };
        }
        changes
    }
}

/// Returns how many rows of a key are only in the old and only in the new version.
fn left_over(of_key: &[HashedRow]) -> (u64, u64) {
    let (mut old, mut new) = (0, 0);
    for equal in of_key.chunk_by(|a, b| a.row == b.row) {
        let of_old = equal.partition_point(|row| row.version == RowVersion::Old) as u64;
        let of_new = equal.len() as u64 - of_old;
        old += of_old.saturating_sub(of_new);
        new += of_new.saturating_sub(of_old);
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Rows = Vec<(u8, u8)>;

    fn compare(old: &[(u8, u8)], new: &[(u8, u8)]) -> RowChanges {
        let mut comparison = Comparison::default();
        for (version, rows) in [(RowVersion::New, new), (RowVersion::Old, old)] {
            rows.iter().for_each(|(key, row)| {
                comparison.push(version, u128::from(*key), u128::from(*row));
            });
        }
        comparison.count()
    }

    /// Crosses out row after row, as one would on paper.
    fn on_paper(old: &[(u8, u8)], new: &[(u8, u8)]) -> RowChanges {
        let (mut old, mut new): (Rows, Rows) = (old.to_vec(), new.to_vec());
        cross_out(&mut old, &mut new, |a, b| a == b);
        let changed = cross_out(&mut old, &mut new, |a, b| a.0 == b.0);
        RowChanges { added: new.len() as u64, removed: old.len() as u64, changed }
    }

    fn cross_out(
        old: &mut Rows,
        new: &mut Rows,
        alike: impl Fn(&(u8, u8), &(u8, u8)) -> bool,
    ) -> u64 {
        let before = old.len();
        old.retain(|row| match new.iter().position(|other| alike(row, other)) {
            Some(found) => {
                new.remove(found);
                false
            }
            None => true,
        });
        (before - old.len()) as u64
    }

    #[test]
    fn rows_with_the_same_key_and_other_values_are_changed_and_others_added_or_removed() {
        let changes = compare(&[(1, 1), (2, 1), (3, 1)], &[(2, 1), (3, 2), (4, 1), (5, 1)]);
        assert_eq!(changes, RowChanges { added: 2, removed: 1, changed: 1 });
    }

    #[test]
    fn a_row_that_is_repeated_once_more_is_added() {
        assert_eq!(
            compare(&[(1, 1)], &[(1, 1), (1, 1)]),
            RowChanges { added: 1, removed: 0, changed: 0 }
        );
    }

    fn rows() -> impl Strategy<Value = Rows> {
        prop::collection::vec((0..4_u8, 0..4_u8), 0..24)
    }

    proptest! {
        #![proptest_config(crate::tests::cases(400))]

        #[test]
        fn differences_are_those_that_are_found_on_paper(old in rows(), new in rows()) {
            prop_assert_eq!(compare(&old, &new), on_paper(&old, &new));
        }

        #[test]
        fn parts_of_the_keys_can_be_compared_apart(old in rows(), new in rows()) {
            let part = |rows: &Rows, odd| -> Rows {
                rows.iter().filter(|row| (row.0 % 2 == 1) == odd).copied().collect()
            };
            let mut sum = compare(&part(&old, false), &part(&new, false));
            sum += compare(&part(&old, true), &part(&new, true));
            prop_assert_eq!(sum, compare(&old, &new));
        }
    }
}
