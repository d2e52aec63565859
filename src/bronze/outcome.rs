//! How a fetch ends: the archive in bronze, or why it is not there.

use std::fs::File;
use std::io::{self, ErrorKind, Seek};
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

use super::partial::sum_file;
use super::store::older_name;
use crate::source::SourceError;
use crate::storage::StorageError;
use crate::storage::regular::{FileIdentity, open_regular};

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
    /// Which file had the name when its bytes were found to be these, where that is known.
    pub(super) identity: Option<FileIdentity>,
    /// Deletes the copy in the end.
    pub(super) _copy: Option<Arc<TempPath>>,
}

impl BronzeArchive {
    /// Describes bytes that bronze has had for long; `identity` is that of the file that was summed
    /// up, `copy` the local copy of bytes that lie elsewhere.
    pub(crate) const fn at_rest(
        key: ArchiveKey,
        file: PathBuf,
        identity: Option<FileIdentity>,
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
            identity,
            _copy: copy,
        }
    }

    /// Opens the file with the bytes. Where another process has given the archive's name to
    /// another version since, these have the name of an older version.
    ///
    /// # Errors
    /// When the bytes have neither name any more, or the file cannot be opened.
    pub(crate) fn open(&self) -> io::Result<File> {
        let Some(identity) = self.identity else { return open_regular(&self.file) };
        let named = match open_regular(&self.file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            named => named,
        };
        if let Ok(file) = &named
            && FileIdentity::of(&file.metadata()?) == Some(identity)
        {
            return named;
        }
        // Another process has put a file in its place, with the same bytes or another version, or
        // has dropped what it had put there.
        let older = self.file.to_str().map(|path| older_name(path, &self.sha256));
        let older = older.and_then(|older| open_regular(older.as_ref()).ok());
        for mut file in named.into_iter().chain(older) {
            if sum_file(&mut file)?.sha256 == self.sha256 {
                file.rewind()?;
                return Ok(file);
            }
        }
        Err(io::Error::other(
            "another process has replaced or dropped it; the next run fetches it again",
        ))
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use lakehouse_core::matrix::Matrix;
    use sha2::{Digest, Sha256};

    use super::*;

    #[cfg(unix)]
    #[test]
    fn bytes_whose_name_another_process_gives_to_another_version_are_read_under_their_older_name() {
        let folder = tempfile::tempdir().unwrap();
        let key = "data/spot/daily/trades/AUSDT/AUSDT-trades-2024-01-02.zip";
        let key = Matrix::builtin().unwrap().identify(key).unwrap();
        let file = folder.path().join(key.file_name());
        fs::write(&file, "first").unwrap();
        let sum = Sha256Hex::from_bytes(Sha256::digest("first").into());
        let identity = FileIdentity::of(&fs::metadata(&file).unwrap());
        let state = ChecksumState::Match;
        let archive = BronzeArchive::at_rest(key, file.clone(), identity, None, sum, state);
        let read = || {
            let mut text = String::new();
            archive.open()?.read_to_string(&mut text)?;
            Ok::<_, io::Error>(text)
        };
        assert_eq!(read().unwrap(), "first");
        let replace = |text: &str| {
            fs::write(folder.path().join("new"), text).unwrap();
            fs::rename(folder.path().join("new"), &file).unwrap();
        };
        let kept = folder.path().join("kept");
        fs::hard_link(&file, &kept).unwrap();
        replace("first");
        assert_eq!(read().unwrap(), "first", "two processes brought the same bytes");

        let older = older_name(file.to_str().unwrap(), &sum);
        fs::hard_link(&file, &older).unwrap();
        replace("second");
        assert_eq!(read().unwrap(), "first");

        fs::rename(&file, folder.path().join("dropped")).unwrap();
        assert_eq!(read().unwrap(), "first");
        replace("second");

        // Never another version's rows under this one's sum.
        fs::write(&older, "neither").unwrap();
        assert!(read().unwrap_err().to_string().contains("replaced"));
    }
}
