//! The names of one archive in a local bronze: how its files get them and lose them.
//!
//! Every change of a name happens under one lock, so that two runs that bring two versions do not
//! overwrite each other's unseen. When all this is made durable is decided by the queue.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::CHECKSUM_SUFFIX;

use super::claim::{absent_is_fine, create_private, open_no_link, with_ending};
use super::partial::{Summed, sum_file};
use super::stale::LOCK_FILE;
use super::store::{is_checksum_of, older_name};
use crate::storage::disk::Disk;
use crate::storage::durability::{StagedFile, create_folders, sync_folder};
use crate::storage::regular::{FileIdentity, open_regular, read_regular};

/// An archive's file in bronze, and its checksum's next to it.
#[derive(Debug)]
pub(super) struct Placement {
    /// The folder of bronze.
    root: PathBuf,
    file: PathBuf,
}

impl Placement {
    pub(super) const fn new(root: PathBuf, file: PathBuf) -> Self {
        Self { root, file }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Makes the folders above the file. On `disk` their names become durable with the next sync
    /// of it, elsewhere at once.
    pub(super) fn make_folder(&self, disk: Option<&Disk>) -> io::Result<()> {
        let folder = self.folder();
        if folder.is_dir() {
            return Ok(());
        }
        let existing = folder.ancestors().find(|folder| folder.is_dir());
        if disk.zip(existing).is_some_and(|(disk, existing)| disk.holds(existing)) {
            return std::fs::create_dir_all(folder);
        }
        create_folders(folder)
    }

    /// Gives durable files their final names, and returns which file has the archive's. The lock on
    /// names must be held.
    pub(super) fn name(
        &self,
        partial: &Path,
        sha256: &Sha256Hex,
        checksum: Option<StagedChecksum>,
    ) -> io::Result<Option<FileIdentity>> {
        if let Some(held) = sum(&self.file, None)?.filter(|held| held.sha256 != *sha256) {
            self.keep_older(&held.sha256)?;
        }
        move_file(partial, &self.file)?;
        match checksum {
            Some(staged) => move_file(&staged.path, &self.checksum_file())?,
            None => absent_is_fine(std::fs::remove_file(self.checksum_file()))?,
        }
        Ok(FileIdentity::of(&std::fs::metadata(&self.file)?))
    }

    /// Makes the names durable, unless they are on a disk that was `synced` after they were given.
    /// Where folders are made without a sync of their own, those above it `may_lack` that, too.
    pub(super) fn sync_names(&self, synced: Option<&Disk>, may_lack: bool) -> io::Result<()> {
        let folder = self.folder();
        if synced.is_some_and(|disk| disk.holds(folder)) {
            return Ok(());
        }
        if !may_lack {
            return sync_folder(folder);
        }
        let mut folders = folder.ancestors().take_while(|folder| folder.starts_with(&self.root));
        folders.try_for_each(sync_folder)
    }

    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(&self.root)
    }

    /// Deletes the bytes if the checksum next to them is this one. Both change under the lock, so
    /// they are of the same version, but for a run that was killed in between: the version that it
    /// brought is not in silver, and is downloaded again.
    pub(super) fn drop_bytes(&self, scratch: &Path, sha256: &Sha256Hex) -> io::Result<Option<u64>> {
        create_folders(scratch)?;
        let _lock = lock_names(scratch)?;
        let bytes = self.droppable(sha256)?;
        if bytes.is_some() {
            std::fs::remove_file(&self.file)?;
        }
        Ok(bytes)
    }

    pub(super) fn droppable(&self, sha256: &Sha256Hex) -> io::Result<Option<u64>> {
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

    /// Puts a checksum next to the bytes, unless it is there.
    pub(super) fn write_checksum(&self, scratch: &Path, checksum: &[u8]) -> io::Result<()> {
        let file = self.checksum_file();
        if read_regular(&file).is_ok_and(|held| held == checksum) {
            return Ok(());
        }
        let staged = StagedChecksum::create(scratch, checksum)?;
        staged.sync()?;
        std::fs::rename(&staged.path, file)
    }

    fn checksum_file(&self) -> PathBuf {
        with_suffix(&self.file)
    }
}

/// A checksum in a private file. It is locked while it is open, so that a run that starts now does
/// not take it for what a killed one left.
#[derive(Debug)]
pub(super) struct StagedChecksum {
    file: File,
    path: PathBuf,
}

impl StagedChecksum {
    pub(super) fn create(scratch: &Path, checksum: &[u8]) -> io::Result<Self> {
        let (mut file, path) = create_private(&scratch.join("checksum"))?;
        file.write_all(checksum)?;
        Ok(Self { file, path })
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// Waits for the lock on final names; nothing where the disk has no locks. The lock is the
/// operating system's: it ends with its holder, and the file itself means nothing.
pub(super) fn lock_names(scratch: &Path) -> io::Result<Option<File>> {
    let lock = open_no_link(&scratch.join(LOCK_FILE))?;
    if let Some(lock) = &lock {
        let _ = lock.lock();
    }
    Ok(lock)
}

fn with_suffix(file: &Path) -> PathBuf {
    with_ending(file, CHECKSUM_SUFFIX.trim_start_matches('.'))
}

/// Sums a file up; nothing if it is not there, is no regular file or has not `size` bytes.
pub(super) fn sum(file: &Path, size: Option<u64>) -> io::Result<Option<Summed>> {
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
    sum_file(&mut file).map(Some)
}

/// Gives a synced file its final name. Where a folder of bronze is on another disk than the partial
/// files, the bytes are copied first, so that the name never stands for a part of them.
pub(super) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
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
