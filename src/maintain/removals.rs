//! When files were removed from a table, also where the clock of a machine that committed was
//! wrong.
//!
//! Each commit says when it was made, and a version cannot be older than the versions before it. A
//! commit whose time contradicts that was made by a clock that is behind, and one from the future
//! by a clock that is ahead. Such a commit is dated by the next one whose time is plausible, which
//! is later than it. Where there is none, nobody knows, and its files are kept.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use deltalake::kernel::Action;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::delta::log::read_actions;
use crate::delta::log_files::LogFiles;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};

/// Clocks that are right differ by less than this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// When a file was removed from a table, at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovedAt {
    Time(DateTime<Utc>),
    /// No clock that was right has said so yet.
    Unknown,
}

/// The removals of some files, and what is known of the times of commits.
#[derive(Debug, Default)]
pub(super) struct Removals {
    now: DateTime<Utc>,
    /// The newest version that removed a file, and when, by the clock of the machine that did.
    removed: HashMap<Path, (u64, Option<DateTime<Utc>>)>,
    /// When each version was made, by the clock of the machine that made it.
    recorded: BTreeMap<u64, DateTime<Utc>>,
    /// When the commit of each version was written, by the clock of the storage.
    written: BTreeMap<u64, DateTime<Utc>>,
}

impl Removals {
    /// Reads the log from its newest commit back, until the removal of every file is found.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) async fn find(
        table: &WritableTable,
        files: &[ObjectMeta],
        now: DateTime<Utc>,
    ) -> Result<Self, TableError> {
        let mut removals = Self { now, ..Self::default() };
        let mut missing: HashSet<Path> = files.iter().map(|file| file.location.clone()).collect();
        if missing.is_empty() {
            return Ok(removals);
        }
        let log = LogFiles::list(&table.store()).await;
        let log = log.map_err(TableError::cannot(Verb::List, &table.spec.name, "_delta_log"))?;
        for (version, file) in &log.commits {
            removals.written.insert(*version, file.last_modified);
        }
        for version in (0..=table.version()).rev() {
            let Some(actions) = read_actions(table, version).await? else { break };
            removals.add(u64::try_from(version).unwrap_or_default(), actions, &mut missing);
            if missing.is_empty() {
                break;
            }
        }
        Ok(removals)
    }

    fn add(&mut self, version: u64, actions: Vec<Action>, missing: &mut HashSet<Path>) {
        let mut recorded = None;
        for action in actions {
            match action {
                Action::Remove(remove) => {
                    let at = time(remove.deletion_timestamp);
                    recorded = recorded.max(at);
                    let path = Path::parse(&remove.path)
                        .unwrap_or_else(|_| Path::from(remove.path.as_str()));
                    // A file that is removed, restored and removed again counts from its last end.
                    if missing.remove(&path) {
                        self.removed.insert(path, (version, at));
                    }
                }
                Action::CommitInfo(info) => recorded = recorded.max(time(info.timestamp)),
                _ => {}
            }
        }
        if let Some(recorded) = recorded {
            self.recorded.insert(version, recorded);
        }
    }

    /// Returns when a file was removed; nothing if no commit did.
    pub(super) fn of(&self, file: &Path) -> Option<RemovedAt> {
        let (version, at) = self.removed.get(file)?;
        let earliest = self.earliest(*version);
        let is_right = |at: &DateTime<Utc>| {
            *at <= self.now && earliest.is_none_or(|earliest| *at > earliest - CLOCKS_DIFFER)
        };
        let known = at.filter(is_right).or_else(|| self.next_after(*version, earliest));
        Some(known.map_or(RemovedAt::Unknown, |at| {
            RemovedAt::Time(earliest.map_or(at, |earliest| at.max(earliest)))
        }))
    }

    /// Returns a time at which a version was not there yet, or just appeared: the latest of those
    /// of it and of the versions before it. Times that are still to come are no times.
    fn earliest(&self, version: u64) -> Option<DateTime<Utc>> {
        let recorded = self.recorded.range(..version).map(|(_, at)| *at);
        let written = self.written.range(..=version).map(|(_, at)| *at);
        recorded.chain(written).filter(|at| *at <= self.now).max()
    }

    /// Returns when the first version after this one was made whose time is plausible.
    fn next_after(&self, version: u64, earliest: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
        let later = self.recorded.range(version + 1..).map(|(_, at)| *at);
        later.filter(|at| *at <= self.now).find(|at| Some(*at) >= earliest)
    }

    /// Returns whether a file seems to be older than the table, as files do that a clock which is
    /// behind has dated; a process may be about to commit it.
    pub(super) fn is_before_table(&self, file: &ObjectMeta) -> bool {
        let created = self.recorded.first_key_value().filter(|(version, _)| **version == 0);
        created.is_some_and(|(_, at)| file.last_modified < *at - CLOCKS_DIFFER)
    }
}

fn time(millis: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    /// Versions with their times; the one that is named removed a file.
    fn removed_in(version: u64, recorded: &[i64]) -> Option<RemovedAt> {
        let mut removals = Removals { now: day(100), ..Removals::default() };
        for (version, at) in (0..).zip(recorded) {
            removals.recorded.insert(version, day(*at));
        }
        let at = removals.recorded.get(&version).copied();
        removals.removed.insert(Path::from("file"), (version, at));
        removals.of(&Path::from("file"))
    }

    #[test]
    fn a_commit_by_a_right_clock_removed_a_file_when_it_says() {
        assert_eq!(removed_in(1, &[10, 20, 30]), Some(RemovedAt::Time(day(20))));
    }

    #[test]
    fn a_later_commit_by_a_clock_that_is_behind_changes_nothing() {
        assert_eq!(removed_in(1, &[10, 20, 3]), Some(RemovedAt::Time(day(20))));
    }

    #[test]
    fn a_removal_by_a_clock_that_is_behind_is_dated_by_the_next_right_one() {
        assert_eq!(removed_in(2, &[10, 20, 3, 5, 40]), Some(RemovedAt::Time(day(40))));
    }

    #[test]
    fn a_removal_that_no_right_clock_dates_is_of_an_unknown_time() {
        assert_eq!(removed_in(2, &[10, 20, 3]), Some(RemovedAt::Unknown));
        assert_eq!(removed_in(2, &[10, 20, 300]), Some(RemovedAt::Unknown));
    }

    #[test]
    fn a_commit_from_the_future_makes_later_ones_no_younger() {
        assert_eq!(removed_in(2, &[10, 300, 30]), Some(RemovedAt::Time(day(30))));
    }
}
