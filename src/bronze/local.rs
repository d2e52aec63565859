//! Bronze in a local folder: names change by renaming, and every change is synced.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::{ArchiveKey, CHECKSUM_SUFFIX};
use sha2::{Digest, Sha256};

use super::FetchError;
use super::claim::{create_private, open_no_link, with_ending};
use super::download::Complete;
use super::partial::{disk, hash};
use super::stale::LOCK_FILE;
use super::store::{Bronze, Held, Kept, is_checksum_of, mismatch_name, older_name};
use crate::storage::durability::{StagedFile, create_folders, sync_folder};
use crate::storage::regular::{open_regular, read_regular};

#[derive(Debug)]
pub(crate) struct LocalBronze {
    folder: PathBuf,
    scratch: PathBuf,
}

impl LocalBronze {
    pub(crate) fn new(folder: &Path, scratch: &Path) -> Self {
        Self { folder: folder.to_owned(), scratch: scratch.to_owned() }
    }

    fn placement(&self, key: &ArchiveKey) -> Placement {
        Placement { file: self.folder.join(key.bronze_path()), scratch: self.scratch.clone() }
    }

    /// Works on an archive's files, on a thread that may block.
    async fn at_place<T: Send + 'static>(
        &self,
        key: &ArchiveKey,
        work: impl FnOnce(&Placement) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FetchError> {
        let placement = self.placement(key);
        let file = placement.file.clone();
        blocking(&file, move || work(&placement)).await
    }
}

#[async_trait]
impl Bronze for LocalBronze {
    async fn lookup(
        &self,
        key: &ArchiveKey,
        size: Option<u64>,
    ) -> Result<Option<Held>, FetchError> {
        let file = self.folder.join(key.bronze_path());
        let found = blocking(&file, {
            let file = file.clone();
            move || sum(&file, size)
        });
        let found = found.await?;
        Ok(found.map(|(sha256, size)| Held { file, copy: None, sha256, size }))
    }

    async fn keep(
        &self,
        key: &ArchiveKey,
        complete: Complete,
        checksum: Option<Bytes>,
    ) -> Result<Kept, FetchError> {
        let placement = self.placement(key);
        let file = placement.file.clone();
        let sha256 = complete.sha256;
        complete
            .partial
            .hand_over(move |partial| placement.place(partial, sha256, checksum.as_deref()))
            .await?;
        Ok(Kept { file, copy: None })
    }

    async fn keep_checksum(&self, key: &ArchiveKey, checksum: &Bytes) -> Result<(), FetchError> {
        let checksum = checksum.clone();
        self.at_place(key, move |placement| placement.write_checksum(&checksum)).await
    }

    async fn droppable(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let sha256 = *sha256;
        self.at_place(key, move |placement| placement.droppable(&sha256)).await
    }

    async fn drop_bytes(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let sha256 = *sha256;
        self.at_place(key, move |placement| placement.drop_bytes(&sha256)).await
    }

    async fn set_aside(&self, key: &ArchiveKey, complete: Complete) -> Result<String, FetchError> {
        let name = mismatch_name(&key.bronze_path(), &complete.sha256);
        let file = self.folder.join(&name);
        let place = move |partial: &Path| {
            make_folder_of(&file)?;
            move_file(partial, &file)?;
            sync_folder_of(&file)
        };
        complete.partial.hand_over(place).await?;
        Ok(name)
    }
}

/// One archive's way to its final name.
struct Placement {
    file: PathBuf,
    scratch: PathBuf,
}

impl Placement {
    fn place(&self, partial: &Path, sha256: Sha256Hex, checksum: Option<&[u8]>) -> io::Result<()> {
        make_folder_of(&self.file)?;
        // All that waits for the disk happens before and after the lock is held, so that downloads
        // that finish together wait for the disk together.
        let checksum = checksum.map(|checksum| self.stage_checksum(checksum)).transpose()?;
        self.rename(partial, sha256, checksum)?;
        sync_folder_of(&self.file)
    }

    /// Gives durable files their final names, one archive after the other.
    fn rename(
        &self,
        partial: &Path,
        sha256: Sha256Hex,
        checksum: Option<(File, PathBuf)>,
    ) -> io::Result<()> {
        // Two runs that bring two versions at once must not overwrite each other's unseen.
        let _lock = self.lock()?;
        if let Some((held, _)) = sum(&self.file, None)?.filter(|(held, _)| *held != sha256) {
            self.keep_older(&held)?;
        }
        move_file(partial, &self.file)?;
        match checksum {
            Some((_, staged)) => move_file(&staged, &self.checksum_file()),
            None => absent_is_fine(std::fs::remove_file(self.checksum_file())),
        }
    }

