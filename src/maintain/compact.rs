//! Compaction of one table: partition by partition, each step one commit that moves rows and
//! changes none.
//!
//! A step reads files of one partition and writes them as fewer. It lands only if every file that
//! it read is still part of the table; otherwise another process was faster, and the partition is
//! left for the next time. A run that dies leaves files that no version names, which maintenance
//! deletes when they are old.

use std::collections::HashSet;
use std::sync::Arc;

use super::merge::merge;
use super::plan::{CompactionLimits, PartitionPlan, plan};
use super::report::Compacted;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::failpoint::step;
use crate::parquet::writer::FileTarget;

/// Compacts every partition that is worth it.
///
/// # Errors
/// When the table cannot be read or written; partitions that are done stay done.
pub(super) async fn compact_table(
    table: &mut WritableTable,
    limits: CompactionLimits,
    context: &CommitContext,
) -> Result<Compacted, TableError> {
    let target = Arc::new(FileTarget::new(table));
    let mut compacted = Compacted::default();
    for partition in planned(table, &limits)? {
        compact_partition(table, &target, &partition.partition, limits, context, &mut compacted)
            .await?;
    }
    Ok(compacted)
}

/// Returns what a compaction of the table would do now.
pub(super) fn planned(
    table: &WritableTable,
    limits: &CompactionLimits,
) -> Result<Vec<PartitionPlan>, TableError> {
    Ok(plan(table, table.active_files()?, limits))
}

/// Compacts a partition until nothing of it is worth compacting, or another process has changed it.
async fn compact_partition(
    table: &mut WritableTable,
    target: &Arc<FileTarget>,
    partition: &str,
    limits: CompactionLimits,
    context: &CommitContext,
    compacted: &mut Compacted,
) -> Result<(), TableError> {
    let mut steps = 0;
    loop {
        // Planned again after each step, because outputs may be inputs of the next one.
        let plans = planned(table, &limits)?;
        let Some(plan) = plans.into_iter().find(|plan| plan.partition == partition) else { break };
        let inputs = plan.next_step(&limits);
        let Some(outputs) = write_outputs(table, target, &inputs, limits).await? else { break };
        step("files merged", &table.spec.name);
        if !land(table, &inputs, &outputs, context).await? {
            target.discard(&outputs).await;
            compacted.overtaken += 1;
            break;
        }
        compacted.count(&inputs, &outputs);
        steps += 1;
    }
    compacted.partitions += usize::from(steps > 0);
    Ok(())
}

/// Writes the files that would take the place of the inputs; nothing if they would not be fewer.
async fn write_outputs(
    table: &WritableTable,
    target: &Arc<FileTarget>,
    inputs: &[ActiveFile],
    limits: CompactionLimits,
) -> Result<Option<Vec<NewFile>>, TableError> {
    let written = merge(table, target, inputs, limits).await?;
    if written.len() >= inputs.len() {
        written.into_iter().for_each(|file| file.discard(target));
        return Ok(None);
    }
    target.publish_all(written).await.map(Some)
}

/// Puts the outputs in the place of the inputs in one commit; false if an input is gone.
async fn land(
    table: &mut WritableTable,
    inputs: &[ActiveFile],
    outputs: &[NewFile],
    context: &CommitContext,
) -> Result<bool, TableError> {
    let landed = commit(table, context, async |table: &WritableTable| {
        // If an input is gone, another process has rewritten or replaced its rows, and the outputs
        // would bring back what it removed.
        let active = table.active_files()?;
        let active: HashSet<&str> = active.iter().map(|file| file.path.as_str()).collect();
        let all_active = inputs.iter().all(|file| active.contains(file.path.as_str()));
        let change = || Change {
            adds: outputs.to_vec(),
            removes: inputs.to_vec(),
            data_change: false,
            ..Change::default()
        };
        Ok::<_, TableError>(all_active.then(change))
    });
    Ok(landed.await? != Committed::Unneeded)
}
