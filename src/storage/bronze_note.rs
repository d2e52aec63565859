//! Whether bronze may lack archives that are in silver: `meta/bronze.json`, which is written before
//! the first of them is dropped, and stays.
//!
//! Without it, bytes that are not there are lost, and verification says so.

use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutPayload};

use super::StorageError;
use super::lake::Lake;

const NOTE: &str = "meta/bronze.json";

impl Lake {
    /// Returns whether archives of the lake may have been dropped after they were loaded.
    ///
    /// # Errors
    /// When the storage cannot be read.
    pub(crate) async fn drops_archives(&self) -> Result<bool, StorageError> {
        match self.storage().store().head(&Path::from(NOTE)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(StorageError::Note { file: self.note_file(), source }),
        }
    }

    /// Notes that archives are going to be dropped; to be called before the first one is.
    ///
    /// # Errors
    /// When the storage cannot be written.
    pub(crate) async fn note_dropped_archives(&self) -> Result<(), StorageError> {
        if self.drops_archives().await? {
            return Ok(());
        }
        self.prepare_write().await?;
        let text = PutPayload::from_static(b"{\"bronze\": \"checksums\"}\n");
        let written = self.storage().store().put(&Path::from(NOTE), text).await;
        let failed = |source| StorageError::Note { file: self.note_file(), source };
        written.map(|_| ()).map_err(failed)
    }

    fn note_file(&self) -> String {
        format!("{}/{NOTE}", self.storage().location().trim_end_matches('/'))
    }
}
