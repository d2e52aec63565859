//! Archives that bronze has dropped, downloaded again for whoever needs their bytes.
//!
//! They land in a folder for temporary files and are deleted after use; bronze stays as it is. An
//! ingest fetches through [`Fetcher`] alone.

use std::sync::Arc;

use lakehouse_core::listing::Published;
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::ArchiveKey;
use tempfile::{TempDir, TempPath};
use thiserror::Error;

use super::outcome::{BronzeArchive, FetchError, FetchOutcome, Mismatch};
use super::{FetchOptions, Fetcher};
use crate::events::Silent;
use crate::source::Source;
use crate::storage::{Storage, StorageError};

/// Downloads archives of one source again.
#[derive(Debug)]
pub(crate) struct Redownload {
    fetcher: Fetcher,
    /// Deletes what is left in the end.
    _folder: TempDir,
}

/// Why an archive's bytes could not be had again.
#[derive(Debug, Error)]
pub enum RedownloadError {
    #[error("cannot be downloaded again: {0}")]
    Fetch(#[from] FetchError),
    #[error("cannot be downloaded again: the source does not have it any more")]
    Gone,
    #[error(
        "cannot be downloaded again: the source has SHA-256 {found} now, which \
         `lakehouse refresh` loads"
    )]
    OtherVersion { found: Sha256Hex },
    #[error("cannot be downloaded again: the bytes have SHA-256 {found}, against their checksum")]
    Mismatch { found: Sha256Hex },
    #[error("cannot be downloaded again: no folder for temporary files")]
    Folder(#[from] std::io::Error),
    #[error("cannot be downloaded again: {0}")]
    Storage(#[from] StorageError),
}

impl Redownload {
    /// Makes a folder for temporary files.
    ///
    /// # Errors
    /// When there can be none.
    pub(crate) fn new(
        source: Arc<dyn Source>,
        options: &FetchOptions,
    ) -> Result<Self, RedownloadError> {
        let folder = tempfile::tempdir()?;
        let storage = Storage::open(&folder.path().to_string_lossy())?;
        let options =
            FetchOptions { checksum: true, force: true, scratch: None, ..options.clone() };
        let fetcher = Fetcher::new(source, &storage, options, Arc::new(Silent))?;
        Ok(Self { fetcher, _folder: folder })
    }

    /// Downloads one version of an archive.
    ///
    /// # Errors
    /// When the source does not have these very bytes, or they cannot be read.
    pub(crate) async fn fetch(
        &self,
        key: &ArchiveKey,
        sha256: Sha256Hex,
    ) -> Result<BronzeArchive, RedownloadError> {
        let wanted = Published::unlisted(key.clone());
        let archive = match self.fetcher.fetch(&wanted).await.outcome {
            FetchOutcome::Stored(archive) => archive,
            FetchOutcome::NotPublished => return Err(RedownloadError::Gone),
            FetchOutcome::Failed { error } => return Err(error.into()),
            FetchOutcome::Mismatch(mismatch) => {
                let Mismatch { actual: found, .. } = *mismatch;
                return Err(RedownloadError::Mismatch { found });
            }
        };
        let copy = Arc::new(TempPath::try_from_path(archive.file.clone())?);
        if archive.sha256 != sha256 {
            return Err(RedownloadError::OtherVersion { found: archive.sha256 });
        }
        let BronzeArchive { key, file, sha256, checksum, .. } = archive;
        Ok(BronzeArchive::at_rest(key, file, None, Some(copy), sha256, checksum))
    }
}
