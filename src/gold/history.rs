//! What is read from logs: from which inputs a gold table was built, and which partitions of a
//! table changed since a version.

use std::collections::{BTreeSet, HashMap};

use lakehouse_core::gold::Changed;
use lakehouse_core::names::partition::Partition;

use crate::delta::TableError;
use crate::delta::file::ActiveFile;
use crate::delta::log::{
    BuildRecord, CommitRecord, FileChange, PartRecord, has_commit, read_file_changes, read_record,
};
use crate::delta::table::WritableTable;

/// The newest commit that built a gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) version: i64,
    pub(crate) record: BuildRecord,
    /// The last partition that was built, where the build was not finished.
    pub(crate) until: Option<Partition>,
}

/// Finds the newest build of a table; commits after it moved rows without changing any.
pub(crate) async fn newest_build(table: &WritableTable) -> Result<Option<Build>, TableError> {
    for version in (0..=table.version()).rev() {
        if let Some(build) = read_record(table, version).await?.and_then(|it| build_in(it, version))
        {
            return Ok(Some(build));
        }
        // A commit of another program has no record. One that is gone ends the search: the build
        // may have been before it, and is as good as unknown.
        if !has_commit(table, version).await? {
            break;
        }
    }
    Ok(None)
}

fn build_in(record: CommitRecord, version: i64) -> Option<Build> {
    if let Some(record) = record.built {
        return Some(Build { version, record, until: None });
    }
    let PartRecord { build, market, date } = record.partly_built?;
    // A market that is not known here is built from its beginning.
    let until = market.parse().map(|market| Partition { market, date }).ok()?;
    Some(Build { version, record: build, until: Some(until) })
}

/// Returns the partitions whose rows changed after a version, up to another one.
///
/// Where the log does not reach back so far, or a commit does not say what it changed, anything may
/// have.
pub(crate) async fn changed_between(
    table: &WritableTable,
    from: u64,
    to: u64,
) -> Result<Changed, TableError> {
    let mut changed = BTreeSet::new();
    for version in from + 1..=to {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let Some(files) = read_file_changes(table, version).await? else {
            return Ok(Changed::Everything);
        };
        // Compaction adds and removes files too, but says of them that no row changes.
        for file in files.iter().filter(|file| file.data_change) {
            let Some(partition) = partition_of_change(file) else {
                return Ok(Changed::Everything);
            };
            changed.insert(partition);
        }
    }
    Ok(if changed.is_empty() { Changed::Nothing } else { Changed::Partitions(changed) })
}

/// Returns the partition in which rows change; nothing if the commit does not say where.
fn partition_of_change(file: &FileChange) -> Option<Partition> {
    partition_of(file.partition_values.as_ref()?)
}

/// Returns the partition of a table's file; nothing if the table is not partitioned by market and
/// date.
pub(crate) fn file_partition(file: &ActiveFile) -> Option<Partition> {
    partition_of(&file.partition_values)
}

fn partition_of(values: &HashMap<String, Option<String>>) -> Option<Partition> {
    let value = |column: &str| values.get(column)?.as_deref();
    Some(Partition { market: value("market")?.parse().ok()?, date: value("date")?.parse().ok()? })
}
