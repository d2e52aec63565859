//! Where whole archives are kept: what bronze promises, whether it is a folder or an object store.
//!
//! An archive's final name stands for bytes that were verified; the bytes that had the name before
//! keep theirs with a part of their sum added, so that no published version is ever lost.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lakehouse_core::listing::checksum::{Sha256Hex, parse_checksum};
use lakehouse_core::names::archive::ArchiveKey;
use tempfile::TempPath;

use super::FetchError;
use super::download::Complete;
use crate::storage::regular::FileIdentity;

/// A lake's archives.
#[async_trait]
pub(crate) trait Bronze: std::fmt::Debug + Send + Sync {
    /// Reads the bytes under an archive's final name, if there are any, and as many as `size` says.
    async fn lookup(&self, key: &ArchiveKey, size: Option<u64>)
    -> Result<Option<Held>, FetchError>;

    /// Gives verified bytes their final name, durably, and puts the checksum as published next to
    /// them.
    async fn keep(
        &self,
        key: &ArchiveKey,
        complete: Complete,
        checksum: Option<Bytes>,
    ) -> Result<Kept, FetchError>;

    /// Puts the checksum as published next to bytes that are there already.
    async fn keep_checksum(&self, key: &ArchiveKey, checksum: &Bytes) -> Result<(), FetchError>;

    /// Returns how many bytes are under an archive's final name, if the checksum as published is
    /// next to them and is theirs.
    async fn droppable(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError>;

    /// Deletes these bytes; returns how many there were.
    async fn drop_bytes(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError>;

    /// Puts bytes that do not match their checksum next to the final name; returns where, below
    /// bronze.
    async fn set_aside(&self, key: &ArchiveKey, complete: Complete) -> Result<String, FetchError>;
}

/// Bytes that bronze has, read and summed up just now.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) file: PathBuf,
    pub(crate) identity: Option<FileIdentity>,
    pub(crate) copy: Option<Arc<TempPath>>,
    pub(crate) sha256: Sha256Hex,
    pub(crate) size: u64,
}

/// A local file with an archive's bytes, and who deletes it if it is a copy.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) file: PathBuf,
    pub(crate) identity: Option<FileIdentity>,
    pub(crate) copy: Option<Arc<TempPath>>,
}

/// Returns the name of an older version of an archive: `BTCUSDT-1h-2026-05-08.3f1a….zip`.
pub(crate) fn older_name(path: &str, sha256: &Sha256Hex) -> String {
    let stem = path.strip_suffix(".zip").unwrap_or(path);
    format!("{stem}.{}.zip", short(sha256))
}

/// Returns the name of bytes that did not match their checksum, which is no zip's.
pub(crate) fn mismatch_name(path: &str, sha256: &Sha256Hex) -> String {
    format!("{path}.{}.mismatch", short(sha256))
}

fn short(sha256: &Sha256Hex) -> String {
    sha256.to_string().chars().take(12).collect()
}

/// Returns whether a checksum file is about these bytes of an archive.
pub(crate) fn is_checksum_of(checksum: &[u8], path: &str, sha256: &Sha256Hex) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    parse_checksum(checksum, name).is_ok_and(|published| published == *sha256)
}
