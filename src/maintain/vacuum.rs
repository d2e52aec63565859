//! Deleting data files that are not needed any more: those that a commit removed from a table
//! longer ago than the retention, and those that never belonged to it.
//!
//! The folder is listed before the table's newest version is read, so a file that is committed in
//! between is seen as part of the table. A file that no commit has ever named may belong to a
//! process that is about to commit it, and is left alone for a day at least, whatever the
//! retention.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use deltalake::kernel::Action;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectMeta};

use super::report::DeletedFile;
use crate::delta::file::ActiveFile;
use crate::delta::log::read_actions;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::failpoint::step;

/// Time for which a file that no version names may be about to be committed.
const UNCOMMITTED: TimeDelta = TimeDelta::days(1);
/// Clocks of processes that write to one lake differ by less than this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// Finds the files of a table that may be deleted at the time `now`, in the order of their names.
///
/// # Errors
/// When the folder or the log cannot be read.
pub(super) async fn find_unneeded(
    table: &mut WritableTable,
    now: DateTime<Utc>,
    retention: TimeDelta,
) -> Result<Vec<DeletedFile>, TableError> {
    // In this order: a file that is committed in between is in the newest version.
    let listed = list_data_files(table).await?;
    table.refresh().await?;
    let active: HashSet<Path> = table.active_files()?.iter().map(ActiveFile::location).collect();
    let unnamed_before = now - retention.max(UNCOMMITTED);
    // Further back than a file can have been written that is too young to delete, by any clock.
    let removed = removed_since(table, unnamed_before - CLOCKS_DIFFER).await?;
    let mut unneeded: Vec<DeletedFile> = Vec::new();
    for file in listed {
        let is_needed = match removed.get(&file.location) {
            _ if active.contains(&file.location) => true,
            // Readers of older versions still use it for as long as the retention.
            Some(removed_at) => *removed_at > now - retention,
            // No commit has named it yet, and one may still do so.
            None => file.last_modified > unnamed_before,
        };
        if !is_needed {
            unneeded.push(DeletedFile { path: file.location.to_string(), bytes: file.size });
        }
    }
    unneeded.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(unneeded)
}

/// Deletes files; one that is gone already was deleted by another process.
///
/// # Errors
/// When the store refuses.
pub(super) async fn delete_files(
    table: &WritableTable,
    files: &[DeletedFile],
) -> Result<(), TableError> {
    let failed = TableError::cannot(Verb::Delete, &table.spec.name, "unneeded files");
    let store = table.store();
    let paths: Vec<_> = files.iter().map(|file| Ok(Path::from(file.path.as_str()))).collect();
    let mut deletions = store.delete_stream(stream::iter(paths).boxed());
    while let Some(deleted) = deletions.next().await {
        match deleted {
            Ok(_) | Err(Error::NotFound { .. }) => step("file deleted", &table.spec.name),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

async fn list_data_files(table: &WritableTable) -> Result<Vec<ObjectMeta>, TableError> {
    let failed = TableError::cannot(Verb::List, &table.spec.name, "its folder");
    let store = table.store();
    let files =
        store.list(None).try_filter(|file| std::future::ready(is_data_file(&file.location)));
    files.try_collect().await.map_err(failed)
}

/// Folders and files that begin with `_` or `.` are not data by Delta's rules; the log is one of
/// them.
fn is_data_file(path: &Path) -> bool {
    let hidden = path.parts().any(|part| part.as_ref().starts_with(['_', '.']));
    !hidden && path.extension() == Some("parquet")
}

/// Collects the files that commits since a time removed from the table, with the time of each.
///
/// Commits are read from the newest back. A file of an older commit's is not found, and need not
/// be: it was written before that commit.
async fn removed_since(
    table: &WritableTable,
    since: DateTime<Utc>,
) -> Result<HashMap<Path, DateTime<Utc>>, TableError> {
    let mut removed = HashMap::new();
    for version in (0..=table.version()).rev() {
        let Some(actions) = read_actions(table, version).await? else { break };
        let mut committed_at = None;
        for action in actions {
            match action {
                Action::Remove(remove) => {
                    // Without a time, the file is kept: it may have been removed just now.
                    let at = time(remove.deletion_timestamp).unwrap_or(DateTime::<Utc>::MAX_UTC);
                    committed_at = committed_at.max(Some(at));
                    let path = Path::parse(&remove.path)
                        .unwrap_or_else(|_| Path::from(remove.path.as_str()));
                    removed.entry(path).or_insert(at);
                }
                Action::CommitInfo(info) => committed_at = committed_at.max(time(info.timestamp)),
                _ => {}
            }
        }
        if committed_at.is_some_and(|at| at < since) {
            break;
        }
    }
    Ok(removed)
}

fn time(millis: Option<i64>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis?)
}
