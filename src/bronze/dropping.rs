//! Archives whose bytes are not kept once their rows are in silver; their checksums stay.
//!
//! Only bytes that matched their published checksum are dropped: whoever needs them again can
//! download them and knows them by the checksum. Whether an archive is in silver is decided by the
//! caller.

use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::ArchiveKey;
use tokio::sync::OnceCell;

use super::open;
use super::outcome::FetchError;
use super::stale::PARTIAL_FOLDER;
use super::store::Bronze;
use crate::storage::StorageError;
use crate::storage::lake::Lake;

/// Drops archives of one lake.
#[derive(Debug)]
pub(crate) struct ArchiveDropper {
    lake: Lake,
    bronze: Box<dyn Bronze>,
    noted: OnceCell<()>,
}

impl ArchiveDropper {
    /// Opens a lake's bronze.
    ///
    /// # Errors
    /// When the lake's location cannot be joined with a path.
    pub(crate) fn new(lake: &Lake) -> Result<Self, StorageError> {
        let storage = lake.bronze()?;
        let folder = storage.local_folder().map(|folder| folder.join(PARTIAL_FOLDER));
        let bronze = open(&storage, &folder.unwrap_or_else(std::env::temp_dir));
        Ok(Self { lake: lake.clone(), bronze, noted: OnceCell::new() })
    }

    /// Returns the size of a version of an archive that can be dropped; nothing where bronze does
    /// not have its bytes, or not the checksum that was published of them.
    ///
    /// # Errors
    /// When bronze cannot be read.
    pub(crate) async fn droppable(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        self.bronze.droppable(key, sha256).await
    }

    /// Drops a version of an archive that is in silver; returns its size, or nothing as
    /// [`Self::droppable`].
    ///
    /// # Errors
    /// When bronze cannot be read or written; the archive is then still there.
    pub(crate) async fn drop_archive(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        // First, so that no verification takes the bytes for lost.
        self.noted.get_or_try_init(|| self.lake.note_dropped_archives()).await?;
        self.bronze.drop_bytes(key, sha256).await
    }
}