    /// Waits for the lock on final names; nothing where the disk has no locks. The lock is the
    /// operating system's: it ends with its holder, and the file itself means nothing.
    fn lock(&self) -> io::Result<Option<File>> {
        let lock = open_no_link(&self.scratch.join(LOCK_FILE))?;
        if let Some(lock) = &lock {
            let _ = lock.lock();
        }
        Ok(lock)
    }

    /// Deletes the bytes if the checksum next to them is this one. Both change under the lock, so
    /// they are of the same version, but for a run that was killed in between: the version that it
    /// brought is not in silver, and is downloaded again.
    fn drop_bytes(&self, sha256: &Sha256Hex) -> io::Result<Option<u64>> {
        create_folders(&self.scratch)?;
        let _lock = self.lock()?;
        let bytes = self.droppable(sha256)?;
        if bytes.is_some() {
            std::fs::remove_file(&self.file)?;
        }
        Ok(bytes)
    }

    fn droppable(&self, sha256: &Sha256Hex) -> io::Result<Option<u64>> {
        // First, because most archives of a lake that drops them are gone already.
        let bytes = match std::fs::symlink_metadata(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata?.len(),
        };
        let checksum = match read_regular(&self.checksum_file()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            checksum => checksum?,
        };
        let path = self.file.to_string_lossy();
        Ok(is_checksum_of(&checksum, &path, sha256).then_some(bytes))
    }

    /// Gives the bytes that hold the final name a second one, so that they outlive the first.
    fn keep_older(&self, held: &Sha256Hex) -> io::Result<()> {
        let Some(path) = self.file.to_str() else {
            return Err(io::Error::other("the file's name is not UTF-8"));
        };
        let older = PathBuf::from(older_name(path, held));
        if std::fs::hard_link(&self.file, &older).is_err() && !older.try_exists()? {
            std::fs::rename(&self.file, &older)?;
        }
        // A run that was killed may have left the checksum of the version before.
        match read_regular(&self.checksum_file()) {
            Ok(checksum) if !is_checksum_of(&checksum, path, held) => Ok(()),
            _ => absent_is_fine(std::fs::rename(self.checksum_file(), with_suffix(&older))),
        }
    }

    fn write_checksum(&self, checksum: &[u8]) -> io::Result<()> {
        let file = self.checksum_file();
        if read_regular(&file).is_ok_and(|held| held == checksum) {
            return Ok(());
        }
        let (_locked, staged) = self.stage_checksum(checksum)?;
        std::fs::rename(staged, file)
    }

    /// Writes a checksum durably to a private file. The file is locked while it is open, so
    /// that a run that starts now does not take it for what a killed one left.
    fn stage_checksum(&self, checksum: &[u8]) -> io::Result<(File, PathBuf)> {
        let (mut file, path) = create_private(&self.scratch.join("checksum"))?;
        file.write_all(checksum)?;
        file.sync_all()?;
        Ok((file, path))
    }

    fn checksum_file(&self) -> PathBuf {
        with_suffix(&self.file)
    }
}

fn with_suffix(file: &Path) -> PathBuf {
    with_ending(file, CHECKSUM_SUFFIX.trim_start_matches('.'))
}

/// Sums a file up; nothing if it is not there, is no regular file or has not `size` bytes.
fn sum(file: &Path, size: Option<u64>) -> io::Result<Option<(Sha256Hex, u64)>> {
    match std::fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // A pipe that has the name of an archive is none; the archive takes its place.
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        _ => {}
    }
    let mut file = open_regular(file)?;
    let held = file.metadata()?.len();
    if size.is_some_and(|size| size != held) {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    let size = hash(&mut file, &mut hasher)?;
    Ok(Some((Sha256Hex::from_bytes(hasher.finalize().into()), size)))
}

/// Makes the folders above a file, with durable names.
fn make_folder_of(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), create_folders)
}

fn sync_folder_of(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), sync_folder)
}

/// Gives a synced file its final name. Where a folder of bronze is on another disk than the partial
/// files, the bytes are copied first, so that the name never stands for a part of them.
fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let mut staged = StagedFile::create(to)?;
            io::copy(&mut File::open(from)?, &mut staged.file)?;
            staged.replace()?;
            std::fs::remove_file(from)
        }
        renamed => renamed,
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    file: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| disk(file, error))
}
