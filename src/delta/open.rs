//! Opening a log, also where a checkpoint of it is damaged: its commits are read instead.
//!
//! Every table is opened here, by those who write and by those who query. A commit at the end of
//! the log that is not whole is an error: an engine may take it for one that does nothing, and the
//! next commit would follow it.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaTable, DeltaTableBuilder};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use url::Url;

use super::damage::{Damage, DamagedFile, LogError};
use super::hiding_store::HidingStore;
use super::log_files::{LogFiles, check_commit, is_damaged_checkpoint};
use crate::storage::location_of;

/// What can be read of a log.
pub(crate) trait FromLog: Sized {
    /// Reads the log at a version, or at its newest.
    ///
    /// # Errors
    /// When it cannot be read, or only without one of its files.
    fn from_log(
        log: LogStoreRef,
        version: Option<u64>,
    ) -> impl Future<Output = Result<Self, LogError>> + Send;

    /// Returns the version that was read.
    fn read_version(&self) -> Option<u64>;
}

impl FromLog for DeltaTable {
    async fn from_log(log: LogStoreRef, version: Option<u64>) -> Result<Self, LogError> {
        let mut table = Self::new(log);
        match version {
            Some(version) => table.load_version(version).await?,
            None => table.load().await?,
        }
        Ok(table)
    }

    fn read_version(&self) -> Option<u64> {
        self.version()
    }
}

/// Reads the log at an engine's URL, at a version or at its newest; nothing if there is no log.
///
/// # Errors
/// When the log cannot be read, and other files of it do not say the same.
pub(crate) async fn open_log<T: FromLog>(
    url: &Url,
    version: Option<u64>,
) -> Result<Option<T>, LogError> {
    let table = DeltaTableBuilder::from_url(url.clone())?.build()?;
    if !table.verify_deltatable_existence().await? {
        return Ok(None);
    }
    let log = table.log_store();
    let read = match T::from_log(Arc::clone(&log), version).await {
        Ok(read) => read,
        Err(error) => load_from_commits(url, &log, version, error).await?,
    };
    check_version(&log, read.read_version()).await?;
    Ok(Some(read))
}

/// Moves a table on to its newest version.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn update_log(table: &mut DeltaTable) -> Result<(), LogError> {
    let before = table.version();
    if let Err(error) = table.update_state().await {
        return Err(name_torn_commit(&table.log_store(), error.into()).await?);
    }
    if table.version() != before {
        check_version(&table.log_store(), table.version()).await?;
    }
    Ok(())
}

/// Returns an error that names the newest commit where it is torn, which the engine's does not.
///
/// # Errors
/// When the log cannot be listed.
pub(crate) async fn name_torn_commit(
    log: &LogStoreRef,
    error: LogError,
) -> Result<LogError, LogError> {
    let store = log.object_store(None);
    let files = LogFiles::list(&store).await?;
    Ok(files.torn_commit(&store).await?.map_or(error, LogError::from))
}

/// Checks that the commit of a version that was read is whole.
///
/// # Errors
/// When it is not, or the store fails.
pub(crate) async fn check_version(log: &LogStoreRef, version: Option<u64>) -> Result<(), LogError> {
    let Some(version) = version else { return Ok(()) };
    check_commit(&log.object_store(None), version).await
}

/// Opens a log whose newest checkpoint, or the hint at it, is of no use: from an older one, or from
/// the first commit on, as far as all later commits are there.
async fn load_from_commits<T: FromLog>(
    url: &Url,
    log: &LogStoreRef,
    version: Option<u64>,
    error: LogError,
) -> Result<T, LogError> {
    let store = log.object_store(None);
    let files = LogFiles::list(&store).await?;
    if let Some(torn) = files.torn_commit(&store).await? {
        return Err(torn.into());
    }
    let usable = usable_checkpoints(&store, &files).await?;
    for base in usable.into_iter().rev().map(Some).chain([None]) {
        if !files.has_commits_from(base.map_or(0, |base| base + 1)) {
            continue;
        }
        let hidden = hidden_files(url, &files, base)?;
        if hidden.is_empty() {
            break;
        }
        let root: Arc<dyn ObjectStore> = log.root_object_store(None);
        let hiding = Arc::new(HidingStore::new(root, hidden));
        let builder = DeltaTableBuilder::from_url(url.clone())?;
        let table = builder.with_storage_backend(hiding, url.clone()).build()?;
        if let Ok(read) = T::from_log(table.log_store(), version).await {
            warn(url);
            return Ok(read);
        }
    }
    Err(damaged_checkpoint(&store, &files).await?.map_or(error, LogError::from))
}

/// Returns the versions of the checkpoints that can be read.
async fn usable_checkpoints(
    store: &dyn ObjectStore,
    files: &LogFiles,
) -> Result<Vec<u64>, LogError> {
    let mut usable = Vec::new();
    for (version, parts) in &files.checkpoints {
        if damaged_part(store, parts).await?.is_none() {
            usable.push(*version);
        }
    }
    Ok(usable)
}

async fn damaged_part<'a>(
    store: &dyn ObjectStore,
    parts: &'a [ObjectMeta],
) -> Result<Option<&'a ObjectMeta>, LogError> {
    for part in parts {
        if is_damaged_checkpoint(store, part).await? {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

/// Returns the files that a reader must not see, so that it begins with the checkpoint `base`, or
/// with the first commit; by their paths in the whole store.
fn hidden_files(url: &Url, files: &LogFiles, base: Option<u64>) -> Result<HashSet<Path>, LogError> {
    let folder = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
    let first = base.map_or(0, |base| base + 1);
    let checkpoints = files.checkpoints.range(first..).flat_map(|(_, parts)| parts);
    let mut hidden = HashSet::new();
    for file in checkpoints.chain(&files.hint) {
        hidden.insert(folder.parts().chain(file.location.parts()).collect());
    }
    Ok(hidden)
}

async fn damaged_checkpoint(
    store: &dyn ObjectStore,
    files: &LogFiles,
) -> Result<Option<DamagedFile>, LogError> {
    let Some((version, parts)) = files.checkpoints.last_key_value() else { return Ok(None) };
    let damaged = damaged_part(store, parts).await?;
    Ok(damaged.map(|file| DamagedFile::new(file, *version, Damage::Checkpoint)))
}

fn warn(url: &Url) {
    let table = location_of(url);
    tracing::warn!(
        "the newest checkpoint of {table} is damaged or missing; its commits were read instead; \
         `lakehouse maintain --repair` sets it aside"
    );
}
