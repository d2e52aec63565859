//! Deleting data files that are not needed any more: those that a commit removed from a table
//! longer ago than the retention, and those that never belonged to it.
//!
//! The folder is listed before the table's newest version is read, so a file that is committed in
//! between is seen as part of the table. A file that no commit has ever named may belong to a
//! process that is about to commit it, and is left alone for a day at least, whatever the
//! retention. When a file was removed is found out in [`removals`](super::removals).

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error, ObjectMeta};

use super::removals::{Removals, RemovedAt};
use super::report::DeletedFile;
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::failpoint::step;

/// Time for which a file that no version names may be about to be committed.
const UNCOMMITTED: TimeDelta = TimeDelta::days(1);

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
    let mut listed = list_data_files(table).await?;
    table.refresh().await?;
    let active: HashSet<Path> = table.each_file()?.map(|file| file.location()).collect();
    listed.retain(|file| !active.contains(&file.location));
    let removals = Removals::find(table, &listed, now).await?;
    let unnamed_before = now - retention.max(UNCOMMITTED);
    let mut unneeded: Vec<DeletedFile> = Vec::new();
    for file in listed {
        let is_needed = match removals.of(&file.location) {
            // Without a retention no older version is kept, whenever the file was removed.
            Some(_) if retention.is_zero() => false,
            // Readers of older versions still use it for as long as the retention.
            Some(RemovedAt::Time(removed_at)) => removed_at > now - retention,
            Some(RemovedAt::Unknown) => true,
            // No commit has named it yet, and one may still do so.
            None => file.last_modified > unnamed_before || removals.is_before_table(&file),
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
