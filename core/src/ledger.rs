//! What the lake knows of an archive: the rows of `meta.archives`, without the table that holds
//! them.
//!
//! The plan reads them; the shell writes them. One row per archive and version of it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray};

use crate::names::archive::ArchiveKey;
use crate::names::days::DaySet;
use crate::names::market::NameError;

/// The status of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ArchiveStatus {
    /// Its rows are in silver.
    Ingested,
    /// Its rows were in silver until a newer version of the same archive replaced them.
    Superseded,
    /// A copy of the other frequency is more complete on every day that the archive has rows of.
    Yielded,
    /// The source answered 404: an answer, not an error.
    NotPublished,
    /// Its bytes never matched its checksum. Requested again when source or checksum change, and
    /// once on every other day.
    Quarantined,
    /// Its bytes are as published, and cannot be read as an archive of its kind.
    Rejected,
    /// It could not be fetched, or not be stored. Requested again in the next run.
    Failed,
    /// It was taken out of the lake on request, and is left out until it is wanted again.
    Removed,
}

impl ArchiveStatus {
    /// Returns the word that stands in `meta.archives`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns whether the archive is published and its newest version could not be had or not be
    /// read.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Quarantined | Self::Rejected | Self::Failed)
    }
}

impl fmt::Display for ArchiveStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ArchiveStatus {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        named("status", text)
    }
}

/// What bronze keeps of an archive whose rows are in silver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum BronzePolicy {
    /// The archive, byte for byte as published.
    #[default]
    Keep,
    /// Its checksum as published; the ledger has its size. Whoever needs the bytes again downloads
    /// them.
    Checksums,
}

impl BronzePolicy {
    /// Returns the word that stands in a configuration file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl FromStr for BronzePolicy {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        named("value of bronze", text)
    }
}

/// Whether an archive's bytes agree with its published checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ChecksumState {
    Match,
    Mismatch,
    /// The archive has none: recorded, and not held against it.
    Absent,
    /// It was not requested (`--no-checksum`), or the archive was not fetched.
    Unchecked,
}

impl ChecksumState {
    /// Returns the word that stands in `meta.archives`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl FromStr for ChecksumState {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        named("checksum state", text)
    }
}

/// Finds the value that `name` is the word of.
fn named<T>(kind: &'static str, name: &str) -> Result<T, NameError>
where
    T: Copy + Into<&'static str> + VariantArray,
{
    let names = T::VARIANTS.iter().map(|value| -> &str { (*value).into() });
    let found = names.clone().position(|known| known == name);
    let expected = || names.collect::<Vec<_>>().join(", ");
    found
        .and_then(|index| T::VARIANTS.get(index).copied())
        .ok_or_else(|| NameError::new(kind, name, expected()))
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub key: ArchiveKey,
    pub status: ArchiveStatus,
    pub checksum: ChecksumState,
    /// Bytes of the zip, as listed or as fetched.
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
    /// What distinguishes the checksum that its bytes did not match from a later one.
    pub checksum_tag: Option<String>,
    /// Lower-case hexadecimal SHA-256 of the zip, once it was fetched.
    pub sha256: Option<Arc<str>>,
    /// Rows in silver.
    pub rows: u64,
    pub rejected_rows: u64,
    pub min_time: Option<DateTime<Utc>>,
    pub max_time: Option<DateTime<Utc>>,
    /// The version of the silver table whose commit holds the rows.
    pub silver_version: Option<i64>,
    pub run: Arc<str>,
    pub recorded_at: DateTime<Utc>,
    /// Why the status is what it is, where it is not `ingested`; and how its days were decided.
    pub reason: Option<String>,
    /// The days that it owns in silver, where these are not all days of its period.
    pub days: Option<DaySet>,
    /// The version of the month's archive that a daily archive was compared with.
    pub competing_version: Option<Arc<str>>,
}

impl LedgerEntry {
    /// Returns the days of its period whose rows in silver are the archive's.
    ///
    /// A newer version that failed leaves the rows of the version before where they are.
    #[must_use]
    pub fn owned_days(&self) -> DaySet {
        let in_silver = match self.status {
            ArchiveStatus::Ingested => true,
            ArchiveStatus::Superseded | ArchiveStatus::Yielded | ArchiveStatus::Removed => false,
            _ => self.silver_version.is_some(),
        };
        if in_silver {
            self.days.unwrap_or_else(|| DaySet::of(self.key.period()))
        } else {
            DaySet::NONE
        }
    }
}

/// The newest row of every archive, by its key.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: HashMap<Arc<str>, LedgerEntry>,
}

impl From<Vec<LedgerEntry>> for Ledger {
    /// Takes rows in any order; the latest of each archive counts.
    fn from(mut rows: Vec<LedgerEntry>) -> Self {
        rows.sort_by_key(|entry| entry.recorded_at);
        let mut ledger = Self { entries: HashMap::with_capacity(rows.len()) };
        rows.into_iter().for_each(|entry| ledger.insert(entry));
        ledger
    }
}

impl Ledger {
    /// Records an entry; a row of an older version of the archive never hides a newer one.
    pub fn insert(&mut self, entry: LedgerEntry) {
        if entry.status == ArchiveStatus::Superseded && self.entries.contains_key(entry.key.path())
        {
            return;
        }
        self.entries.insert(entry.key.shared_path(), entry);
    }

    /// Returns what is known of the archive with this key.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&LedgerEntry> {
        self.entries.get(path)
    }

    /// Returns every archive's newest entry, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.values()
    }

    /// Returns how many archives are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing is known yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Returns how many of a table's files, given by their rows in ascending order, are to be merged:
/// the two smallest, and each that has no more than twice the rows of all before it. So a row is
/// rewritten only when its file grows by half.
pub fn files_to_merge(rows: impl IntoIterator<Item = u64>) -> usize {
    let mut merged = 0;
    let mut count = 0;
    for rows in rows {
        if count > 1 && rows > 2 * merged {
            break;
        }
        merged += rows;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::files_to_merge;

    #[test]
    fn a_large_file_is_left_alone_until_half_as_much_lies_next_to_it() {
        assert_eq!(files_to_merge([100, 100, 100, 1_000_000]), 3);
        assert_eq!(files_to_merge([400_000, 500_000, 1_000_000]), 3);
    }

    #[test]
    fn two_files_are_merged_however_different_they_are() {
        assert_eq!(files_to_merge([200, 200_000, 1_000_000]), 2);
        assert_eq!(files_to_merge([]), 0);
    }

    #[test]
    fn a_million_rows_are_written_some_ten_times_each_by_few_merges() {
        let mut files: Vec<u64> = Vec::new();
        let mut written = 0;
        let mut merges = 0;
        for _ in 0..10_000 {
            files.push(100);
            if files.len() >= 24 {
                files.sort_unstable();
                let merged: u64 = files.drain(..files_to_merge(files.iter().copied())).sum();
                written += merged;
                merges += 1;
                files.push(merged);
            }
            assert!(files.len() < 24);
        }
        assert!(written < 10_000_000 && merges < 1_000, "{written} rows in {merges} merges");
    }
}
