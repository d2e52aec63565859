//! The files of a table's log by their names: commits, checkpoints and the hint at the newest one.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Deserialize;

use super::damage::{DamagedFile, LogError, commit_damage};

/// The folder of the log, in the table's.
pub(crate) const LOG_FOLDER: &str = "_delta_log";
const HINT: &str = "_last_checkpoint";

/// What is in the folder of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogFiles {
    pub(crate) commits: BTreeMap<u64, ObjectMeta>,
    /// A checkpoint may have several files.
    pub(crate) checkpoints: BTreeMap<u64, Vec<ObjectMeta>>,
    /// The file that names the newest checkpoint.
    pub(crate) hint: Option<ObjectMeta>,
}

/// What the hint says; the rest of it is for readers that list nothing.
#[derive(Deserialize)]
struct Hint {
    version: u64,
}

impl LogFiles {
    /// Lists the log of the table that is the root of `store`.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub(crate) async fn list(store: &dyn ObjectStore) -> Result<Self, Error> {
        let folder = Path::from(LOG_FOLDER);
        let mut found = Self::default();
        let listed = store.list_with_delimiter(Some(&folder)).await?;
        for file in listed.objects {
            found.add(file);
        }
        Ok(found)
    }

    fn add(&mut self, file: ObjectMeta) {
        let name = file.location.filename().unwrap_or_default().to_owned();
        if name == HINT {
            self.hint = Some(file);
            return;
        }
        let Some((version, kind)) = name.split_once('.') else { return };
        let is_version = version.len() == 20 && version.bytes().all(|byte| byte.is_ascii_digit());
        let Some(version) = version.parse().ok().filter(|_| is_version) else { return };
        if kind == "json" {
            self.commits.insert(version, file);
        } else if kind.starts_with("checkpoint.") {
            self.checkpoints.entry(version).or_default().push(file);
        }
    }

    /// Returns the newest version that any file is about.
    pub(crate) fn newest(&self) -> Option<u64> {
        let commit = self.commits.last_key_value().map(|(version, _)| *version);
        let checkpoint = self.checkpoints.last_key_value().map(|(version, _)| *version);
        commit.max(checkpoint)
    }

    /// Returns whether the commits from `first` to the newest version are all there.
    pub(crate) fn has_commits_from(&self, first: u64) -> bool {
        let Some(newest) = self.newest() else { return false };
        let there = self.commits.range(first..).count() as u64;
        there == (newest + 1).saturating_sub(first)
    }

    /// Returns whether the hint cannot be read, or names a checkpoint that is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn has_wrong_hint(&self, store: &dyn ObjectStore) -> Result<bool, Error> {
        let Some(hint) = &self.hint else { return Ok(false) };
        let hint = serde_json::from_slice::<Hint>(&read(store, &hint.location).await?);
        Ok(hint.map_or(true, |hint| !self.checkpoints.contains_key(&hint.version)))
    }

    /// Returns what is wrong with the newest commit; nothing if it is whole, or not in the log.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn torn_commit(
        &self,
        store: &dyn ObjectStore,
    ) -> Result<Option<DamagedFile>, Error> {
        let Some((version, file)) = self.commits.last_key_value() else { return Ok(None) };
        let damage = commit_damage(&read(store, &file.location).await?);
        Ok(damage.map(|damage| DamagedFile::new(file, *version, damage)))
    }
}

/// Checks that the commit of a version, as it was read just now, is whole; one that is not in the
/// log any more is.
///
/// # Errors
/// When it is not, or the store fails.
pub(crate) async fn check_commit(store: &dyn ObjectStore, version: u64) -> Result<(), LogError> {
    let path = commit_path(version);
    let found = match store.get(&path).await {
        Err(Error::NotFound { .. }) => return Ok(()),
        found => found?,
    };
    let file = found.meta.clone();
    match commit_damage(&found.bytes().await?) {
        Some(damage) => Err(DamagedFile::new(&file, version, damage).into()),
        None => Ok(()),
    }
}

/// Returns where the commit of a version is, below the table's folder.
pub(crate) fn commit_path(version: u64) -> Path {
    Path::from(format!("{LOG_FOLDER}/{version:020}.json"))
}

/// Reads a file of the log.
///
/// # Errors
/// When the store fails.
pub(crate) async fn read(store: &dyn ObjectStore, path: &Path) -> Result<Bytes, Error> {
    store.get(path).await?.bytes().await
}

/// Returns whether a checkpoint's file has no footer that can be read.
///
/// # Errors
/// When the store fails.
pub(crate) async fn is_damaged_checkpoint(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
) -> Result<bool, Error> {
    if file.location.extension() != Some("parquet") {
        return Ok(false);
    }
    let bytes = match read(store, &file.location).await {
        Err(Error::NotFound { .. }) => return Ok(true),
        found => found?,
    };
    Ok(!is_parquet(bytes))
}

/// Reads the footer and the rows: a file may be damaged anywhere.
fn is_parquet(bytes: Bytes) -> bool {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let Ok(builder) = ParquetRecordBatchReaderBuilder::try_new(bytes) else { return false };
    let Ok(mut batches) = builder.build() else { return false };
    batches.all(|batch| batch.is_ok())
}
