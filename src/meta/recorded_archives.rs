//! What is recorded of the archives of one silver table, archive by archive in the order of their
//! keys: entries of its log, or what its data files say where commits are gone.

use std::collections::btree_map::Values;
use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::sync::Arc;

use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::matrix::Matrix;

use super::archives::replay::replay;
use super::log_spool::{EntriesByArchive, SpooledEntry};
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::delta::log::{ArchiveRecord, LogEntry};

/// What is recorded of one archive.
#[derive(Debug, Default)]
pub(super) struct RecordedArchive {
    /// In the order in which they take effect.
    pub(super) entries: Vec<SpooledEntry>,
    /// Whether only data files name it, which do not say how large its zip was.
    pub(super) from_files: bool,
}

/// What is recorded of all archives, one after the other.
pub(super) struct RecordedArchives<'a> {
    by_log: EntriesByArchive,
    by_files: Peekable<Values<'a, String, ArchiveRecord>>,
    version: i64,
}

impl<'a> RecordedArchives<'a> {
    /// Begins with archives in a table's log, and those that only its data files name at a version.
    pub(super) fn new(
        by_log: EntriesByArchive,
        by_files: &'a BTreeMap<String, ArchiveRecord>,
        version: i64,
    ) -> Self {
        Self { by_log, by_files: by_files.values().peekable(), version }
    }

    /// Returns the next archive.
    pub(super) fn archive(&mut self) -> Option<&str> {
        let by_files = self.by_files.peek().map(|record| record.archive.as_str());
        self.by_log.archive().into_iter().chain(by_files).min()
    }

    /// Moves on to an archive, and returns what is recorded of it.
    pub(super) fn find(&mut self, archive: &str) -> Result<RecordedArchive, TableError> {
        while let Some(next) = self.archive().filter(|next| *next <= archive) {
            let is_it = next == archive;
            let recorded = self.next_archive()?;
            if is_it {
                return Ok(recorded);
            }
        }
        Ok(RecordedArchive::default())
    }

    /// Returns itself if this is the next archive.
    pub(super) fn at(&mut self, archive: &str) -> Option<&mut Self> {
        (self.archive() == Some(archive)).then_some(self)
    }

    /// Returns what is recorded of the next archive.
    pub(super) fn next_archive(&mut self) -> Result<RecordedArchive, TableError> {
        let by_log = self.by_log.archive();
        let is_next = |record: &&ArchiveRecord| {
            by_log.is_none_or(|archive| record.archive.as_str() < archive)
        };
        let Some(record) = self.by_files.next_if(is_next) else {
            let entries = self.by_log.next_archive()?;
            return Ok(RecordedArchive { entries, from_files: false });
        };
        let entry = LogEntry::Landed(Box::new(record.clone()));
        // Data files do not name the run either: it is the one that finds them.
        let entry = SpooledEntry { version: self.version, run: String::new(), entry };
        Ok(RecordedArchive { entries: vec![entry], from_files: true })
    }
}

impl RecordedArchive {
    /// Returns whether a version of the archive has ever been in the table.
    pub(super) fn has_landed(&self, sha256: &str) -> bool {
        self.entries.iter().any(|spooled| match &spooled.entry {
            LogEntry::Landed(record) => record.sha256 == sha256,
            LogEntry::Compared(_) => false,
        })
    }

    /// Returns a ledger row for every version of the archive.
    pub(super) fn rows(self, matrix: &Matrix, context: &CommitContext) -> Vec<LedgerEntry> {
        let mut runs: HashMap<String, Arc<str>> = HashMap::new();
        let mut logged = Vec::with_capacity(self.entries.len());
        for SpooledEntry { version, run, entry } in self.entries {
            if let LogEntry::Landed(record) = &entry
                && !run.is_empty()
            {
                runs.insert(record.sha256.clone(), run.into());
            }
            logged.push((version, entry));
        }
        let mut rows = replay(matrix, &HashMap::new(), logged, context);
        for row in &mut rows {
            if self.from_files {
                row.size = None;
            }
            // Replaying names the run that rebuilds; the run that landed the rows is known.
            let sha256 = row.sha256.as_deref().unwrap_or_default();
            if let Some(run) = runs.get(sha256) {
                row.run = Arc::clone(run);
            }
        }
        rows
    }
}
