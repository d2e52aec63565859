//! What the logs tell: from what a gold table was built, and which partitions of a table changed
//! since a version.

use std::collections::{BTreeSet, HashMap};

use deltalake::kernel::Action;
use lakehouse_core::gold::Changed;
use lakehouse_core::names::partition::Partition;

use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::log::{BuildRecord, has_commit, read_actions, read_record};
use crate::delta::table::WritableTable;

/// The newest commit that built a gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build {
    pub(super) version: i64,
    pub(super) record: BuildRecord,
}

/// Finds the newest build of a table; commits after it moved rows without changing any.
pub(super) async fn newest_build(table: &WritableTable) -> Result<Option<Build>, TableError> {
    for version in (0..=table.version()).rev() {
        if let Some(record) = read_record(table, version).await?.and_then(|record| record.built) {
            return Ok(Some(Build { version, record }));
        }
        if !has_commit(table, version).await? {
            break;
        }
    }
    Ok(None)
}

/// Returns the partitions whose rows changed behind a version, up to another one.
///
/// Where the log does not reach back so far, or a commit does not say what it changed, anything may
/// have.
pub(super) async fn changed_between(
    table: &WritableTable,
    from: u64,
    to: u64,
) -> Result<Changed, TableError> {
    let mut changed = BTreeSet::new();
    for version in from + 1..=to {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let Some(actions) = read_actions(table, version).await? else {
            return Ok(Changed::Everything);
        };
        for action in &actions {
            match touched(action) {
                None => {}
                Some(Some(partition)) => drop(changed.insert(partition)),
                Some(None) => return Ok(Changed::Everything),
            }
        }
    }
    Ok(if changed.is_empty() { Changed::Nothing } else { Changed::Partitions(changed) })
}

/// Returns the partition whose rows an action changes, if it changes any; an inner nothing if it
/// does not say which.
fn touched(action: &Action) -> Option<Option<Partition>> {
    match action {
        Action::Add(add) if add.data_change => Some(partition_of(&add.partition_values)),
        Action::Remove(remove) if remove.data_change => {
            Some(remove.partition_values.as_ref().and_then(partition_of))
        }
        _ => None,
    }
}

/// Returns the partition of a table's file; nothing if the table is not partitioned by market and
/// date.
pub(super) fn file_partition(file: &ActiveFile) -> Option<Partition> {
    partition_of(&file.partition_values)
}

fn partition_of(values: &HashMap<String, Option<String>>) -> Option<Partition> {
    let value = |column: &str| values.get(column)?.as_deref();
    Some(Partition { market: value("market")?.parse().ok()?, date: value("date")?.parse().ok()? })
}
