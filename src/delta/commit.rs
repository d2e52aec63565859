//! Committing: decide on the newest snapshot, try once, and on any doubt look again.
//!
//! A commit is a compare-and-swap: it becomes the very next version after the snapshot on which it
//! was decided, or it does not happen. An error says nothing (the answer may have been lost), so
//! every error leads to a fresh look, first of all for our own record. No lock is taken, so none is
//! left behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, Metadata};
use deltalake::operations::update_table_metadata::TableMetadataUpdate;
use deltalake::protocol::{DeltaOperation, SaveMode};
use uuid::Uuid;

use super::TableError;
use super::file::ActiveFile;
use super::log::{
    ArchiveRecord, BuildRecord, CommitRecord, CorrectionRecord, HolderRecord, RECORD_KEY,
    read_record,
};
use super::table::WritableTable;
use crate::clock::Clock;
use crate::delta::file::NewFile;
use crate::failpoint::step;

/// How often a commit is tried before others are held to have won for good.
const ATTEMPTS: usize = 200;

/// What one commit is to change, decided on the snapshot that it follows.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) adds: Vec<NewFile>,
    pub(crate) removes: Vec<ActiveFile>,
    pub(crate) archives: Vec<ArchiveRecord>,
    pub(crate) holders: Vec<HolderRecord>,
    pub(crate) corrections: Vec<CorrectionRecord>,
    /// What the table is built from, where it is a gold table.
    pub(crate) built: Option<BuildRecord>,
    /// What the table is from now on, where its columns or their descriptions change; if columns
    /// change, all files have to go.
    pub(crate) metadata: Option<Metadata>,
    /// False when the same rows only move to other files, so that readers of changes skip it.
    pub(crate) data_change: bool,
}

impl Default for Change {
    /// Changes nothing yet, and counts as a change of data once it does.
    fn default() -> Self {
        Self {
            adds: Vec::new(),
            removes: Vec::new(),
            archives: Vec::new(),
            holders: Vec::new(),
            corrections: Vec::new(),
            built: None,
            metadata: None,
            data_change: true,
        }
    }
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The table has this new version.
    At(i64),
    /// There was nothing to do any more.
    Unneeded,
}

/// Who commits, and when.
#[derive(Clone, Debug)]
pub(crate) struct CommitContext {
    /// The run that the commit belongs to.
    pub(crate) run: Arc<str>,
    pub(crate) clock: Clock,
}

/// Commits the change that `decide` returns.
///
/// `decide` sees the newest snapshot and is called again after every attempt that did not become
/// the next version; it returns nothing when there is nothing to do any more.
///
/// # Errors
/// What `decide` returns, or that the table cannot be read or others kept winning.
pub(crate) async fn commit<E: From<TableError>>(
    table: &mut WritableTable,
    context: &CommitContext,
    mut decide: impl AsyncFnMut(&WritableTable) -> Result<Option<Change>, E>,
) -> Result<Committed, E> {
    let id = Uuid::new_v4();
    let (mut last, mut attempted_after) = (String::new(), None);
    for pause in backoff() {
        table.refresh().await?;
        if let Some(before) = attempted_after
            && let Some(version) = find_own(table, before, id).await?
        {
            return Ok(Committed::At(version));
        }
        let Some(mut change) = decide(table).await? else { return Ok(Committed::Unneeded) };
        change.describe(table)?;
        let before = table.version();
        step("before commit", &table.spec.name);
        match attempt(table, id, change, context).await {
            Ok(version) => {
                step("after commit", &table.spec.name);
                return Ok(Committed::At(version));
            }
            Err(error) => last = error.to_string(),
        }
        attempted_after = attempted_after.or(Some(before));
        tokio::time::sleep(pause).await;
    }
    let attempts = u32::try_from(ATTEMPTS).unwrap_or(u32::MAX);
    Err(TableError::Contended { table: table.spec.name.clone(), attempts, last }.into())
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(ATTEMPTS)
        .build()
}

/// Looks for our own commit among the versions after `before`: its answer may have been lost.
async fn find_own(table: &WritableTable, before: i64, id: Uuid) -> Result<Option<i64>, TableError> {
    for version in before + 1..=table.version() {
        if read_record(table, version).await?.is_some_and(|record| record.id == id) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

async fn attempt(
    table: &mut WritableTable,
    id: Uuid,
    change: Change,
    context: &CommitContext,
) -> Result<i64, deltalake::DeltaTableError> {
    let at = context.clock.now();
    let now = at.timestamp_millis();
    let data_change = change.data_change;
    let operation = operation(table, &change);
    let removes = change.removes.iter().map(|file| Action::Remove(file.remove(now, data_change)));
    let adds = change.adds.iter().map(|file| Action::Add(add(file, now, data_change)));
    let metadata = change.metadata.clone().map(Action::Metadata);
    let actions: Vec<Action> = metadata.into_iter().chain(removes).chain(adds).collect();
    let Change { archives, holders, corrections, built, .. } = change;
    let record = CommitRecord {
        id,
        run: context.run.to_string(),
        at: Some(at),
        archives,
        holders,
        corrections,
        built,
    };
    let properties = CommitProperties::default()
        .with_metadata([(RECORD_KEY.to_owned(), serde_json::to_value(record)?)])
        .with_max_retries(0)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false));
    let snapshot: &dyn TableReference = table.delta.snapshot()?;
    let done = CommitBuilder::from(properties)
        .with_actions(actions)
        .build(Some(snapshot), table.delta.log_store(), operation)
        .await?;
    table.delta.state = Some(done.snapshot());
    Ok(i64::try_from(done.version()).unwrap_or(i64::MAX))
}

/// Names the operation for the log. What it replaces is a predicate over everything, so that no
/// concurrent change can slip past the library's own check either.
fn operation(table: &WritableTable, change: &Change) -> DeltaOperation {
    if let (Some(metadata), true, true) =
        (&change.metadata, change.adds.is_empty(), change.removes.is_empty())
    {
        let description = metadata.description().map(str::to_owned);
        let metadata_update = TableMetadataUpdate { name: None, description };
        return DeltaOperation::UpdateTableMetadata { metadata_update };
    }
    if !change.data_change {
        return DeltaOperation::Optimize { predicate: None, target_size: 0 };
    }
    let replaces = !change.removes.is_empty();
    DeltaOperation::Write {
        mode: if replaces { SaveMode::Overwrite } else { SaveMode::Append },
        partition_by: Some(table.spec.partition_columns.clone()),
        predicate: replaces.then(|| "true".to_owned()),
    }
}

fn add(file: &NewFile, now_millis: i64, data_change: bool) -> Add {
    let partition_values: HashMap<_, _> = file
        .partition_values
        .iter()
        .map(|(column, value)| (column.clone(), Some(value.clone())))
        .collect();
    Add {
        path: file.path.clone(),
        partition_values,
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: now_millis,
        data_change,
        stats: Some(file.stats.clone()),
        ..Add::default()
    }
}
