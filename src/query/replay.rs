//! From a table's log to its active files.
//!
//! A version is read with the library's replay of the log, batch by batch, so that neither the
//! library nor this keeps a log in memory. A newer version is then followed commit by commit,
//! because a commit is small however many files the table has.

use std::collections::{HashMap, HashSet};

use datafusion::arrow::array::{Array, AsArray, MapArray, RecordBatch, StringArray, StructArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Field, Int64Type};
use deltalake::DeltaTableError;
use deltalake::kernel::engine::arrow_data::ArrowEngineData;
use deltalake::kernel::{Action, Add, Snapshot};
use deltalake::logstore::{LogStoreRef, get_actions};
use futures::TryStreamExt;
use futures::executor::block_on_stream;
use object_store::path::Path;

use super::files::{ChunkBuilder, FileList, LoggedFile};

/// Commits after which reading the log again is no dearer than following it.
const FOLLOWED_COMMITS: u64 = 200;

/// Reads the active files of a version, of a table with this root and these partition columns.
///
/// # Errors
/// When the log cannot be read, or has something that this program does not read.
pub(super) async fn read_files(
    log: &LogStoreRef,
    version: &Snapshot,
    root: Path,
    partition_columns: Vec<Field>,
) -> Result<FileList, DeltaTableError> {
    let scan = version.scan_builder().build()?;
    let found = scan.scan_metadata(log.engine(None)).and_then(async |found| {
        let (files, mut selected) = found.scan_files.into_parts();
        let files: RecordBatch = ArrowEngineData::try_from_engine_data(files)?.into();
        // What is not mentioned is selected.
        selected.resize(files.num_rows(), true);
        Ok(filter_record_batch(&files, &selected.into())?)
    });
    let found = Box::pin(found);
    let work = tokio::task::spawn_blocking(move || {
        let mut files = ChunkBuilder::new(partition_columns.clone());
        for batch in block_on_stream(found) {
            add_batch(&mut files, &batch?, &partition_columns)?;
        }
        files.finish_list(root)
    });
    work.await.map_err(DeltaTableError::generic)?
}

/// Adds files as the library's replay describes them.
fn add_batch(
    files: &mut ChunkBuilder,
    batch: &RecordBatch,
    partition_columns: &[Field],
) -> Result<(), DeltaTableError> {
    let missing = || DeltaTableError::generic("the engine's list of files lacks a column");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(missing);
    let paths = column("path")?.as_string_opt::<i32>().ok_or_else(missing)?;
    let sizes = column("size")?.as_primitive_opt::<Int64Type>().ok_or_else(missing)?;
    let statistics = column("stats")?.as_string_opt::<i32>().ok_or_else(missing)?;
    let vectors = column("deletionVector")?.as_struct_opt().ok_or_else(missing)?;
    let constants = column("fileConstantValues")?.as_struct_opt().ok_or_else(missing)?;
    let partitions = constants.column_by_name("partitionValues").ok_or_else(missing)?;
    let partitions = partitions.as_map_opt().ok_or_else(missing)?;
    for row in 0..batch.num_rows() {
        let path = paths.value(row);
        if has_deletion_vector(vectors, row) {
            return Err(deletion_vector(path));
        }
        files.push(&LoggedFile {
            path,
            size: u64::try_from(sizes.value(row)).unwrap_or_default(),
            statistics: statistics.is_valid(row).then(|| statistics.value(row)),
            partition_values: partition_values(partitions, row, partition_columns),
        })?;
    }
    Ok(())
}

fn has_deletion_vector(vectors: &StructArray, row: usize) -> bool {
    let kind = vectors.column_by_name("storageType");
    vectors.is_valid(row) && kind.is_none_or(|kind| kind.is_valid(row))
}

fn deletion_vector(path: &str) -> DeltaTableError {
    let message = format!("file `{path}` has a deletion vector, which this program does not read");
    DeltaTableError::generic(message)
}

/// Returns a file's values of the partition columns, in the columns' order.
fn partition_values<'a>(
    values: &'a MapArray,
    row: usize,
    partition_columns: &[Field],
) -> Vec<Option<&'a str>> {
    let none = vec![None; partition_columns.len()];
    let texts = |array: &'a dyn Array| array.as_any().downcast_ref::<StringArray>();
    let (Some(names), Some(texts)) = (texts(values.keys()), texts(values.values())) else {
        return none;
    };
    if values.is_null(row) {
        return none;
    }
    let begin = usize::try_from(values.value_offsets()[row]).unwrap_or_default();
    let end = usize::try_from(values.value_offsets()[row + 1]).unwrap_or_default();
    let value = |column: &Field| {
        let place = (begin..end).find(|place| names.value(*place) == column.name())?;
        texts.is_valid(place).then(|| texts.value(place))
    };
    partition_columns.iter().map(value).collect()
}

/// Returns the active files of version `to`, made from those of version `from`; nothing if they
/// have to be read again.
///
/// # Errors
/// When a commit cannot be read, or has something that this program does not read.
pub(super) async fn follow_commits(
    log: &LogStoreRef,
    files: &FileList,
    partition_columns: &[Field],
    from: u64,
    to: u64,
) -> Result<Option<FileList>, DeltaTableError> {
    if to < from || to - from > FOLLOWED_COMMITS {
        return Ok(None);
    }
    // What each file is in the end: part of the table, or not.
    let mut changed: HashMap<String, Option<Add>> = HashMap::new();
    for version in from + 1..=to {
        let Some(commit) = log.read_commit_entry(version).await? else { return Ok(None) };
        let Ok(actions) = get_actions(version, &commit) else { return Ok(None) };
        if !follow_commit(actions, &mut changed) {
            return Ok(None);
        }
    }
    let mut came = ChunkBuilder::new(partition_columns.to_vec());
    for add in changed.values().flatten() {
        if add.deletion_vector.is_some() {
            return Err(deletion_vector(&add.path));
        }
        came.push(&logged(add, partition_columns))?;
    }
    let gone: HashSet<&str> = changed.keys().map(String::as_str).collect();
    Ok(Some(files.changed(&gone, came.finish()?)?))
}

/// Applies one commit; false if it changes what the table is.
fn follow_commit(actions: Vec<Action>, changed: &mut HashMap<String, Option<Add>>) -> bool {
    // A commit that removes a file and adds it again keeps it, in whichever order it says so.
    let mut adds = Vec::new();
    for action in actions {
        match action {
            Action::Remove(remove) => {
                changed.insert(remove.path, None);
            }
            Action::Add(add) => adds.push(add),
            Action::Metadata(_) | Action::Protocol(_) => return false,
            _ => {}
        }
    }
    changed.extend(adds.into_iter().map(|add| (add.path.clone(), Some(add))));
    true
}

fn logged<'a>(add: &'a Add, partition_columns: &[Field]) -> LoggedFile<'a> {
    let value = |column: &Field| add.partition_values.get(column.name())?.as_deref();
    LoggedFile {
        path: &add.path,
        size: u64::try_from(add.size).unwrap_or_default(),
        statistics: add.stats.as_deref(),
        partition_values: partition_columns.iter().map(value).collect(),
    }
}
