//! Archives as they are in bronze, against the sums in the ledger and in their own checksum files.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::checksum::{Sha256Hex, parse_checksum};
use lakehouse_core::names::archive::{ArchiveKey, CHECKSUM_SUFFIX};
use object_store::path::Path;
use object_store::{Error, GetResult, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;

use super::report::{Check, Finding};
use super::{ArchiveSource, Problem, VerifyError};
use crate::bronze::{BronzeArchive, Redownload, Summed, older_name, sum_file};
use crate::error_chain::one_line;
use crate::storage::Storage;
use crate::storage::lake::Lake;
use crate::storage::regular::{FileIdentity, open_regular};

/// One version of an archive that bronze ought to have.
#[derive(Clone, Debug)]
pub(crate) struct ArchiveVersion {
    pub(crate) key: ArchiveKey,
    pub(crate) sha256: Sha256Hex,
    pub(super) checksum: ChecksumState,
    /// Whether a newer version has its place.
    pub(super) superseded: bool,
}

/// What was found of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where the very bytes lie, below bronze.
    pub(super) path: Option<String>,
    pub(super) bytes: u64,
    /// Which file has them.
    identity: Option<FileIdentity>,
    /// Whether bronze has dropped the bytes.
    pub(super) is_dropped: bool,
    pub(super) findings: Vec<Finding>,
}

/// Where the bytes of archives are.
#[derive(Debug)]
pub(crate) struct ArchiveBytes {
    pub(super) bronze: Storage,
    /// Whether bronze may have dropped archives that are in silver.
    drops: bool,
    /// Where these can be downloaded again.
    again: Option<Redownload>,
}

impl ArchiveBytes {
    /// Opens a lake's bronze, and the source of what it has dropped.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn open(
        lake: &Lake,
        source: Option<&ArchiveSource>,
    ) -> Result<Self, VerifyError> {
        let bronze = lake.bronze()?;
        let drops = lake.drops_archives().await?;
        let again = source.filter(|_| drops).map(|source| {
            let ArchiveSource { source, options } = source;
            Redownload::new(Arc::clone(source), options)
        });
        Ok(Self { bronze, drops, again: again.transpose()? })
    }

    /// Opens a version's bytes, in bronze or downloaded again.
    ///
    /// # Errors
    /// When they are nowhere, or cannot be read.
    pub(crate) async fn get(&self, version: &ArchiveVersion) -> Result<BronzeArchive, Problem> {
        let found = check_archive(self, version).await;
        self.get_found(version, &found).await
    }

    /// Opens a version's bytes, of which this was found.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(super) async fn get_found(
        &self,
        version: &ArchiveVersion,
        found: &Found,
    ) -> Result<BronzeArchive, Problem> {
        match (&found.path, &self.again) {
            (Some(place), _) => Ok(version.open(&self.bronze, place, found.identity).await?),
            (None, Some(again)) if found.is_dropped => {
                Ok(again.fetch(&version.key, version.sha256).await?)
            }
            (None, _) => Err(NO_BYTES.into()),
        }
    }
}

/// What helps against bytes that bronze does not have.
const NO_BYTES: &str = "bronze does not have its bytes: ingest it with --force-redownload, and \
                        repair again";

/// Looks for a version of an archive and checks its sum.
pub(super) async fn check_archive(bytes: &ArchiveBytes, version: &ArchiveVersion) -> Found {
    let bronze = &bytes.bronze;
    let newest = version.key.bronze_path();
    let older = older_name(&newest, &version.sha256);
    // The newest name may have gone to a version that could not be read and so never replaced this
    // one.
    let places = if version.superseded { [older, newest] } else { [newest, older] };
    let mut seen = MISSING.to_owned();
    for place in &places {
        match sum(bronze, place).await {
            Ok(Some(Summed { sha256, size, identity })) if sha256 == version.sha256 => {
                let findings = check_checksum(bronze, place, version).await.into_iter().collect();
                let path = Some(place.clone());
                return Found { path, bytes: size, identity, is_dropped: false, findings };
            }
            Ok(Some(Summed { sha256, .. })) if *place == places[0] => {
                seen = format!("SHA-256 {sha256}");
            }
            Ok(_) => {}
            Err(error) => seen = format!("cannot be read: {}", one_line(&error)),
        }
    }
    if bytes.drops && seen == MISSING && was_dropped(bronze, version).await {
        return Found { is_dropped: true, ..Found::default() };
    }
    let expected = format!("SHA-256 {} in bronze/{}", version.sha256, places[0]);
    Found { findings: vec![version.finding(Check::Bronze, expected, seen)], ..Found::default() }
}

