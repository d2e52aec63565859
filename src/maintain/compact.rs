//! Compaction of one table: some partitions at a time, each such group one commit that moves rows
//! and changes none.
//!
//! Files of a partition are read and written as fewer. They land only if every file that was read
//! is still part of the table; otherwise another process was faster, and that partition is left for
//! the next time, while the others of its group land. A run that dies leaves files that no version
//! names, which maintenance deletes when they are old.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::merge::merge;
use super::merge_thread::MergeThread;
use super::plan::{CompactionLimits, PartitionPlan, SmallFiles};
use super::report::Compacted;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::failpoint::step;
use crate::parquet::writer::FileTarget;

/// Partitions that land in one commit. A commit costs as much as the table has files, and makes the
/// log longer.
const PARTITIONS_OF_A_COMMIT: usize = 50;
/// Bytes read after which a commit is made earlier, because a run that is killed loses them.
const BYTES_OF_A_COMMIT: u64 = 2 << 30;

/// Compacts every partition that is worth it.
///
/// # Errors
/// When the table cannot be read or written; partitions that are done stay done.
pub(super) async fn compact_table(
    table: &mut WritableTable,
    limits: CompactionLimits,
    context: &CommitContext,
) -> Result<Compacted, TableError> {
    let files = SmallFiles::of(table, limits)?;
    let mut waiting: Vec<_> = files.plans().map(|plan| plan.partition).collect();
    let target = Arc::new(FileTarget::new(table));
    let thread = MergeThread::start();
    let thread = thread.map_err(TableError::cannot(Verb::Merge, target.table(), "data files"))?;
    let mut compaction = Compaction {
        thread,
        table,
        target,
        limits,
        context,
        files,
        compacted: Compacted::default(),
        partitions: BTreeSet::new(),
    };
    // What a step writes may be read by the next step of its partition.
    while !waiting.is_empty() {
        waiting = compaction.step(waiting).await?;
    }
    let partitions = compaction.partitions.len();
    Ok(Compacted { partitions, ..compaction.compacted })
}

/// Returns what a compaction of the table would do now.
pub(super) fn planned(
    table: &WritableTable,
    limits: &CompactionLimits,
) -> Result<Vec<PartitionPlan>, TableError> {
    Ok(SmallFiles::of(table, *limits)?.plans().collect())
}

struct Compaction<'a> {
    thread: MergeThread,
    table: &'a mut WritableTable,
    target: Arc<FileTarget>,
    limits: CompactionLimits,
    context: &'a CommitContext,
    files: SmallFiles,
    compacted: Compacted,
    /// Those of which files have landed.
    partitions: BTreeSet<String>,
}

/// Files of one partition and those that are to take their place.
struct Merged {
    partition: String,
    inputs: Vec<ActiveFile>,
    outputs: Vec<NewFile>,
}

impl Merged {
    fn bytes(&self) -> u64 {
        self.inputs.iter().map(|file| file.size).sum()
    }
}

impl Compaction<'_> {
    /// Makes one step in each of these partitions; returns those in which another is worth it.
    async fn step(&mut self, partitions: Vec<String>) -> Result<Vec<String>, TableError> {
        let mut next = Vec::new();
        let mut group = Vec::new();
        let mut bytes = 0;
        for partition in partitions {
            let merged = match self.merge(partition).await {
                Ok(merged) => merged,
                Err(error) => {
                    // What was merged before is as good as if this had not been tried.
                    self.land(group).await?;
                    return Err(error);
                }
            };
            bytes += merged.as_ref().map_or(0, Merged::bytes);
            group.extend(merged);
            if group.len() >= PARTITIONS_OF_A_COMMIT || bytes >= BYTES_OF_A_COMMIT {
                next.extend(self.land(std::mem::take(&mut group)).await?);
                bytes = 0;
            }
        }
        next.extend(self.land(group).await?);
        Ok(next)
    }

    /// Writes the files of a partition's next step; nothing if they would not be fewer.
    async fn merge(&self, partition: String) -> Result<Option<Merged>, TableError> {
        let inputs = self.files.next_step(&partition);
        let written = merge(&self.thread, self.table, &self.target, &inputs, self.limits).await?;
        if written.len() >= inputs.len() {
            written.into_iter().for_each(|file| file.discard(&self.target));
            return Ok(None);
        }
        let outputs = self.target.publish_all(written).await?;
        step("files merged", &self.table.spec.name);
        Ok(Some(Merged { partition, inputs, outputs }))
    }

    /// Lands a group of partitions in one commit, without those that others have changed; returns
    /// those in which another step is worth it.
    async fn land(&mut self, group: Vec<Merged>) -> Result<Vec<String>, TableError> {
        if group.is_empty() {
            return Ok(Vec::new());
        }
        let mut stands = vec![false; group.len()];
        let landed = commit(self.table, self.context, async |table: &WritableTable| {
            stands = still_stand(table, &group)?;
            Ok::<_, TableError>(change(&group, &stands))
        });
        if landed.await? == Committed::Unneeded {
            stands.fill(false);
        }
        let mut next = Vec::new();
        for (merged, stands) in group.into_iter().zip(stands) {
            if !stands {
                self.target.discard(&merged.outputs).await;
                self.compacted.overtaken += 1;
                continue;
            }
            self.compacted.count(&merged.inputs, &merged.outputs);
            self.files.replace(&merged.partition, &merged.inputs, &merged.outputs);
            next.extend(self.files.plan(&merged.partition).map(|plan| plan.partition));
            self.partitions.insert(merged.partition);
        }
        Ok(next)
    }
}

/// Returns for each partition whether all its inputs are in the table. If one is gone, another
/// process has rewritten or replaced its rows, and the outputs would bring back what it removed.
fn still_stand(table: &WritableTable, group: &[Merged]) -> Result<Vec<bool>, TableError> {
    let inputs = group.iter().flat_map(|merged| &merged.inputs);
    let active = table.active_among(inputs.map(|file| file.path.as_str()))?;
    let stands =
        |merged: &Merged| merged.inputs.iter().all(|file| active.contains(file.path.as_str()));
    Ok(group.iter().map(stands).collect())
}

/// Returns the change that puts outputs in the place of inputs; nothing if no partition stands.
fn change(group: &[Merged], stands: &[bool]) -> Option<Change> {
    let standing = || group.iter().zip(stands).filter(|(_, stands)| **stands).map(|(it, _)| it);
    standing().next()?;
    Some(Change {
        adds: standing().flat_map(|merged| merged.outputs.iter().cloned()).collect(),
        removes: standing().flat_map(|merged| merged.inputs.iter().cloned()).collect(),
        data_change: false,
        ..Change::default()
    })
}
