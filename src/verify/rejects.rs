//! Rejected rows that are counted in the ledger and of which `meta.rejects` has none: a damaged
//! commit of that table took them along.
//!
//! A commit replaces all rejects of its archives, so an archive has all of them or none. They are
//! found again by decoding the archive.

use std::collections::BTreeSet;

use super::KnownArchives;
use super::report::{Check, Finding};
use crate::delta::TableError;
use crate::meta::rejects::RejectsTable;
use crate::storage::lake::Lake;

/// The archives of which `meta.rejects` has rows.
#[derive(Debug, Default)]
pub(super) struct RecordedRejects(BTreeSet<String>);

impl RecordedRejects {
    /// Reads them, if any archive is known to have rejected rows.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) async fn read<'a>(
        lake: &Lake,
        mut known: impl Iterator<Item = &'a KnownArchives>,
    ) -> Result<Self, TableError> {
        let has_rejects =
            |known: &KnownArchives| known.values().any(|known| known.rejected_rows > 0);
        if !known.any(has_rejects) {
            return Ok(Self::default());
        }
        RejectsTable::archives(lake).await.map(Self)
    }

    /// Finds the archives of a table whose rejects are lost.
    pub(super) fn lost(&self, known: &KnownArchives) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (archive, known) in known {
            if known.rejected_rows > 0 && !self.0.contains(archive.as_ref()) {
                findings.push(known.version.finding(
                    Check::Rejects,
                    format!("{} rejected rows", known.rejected_rows),
                    "none of them in meta.rejects".to_owned(),
                ));
            }
        }
        findings
    }
}
