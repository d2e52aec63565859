//! Rejected rows that are counted in the ledger and of which `meta.rejects` has none: a damaged
//! commit of that table took them along.
//!
//! A commit replaces all rejects of its archives, so an archive has all of them or none. They are
//! found again by decoding the archive.

use std::collections::BTreeSet;

use super::damage::DamageCollector;
use super::report::{Check, Finding};
use super::walk::{KnownArchive, SeriesFacts};
use crate::delta::TableError;
use crate::meta::rejects::RejectsTable;
use crate::storage::lake::Lake;

/// The archives of which `meta.rejects` has rows.
#[derive(Debug, Default)]
pub(super) struct RecordedRejects(Option<BTreeSet<String>>);

impl RecordedRejects {
    /// Reads those that are verified, as soon as an archive is known to have rejected rows.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) async fn read(
        &mut self,
        lake: &Lake,
        facts: &SeriesFacts,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), TableError> {
        let has_rejects = |known: &KnownArchive| known.is_chosen && known.rejected_rows > 0;
        if self.0.is_none() && facts.known.values().any(has_rejects) {
            self.0 = Some(RejectsTable::archives(lake, wanted).await?);
        }
        Ok(())
    }

    /// Finds the archives of a series whose rejects are lost.
    pub(super) fn lost(&self, facts: &SeriesFacts, damage: &mut DamageCollector) -> Vec<Finding> {
        let mut findings = Vec::new();
        for known in facts.known.values().filter(|known| known.is_chosen) {
            let path = known.version.key.path();
            let is_there = self.0.as_ref().is_some_and(|archives| archives.contains(path));
            if known.rejected_rows > 0 && !is_there {
                damage.redo(&known.version);
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
