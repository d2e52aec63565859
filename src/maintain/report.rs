//! What maintenance did, or would do: counted per table, for people and for programs.

use std::fmt;
use std::sync::Arc;

use bytesize::ByteSize;
use serde::Serialize;

use super::plan::PartitionPlan;
use crate::delta::file::{ActiveFile, NewFile};
use crate::meta::rebuild::LedgerReport;

/// What one run of maintenance came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MaintainReport {
    /// Whether nothing was written, and this is what would be done.
    pub dry_run: bool,
    /// The identifier in the commits of a run that may write.
    #[serde(skip)]
    pub run: Option<Arc<str>>,
    pub ledger: Option<LedgerReport>,
    pub tables: Vec<TableReport>,
    /// Half-downloaded archives that no run has gone on with.
    pub partial_downloads: Vec<DeletedFile>,
    /// Archives in silver whose bytes bronze does not keep.
    pub dropped_archives: DroppedArchives,
}

/// Archives that were dropped from bronze, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DroppedArchives {
    pub archives: u64,
    pub bytes: u64,
}

impl MaintainReport {
    /// Returns whether a table could not be maintained.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.tables.iter().any(|table| table.failure.is_some())
    }
}

/// What was done to one table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableReport {
    /// Such as `silver.klines`.
    pub table: String,
    /// The version before; none of a table that could not be opened.
    pub version_before: Option<i64>,
    /// The version after the last commit; that of before if there was none.
    pub version_after: Option<i64>,
    /// Whether descriptions of the table and its columns were written, or would be.
    pub described: bool,
    /// What a compaction would do; only without a compaction.
    pub planned: Vec<PartitionPlan>,
    pub compacted: Compacted,
    /// Files of which the log had bounds of decimals, which were removed, or would be.
    pub decimal_bounds: usize,
    /// The version that has a new checkpoint, or would get one.
    pub checkpoint: Option<i64>,
    /// Data files that no version within the retention needs.
    pub deleted: Vec<DeletedFile>,
    /// Why the table could not be maintained, or not to the end.
    pub failure: Option<String>,
}

/// What a compaction did to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compacted {
    pub partitions: usize,
    pub files_before: usize,
    pub files_after: usize,
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Partitions that another process changed meanwhile; they are left for the next time.
    pub overtaken: usize,
}

impl Compacted {
    /// Counts a step; the outputs of an earlier step that are its inputs count once.
    pub(super) fn count(&mut self, inputs: &[ActiveFile], outputs: &[NewFile]) {
        self.files_before += inputs.len();
        self.files_after += outputs.len();
        self.bytes_before += inputs.iter().map(|file| file.size).sum::<u64>();
        self.bytes_after += outputs.iter().map(|file| file.size).sum::<u64>();
    }
}

/// A file that was deleted, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletedFile {
    pub path: String,
    pub bytes: u64,
}

impl fmt::Display for MaintainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ledger) = &self.ledger {
            let LedgerReport { archives, from_data_files, kept, unreadable_files, corrections } =
                ledger;
            let done = if self.dry_run { "would be rebuilt" } else { "rebuilt" };
            writeln!(
                f,
                "meta.archives {done}: {archives} archives in silver, {from_data_files} of them \
                 known from data files alone; {kept} other rows kept, {unreadable_files} files \
                 unreadable"
            )?;
            writeln!(f, "meta.changes {done}: {corrections} corrections")?;
        }
        for table in &self.tables {
            table.describe(self.dry_run, f)?;
        }
        if !self.partial_downloads.is_empty() {
            describe_deleted(
                "bronze",
                "half-downloaded archive",
                &self.partial_downloads,
                self.dry_run,
                f,
            )?;
        }
        let DroppedArchives { archives, bytes } = self.dropped_archives;
        if archives > 0 {
            let done = if self.dry_run { "would drop" } else { "dropped" };
            let bytes = size(bytes);
            writeln!(f, "bronze: {done} {archives} archives of {bytes} that are in silver")?;
        }
        let idle = self.ledger.is_none() && self.partial_downloads.is_empty() && archives == 0;
        if idle && self.tables.iter().all(TableReport::is_idle) {
            writeln!(f, "nothing to do in {} tables", self.tables.len())?;
        }
        Ok(())
    }
}

impl TableReport {
    fn is_idle(&self) -> bool {
        let idle = self.planned.is_empty()
            && self.compacted == Compacted::default()
            && self.decimal_bounds == 0
            && self.deleted.is_empty();
        idle && !self.described && self.checkpoint.is_none() && self.failure.is_none()
    }

    fn describe(&self, dry_run: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        if self.described {
            let done = if dry_run { "would write" } else { "wrote" };
            writeln!(f, "{table}: {done} descriptions of the table and its columns")?;
        }
        self.describe_plan(f)?;
        self.compacted.describe(table, f)?;
        if self.decimal_bounds > 0 {
            let done = if dry_run { "would remove" } else { "removed" };
            let files = self.decimal_bounds;
            let plural = if files == 1 { "" } else { "s" };
            writeln!(f, "{table}: {done} bounds of decimals of {files} file{plural} from the log")?;
        }
        if let Some(version) = self.checkpoint {
            let done = if dry_run { "would write" } else { "wrote" };
            writeln!(f, "{table}: {done} a checkpoint of version {version}")?;
        }
        if !self.deleted.is_empty() {
            describe_deleted(table, "file", &self.deleted, dry_run, f)?;
        }
        match &self.failure {
            Some(failure) => writeln!(f, "{table}: stopped: {failure}"),
            None => Ok(()),
        }
    }

    fn describe_plan(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.planned.is_empty() {
            return Ok(());
        }
        let partitions = self.planned.len();
        let bytes = size(self.planned.iter().map(|plan| plan.bytes).sum());
        let before: usize = self.planned.iter().map(|plan| plan.files).sum();
        let after: usize = self.planned.iter().map(|plan| plan.files_after).sum();
        writeln!(
            f,
            "{}: would compact {partitions} partitions, {before} files of {bytes} into about \
             {after}",
            self.table
        )
    }
}

impl Compacted {
    fn describe(&self, table: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partitions, files_before, files_after, overtaken, .. } = self;
        if *partitions > 0 {
            let before = size(self.bytes_before);
            let after = size(self.bytes_after);
            writeln!(
                f,
                "{table}: compacted {partitions} partitions, {files_before} files of {before} \
                 into {files_after} of {after}"
            )?;
        }
        if *overtaken > 0 {
            writeln!(
                f,
                "{table}: left {overtaken} partitions that changed meanwhile for the next time"
            )?;
        }
        Ok(())
    }
}

fn describe_deleted(
    place: &str,
    what: &str,
    files: &[DeletedFile],
    dry_run: bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let (done, plural) =
        (if dry_run { "would delete" } else { "deleted" }, if files.len() == 1 { "" } else { "s" });
    let bytes = size(files.iter().map(|file| file.bytes).sum());
    writeln!(f, "{place}: {done} {} {what}{plural} of {bytes}", files.len())?;
    if dry_run {
        files.iter().try_for_each(|file| writeln!(f, "  {} {}", file.path, size(file.bytes)))?;
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}
