//! Committing: decide on the newest snapshot, try once, and read the table again after any error.
//!
//! A commit is a compare-and-swap: it becomes the very next version after the snapshot on which it
//! was decided, or it does not happen. An error does not say which (the response may have been
//! lost), so after every error the table is read again, and searched for our own record first. No
//! lock is taken, so none can be left over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, Metadata};
use deltalake::operations::update_table_metadata::TableMetadataUpdate;
use deltalake::protocol::{DeltaOperation, SaveMode};
use uuid::Uuid;

use super::TableError;
use super::damage::ACTIONS_KEY;
use super::file::{ActiveFile, NewFile, logged_partition_values};
use super::log::{
    ArchiveRecord, BuildRecord, CommitRecord, ComparedRecord, CorrectionRecord, PartRecord,
    RECORD_KEY, read_record,
};
use super::obstacle::{Obstacle, obstacle};
use super::table::WritableTable;
use crate::clock::Clock;
use crate::failpoint::step;
use crate::shutdown::Shutdown;
use crate::storage::lake::TableName;

/// How often a commit is tried before it is given up.
const ATTEMPTS: usize = 200;
/// How often it is tried where the store fails for a reason that may pass.
const FAILURES: usize = 20;
/// After so long, and again after so long, users are informed of what is waited for.
const SAID_AFTER: Duration = Duration::from_secs(3);

/// What one commit is to change, decided on the snapshot that it follows.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) adds: Vec<NewFile>,
    pub(crate) removes: Vec<ActiveFile>,
    /// Files that belong to the table and stay as they are, as the log describes them from now on.
    pub(crate) amended: Vec<Add>,
    pub(crate) archives: Vec<ArchiveRecord>,
    pub(crate) compared: Vec<ComparedRecord>,
    pub(crate) corrections: Vec<CorrectionRecord>,
    /// What the table is built from, where it is a gold table.
    pub(crate) built: Option<BuildRecord>,
    /// The part of it that is built, where that is not all.
    pub(crate) partly_built: Option<PartRecord>,
    /// What every check was audited on, where it is a table of what audits find.
    pub(crate) audited: BTreeMap<String, BuildRecord>,
    /// Up to which versions of silver tables everything is recorded, where it is the ledger.
    pub(crate) recorded: BTreeMap<String, i64>,
    /// What the table is from now on, where its columns or their descriptions change; if columns
    /// change other than by new ones that may be NULL, all files have to go.
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
            amended: Vec::new(),
            archives: Vec::new(),
            compared: Vec::new(),
            corrections: Vec::new(),
            built: None,
            partly_built: None,
            audited: BTreeMap::new(),
            recorded: BTreeMap::new(),
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
    /// A request to stop, which is heeded while waiting for other writers.
    pub(crate) shutdown: Shutdown,
}

/// Commits the change that `decide` returns.
///
/// `decide` sees the newest snapshot and is called again after every attempt that did not become
/// the next version; it returns nothing when there is nothing to do any more.
///
/// # Errors
/// What `decide` returns, or that the table cannot be read or written or others kept winning.
pub(crate) async fn commit<E: From<TableError>>(
    table: &mut WritableTable,
    context: &CommitContext,
    mut decide: impl AsyncFnMut(&WritableTable) -> Result<Option<Change>, E>,
) -> Result<Committed, E> {
    // One id for all attempts: whichever of them became a version, it is found by it.
    let id = Uuid::new_v4();
    let mut last = None;
    let mut attempted_after = None;
    let mut wait = Wait::default();
    for pause in backoff() {
        table.refresh().await?;
        // An earlier attempt may have succeeded although it returned an error. Deciding again
        // before looking for it could commit the same rows twice.
        if let Some(before) = attempted_after
            && let Some(version) = find_own(table, before, id).await?
        {
            return Ok(Committed::At(version));
        }
        // Others may have committed since the last decision, so nothing of it is reused.
        let Some(mut change) = decide(table).await? else { return Ok(Committed::Unneeded) };
        change.describe(table)?;
        let before = table.version();
        step("before commit", &table.spec.name);
        match attempt(table, id, change, context).await {
            Ok(version) => {
                step("after commit", &table.spec.name);
                return Ok(Committed::At(version));
            }
            Err(error) => last = Some(wait.after(table, error)?),
        }
        // Any attempt so far may turn out to have succeeded, so the search always begins after
        // the version that the first one followed.
        attempted_after = attempted_after.or(Some(before));
        wait.pause(&table.spec.name, pause, &context.shutdown).await?;
    }
    Err(TableError::contended(&table.spec.name, ATTEMPTS, last).into())
}

