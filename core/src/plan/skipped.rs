//! The archives that a plan leaves alone: counted by reason, because they may be all of them.

use std::collections::BTreeMap;

use super::SkipReason;
use crate::listing::Published;
use crate::names::market::{DataType, Market};

/// An archive to leave alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skipped<'a> {
    pub published: &'a Published,
    pub reason: SkipReason,
}

/// How many archives are left alone, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipCounts(BTreeMap<(Market, DataType, SkipReason), SkipCount>);

/// Archives that are left alone for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SkipCount {
    pub(super) archives: u64,
    /// Of the archives whose size is published.
    pub(super) bytes: u64,
}

impl SkipCounts {
    /// Counts an archive.
    pub(super) fn add(&mut self, skipped: Skipped<'_>) {
        let key = &skipped.published.key;
        let count = self.count(key.market(), key.data_type(), skipped.reason);
        count.archives += 1;
        count.bytes = count.bytes.saturating_add(skipped.published.size.unwrap_or_default());
    }

    /// Adds the counts of another plan.
    pub(super) fn append(&mut self, other: &Self) {
        for ((market, data_type, reason), other) in &other.0 {
            let count = self.count(*market, data_type, *reason);
            count.archives += other.archives;
            count.bytes = count.bytes.saturating_add(other.bytes);
        }
    }

    fn count(
        &mut self,
        market: Market,
        data_type: &DataType,
        reason: SkipReason,
    ) -> &mut SkipCount {
        self.0.entry((market, data_type.clone(), reason)).or_default()
    }

    /// Returns the number of archives.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.values().map(|count| count.archives).sum()
    }

    /// Returns whether no archive is left alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of archives that are left alone for a reason.
    #[must_use]
    pub fn of(&self, reason: SkipReason) -> u64 {
        let counts = self.0.iter().filter(|((_, _, of), _)| *of == reason);
        counts.map(|(_, count)| count.archives).sum()
    }

    /// Returns the counts by market, data type and reason.
    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (&(Market, DataType, SkipReason), &SkipCount)> {
        self.0.iter()
    }
}