const MISSING: &str = "missing";

/// Returns whether bytes that are missing were dropped on purpose: the checksum as published is
/// still there, but for one that a newer version's has replaced.
async fn was_dropped(bronze: &Storage, version: &ArchiveVersion) -> bool {
    if version.checksum != ChecksumState::Match {
        return false;
    }
    let place = version.key.bronze_path();
    version.superseded || check_checksum(bronze, &place, version).await.is_none()
}

/// Compares with the checksum as it was published, where it was.
async fn check_checksum(
    bronze: &Storage,
    place: &str,
    version: &ArchiveVersion,
) -> Option<Finding> {
    let file = format!("{place}{CHECKSUM_SUFFIX}");
    let expected = || format!("SHA-256 {} in bronze/{file}", version.sha256);
    let finding = |found: String| Some(version.finding(Check::Checksum, expected(), found));
    let text = match open(bronze, &file).await {
        Ok(found) => found.bytes().await,
        Err(error) => Err(error),
    };
    match text {
        Err(Error::NotFound { .. }) if version.checksum == ChecksumState::Match => {
            finding(MISSING.to_owned())
        }
        Err(Error::NotFound { .. }) => None,
        Err(error) => finding(format!("cannot be read: {}", one_line(&error))),
        Ok(text) => match parse_checksum(&text, version.key.file_name()) {
            Ok(sum) if sum == version.sha256 => None,
            Ok(sum) => finding(format!("SHA-256 {sum}")),
            Err(error) => finding(error.to_string()),
        },
    }
}

impl ArchiveVersion {
    /// Opens the version's bytes, which were found at this place below bronze, in this file.
    ///
    /// # Errors
    /// When they cannot be copied from an object store.
    pub(crate) async fn open(
        &self,
        bronze: &Storage,
        place: &str,
        identity: Option<FileIdentity>,
    ) -> std::io::Result<BronzeArchive> {
        let (file, copy) = local_file(bronze, place).await?;
        let key = self.key.clone();
        let (sha256, checksum) = (self.sha256, self.checksum);
        Ok(BronzeArchive::at_rest(key, file, identity, copy, sha256, checksum))
    }

    pub(super) fn finding(&self, check: Check, expected: String, found: String) -> Finding {
        Finding { archive: self.key.path().to_owned(), check, expected, found }
    }
}

/// Makes bytes of bronze a local file: in place, or a copy that is deleted in the end.
async fn local_file(
    bronze: &Storage,
    place: &str,
) -> std::io::Result<(PathBuf, Option<Arc<TempPath>>)> {
    if let Some(folder) = bronze.local_folder() {
        return Ok((folder.join(place), None));
    }
    let copy = tempfile::NamedTempFile::new()?;
    let mut file = tokio::fs::File::from_std(copy.reopen()?);
    let mut pieces = open(bronze, place).await?.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    let copy = copy.into_temp_path();
    Ok((copy.to_path_buf(), Some(Arc::new(copy))))
}

/// Begins to read a file of bronze; symbols may have letters of any script, and nothing of a name
/// is encoded.
async fn open(bronze: &Storage, place: &str) -> object_store::Result<GetResult> {
    bronze.store().get(&Path::parse(place)?).await
}

/// Sums bytes up as they stream by; nothing if there is no such file.
async fn sum(bronze: &Storage, place: &str) -> std::io::Result<Option<Summed>> {
    if let Some(folder) = bronze.local_folder() {
        let file = folder.join(place);
        return tokio::task::spawn_blocking(move || sum_local(&file))
            .await
            .unwrap_or_else(|error| Err(error.into()));
    }
    let found = match open(bronze, place).await {
        Err(Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
        size += piece.len() as u64;
    }
    let sha256 = Sha256Hex::from_bytes(hasher.finalize().into());
    Ok(Some(Summed { sha256, size, identity: None }))
}

fn sum_local(file: &std::path::Path) -> std::io::Result<Option<Summed>> {
    let mut file = match open_regular(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    sum_file(&mut file).map(Some)
}