/// How a commit that did not become the next version has waited so far.
#[derive(Debug, Default)]
struct Wait {
    failures: usize,
    waited: Duration,
    said: Duration,
}

impl Wait {
    /// Returns the error of an attempt after which it makes sense to try again.
    ///
    /// # Errors
    /// When it makes none: the log cannot be written, or the store has failed often enough.
    fn after(
        &mut self,
        table: &WritableTable,
        error: DeltaTableError,
    ) -> Result<DeltaTableError, TableError> {
        let version = u64::try_from(table.version() + 1).unwrap_or_default();
        let reason = match obstacle(&error) {
            Obstacle::OtherWriter => return Ok(error),
            Obstacle::Refused(reason) => reason,
            Obstacle::Failure => {
                self.failures += 1;
                if self.failures < FAILURES {
                    return Ok(error);
                }
                "the storage keeps failing"
            }
        };
        Err(TableError::refused(&table.spec.name, version, reason, error))
    }

    /// Waits, and says so after a while.
    ///
    /// # Errors
    /// When the process is to stop.
    async fn pause(
        &mut self,
        table: &TableName,
        pause: Duration,
        shutdown: &Shutdown,
    ) -> Result<(), TableError> {
        if self.waited >= self.said + SAID_AFTER {
            self.said = self.waited;
            let seconds = self.waited.as_secs();
            if self.failures > 0 {
                tracing::warn!("{table}: the storage fails; trying to commit for {seconds} s");
            } else {
                tracing::warn!("{table}: other processes commit first; waiting for {seconds} s");
            }
        }
        self.waited += pause;
        tokio::select! {
            biased;
            () = shutdown.requested() => Err(TableError::interrupted(table)),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(2))
        .with_max_times(ATTEMPTS)
        .build()
}

/// Looks for our own commit among the versions after `before`: its response may have been lost.
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
) -> Result<i64, DeltaTableError> {
    let at = context.clock.now();
    let actions = actions(&change, at.timestamp_millis());
    let operation = operation(table, &change);
    let record = CommitRecord {
        id,
        run: context.run.to_string(),
        at: Some(at),
        archives: change.archives,
        compared: change.compared,
        corrections: change.corrections,
        built: change.built,
        partly_built: change.partly_built,
        audited: change.audited,
        recorded: change.recorded,
    };
    let properties = CommitProperties::default()
        // Rows without this record could land a second time, so a record that cannot be written
        // is an error, and nothing is committed.
        .with_metadata([
            (RECORD_KEY.to_owned(), serde_json::to_value(record)?),
            // The library puts its information on the commit before these actions.
            (ACTIONS_KEY.to_owned(), (actions.len() + 1).into()),
        ])
        // The library's retries would commit a decision that was made on an older snapshot.
        .with_max_retries(0)
        // Maintenance writes checkpoints; a commit that lands must not fail for one.
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

/// Returns what a commit does to the table's files and metadata, as the log writes it.
fn actions(change: &Change, now_millis: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    // Readers go through a commit in order, and the files that follow have the new columns.
    actions.extend(change.metadata.clone().map(Action::Metadata));
    for file in &change.removes {
        actions.push(Action::Remove(file.remove(now_millis, change.data_change)));
    }
    for file in &change.adds {
        actions.push(Action::Add(add(file, now_millis, change.data_change)));
    }
    for file in &change.amended {
        actions.push(Action::Add(Add { data_change: false, ..file.clone() }));
    }
    actions
}

/// Names the operation for the log. What it replaces is a predicate over everything, so that the
/// library's own check for conflicts lets no concurrent change pass either.
fn operation(table: &WritableTable, change: &Change) -> DeltaOperation {
    let has_files =
        !(change.adds.is_empty() && change.removes.is_empty() && change.amended.is_empty());
    if let (Some(metadata), false) = (&change.metadata, has_files) {
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
    Add {
        path: file.path.clone(),
        partition_values: logged_partition_values(file),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: now_millis,
        data_change,
        stats: Some(file.stats.clone()),
        ..Add::default()
    }
}
