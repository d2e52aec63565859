//! How a fetch ends: the archive in bronze, or why it is not there.

use std::path::PathBuf;
use std::sync::Arc;

use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::Published;
use lakehouse_core::listing::checksum::{ChecksumError, Sha256Hex};
use lakehouse_core::names::archive::ArchiveKey;
use tempfile::TempPath;
use thiserror::Error;

use crate::source::SourceError;
use crate::storage::StorageError;

/// An archive, and how its fetch ended.
#[derive(Debug)]
pub struct Fetched {
    pub key: ArchiveKey,
    pub outcome: FetchOutcome,
}

/// How a fetch ended.
#[derive(Debug)]
pub enum FetchOutcome {
    /// The archive is in bronze.
    Stored(BronzeArchive),
    /// The source has no such archive: an answer, not a failure.
    NotPublished,
    /// Bytes and checksum disagree, also when both are read again; the bytes are set aside.
    Mismatch(Box<Mismatch>),
    /// The archive could not be read or kept; a later run may succeed.
    Failed { error: FetchError },
}

/// An archive whose bytes and checksum disagree.
#[derive(Debug)]
pub struct Mismatch {
    /// What was listed of it before it was fetched.
    pub wanted: Published,
    pub expected: Sha256Hex,
    pub actual: Sha256Hex,
    pub size: u64,
    /// Where the bytes lie, below `bronze/`.
    pub kept_as: String,
}

/// An archive whose bytes are in bronze.
#[derive(Clone, Debug)]
pub struct BronzeArchive {
    pub key: ArchiveKey,
    /// A local file with the bytes: in bronze, or a copy that lives as long as this value and its
    /// clones.
    pub file: PathBuf,
    pub sha256: Sha256Hex,
    pub size: u64,
    pub etag: Option<String>,
    pub last_modified: Option<DateTime<Utc>>,
    pub checksum: ChecksumState,
    /// Whether the bytes came from the source now, and not from bronze.
    pub downloaded: bool,
    /// Deletes the copy in the end.
    pub(super) _copy: Option<Arc<TempPath>>,
}

impl BronzeArchive {
    /// Describes bytes that bronze has had for long; `copy` is the local copy of bytes that lie
    /// elsewhere.
    pub(crate) const fn at_rest(
        key: ArchiveKey,
        file: PathBuf,
        copy: Option<Arc<TempPath>>,
        sha256: Sha256Hex,
        checksum: ChecksumState,
    ) -> Self {
        Self {
            key,
            file,
            sha256,
            size: 0,
            etag: None,
            last_modified: None,
            checksum,
            downloaded: false,
            _copy: copy,
        }
    }
}

/// Why an archive is not in bronze, by whose fault it is.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The published checksum is none.
    #[error("{archive}: {source}")]
    Checksum { archive: Arc<str>, source: ChecksumError },
    /// The lake or the scratch folder cannot be written, which the next archive would meet as well.
    #[error("cannot use `{}`: {source}", file.display())]
    Disk { file: PathBuf, source: std::io::Error },
    /// A disk is too small for what is to be downloaded.
    #[error(
        "`{}` needs {needed} more for what is to be downloaded, and {free} are free there: \
         make room, select less, or go on all the same with --force", folder.display()
    )]
    NoRoom { folder: PathBuf, needed: ByteSize, free: ByteSize },
    /// The lake cannot say of itself that it drops archives.
    #[error(transparent)]
    Note(#[from] StorageError),
    /// The lake's object store failed.
    #[error("cannot keep {archive}: {source}")]
    Store { archive: Arc<str>, source: object_store::Error },
}
