//! Which files of a table are worth making one of: a decision on names and sizes, nothing is read.
//!
//! The files that a compaction writes are never small enough, or never numerous enough, to be
//! planned again; so running it twice does nothing the second time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delta::file::ActiveFile;
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
    fn is_small(&self, file: &ActiveFile) -> bool {
        file.size < self.bytes / 2 && file.rows().is_none_or(|rows| rows < self.rows / 2)
    }

    /// Estimates the memory for reading a file page by page, every column at a time.
    fn memory_of(file: &ActiveFile) -> u64 {
        const PAGES_OF_A_FILE: u64 = 6 << 20;
        file.size.saturating_mul(8).min(PAGES_OF_A_FILE)
    }

    fn files_for(&self, files: &[ActiveFile]) -> usize {
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let rows: u64 = files.iter().filter_map(ActiveFile::rows).sum();
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
    #[serde(skip)]
    pub(super) inputs: Vec<ActiveFile>,
}

/// Finds the partitions of a table's files that are worth compacting, in the order of their names.
pub(super) fn plan(
    table: &WritableTable,
    files: Vec<ActiveFile>,
    limits: &CompactionLimits,
) -> Vec<PartitionPlan> {
    let mut partitions: BTreeMap<String, Vec<ActiveFile>> = BTreeMap::new();
    for file in files {
        partitions.entry(partition_name(table, &file)).or_default().push(file);
    }
    let plans = partitions.into_iter().map(|(name, files)| plan_partition(name, files, limits));
    plans.flatten().collect()
}

fn plan_partition(
    partition: String,
    mut files: Vec<ActiveFile>,
    limits: &CompactionLimits,
) -> Option<PartitionPlan> {
    files.retain(|file| limits.is_small(file));
    let files_after = limits.files_for(&files);
    if files.len() < 2 || files_after >= files.len() {
        return None;
    }
    files.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
    let bytes = files.iter().map(|file| file.size).sum();
    Some(PartitionPlan { partition, files: files.len(), files_after, bytes, inputs: files })
}

impl PartitionPlan {
    /// Returns the files of the next step, smallest first: as many as may be open at a time, and at
    /// least two.
    pub(super) fn next_step(&self, limits: &CompactionLimits) -> Vec<ActiveFile> {
        let (mut taken, mut memory) = (Vec::new(), 0);
        for file in &self.inputs {
            memory += CompactionLimits::memory_of(file);
            if taken.len() >= 2 && (taken.len() >= limits.files || memory > limits.memory) {
                break;
            }
            taken.push(file.clone());
        }
        taken
    }
}

fn partition_name(table: &WritableTable, file: &ActiveFile) -> String {
    let value =
        |column: &String| file.partition_values.get(column).cloned().flatten().unwrap_or_default();
    let parts =
        table.spec.partition_columns.iter().map(|column| format!("{column}={}", value(column)));
    parts.collect::<Vec<_>>().join("/")
}
