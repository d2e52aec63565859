//! The files of removed archives below bronze.

use std::collections::BTreeSet;

use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::names::archive::CHECKSUM_SUFFIX;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt};

use super::RemoveError;
use crate::bronze::older_name;
use crate::storage::lake::Lake;

/// Names of zips and checksums below bronze, of all versions that the ledger knows.
#[derive(Debug)]
pub(super) struct BronzeFiles(BTreeSet<String>);

/// How much was deleted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Deleted {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl BronzeFiles {
    pub(super) fn of(entries: &[LedgerEntry]) -> Self {
        let mut names = BTreeSet::new();
        for entry in entries {
            let newest = entry.key.bronze_path();
            if let Some(sha256) = entry.sha256.as_deref().and_then(|sha256| sha256.parse().ok()) {
                let older = older_name(&newest, &sha256);
                names.insert(format!("{older}{CHECKSUM_SUFFIX}"));
                names.insert(older);
            }
            names.insert(format!("{newest}{CHECKSUM_SUFFIX}"));
            names.insert(newest);
        }
        Self(names)
    }

    /// Deletes those that are there; only counts them in a dry run.
    pub(super) async fn delete(&self, lake: &Lake, dry_run: bool) -> Result<Deleted, RemoveError> {
        let store = lake.bronze()?.store();
        let mut deleted = Deleted::default();
        for name in &self.0 {
            let failed = |source| RemoveError::Bronze { file: name.clone(), source };
            let path = Path::parse(name).map_err(|error| failed(error.into()))?;
            let bytes = match store.head(&path).await {
                Ok(file) => file.size,
                Err(Error::NotFound { .. }) => continue,
                Err(error) => return Err(failed(error)),
            };
            if !dry_run {
                store.delete(&path).await.map_err(failed)?;
            }
            deleted.files += 1;
            deleted.bytes += bytes;
        }
        Ok(deleted)
    }
}
