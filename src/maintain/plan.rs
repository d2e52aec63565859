//! Which files of a table are worth making one of: a decision on names and sizes, nothing is read.
//!
//! The table's files are gone through once; what a compaction changes is then changed here too. The
//! files that a compaction writes are never small enough, or never numerous enough, to be planned
//! again; so running it twice does nothing the second time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delta::TableError;
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;

/// How large data files become, and how many are merged at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionLimits {
    /// Bytes of a data file; a file below half of it is small.
    pub bytes: u64,
    /// Rows of a data file: few enough that a correction rewrites little.
    pub rows: u64,
    /// Files that are open at a time.
    pub files: usize,
    /// Bytes that the open files may take in memory, as estimated from their sizes.
    pub memory: u64,
}

impl Default for CompactionLimits {
    fn default() -> Self {
        Self { bytes: 256 << 20, rows: 16 << 20, files: 256, memory: 256 << 20 }
    }
}

impl CompactionLimits {
    const fn is_small(&self, bytes: u64, rows: Option<u64>) -> bool {
        let has_few_rows = match rows {
            Some(rows) => rows < self.rows / 2,
            None => true,
        };
        bytes < self.bytes / 2 && has_few_rows
    }

    /// Estimates the memory for reading a file page by page, every column at a time.
    fn memory_of(file: &ActiveFile) -> u64 {
        const PAGES_OF_A_FILE: u64 = 6 << 20;
        file.size.saturating_mul(8).min(PAGES_OF_A_FILE)
    }

    fn files_for(&self, files: &[SmallFile]) -> usize {
        let bytes: u64 = files.iter().map(|file| file.file.size).sum();
        let rows: u64 = files.iter().filter_map(|file| file.rows).sum();
        let needed = bytes.div_ceil(self.bytes.max(1)).max(rows.div_ceil(self.rows.max(1))).max(1);
        usize::try_from(needed).unwrap_or(usize::MAX)
    }
}

/// A partition with small files that can become fewer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartitionPlan {
    /// Such as `market=spot/date=2024-01-05`; empty in a table without partitions.
    pub partition: String,
    /// Files that would be read.
    pub files: usize,
    /// Files that would take their place, about.
    pub files_after: usize,
    pub bytes: u64,
}

/// The small files of a table, by the names of their partitions.
#[derive(Debug)]
pub(super) struct SmallFiles {
    limits: CompactionLimits,
    partition_columns: Vec<String>,
    partitions: BTreeMap<String, Vec<SmallFile>>,
}

/// A file without its statistics, which would be most of it.
#[derive(Clone, Debug)]
struct SmallFile {
    file: ActiveFile,
    rows: Option<u64>,
}

impl SmallFiles {
    /// Goes through the files of a table.
    ///
    /// # Errors
    /// When they cannot be read from the log.
    pub(super) fn of(table: &WritableTable, limits: CompactionLimits) -> Result<Self, TableError> {
        let partition_columns = table.spec.partition_columns.clone();
        let mut files = Self { limits, partition_columns, partitions: BTreeMap::new() };
        for file in table.each_file()? {
            files.add(file);
        }
        Ok(files)
    }

    fn add(&mut self, file: ActiveFile) {
        let rows = file.rows();
        if self.limits.is_small(file.size, rows) {
            let file = ActiveFile { stats: None, ..file };
            let partition = partition_name(&self.partition_columns, &file);
            self.partitions.entry(partition).or_default().push(SmallFile { file, rows });
        }
    }

    /// Puts files in the place of others of the same partition.
    pub(super) fn replace(&mut self, partition: &str, old: &[ActiveFile], new: &[NewFile]) {
        if let Some(files) = self.partitions.get_mut(partition) {
            let is_old = |file: &SmallFile| old.iter().any(|old| old.path == file.file.path);
            files.retain(|file| !is_old(file));
        }
        for file in new {
            self.add(ActiveFile::from(file));
        }
    }

    /// Returns the partitions that are worth compacting, in the order of their names.
    pub(super) fn plans(&self) -> impl Iterator<Item = PartitionPlan> {
        self.partitions.keys().filter_map(|partition| self.plan(partition))
    }

    /// Returns what a compaction of a partition would do; nothing if it is not worth it.
    pub(super) fn plan(&self, partition: &str) -> Option<PartitionPlan> {
        let small = self.partitions.get(partition)?;
        let files_after = self.limits.files_for(small);
        if small.len() < 2 || files_after >= small.len() {
            return None;
        }
        let bytes = small.iter().map(|file| file.file.size).sum();
        let partition = partition.to_owned();
        Some(PartitionPlan { partition, files: small.len(), files_after, bytes })
    }

    /// Returns the files of a partition's next step, smallest first: as many as may be open at a
    /// time, and at least two.
    pub(super) fn next_step(&self, partition: &str) -> Vec<ActiveFile> {
        let small = self.partitions.get(partition).map_or(&[][..], Vec::as_slice);
        let mut inputs: Vec<&ActiveFile> = small.iter().map(|file| &file.file).collect();
        inputs.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
        let mut taken: Vec<ActiveFile> = Vec::new();
        let mut memory = 0;
        for file in inputs {
            memory += CompactionLimits::memory_of(file);
            let is_full = taken.len() >= self.limits.files || memory > self.limits.memory;
            if taken.len() >= 2 && is_full {
                break;
            }
            taken.push(file.clone());
        }
        taken
    }
}

fn partition_name(columns: &[String], file: &ActiveFile) -> String {
    let value =
        |column: &String| file.partition_values.get(column).cloned().flatten().unwrap_or_default();
    let parts = columns.iter().map(|column| format!("{column}={}", value(column)));
    parts.collect::<Vec<_>>().join("/")
}
